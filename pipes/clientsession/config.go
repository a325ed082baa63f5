package clientsession

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/netclock"
)

// Config says how a session plays. The names in brackets are the settings of
// panda3d-pipes. Of numbers and durations 0 is the default, and a negative one
// is none: no delay, no pings, no timeout, no limit.
type Config struct {
	// Schema is the DC files, read with multiple inheritance as Panda3D does
	// by default. Required.
	Schema *dc.Schema
	// Events is told what happens. nil is nobody.
	Events Events
	// Password is what the server wants to hear, UTF-8 of at most 65,535 bytes.
	Password string
	// Plain leaves out the offer of the extension.
	Plain bool
	// Authenticate is called with each SV_AuthenticateRequest, and answers it
	// with [Session.Answer], at once or later. request is valid until it
	// returns. With nil the session ends when a server asks.
	Authenticate func(s *Session, request []byte)

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

	// HelloTimeout is how long the server may take to answer the hello (10 s),
	// AuthTimeout how long it may say nothing while it authenticates the client
	// (2 min, within which a person may have to type something), and
	// SilentTimeout how long it may say nothing after the welcome (20 s).
	// Frames longer than a second count as one, so
	// that a pause of this program is not taken for the server's silence.
	HelloTimeout, AuthTimeout, SilentTimeout time.Duration
	// MaxObjects is how many objects the server may show at a time (65,536)
	// and MaxBytes how many bytes of values they may have together (64 MiB).
	// Beyond it the session ends.
	MaxObjects, MaxBytes int
	// MaxHeld is how many bytes of parts, and as many of object messages, may
	// wait for what they build on (256 KiB); each counts 64 bytes more than
	// its length. Beyond it the oldest parts are dropped, which the server
	// then sends anew, and messages of an object are delivered before its
	// state is there.
	MaxHeld int
	// MaxCommands is how many reliable object messages may wait for the
	// command rate (256). Beyond it they are refused.
	MaxCommands int
}

// complete checks a configuration and fills in its defaults.
func (c Config) complete() (Config, error) {
	if c.Schema == nil {
		return c, errors.New("clientsession: Config.Schema is missing: parse the game's .dc files with dc.ParseFiles")
	}
	if err := c.Schema.CheckFieldNumbers(); err != nil {
		return c, fmt.Errorf("clientsession: %w", err)
	}
	if len(c.Password) > math.MaxUint16 || !utf8.ValidString(c.Password) {
		return c, errors.New("clientsession: Config.Password must be UTF-8 of at most 65,535 bytes")
	}
	if c.Events == nil {
		c.Events = NoEvents{}
	}
	if c.UpdateRate == 0 {
		c.UpdateRate = 20
	}
	if c.CommandRate == 0 {
		c.CommandRate = 100
	}
	if c.Clock == (netclock.Settings{}) {
		c.Clock = netclock.DefaultSettings()
	}
	orDefault(&c.Interp, 100*time.Millisecond, 0)
	orDefault(&c.InterpRatio, 2, 0)
	orDefault(&c.PingInterval, 500*time.Millisecond, forever)
	orDefault(&c.HelloTimeout, 10*time.Second, forever)
	orDefault(&c.AuthTimeout, 2*time.Minute, forever)
	orDefault(&c.SilentTimeout, 20*time.Second, forever)
	orDefault(&c.MaxObjects, 1<<16, math.MaxInt)
	orDefault(&c.MaxBytes, 64<<20, math.MaxInt)
	orDefault(&c.MaxHeld, 256<<10, math.MaxInt)
	orDefault(&c.MaxCommands, 256, math.MaxInt)
	if _, err := netclock.DefaultRate.InterpolationDelay(c.Interp.Seconds(), c.InterpRatio, float64(c.UpdateRate)); err != nil {
		return c, fmt.Errorf("clientsession: %w", err)
	}
	clock := c.Clock
	clock.TickRate = netclock.DefaultRate
	if err := clock.Validate(); err != nil {
		return c, fmt.Errorf("clientsession: Config.Clock: %w", err)
	}
	return c, nil
}

// forever is a duration that does not end.
const forever = time.Duration(math.MaxInt64)

// orDefault gives a setting its default when it is zero, and what none means
// when it is negative.
func orDefault[T int | float64 | time.Duration](v *T, dflt, none T) {
	switch {
	case *v == 0:
		*v = dflt
	case *v < 0:
		*v = none
	}
}
