package lan

import (
	"github.com/culm-net/culm/internal/session"
)

// view returns c's interest in a zone. When it has none, it gets one, whoever
// has objects there is asked to send them, and added is true. The caller sees
// to it that the view has a reason to exist, and when it is done with what it
// changes, that there are not too many.
func (k *core) view(c *client, id uint32) (v *view, added bool) {
	if v := c.views[id]; v != nil {
		return v, false
	}
	z := k.zones[id]
	if z == nil {
		z = &zone{id: id}
		k.zones[id] = z
	}
	v = &view{client: c, zone: z, index: len(z.views)}
	z.views = append(z.views, v)
	if c.views == nil {
		c.views = make(map[uint32]*view)
	}
	c.views[id] = v
	k.requestGenerates(v)
	return v, true
}

// tooManyZones returns an ejection when c is interested in more zones than it
// may be.
func (k *core) tooManyZones(c *client) *session.Ejection {
	if k.maxZones == 0 || c.trusted || len(c.views) <= k.maxZones {
		return nil
	}
	return session.Eject(CodeTooManyZones, "it wants interest in more than %d zones, which is the limit for one client", k.maxZones)
}

// dropView ends a client's interest in a zone.
func (k *core) dropView(v *view) {
	delete(v.client.views, v.zone.id)
	k.leaveZone(v)
}

// leaveZone takes a view out of its zone.
func (k *core) leaveZone(v *view) {
	z := v.zone
	last := z.views[len(z.views)-1]
	z.views[v.index] = last
	last.index = v.index
	z.views[len(z.views)-1] = nil
	z.views = z.views[:len(z.views)-1]
	k.forgetZone(z)
}

// putIntoZone puts an object into the zone of one of its owner's views.
func (k *core) putIntoZone(o *object, v *view) {
	v.objects++
	o.zone = v.zone
	o.index = len(v.zone.objects)
	v.zone.objects = append(v.zone.objects, o)
}

// takeFromZone takes an object out of its zone. It returns the view that its
// owner loses by it, if any, in a slice that is valid until the next change.
func (k *core) takeFromZone(o *object) []*view {
	k.lost = k.lost[:0]
	v := o.owner.views[o.zone.id]
	o.zone.remove(o)
	v.objects--
	if v.objects == 0 && !v.explicit {
		k.dropView(v)
		k.lost = append(k.lost, v)
	}
	return k.lost
}

// remove takes an object off the zone's list.
func (z *zone) remove(o *object) {
	last := z.objects[len(z.objects)-1]
	z.objects[o.index] = last
	last.index = o.index
	z.objects[len(z.objects)-1] = nil
	z.objects = z.objects[:len(z.objects)-1]
}

// forgetZone drops a zone that nobody is in any more.
func (k *core) forgetZone(z *zone) {
	if len(z.views) == 0 && len(z.objects) == 0 {
		delete(k.zones, z.id)
	}
}

// own appends an object to its owner's list.
func (k *core) own(o *object) {
	c := o.owner
	o.prev = c.last
	if c.last != nil {
		c.last.next = o
	} else {
		c.first = o
	}
	c.last = o
	c.objects++
}

// disown takes an object out of its owner's list.
func (k *core) disown(o *object) {
	c := o.owner
	if o.prev != nil {
		o.prev.next = o.next
	} else {
		c.first = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else {
		c.last = o.prev
	}
	c.objects--
}
