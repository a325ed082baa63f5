package pipes

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

// Codes with which the server closes a connection, beside the transport's own:
// [transport.CodeRefused] for clients that are not let in, CodeNormal for those
// that say goodbye, CodeShutdown.
const (
	CodeMalformed       transport.Code = 1100 + iota // a message that cannot be decoded
	CodeWrongState                                   // a message that does not belong there, such as a second hello
	CodeTooManyZones                                 // Config.MaxZones
	CodeTooManyRequests                              // more interests wait for their completion than maxCompletions
	CodeTooFast                                      // commands at four times the rate agreed upon, or more than the inbox holds
	CodeTooSlow                                      // the client does not read what it is sent
	CodeTooLarge                                     // an object does not fit into a message of the transport
	CodeNoHello                                      // Config.HelloTimeout
	CodeSilent                                       // Config.SilentTimeout
	CodeKicked                                       // the game's decision
)

// Defaults of [Config].
const (
	DefaultMaxClients     = 24
	DefaultMaxPerAddress  = 32
	DefaultMinUpdateRate  = 1
	DefaultMaxCommandRate = 255
	DefaultHelloTimeout   = 10 * time.Second
	DefaultAuthTimeout    = 30 * time.Second
	DefaultSilentTimeout  = 30 * time.Second
	DefaultMaxZones       = 1000
	DefaultZoneRate       = 1000
	DefaultMessageRate    = 2000
	DefaultByteRate       = 256 << 10
	DefaultSendRate       = 256 << 10
)

// Config is what a server is made from. In numbers and durations zero means the
// default, and a negative value means no limit, or never. The names in brackets
// are the settings of panda3d-pipes' README.
type Config struct {
	// World is what clients see and act in. It is required.
	World *world.World

	// Password is what clients have to say in their hello (pipes-password).
	// Empty, which is the default: anything.
	Password string
	// Authenticator decides who a client is before it is let in, once its
	// password was right. nil, which is the default: nobody asks, and clients
	// have no account.
	Authenticator Authenticator

	// MaxClients is how many clients are let in (pipes-max-clients). Default
	// [DefaultMaxClients]. Somewhat more may be connected, to be told that
	// the server is full, or while the Authenticator decides about them.
	MaxClients int
	// MaxPerAddress is how many clients may be connected from one IPv4 address or
	// IPv6 /64. Default [DefaultMaxPerAddress].
	MaxPerAddress int

	// MinUpdateRate and MaxUpdateRate are how many snapshots a client gets per
	// second, whatever it asks for (pipes-minupdaterate,
	// pipes-maxupdaterate). Defaults: [DefaultMinUpdateRate] and the world's
	// tick rate, which MaxUpdateRate does not exceed. Not negative.
	MinUpdateRate, MaxUpdateRate int
	// MaxCommandRate is how many object messages a client may send per second,
	// at most; it asks for less with its own rate (pipes-cmdrate). Half as many,
	// and 8 at least, may come at once. Unreliable ones beyond that are
	// dropped, reliable ones take effect later. A client that keeps sending
	// more than four times its rate is disconnected. Default
	// [DefaultMaxCommandRate], 65,535 at most; negative: clients have no
	// command rate.
	MaxCommandRate int

	// HelloTimeout disconnects clients that do not say hello for so long,
	// AuthTimeout rejects clients that the Authenticator has not accepted by then,
	// SilentTimeout disconnects clients of which nothing is heard for so long,
	// not even a ping. Each may come up to a second late. Defaults
	// [DefaultHelloTimeout], [DefaultAuthTimeout], [DefaultSilentTimeout].
	HelloTimeout, AuthTimeout, SilentTimeout time.Duration

	// MaxZones is how many zones a client may ask for at a time; one more
	// disconnects it. Default [DefaultMaxZones].
	MaxZones int
	// MessageRate and ByteRate are how many messages and bytes per second a
	// client may send, of all kinds, and ZoneRate how many zones its messages may
	// name. Twice as much may come at once. Beyond that the server stops
	// reading from the client until the average is met, and reads once in ten
	// seconds as long as that takes longer. Defaults
	// [DefaultMessageRate], [DefaultByteRate], [DefaultZoneRate].
	MessageRate, ByteRate, ZoneRate float64

	// SendRate is how many bytes of snapshots and generates a client is sent
	// per second at most; what the transport advises may be less. Default
	// [DefaultSendRate], which is what panda3d-pipes' library sends at most.
	SendRate float64

	// Log gets what happens; nil means slog.Default().
	Log *slog.Logger
}

