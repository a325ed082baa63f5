package tcp

import (
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/bufpool"
	"github.com/culm-net/culm/transport/internal/outbox"
	"github.com/culm-net/culm/transport/internal/proxy"
)

// Conn is a TCP connection. It implements [transport.Conn]; unreliable and
// latest messages are sent reliably too, but a latest one that is still queued
// gives way to a newer one. Delivered is not known. Close cannot tell the peer
// code and reason. A peer that ends its side of the stream has closed: what is
// still queued for it is dropped.
type Conn struct {
	cfg *Config

	// raw is wire's file descriptor where reads and writes that do not wait
	// are possible on it, and nil elsewhere. There, messages are read from
	// and written to nc: wire, or the TLS connection over it.
	wire socket
	raw  syscall.RawConn
	nc   net.Conn
	// polled is wire where a poller reads it, and nil elsewhere.
	polled *polled

	identity transport.Identity
	origin   proxy.Origin
	opened   time.Time

	box     outbox.Box
	blocked atomic.Bool // a writer waits for the socket to take more

	hold     atomic.Int64 // until when nothing is read, in ns after opened
	messages atomic.Uint64
	bytes    atomic.Uint64

	closing chan struct{} // closed by Close
	mu      sync.Mutex
	cause   *transport.CloseError // set once
	broken  error                 // what writing failed with

	in inbox // of the reading goroutine
}

// socket is what ending a connection takes.
type socket interface {
	SetDeadline(t time.Time) error
	SetReadDeadline(t time.Time) error
	Close() error
}

var _ transport.Conn = (*Conn)(nil)

func newConn(cfg *Config, wire net.Conn, secure *tls.Conn, from proxy.Origin) *Conn {
	c := bareConn(cfg, from)
	c.wire, c.nc = wire, wire
	if secure != nil {
		c.nc = secure
		c.identity.Secure = true
		if chains := secure.ConnectionState().VerifiedChains; len(chains) > 0 {
			c.identity.Name = chains[0][0].Subject.String()
		}
	} else {
		c.raw = rawConn(wire)
		c.in.once = c.readOnce
	}
	return c
}

// bareConn returns a connection without a socket.
func bareConn(cfg *Config, from proxy.Origin) *Conn {
	c := &Conn{
		cfg:      cfg,
		identity: transport.Identity{Addr: from.Remote},
		origin:   from,
		opened:   time.Now(),
		closing:  make(chan struct{}),
	}
	c.box.Init(cfg.SendQueue, cfg.Framing.size())
	return c
}

// run is the life of the connection, from Opened to Closed.
func (c *Conn) run(h transport.Handler) {
	h.Opened(c)
	cause := c.end(c.receive(h))
	h.Closed(c, cause)
}

// end releases what the connection holds after reading ended with err, and
// returns why it is closed.
func (c *Conn) end(err error) *transport.CloseError {
	c.mu.Lock()
	if c.cause == nil {
		if c.broken != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			err = c.broken
		}
		c.cause = c.explain(err)
		close(c.closing)
	}
	cause, broken := c.cause, c.broken
	c.mu.Unlock()

	if broken != nil || c.box.Counters().Queued > 0 {
		cut(c.wire) // the peer takes nothing: the system need not try on
	}
	c.box.Discard(false)
	_ = c.wire.Close()
	return cause
}

// explain turns an error of the network into the reason of closing.
func (c *Conn) explain(err error) *transport.CloseError {
	switch {
	case errors.Is(err, io.EOF):
		return &transport.CloseError{Remote: true, Code: transport.CodeUnknown}
	case errors.Is(err, io.ErrUnexpectedEOF), isReset(err):
		return &transport.CloseError{Remote: true, Code: transport.CodeUnknown, Err: err}
	case isDead(err):
		return &transport.CloseError{Code: transport.CodeTimeout, Err: err}
	case c.identity.Secure && isAlert(err):
		return &transport.CloseError{Remote: true, Code: transport.CodeUnknown, Err: err}
	case c.identity.Secure && !isNetwork(err):
		return &transport.CloseError{Code: transport.CodeProtocol, Reason: "the peer broke TLS", Err: err}
	}
	return &transport.CloseError{Code: transport.CodeNetwork, Err: err}
}

// isAlert reports whether the peer's TLS has ended the connection.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// isNetwork reports whether the system, not crypto/tls, made the error.
func isNetwork(err error) bool {
	var sys *os.SyscallError
	return errors.As(err, &sys) || errors.Is(err, net.ErrClosed)
}

// cut makes closing wire reset the connection.
func cut(wire socket) {
	if t, ok := wire.(interface{ SetLinger(int) error }); ok {
		_ = t.SetLinger(0)
	}
}

