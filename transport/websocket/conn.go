package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/bufpool"
	"github.com/culm-net/culm/transport/internal/outbox"
	"github.com/culm-net/culm/transport/internal/proxy"
)

// prefix is how many bytes of length stand before each message in the queue,
// to tell messages apart there; they are not sent.
const prefix = 4

// Conn is a WebSocket connection. It implements [transport.Conn]; unreliable
// and latest messages are sent reliably too, but a latest one that is still
// queued gives way to a newer one. Neither Delivered nor the round-trip time is
// known.
type Conn struct {
	cfg      *Config
	ws       *websocket.Conn
	wire     *wire
	identity transport.Identity
	origin   proxy.Origin
	opened   time.Time

	box outbox.Box

	hold     atomic.Int64 // until when nothing is read, in ns after opened
	messages atomic.Uint64
	bytes    atomic.Uint64

	closing chan struct{} // closed by Close
	mu      sync.Mutex
	cause   *transport.CloseError // set once

	in inbox // of the reading goroutine
}

var _ transport.Conn = (*Conn)(nil)

// newConn returns a connection that lacks ws and wire.
func newConn(cfg *Config) *Conn {
	c := &Conn{cfg: cfg, opened: time.Now(), closing: make(chan struct{})}
	c.box.Init(cfg.SendQueue, prefix)
	return c
}

// start makes the connection begin. br is the buffer that ws reads from, or nil
// where that is not known.
func (c *Conn) start(ws *websocket.Conn, w *wire, br *bufio.Reader, secure *tls.ConnectionState, h transport.Handler) {
	c.ws, c.wire, c.in.br = ws, w, br
	ws.SetReadLimit(int64(c.cfg.MaxMessage))
	c.origin = originOf(w.Conn)
	c.identity.Addr = c.origin.Remote
	if secure != nil {
		c.identity.Secure = true
		if len(secure.VerifiedChains) > 0 {
			c.identity.Name = secure.VerifiedChains[0][0].Subject.String()
		}
	}
	go c.run(h)
}

// run is the life of the connection, from Opened to Closed.
func (c *Conn) run(h transport.Handler) {
	h.Opened(c)
	cause := c.end(c.receive(h))
	h.Closed(c, cause)
}

// end releases what the connection holds after reading ended with err, tells
// the peer if it was at fault, and returns why the connection is closed.
func (c *Conn) end(err error) *transport.CloseError {
	c.mu.Lock()
	mine := c.cause == nil
	if mine {
		c.cause = c.explain(err)
		close(c.closing)
	}
	cause := c.cause
	c.mu.Unlock()

	queued := c.box.Counters().Queued
	c.box.Discard(false)
	switch {
	case mine && !cause.Remote && cause.Code == transport.CodeProtocol && c.cfg.Linger >= 0:
		c.wire.linger(c.cfg.Linger)
		s := websocket.StatusProtocolError
		if errors.Is(err, errText) {
			s = websocket.StatusUnsupportedData
		}
		_ = c.ws.Close(s, cutReason(cause.Reason)) // unless the library has said something itself
	case queued > 0:
		c.wire.reset() // the peer takes nothing
	}
	_ = c.wire.Close()
	_ = c.ws.CloseNow()
	return cause
}

// explain turns what reading ended with into the reason of closing.
func (c *Conn) explain(err error) *transport.CloseError {
	var said websocket.CloseError
	if errors.As(err, &said) {
		return &transport.CloseError{Remote: true, Code: codeOf(said.Code), Reason: transport.CutReason(said.Reason)}
	}
	network := c.wire.failed()
	var number syscall.Errno
	_ = errors.As(network, &number)
	var timeout net.Error
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded): // of the library, for the answer to a ping
		return &transport.CloseError{Code: transport.CodeTimeout, Err: err}
	case network == nil && errors.Is(err, websocket.ErrMessageTooBig):
		return &transport.CloseError{Code: transport.CodeProtocol,
			Reason: fmt.Sprintf("a message is longer than %d bytes", c.cfg.MaxMessage)}
	case network == nil && errors.Is(err, errText):
		return &transport.CloseError{Code: transport.CodeProtocol, Reason: errText.Error()}
	case network == nil:
		return &transport.CloseError{Code: transport.CodeProtocol, Reason: "the peer broke the WebSocket protocol", Err: err}
	case errors.Is(network, io.EOF), errors.Is(network, io.ErrUnexpectedEOF): // without a close frame, or TLS's farewell
		return &transport.CloseError{Remote: true, Code: transport.CodeUnknown, Err: io.ErrUnexpectedEOF}
	case number == syscall.ECONNRESET, number == syscall.EPIPE, number == wsaConnReset, number == wsaConnAborted:
		return &transport.CloseError{Remote: true, Code: transport.CodeUnknown, Err: network}
	case errors.As(network, &timeout) && timeout.Timeout(), number == wsaTimedOut, number == wsaNetReset:
		return &transport.CloseError{Code: transport.CodeTimeout, Err: network}
	case c.identity.Secure && errors.As(network, &op) && op.Op == "remote error": // an alert
		return &transport.CloseError{Remote: true, Code: transport.CodeUnknown, Err: network}
	case c.identity.Secure && number == 0 && !errors.Is(network, net.ErrClosed):
		return &transport.CloseError{Code: transport.CodeProtocol, Reason: "the peer broke TLS", Err: network}
	}
	return &transport.CloseError{Code: transport.CodeNetwork, Err: network}
}

