package client

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/interp"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes/clientsession"
	"github.com/culm-net/culm/transport"
)

// Client is a game client: see the package's documentation for who may call what.
type Client struct {
	config  Config
	classes map[*dc.Class]*class
	state   State
	err     error // why it has ended
	framing bool  // Frame is under way
	now     time.Time

	// link is the present connection, or attempt, and nil between two; session
	// is there once it is up, and out is where it sends to.
	link    *link
	session *clientsession.Session
	out     sender
	links   sync.WaitGroup // that are not over
	retry   retry

	interest interest
	// What the server has said of time; see known.
	known known
	frame interp.Frame // that variables were sampled for
	// active are the objects with variables that are not settled, moved those
	// that were sampled in this frame.
	active, moved []*Object

	in      batch    // what the last Frame took in
	msgs    [][]byte // of in
	scratch []byte   // what is packed
	meter   meter

	mu     sync.Mutex
	queue  []func() // of Do
	ended  bool     // nothing more is queued
	wakeup chan struct{}
}

// State is how far a client has come.
type State uint8

// A client goes from Waiting to Connecting to Connected, back to Waiting when the
// connection is lost, and at last to Ended.
const (
	Waiting    State = iota // for the time of the next attempt to connect
	Connecting              // dialing, or waiting to be let in
	Connected               // the server has let the client in
	Ended                   // for good; see Client.Err
)

// String returns the name.
func (s State) String() string {
	return [...]string{"waiting", "connecting", "connected", "ended"}[s]
}

// New makes a client. It connects in the first [Client.Frame].
func New(c Config) (*Client, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	return &Client{
		config:  c,
		classes: make(map[*dc.Class]*class),
		retry:   retry{min: c.ReconnectMin, max: c.ReconnectMax},
		wakeup:  make(chan struct{}, 1),
	}, nil
}

// Frame is called once a frame, with the present time, which does not go back. It
// runs what Do has queued, takes in what has arrived, moves the server's clock
// on, samples the interpolated variables, and sends what is due: also what was
// sent since the last Frame. It does not wait for anything.
//
// It returns how many ticks of the server's clock began since the last Frame:
// those that the game has to simulate if it predicts anything.
func (c *Client) Frame(now time.Time) (ticks int) {
	if c.framing || c.state == Ended {
		return 0
	}
	c.framing = true
	defer func() {
		if c.framing = false; c.state == Ended {
			c.tellEnded()
		}
	}()
	if now.Before(c.now) {
		now = c.now
	}
	c.now = now

	c.runQueue()
	c.receive()
	if c.session != nil {
		ticks = c.session.Frame(now)
		c.check()
	}
	c.connect()
	c.syncInterest()
	c.sample()
	c.tell(ticks)
	c.meter.measure(c)
	if c.out.sent {
		c.out.sent = false
		c.out.Flush()
	}
	return ticks
}

// receive takes in what has arrived.
func (c *Client) receive() {
	l := c.link
	if l == nil {
		return
	}
	a := l.take(&c.in)
	c.meter.dropped += a.dropped
	c.meter.holds += a.holds
	if a.opened && c.session == nil && !c.begin(a.conn) {
		return
	}
	for i := 0; i < len(c.in.items); i += len(c.msgs) {
		var at time.Time
		at, c.msgs = c.in.next(i, c.msgs[:0])
		c.session.Receive(at, c.msgs)
		if c.check(); c.link != l {
			return
		}
	}
	if a.closed {
		c.lost(a.err)
	}
}

// begin starts the session of a connection that is up.
func (c *Client) begin(conn transport.Conn) (ok bool) {
	c.out = sender{Conn: conn}
	var authenticate func(*clientsession.Session, []byte)
	if c.config.Authenticate != nil {
		authenticate = func(_ *clientsession.Session, question []byte) { c.config.Authenticate(c, question) }
	}
	s, err := clientsession.New(c.config.session(events{c}, authenticate), &c.out)
	if err != nil { // the configuration was good in New
		c.lost(err)
		return false
	}
	c.session, c.known, c.frame = s, known{}, interp.Frame{}
	s.Start(c.now)
	c.check()
	return c.session == s
}

