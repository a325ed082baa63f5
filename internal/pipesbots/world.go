package pipesbots

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/loadgen"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

//go:embed load.dc
var loadDC []byte

// LoadSchema returns the schema of [World].
var LoadSchema = sync.OnceValues(func() (*dc.Schema, error) {
	return dc.Parse(dc.Source{Name: "load.dc", Text: loadDC})
})

// LoadCounter is the method of [World]'s objects that counts its calls.
const LoadCounter = "Mover.count"

// WorldConfig says what a [World] has.
type WorldConfig struct {
	// Objects is how many there are. All of them move in each tick.
	Objects int
	// ValueBytes is how many bytes of each object change in each tick besides
	// its two coordinates. With 0 that is the coordinates alone.
	ValueBytes int
	// Zones is over how many zones they spread: 1 to Zones. 0 means 1.
	Zones int
	// TickRate is that of the world, 0 for its default.
	TickRate netclock.Rate
	// Messages is how many messages per second each object sends to all who
	// see it.
	Messages float64
	// Changes is how often per second an object is replaced by a new one and
	// another one moves to the next zone.
	Changes float64
	// Password is what clients must know.
	Password string
	// Log gets what happens; nil means slog.Default().
	Log *slog.Logger
}

// World is a world of moving objects with a server, to measure against. It has
// no limit of clients.
type World struct {
	config  WorldConfig
	world   *world.World
	server  *pipes.Server
	objects []mover
	x, y    *dc.Field
	more    *dc.Field
	count   *dc.Field
	value   []byte
	changed int       // objects that were replaced or moved
	began   time.Time // of the tick
	ticks   loadgen.Histogram
}

// mover is one of the objects.
type mover struct {
	*world.Object
	messages uint32
}

// NewWorld makes a world; Serve runs it.
func NewWorld(c WorldConfig) (*World, error) {
	schema, err := LoadSchema()
	if err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Zones = cmp.Or(c.Zones, 1)
	class := schema.Class("Mover")
	w := &World{
		config: c,
		x:      class.FieldByName("x"),
		y:      class.FieldByName("y"),
		more:   class.FieldByName("more"),
		count:  class.FieldByName("count"),
		value:  make([]byte, max(8, 2+c.ValueBytes)),
	}
	if w.world, err = world.New(world.Config{
		Schema:   schema,
		TickRate: c.TickRate,
		Log:      c.Log,
		Events: world.Events{
			Tick:    w.tick,
			Message: func(*world.Client, *world.Object, *dc.Field, []byte) {}, // poke
		},
	}); err != nil {
		return nil, err
	}
	if w.server, err = pipes.NewServer(pipes.Config{
		World:         w.world,
		Password:      c.Password,
		MaxClients:    -1,
		MaxPerAddress: -1, // all bots come from one
		Log:           c.Log,
	}); err != nil {
		return nil, err
	}
	// After the server's, so that what it does after a tick counts.
	w.world.OnSeal(nil, func(uint32) {
		w.ticks.Add(time.Since(w.began))
		w.began = time.Time{}
	})
	for range c.Objects {
		o, err := w.spawn(len(w.objects))
		if err != nil {
			return nil, err
		}
		w.objects = append(w.objects, mover{Object: o})
	}
	return w, nil
}

func (w *World) spawn(i int) (*world.Object, error) {
	return w.world.Spawn(world.Spawn{Class: "Mover", Zone: 1 + uint32(i%w.config.Zones)})
}

// Serve lets clients in until ctx is done, and then ends.
func (w *World) Serve(ctx context.Context, l transport.Listener) error {
	driving, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var failed error
	running.Go(func() { failed = w.world.Run(driving) })
	err := w.server.Serve(ctx, l)
	stop()
	running.Wait()
	return cmp.Or(err, failed)
}

