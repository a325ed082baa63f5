package client

import (
	"maps"
	"slices"

	"github.com/culm-net/culm/pipes/clientsession"
)

// interest is which zones the client wants to see.
type interest struct {
	// zones has the number of the call that asked for each: after a reconnect
	// they are asked for in the same company, as servers may refuse all zones
	// of a call for one of them.
	zones map[uint32]uint64
	calls uint64
	// stale says that the server does not know all of it yet. Who waits for
	// that to be complete is in waiting, and who waits for what was sent, in
	// sent by the session's id of it.
	stale   bool
	waiting []func()
	sent    map[uint32][]func()
}

// AddInterest makes the client see the objects of further zones. Zones in which
// it owns objects it sees in any case.
//
// It may be called at any time: what cannot be sent now is sent as soon as it can
// be, and the whole interest is restored after a reconnect. If done is not nil, it
// is called when the server has sent all that the change brought; if the
// connection is lost before that, then after a reconnect.
//
// A server may refuse zones: those of package pipes leave out all zones of that
// call, those of panda3d-pipes close the connection.
func (c *Client) AddInterest(done func(), zones ...uint32) {
	c.interest.add(zones)
	c.change(done, zones, (*clientsession.Session).AddZones)
}

// RemoveInterest makes the client see some zones no longer; see AddInterest.
func (c *Client) RemoveInterest(done func(), zones ...uint32) {
	for _, z := range zones {
		delete(c.interest.zones, z)
	}
	c.change(done, zones, (*clientsession.Session).RemoveZones)
}

// SetInterest makes the client see the objects of these zones and no others; see
// AddInterest.
func (c *Client) SetInterest(done func(), zones ...uint32) {
	clear(c.interest.zones)
	c.interest.add(zones)
	c.change(done, zones, (*clientsession.Session).SetZones)
}

// Interest returns the zones that the client wants to see, in order, besides those
// of its own objects.
func (c *Client) Interest() []uint32 { return slices.Sorted(maps.Keys(c.interest.zones)) }

func (i *interest) add(zones []uint32) {
	if i.zones == nil {
		i.zones = make(map[uint32]uint64)
	}
	i.calls++
	for _, z := range zones {
		i.zones[z] = i.calls
	}
}

// change sends a change of interest, or notes that it is still to be sent.
func (c *Client) change(done func(), zones []uint32, send func(*clientsession.Session, ...uint32) (uint32, error)) {
	i := &c.interest
	if c.state == Connected && !i.stale {
		id, err := send(c.session, zones...)
		if err == nil {
			i.wait(id, done)
			return
		}
		// Too much is under way, or the send queue is full.
		i.stale = true
	}
	if done != nil {
		i.waiting = append(i.waiting, done)
	}
}

// restoreInterest tells a server that has just let the client in, call by call,
// what the client wants to see.
func (c *Client) restoreInterest() {
	i := &c.interest
	if i.stale = len(i.waiting) > 0; len(i.zones) == 0 {
		return // syncInterest answers who waits
	}
	calls := make(map[uint64][]uint32)
	for _, z := range c.Interest() {
		calls[i.zones[z]] = append(calls[i.zones[z]], z)
	}
	left := len(calls)
	waiting := i.waiting
	done := func() {
		if left--; left == 0 {
			for _, done := range waiting {
				done()
			}
		}
	}
	for _, call := range slices.Sorted(maps.Keys(calls)) {
		id, err := c.session.AddZones(calls[call]...)
		if err != nil {
			i.stale = true // all of them are sent as a whole, and waiting stays
			clear(i.sent)
			return
		}
		i.wait(id, done)
	}
	i.stale, i.waiting = false, nil
}

// syncInterest tells the server the whole interest if it does not know it: in one
// message, so that it does not forget what it shows already.
func (c *Client) syncInterest() {
	i := &c.interest
	if c.state != Connected || !i.stale {
		return
	}
	id, err := c.session.SetZones(c.Interest()...)
	if err != nil {
		return // the next frame tries again
	}
	i.stale = false
	for _, done := range i.waiting {
		i.wait(id, done)
	}
	i.waiting = nil
}

// wait has done called when the change of that id is complete.
func (i *interest) wait(id uint32, done func()) {
	if done == nil {
		return
	}
	if i.sent == nil {
		i.sent = make(map[uint32][]func())
	}
	i.sent[id] = append(i.sent[id], done)
}

// complete calls those who wait for a change.
func (i *interest) complete(id uint32) {
	waiting := i.sent[id]
	delete(i.sent, id)
	for _, done := range waiting {
		done()
	}
}

// lost keeps who waits for the next connection.
func (i *interest) lost() {
	for _, id := range slices.Sorted(maps.Keys(i.sent)) {
		i.waiting = append(i.waiting, i.sent[id]...)
	}
	clear(i.sent)
}