// sender is a connection that notices whether there is something to flush.
type sender struct {
	transport.Conn
	sent bool
}

func (s *sender) Send(m transport.Message) error {
	s.sent = true
	return s.Conn.Send(m)
}

// check notices that the session has ended.
func (c *Client) check() {
	if c.session != nil && c.session.Err() != nil {
		c.lost(c.session.Err())
	}
}

// lost gives up the connection, and decides how it goes on.
func (c *Client) lost(err error) {
	wasConnected := c.state == Connected
	c.state = Waiting
	c.release(clientsession.CloseCode(err), err.Error())
	if c.state == Ended {
		return // a callback has closed the client
	}
	c.config.Log.Debug("connection to the server lost", "error", err)
	if c.retry.min < 0 || !c.config.Retry(err) {
		c.end(err)
		return
	}
	wait := c.retry.next(c.now, wasConnected)
	if f := c.config.Events.Lost; f != nil {
		f(fmt.Errorf("client: %w", err), wait)
	}
}

// release gives up the connection and the objects that came by it.
func (c *Client) release(code transport.Code, reason string) {
	l, s := c.link, c.session
	if l == nil {
		return
	}
	c.meter.close(c)
	c.link, c.session, c.out = nil, nil, sender{}
	c.interest.lost()
	l.release(code, reason)
	if s == nil {
		return
	}
	var gone []*Object
	for so := range s.Objects() {
		if o, ok := so.Data.(*Object); ok && !o.gone {
			o.gone, o.life = true, Disabled
			gone = append(gone, o)
		}
	}
	slices.SortFunc(gone, func(a, b *Object) int { return cmp.Compare(a.ID(), b.ID()) })
	for _, o := range gone {
		o.left()
	}
	clear(c.active)
	c.active = c.active[:0]
}

// end is the end of the client. Within a frame it is told at last, when the
// callbacks have returned that may have caused it.
func (c *Client) end(err error) {
	c.state = Ended
	c.err = fmt.Errorf("client: %w", err)
	c.mu.Lock()
	c.ended, c.queue = true, nil
	c.mu.Unlock()
	if !c.framing {
		c.tellEnded()
	}
}

func (c *Client) tellEnded() {
	if f := c.config.Events.Ended; f != nil {
		f(c.err)
	}
}

// Close says goodbye to the server and ends the client. Its objects are disabled.
// The goodbye leaves in the background: call [Client.Wait] before the program
// ends. Closing again does nothing.
func (c *Client) Close() {
	if c.state == Ended {
		return
	}
	c.state = Ended // so that callbacks do not close it again
	if c.session != nil {
		c.session.Disconnect()
	}
	c.release(transport.CodeNormal, "the client leaves")
	c.end(ErrClosed)
}

// Wait waits until the connections of a client that has ended are gone, which
// takes no longer than the transport lingers.
func (c *Client) Wait() { c.links.Wait() }

// connect dials when it is time, and gives up what takes too long.
func (c *Client) connect() {
	switch {
	case c.state == Waiting && !c.now.Before(c.retry.due):
		ctx, cancel := context.WithCancel(context.Background())
		l := &link{now: c.config.Now, limit: c.config.MaxInbox, cancel: cancel, over: c.links.Done}
		c.link, c.state = l, Connecting
		c.retry.since = c.now
		c.meter.attempts++
		c.links.Add(1)
		go l.dial(ctx, c.config.Dial)
	case c.state == Connecting && c.session == nil && c.now.Sub(c.retry.since) > c.config.DialTimeout:
		c.lost(fmt.Errorf("%w: there is no connection after %v", ErrTimeout, c.config.DialTimeout))
	}
}

