package messagedirector

import (
	"errors"
	"time"

	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

// DefaultSendQueue is how many bytes should be able to wait for another
// process before it is given up: transports are to be configured with it. A
// daemon that pauses for a while must not lose its world.
const DefaultSendQueue = 64 << 20

// DefaultStall is how long another process may take nothing of what waits for
// it before it is given up.
const DefaultStall = 10 * time.Second

// defaultFlushInterval is the pause between two writes to links.
const defaultFlushInterval = time.Millisecond

// outlet sees to it that what is queued for links leaves.
type outlet struct {
	flusher *session.Flusher

	// Inside the order:
	dirty []*wire
	conns []transport.Conn // scratch space
}

// newOutlet makes an outlet that does its part after each round of d.
func newOutlet(d *Director, interval time.Duration, flush func([]transport.Conn)) *outlet {
	if interval == 0 {
		interval = defaultFlushInterval
	}
	o := &outlet{flusher: session.NewFlusher(interval, flush)}
	d.Do(func() { d.AfterRound(o.afterRound) })
	return o
}

func (o *outlet) afterRound() {
	if len(o.dirty) == 0 {
		return
	}
	for _, w := range o.dirty {
		w.dirty = false
		o.conns = append(o.conns, w.conn)
	}
	o.flusher.Add(o.conns)
	clear(o.dirty)
	clear(o.conns)
	o.dirty, o.conns = o.dirty[:0], o.conns[:0]
}

// wire is a connection to another process as the order sees it.
type wire struct {
	outlet *outlet
	conn   transport.Conn
	dirty  bool // listed in outlet.dirty
	gone   bool // nothing more is sent

	stall session.Stall // of the goroutine that looks for stalls
}

// longMessage is from how many bytes on a message for several links is kept
// once and not for each.
const longMessage = 4 << 10

// pass queues a message that was delivered, like send.
func (w *wire) pass(m *Message) bool {
	if len(m.Raw) < longMessage {
		return w.send(m.Raw)
	}
	return w.queue(transport.Message{Data: m.copy(), Shared: true})
}

// send queues a message. It reports false when the connection must be given up
// because too much waits.
func (w *wire) send(m []byte) bool { return w.queue(transport.Message{Data: m}) }

func (w *wire) queue(m transport.Message) bool {
	if w.gone {
		return true
	}
	if err := w.conn.Send(m); err != nil {
		w.gone = true // else it is closed, and Closed on the way
		return !errors.Is(err, transport.ErrFull)
	}
	if !w.dirty {
		w.dirty = true
		w.outlet.dirty = append(w.outlet.dirty, w)
	}
	return true
}

// reset gives a connection up, where the transport can without trying to send
// what waits.
func reset(conn transport.Conn, reason string) {
	if c, ok := conn.(interface {
		Reset(transport.Code, string)
	}); ok {
		c.Reset(transport.CodeProtocol, reason)
		return
	}
	conn.Close(transport.CodeProtocol, reason)
}
