package snapshot

import (
	"fmt"
	"slices"
	"sync"

	"github.com/culm-net/culm/pipes/wire"
)

// Snapshot is what a client is to be sent in a tick: first the events, reliably
// and in order, then the parts. It is only valid until emit returns, and so is
// everything in it.
type Snapshot struct {
	Tick uint32 // the sealed one that all of it shows

	// Events are the objects that the client is to forget and to learn of.
	Events []Event
	// Structure is how many events the client was sent in all, these included:
	// the structure sequence of the last one, if a session counts nothing else.
	// A client must neither apply nor acknowledge Parts before it has them.
	Structure uint32

	// Parts are the changes. There are none when the client is only sent events
	// in this tick; otherwise there is at least one, which may be empty.
	// Their order does not matter. They are shared with other clients: don't
	// modify.
	Parts []Part
	// Seq is the number of the first part, from 1, for Ack; each further one has
	// one more.
	Seq uint32
	// Partial says that the client's budget held back state of objects that it
	// knows and sees. Objects that it is to learn of or to forget do not count: of
	// the others it has all that there is.
	Partial bool

	plain bool
}

// AppendPart adds the message that carries Parts[i], the type included: a
// wire.Part, or SV_Tick for a Plain view.
func (s *Snapshot) AppendPart(dst []byte, i int) []byte {
	p := &s.Parts[i]
	if s.plain {
		return append(dst, p.Data...)
	}
	h := wire.Part{
		Stamp: wire.Stamp{Structure: s.Structure, Tick: s.Tick}, Number: s.Seq + uint32(i), Count: uint16(p.Objects),
	}
	if i == 0 {
		h.Flags |= wire.FirstPart
	}
	if i == len(s.Parts)-1 {
		h.Flags |= wire.LastPart
		if s.Partial {
			h.Flags |= wire.PartialSnapshot
		}
	}
	return append(h.Append(dst), p.Data...)
}

// Event is a change in which objects a client knows: an Enter when it has an
// Object, else a Leave.
type Event struct {
	ID uint32 // the doId

	// Object is what the client is to learn of, in the state that it has in
	// this tick (see AppendBaseline); nil when it is to forget ID.
	Object *Object
	// Owned says that Object belongs to the client.
	Owned bool

	// Deleted says of a Leave that the object was removed. Else it went out of
	// view, or an Enter with its new owner follows.
	Deleted bool
}

// Part is a piece of a snapshot that can be applied, and lost, on its own.
//
// In the extension dialect Data is the records behind the header of a wire.Part,
// which is each client's own. For a Plain view it is the whole SV_Tick message.
type Part struct {
	Data    []byte
	Objects int // at most 65,535
	// Reliable says that the part is longer than PartSize, since a single
	// object is, and must be sent reliably; it may overtake and be overtaken.
	Reliable bool

	from, to uint32   // the slots that it stands for
	slots    []uint32 // of its objects, when it does not stand for a range
}

// producer is what Produce works with; all of it is empty or unused between
// two ticks and only kept for its memory.
type producer struct {
	jobs    []job
	workers []*worker
	running sync.WaitGroup
	emit    func(*View, *Snapshot)
	before  uint32 // the last tick that was sealed before this one
	busy    int    // jobs that may have something to encode
	recent  int    // about how many objects changed in a tick lately

	nextPiece  counter // the next of touched that a worker takes
	pieces     counter // how many pieces are made
	jobsTaken  counter // how many jobs workers took
	jobsBehind counter // how many of them from the end
	helping    counter // workers beside the one that Produce runs on, that are not done
}

// job is views that get the same parts, unless their budget is too small, or a
// single one that gets events only.
type job struct {
	set   *zoneSet
	views []*View
	due   bool
}

const (
	maxJoin  = 8  // spans of held that are compared to see if views are alike
	maxAlike = 64 // jobs that are compared with a view
)

// Produce seals a tick, which must be after the last one, and makes the events and
// snapshots of the views that are due. Changes made from now on belong to a
// later tick. Ticks end at 2^32: after two years of 66 per second.
//
// emit is called once for each view that gets anything, on several goroutines
// at a time and in no particular order, and must not call methods of Index or
// View; Knows, and ID, Zone, State and Owner of objects are allowed. What
// each call has does not depend on the others. Produce returns after the last.
func (x *Index) Produce(tick uint32, emit func(*View, *Snapshot)) error {
	if tick <= x.tick {
		return fmt.Errorf("snapshot: tick %d comes after tick %d, which is sealed; give each tick a higher number", tick, x.tick)
	}
	x.before, x.tick, x.emit = x.tick, tick, emit
	for _, v := range x.views {
		x.plan(v)
	}
	x.work()
	x.finish()
	return nil
}