// Do has f called by the goroutine that owns the client, in its next Frame and in
// the order of calls. It never blocks and may be called from any goroutine and
// from callbacks. It returns false when the client has ended: f will not be
// called. What is queued when it ends is not called either.
func (c *Client) Do(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	c.queue = append(c.queue, f)
	select {
	case c.wakeup <- struct{}{}:
	default:
	}
	return true
}

func (c *Client) runQueue() {
	c.mu.Lock()
	queue := c.queue
	c.queue = nil
	c.mu.Unlock()
	for _, f := range queue {
		if c.state == Ended {
			return
		}
		f()
	}
}

// tell calls the events of a frame.
func (c *Client) tell(ticks int) {
	s := c.session
	if f := c.config.Events.Tick; f != nil && s != nil && s.Welcomed() {
		for last := s.Clock().Tick(); ticks > 0 && c.session == s; ticks-- {
			f(last - uint32(ticks) + 1)
		}
	}
	if f := c.config.Events.Frame; f != nil && c.state != Ended {
		f(c.now)
	}
}

// State returns how far the client has come.
func (c *Client) State() State { return c.state }

// Err is why the client has ended, nil if it has not. It wraps one of the errors
// of this package, or one of the transport.
func (c *Client) Err() error { return c.err }

// ID returns the number that the server gave the client, 0 while it is not
// connected. Servers of panda3d-pipes also give 0.
func (c *Client) ID() uint32 {
	if c.session == nil {
		return 0
	}
	return c.session.ClientID()
}

// Schema returns the DC files that the client was made with.
func (c *Client) Schema() *dc.Schema { return c.config.Schema }

// Extended tells whether the connection speaks the extension of the protocol.
func (c *Client) Extended() bool { return c.session != nil && c.session.Extended() }

// Clock returns the clock that follows the server's ticks, nil while the client is
// not connected. The caller only reads it. After a reconnect it is another one.
func (c *Client) Clock() *netclock.Client {
	if c.session == nil {
		return nil
	}
	return c.session.Clock()
}

// Object returns the object of that doId, nil if the client has none.
func (c *Client) Object(doID uint32) *Object {
	if c.session == nil {
		return nil
	}
	if so := c.session.Object(doID); so != nil {
		o, _ := so.Data.(*Object)
		return o
	}
	return nil
}

// Objects passes over all objects that the client has, in any order.
func (c *Client) Objects() iter.Seq[*Object] {
	return func(yield func(*Object) bool) {
		if c.session == nil {
			return
		}
		for so := range c.session.Objects() {
			if o, ok := so.Data.(*Object); ok && !yield(o) {
				return
			}
		}
	}
}

// Answer answers a question of the server's authentication, see
// Config.Authenticate, with at most 65,535 bytes. The error says that the server
// is not waiting for an answer, or is the transport's.
func (c *Client) Answer(data []byte) error {
	if c.session == nil {
		return ErrNotConnected
	}
	return c.session.Answer(data)
}

// SetRates asks for snapshots and commands per second, from 1, now and after
// reconnects. Events.RatesGranted tells what the server grants; in the plain
// dialect, where nobody tells, the highest is 255. The error is the transport's;
// also then the rates are asked for after the next reconnect.
func (c *Client) SetRates(update, command uint16) error {
	if update == 0 || command == 0 {
		return fmt.Errorf("client: SetRates(%d, %d): rates are at least 1 per second", update, command)
	}
	c.config.UpdateRate, c.config.CommandRate = update, command
	if c.state != Connected {
		return nil
	}
	return c.session.SetRates(update, command)
}

// Rates returns how many snapshots and commands per second the server grants, in
// the plain dialect what was asked for, 0 while the client is not connected.
func (c *Client) Rates() (update, command uint16) {
	if c.state != Connected {
		return 0, 0
	}
	return c.session.UpdateRate(), c.session.CommandRate()
}
