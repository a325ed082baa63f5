package lan

import "fmt"

// checkCore reports what in a core contradicts itself.
func checkCore(k *core) error {
	objects := 0
	for base, c := range k.clients {
		if c.base != base || c.gone {
			return fmt.Errorf("client %d is listed as %d, gone: %v", c.base, base, c.gone)
		}
		in := make(map[*zone]int)
		n := 0
		for o, prev := c.first, (*object)(nil); o != nil; prev, o = o, o.next {
			if o.prev != prev || o.owner != c || k.objects[o.doID] != o || k.baseOf(o.doID) != base {
				return fmt.Errorf("object %d of client %d is linked or listed wrongly", o.doID, base)
			}
			if o.next == nil && c.last != o {
				return fmt.Errorf("object %d is not the last of client %d", o.doID, base)
			}
			if o.zone.objects[o.index] != o {
				return fmt.Errorf("object %d is not where it thinks in zone %d", o.doID, o.zone.id)
			}
			in[o.zone]++
			n++
		}
		if n != c.objects || n == 0 && (c.first != nil || c.last != nil) {
			return fmt.Errorf("client %d has %d objects, counted %d", base, n, c.objects)
		}
		objects += n
		for id, v := range c.views {
			switch {
			case v.client != c || v.zone.id != id || k.zones[id] != v.zone || v.zone.views[v.index] != v:
				return fmt.Errorf("the view of client %d in zone %d is linked wrongly", base, id)
			case v.objects != in[v.zone]:
				return fmt.Errorf("client %d has %d objects in zone %d, counted %d", base, in[v.zone], id, v.objects)
			case !v.explicit && v.objects == 0:
				return fmt.Errorf("client %d has no reason to be interested in zone %d", base, id)
			}
			delete(in, v.zone)
		}
		if len(in) > 0 {
			return fmt.Errorf("client %d has objects in %d zones that it is not interested in", base, len(in))
		}
		if k.maxZones > 0 && !c.trusted && len(c.views) > k.maxZones || k.maxObjects > 0 && !c.trusted && n > k.maxObjects {
			return fmt.Errorf("client %d has passed a limit: %d zones, %d objects", base, len(c.views), n)
		}
	}
	if objects != len(k.objects) {
		return fmt.Errorf("%d objects are listed, clients have %d", len(k.objects), objects)
	}
	for id, z := range k.zones {
		if z.id != id || len(z.views) == 0 {
			return fmt.Errorf("zone %d, listed as %d, has %d views and %d objects", z.id, id, len(z.views), len(z.objects))
		}
		for _, v := range z.views {
			if v.client.gone || v.client.views[id] != v {
				return fmt.Errorf("zone %d has a view that client %d knows nothing of", id, v.client.base)
			}
		}
		for _, o := range z.objects {
			if o.zone != z || k.objects[o.doID] != o {
				return fmt.Errorf("zone %d has object %d, which is elsewhere", id, o.doID)
			}
			objects--
		}
	}
	if objects != 0 {
		return fmt.Errorf("%d objects are in no zone", objects)
	}
	for _, z := range k.due {
		if !z.due || z.asked != k.period {
			return fmt.Errorf("zone %d is listed as due, asked in period %d of %d", z.id, z.asked, k.period)
		}
	}
	for _, c := range k.dirty {
		if !c.dirty {
			return fmt.Errorf("client %d is listed for flushing without need", c.base)
		}
	}
	if free := k.slots.n - k.slots.next + uint64(k.slots.count); free+uint64(len(k.clients)) != k.slots.n {
		return fmt.Errorf("%d ranges are free and %d taken, of %d", free, len(k.clients), k.slots.n)
	}
	return nil
}
