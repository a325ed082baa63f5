package snapshot

import "github.com/culm-net/culm/pipes/wire"

// announce makes the view's events of this tick for half of the bytes that are
// left: leaves for half of these if there are enters too, then enters, those of
// the client's own objects first. Of each kind there is one at least, unless
// something is still to be made up for.
func (v *View) announce() {
	if v.left <= 0 {
		return
	}
	least := 1
	if v.paying {
		least = 0
	}
	room := max(v.left/2, least)
	share := room
	if v.waiting() > 0 {
		share /= 2
	}
	for n := max(share/v.leaveSize(), least); n > 0; n-- {
		id, ok := v.leaves.first()
		if !ok {
			break
		}
		room -= v.tellLeave(id)
	}
	for room = max(room, least); room > 0; {
		o, ok := v.awaited()
		if !ok {
			break
		}
		if v.paying && baselineSize(o)+v.leaveSize() > room {
			break
		}
		if v.leaves.has(o.id) { // an earlier object of that id, or this one before it came back
			room -= v.tellLeave(o.id)
		}
		room -= v.tellEnter(o)
	}
	v.structure += uint32(len(v.events))
}

// leaveSize is how long the message of a leave is.
func (v *View) leaveSize() int {
	if v.cfg.Plain {
		return plainLeave
	}
	return extLeave
}

var (
	plainLeave = len(wire.ObjectGone{}.Append(nil))
	extLeave   = len(wire.Remove{}.Append(nil))
)

// tellLeave makes an event, and returns its part of the budget.
func (v *View) tellLeave(id uint32) (size int) {
	d, _ := v.leaves.get(id)
	v.leaves.remove(id)
	v.events = append(v.events, Event{ID: id, Deleted: d.deleted})
	v.left -= v.leaveSize()
	return v.leaveSize()
}

// tellEnter does so for an object of which the client learns.
func (v *View) tellEnter(o *Object) (size int) {
	v.stopAwaiting(o)
	v.events = append(v.events, Event{ID: o.id, Object: o, Owned: o.owner == v})
	if o.changed > v.held.at(o.slot) {
		v.held.raise(o.slot, o.slot+1, v.index.tick)
	}
	size = baselineSize(o)
	v.left -= size
	return size
}
