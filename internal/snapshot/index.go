package snapshot

import (
	"cmp"
	"math"
	"slices"

	"github.com/culm-net/culm/internal/object"
)

// Config is what all views of an Index have in common.
type Config struct {
	// TickRate is how many ticks there are in a second; 0 means 66. All times
	// here are counted in ticks.
	TickRate float64

	// MinRate is how many snapshots per second a view gets that has
	// acknowledged nothing for a second; 0 means 1.
	MinRate float64

	// Workers is how many goroutines Produce uses; 0 means GOMAXPROCS, or fewer
	// when there is little to do.
	Workers int
}

// Index is the objects of one world and its clients' views. It has one owner:
// no method may run beside another, except where Produce says so.
type Index struct {
	cfg  Config
	tick uint32 // the last sealed one, 0 before the first

	zones map[uint32]*zone // those with an object or a subscriber
	sets  map[uint64][]*zoneSet
	views []*View
	plain int // how many views are Plain

	chunks []*chunk // by slot, so that objects never move
	slots  uint32   // how many slots there are
	free   []uint32 // slots of removed objects
	// freed are slots that become free when the tick is sealed: an object
	// must not stand in touched twice.
	freed []uint32

	touched []*Object // the objects that changed since the last sealed tick, each once
	newest  uint32    // the stamp of the last change of any object

	producer
}

// chunk is what there is of some neighbouring slots.
type chunk struct {
	objects [chunkSlots]Object
	// records and plains have what is sent of each object, for views of the
	// extension and for Plain ones. It is all that workers look at to send what
	// just changed, and they do not wait for the memory into which the world writes.
	records, plains [chunkSlots]piece
}

const chunkSlots = 256

// Object is an object's place in an Index. It belongs to the Index and must not
// be used after Remove.
type Object struct {
	slot    uint32
	at      uint32 // where it is in its zone's recency
	id      uint32
	changed uint32 // stamp of the last change of a field or of the zone
	moved   uint32 // stamp of the last change of zone
	called  uint32 // how often Called was; see View.enter
	weight  float32

	state *object.State
	zone  *zone // nil after Remove
	owner *View
}

// zone is the objects in a zone and who wants to know them.
type zone struct {
	id uint32
	recency
	subs []*View
}

// New makes an Index without objects.
func New(cfg Config) *Index {
	if !(cfg.TickRate > 0) {
		cfg.TickRate = 66
	}
	if !(cfg.MinRate > 0) {
		cfg.MinRate = 1
	}
	return &Index{cfg: cfg, zones: map[uint32]*zone{}, sets: map[uint64][]*zoneSet{}}
}

// Stamp is what changes made now must carry: the number after the last sealed
// tick.
func (x *Index) Stamp() uint32 { return x.tick + 1 }

// Tick is the last sealed tick, 0 before the first.
func (x *Index) Tick() uint32 { return x.tick }

// Add puts an object into a zone; who sees the zone gets an Enter. The state
// stays the caller's, who may change it only through Set, or by itself with
// the stamp of Stamp and a Touch. Its stamps must be between 1 and Stamp. The
// caller sees to it that ids are unique, and not used again too early.
func (x *Index) Add(id uint32, state *object.State, zoneID uint32) *Object {
	slot := x.slots
	if n := len(x.free); n > 0 {
		slot = x.free[n-1]
		x.free = x.free[:n-1]
	} else {
		if slot%chunkSlots == 0 {
			x.chunks = append(x.chunks, new(chunk))
		}
		x.slots++
	}
	o := x.object(slot)
	*o = Object{slot: slot, id: id, moved: x.Stamp(), weight: 1, state: state, zone: x.zone(zoneID)}
	x.put(o)
	for _, v := range o.zone.subs {
		v.enter(o)
	}
	return o
}

func (x *Index) object(slot uint32) *Object {
	return &x.chunks[slot/chunkSlots].objects[slot%chunkSlots]
}

// piece is what is sent of an object to a Plain view, or to another one.
func (x *Index) piece(slot uint32, plain bool) *piece {
	c := x.chunks[slot/chunkSlots]
	if plain {
		return &c.plains[slot%chunkSlots]
	}
	return &c.records[slot%chunkSlots]
}

// Remove takes an object out; who knows it gets a Leave.
func (x *Index) Remove(o *Object) {
	for _, v := range o.zone.subs {
		v.leave(o, true)
	}
	o.zone.remove(o)
	x.drop(o.zone)
	o.zone, o.state, o.owner = nil, nil, nil
	x.freed = append(x.freed, o.slot)
}

// Set changes a field; see [object.State.Set].
func (x *Index) Set(o *Object, index int, value []byte) (changed bool, err error) {
	changed, err = o.state.Set(index, value, x.Stamp())
	if changed {
		x.stamp(o)
	}
	return changed, err
}

// Touch tells that fields of the object changed, with the stamp of Stamp.
func (x *Index) Touch(o *Object) { x.stamp(o) }

// Called tells that what an Enter carries beside the object's state has changed: to
// a client that did not see the object then, it is not as it was.
func (x *Index) Called(o *Object) { o.called++ }

// stamp makes o the object of its zone that changed last.
func (x *Index) stamp(o *Object) {
	if o.changed != x.Stamp() { // else nothing in the zone can have changed later
		o.zone.remove(o)
		x.put(o)
	}
}

