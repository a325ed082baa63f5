package independent

import (
	"slices"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// receivePlain takes what a server sends in the plain dialect after the
// welcome, where all messages go reliably and in order.
func (c *Client) receivePlain(t uint16, r *datagram.Reader) {
	switch t {
	case typeSnapshot:
		c.snapshot(r)
	case typeObjectMessage:
		if o, f, args := c.message(r); f != nil {
			c.deliver(o, f, args, false)
		}
	case typeGenerate, typeGenerateOwner:
		if o := c.generate(r, t == typeGenerateOwner); o != nil {
			c.note("generate", o.ID, c.lastTick, o.Zone)
			if c.cfg.Watch.Generated != nil {
				c.cfg.Watch.Generated(o)
			}
		}
	case typeDisable, typeDelete:
		c.remove(t, r)
	case typeInterestComplete:
		handle := r.Uint8()
		if err := r.Done(); err != nil {
			c.fault(Broke, "SV_InterestComplete: %v", err)
		} else {
			c.completed(uint16(handle))
		}
	case typePingResp:
		if err := r.Done(); err != nil {
			c.fault(Broke, "SV_Ping_Resp: %v", err)
		}
		c.pong(c.pings)
	case typeSetOwner:
		c.fault(Broke, "SV_SetObjectOwner, which is reserved")
	default:
		c.fault(Broke, "message %#x, which no plain client knows", t)
	}
}

func (c *Client) snapshot(r *datagram.Reader) {
	tick, delta, n := r.Uint32(), r.Uint8(), r.Uint16()
	if r.Err() != nil {
		c.fault(Died, "snapshot cut short: %v", r.Err())
		return
	}
	c.note("snapshot", uint32(n), tick, uint32(delta))
	if delta > 1 {
		c.fault(Broke, "snapshot of tick %d: is delta %d", tick, delta)
	}
	if c.ticked && !newer(tick, c.lastTick) {
		c.fault(Broke, "snapshot of tick %d after that of tick %d", tick, c.lastTick)
	}
	c.lastTick, c.ticked, c.ackable = tick, true, true
	c.snapshots++
	c.late = append(c.late, tick)
	var seen, changed []*Object
	for range n {
		id := r.Uint32()
		if r.Err() != nil {
			c.fault(Died, "snapshot cut short: %v", r.Err())
			return
		}
		o := c.objects[id]
		if o == nil {
			c.fault(Stopped, "state of tick %d for %d, which the client does not have", tick, id)
			return
		}
		if !c.state(r, o, delta == 0) {
			return
		}
		o.Tick, o.TickKnown = tick, true
		if slices.Contains(seen, o) {
			c.fault(Broke, "object %d stands twice in the snapshot of tick %d", id, tick)
		}
		seen, changed = append(seen, o), append(changed, o)
	}
	if err := r.Done(); err != nil {
		c.fault(Broke, "snapshot: %v", err)
	}
	for _, o := range changed {
		if c.cfg.Watch.State != nil {
			c.cfg.Watch.State(o)
		}
	}
}

// state reads an object's fields in a snapshot, all of them in a full one.
func (c *Client) state(r *datagram.Reader, o *Object, full bool) bool {
	n, last, count := r.Uint16(), -1, 0
	for range n {
		i := int(r.Uint16())
		if r.Err() != nil {
			break
		}
		v, ok := c.value(r, o.Class, i, dc.Parameter, "snapshot")
		if !ok {
			return false
		}
		if i <= last {
			c.fault(Broke, "snapshot: field %d after %d of object %d", i, last, o.ID)
		}
		last = i
		count++
		o.State[i] = v
	}
	if r.Err() != nil {
		c.fault(Died, "snapshot cut short: %v", r.Err())
		return false
	}
	if full && count != parameters(o.Class) {
		c.fault(Broke, "a full snapshot has %d fields of %d of object %d", count, parameters(o.Class), o.ID)
	}
	if !o.HasState {
		c.whole(o)
	}
	return true
}

func (c *Client) remove(t uint16, r *datagram.Reader) {
	id := r.Uint32()
	if err := r.Done(); err != nil {
		c.fault(Broke, "removal: %v", err)
		return
	}
	o := c.objects[id]
	if o == nil {
		// A delete may follow a disable.
		if !c.disabled[id] || t == typeDisable {
			c.fault(Broke, "removal of %d, which the client does not have", id)
		}
		delete(c.disabled, id)
		return
	}
	c.note("remove", id, c.lastTick, uint32(t))
	if t == typeDisable {
		c.disabled[id] = true
	}
	c.removed(o, c.lastTick, false)
}