// plan gives the view a job if it is to get anything.
func (x *Index) plan(v *View) {
	due := v.due()
	if v.leaves.size()+v.waiting() > 0 {
		v.announce()
	}
	v.own.tidy()
	v.enters.tidy()
	v.leaves.tidy()
	switch {
	case !due && len(v.events) == 0:
	case due && v.waiting() == 0 && len(v.held) <= maxJoin:
		x.join(v)
	default:
		x.newJob(x.zoneSet(v), v, due)
	}
}

// join puts the view to those that are alike.
func (x *Index) join(v *View) {
	set := x.zoneSet(v)
	for _, i := range set.jobs {
		o := x.jobs[i].views[0]
		if o.cfg.Plain == v.cfg.Plain && o.cfg.PartSize == v.cfg.PartSize && o.full() == v.full() && slices.Equal(o.held, v.held) {
			x.jobs[i].views = append(x.jobs[i].views, v)
			return
		}
	}
	if len(set.jobs) < maxAlike {
		set.jobs = append(set.jobs, len(x.jobs))
	}
	x.newJob(set, v, true)
}

func (x *Index) newJob(set *zoneSet, v *View, due bool) {
	n := len(x.jobs)
	x.jobs = slices.Grow(x.jobs, 1)[:n+1]
	j := &x.jobs[n]
	j.set, j.due, j.views = set, due, append(j.views[:0], v)
	if len(v.events) > 0 || v.full() || v.held.floor() < x.newest {
		x.busy++
	}
}

// full says that the client gets everything instead of what it does not hold.
func (v *View) full() bool { return v.cfg.Plain && !v.acked }

// finish leaves everything as the next tick needs it.
func (x *Index) finish() {
	for i := range x.jobs {
		x.jobs[i].set.jobs = x.jobs[i].set.jobs[:0]
		clear(x.jobs[i].views)
		x.jobs[i].set = nil
	}
	x.jobs, x.busy = x.jobs[:0], 0
	clear(x.touched)
	x.touched = x.touched[:0]
	x.free = append(x.free, x.freed...)
	x.freed = x.freed[:0]
	x.emit = nil
}

// do makes the snapshots of a job.
func (w *worker) do(j *job) {
	if !j.due {
		w.deliver(j.views[0], nil, false)
		return
	}
	v := j.views[0]
	w.collect(v, j.set)
	w.cut(v)
	for _, v := range j.views {
		if w.fits(v) {
			w.deliver(v, w.parts, false)
			if len(v.served) > 0 {
				clear(v.served)
			}
		} else {
			w.choose(v)
			w.deliver(v, w.chosen, len(w.taken) < len(w.records))
		}
		// What the client does not hold has a record, and low is the least
		// that it holds of those.
		v.held.lift(w.low)
		v.sent.trim(min(w.low, w.index.forgotten()))
	}
}

// fits tells whether a view may have all that was collected.
func (w *worker) fits(v *View) bool {
	switch len(w.records) {
	case 0:
		return true
	case 1:
		if !v.paying {
			return true
		}
	}
	return len(w.data)-w.header(v) <= v.left
}

// forgotten is the tick whose parts are taken for lost when they are of no use.
func (x *Index) forgotten() uint32 {
	age := uint32(2 * x.cfg.TickRate)
	return x.tick - min(age, x.tick)
}

// deliver notes what the view is sent and hands it out. Without rest, parts are
// all that the client does not hold of what it knows.
func (w *worker) deliver(v *View, parts []Part, rest bool) {
	w.snapshot = Snapshot{
		Tick: w.index.tick, Events: v.events, Structure: v.structure,
		Parts: parts, Seq: v.sent.next(len(parts)), Partial: rest, plain: v.cfg.Plain,
	}
	header := w.header(v)
	for i := range parts {
		p := &parts[i]
		v.left -= len(p.Data) - header
		v.sent.push(w.index.tick, p.from, p.to, p.slots)
	}
	w.index.emit(v, &w.snapshot)
	if cap(v.events) > 64 {
		v.events = nil // a whole zone came or went; it will not soon again
		return
	}
	clear(v.events)
	v.events = v.events[:0]
}
