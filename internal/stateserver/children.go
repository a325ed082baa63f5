package stateserver

import (
	"fmt"
	"slices"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// put notes that a child, of this role or of another, is in a zone. The answer is
// false if there is no room for it.
func (o *Object) put(child, zone uint32) bool {
	s := o.set
	at, c := s.lookUp(o.doID, child)
	switch {
	case at != 0:
		s.known.move(&o.children, at, o.doID, zone)
		return true
	case int(o.children.n) >= s.limits.Children:
		return false
	}
	at = s.known.add(&o.children, o.doID, zone, child)
	if c != nil && c.known == 0 {
		c.known = at
	} else {
		s.knownAt[knownKey(o.doID, child)] = at
	}
	return true
}

// drop forgets a child.
func (o *Object) drop(child uint32) {
	s := o.set
	at, c := s.lookUp(o.doID, child)
	if at == 0 {
		return
	}
	s.known.remove(&o.children, at)
	if c != nil && c.known == at {
		c.known = 0
	} else {
		delete(s.knownAt, knownKey(o.doID, child))
	}
}

// lookUp returns where in s.known a parent has a child, 0 if it does not know it,
// and the child if it is one of this role.
func (s *objects) lookUp(parent, child uint32) (at uint32, c *Object) {
	c = s.object(child)
	if c != nil && c.known != 0 && s.known.parent(c.known) == parent {
		return c.known, c
	}
	return s.knownAt[knownKey(parent, child)], c
}

// orphan keeps where a parent has an object that goes.
func (s *objects) orphan(o *Object) {
	if o.known != 0 {
		s.knownAt[knownKey(s.known.parent(o.known), o.doID)] = o.known
	}
}

func knownKey(parent, child uint32) uint64 { return uint64(parent)<<32 | uint64(child) }

// childMoves notes what a CHANGING_LOCATION says about a child (astron.md
// section 4.5).
func (o *Object) childMoves(m *md.Message, r *datagram.Reader) {
	child, parent, zone, oldParent, oldZone := r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32()
	switch {
	case !o.complete(m, r):
	case parent == oldParent && zone == oldZone:
	case parent == o.doID:
		o.acknowledge(m, child, zone)
	case oldParent == o.doID:
		o.drop(child)
	default:
		o.ignore(m, notForMe, fmt.Sprintf("object %d moves from %d to %d, which are others", child, oldParent, parent))
	}
}

// childAnswers notes a child that was there before the parent, which says so
// when the parent asks at its creation.
func (o *Object) childAnswers(m *md.Message, r *datagram.Reader) {
	context, child, parent, zone := r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32()
	if o.complete(m, r) && context == wakeContext && parent == o.doID {
		o.acknowledge(m, child, zone)
	}
}

// acknowledge counts a child and lets it know.
func (o *Object) acknowledge(m *md.Message, child, zone uint32) {
	if !o.put(child, zone) {
		o.ignore(m, limit, fmt.Sprintf("the object has %d children, as many as one may", o.children.n))
		return
	}
	w := o.begin(md.StateServerObjectLocationAck, uint64(o.doID), uint64(child))
	w.Uint32(o.doID)
	w.Uint32(zone)
	o.end()
}

// query is what a message about a parent's zones says. It is read once for all
// objects that get it.
type query struct {
	serial  uint64
	ok      bool
	context uint32 // none in deletions
	parent  uint32
	all     bool     // of all zones
	zones   []uint32 // ascending, each once
	rest    []byte   // what followed the parent
}

// readQuery reads the context if the type has one, the parent, and the zones if
// the type has any.
func (s *objects) readQuery(m *md.Message) *query {
	q := &s.query
	if q.serial == m.Serial {
		return q
	}
	*q = query{serial: m.Serial, zones: q.zones[:0]}
	r := m.Reader()
	switch m.Type {
	case md.StateServerObjectDeleteChildren, md.StateServerObjectDeleteZone, md.StateServerObjectDeleteZones:
	default:
		q.context = r.Uint32()
	}
	q.parent = r.Uint32()
	rest := r // a copy, which reads on by itself
	q.rest = rest.Rest()
	n := 1
	switch m.Type {
	case md.StateServerObjectGetChildren, md.StateServerObjectGetChildCount, md.StateServerObjectDeleteChildren:
		q.all, n = true, 0
	case md.StateServerObjectGetZonesObjects, md.StateServerObjectGetZonesCount, md.StateServerObjectDeleteZones:
		n = int(r.Uint16())
	}
	for range min(n, r.Remaining()/4+1) { // one too many shows that it is cut short
		q.zones = append(q.zones, r.Uint32())
	}
	q.ok = r.Err() == nil
	slices.Sort(q.zones)
	q.zones = slices.Compact(q.zones)
	return q
}

// covers reports whether the query is about a zone.
func (q *query) covers(zone uint32) bool {
	if q.all {
		return true
	}
	_, ok := slices.BinarySearch(q.zones, zone)
	return ok
}

// count is how many known children are where the query asks.
func (o *Object) count(q *query) (n uint32) {
	if q.all {
		return o.children.n
	}
	for _, zone := range q.zones {
		n += o.set.known.count(o.doID, zone)
	}
	return n
}

// queried answers a question about children, as the parent or as one of them.
func (o *Object) queried(m *md.Message) {
	q := o.set.readQuery(m)
	switch {
	case !q.ok:
		o.ignore(m, malformed, "it ends too early")
	case q.parent == o.doID:
		o.countChildren(m, q)
	case q.parent == o.parent && o.parent != 0:
		if q.covers(o.zone) {
			o.showToQuery(m, q.context)
		}
	default:
		o.ignore(m, notForMe, fmt.Sprintf("it is about the children of %d", q.parent))
	}
}

// countChildren answers how many objects there are, and lets them answer
// themselves if they were asked for.
func (o *Object) countChildren(m *md.Message, q *query) {
	answer, relay := md.StateServerObjectGetZonesCountResp, md.Type(0)
	switch m.Type {
	case md.StateServerObjectGetZoneObjects, md.StateServerObjectGetZonesObjects:
		relay = md.StateServerObjectGetZonesObjects
	case md.StateServerObjectGetChildren:
		answer, relay = md.StateServerObjectGetChildCountResp, m.Type
	case md.StateServerObjectGetZoneCount:
		answer = md.StateServerObjectGetZoneCountResp
	case md.StateServerObjectGetChildCount:
		answer = md.StateServerObjectGetChildCountResp
	}
	n := o.count(q)
	w := o.begin(answer, uint64(o.doID), m.Sender)
	w.Uint32(q.context)
	w.Uint32(n)
	o.end()
	if relay == 0 || n == 0 {
		return
	}
	w = o.begin(relay, m.Sender, md.ParentChannel(o.doID))
	w.Uint32(q.context)
	w.Uint32(o.doID)
	if m.Type == md.StateServerObjectGetZoneObjects {
		w.Uint16(1)
		w.Uint32(q.zones[0])
	} else {
		w.Bytes(q.rest)
	}
	o.end()
}

// showToQuery answers as a child. Who was not counted must not answer with the
// context.
func (o *Object) showToQuery(m *md.Message, context uint32) {
	if !o.synchronised {
		o.enter(md.StateServerObjectEnterLocationWithRequired, m.Sender, forClients)
		return
	}
	t := md.StateServerObjectEnterInterestWithRequired
	if o.others > 0 {
		t = md.StateServerObjectEnterInterestWithRequiredOther
	}
	w := o.begin(t, uint64(o.doID), m.Sender)
	w.Uint32(context)
	o.appendSnapshot(w, forClients, o.others > 0)
	o.end()
}

// maxZones is how many zones a GET_ACTIVE_ZONES_RESP can tell.
const maxZones = (md.MaxMessage - (1 + 8 + 8 + 2) - (4 + 2)) / 4

// getActiveZones answers where children are, in ascending order.
func (o *Object) getActiveZones(m *md.Message, r *datagram.Reader) {
	context := r.Uint32()
	if !o.complete(m, r) {
		return
	}
	zones := o.set.known.appendZones(o.set.ids[:0], o.children)
	o.set.ids = zones
	if len(zones) > maxZones {
		o.ignore(m, tooLong, fmt.Sprintf("there are children in %d zones, at most %d fit into the answer", len(zones), maxZones))
		return
	}
	slices.Sort(zones)
	w := o.begin(md.StateServerObjectGetActiveZonesResp, uint64(o.doID), m.Sender)
	w.Uint32(context)
	w.Uint16(uint16(len(zones)))
	for _, zone := range zones {
		w.Uint32(zone)
	}
	o.end()
}

// deleteChildren lets DELETE_CHILDREN, DELETE_ZONE and DELETE_ZONES take effect:
// a parent passes them on, a child goes.
func (o *Object) deleteChildren(m *md.Message) {
	q := o.set.readQuery(m)
	switch {
	case !q.ok:
		o.ignore(m, malformed, "it ends too early")
	case q.parent == o.doID:
		o.passDeletion(m, q)
	case q.parent == o.parent && o.parent != 0:
		if q.covers(o.zone) {
			o.delete(m.Sender, false)
		}
	default:
		o.ignore(m, notForMe, fmt.Sprintf("it is about the children of %d", q.parent))
	}
}

// passDeletion lets children be deleted, who do not tell the parent of it. That
// is why it forgets them by itself.
func (o *Object) passDeletion(m *md.Message, q *query) {
	w := o.begin(m.Type, m.Sender, md.ParentChannel(o.doID))
	w.Uint32(o.doID)
	w.Bytes(q.rest)
	o.end()
	gone := &query{all: q.all, zones: slices.Clone(q.zones)}
	o.forget(gone)
	o.forgetLater(gone)
}

// forgetLater lets a parent forget children once more that are being deleted. Who
// joins before the deletion reaches the children goes too, and what it has said
// of its coming is on the way to the parent, or to the one that is there then. In
// the one order, that is before what is queued right behind the deletion's
// delivery.
func (o *Object) forgetLater(gone *query) {
	s := o.set
	s.director.Emit(&o.md).Do(func() {
		s.director.Emit(&o.md).Do(func() {
			if o := s.object(o.doID); o != nil {
				o.forget(gone)
			}
		})
	})
}

// forget drops the children where the query says.
func (o *Object) forget(q *query) {
	s := o.set
	ids := s.ids[:0]
	if q.all {
		ids = s.known.appendAll(ids, o.children)
	}
	for _, zone := range q.zones {
		ids = s.known.appendZone(ids, o.doID, zone)
	}
	s.ids = ids
	for _, child := range ids {
		o.drop(child)
	}
}
