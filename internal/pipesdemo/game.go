package pipesdemo

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/walkers"
	"github.com/culm-net/culm/world"
)

// lobby is the zone of the object that lets clients enter.
const lobby = 100

// game is the server's side: it moves the walkers to where their clients want.
// The world's goroutine owns it.
type game struct {
	world   *world.World
	random  *rand.Rand
	tick    time.Duration // how long one lasts
	fail    func(error)
	walkers []*walker
}

// walker is a walker as the server knows it.
type walker struct {
	game     *game
	name     string
	object   *world.Object
	at, goal walkers.Point
}

func newGame(cfg world.Config, seed uint64, fail func(error)) (*game, error) {
	g := &game{fail: fail, random: rand.New(rand.NewPCG(seed, 1)), tick: time.Duration(cfg.TickRate.Interval() * float64(time.Second))}
	cfg.Events = world.Events{Tick: g.simulate, Left: g.left}
	var err error
	if g.world, err = world.New(cfg); err != nil {
		return nil, err
	}
	_, err = g.world.Spawn(world.Spawn{Class: "Lobby", Zone: lobby, Handler: g})
	return g, err
}

// simulate moves everybody by a tick.
func (g *game) simulate(uint32) {
	for _, w := range g.walkers {
		if w.at != w.goal {
			w.at = w.at.Toward(w.goal, g.tick)
			g.check(w.object.Set("x", w.at.X))
			g.check(w.object.Set("y", w.at.Y))
		}
		if zone := walkers.ZoneOf(w.at); zone != w.object.Zone() {
			g.check(w.object.Move(zone))
		}
	}
}

// Message is a client's wish to enter the world. One of that name who is there
// still had a connection that is lost.
func (g *game) Message(c *world.Client, _ *world.Object, f *dc.Field, args []byte) {
	values, err := f.Unpack(args)
	if g.check(err) {
		return
	}
	name := values[0].(string)
	for o := range c.Owned() {
		g.check(o.Delete()) // who enters twice starts anew
	}
	for _, w := range slices.Clone(g.walkers) {
		if w.name == name && w.object.Owner() != nil {
			w.object.Owner().Kick(name + " has entered from elsewhere")
		}
	}
	at := walkers.Point{X: g.random.Float64() * walkers.Width, Y: g.random.Float64() * walkers.Height}
	w := &walker{game: g, name: name, at: at, goal: at}
	w.object, err = g.world.Spawn(world.Spawn{Class: "Walker", Zone: walkers.ZoneOf(at), Owner: c, Handler: w,
		Fields: map[string]any{"name": name, "x": at.X, "y": at.Y}})
	if !g.check(err) {
		g.walkers = append(g.walkers, w)
	}
}

// left takes a client's walker out of the world.
func (g *game) left(c *world.Client, _ error) {
	for o := range c.Owned() {
		g.check(o.Delete())
	}
}

// Message is what a client wants its walker to do.
func (w *walker) Message(_ *world.Client, o *world.Object, f *dc.Field, args []byte) {
	switch f.Name() {
	case "walk":
		values, err := f.Unpack(args)
		if !w.game.check(err) {
			w.goal = walkers.Point{X: min(values[0].(float64), walkers.Width), Y: min(values[1].(float64), walkers.Height)}
		}
	case "say":
		w.game.check(o.SendPacked(f, args))
	}
}

// Delete forgets a walker that is gone.
func (w *walker) Delete(*world.Object) {
	w.game.walkers = slices.DeleteFunc(w.game.walkers, func(other *walker) bool { return other == w })
}

// check ends the party for what cannot go wrong unless walkers.dc and this
// package differ, and tells whether it did.
func (g *game) check(err error) bool {
	if err != nil {
		g.fail(err)
	}
	return err != nil
}
