package snapshot

import (
	"math"
	"slices"
)

// ViewConfig is what a client negotiated.
type ViewConfig struct {
	// Plain chooses the dialect of an unmodified panda3d-pipes peer: a
	// snapshot is one message, sent reliably and acknowledged by its tick with
	// AckTick. Otherwise it is the extension: parts, sent unreliably and
	// acknowledged one by one with Ack.
	Plain bool

	// PartSize is how many bytes of records a part has at most; 0 means 1,100.
	// The message is wire.PartHeaderSize longer. Not used when Plain.
	PartSize int

	// Rate is how many snapshots per second the client wants; 0 means 20.
	Rate float64

	// Window is how many snapshots of a Plain view, which would queue, may be
	// unacknowledged before further ones are skipped; 0 means any number.
	Window int

	// Budget, if it is not nil, is called by Produce for each snapshot that is
	// due and says its budget, in place of View.SetBudget. It must not call
	// methods of Index or View.
	Budget func() int

	// Data is the caller's own, for [View.Data].
	Data any
}

// View is what one client sees, holds, and still has to learn. It belongs to
// its Index and has the same owner.
type View struct {
	index *Index
	cfg   ViewConfig

	zones    map[uint32]*zone
	set      *zoneSet // of zones, unless setStale
	setStale bool

	held  held
	sent  sent
	acked bool // anything was acknowledged ever

	// own and enters are the slots of objects that the client is to learn of: first
	// those that were its own at some time since they wait.
	own, enters agenda[struct{}]
	leaves      agenda[departure] // ids of objects that it knows and is to forget
	events      []Event           // of the tick that is being produced

	structure uint32 // how many events there were
	work      uint64 // see Work

	budget int
	left   int  // bytes left of the budget until the next snapshot; below 0 when it was exceeded
	debt   int  // bytes by which earlier budgets were exceeded, and that are not made up for
	paying bool // until the next snapshot nothing may exceed what is left

	next    float64 // the tick from which the next snapshot is due
	unheard uint32  // snapshots since the last acknowledgement
	hearing bool    // there was an acknowledgement since the last Produce

	// served has the tick in which an object was sent last, by slot. It is
	// only for a view that a whole snapshot did not fit into; objects that
	// are not in it were sent when the client held them.
	served map[uint32]uint32
}

// departure is how an object went that the client knows.
type departure struct {
	slot    uint32
	tick    uint32 // in the making of which it went
	called  uint32 // Object.called then
	deleted bool
	owned   bool // the client knows it as its own
}

// NewView makes a view without zones.
func (x *Index) NewView(cfg ViewConfig) *View {
	if cfg.PartSize <= 0 {
		cfg.PartSize = 1100
	}
	v := &View{
		index: x, cfg: cfg, zones: map[uint32]*zone{}, held: newHeld(x.tick), budget: maxBytes,
		next: float64(x.tick) + 1, sent: sent{first: 1},
	}
	v.SetRate(cfg.Rate)
	x.views = append(x.views, v)
	if cfg.Plain {
		x.plain++
	}
	return v
}

// Close takes the view out of its Index. It must own no object any more.
func (v *View) Close() {
	for _, z := range v.zones {
		v.unsubscribe(z)
	}
	clear(v.zones)
	x := v.index
	x.dropSet(v)
	if i := slices.Index(x.views, v); i >= 0 {
		x.views = slices.Delete(x.views, i, i+1)
		if v.cfg.Plain {
			x.plain--
		}
	}
}

// Data returns what ViewConfig had, so that who gets a snapshot finds the client
// without a map. It may be called at any time by anybody.
func (v *View) Data() any { return v.cfg.Data }

// SetRate says how many snapshots per second the client wants; what is not above
// 0 means 20. There is at most one per tick.
func (v *View) SetRate(rate float64) {
	if !(rate > 0) {
		rate = 20
	}
	v.cfg.Rate = rate
}

// maxBytes is the largest budget. It makes a fraction of maxOutstanding parts, so
// that their acknowledgements may take some time.
const maxBytes = 64 << 10

// SetBudget says how many bytes of objects each following snapshot may have, with
// the events that go with it: at most, but for one object that may exceed it.
// That is made up for with half of each budget that follows; the other half goes
// on with what fits into it. 0 holds back everything. More than 64 KiB, the budget
// at first, is as good as 64 KiB.
func (v *View) SetBudget(bytes int) { v.budget = max(bytes, 0) }

// Subscribe makes the client see a zone and reports whether it did not before.
// It gets an Enter for each object there that it does not know.
func (v *View) Subscribe(zoneID uint32) bool {
	if v.zones[zoneID] != nil {
		return false
	}
	z := v.index.zone(zoneID)
	v.zones[zoneID] = z
	z.subs = append(z.subs, v)
	v.setStale = true
	v.work += 1 + uint64(z.n)
	for slot := range z.all() {
		v.enter(v.index.object(slot))
	}
	return true
}

// Unsubscribe makes the client see a zone no more and reports whether it did
// before. It gets a Leave for each object there that it knows.
func (v *View) Unsubscribe(zoneID uint32) bool {
	z := v.zones[zoneID]
	if z == nil {
		return false
	}
	delete(v.zones, zoneID)
	v.setStale = true
	v.work += 1 + uint64(z.n)
	for slot := range z.all() {
		v.leave(v.index.object(slot), false)
	}
	v.unsubscribe(z)
	return true
}

