package world_test

import (
	"fmt"
	"log"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/world"
)

// arena is a game: an avatar for everybody, and a ball to kick.
type arena struct {
	world    *world.World
	ball     *world.Object
	x, speed float64
}

const pitch = 1 // the zone where it all happens

func newArena(schema *dc.Schema) (*arena, error) {
	a := &arena{}
	var err error
	a.world, err = world.New(world.Config{
		Schema: schema,
		Events: world.Events{Tick: a.tick, Joined: a.joined, Left: a.left},
	})
	if err != nil {
		return nil, err
	}
	a.ball, err = a.world.Spawn(world.Spawn{Class: "Ball", Zone: pitch, Handler: a})
	return a, err
}

func (a *arena) tick(uint32) {
	a.x += a.speed * a.world.Rate().Interval()
	a.speed *= 0.99
	check(a.ball.Set("x", a.x))
}

func (a *arena) joined(c *world.Client) {
	check(c.AddZones(pitch))
	_, err := a.world.Spawn(world.Spawn{Class: "Avatar", Zone: pitch, Owner: c, Handler: avatar{}})
	check(err)
}

func (a *arena) left(c *world.Client, err error) {
	for o := range c.Owned() {
		check(o.Delete())
	}
}

// Message is somebody's kick at the ball.
func (a *arena) Message(c *world.Client, o *world.Object, f *dc.Field, args []byte) {
	values, err := f.Unpack(args)
	check(err)
	a.speed = min(values[0].(float64), 10)
}

// avatar handles what clients send to avatars.
type avatar struct{}

func (avatar) Message(c *world.Client, o *world.Object, f *dc.Field, args []byte) {
	switch f.Name() {
	case "emote": // everybody else is to see it
		check(o.SendPackedExcept([]*world.Client{c}, f, args))
	case "move": // the owner says where it wants to be
		values, err := f.Unpack(args)
		check(err)
		check(o.Set("pos", values))
	}
}

// check is for what cannot fail unless the DC files and the code differ.
func check(err error) {
	if err != nil {
		log.Print(err)
	}
}

// A whole game server, but for the network: what brings clients to the world is
// in package pipes. Here time passes as the example likes; a server calls Run.
func Example() {
	schema, err := dc.ParseFiles("testdata/arena.dc")
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := newArena(schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	a.speed = 3
	now := time.Now()
	for range 4 {
		ticks := a.world.Step(now)
		x, err := a.ball.Get("x")
		fmt.Printf("%d ticks: x = %.2f, %v\n", ticks, x[0], err)
		now = now.Add(100*time.Millisecond + time.Microsecond)
	}
	// Output:
	// 0 ticks: x = 0.00, <nil>
	// 6 ticks: x = 0.27, <nil>
	// 7 ticks: x = 0.56, <nil>
	// 6 ticks: x = 0.79, <nil>
}
