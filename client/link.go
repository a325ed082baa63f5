package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/culm-net/culm/transport"
)

// link is one connection, or an attempt to make one: what the network's
// goroutines and the client's share. It is the connection's [transport.Handler].
type link struct {
	now    func() time.Time
	limit  int // Config.MaxInbox
	cancel context.CancelFunc
	over   func() // called once, when nothing more will come of it

	mu       sync.Mutex
	conn     transport.Conn // from Dial or Opened, whichever is first
	opened   bool
	closed   bool  // Closed was called, or Dial failed
	err      error // why
	released bool  // the client does not want it any more
	code     transport.Code
	reason   string
	in       batch
	// Since the client took them last.
	dropped, holds uint64
}

var _ transport.Handler = (*link)(nil)

// hold is for how long an inbox that is full slows the server down at a time.
const hold = 100 * time.Millisecond

// dial makes the connection.
func (l *link) dial(ctx context.Context, dial func(context.Context, transport.Handler) (transport.Conn, error)) {
	conn, err := dial(ctx, l)
	if err == nil && conn == nil {
		err = errors.New("Config.Dial returned no connection and no error")
	}
	if err != nil {
		l.end(fmt.Errorf("cannot connect: %w", err))
		return
	}
	l.use(conn)
}

// use takes the connection, and closes it if it comes too late.
func (l *link) use(conn transport.Conn) {
	l.mu.Lock()
	l.conn = conn
	released, code, reason := l.released, l.code, l.reason
	l.mu.Unlock()
	if released {
		conn.Close(code, reason)
	}
}

// end notes that there is no connection, or no more.
func (l *link) end(err error) {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	if l.err == nil {
		l.err = err
	}
	l.mu.Unlock()
	if first {
		l.cancel()
		l.over()
	}
}

// release gives the connection up.
func (l *link) release(code transport.Code, reason string) {
	l.mu.Lock()
	l.released, l.code, l.reason = true, code, reason
	conn := l.conn
	l.in = batch{}
	l.mu.Unlock()
	l.cancel()
	if conn != nil {
		conn.Flush()
		conn.Close(code, reason)
	}
}

// Opened is called by the transport.
func (l *link) Opened(conn transport.Conn) {
	l.use(conn)
	l.mu.Lock()
	l.opened = true
	l.mu.Unlock()
}

// Received is called by the transport with messages of the server.
func (l *link) Received(conn transport.Conn, msgs [][]byte) {
	at := l.now()
	l.mu.Lock()
	if l.released {
		l.mu.Unlock()
		return
	}
	for _, m := range msgs {
		if l.in.size()+len(m)+itemSize > l.limit && superfluous(m) {
			l.dropped++
			continue
		}
		l.in.add(at, m)
	}
	size := l.in.size()
	if size > l.limit {
		l.holds++
	}
	if size > 4*l.limit {
		l.err, l.released = ErrInbox, true
		l.in = batch{}
	}
	l.mu.Unlock()
	switch {
	case size > 4*l.limit:
		conn.Close(transport.CodeNormal, ErrInbox.Error())
	case size > l.limit:
		conn.Hold(hold)
	}
}

// Closed is called by the transport when the connection is gone.
func (l *link) Closed(_ transport.Conn, err error) { l.end(err) }

// arrived is what has happened on a link since it was last asked.
type arrived struct {
	conn           transport.Conn
	opened, closed bool
	err            error
	dropped, holds uint64
}

// take swaps the inbox for an empty one.
func (l *link) take(in *batch) arrived {
	in.reset()
	l.mu.Lock()
	defer l.mu.Unlock()
	*in, l.in = l.in, *in
	a := arrived{conn: l.conn, opened: l.opened, closed: l.closed || l.err != nil, err: l.err, dropped: l.dropped, holds: l.holds}
	l.dropped, l.holds = 0, 0
	return a
}
