package world

import (
	"fmt"
)

// InterestOp is what a client wants with zones.
type InterestOp uint8

// What clients can want.
const (
	SetInterest    InterestOp = iota // see these zones and no others
	AddInterest                      // see these zones too
	RemoveInterest                   // see these zones no more
)

// InterestError says that a client may not see a zone that it asked for.
type InterestError struct {
	Zone uint32
	Max  int // how many zones it may ask for, if that was the reason
}

// Error says which zone was refused and why.
func (e *InterestError) Error() string {
	if e.Max > 0 {
		return fmt.Sprintf("world: zone %d would be more than the %d zones that a client may ask for", e.Zone, e.Max)
	}
	return fmt.Sprintf("world: zone %d was refused", e.Zone)
}

// Interest changes the zones that a client sees as it asks for. Events.Interest
// decides on each that is new. All of it happens or nothing; the error is an
// [*InterestError] or ErrLeft. What has become of it is told by
// View.Mark and Passed.
func (c *Client) Interest(op InterestOp, zones []uint32) error {
	if c.gone {
		return ErrLeft
	}
	if op == RemoveInterest {
		return c.RemoveZones(zones...)
	}
	n := 0
	if op == AddInterest {
		n = c.explicit
	}
	seen := make(map[uint32]bool, len(zones))
	for _, z := range zones {
		had := c.zones[z].explicit
		if seen[z] {
			continue
		}
		seen[z] = true
		if op == SetInterest || !had {
			n++
		}
		if c.maxZones > 0 && n > c.maxZones {
			return &InterestError{Zone: z, Max: c.maxZones}
		}
		if had || c.world.cfg.Events.Interest == nil {
			continue
		}
		ok := c.world.cfg.Events.Interest(c, z)
		if c.gone {
			return ErrLeft
		}
		if !ok {
			return &InterestError{Zone: z}
		}
	}
	if op == SetInterest {
		return c.SetZones(zones...)
	}
	return c.AddZones(zones...)
}