// settings is a Config with every default filled in: a limit of 0 means that
// there is none.
type settings struct {
	Config
	limits session.Limits
	zones  session.Rate
}

// complete checks a configuration and fills in its defaults.
func (c Config) complete() (*settings, error) {
	if c.World == nil {
		return nil, errors.New("pipes: Config.World is missing: make one with world.New")
	}
	ticks := int(c.World.Rate())
	if c.MinUpdateRate < 0 || c.MaxUpdateRate < 0 {
		return nil, fmt.Errorf("pipes: update rates from %d to %d per second; they cannot be negative", c.MinUpdateRate, c.MaxUpdateRate)
	}
	orDefault(&c.MinUpdateRate, DefaultMinUpdateRate)
	orDefault(&c.MaxUpdateRate, ticks)
	c.MaxUpdateRate = min(c.MaxUpdateRate, ticks)
	if c.MinUpdateRate > c.MaxUpdateRate {
		return nil, fmt.Errorf("pipes: an update rate of at least %d and at most %d per second, at %d ticks; lower Config.MinUpdateRate", c.MinUpdateRate, c.MaxUpdateRate, ticks)
	}
	if c.MaxCommandRate > math.MaxUint16 {
		return nil, fmt.Errorf("pipes: a command rate of %d per second; the protocol has %d at most", c.MaxCommandRate, math.MaxUint16)
	}
	for _, r := range []float64{c.MessageRate, c.ByteRate, c.ZoneRate, c.SendRate} {
		if math.IsNaN(r) {
			return nil, errors.New("pipes: a rate is not a number")
		}
	}
	orDefault(&c.MaxClients, DefaultMaxClients)
	orDefault(&c.MaxPerAddress, DefaultMaxPerAddress)
	orDefault(&c.MaxCommandRate, DefaultMaxCommandRate)
	orDefault(&c.HelloTimeout, DefaultHelloTimeout)
	orDefault(&c.AuthTimeout, DefaultAuthTimeout)
	orDefault(&c.SilentTimeout, DefaultSilentTimeout)
	orDefault(&c.MaxZones, DefaultMaxZones)
	orDefault(&c.MessageRate, DefaultMessageRate)
	orDefault(&c.ByteRate, DefaultByteRate)
	orDefault(&c.ZoneRate, DefaultZoneRate)
	orDefault(&c.SendRate, DefaultSendRate)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &settings{
		Config: c,
		limits: session.Limits{Messages: rate(c.MessageRate), Bytes: rate(c.ByteRate)},
		zones:  rate(c.ZoneRate),
	}, nil
}

// orDefault gives a setting its default when it is zero, and zero when it is
// negative.
func orDefault[T int | float64 | time.Duration](v *T, dflt T) {
	switch {
	case *v == 0:
		*v = dflt
	case *v < 0:
		*v = 0
	}
}

// rate allows twice as much at once as per second.
func rate(perSecond float64) session.Rate {
	return session.Rate{PerSecond: perSecond, Burst: 2 * perSecond}
}

// maxConnections is how many may be connected: those who are let in, and some
// who are told that the server is full, or are not yet known to be one or the
// other.
func (s *settings) maxConnections() int {
	if s.MaxClients == 0 {
		return 0
	}
	return s.MaxClients + s.MaxClients/4 + 64
}

// updateRate is what a client gets that asks for so many snapshots per second,
// and commandRate so for commands; 0 when there is no limit.
func (s *settings) updateRate(asked uint16) uint16 {
	return uint16(min(max(int(asked), s.MinUpdateRate), s.MaxUpdateRate))
}

func (s *settings) commandRate(asked uint16) uint16 {
	if s.MaxCommandRate == 0 {
		return max(asked, 1)
	}
	return uint16(min(max(int(asked), 1), s.MaxCommandRate))
}
