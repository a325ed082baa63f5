package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes/clientsession"
	"github.com/culm-net/culm/transport"
)

// Config says how a client plays. The names in brackets are the settings of
// panda3d-pipes. Of numbers and durations 0 is the default, and a negative one
// is none: no delay, no pings, no timeout, no limit, no reconnect.
type Config struct {
	// Schema is the game's DC files, the same as the server's, read with
	// multiple inheritance as Panda3D does by default. Required.
	Schema *dc.Schema
	// Dial connects to the server, over any transport, and hands h to it.
	// Required. It is called on a goroutine of its own, one call at a time,
	// should give up when ctx ends, and may take DialTimeout. For example:
	//
	//	Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
	//		return quic.Dial(ctx, "game.example.org:27016", quic.Config{}, h)
	//	}
	Dial func(ctx context.Context, h transport.Handler) (transport.Conn, error)
	// Events are called back.
	Events Events

	// Password is what the server wants to hear, UTF-8 of at most 65,535 bytes
	// [pipes-password].
	Password string
	// Authenticate is called with each question of a server that wants to know
	// who the client is. It answers with [Client.Answer], at once or later.
	// question is valid until it returns. With nil such servers are an error.
	Authenticate func(c *Client, question []byte)
	// Plain makes the client speak the plain dialect, that of panda3d-pipes,
	// also with servers that know the extension.
	Plain bool

	// UpdateRate is how many snapshots per second the client asks for
	// [pipes-updaterate, 20], and CommandRate how many object messages it
	// wants to send per second [pipes-cmdrate, 100]. In the plain dialect the
	// highest is 255, to which higher ones are cut.
	UpdateRate, CommandRate uint16
	// Interp is the least delay of interpolation [pipes-interp, 100 ms], and
	// InterpRatio how many snapshot intervals it has at least
	// [pipes-interp-ratio, 2].
	Interp      time.Duration
	InterpRatio float64
	// PingInterval is the time between pings [pipes-ping-interval, 500 ms].
	PingInterval time.Duration
	// Clock is how the clock follows the server, [netclock.DefaultSettings] if
	// it is zero. The server tells the tick rate.
	Clock netclock.Settings

	// DialTimeout is how long connecting may take (10 s), HelloTimeout how
	// long the server may take to answer the hello (10 s), AuthTimeout how long it
	// may say nothing while it authenticates the client (2 min, within which a
	// person may have to type something), and SilentTimeout how long it may say
	// nothing after that (20 s).
	DialTimeout, HelloTimeout, AuthTimeout, SilentTimeout time.Duration
	// ReconnectMin is the wait before the first new attempt to connect (500 ms);
	// each further wait is twice as long, up to ReconnectMax (30 s), until a
	// connection lasted for ReconnectMax. Half of each wait is random, so that
	// the clients of a server that comes back do not come all at once.
	// ReconnectMin negative: there is only one attempt.
	ReconnectMin, ReconnectMax time.Duration
	// Retry decides which errors are worth a new attempt; nil is [Temporary].
	Retry func(err error) bool

	// MaxObjects is how many objects the server may show at a time (65,536)
	// and MaxBytes how many bytes of values they may have together (64 MiB).
	// Beyond it the client ends.
	MaxObjects, MaxBytes int
	// MaxInbox is how many bytes may have arrived and wait for the next Frame
	// (1 MiB). Beyond it snapshots are dropped, which the server then sends
	// anew (in the plain dialect it would not, so that they are kept), and the
	// connection is read slowly; at four times as much it is closed.
	MaxInbox int

	// FrameRate is how often per second [Client.Run] calls Frame (60), at most
	// 10,000.
	FrameRate int
	// Now tells when messages arrive, on the clock of the times that Frame is
	// given. nil is time.Now.
	Now func() time.Time
	// Log gets what happens; nil means slog.Default().
	Log *slog.Logger
}

