package stateserver

import (
	md "github.com/culm-net/culm/internal/messagedirector"
)

// wakeContext marks the GET_LOCATION by which a new object finds children that
// were there before it.
const wakeContext = 1001

// setLocation moves the object because of m, in the name of by.
func (o *Object) setLocation(m *md.Message, parent, zone uint32, by uint64) {
	if !o.move(parent, zone, by) {
		o.ignore(m, cycle, "an object cannot be below itself, or below 256 others")
	}
}

// move changes the object's location and tells of it (astron.md section 4.4,
// SET_LOCATION). It reports false, and does nothing, when the object would be
// below itself.
func (o *Object) move(parent, zone uint32, by uint64) bool {
	if parent == o.parent && zone == o.zone {
		return true
	}
	oldAI, oldParent, oldZone := o.ai, o.parent, o.zone
	if parent != oldParent {
		if parent != 0 && o.set.leadsTo(parent, o.doID) {
			return false
		}
	}
	o.set.locate(o, parent, zone)
	if parent != oldParent {
		o.follow(parent)
	}
	oldLocation := uint64(0)
	if oldParent != 0 {
		oldLocation = md.LocationChannel(oldParent, oldZone)
	}
	o.tellMove(by, parent, zone, oldAI, o.owner, uint64(oldParent), oldLocation, uint64(parent))
	o.parent, o.zone, o.synchronised = parent, zone, false
	if parent != 0 {
		o.enter(md.StateServerObjectEnterLocationWithRequired, md.LocationChannel(parent, zone), forClients)
	}
	return true
}

// follow makes the object have the AI of a new parent.
func (o *Object) follow(parent uint32) {
	switch {
	case o.explicit:
	case parent == 0:
		o.ai = 0
	default:
		w := o.begin(md.StateServerObjectGetAI, uint64(o.doID), uint64(parent))
		w.Uint32(o.asked)
		o.end()
		o.asked++
	}
}

// tellMove sends CHANGING_LOCATION.
func (o *Object) tellMove(by uint64, parent, zone uint32, to ...uint64) {
	w := o.begin(md.StateServerObjectChangingLocation, by, to...)
	w.Uint32(o.doID)
	w.Uint32(parent)
	w.Uint32(zone)
	w.Uint32(o.parent)
	w.Uint32(o.zone)
	o.end()
}
