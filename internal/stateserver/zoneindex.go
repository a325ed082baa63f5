package stateserver

import (
	md "github.com/culm-net/culm/internal/messagedirector"
)

// zoneIndex holds doIds by the parent and the zone they are in. What a call
// costs depends on neither the number of parents nor that of their children
// elsewhere. It has no pointers that a garbage collector would have to follow,
// and keeps the memory of what was taken out for what comes next.
//
// Its user keeps a [brood] for each parent and the place of each entry.
type zoneIndex struct {
	entries []*[chunk]zoneEntry // by place; that of 0 is none
	n       uint32              // places that were ever used
	zones   []zoneList          // 0 is none
	byZone  map[uint64]uint32   // index in zones, by location channel

	freeEntry, freeZone uint32 // the first unused ones, linked by next
}

// chunk is how many entries are allocated at once, so that more of them cost no
// copying.
const chunk = 1 << 9

func (x *zoneIndex) entry(at uint32) *zoneEntry { return &x.entries[at/chunk][at%chunk] }

// zoneEntry is one doId in the list of its zone.
type zoneEntry struct {
	id         uint32
	zone       uint32 // index in zones
	prev, next uint32
}

// zoneList is one zone with at least one doId, in the list of its parent.
type zoneList struct {
	location   uint64
	n          uint32
	first      uint32 // of its entries
	prev, next uint32
}

// brood is what a zoneIndex has below one parent. The zero value is nothing.
type brood struct {
	n    uint32 // of entries
	zone uint32 // the first one, an index in zones
}

func newZoneIndex() zoneIndex {
	return zoneIndex{entries: []*[chunk]zoneEntry{new([chunk]zoneEntry)}, zones: make([]zoneList, 1), byZone: make(map[uint64]uint32)}
}

// add puts a doId into a zone of the parent whose brood b is, and returns its
// place.
func (x *zoneIndex) add(b *brood, parent, zone, id uint32) (at uint32) {
	if at = x.freeEntry; at != 0 {
		x.freeEntry = x.entry(at).next
	} else {
		x.n++
		if at = x.n; at%chunk == 0 {
			x.entries = append(x.entries, new([chunk]zoneEntry))
		}
	}
	x.entry(at).id = id
	x.link(b, at, md.LocationChannel(parent, zone))
	return at
}

// move puts the entry at a place into another zone of its parent. It keeps its
// place.
func (x *zoneIndex) move(b *brood, at, parent, zone uint32) {
	to := md.LocationChannel(parent, zone)
	if x.zones[x.entry(at).zone].location != to {
		x.unlink(b, at)
		x.link(b, at, to)
	}
}

// remove takes out the entry at a place.
func (x *zoneIndex) remove(b *brood, at uint32) {
	x.unlink(b, at)
	x.entry(at).next, x.freeEntry = x.freeEntry, at
}

func (x *zoneIndex) link(b *brood, at uint32, location uint64) {
	k, ok := x.byZone[location]
	if !ok {
		k = x.open(b, location)
	}
	z, e := &x.zones[k], x.entry(at)
	e.zone, e.prev, e.next = k, 0, z.first
	x.entry(z.first).prev = at // perhaps that of none, which nobody reads
	z.first = at
	z.n++
	b.n++
}

func (x *zoneIndex) unlink(b *brood, at uint32) {
	e := *x.entry(at)
	z := &x.zones[e.zone]
	if e.prev == 0 {
		z.first = e.next
	} else {
		x.entry(e.prev).next = e.next
	}
	x.entry(e.next).prev = e.prev
	b.n--
	if z.n--; z.n == 0 {
		x.close(b, e.zone)
	}
}

// open makes the list of a zone that has none.
func (x *zoneIndex) open(b *brood, location uint64) (k uint32) {
	if k = x.freeZone; k != 0 {
		x.freeZone = x.zones[k].next
	} else {
		k = uint32(len(x.zones))
		x.zones = append(x.zones, zoneList{})
	}
	x.zones[k] = zoneList{location: location, next: b.zone}
	x.zones[b.zone].prev = k
	b.zone = k
	x.byZone[location] = k
	return k
}

// close ends the list of a zone that is empty.
func (x *zoneIndex) close(b *brood, k uint32) {
	z := &x.zones[k]
	delete(x.byZone, z.location)
	if z.prev == 0 {
		b.zone = z.next
	} else {
		x.zones[z.prev].next = z.next
	}
	x.zones[z.next].prev = z.prev
	z.next, x.freeZone = x.freeZone, k
}

// parent returns the parent of the entry at a place.
func (x *zoneIndex) parent(at uint32) uint32 {
	return uint32(x.zones[x.entry(at).zone].location >> 32)
}

// count is how many doIds are in a zone.
func (x *zoneIndex) count(parent, zone uint32) uint32 {
	return x.zones[x.byZone[md.LocationChannel(parent, zone)]].n // that of none has none
}

// appendZone appends the doIds in a zone, in any order.
func (x *zoneIndex) appendZone(to []uint32, parent, zone uint32) []uint32 {
	return x.appendList(to, x.byZone[md.LocationChannel(parent, zone)])
}

// appendAll appends the doIds in all zones of a parent, in any order.
func (x *zoneIndex) appendAll(to []uint32, b brood) []uint32 {
	for k := b.zone; k != 0; k = x.zones[k].next {
		to = x.appendList(to, k)
	}
	return to
}

func (x *zoneIndex) appendList(to []uint32, k uint32) []uint32 {
	for at := x.zones[k].first; at != 0; at = x.entry(at).next {
		to = append(to, x.entry(at).id)
	}
	return to
}

// appendZones appends the zones of a parent in which somebody is, in any order.
func (x *zoneIndex) appendZones(to []uint32, b brood) []uint32 {
	for k := b.zone; k != 0; k = x.zones[k].next {
		to = append(to, uint32(x.zones[k].location))
	}
	return to
}
