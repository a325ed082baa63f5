package messagedirector

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/transport"
)

// UplinkConfig is what an [Uplink] is told.
type UplinkConfig struct {
	// Dial connects to the director above. What happens on the connection
	// goes to h.
	Dial func(ctx context.Context, h transport.Handler) (transport.Conn, error)

	// Once makes Run return with an error when the link is lost or refused,
	// as Astron ends then. The default is to try again for ever.
	Once bool

	// MinBackoff and MaxBackoff are the first and the longest pause before
	// another attempt; each is twice the one before, and some of it is left
	// to chance so that not all daemons come at once. 0 means 250 ms and 10 s.
	MinBackoff, MaxBackoff time.Duration

	// Changed is called inside the order when the link has come up, after it
	// was told all subscriptions and post-removes, and when it is lost. Who
	// has created objects above creates them again when it is up. nil is
	// nothing.
	Changed func(up bool)

	// Stall and MaxBacklog are as in ServerConfig.
	Stall      time.Duration
	MaxBacklog int

	// Log hears when the link is lost and when it works again. nil discards it.
	Log *slog.Logger
}

// Uplink is the link from a director to the one above it. While it is down,
// messages reach only those who are below; when it is up again, all
// subscriptions and post-removes are told anew. The director above will have
// sent all post-removes from here: to it, everybody here was lost.
type Uplink struct {
	director *Director
	config   UplinkConfig
	outlet   *Outlet
	batch    Batch // of the goroutine that reads
	closed   chan error
	count    uplinkCounters
}

