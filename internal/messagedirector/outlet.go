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

// flushPause is between two times that an outlet writes, when there is much to
// write.
const flushPause = time.Millisecond

// linkWrites is how much is written to links without a pause. They are few, and
// what is gathered for one in a pause leaves in one write. A write costs some
// microseconds, so these are a few hundredths of a processor.
var linkWrites = session.Rate{PerSecond: 10_000, Burst: 200}

// Outlet gives what is queued on connections to the network after the round of
// the order in which it was queued. Roles with connections of their own use it,
// too.
type Outlet struct {
	flusher *session.Flusher[transport.Conn]

	// Inside the order, for each connection on which something is queued:
	conns  []transport.Conn
	queued []*bool
}

// NewOutlet makes an outlet that does its part after each round of d, at once
// as long as it does not write to more connections than atOnce says, and else
// with a pause of 1 ms between two times. flush does not keep the slice.
func NewOutlet(d *Director, atOnce session.Rate, flush func([]transport.Conn)) *Outlet {
	o := &Outlet{flusher: session.NewFlusher(flushPause, atOnce, flush)}
	d.Do(func() { d.AfterRound(o.afterRound) })
	return o
}

// Queued says that something is queued on conn. queued is the connection's own:
// whether that was said since the last round. It is called inside the order.
func (o *Outlet) Queued(conn transport.Conn, queued *bool) {
	if !*queued {
		*queued = true
		o.conns = append(o.conns, conn)
		o.queued = append(o.queued, queued)
	}
}

func (o *Outlet) afterRound() {
	if len(o.conns) == 0 {
		return
	}
	for _, queued := range o.queued {
		*queued = false
	}
	o.flusher.Add(o.conns)
	clear(o.queued)
	clear(o.conns)
	o.queued, o.conns = o.queued[:0], o.conns[:0]
}

// Close returns when nothing is being flushed, and nothing will be any more.
func (o *Outlet) Close() { o.flusher.Close() }

// wire is a connection to another process as the order sees it.
type wire struct {
	outlet *Outlet
	conn   transport.Conn
	queued bool // see Outlet.Queued
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
	w.outlet.Queued(w.conn, &w.queued)
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
