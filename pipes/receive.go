package pipes

import (
	"errors"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

const (
	// maxHold is for how long nothing is read from a client that is over its
	// rates: not so long that it can be gone unnoticed. What it still owes then
	// keeps it to one read in this time.
	maxHold = 10 * time.Second
	// inboxHold is for how long nothing is read from a client whose inbox is
	// half full, because the world's goroutine is busy elsewhere.
	inboxHold = 100 * time.Millisecond
)

// received takes what the client sent, on the transport's goroutine.
func (p *peer) received(msgs [][]byte) {
	if p.state.Load() == stateClosing {
		return
	}
	s := p.server
	now := s.now()
	at := s.clock(now)
	p.heard.Store(at)
	size, zones, answered := 0, 0, false
	hold := time.Duration(0)
	for _, b := range msgs {
		size += len(b)
		m, err := decode(s.schema, b)
		if err != nil {
			p.eject(CodeMalformed, "%v", err)
			return
		}
		s.counters.receive(m.typ)
		if m.field != nil {
			m.refused = s.checks.refusal(m.field, m.data)
		}
		m.at = at
		zones += len(m.zones)
		if p.state.Load() == stateVerified {
			if m.typ == wire.CLPing && !p.ext || m.typ == wire.ExtPing && p.ext {
				if !p.pongAtOnce(&m) {
					return
				}
				answered = true
				continue
			}
		}
		if m.typ == wire.BObjectMessage {
			on, delay := p.meterCommand(now, &m)
			if p.state.Load() == stateClosing {
				return
			}
			if !on {
				continue
			}
			hold = max(hold, delay)
		}
		first, room, half := p.inbox.put(&m)
		if !room {
			p.eject(CodeTooFast, "it sends more than the server can take at a time")
			return
		}
		if first && !s.world.Do(p.drain) {
			p.reject(rejectedShutdown, shutdownText)
			return
		}
		if half {
			hold = max(hold, inboxHold)
		}
	}
	if answered {
		p.conn.Flush()
	}
	hold = max(hold, p.meter.Received(now, &s.settings.limits, len(msgs), size), p.zones.Spend(now, s.settings.zones, float64(zones)))
	if hold > 0 {
		s.counters.held.Add(1)
		p.conn.Hold(min(hold, maxHold))
	}
}

// pongAtOnce answers a ping without asking the world's goroutine, so that the
// client measures the network and not the tick rate.
func (p *peer) pongAtOnce(m *message) bool {
	answer := pong(m)
	switch err := p.conn.Send(answer); {
	case err == nil:
		p.server.counters.pongs.Add(1)
	case errors.Is(err, transport.ErrClosed):
		return false
	case answer.Mode == transport.Reliable:
		p.tooSlow()
		return false
	default:
		p.server.counters.dropped.Add(1)
	}
	return true
}

// meterCommand holds an object message to the client's command rate: on says that
// it takes effect, at m.due. hold is for how long the client should not be read
// from.
//
// Before the client is let in it has no rate yet, and no object that it could
// command either. What it sends all the same counts as if it had asked for the
// lowest rate, since it would take effect if it arrives just behind the hello.
func (p *peer) meterCommand(now time.Time, m *message) (on bool, hold time.Duration) {
	s := p.server
	if s.settings.MaxCommandRate == 0 {
		return true, 0
	}
	rate := max(p.commandRate.Load(), 1)
	verdict, delay := p.commands.spend(now, float64(rate), !m.field.Has(dc.Unreliable))
	switch verdict {
	case commandTooOften:
		p.eject(CodeTooFast, "for some seconds it has sent more than %d times the %d object messages per second that were agreed upon", maxExcess, rate)
		return false, 0
	case commandDropped:
		s.counters.refuse(refusedTooFast)
		return false, 0
	}
	if delay > 0 {
		m.due = m.at + int64(delay)
	}
	if delay > delayLimit {
		hold = delay - delayResume
	}
	return true, hold
}
