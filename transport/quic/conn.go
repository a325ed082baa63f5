package quic

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/outbox"
)

// Conn is a QUIC connection. It implements [transport.Conn]. Delivered is not
// known. A peer that closes is not sent what is still queued for it.
type Conn struct {
	cfg    *Config
	q      *quic.Conn
	socket *socket // what the connection uses, until it has closed
	server bool
	name   string
	opened time.Time

	out   *quic.SendStream // for reliable messages; of the box's writer
	box   outbox.Box       // reliable messages
	loose looseQueue       // the others
	given given
	long  *longStreams // of the loose queue's writer; nil before the first

	turn sync.Mutex // held while the handler is told something
	hold atomic.Int64
	// What was received.
	messages atomic.Uint64
	bytes    atomic.Uint64

	closing chan struct{} // closed with cause set
	readers sync.WaitGroup

	mu     sync.Mutex
	cause  *transport.CloseError // set once
	linger *time.Timer
	loss   lossMeter
}

var _ transport.Conn = (*Conn)(nil)

func newConn(cfg *Config, q *quic.Conn, s *socket, server bool) *Conn {
	c := &Conn{
		cfg:     cfg,
		q:       q,
		socket:  s,
		server:  server,
		opened:  time.Now(),
		closing: make(chan struct{}),
	}
	if chains := q.ConnectionState().TLS.VerifiedChains; len(chains) > 0 {
		c.name = chains[0][0].Subject.String()
	}
	c.box.Init(cfg.SendQueue, recordHeader)
	c.loose.limit = cfg.LooseQueue
	return c
}

// open opens the stream for reliable messages, and checks that the peer takes
// what this package sends.
func (c *Conn) open() error {
	if !c.q.ConnectionState().SupportsDatagrams.Remote {
		return errors.New("the peer must take datagrams (RFC 9221)")
	}
	var err error
	c.out, err = c.q.OpenUniStream()
	if limit := (*quic.StreamLimitReachedError)(nil); errors.As(err, &limit) {
		return errors.New("the peer must allow unidirectional streams")
	}
	return err // the connection has been closed meanwhile
}

// run is the life of the connection, from Opened to Closed. in is the stream
// of the peer's reliable messages, if it is known yet.
func (c *Conn) run(h transport.Handler, in *quic.ReceiveStream) {
	c.turn.Lock()
	h.Opened(c)
	c.turn.Unlock()
	c.readers.Go(func() { c.readDatagrams(h) })
	c.readers.Go(func() { c.readStreams(h, in) })
	<-c.q.Context().Done()

	cause := c.end(context.Cause(c.q.Context()))
	c.readers.Wait()
	c.turn.Lock()
	h.Closed(c, cause)
	c.turn.Unlock()
	c.socket.release()
}

// end drops what is queued after the connection ended with err, and returns
// why it is closed.
func (c *Conn) end(err error) *transport.CloseError {
	c.setCause(explain(err))
	c.box.Discard(false)
	c.loose.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.linger != nil {
		c.linger.Stop()
	}
	return c.cause
}

// setCause reports whether cause is the first.
func (c *Conn) setCause(cause *transport.CloseError) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return false
	}
	c.cause = cause
	close(c.closing)
	return true
}

// explain turns what quic-go says about the end of a connection into the
// reason of closing.
func explain(err error) *transport.CloseError {
	var (
		app   *quic.ApplicationError
		tr    *quic.TransportError
		idle  *quic.IdleTimeoutError
		reset *quic.StatelessResetError
	)
	switch {
	case errors.As(err, &app):
		code := transport.CodeUnknown
		if app.ErrorCode <= math.MaxUint32 {
			code = transport.Code(app.ErrorCode)
		}
		return &transport.CloseError{Remote: app.Remote, Code: code, Reason: transport.CutReason(app.ErrorMessage)}
	case errors.As(err, &idle):
		return &transport.CloseError{Code: transport.CodeTimeout, Err: err}
	case errors.As(err, &reset):
		return &transport.CloseError{Remote: true, Reason: "the peer does not know the connection any more; it may have been restarted", Err: err}
	case errors.As(err, &tr) && tr.Remote && tr.ErrorCode == quic.ConnectionRefused:
		return &transport.CloseError{Remote: true, Code: transport.CodeRefused, Err: err}
	case errors.As(err, &tr) && tr.ErrorCode != quic.InternalError:
		if tr.Remote {
			return &transport.CloseError{Remote: true, Code: transport.CodeProtocol, Reason: "the peer says that this side broke QUIC", Err: errors.New(transport.CutReason(tr.Error()))}
		}
		return &transport.CloseError{Code: transport.CodeProtocol, Reason: "the peer broke QUIC", Err: err}
	case errors.As(err, &tr) && tr.Remote:
		err = errors.New(transport.CutReason(tr.Error()))
	}
	return &transport.CloseError{Code: transport.CodeNetwork, Err: err}
}

// fail closes the connection because the peer broke the protocol.
func (c *Conn) fail(err error) {
	reason := transport.CutReason(err.Error())
	if c.setCause(&transport.CloseError{Code: transport.CodeProtocol, Reason: reason}) {
		c.cut(transport.CodeProtocol, reason)
	}
}

