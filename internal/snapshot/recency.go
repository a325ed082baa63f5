package snapshot

import "iter"

// recency is a zone's objects in the order of their last changes. They stand side
// by side and are not linked to each other: a core that has not seen them yet would
// wait for each one before it knew the next.
type recency struct {
	// changes has the latest at the end. Invariant: stamp does not fall along it.
	changes []change
	n       int // the objects, which are those in changes that have a slot
}

// change is the last one of the object in a slot; of noSlot when the object changed
// again, or is gone.
type change struct{ slot, stamp uint32 }

// add puts an object behind the others.
func (r *recency) add(o *Object, x *Index) {
	if len(r.changes) > 2*r.n+64 {
		r.tidy(x)
	}
	o.at = uint32(len(r.changes))
	r.changes = append(r.changes, change{o.slot, o.changed})
	r.n++
}

func (r *recency) remove(o *Object) {
	r.changes[o.at].slot = noSlot
	if r.n--; r.n > 0 {
		return
	}
	if r.changes = r.changes[:0]; cap(r.changes) > 256 {
		r.changes = nil // a crowd has gone; it will not come back soon
	}
}

// tidy takes out what is of no object.
func (r *recency) tidy(x *Index) {
	n := uint32(0)
	for _, c := range r.changes {
		if c.slot != noSlot {
			x.object(c.slot).at = n
			r.changes[n] = c
			n++
		}
	}
	r.changes = r.changes[:n]
}

// all is the slots of the objects, those that changed last first.
func (r *recency) all() iter.Seq[uint32] { return r.after(0) }

// after is those of the objects that changed after a tick.
func (r *recency) after(tick uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i := len(r.changes) - 1; i >= 0; i-- {
			switch c := r.changes[i]; {
			case c.stamp <= tick:
				return
			case c.slot == noSlot:
			case !yield(c.slot):
				return
			}
		}
	}
}
