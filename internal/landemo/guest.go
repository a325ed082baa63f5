package landemo

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport"
)

// guest is a client with an avatar. Party.mu guards its state.
type guest struct {
	lan.NoEvents
	party  *Party
	client *lan.Client
	index  int
	name   string
	avatar uint32

	x, y, aimX, aimY float64
	zone             uint32
	rest             time.Duration // until when it stays where it is
	step             uint32
	made             [256]time.Duration // when: by step
	near             map[uint32]string  // names of the avatars in sight, by doId
	replies          []reply
	arrived          time.Duration // when what is being received came
}

// reply is something to be said soon.
type reply struct {
	at   time.Duration
	text string
}

// clocked notes when messages arrive.
type clocked struct {
	*lan.Client
	guest *guest
}

var _ transport.Handler = (*clocked)(nil)

// Received notes the time, and lets the client do the rest.
func (c *clocked) Received(conn transport.Conn, datagrams [][]byte) {
	g := c.guest
	g.party.mu.Lock()
	g.arrived = g.party.clock()
	g.party.mu.Unlock()
	c.Client.Received(conn, datagrams)
}

// live is one step: where to, and is there something to say?
func (g *guest) live(now time.Duration) error {
	r := g.party.random
	dx, dy := g.aimX-g.x, g.aimY-g.y
	switch far := math.Hypot(dx, dy); {
	case now < g.rest:
	case far < 1:
		if err := g.choose(now); err != nil {
			return err
		}
	default:
		g.x += dx / far * min(far, speed/stepsPerSec)
		g.y += dy / far * min(far, speed/stepsPerSec)
	}
	g.step++
	g.made[g.step%uint32(len(g.made))] = now
	if err := g.client.Update(g.avatar, "setPos", g.x, g.y, g.step); err != nil {
		return err
	}
	if zone := zoneOf(g.x); zone != g.zone {
		g.zone = zone
		if err := g.client.SetZone(g.avatar, zone); err != nil {
			return err
		}
	}
	if len(g.replies) > 0 && now >= g.replies[0].at {
		text := g.replies[0].text
		g.replies = g.replies[1:]
		return g.say(text)
	}
	if r.IntN(stepsPerSec*20) == 0 {
		return g.talk()
	}
	return nil
}

// choose finds a place to go to, seldom beyond the border.
func (g *guest) choose(now time.Duration) error {
	r := g.party.random
	g.rest = now + time.Duration(r.Int64N(int64(3*time.Second)))
	g.aimX = 2 + r.Float64()*(border-4)
	if g.zone == forest {
		g.aimX += border
	}
	g.aimY = 2 + r.Float64()*(worldHeight-4)
	if r.IntN(5) > 0 {
		return nil
	}
	g.aimX = worldWidth - g.aimX
	return g.say(fmt.Sprintf("I am off to the %s.", zoneName(zoneOf(g.aimX))))
}

var remarks = []string{"Nice weather today.", "What was I looking for?", "Did you hear that?", "My feet hurt.", "I could stay here for ever."}

// talk says something to somebody in sight, or to nobody.
func (g *guest) talk() error {
	r := g.party.random
	if i := r.IntN(len(g.near) + 1); i < len(g.near) {
		for _, name := range g.near {
			if i--; i < 0 {
				return g.say(fmt.Sprintf("Hello %s!", name))
			}
		}
	}
	return g.say(remarks[r.IntN(len(remarks))])
}

func (g *guest) say(text string) error { return g.client.Update(g.avatar, "say", text) }

// Generated learns the name of who comes into sight.
func (g *guest) Generated(_ *lan.Client, e *lan.Generate) {
	for f, value := range e.Values() {
		if f.Name() == "setName" {
			if args, err := f.Unpack(value); err == nil {
				g.party.mu.Lock()
				g.near[e.DoID] = args[0].(string)
				g.party.mu.Unlock()
			}
		}
	}
}

// Updated measures others' steps, and answers when it is greeted.
func (g *guest) Updated(_ *lan.Client, u *lan.Update) {
	args, err := u.Args()
	if err != nil {
		return
	}
	p := g.party
	p.mu.Lock()
	defer p.mu.Unlock()
	from, ok := g.near[u.DoID]
	if !ok {
		return
	}
	switch u.Field.Name() {
	case "setPos":
		for _, other := range p.guests {
			if other.name == from {
				step := uint32(args[2].(uint64))
				p.latency.add(g.arrived - other.made[step%uint32(len(other.made))])
			}
		}
	case "say":
		if line := args[0].(string); strings.HasPrefix(line, "Hello "+g.name) && len(g.replies) < 3 {
			g.replies = append(g.replies, reply{p.clock() + time.Second, fmt.Sprintf("Hi %s, how are you?", from)})
		}
	}
}

// Disabled forgets who goes out of sight.
func (g *guest) Disabled(_ *lan.Client, o lan.Object) { g.forget(o) }

// Deleted forgets who leaves.
func (g *guest) Deleted(_ *lan.Client, o lan.Object) { g.forget(o) }

func (g *guest) forget(o lan.Object) {
	g.party.mu.Lock()
	defer g.party.mu.Unlock()
	delete(g.near, o.DoID)
}

// Disconnected ends the party, unless it ends anyway.
func (g *guest) Disconnected(_ *lan.Client, err error) { g.party.disconnected(g.name, err) }