// NewUplink makes the link; Run runs it.
func NewUplink(d *Director, c UplinkConfig) *Uplink {
	c.MinBackoff = cmp.Or(c.MinBackoff, 250*time.Millisecond)
	c.MaxBackoff = max(cmp.Or(c.MaxBackoff, 10*time.Second), c.MinBackoff)
	c.Stall = cmp.Or(c.Stall, DefaultStall)
	c.MaxBacklog = cmp.Or(c.MaxBacklog, DefaultBacklog)
	if c.Changed == nil {
		c.Changed = func(bool) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	u := &Uplink{director: d, config: c, closed: make(chan error, 1)}
	u.outlet = NewOutlet(d, linkWrites, func(conns []transport.Conn) {
		for _, conn := range conns {
			conn.Flush()
		}
	})
	return u
}

// Run keeps the link up until ctx is done, and then closes it and returns nil.
// With Once it returns an error when there is no link any more. It may be
// called once.
func (u *Uplink) Run(ctx context.Context) error {
	defer u.outlet.Close()
	backoff := u.config.MinBackoff
	for {
		conn, err := u.config.Dial(ctx, u)
		if err == nil {
			u.config.Log.Info("upstream link opened", "address", conn.Identity().Addr)
			err = u.hold(ctx, conn)
			backoff = u.config.MinBackoff
		}
		if ctx.Err() != nil {
			return nil
		}
		if u.config.Once {
			return err
		}
		pause := backoff/2 + rand.N(backoff/2+1)
		u.config.Log.Warn("no upstream link, trying again", "err", err, "in", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		backoff = min(2*backoff, u.config.MaxBackoff)
	}
}

// hold uses a connection until it is lost, and returns why it is.
func (u *Uplink) hold(ctx context.Context, conn transport.Conn) error {
	up := newUpwire(u, conn)
	u.count.opened.Add(1)
	u.director.Do(func() {
		u.director.SetUpstream(up)
		up.restored()
		u.config.Changed(true)
	})
	defer u.director.Do(func() {
		u.director.SetUpstream(nil)
		u.config.Changed(false)
	})
	ticks := time.NewTicker(stallTick)
	defer ticks.Stop()
	done := ctx.Done()
	for {
		select {
		case <-up.behind:
			time.AfterFunc(catchUp, func() { u.director.Do(up.catchUp) })
		case err := <-u.closed:
			u.count.lost.Add(1)
			return err
		case <-done:
			conn.Close(transport.CodeShutdown, "the daemon is shutting down")
			done = nil
		case now := <-ticks.C:
			if up.stall.Look(now, conn.Stats()) >= u.config.Stall {
				u.count.givenUp.Add(1)
				reset(conn, "it has taken nothing for too long")
			}
		}
	}
}

// Opened is called by the transport.
func (u *Uplink) Opened(transport.Conn) {}

// Received is called by the transport with messages from upstream.
func (u *Uplink) Received(conn transport.Conn, messages [][]byte) {
	u.batch.From(u.director.Above())
	for _, m := range messages {
		if _, err := ParseMessage(m); err != nil {
			u.count.malformed.Add(1)
			continue
		}
		_ = u.batch.Append(m) // a transport delivers none that is too long
	}
	u.director.Post(&u.batch)
	if u.director.Backlog() > u.config.MaxBacklog {
		u.count.held.Add(1)
		conn.Hold(holdTime)
	}
}

// Closed is called by the transport when the connection is gone.
func (u *Uplink) Closed(_ transport.Conn, err error) { u.closed <- err }

// upwire tells the director above what it must know. What that is when the
// link comes up can be more than the connection's queue holds; the rest of it
// waits here, and with it everything behind it.
type upwire struct {
	wire
	uplink *Uplink
	buf    []byte
	rest   datagram.Writer // messages, each as a blob
	sent   int             // how many bytes of them have been sent
	limit  int             // for how many bytes of rest the link is given up
	behind chan struct{}   // asks for catchUp
}

// catchUp is the pause before more of what waits is sent.
const catchUp = 5 * time.Millisecond

func newUpwire(u *Uplink, conn transport.Conn) *upwire {
	return &upwire{uplink: u, wire: wire{outlet: u.outlet, conn: conn}, limit: math.MaxInt, behind: make(chan struct{}, 1)}
}

// restored is called when everything was told that there was to tell. From now
// on no more than MaxBacklog may come to what waits of it, and nothing when
// nothing waits.
func (w *upwire) restored() {
	if w.limit = 0; len(w.rest.Buf) > 0 {
		w.limit = len(w.rest.Buf) + w.uplink.config.MaxBacklog
	}
}

func (w *upwire) send(m []byte) {
	if len(w.rest.Buf) == 0 && w.wire.send(m) {
		return
	}
	if len(w.rest.Buf)+len(m) > w.limit {
		w.gone = true
		w.rest, w.sent = datagram.Writer{}, 0
		w.uplink.count.givenUp.Add(1)
		reset(w.conn, "too much waits for it to read")
		return
	}
	w.gone = false
	if len(w.rest.Buf) == 0 {
		w.behind <- struct{}{}
	}
	w.rest.Blob(m)
}

// catchUp sends what waits as far as the connection's queue takes it. It is
// called inside the order.
func (w *upwire) catchUp() {
	r := datagram.NewReader(w.rest.Buf[w.sent:])
	for r.Remaining() > 0 {
		if !w.wire.send(r.Blob()) {
			w.gone = false
			w.behind <- struct{}{}
			return
		}
		w.sent = len(w.rest.Buf) - r.Remaining()
	}
	w.rest, w.sent, w.limit = datagram.Writer{}, 0, 0
}

func (w *upwire) control(t Type, channels ...uint64) {
	w.buf = appendControl(w.buf[:0], t, channels...)
	w.send(w.buf)
}

func (w *upwire) AddChannel(ch uint64)            { w.control(ControlAddChannel, ch) }
func (w *upwire) RemoveChannel(ch uint64)         { w.control(ControlRemoveChannel, ch) }
func (w *upwire) AddRange(low, high uint64)       { w.control(ControlAddRange, low, high) }
func (w *upwire) RemoveRange(low, high uint64)    { w.control(ControlRemoveRange, low, high) }
func (w *upwire) ClearPostRemoves(channel uint64) { w.control(ControlClearPostRemoves, channel) }

func (w *upwire) AddPostRemove(channel uint64, message []byte) {
	w.buf = appendPostRemove(w.buf[:0], channel, message)
	w.send(w.buf)
}

func (w *upwire) Forward(m *Message) { w.send(m.Raw) }
