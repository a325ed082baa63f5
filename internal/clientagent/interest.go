package clientagent

import (
	"slices"

	md "github.com/culm-net/culm/internal/messagedirector"
)

// interest is some zones of a parent whose objects the client sees.
type interest struct {
	parent uint32
	zones  []uint32 // ascending, each once
}

// place is a location in which the client is interested.
type place struct {
	covers  int        // how many interests include it
	opening *operation // through which its objects are being asked for; nil afterwards
}

// waiter is somebody who is to be told that an interest is open.
type waiter struct {
	interest  uint16
	context   uint32 // the client's
	caller    uint64 // the server's channel; 0 if it was the client
	left      int    // operations that are not at their end
	cancelled bool   // the interest is closed
}

// knows reports whether w, who is the last one to have come, waits for op.
func (op *operation) knows(w *waiter) bool {
	n := len(op.waiters)
	return n > 0 && op.waiters[n-1] == w
}

// nextContext returns a number by which answers to a request are known.
func (c *client) nextContext() uint32 {
	c.context++
	return c.context
}

// addInterest opens an interest, or changes the zones of one that is open.
// zones is kept; caller is 0 when the client has asked for it.
func (c *client) addInterest(id uint16, parent uint32, zones []uint32, context uint32, caller uint64) {
	if parent == 0 {
		// Nothing has no children. Its "location channels" are the channels
		// of objects and sessions, which are nobody's to hear.
		zones = nil
	}
	old, altered := c.interests[id]
	var fresh []uint32
	for _, z := range zones {
		if c.cover(md.LocationChannel(parent, z)) {
			fresh = append(fresh, z)
		}
	}
	closed := c.uncover(old)
	if c.interests == nil {
		c.interests = make(map[uint16]interest)
	}
	c.interests[id] = interest{parent, zones}
	c.zones += len(zones) - len(old.zones)
	if !altered {
		c.agent.count.interests++
	}
	c.close(closed)
	if c.over {
		return
	}
	for _, z := range fresh {
		c.subscribe(md.LocationChannel(parent, z))
	}
	for some := range slices.Chunk(fresh, maxZonesOfQuery) {
		if !c.over {
			c.query(parent, some, caller == 0)
		}
	}
	if c.over {
		return
	}
	w := &waiter{interest: id, context: context, caller: caller}
	for _, z := range zones {
		if op := c.places[md.LocationChannel(parent, z)].opening; op != nil && !op.knows(w) {
			op.waiters = append(op.waiters, w)
			w.left++
			c.charge(op, waiterCost)
		}
	}
	if w.left == 0 {
		c.done(w)
		return
	}
	c.limitPending()
}

// removeInterest closes an interest that the client has.
func (c *client) removeInterest(id uint16, context uint32, caller uint64) {
	it := c.interests[id]
	delete(c.interests, id)
	c.zones -= len(it.zones)
	c.agent.count.interests--
	// Also those that wait for an earlier form of it, with other zones.
	for _, ctx := range sortedKeys(c.operations) {
		for _, w := range c.operations[ctx].waiters {
			if w.interest != id || w.cancelled {
				continue
			}
			w.cancelled = true
			if w.caller != caller {
				c.answer(w.caller, id)
			}
		}
	}
	c.close(c.uncover(it))
	if !c.over {
		c.done(&waiter{interest: id, context: context, caller: caller})
	}
}

// cover counts an interest in a location, and reports whether it is the first.
func (c *client) cover(location uint64) bool {
	if c.places == nil {
		c.places = make(map[uint64]place)
	}
	p := c.places[location]
	p.covers++
	c.places[location] = p
	return p.covers == 1
}

// uncover counts an interest out, and returns the locations that no other
// includes.
func (c *client) uncover(it interest) (closed []uint64) {
	for _, z := range it.zones {
		l := md.LocationChannel(it.parent, z)
		p := c.places[l]
		p.covers--
		c.places[l] = p
		if p.covers == 0 {
			closed = append(closed, l)
		}
	}
	return closed
}

// close ends the client's interest in locations that nothing covers any more.
func (c *client) close(locations []uint64) {
	var ended []*operation
	for _, l := range locations {
		if op := c.places[l].opening; op != nil {
			if op.wanted--; op.wanted == 0 {
				ended = append(ended, op)
			}
		}
		delete(c.places, l)
		if _, ok := c.opened[l]; !ok && l != c.id && l != c.channel {
			// A client must not stop hearing its servers by itself.
			c.agent.director.Unsubscribe(&c.participant, l)
		}
	}
	c.vanish(locations)
	for _, op := range ended {
		c.finish(op)
	}
}

// done tells everybody that an interest is open, or closed.
func (c *client) done(w *waiter) {
	if w.cancelled || c.over {
		return
	}
	c.answer(w.caller, w.interest)
	b := c.agent.begin(DoneInterestResp)
	b.Uint32(w.context)
	b.Uint16(w.interest)
	c.sendWritten()
}

// answer tells a server that its request about an interest is done.
func (c *client) answer(caller uint64, id uint16) {
	if caller == 0 {
		return
	}
	b := c.agent.director.Emit(&c.participant)
	w := b.Begin(md.ClientAgentDoneInterestResp, c.id, caller)
	w.Uint64(c.id)
	w.Uint16(id)
	_ = b.End() // it is short
}

// tidy sorts zones and takes out repetitions.
func tidy(zones []uint32) []uint32 {
	slices.Sort(zones)
	return slices.Compact(zones)
}

func sortDoIDs(ids []uint32) { slices.Sort(ids) }
