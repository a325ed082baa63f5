package pipesdemo

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/internal/walkers"
)

// guest is a client with a walker. It belongs to the goroutine that plays.
type guest struct {
	client *client.Client
	name   string
	random *rand.Rand
	clock  func() time.Duration
	avatar *avatar // nil while it has none
	sees   int     // others, when it thought last
}

// avatar is a guest's own walker.
type avatar struct {
	guest  *guest
	object *client.Object
	mind   *walkers.Mind
	asked  walkers.Point // where it told the server to go
	lived  time.Duration
}

// thinkEvery is the time between two thoughts.
const thinkEvery = time.Second / 20

func newGuest(c *client.Client, name string, random *rand.Rand, clock func() time.Duration) (*guest, error) {
	g := &guest{client: c, name: name, random: random, clock: clock}
	c.AddInterest(nil, lobby)
	return g, errors.Join(
		c.Register("Lobby", func(*client.Object) any { return g }),
		c.Register("Walker", func(*client.Object) any { return neighbour{g} }),
		c.RegisterOwner("Walker", func(o *client.Object) any {
			a := &avatar{guest: g, object: o, mind: walkers.NewMind(name, random, place(o)), asked: place(o)}
			g.avatar = a
			return a
		}),
	)
}

// AnnounceGenerate is told that there is a lobby, and enters.
func (g *guest) AnnounceGenerate(o *client.Object) { _ = o.Send("enter", g.name) }

// Disable is told that the guest has its walker no more.
func (a *avatar) Disable(*client.Object) {
	if a.guest.avatar == a {
		a.guest.avatar = nil
	}
}

// neighbour is what a guest makes of others' walkers.
type neighbour struct{ guest *guest }

// Message hears what somebody says.
func (n neighbour) Message(o *client.Object, m client.Message) {
	if a := n.guest.avatar; a != nil && m.Field.Name() == "say" {
		if args, err := m.Field.Unpack(m.Args); err == nil {
			a.mind.Hear(n.guest.clock(), nameOf(o), args[0].(string))
		}
	}
}

// live sends the walker about and lets it talk. What cannot be sent now is
// thought of again.
func (g *guest) live() error {
	a, now := g.avatar, g.clock()
	if a == nil || now-a.lived < thinkEvery {
		return nil
	}
	a.lived = now
	var near []string
	for o := range g.client.Objects() {
		if o != a.object && o.Class().Name() == "Walker" {
			near = append(near, nameOf(o))
		}
	}
	g.sees = len(near)
	at := place(a.object)
	goal, line := a.mind.Live(now, at, near)
	var err error
	if goal != at && goal != a.asked {
		if err = a.object.Send("walk", goal.X, goal.Y); err == nil {
			a.asked = goal
		}
	}
	if line != "" {
		err = errors.Join(err, a.object.Send("say", line))
	}
	if errors.Is(err, client.ErrNotConnected) || errors.Is(err, client.ErrCommandRate) {
		return nil
	}
	return err
}

// place is where the server says that a walker is.
func place(o *client.Object) walkers.Point {
	return walkers.Point{X: number(o, "x"), Y: number(o, "y")}
}

func number(o *client.Object, field string) float64 {
	v, err := o.Get(field)
	if err != nil {
		return 0 // not with the schema of this package
	}
	return v[0].(float64)
}

func nameOf(o *client.Object) string {
	v, err := o.Get("name")
	if err != nil {
		return "" // not with the schema of this package
	}
	return v[0].(string)
}
