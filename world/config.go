package world

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/netclock"
)

// DefaultReuseDelay is how long a doId rests by default.
const DefaultReuseDelay = time.Minute

// Config is what a world is made from. Zero means the default.
type Config struct {
	// Schema is what the game's .dc files declare. It is required, and has
	// to be parsed with multiple inheritance, Panda3D's default: else a field's
	// number does not say which field it is.
	Schema *dc.Schema

	// TickRate is how many ticks there are in a second, at most
	// [netclock.MaxRate]. Default [netclock.DefaultRate], 66. Tick numbers
	// have 32 bits, which last for two years at 66 and for 49 days at 1000;
	// then the world stops.
	TickRate netclock.Rate
	// CatchUp is the longest time between two Steps that is made good, at most
	// a minute. Default [netclock.DefaultCatchUp].
	CatchUp time.Duration

	// FirstID and LastID bound the doIds that the world gives its objects.
	// Default 1 to 2³²-1: 0 is valid for peers, but easily taken for "none".
	FirstID, LastID uint32
	// ReuseDelay is how long the doId of a deleted object rests before another
	// object may get it. It also comes after all doIds that were not used yet.
	// Default [DefaultReuseDelay]; negative: it may come back at once. Until
	// its time is over a doId takes 8 bytes.
	ReuseDelay time.Duration

	// Events are called back.
	Events Events

	// Workers is how many goroutines make snapshots. Default GOMAXPROCS, or
	// fewer when there is little to do.
	Workers int

	// Log gets what happens; nil means slog.Default().
	Log *slog.Logger
}

// Events are a game's callbacks; nil ones are not called. See the package's
// documentation for what they may do.
type Events struct {
	// Tick simulates a tick. Ticks are numbered from 1. When a Step has
	// several to make good, Tick is called for each, and clients get one
	// snapshot of the last.
	Tick func(tick uint32)

	// Joined tells of a new client, which sees no zone yet. To send it away
	// again, kick it.
	Joined func(c *Client)

	// Left tells that a client has gone, and why. Its owned objects and zones
	// can still be asked for; objects that are its own when Left returns live
	// on without an owner. The error is nil when the client said goodbye, a
	// [*KickError] when it was kicked, ErrStopped when the world stopped, else
	// what its session says.
	Left func(c *Client, err error)

	// Interest decides whether a client may see a zone that it asks for. Without
	// it every client may see every zone. It is not asked for the zones of
	// owned objects and those that the game itself adds.
	Interest func(c *Client, zone uint32) bool

	// Message gets the messages of clients for objects whose handler is no
	// [MessageHandler]. args are the packed arguments, checked and only valid
	// during the call; f.Unpack(args) gives Go values.
	Message func(c *Client, o *Object, f *dc.Field, args []byte)
}

// complete checks a configuration and fills in its defaults.
func (c *Config) complete() error {
	if c.Schema == nil {
		return fmt.Errorf("world: Config.Schema is missing: parse the game's .dc files with dc.ParseFiles")
	}
	if err := c.Schema.CheckFieldNumbers(); err != nil {
		return fmt.Errorf("world: %w", err)
	}
	if c.TickRate == 0 {
		c.TickRate = netclock.DefaultRate
	}
	if c.CatchUp == 0 {
		c.CatchUp = netclock.DefaultCatchUp
	}
	if c.FirstID == 0 {
		c.FirstID = 1
	}
	if c.LastID == 0 {
		c.LastID = math.MaxUint32
	}
	if c.LastID < c.FirstID {
		return fmt.Errorf("world: there is no doId from %d to %d; Config.LastID must not be less than FirstID", c.FirstID, c.LastID)
	}
	switch {
	case c.ReuseDelay == 0:
		c.ReuseDelay = DefaultReuseDelay
	case c.ReuseDelay < 0:
		c.ReuseDelay = 0
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return nil
}
