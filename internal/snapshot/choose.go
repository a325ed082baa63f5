package snapshot

import (
	"cmp"
	"slices"
)

// choice is how a worker makes a snapshot that does not fit a view's budget.
type choice struct {
	picks  []pick
	taken  []pick   // those that go, in order
	listed []uint32 // slots of taken
	bytes  []byte   // records of taken
	chosen []Part
}

// pick is a record that may go.
type pick struct {
	urgency float32 // ticks since the object was sent, times its weight
	i       uint32  // of the record
	owned   bool
}

// choose makes the parts that go to a view with too small a budget: the client's
// own objects first, by urgency and for half of the bytes, then the rest by
// urgency, and one of those at least, unless something is still to be made up
// for. What does not go gets more urgent.
func (w *worker) choose(v *View) {
	x := w.index
	w.picks, w.taken = w.picks[:0], w.taken[:0]
	for i, r := range w.records {
		o := x.object(r.slot)
		at := r.held
		if last, ok := v.served[r.slot]; ok {
			at = max(at, last)
		}
		w.picks = append(w.picks, pick{float32(x.tick-at) * o.weight, uint32(i), o.owner == v})
	}
	slices.SortFunc(w.picks, func(a, b pick) int {
		return cmp.Or(cmp.Compare(b.urgency, a.urgency), cmp.Compare(a.i, b.i))
	})
	half := v.left / 2
	for i := range w.picks {
		if p := &w.picks[i]; p.owned && half > 0 && (!v.paying || w.size(v, p.i) <= half) {
			half -= w.take(v, p)
		}
	}
	room := v.left - (v.left/2 - half)
	one := v.paying
	for i := range w.picks {
		p := &w.picks[i]
		if p.i == gone {
			continue
		}
		if one && w.size(v, p.i) > room {
			if v.paying {
				continue // it has its turn when all is made up for
			}
			break // not a smaller one in its place, or a large one would starve
		}
		room -= w.take(v, p)
		one = true
	}
	w.pack(v)
}

// gone is the record of picks that are in choice.taken already.
const gone = ^uint32(0)

func (w *worker) take(v *View, p *pick) (size int) {
	size = w.size(v, p.i)
	w.taken = append(w.taken, *p)
	p.i = gone
	return size
}

// begin is where a record begins in data.
func (w *worker) begin(v *View, i uint32) uint32 {
	if i > 0 {
		return w.records[i-1].end
	}
	return uint32(w.header(v))
}

// header is how many bytes of a part's Data are not of objects. They do not count
// towards the budget: an empty snapshot is always within it.
func (w *worker) header(v *View) int {
	if v.cfg.Plain {
		return plainHeader
	}
	return 0
}

func (w *worker) size(v *View, i uint32) int { return int(w.records[i].end - w.begin(v, i)) }

// pack makes parts of what was taken.
func (w *worker) pack(v *View) {
	if v.served == nil {
		v.served = map[uint32]uint32{}
	}
	w.bytes, w.listed, w.chosen = w.bytes[:0], w.listed[:0], w.chosen[:0]
	if v.cfg.Plain {
		w.bytes = w.appendHeader(w.bytes, v)
	}
	begin, n := 0, 0
	for _, p := range w.taken {
		r := w.records[p.i]
		record := w.data[w.begin(v, p.i):r.end]
		if n > 0 && !v.cfg.Plain && len(w.bytes)-begin+len(record) > v.cfg.PartSize {
			w.close(v, begin, n)
			begin, n = len(w.bytes), 0
		}
		w.bytes = append(w.bytes, record...)
		w.listed = append(w.listed, r.slot)
		v.served[r.slot] = w.index.tick
		n++
	}
	w.close(v, begin, n)
	// Only now is it known that bytes and listed do not move any more.
	at, slot := 0, 0
	for i := range w.chosen {
		p := &w.chosen[i]
		end := at + int(p.to)
		p.Data = w.bytes[at:end:end]
		p.slots = w.listed[slot : slot+p.Objects]
		at, slot, p.to = end, slot+p.Objects, 0
	}
	if v.cfg.Plain {
		setCount(w.bytes, len(w.taken))
	}
}

// close adds the part whose bytes begin at begin; to is their number until pack
// ends.
func (w *worker) close(v *View, begin, n int) {
	size := len(w.bytes) - begin
	w.chosen = append(w.chosen, Part{
		Objects: n, to: uint32(size), Reliable: !v.cfg.Plain && size > v.cfg.PartSize,
	})
}
