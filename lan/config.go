package lan

import (
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

// Codes with which the server closes a connection, beside the transport's own.
// A [Client] uses the first of them, and CodeTooSlow, for a server that it leaves.
const (
	CodeMalformed      transport.Code = 1000 + iota // a datagram that cannot be decoded
	CodeTooManyObjects                              // Config.MaxObjects
	CodeTooManyZones                                // Config.MaxZones
	CodeTooSlow                                     // the client does not read what it is sent
	CodeIdle                                        // Config.IdleTimeout or FullIdleTimeout
	CodeSilent                                      // Config.HeartbeatTimeout
)

// Defaults of [Config].
const (
	DefaultDoIDRange       = 1_000_000
	DefaultFlushInterval   = 5 * time.Millisecond
	DefaultMaxClients      = 4000
	DefaultMaxPerAddress   = 100
	DefaultMaxObjects      = 1000
	DefaultMaxZones        = 1000
	DefaultMessageRate     = 500
	DefaultByteRate        = 256 << 10
	DefaultZoneRate        = 100
	DefaultFullIdleTimeout = time.Minute
)

// Config is what a server is made from. In numbers and durations zero means
// the default, and a negative value means no limit, or never.
//
// Limits that are said to be per client do not bind trusted clients.
type Config struct {
	// Schema is what the game's .dc files declare. It is required, and has
	// to be parsed with multiple inheritance, Panda3D's default: else a field's
	// number does not say which field it is.
	Schema *dc.Schema

	// DoIDRange is how many doIds each client gets, at least 2: Panda3D's
	// server-doid-range. There are 2³²/DoIDRange ranges, and so many clients
	// at most. Default [DefaultDoIDRange].
	DoIDRange uint32

	// MaxMessage is the longest message in bytes that clients can be sent, at
	// least 18 and no more than the transport takes: 65,535 behind a 2-byte
	// header, which is the default. Not negative.
	MaxMessage int

	// FlushInterval is how long what is queued for clients waits at most for
	// more to leave with it. After a pause the first message leaves at once.
	// Default [DefaultFlushInterval]; negative: everything leaves at once.
	FlushInterval time.Duration

	// MaxClients is how many clients are let in. Default
	// [DefaultMaxClients], or less where DoIDRange allows fewer; negative: as
	// many as DoIDRange allows.
	MaxClients int
	// MaxPerAddress is how many clients are let in from one IPv4 address or
	// IPv6 /64, trusted ones not counted. Default [DefaultMaxPerAddress].
	MaxPerAddress int

	// MaxObjects is how many objects a client may have at a time; one more
	// disconnects it. Default [DefaultMaxObjects].
	MaxObjects int
	// MaxZones is how many zones a client may be interested in at a time,
	// those of its objects included; one more disconnects it. Default
	// [DefaultMaxZones].
	MaxZones int

	// MessageRate and ByteRate are how many messages and bytes per second a
	// client may send, and ZoneRate how many zones may enter its interest
	// per second; each of them may make all other clients resend their
	// objects. Twice as much may come at once. Beyond that the server stops
	// reading from the client until the average is met, and reads once in ten
	// seconds as long as that takes longer, or twice in the shortest of the
	// timeouts below. Defaults [DefaultMessageRate], [DefaultByteRate],
	// [DefaultZoneRate].
	MessageRate, ByteRate, ZoneRate float64

	// IdleTimeout disconnects clients that send nothing but heartbeats for so
	// long. By default nobody is: a player may sit in a menu.
	IdleTimeout time.Duration
	// FullIdleTimeout takes the place of IdleTimeout while four fifths of
	// MaxClients are connected. Default [DefaultFullIdleTimeout]. Trusted
	// clients are never idle.
	FullIdleTimeout time.Duration
	// HeartbeatTimeout disconnects clients that send nothing at all, not even
	// heartbeats, for so long. Off by default: stock games send none.
	HeartbeatTimeout time.Duration

	// Trust lists the addresses of trusted clients, such as the game's AI
	// servers. Nobody is trusted by default.
	Trust []netip.Prefix
	// TrustedClasses names dclasses whose objects only trusted clients may
	// create.
	TrustedClasses []string

	// Log gets what happens; nil means slog.Default().
	Log *slog.Logger
}

// settings is a Config with every default filled in.
type settings struct {
	Config
	limits      session.Limits
	zones       session.Rate
	maxHold     time.Duration
	trust       session.Networks
	trustedOnly map[*dc.Class]bool
}

// complete checks a configuration and fills in its defaults. In the result a
// limit of 0 means that there is none.
func (c Config) complete() (*settings, error) {
	if c.Schema == nil {
		return nil, fmt.Errorf("lan: Config.Schema is missing: parse the game's .dc files with dc.ParseFiles")
	}
	if err := c.Schema.CheckFieldNumbers(); err != nil {
		return nil, fmt.Errorf("lan: %w", err)
	}
	if c.DoIDRange == 0 {
		c.DoIDRange = DefaultDoIDRange
	}
	if c.DoIDRange < 2 {
		return nil, fmt.Errorf("lan: a doId range of %d leaves clients no doIds; it must be at least 2", c.DoIDRange)
	}
	slots := int64(1<<32) / int64(c.DoIDRange)
	switch {
	case c.MaxClients == 0:
		c.MaxClients = int(min(DefaultMaxClients, slots))
	case c.MaxClients < 0:
		c.MaxClients = int(min(math.MaxInt32, slots))
	}
	if int64(c.MaxClients) > slots {
		return nil, fmt.Errorf("lan: with a doId range of %d there are doIds for %d clients, not for %d: lower the range or the number of clients", c.DoIDRange, slots, c.MaxClients)
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 1<<16 - 1
	}
	if c.MaxMessage < shortestGenerate {
		return nil, fmt.Errorf("lan: no object fits into messages of %d bytes; it must be at least %d", c.MaxMessage, shortestGenerate)
	}
	for _, r := range []float64{c.MessageRate, c.ByteRate, c.ZoneRate} {
		if math.IsNaN(r) {
			return nil, fmt.Errorf("lan: a rate is not a number")
		}
	}
	orDefault(&c.FlushInterval, DefaultFlushInterval)
	orDefault(&c.MaxPerAddress, DefaultMaxPerAddress)
	orDefault(&c.MaxObjects, DefaultMaxObjects)
	orDefault(&c.MaxZones, DefaultMaxZones)
	orDefault(&c.MessageRate, DefaultMessageRate)
	orDefault(&c.ByteRate, DefaultByteRate)
	orDefault(&c.ZoneRate, DefaultZoneRate)
	orDefault(&c.IdleTimeout, 0)
	orDefault(&c.FullIdleTimeout, DefaultFullIdleTimeout)
	orDefault(&c.HeartbeatTimeout, 0)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &settings{
		Config: c,
		limits: session.Limits{Messages: rate(c.MessageRate), Bytes: rate(c.ByteRate)},
		zones:  rate(c.ZoneRate),
		trust:  c.Trust,
	}
	s.maxHold = maxHold
	for _, timeout := range []time.Duration{c.HeartbeatTimeout, c.IdleTimeout, c.FullIdleTimeout} {
		if timeout > 0 { // who is not read seems to send nothing
			s.maxHold = min(s.maxHold, timeout/2)
		}
	}
	for _, name := range c.TrustedClasses {
		class := c.Schema.Class(name)
		if class == nil || class.IsStruct() {
			return nil, fmt.Errorf("lan: the trusted class %q is not a dclass of the schema", name)
		}
		if s.trustedOnly == nil {
			s.trustedOnly = make(map[*dc.Class]bool)
		}
		s.trustedOnly[class] = true
	}
	return s, nil
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
