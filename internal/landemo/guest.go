package landemo

import (
	"maps"
	"slices"
	"time"

	"github.com/culm-net/culm/internal/walkers"
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

	mind    *walkers.Mind
	at      walkers.Point
	zone    uint32
	step    uint32
	made    [256]time.Duration // when: by step
	near    map[uint32]string  // names of the avatars in sight, by doId
	arrived time.Duration      // when what is being received came
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
	goal, line := g.mind.Live(now, g.at, slices.Sorted(maps.Values(g.near)))
	g.at = g.at.Toward(goal, time.Second/stepsPerSec)
	g.step++
	g.made[g.step%uint32(len(g.made))] = now
	if err := g.client.Update(g.avatar, "setPos", g.at.X, g.at.Y, g.step); err != nil {
		return err
	}
	if zone := walkers.ZoneOf(g.at); zone != g.zone {
		g.zone = zone
		if err := g.client.SetZone(g.avatar, zone); err != nil {
			return err
		}
	}
	if line == "" {
		return nil
	}
	return g.client.Update(g.avatar, "say", line)
}

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
				p.latency.Add(g.arrived - other.made[step%uint32(len(other.made))])
			}
		}
	case "say":
		g.mind.Hear(p.clock(), from, args[0].(string))
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
