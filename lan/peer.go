package lan

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

// peer is a client together with its connection.
type peer struct {
	server  *Server
	conn    transport.Conn
	addr    netip.Addr
	client  *client // guarded by Server.mu
	trusted bool
	// Of the goroutine that receives from the client:
	meter session.Meter
	zones session.Bucket
	// When the client last sent something, and something that is no
	// heartbeat, in nanoseconds since the server was made.
	heard, active atomic.Int64
}

// received checks what the client sent and lets it take effect.
func (p *peer) received(datagrams [][]byte) {
	s := p.server
	now := s.now()
	var hold time.Duration
	if !p.trusted {
		bytes := 0
		for _, b := range datagrams {
			bytes += len(b)
		}
		hold = p.meter.Received(now, &s.settings.limits, len(datagrams), bytes)
	}

	d := s.decoders.Get().(*decoder)
	var ejection *session.Ejection
	for _, b := range datagrams {
		if err := d.decode(s.settings.Schema, b); err != nil {
			ejection = session.Eject(CodeMalformed, "%v", err)
			break
		}
	}
	p.heard.Store(s.clock(now))
	for i := range d.messages {
		if d.messages[i].typ != heartbeat {
			p.active.Store(s.clock(now))
			break
		}
	}
	added, overrun, left := p.apply(d.messages, &ejection)
	d.reset()
	s.decoders.Put(d)

	switch {
	case left:
		p.conn.Close(transport.CodeNormal, "the client said goodbye")
	case ejection != nil:
		p.eject(ejection)
	}
	s.ejectOverrun(overrun)
	if !p.trusted {
		hold = max(hold, p.zones.Spend(now, s.settings.zones, float64(added)))
	}
	if hold > 0 {
		s.held.Add(1)
		p.conn.Hold(min(hold, s.settings.maxHold))
	}
}

// maxHold is for how long nothing is read from a client that is over its
// rates: not so long that it can be gone unnoticed. What it still owes then keeps
// it to one read in this time. Where a timeout is short it is less: see complete.
const maxHold = 10 * time.Second

// apply lets messages take effect in the server's order, up to one that ejects
// the client or takes its leave. Messages of others may come between them. It
// returns how many zones entered the client's interest, the clients that could
// not take what they were sent, and whether this one took its leave.
func (p *peer) apply(messages []message, ejection **session.Ejection) (added int, overrun []*client, left bool) {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	c := p.client
	turnEnds := s.core.counters.sent + sendsPerTurn
	for i := range messages {
		if s.core.counters.sent >= turnEnds {
			s.scheduleFlush()
			s.mu.Unlock()
			s.mu.Lock()
			turnEnds = s.core.counters.sent + sendsPerTurn
		}
		if c.gone {
			break
		}
		if messages[i].typ == ClientDisconnect {
			s.core.handle(c, &messages[i])
			s.core.disconnect(c)
			s.disconnected++
			left = true
			break
		}
		if e := s.core.handle(c, &messages[i]); e != nil {
			*ejection = e
			break
		}
		if c.overrun { // it goes anyway
			*ejection = nil
			break
		}
	}
	added, c.added = c.added, 0
	if c.gone {
		*ejection = nil
	}
	if *ejection != nil {
		s.core.disconnect(c)
		s.ejected[(*ejection).Code]++
	}
	s.scheduleFlush()
	return added, s.takeOverrun(), left
}

// eject tells the log why the client goes, and closes its connection. The
// protocol has no message that would tell the client.
func (p *peer) eject(e *session.Ejection) {
	p.logEjection(e.Code, e.Reason)
	p.conn.Close(e.Code, e.Reason)
}

func (p *peer) logEjection(code transport.Code, reason string) {
	p.server.log.Log(slog.LevelWarn, codeName(code)+" "+p.addr.String(), "client ejected",
		slog.Any("address", p.conn.Identity().Addr), slog.Uint64("client", uint64(p.client.base)), slog.String("reason", reason))
}

// sendsPerTurn is how many deliveries one client's batch may cause before the
// others get a turn: a batch for thousands would keep them for seconds. The
// mutex then prefers who has waited for more than a millisecond.
const sendsPerTurn = 1 << 11

// takeOverrun disconnects the clients whose queues are full, as long as their
// leaving fills no more of them, and returns them. The caller holds s.mu.
func (s *Server) takeOverrun() []*client {
	var all []*client
	for i := 0; i < len(s.core.overrun); i++ {
		c := s.core.overrun[i]
		if c.gone {
			continue
		}
		s.core.disconnect(c)
		s.ejected[CodeTooSlow]++
		all = append(all, c)
	}
	clear(s.core.overrun)
	s.core.overrun = s.core.overrun[:0]
	return all
}

// ejectOverrun closes the connections of clients that takeOverrun returned.
func (s *Server) ejectOverrun(clients []*client) {
	for _, c := range clients {
		if v, ok := s.peers.Load(c.conn); ok {
			v.(*peer).eject(session.Eject(CodeTooSlow, "it does not read what it is sent: its send queue is full"))
		}
	}
}

// codeName is the name of a code in metrics and logs.
func codeName(c transport.Code) string {
	switch c {
	case CodeMalformed:
		return "malformed"
	case CodeTooManyObjects:
		return "too_many_objects"
	case CodeTooManyZones:
		return "too_many_zones"
	case CodeTooSlow:
		return "too_slow"
	case CodeIdle:
		return "idle"
	case CodeSilent:
		return "silent"
	}
	return c.String()
}