// What Windows says where others have ECONNRESET, EPIPE and ETIMEDOUT; package
// syscall's constants of these names are numbers of its own there. No other
// system has errors with these numbers.
const (
	wsaNetReset    = syscall.Errno(10052)
	wsaConnAborted = syscall.Errno(10053)
	wsaConnReset   = syscall.Errno(10054)
	wsaTimedOut    = syscall.Errno(10060)
)

// Send implements [transport.Conn].
func (c *Conn) Send(m transport.Message) error {
	if len(m.Data) > c.cfg.MaxMessage {
		return transport.ErrTooLarge
	}
	return c.box.Send(m)
}

// Budget implements [transport.Conn]: the free room of the queue, and 0 while
// so much is queued that the peer seems not to take it.
func (c *Conn) Budget() int {
	room := c.box.Room()
	if room > 0 && c.box.Counters().Queued > bufpool.Large {
		return 0
	}
	return room
}

// MaxReliable implements [transport.Conn]: Config.MaxMessage.
func (c *Conn) MaxReliable() int { return c.cfg.MaxMessage }

// MaxUnreliable implements [transport.Conn]: Config.MaxMessage.
func (c *Conn) MaxUnreliable() int { return c.cfg.MaxMessage }

// Delivered implements [transport.Conn]. WebSocket does not tell.
func (c *Conn) Delivered() (n uint64, ok bool) { return 0, false }

// Hold implements [transport.Conn] by not reading from the socket, so that
// pings are not answered either meanwhile.
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

// Close implements [transport.Conn]. What the peer is told is in the package's
// documentation.
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
	if c.cfg.Linger < 0 {
		if c.box.Counters().Queued > 0 {
			c.wire.reset()
		}
		_ = c.wire.raw.Close() // the reading goroutine does the rest
		return
	}
	c.wire.linger(c.cfg.Linger)
	switch state {
	case outbox.Busy:
		c.Flush()
	case outbox.Done:
		go c.farewell()
	}
}

// farewell sends the close frame, after everything else, and waits for the
// peer's.
func (c *Conn) farewell() {
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	_ = c.ws.Close(status(cause.Code), cutReason(cause.Reason))
}

// Identity implements [transport.Conn]. Addr is that of a proxy where one
// stands between that sends no PROXY header. Name is the subject of a client certificate that TLS has
// verified.
func (c *Conn) Identity() transport.Identity { return c.identity }

// LocalAddr is the address that the peer has dialed, or a proxy in its place
// that sends no PROXY header.
func (c *Conn) LocalAddr() net.Addr { return c.origin.Local }

// ProxyTLVs are the additional values of a header of the PROXY protocol's
// version 2, as they are on the wire. They must not be changed.
func (c *Conn) ProxyTLVs() []byte { return c.origin.TLVs }

// ProxyCheck reports whether a proxy has made the connection for itself, to
// see whether the server lives.
func (c *Conn) ProxyCheck() bool { return c.origin.Check }

// Stats implements [transport.Conn]. Queued includes 4 bytes for each message.
func (c *Conn) Stats() transport.Stats {
	out := c.box.Counters()
	return transport.Stats{
		MessagesSent:     out.Messages,
		BytesSent:        out.Bytes,
		MessagesReceived: c.messages.Load(),
		BytesReceived:    c.bytes.Load(),
		Dropped:          out.Dropped,
		Queued:           out.Queued,
		Left:             c.wire.sent.Load(),
	}
}

// pinged is called by the library on the reading goroutine, and reports whether
// to answer a ping.
func (c *Conn) pinged(context.Context, []byte) bool {
	now := time.Now()
	if now.Sub(c.in.pingsSince) >= pingWindow {
		c.in.pingsSince, c.in.pings = now, 0
	}
	c.in.pings++
	if c.in.pings > MaxPings {
		c.Close(transport.CodeProtocol, fmt.Sprintf("more than %d pings in %v", MaxPings, pingWindow))
	}
	return c.in.pings <= MaxPings
}