// put is stamp for an object that its zone does not have yet.
func (x *Index) put(o *Object) {
	if now := x.Stamp(); o.changed != now {
		o.changed, x.newest = now, now
		x.touched = append(x.touched, o)
	}
	o.zone.add(o, x)
}

// Move puts an object into another zone. Views of both zones keep it, and those
// of the extension dialect are told its zone as state; others get an Enter or a
// Leave. If it comes back in the same tick, nobody loses it; its zone is told as
// state all the same, since messages that were sent meanwhile wait for that.
func (x *Index) Move(o *Object, zoneID uint32) {
	from := o.zone
	if from.id == zoneID {
		return
	}
	to := x.zone(zoneID)
	for _, v := range from.subs {
		if !v.sees(to) {
			v.leave(o, false)
		}
	}
	from.remove(o)
	o.zone, o.moved = to, x.Stamp()
	x.put(o)
	for _, v := range to.subs {
		if !v.sees(from) {
			v.enter(o)
		}
	}
	x.drop(from)
}

// SetOwner gives the object to a client, or to none with nil. The two clients
// concerned get a Leave and an Enter if they know the object.
func (x *Index) SetOwner(o *Object, owner *View) {
	if o.owner == owner {
		return
	}
	concerned := [2]*View{o.owner, owner}
	for i, v := range concerned {
		if v == nil || !v.sees(o.zone) {
			concerned[i] = nil
		} else if _, departed := v.departed(o); v != owner && !departed && v.waitsFor(o.slot) {
			concerned[i] = nil // it keeps its place among what the client is to learn of
		} else {
			v.leave(o, false)
		}
	}
	o.owner = owner
	for _, v := range concerned {
		if v != nil {
			v.enter(o)
		}
	}
}

// SetWeight says how important the object is when a client's budget is too small
// for everything: twice the weight, twice as often. It is 1 at first; values
// are brought into 1/1024 … 1024, NaN becomes 1.
func (x *Index) SetWeight(o *Object, weight float64) {
	if math.IsNaN(weight) {
		weight = 1
	}
	o.weight = float32(min(max(weight, 1.0/1024), 1024))
}

// ID is the doId.
func (o *Object) ID() uint32 { return o.id }

// Zone is the zone that the object is in.
func (o *Object) Zone() uint32 { return o.zone.id }

// Changed is the stamp of the object's last change: who has the state of that
// tick, or of a later one, has the present state. An Ext_ObjectMessage carries it
// as the state tick, so that a client delivers none before the state that it was
// sent in.
func (o *Object) Changed() uint32 { return o.changed }

// State is the state that was given to Add.
func (o *Object) State() *object.State { return o.state }

// Owner is the view that the object belongs to, or nil.
func (o *Object) Owner() *View { return o.owner }

// Zones is how many zones there are with an object or a subscriber.
func (x *Index) Zones() int { return len(x.zones) }

// Subscribers returns the views that see a zone, in no particular order. The
// slice is the Index' own and valid until a view subscribes or unsubscribes.
func (x *Index) Subscribers(zoneID uint32) []*View {
	if z := x.zones[zoneID]; z != nil {
		return z.subs
	}
	return nil
}

// AppendObjects appends the objects in a zone, those that changed last first.
func (x *Index) AppendObjects(dst []*Object, zoneID uint32) []*Object {
	if z := x.zones[zoneID]; z != nil {
		for slot := range z.all() {
			dst = append(dst, x.object(slot))
		}
	}
	return dst
}

// zone returns the zone of that number, which is made if need be.
func (x *Index) zone(id uint32) *zone {
	z := x.zones[id]
	if z == nil {
		z = &zone{id: id}
		x.zones[id] = z
	}
	return z
}

// drop forgets a zone that nobody needs any more.
func (x *Index) drop(z *zone) {
	if z.n == 0 && len(z.subs) == 0 {
		delete(x.zones, z.id)
	}
}

// zoneSet is the zones of all views that have just these.
type zoneSet struct {
	zones []*zone // by number
	hash  uint64
	views int // how many have it

	jobs []int // of the tick that is being produced: the jobs that a view may join
}

// zoneSet returns the set of the view's zones.
func (x *Index) zoneSet(v *View) *zoneSet {
	if v.set != nil && !v.setStale {
		return v.set
	}
	x.dropSet(v)
	v.setStale = false
	zones := make([]*zone, 0, len(v.zones))
	for _, z := range v.zones {
		zones = append(zones, z)
	}
	slices.SortFunc(zones, func(a, b *zone) int { return cmp.Compare(a.id, b.id) })
	hash := uint64(len(zones))
	for _, z := range zones {
		hash = (hash ^ uint64(z.id)) * 0x9e3779b97f4a7c15
		hash ^= hash >> 29
	}
	for _, s := range x.sets[hash] {
		if slices.Equal(s.zones, zones) {
			v.set = s
		}
	}
	if v.set == nil {
		v.set = &zoneSet{zones: zones, hash: hash}
		x.sets[hash] = append(x.sets[hash], v.set)
	}
	v.set.views++
	return v.set
}

// dropSet takes the view's set away from it.
func (x *Index) dropSet(v *View) {
	s := v.set
	if s == nil {
		return
	}
	v.set = nil
	if s.views--; s.views > 0 {
		return
	}
	rest := slices.DeleteFunc(x.sets[s.hash], func(o *zoneSet) bool { return o == s })
	if len(rest) == 0 {
		delete(x.sets, s.hash)
	} else {
		x.sets[s.hash] = rest
	}
}
