package clientagent

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/session"
)

// Config is what an [Agent] is made from. In limits and times zero means none.
type Config struct {
	// Schema is what the game's DC files declare. It is required, and has to
	// be parsed with multiple inheritance, the default.
	Schema *dc.Schema
	// Hash is the DC hash that clients must name. 0 means the schema's.
	Hash uint32
	// Version is the version that clients must name.
	Version string
	// MinChannel and MaxChannel are the channels that sessions are given, both
	// included, so that there are as many clients at most; none if min is
	// above max.
	MinChannel, MaxChannel uint64
	// UberDOGs are the objects that clients always know.
	UberDOGs []UberDOG

	// Interest says which interest clients may open and close by themselves.
	// Servers may always.
	Interest InterestPolicy
	// Zones limits it to some zones, if it is not nil.
	Zones *ZonePolicy
	// Relocate lets clients move objects that they own.
	Relocate bool
	// HideVersion and HideHash leave the right ones out of what a client with
	// wrong ones is told.
	HideVersion, HideHash bool
	// StrictCLRecv lets updates reach clients only of fields with clrecv, and
	// with ownrecv those who own the object; else also of broadcast ones.
	// What an object has when it enters is not affected.
	StrictCLRecv bool

	// InterestTimeout is how long the objects of a new interest are waited
	// for. 0 means 500 ms.
	InterestTimeout time.Duration
	// HeartbeatTimeout ejects a client that sends no heartbeat for so long.
	HeartbeatTimeout time.Duration
	// HelloTimeout ejects a client that has not said hello so long after it
	// has connected, and AuthTimeout one that is not established.
	HelloTimeout, AuthTimeout time.Duration
	// WriteTimeout closes the connection of a client that takes nothing of
	// what waits for it for so long. How much may wait is the transport's to
	// limit.
	WriteTimeout time.Duration
	// HistoricalTTL is how long updates of an object that has left are
	// ignored before they eject.
	HistoricalTTL time.Duration

	// Limits are how much a client may do and hold.
	Limits Limits

	// MaxBacklog is how many bytes may wait to be routed before clients are
	// read more slowly. 0 means messagedirector.DefaultBacklog.
	MaxBacklog int
	// DrainGrace is how long clients may stay when Serve's context is done,
	// and DrainReason what they are told then.
	DrainGrace  time.Duration
	DrainReason string

	// Event is told what happens to sessions. It is called inside the
	// director's order: it must return at once, and not call back.
	Event func(Event)
	// Log gets what happens; nil discards it.
	Log *slog.Logger
}

// UberDOG is an object that clients always know.
type UberDOG struct {
	ID    uint32
	Class string
	// Anonymous lets clients send to it before they have logged in.
	Anonymous bool
}

// InterestPolicy says which interest clients may open and close.
type InterestPolicy int

// Astron's add_interest.
const (
	InterestVisible  InterestPolicy = iota // under objects that they know
	InterestEnabled                        // under any object
	InterestDisabled                       // none
)

// ZonePolicy says in which zones clients may open interest.
type ZonePolicy struct {
	// Blacklist makes Zones those that are not allowed.
	Blacklist bool
	Zones     []ZoneRange
}

// ZoneRange is a range of zones, both ends included.
type ZoneRange struct{ Min, Max uint32 }

func (p *ZonePolicy) allows(zone uint32) bool {
	if p == nil {
		return true
	}
	for _, r := range p.Zones {
		if r.Min <= zone && zone <= r.Max {
			return !p.Blacklist
		}
	}
	return p.Blacklist
}

// Limits are how much a client may do and hold; 0 is no limit. What a client
// asks for beyond them ejects it with CodeForbiddenInterest; what a server of
// the game asks for is refused and logged.
type Limits struct {
	// Clients is how many there may be, PerAddress how many from one IPv4
	// address or IPv6 /64. More are told so and closed.
	Clients, PerAddress int
	// Messages and Bytes are how many a client may send per second, twice as
	// many at once. Beyond that it is read more slowly.
	Messages, Bytes float64
	// Interests and Zones are how many interests a client may have, and how
	// many zones in all of them.
	Interests, Zones int
	// Pending is how many bytes of messages are held back while interests
	// open. The interest to which the next one belongs then ends at once, as
	// after the timeout.
	Pending int
	// Declared, Session, Channels and PostRemoves are how many objects
	// servers may declare to it or make its session objects, how many
	// channels and post-removes they may give it.
	Declared, Session, Channels, PostRemoves int
	// Historical is how many objects that have left are remembered; the
	// oldest is forgotten.
	Historical int
}

// settings is a Config as an agent uses it.
type settings struct {
	Config
	rates    session.Limits
	uberDOGs map[uint32]uberDOG
}

type uberDOG struct {
	class     *dc.Class
	anonymous bool
}

// complete checks a configuration and fills in its defaults.
func (c Config) complete() (*settings, error) {
	if c.Schema == nil {
		return nil, errors.New("clientagent: Config.Schema is missing: parse the game's DC files with dc.ParseFiles")
	}
	for _, class := range c.Schema.Classes() {
		for _, f := range class.Fields() {
			if c.Schema.FieldByNumber(f.Number()) != f {
				return nil, errors.New("clientagent: the schema was parsed without multiple inheritance, so that fields share their numbers; Astron's protocol cannot tell them apart")
			}
		}
	}
	if c.MinChannel == 0 && c.MaxChannel != 0 {
		return nil, errors.New("clientagent: channel 0 cannot be given to a client: let the channels begin higher")
	}
	s := &settings{Config: c, uberDOGs: make(map[uint32]uberDOG)}
	for _, u := range c.UberDOGs {
		class := c.Schema.Class(u.Class)
		if class == nil || class.IsStruct() {
			return nil, fmt.Errorf("clientagent: the class %q of UberDOG %d is not a dclass of the DC files", u.Class, u.ID)
		}
		s.uberDOGs[u.ID] = uberDOG{class, u.Anonymous}
	}
	s.rates = session.Limits{Messages: rate(c.Limits.Messages), Bytes: rate(c.Limits.Bytes)}
	s.Hash = cmp.Or(c.Hash, c.Schema.Hash())
	s.InterestTimeout = cmp.Or(c.InterestTimeout, 500*time.Millisecond)
	s.MaxBacklog = cmp.Or(c.MaxBacklog, defaultBacklog)
	s.DrainReason = cmp.Or(c.DrainReason, "The server is going down for maintenance.")
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Event == nil {
		s.Event = func(Event) {}
	}
	return s, nil
}

// rate allows twice as much at once as per second.
func rate(perSecond float64) session.Rate {
	return session.Rate{PerSecond: perSecond, Burst: 2 * perSecond}
}

// reached reports whether a limit allows no more than n.
func reached(n, limit int) bool { return limit > 0 && n >= limit }
