package memory

import (
	"context"
	"errors"
	"net"

	"github.com/culm-net/culm/transport"
)

// Addr is the name of a listener, or of a dialer: "dialer-" and a number.
type Addr string

var _ net.Addr = Addr("")

// Network returns "memory".
func (Addr) Network() string { return "memory" }

// String returns the name.
func (a Addr) String() string { return string(a) }

// Listener implements [transport.Listener].
type Listener struct {
	n      *Network
	addr   Addr
	closed chan struct{}

	// Guarded by n.mu.
	handler transport.Handler
	waiting []*Conn // came before there was a handler
	done    bool
}

var _ transport.Listener = (*Listener)(nil)

// Start is Serve without waiting: h gets the connections from now on, until
// the listener is closed. It, or Serve, may be called once.
func (l *Listener) Start(h transport.Handler) error {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	if l.handler != nil {
		return errors.New("memory: Serve or Start was called before")
	}
	if l.done {
		return nil
	}
	l.handler = h
	for _, c := range l.waiting {
		l.offer(c)
	}
	l.waiting = nil
	return nil
}

// Serve implements [transport.Listener]. The handler is called by whoever
// advances the network, not by Serve.
func (l *Listener) Serve(ctx context.Context, h transport.Handler) error {
	if err := l.Start(h); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-l.closed:
	}
	return l.Close()
}

// offer gives a new connection to the handler. n.mu is held.
func (l *Listener) offer(c *Conn) {
	switch {
	case l.done:
		c.refuse()
	case l.handler == nil:
		l.waiting = append(l.waiting, c)
	default:
		c.handler = l.handler
		c.up = true
		c.wake()
	}
}

// Flush implements [transport.Listener].
func (l *Listener) Flush(conns []transport.Conn) {
	for _, c := range conns {
		c.Flush()
	}
}

// Addr implements [transport.Listener].
func (l *Listener) Addr() net.Addr { return l.addr }

// Close implements [transport.Listener]. Who has dialed and was not accepted
// yet learns that it was refused.
func (l *Listener) Close() error {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	if l.done {
		return nil
	}
	l.done = true
	close(l.closed)
	delete(l.n.listeners, string(l.addr))
	for _, c := range l.waiting {
		c.refuse()
	}
	l.waiting = nil
	return nil
}