// complete checks a configuration and fills in its defaults.
func (c Config) complete() (Config, error) {
	if c.Dial == nil {
		return c, errors.New("client: Config.Dial is missing: it connects to the server, for example with quic.Dial")
	}
	if c.Retry == nil {
		c.Retry = Temporary
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	orDefault(&c.DialTimeout, 10*time.Second, math.MaxInt64)
	orDefault(&c.ReconnectMin, 500*time.Millisecond, -1)
	orDefault(&c.ReconnectMax, 30*time.Second, math.MaxInt64)
	orDefault(&c.MaxInbox, 1<<20, math.MaxInt/4)
	orDefault(&c.FrameRate, 60, 60)
	if c.ReconnectMax < c.ReconnectMin {
		return c, fmt.Errorf("client: Config.ReconnectMax is %v, less than ReconnectMin, %v", c.ReconnectMax, c.ReconnectMin)
	}
	if c.FrameRate > 10_000 {
		return c, fmt.Errorf("client: Config.FrameRate is %d; use at most 10,000 frames per second", c.FrameRate)
	}
	// Whatever else is wrong a session says.
	if _, err := clientsession.New(c.session(nil, nil), nil); err != nil {
		return c, fmt.Errorf("client: %w", err)
	}
	return c, nil
}

// orDefault gives a setting its default when it is zero, and what none means
// when it is negative.
func orDefault[T int | time.Duration](v *T, dflt, none T) {
	switch {
	case *v == 0:
		*v = dflt
	case *v < 0:
		*v = none
	}
}

// session is the configuration of a session.
func (c Config) session(events clientsession.Events, authenticate func(*clientsession.Session, []byte)) clientsession.Config {
	return clientsession.Config{
		Schema:        c.Schema,
		Events:        events,
		Password:      c.Password,
		Plain:         c.Plain,
		Authenticate:  authenticate,
		UpdateRate:    c.UpdateRate,
		CommandRate:   c.CommandRate,
		Interp:        c.Interp,
		InterpRatio:   c.InterpRatio,
		PingInterval:  c.PingInterval,
		Clock:         c.Clock,
		HelloTimeout:  c.HelloTimeout,
		AuthTimeout:   c.AuthTimeout,
		SilentTimeout: c.SilentTimeout,
		MaxObjects:    c.MaxObjects,
		MaxBytes:      c.MaxBytes,
	}
}

// Events are a game's callbacks; nil ones are not called. See the package's
// documentation for what they may do.
type Events struct {
	// Connected tells that the server has let the client in, the first time
	// and after each reconnect.
	Connected func()
	// Lost tells that the connection was lost, or could not be made, for a
	// reason that may pass, and when the client tries again. The objects are
	// gone by then.
	Lost func(err error, retry time.Duration)
	// Ended is called once, last of all: the client has ended, see
	// [Client.Err].
	Ended func(err error)

	// Generated tells of an object that is fully known, Updated of fields that
	// have changed, by inherited index, and Removed of an object that has
	// left the view: all of them besides the methods of its view.
	Generated func(o *Object)
	Updated   func(o *Object, fields []int)
	Removed   func(o *Object)
	// Message gets the messages for objects whose view is no [MessageHandler].
	Message func(o *Object, m Message)

	// Snapshot tells that a snapshot, or a part of one, has been applied.
	Snapshot func(s Snapshot)
	// RatesGranted tells how many snapshots and commands per second the server
	// grants. In the plain dialect it never does.
	RatesGranted func(update, command uint16)

	// Tick is called for each tick of the server's clock that began, while the
	// client is connected, and Frame at the end of each Frame, also while it is
	// not.
	Tick  func(tick uint32)
	Frame func(now time.Time)
}

// What is told as the session tells it.
type (
	// Message is an object message: the server calls a method of an object.
	Message = clientsession.Message
	// Snapshot is what was applied.
	Snapshot = clientsession.Snapshot
	// Lifecycle is where an object stands, by panda3d-pipes' names and numbers.
	Lifecycle = clientsession.Lifecycle
)

// A client's objects go from Generated to Alive, and then to Disabled or Deleted.
const (
	Deleted   = clientsession.Deleted   // it exists no more
	Disabled  = clientsession.Disabled  // it has left the client's view
	Generated = clientsession.Generated // it has its state
	Alive     = clientsession.Alive     // it is fully known
)
