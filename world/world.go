package world

import (
	"iter"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/netclock"
)

// World is the distributed objects of a game server and the clients that see
// them. See the package's documentation for who may call it.
type World struct {
	cfg   Config
	clock *netclock.Clock
	index *snapshot.Index

	tick    uint32    // the present one
	begun   bool      // there was a Step
	present time.Time // of the last Step
	busy    bool      // in Step

	classes   map[string]*class
	objects   map[uint32]*Object // those that are Generated, Alive or Disabled
	ids       *ids
	clients   map[uint32]*Client
	clientIDs *ids
	hooks     []*sealHook // replaced, never modified
	stopped   bool
	counters  counters

	scratch []byte // of Set

	// generates has, by doId, what World.Generate encoded in the present seal.
	generates sync.Map
	generated atomic.Bool // there is something in it

	spare []func()      // an empty queue, for its memory
	wake  chan struct{} // Do has something

	mu           sync.Mutex
	queue        []func() // of Do
	closed       bool     // Do takes nothing any more
	stats        Stats    // as of the last Step, like refusedStats
	refusedStats [refusals]uint64
}

// maxBack is how far the time of Step may go back without being another clock's.
const maxBack = time.Second

// lastTick is the last one: what is set after it must have a stamp, too.
const lastTick = math.MaxUint32 - 1

// maxClients is how many numbers there are for clients; the plain dialect tells
// them in 16 bits.
const maxClients = math.MaxUint16

// New makes a world without objects, before its first tick. The error says which
// setting is wrong.
func New(c Config) (*World, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	clock, err := netclock.NewClock(c.TickRate, c.CatchUp)
	if err != nil {
		return nil, err
	}
	rest := c.TickRate.Ticks(c.ReuseDelay.Seconds())
	return &World{
		cfg:     c,
		clock:   clock,
		index:   snapshot.New(snapshot.Config{TickRate: float64(c.TickRate), Workers: c.Workers}),
		classes: make(map[string]*class),
		objects: make(map[uint32]*Object),
		ids:     newIDs(c.FirstID, c.LastID, uint32(min(rest, math.MaxUint32))),
		clients: make(map[uint32]*Client),
		// They need no rest: going round is late enough, and resting ones would
		// keep clients out when somebody comes and goes a thousand times a second.
		clientIDs: newIDs(1, maxClients, 0),
		wake:      make(chan struct{}, 1),
	}, nil
}

// Do has f called by the goroutine that drives the world, in its next Step and in
// the order of calls. It never blocks and may be called from any goroutine and
// from callbacks. It returns false when the world has stopped, so that f will not
// be called; neither will be what is queued when the world stops. The queue has no
// bound: what a peer can cause is to wait in one of its own that has, with a single
// f for all of it.
func (w *World) Do(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.queue = append(w.queue, f)
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return true
}

// Step brings the world up to the present time and returns how many ticks that
// were. It calls what Do queued, then Events.Tick for each tick that is due since
// the last Step (no more than fit into Config.CatchUp, plus one), and then, if
// there was any, seals the last one: each client whose rate allows it gets one
// snapshot.
//
// The first Step sets the beginning of tick 0 and makes no tick. now should not
// go back; if it does, no time passes until it is later than it was, or, when it
// goes back by more than a second, as a machine's clock does that is set, time
// goes on from there. Step does not wait for anything. It does nothing in a world
// that has stopped, and when it is called from within Step.
func (w *World) Step(now time.Time) (ticks int) {
	if w.stopped {
		return 0
	}
	if w.busy {
		w.cfg.Log.Error("world: Step was called from a callback of Step, which does nothing")
		return 0
	}
	w.busy = true
	defer func() { w.busy = false }()
	start := time.Now()
	w.runQueue()
	if !w.begun {
		w.begun, w.present = true, now
	}
	due := 0
	switch dt := now.Sub(w.present); {
	case dt > 0:
		w.present = now
		due = w.clock.Advance(dt.Seconds())
	case dt < -maxBack:
		w.present = now
	}
	for range due {
		if w.tick == lastTick {
			w.cfg.Log.Error("the world has run out of ticks and must be started anew")
			w.stop("the world has run out of ticks and must be started anew")
		}
		if w.stopped {
			break
		}
		w.tick++
		ticks++
		if w.cfg.Events.Tick != nil {
			w.cfg.Events.Tick(w.tick)
		}
	}
	if ticks > 0 && !w.stopped {
		w.seal(w.tick)
	}
	w.counters.steps(start, ticks, w.cfg.TickRate)
	w.publish()
	return ticks
}

func (w *World) runQueue() {
	w.mu.Lock()
	queue := w.queue
	w.queue, w.spare = w.spare, nil
	w.mu.Unlock()
	for _, f := range queue {
		if w.stopped {
			break
		}
		f()
	}
	clear(queue)
	if w.spare = queue[:0]; cap(queue) > 4096 {
		w.spare = nil
	}
}

// Stop ends the world: all clients are sent away, as by a server that shuts down,
// Do takes nothing any more, Step does nothing and Run returns. Objects stay as they are, so that they can be
// saved. Stopping again does nothing.
func (w *World) Stop() { w.stop("the server is shutting down") }

func (w *World) stop(reason string) {
	if w.stopped {
		return
	}
	w.stopped = true
	w.mu.Lock()
	w.closed, w.queue = true, nil
	w.mu.Unlock()
	for c := range w.Clients() {
		c.viewer.Stop(reason)
		c.Leave(ErrStopped)
	}
	w.publish()
}

// Tick returns the number of the present tick, 0 before the first.
func (w *World) Tick() uint32 { return w.tick }

// Rate returns how many ticks there are in a second.
func (w *World) Rate() netclock.Rate { return w.cfg.TickRate }

// Time returns when the present tick began, in seconds of the world's time.
func (w *World) Time() float64 { return w.cfg.TickRate.Seconds(int64(w.tick)) }

// Object returns the object with a doId, or nil.
func (w *World) Object(doID uint32) *Object { return w.objects[doID] }

// Objects returns all objects, in no particular order. They may be changed and
// deleted meanwhile; objects that are spawned meanwhile may be among them or
// not.
func (w *World) Objects() iter.Seq[*Object] {
	return func(yield func(*Object) bool) {
		for _, o := range w.objects {
			if !yield(o) {
				return
			}
		}
	}
}

// ObjectsIn returns the objects in a zone, in no particular order. They may be
// changed, moved and deleted meanwhile; objects that come meanwhile are not
// among them.
func (w *World) ObjectsIn(zone uint32) iter.Seq[*Object] {
	return func(yield func(*Object) bool) {
		var all []*Object
		for _, e := range w.index.AppendObjects(nil, zone) {
			all = append(all, w.objects[e.ID()])
		}
		for _, o := range all {
			if o.entry != nil && o.zone == zone && !yield(o) {
				return
			}
		}
	}
}

// Client returns the client with a number, or nil.
func (w *World) Client(id uint32) *Client { return w.clients[id] }

// Clients returns all clients, in no particular order. They may be kicked
// meanwhile; clients that join meanwhile may be among them or not.
func (w *World) Clients() iter.Seq[*Client] {
	return func(yield func(*Client) bool) {
		for _, c := range w.clients {
			if !yield(c) {
				return
			}
		}
	}
}

// Schema returns what the game's .dc files declare.
func (w *World) Schema() *dc.Schema { return w.cfg.Schema }