// WorldStats are the counters of a [World], tagged as package console wants
// them.
type WorldStats struct {
	World   world.Stats   `metric:"world"`
	Server  pipes.Stats   `metric:"server"`
	TickP50 time.Duration `metric:"tick_p50_seconds" help:"Half of all ticks took at most so long, from simulating to flushing."`
	TickP99 time.Duration `metric:"tick_p99_seconds" help:"99 of 100 ticks took at most so long."`
	TickMax time.Duration `metric:"tick_max_seconds" help:"The longest tick."`
}

// Stats returns the counters. It is safe for concurrent use.
func (w *World) Stats() WorldStats {
	return WorldStats{
		World: w.world.Stats(), Server: w.server.Stats(),
		TickP50: w.ticks.Quantile(0.5), TickP99: w.ticks.Quantile(0.99), TickMax: w.ticks.Max(),
	}
}

// tick moves all objects.
func (w *World) tick(tick uint32) {
	if w.began.IsZero() { // else a tick is made good, and both are one
		w.began = time.Now()
	}
	rate := float64(w.world.Rate())
	changed := int(w.config.Changes * float64(tick) / rate)
	for ; w.changed < changed && len(w.objects) > 0; w.changed++ {
		w.must(w.change())
	}
	for i := range w.objects {
		o := &w.objects[i]
		// A round in ten seconds, each object at a place of its own.
		angle := float64(i) + 2*math.Pi/10*float64(tick)/rate
		w.must(o.SetPacked(w.x, w.coordinate(10*math.Cos(angle))))
		w.must(o.SetPacked(w.y, w.coordinate(10*math.Sin(angle))))
		if n := w.config.ValueBytes; n > 0 {
			v := w.value[:2+n]
			binary.LittleEndian.PutUint16(v, uint16(n))
			for k := range min(n, 4) {
				v[2+k] = byte(tick >> (8 * k))
			}
			w.must(o.SetPacked(w.more, v))
		}
		// Their messages are spread over the time between two.
		phase := float64(i) / float64(len(w.objects))
		due := func(tick uint32) int { return int(w.config.Messages*float64(tick)/rate + phase) }
		if due(tick) > due(tick-1) {
			o.messages++
			w.must(o.SendPacked(w.count, binary.LittleEndian.AppendUint32(w.value[:0], o.messages)))
		}
	}
}

func (w *World) coordinate(v float64) []byte {
	binary.LittleEndian.PutUint64(w.value, math.Float64bits(v))
	return w.value[:8]
}

// change replaces an object and moves another one.
func (w *World) change() error {
	i := w.changed % len(w.objects)
	o := &w.objects[i]
	if err := o.Delete(); err != nil {
		return err
	}
	next, err := w.spawn(i)
	if err != nil {
		return err
	}
	*o = mover{Object: next}
	other := w.objects[(i+len(w.objects)/2)%len(w.objects)]
	return other.Move(other.Zone()%uint32(w.config.Zones) + 1)
}

// must stops the world at an error, since what it would show then is not what
// was asked for.
func (w *World) must(err error) {
	if err != nil {
		w.config.Log.Error("the world of the bots cannot go on", "err", err)
		w.world.Stop()
	}
}

// Validate tells what is wrong with a configuration.
func (c *WorldConfig) Validate() error {
	switch {
	case c.Objects < 0 || c.Objects > 1<<20:
		return fmt.Errorf("%d objects; use 0 to %d", c.Objects, 1<<20)
	case c.ValueBytes < 0 || c.ValueBytes > 10_000:
		return fmt.Errorf("%d bytes of values; use 0 to 10000", c.ValueBytes)
	case c.Zones < 0 || c.Zones > 1<<16:
		return fmt.Errorf("%d zones; use 1 to %d", c.Zones, 1<<16)
	case !(c.Messages >= 0 && c.Messages <= 1000):
		return fmt.Errorf("%g messages per second; use 0 to 1000", c.Messages)
	case !(c.Changes >= 0 && c.Changes <= 1000):
		return fmt.Errorf("%g changes per second; use 0 to 1000", c.Changes)
	}
	return nil
}