// cut ends the QUIC connection at once. It returns before that has happened,
// so that readers can call it.
func (c *Conn) cut(code transport.Code, reason string) {
	go func() { _ = c.q.CloseWithError(quic.ApplicationErrorCode(code), reason) }()
}

// Send implements [transport.Conn]. For unreliable and latest messages it
// never answers ErrFull: the oldest ones give way.
func (c *Conn) Send(m transport.Message) error {
	if m.Mode == transport.Reliable {
		if len(m.Data) > c.cfg.MaxReliable {
			return transport.ErrTooLarge
		}
		return c.box.Send(m)
	}
	if len(m.Data) > c.cfg.MaxUnreliable {
		return transport.ErrTooLarge
	}
	return c.loose.send(m)
}

// MaxReliable implements [transport.Conn]: Config.MaxReliable.
func (c *Conn) MaxReliable() int { return c.cfg.MaxReliable }

// MaxUnreliable implements [transport.Conn]: Config.MaxUnreliable. Up to
// [DatagramSize] they are cheapest and lost least often.
func (c *Conn) MaxUnreliable() int { return c.cfg.MaxUnreliable }

// Delivered implements [transport.Conn]. quic-go does not tell.
func (c *Conn) Delivered() (n uint64, ok bool) { return 0, false }

// Hold implements [transport.Conn]. Flow control stops the peer's reliable
// messages and its long unreliable ones. Of the datagrams that arrive
// meanwhile, the first 128 wait and others are dropped.
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

// held is for how long nothing may be received, or not positive.
func (c *Conn) held() time.Duration {
	hold := c.hold.Load()
	if hold == 0 {
		return 0
	}
	return time.Duration(hold) - time.Since(c.opened)
}

// Close implements [transport.Conn].
func (c *Conn) Close(code transport.Code, reason string) {
	reason = transport.CutReason(reason)
	if !c.setCause(&transport.CloseError{Code: code, Reason: reason}) {
		return
	}
	c.loose.close()
	state := c.box.Close()
	// Where nothing was ever sent, nothing can get lost in cutting it short.
	// The listener's socket stays, and tells the peer again if need be; a
	// dialer's does not, so it waits for an answer.
	unused := c.server && state == outbox.Done && c.box.Counters().Messages == 0
	if c.cfg.Linger < 0 || unused {
		c.cut(code, reason)
		return
	}
	c.mu.Lock()
	c.linger = time.AfterFunc(c.cfg.Linger, func() { c.cut(code, reason) })
	c.mu.Unlock()
	switch state {
	case outbox.Busy:
		c.flushBox()
	case outbox.Done:
		go c.sayFarewell()
	}
}

// Identity implements [transport.Conn]. Addr follows a peer that migrates;
// Name is the subject of the peer's certificate if it was verified by roots.
func (c *Conn) Identity() transport.Identity {
	return transport.Identity{Addr: c.q.RemoteAddr(), Secure: true, Name: c.name}
}

// Stats implements [transport.Conn]. Queued includes length prefixes. What has
// been given to quic-go is not counted as queued; the most of it that can wait
// there are 32 datagrams and what the peer's flow control allows. Loss is that
// of the packets sent in the last 2 to 4 seconds, if Stats is called as often.
func (c *Conn) Stats() transport.Stats {
	q := c.q.ConnectionStats()
	out := c.box.Counters()
	s := transport.Stats{
		MessagesSent:     out.Messages,
		BytesSent:        out.Bytes,
		MessagesReceived: c.messages.Load(),
		BytesReceived:    c.bytes.Load(),
		Dropped:          out.Dropped,
		Queued:           out.Queued,
		Left:             out.Left,
		RTT:              q.SmoothedRTT,
	}
	c.loose.mu.Lock()
	s.MessagesSent += c.loose.messages
	s.BytesSent += c.loose.bytes
	s.Dropped += c.loose.dropped
	s.Queued += c.loose.queued
	c.loose.mu.Unlock()
	c.mu.Lock()
	s.Loss = c.loss.share(time.Since(c.opened), q.PacketsSent, q.PacketsLost)
	c.mu.Unlock()
	return s
}

// lossMeter remembers the packets of some seconds ago.
type lossMeter struct{ older, newer lossSample }

type lossSample struct {
	at         time.Duration
	sent, lost uint64
}

// lossSpan is how far the two samples are apart at least.
const lossSpan = 2 * time.Second

// share takes the counters of now and returns which share of the packets sent
// since the older sample was lost.
func (m *lossMeter) share(now time.Duration, sent, lost uint64) float64 {
	if now-m.newer.at >= lossSpan {
		m.older, m.newer = m.newer, lossSample{now, sent, lost}
	}
	// Packets that were thought lost may turn up, so lost can go down.
	if sent <= m.older.sent || lost <= m.older.lost {
		return 0
	}
	return min(1, float64(lost-m.older.lost)/float64(sent-m.older.sent))
}
