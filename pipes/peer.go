package pipes

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

// The states of a session. It only goes forward, and to closing from each.
const (
	stateUnverified     int32 = iota // only the hello
	stateAuthenticating              // only answers to the authenticator
	stateVerified                    // in the world
	stateClosing                     // nothing is heard or said any more
)

var stateNames = [...]string{"before the hello", "before it is authenticated", "once it is let in", "closing"}

// peer is a client together with its connection: a session.
type peer struct {
	server *Server
	conn   transport.Conn
	addr   netip.Addr

	// state goes forward by the world's goroutine, and to stateClosing by
	// whoever is first. since is when it did, and heard when the client last
	// sent something, in nanoseconds on the server's clock.
	state        atomic.Int32
	since, heard atomic.Int64

	inbox inbox
	drain func() // drainInbox; made once, since asking for it must not allocate

	// Of the goroutine that receives from the client:
	meter    session.Meter
	zones    session.Bucket
	commands commandMeter
	// commandRate is the command rate agreed upon, 0 for none.
	commandRate atomic.Uint32

	// ext says that the client speaks the extension. It is written before the
	// state that it belongs to.
	ext bool
	// login is the authentication, once it has begun. It is set by the world's
	// goroutine.
	login atomic.Pointer[Login]
	// err is why the session ended, nil if the client said goodbye. ending is
	// held until it is written by whoever was first, so that whoever was second
	// may ask for leave, which reads it.
	err    error
	ending sync.Mutex

	// All else belongs to the world's goroutine, and while it makes snapshots
	// to the one that makes this client's.
	asked       int  // questions of the authenticator without an answer
	admitted    bool // counted in Server.admitted
	client      *world.Client
	updateRate  uint16 // granted
	completions []completion
	wishes      wishes
	delayed     []message
	delayedCost int
	holding     holding
	rtt         roundTrips
	sent        sent // since the last flush

	dirty atomic.Bool // listed in Server.dirty
}

// enter moves the session on, unless it has gone elsewhere in the meantime.
func (p *peer) enter(from, to int32) bool {
	if !p.state.CompareAndSwap(from, to) {
		return false
	}
	p.since.Store(p.server.clock(p.server.now()))
	return true
}

// end ends the session because of err, and returns the state that it was in; ok
// says that nobody did before. The caller closes the connection. Any goroutine
// may call it.
func (p *peer) end(err error) (from int32, ok bool) {
	p.ending.Lock()
	if from = p.state.Swap(stateClosing); from != stateClosing {
		p.err = err
	}
	p.ending.Unlock()
	if from == stateClosing {
		return from, false
	}
	if l := p.login.Load(); l != nil {
		l.cancel()
	}
	p.server.world.Do(p.leave)
	return from, true
}

// leave takes the client out of the world, once. After it nobody but the transport
// knows the peer.
func (p *peer) leave() {
	s := p.server
	if p.admitted {
		s.admitted--
		p.admitted = false
	}
	if p.client != nil {
		p.client.Leave(p.err)
	}
	p.completions, p.wishes, p.delayed, p.holding = nil, wishes{}, nil, holding{}
}

// eject ends the session with a code and a reason, for the client and the log.
// Any goroutine may call it.
func (p *peer) eject(code transport.Code, format string, args ...any) {
	e := session.Eject(code, format, args...)
	if _, ok := p.end(e); !ok {
		return
	}
	p.server.counters.eject(code)
	p.log(slog.LevelWarn, codeName(code), "client ejected", e.Reason)
	p.conn.Close(code, e.Reason)
}

// close ends the session without anybody being at fault. err is what the game is
// told.
func (p *peer) close(code transport.Code, err error, reason string) {
	if _, ok := p.end(err); ok {
		p.server.counters.disconnect()
		p.conn.Close(code, reason)
	}
}

// log writes what a client can cause as often as it likes.
func (p *peer) log(level slog.Level, key, msg, reason string) {
	p.server.log.Log(level, key+" "+p.addr.String(), msg,
		slog.Any("address", p.conn.Identity().Addr), slog.String("reason", reason))
}

// wrongState ejects the client for a message that does not belong there.
func (p *peer) wrongState(t wire.Type) {
	p.eject(CodeWrongState, "%v is out of place %s", t, stateNames[p.state.Load()])
}

// send queues a message for the client and reports whether that is done. A
// client that cannot take a reliable message is ejected: it would lack
// something for ever.
func (p *peer) send(m transport.Message) bool {
	switch err := p.conn.Send(m); {
	case err == nil:
		p.sent.bytes += uint64(len(m.Data))
		p.server.markDirty(p)
		return true
	case errors.Is(err, transport.ErrClosed):
		return false // its Closed is on the way
	case m.Mode != transport.Reliable:
		p.server.counters.dropped.Add(1)
		return false
	case errors.Is(err, transport.ErrTooLarge):
		p.eject(CodeTooLarge, "a snapshot of %d bytes, and its connection takes %d; give objects shorter fields", len(m.Data), p.conn.MaxReliable())
	default:
		p.tooSlow()
	}
	return false
}

func (p *peer) tooSlow() {
	p.eject(CodeTooSlow, "it does not read what it is sent: its send queue is full")
}

func (p *peer) sendReliable(b []byte) bool { return p.send(transport.Message{Data: b}) }

// flush sends what is queued without waiting for the tick.
func (p *peer) flush() {
	if p.dirty.Load() {
		p.conn.Flush()
	}
}
