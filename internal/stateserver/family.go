package stateserver

import (
	"slices"

	md "github.com/culm-net/culm/internal/messagedirector"
)

// family is all objects of a role that have the same parent. It is the
// participant that subscribes the channel on which the parent talks to its
// children, once for all of them, so that what the parent asks about one zone
// costs nothing for the objects in others.
type family struct {
	md      md.Participant
	set     *objects
	parent  uint32
	members brood // in objects.here; there is at least one
}

// locate notes that an object, which is at o.parent and o.zone yet, is somewhere
// else from now on. Parent 0 is nowhere.
func (s *objects) locate(o *Object, parent, zone uint32) {
	if parent == o.parent && parent != 0 {
		s.here.move(&s.families[parent].members, o.place, parent, zone)
		return
	}
	if o.parent != 0 {
		f := s.families[o.parent]
		s.here.remove(&f.members, o.place)
		if f.members.n == 0 {
			delete(s.families, o.parent)
			s.director.Leave(&f.md)
		}
	}
	if parent != 0 {
		f := s.families[parent]
		if f == nil {
			f = &family{set: s, parent: parent}
			f.md.Receiver = f
			s.families[parent] = f
			_ = s.director.Subscribe(&f.md, md.ParentChannel(parent)) // one channel is never too many
		}
		o.place = s.here.add(&f.members, parent, zone, o.doID)
	}
}

// Receive passes a message to the parent's children on to those it concerns, in
// ascending order.
func (f *family) Receive(m *md.Message) {
	s := f.set
	ids := s.hearers[:0]
	if zones, ok := s.zonesAsked(m, f.parent); ok {
		for _, zone := range zones {
			ids = s.here.appendZone(ids, f.parent, zone)
		}
	} else {
		ids = s.here.appendAll(ids, f.members)
	}
	s.hearers = ids
	slices.Sort(ids)
	for _, id := range ids {
		if o := s.object(id); o != nil {
			s.director.PassOn(m, &o.md)
		}
	}
}

// zonesAsked returns the zones of the parent, each once, to which a message is
// confined. ok is false if it is for children in all zones, or is not about this
// parent's.
func (s *objects) zonesAsked(m *md.Message, parent uint32) (zones []uint32, ok bool) {
	switch m.Type {
	case md.StateServerObjectGetZoneObjects, md.StateServerObjectGetZonesObjects,
		md.StateServerObjectGetZoneCount, md.StateServerObjectGetZonesCount,
		md.StateServerObjectDeleteZone, md.StateServerObjectDeleteZones:
		q := s.readQuery(m)
		return q.zones, q.ok && q.parent == parent
	}
	return nil, false
}