func (v *View) unsubscribe(z *zone) {
	z.subs = slices.DeleteFunc(z.subs, func(o *View) bool { return o == v })
	v.index.drop(z)
}

// Work is how many zones and objects in them Subscribe and Unsubscribe have gone
// through in all: what a client costs that changes its zones again and again.
func (v *View) Work() uint64 { return v.work }

// Sees tells whether the client is subscribed to a zone.
func (v *View) Sees(zoneID uint32) bool { return v.zones[zoneID] != nil }

func (v *View) sees(z *zone) bool { return v.zones[z.id] == z }

// Knows tells whether the client was sent an Enter of the object and no Leave
// since; messages about others mean nothing to it.
func (v *View) Knows(o *Object) bool {
	if o.zone == nil || !v.sees(o.zone) {
		return false
	}
	return !v.waitsFor(o.slot)
}

// waitsFor tells whether the client is still to learn of the object there.
func (v *View) waitsFor(slot uint32) bool { return v.enters.has(slot) || v.own.has(slot) }

// waiting is of how many objects the client is to learn.
func (v *View) waiting() int { return v.own.size() + v.enters.size() }

// awaited is the object of which the client is to learn next.
func (v *View) awaited() (*Object, bool) {
	slot, ok := v.own.first()
	if !ok {
		slot, ok = v.enters.first()
	}
	if !ok {
		return nil, false
	}
	return v.index.object(slot), true
}

// await makes the object one of which the client is to learn.
func (v *View) await(o *Object) {
	if o.owner == v {
		v.own.add(o.slot, struct{}{})
	} else {
		v.enters.add(o.slot, struct{}{})
	}
}

// stopAwaiting is the reverse, and tells whether it was one.
func (v *View) stopAwaiting(o *Object) bool { return v.own.remove(o.slot) || v.enters.remove(o.slot) }

// Mark names the Enters that are to be sent up to now; see Passed.
func (v *View) Mark() uint64 { return v.enters.added }

// Passed tells whether all Enters before a Mark have been sent or became
// needless: the interest that caused them is complete.
//
// As own objects are in no order with the others, it waits for all of them.
func (v *View) Passed(mark uint64) bool { return v.own.size() == 0 && v.enters.passed(mark) }

// enter plans to tell the client of an object that it does not know, unless it went
// in this tick and is as the client knows it: then it just stays.
func (v *View) enter(o *Object) {
	if d, ok := v.departed(o); ok && d.called == o.called && d.owned == (o.owner == v) {
		v.leaves.remove(o.id)
		return
	}
	v.await(o)
}

// leave plans to tell the client to forget an object, or not to tell it of it.
func (v *View) leave(o *Object, deleted bool) {
	if v.stopAwaiting(o) {
		return
	}
	v.leaves.add(o.id, departure{o.slot, v.index.Stamp(), o.called, deleted, o.owner == v})
	delete(v.served, o.slot)
}

// departed tells how an object went in this tick that the client knows. In earlier
// ticks it may have changed unseen, though what the client holds of its neighbours
// was raised, and another object may have its slot.
func (v *View) departed(o *Object) (departure, bool) {
	d, ok := v.leaves.get(o.id)
	return d, ok && d.slot == o.slot && d.tick == v.index.Stamp()
}

// due tells whether the client gets a snapshot in this tick, and if so, plans
// the next one.
func (v *View) due() bool {
	x := v.index
	now := x.tick
	if v.hearing {
		if v.silent() {
			v.next = min(v.next, float64(now))
		}
		v.hearing, v.unheard = false, 0
	}
	if float64(now) < v.next {
		return false
	}
	rate := v.cfg.Rate
	if v.silent() {
		rate = min(rate, x.cfg.MinRate)
	}
	v.next = dueAfter(v.next, float64(now), x.cfg.TickRate/rate)
	if v.cfg.Budget != nil {
		v.SetBudget(v.cfg.Budget())
	}
	v.refill()
	if v.budget == 0 {
		return false
	}
	if v.cfg.Plain && v.cfg.Window > 0 && int(v.sent.n) >= v.cfg.Window {
		return false
	}
	v.unheard++
	return true
}

// refill gives the view the budget of its next snapshot, less what makes up for
// what was exceeded before. Only half of it does, so that the client's other
// objects go on; and as long as anything is left to make up for, nothing may
// exceed what remains, or it would never be made up for.
func (v *View) refill() {
	budget := min(v.budget, maxBytes)
	v.debt += max(-v.left, 0)
	paid := min(v.debt, budget-budget/2)
	v.debt -= paid
	v.left = budget - paid
	v.paying = v.debt > 0 || v.left == 0
}

// dueAfter returns when the next snapshot is due, after one at tick now that was
// due since then; 0 is the first one. Snapshots are due at fractions of ticks, so
// that on the average the rate is met. What was missed is not made up for, but
// each client keeps its own time: else all of them would be due at once after a
// pause of the world, and from then on.
func dueAfter(then, now, interval float64) float64 {
	if then == 0 {
		then = now
	}
	next := then + interval
	if next > now {
		return next
	}
	next += interval * (math.Floor((now-next)/interval) + 1)
	if next-now < interval/2 {
		next += interval // hardly anything is new by then
	}
	return next
}

// silent tells whether a second's worth of snapshots was sent since the last
// acknowledgement. Time alone does not tell: without a budget the client is sent
// nothing that it could acknowledge.
func (v *View) silent() bool { return float64(v.unheard) >= min(v.cfg.Rate, v.index.cfg.TickRate) }
