package world

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/culm-net/culm/internal/snapshot"
)

// Client is somebody who sees some of the world's zones.
type Client struct {
	// Data is the game's own.
	Data any

	world    *World
	id       uint32
	account  any
	viewer   Viewer
	view     *snapshot.View
	maxZones int

	zones    map[uint32]use
	explicit int // how many of zones are
	owned    []*Object
	gone     bool
}

// use says why a client sees a zone: never neither.
type use struct {
	explicit bool
	owned    int // how many of its objects are there
}

// What can be wrong with a client.
var (
	// ErrLeft says that a client has left.
	ErrLeft = errors.New("world: the client has left")
	// ErrForeign says that a client or object is another world's.
	ErrForeign = errors.New("world: the client belongs to another world")
)

// KickError is why a client left that was kicked.
type KickError struct{ Reason string }

// Error returns the reason.
func (e *KickError) Error() string { return "world: the client was kicked: " + e.Reason }

// ID returns the client's number, from 1 to 65,535. The number of a client that
// left comes back after all others.
func (c *Client) ID() uint32 { return c.id }

// Account returns what the authenticator found out about the client, or nil.
func (c *Client) Account() any { return c.account }

// Info returns what the client's session knows about the connection.
func (c *Client) Info() ClientInfo { return c.viewer.Info() }

// World returns the client's world.
func (c *Client) World() *World { return c.world }

// Left tells whether the client has left.
func (c *Client) Left() bool { return c.gone }

// String returns "client" and its number.
func (c *Client) String() string { return fmt.Sprintf("client %d", c.id) }

// Kick sends the client away, with a reason for the person. It has left when
// Kick returns; Events.Left was called. Kicking a client that has left does
// nothing.
func (c *Client) Kick(reason string) {
	if c.gone {
		return
	}
	c.viewer.Kick(reason)
	c.world.counters.Kicked++
	c.Leave(&KickError{Reason: reason})
}

// Owned returns the objects that belong to the client, in no particular order.
// They may be changed and deleted meanwhile.
func (c *Client) Owned() iter.Seq[*Object] {
	return func(yield func(*Object) bool) {
		for _, o := range slices.Clone(c.owned) {
			if o.owner == c && !yield(o) {
				return
			}
		}
	}
}

// Zones returns the zones that the client sees, in order: those that it or the
// game chose, and those of its objects.
func (c *Client) Zones() []uint32 { return slices.Sorted(maps.Keys(c.zones)) }

// Sees tells whether the client sees a zone.
func (c *Client) Sees(zone uint32) bool {
	_, ok := c.zones[zone]
	return ok
}

// AddZones makes the client see zones, beside those that it sees already. The
// zones of its objects it sees in any case, but not after they left: add them as
// well if it is to keep them. The error is ErrLeft.
func (c *Client) AddZones(zones ...uint32) error {
	if c.gone {
		return ErrLeft
	}
	for _, z := range zones {
		c.choose(z)
	}
	return nil
}

// RemoveZones takes back what AddZones, SetZones or the client's own wish did; it
// goes on seeing zones of its objects. The error is ErrLeft.
func (c *Client) RemoveZones(zones ...uint32) error {
	if c.gone {
		return ErrLeft
	}
	for _, z := range zones {
		c.unchoose(z)
	}
	return nil
}

// SetZones makes the client see these zones and those of its objects, and no
// others. Zones that it saw before stay as they are. The error is ErrLeft.
func (c *Client) SetZones(zones ...uint32) error {
	if c.gone {
		return ErrLeft
	}
	wanted := make(map[uint32]bool, len(zones))
	for _, z := range zones {
		wanted[z] = true
		c.choose(z)
	}
	for _, z := range c.Zones() {
		if !wanted[z] {
			c.unchoose(z)
		}
	}
	return nil
}

// choose makes a zone explicit.
func (c *Client) choose(zone uint32) {
	u := c.zones[zone]
	if u.explicit {
		return
	}
	u.explicit = true
	c.explicit++
	c.update(zone, u)
}

func (c *Client) unchoose(zone uint32) {
	u := c.zones[zone]
	if !u.explicit {
		return
	}
	u.explicit = false
	c.explicit--
	c.update(zone, u)
}

// need makes the client see the zone of an object of its own.
func (c *Client) need(zone uint32) {
	u := c.zones[zone]
	u.owned++
	c.update(zone, u)
}

func (c *Client) unneed(zone uint32) {
	u := c.zones[zone]
	u.owned--
	c.update(zone, u)
}

func (c *Client) update(zone uint32, u use) {
	if u == (use{}) {
		delete(c.zones, zone)
		c.view.Unsubscribe(zone)
		return
	}
	c.zones[zone] = u
	c.view.Subscribe(zone) // nothing happens if it is
}

// own notes an object, which the Index knows as the client's own, and sees its
// zone.
func (c *Client) own(o *Object) {
	o.owner, o.ownedAt = c, len(c.owned)
	c.owned = append(c.owned, o)
	c.need(o.zone)
}

// disown is the reverse.
func (c *Client) disown(o *Object) {
	last := len(c.owned) - 1
	c.owned[o.ownedAt] = c.owned[last]
	c.owned[o.ownedAt].ownedAt = o.ownedAt
	c.owned[last] = nil
	c.owned = c.owned[:last]
	o.owner = nil
	c.unneed(o.zone)
}

// usable returns an error if the client cannot be given anything in w.
func (c *Client) usable(w *World) error {
	switch {
	case c == nil:
		return errors.New("world: there is no client; nil only means nobody where an owner is asked for")
	case c.world != w:
		return ErrForeign
	case c.gone:
		return fmt.Errorf("%w: number %d", ErrLeft, c.id)
	}
	return nil
}

func (c *Client) deliver(m *Message) {
	if c.gone {
		return
	}
	c.world.counters.Sent++
	c.viewer.Message(m)
}