// Send implements [transport.Conn].
func (c *Conn) Send(m transport.Message) error {
	if len(m.Data) > c.cfg.MaxMessage {
		return transport.ErrTooLarge
	}
	return c.box.Send(m)
}

// Budget implements [transport.Conn]: the free room of the queue, and 0 while
// the socket takes no more. Over TLS the latter is guessed from how much is
// queued.
func (c *Conn) Budget() int {
	if c.blocked.Load() {
		return 0
	}
	room := c.box.Room()
	if c.raw == nil && room > 0 && c.box.Counters().Queued > bufpool.Large {
		return 0
	}
	return room
}

// MaxReliable implements [transport.Conn]: Config.MaxMessage.
func (c *Conn) MaxReliable() int { return c.cfg.MaxMessage }

// MaxUnreliable implements [transport.Conn]: Config.MaxMessage.
func (c *Conn) MaxUnreliable() int { return c.cfg.MaxMessage }

// Delivered implements [transport.Conn]. TCP does not tell.
func (c *Conn) Delivered() (n uint64, ok bool) { return 0, false }

// Hold implements [transport.Conn] by not reading from the socket.
func (c *Conn) Hold(d time.Duration) {
	if d <= 0 {
		return
	}
	until := int64(time.Since(c.opened))
	until += min(int64(d), math.MaxInt64-until)
	for {
		old := c.hold.Load()
		if old >= until || c.hold.CompareAndSwap(old, until) {
			return
		}
	}
}

// held is for how long nothing may be read, or not positive.
func (c *Conn) held() time.Duration {
	hold := c.hold.Load()
	if hold == 0 {
		return 0
	}
	return time.Duration(hold) - time.Since(c.opened)
}

// Close implements [transport.Conn]. The peer sees the stream end after the
// last message, and nothing of code and reason.
func (c *Conn) Close(code transport.Code, reason string) {
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		return
	}
	c.cause = &transport.CloseError{Code: code, Reason: transport.CutReason(reason)}
	c.mu.Unlock()

	state := c.box.Close()
	close(c.closing)
	// Where nothing was ever sent, nothing can get lost in cutting it short.
	unused := state == outbox.Done && !c.identity.Secure && c.box.Counters().Messages == 0
	if c.cfg.Linger < 0 || unused {
		if c.box.Counters().Queued > 0 {
			cut(c.wire) // the stream may end within a message
		}
		_ = c.wire.Close() // the reading goroutine does the rest
		return
	}
	_ = c.wire.SetDeadline(time.Now().Add(c.cfg.Linger))
	switch state {
	case outbox.Busy:
		c.Flush()
	case outbox.Done:
		if c.identity.Secure {
			go c.closeWrite() // its farewell may have to wait
		} else {
			c.closeWrite()
		}
	}
}

// Reset is Close without lingering: what is queued is dropped, and the peer's
// system is told that the connection was reset. It is for peers that cannot be
// spoken with.
func (c *Conn) Reset(code transport.Code, reason string) {
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		return
	}
	c.cause = &transport.CloseError{Code: code, Reason: transport.CutReason(reason)}
	c.mu.Unlock()

	c.box.Close()
	close(c.closing)
	cut(c.wire)
	_ = c.wire.Close() // the reading goroutine does the rest
}

// closeWrite ends the stream to the peer. Reading goes on until the peer ends
// its own, for closing a socket while bytes arrive would cut off what the
// peer has not read yet.
func (c *Conn) closeWrite() {
	if c.identity.Secure {
		_ = c.nc.(*tls.Conn).CloseWrite()
	}
	if w, ok := c.wire.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	} else {
		_ = c.wire.Close()
	}
}

// Identity implements [transport.Conn]. Name is the subject of a client
// certificate that TLS has verified.
func (c *Conn) Identity() transport.Identity { return c.identity }

// LocalAddr is the address that the peer has dialed, as the proxy says if
// there is one.
func (c *Conn) LocalAddr() net.Addr { return c.origin.Local }

// ProxyTLVs are the additional values of a header of the PROXY protocol's
// version 2, as they are on the wire. They must not be changed.
func (c *Conn) ProxyTLVs() []byte { return c.origin.TLVs }

// ProxyCheck reports whether a proxy has made the connection for itself, to
// see whether the server lives.
func (c *Conn) ProxyCheck() bool { return c.origin.Check }

// Stats implements [transport.Conn]. Queued includes length prefixes.
func (c *Conn) Stats() transport.Stats {
	out := c.box.Counters()
	return transport.Stats{
		MessagesSent:     out.Messages,
		BytesSent:        out.Bytes,
		MessagesReceived: c.messages.Load(),
		BytesReceived:    c.bytes.Load(),
		Dropped:          out.Dropped,
		Queued:           out.Queued,
		Left:             out.Left,
		RTT:              roundTrip(c.raw),
	}
}
