package snapshot

import (
	"math"
	"slices"
)

// noSlot is beyond the last slot: ranges of slots end there.
const noSlot = math.MaxUint32

// span is a run of slots, up to the next span's beginning, that are held alike.
type span struct {
	from uint32 // the first slot
	tick uint32
}

// held says for each slot up to which tick a client has what changed there.
//
// Invariants: there is at least one span, the first begins at slot 0, spans are
// in order, and neighbours differ in tick. For each slot of an object that the
// client knows, the client has received every change with a stamp of at most
// tick, or will before it applies anything sent later (Enter goes reliably).
// Slots of objects that it does not know mean nothing: Enter raises them. Values
// only rise.
type held []span

func newHeld(tick uint32) held { return held{{0, tick}} }

// at is the tick up to which a slot is held.
func (h held) at(slot uint32) uint32 { return h[h.find(slot)].tick }

// find returns the index of the span that has the slot.
func (h held) find(slot uint32) int {
	low, high := 0, len(h) // the span is at low or after it, and before high
	for high-low > 1 {
		if mid := (low + high) / 2; h[mid].from <= slot {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// floor is the lowest tick of all.
func (h held) floor() uint32 {
	low := h[0].tick
	for _, s := range h[1:] {
		low = min(low, s.tick)
	}
	return low
}

// raise makes the slots from … to-1 be held up to tick at least.
func (h *held) raise(from, to, tick uint32) {
	if h.extend(from, to, tick) {
		return
	}
	h.set(from, to, tick)
	h.merge()
}

// extend does what raise does when the slots before are held up to just that
// tick, as they are when the parts of a snapshot are acknowledged in order, and
// some after are held alike.
func (h held) extend(from, to, tick uint32) bool {
	i := h.find(from)
	if i == 0 || h[i].from != from || h[i-1].tick != tick || h[i].tick > tick || from >= to {
		return false
	}
	if i+1 < len(h) && to >= h[i+1].from || to == noSlot {
		return false
	}
	h[i].from = to
	return true
}

// raiseEach does so for single slots, best in order.
func (h *held) raiseEach(slots []uint32, tick uint32) {
	for _, slot := range slots {
		if h.at(slot) < tick {
			h.set(slot, slot+1, tick)
		}
	}
	h.merge()
}

// set is raise without the merge that must follow.
func (h *held) set(from, to, tick uint32) {
	if from >= to {
		return
	}
	i := h.split(from)
	end := len(*h)
	if to != noSlot {
		end = h.split(to)
	}
	for ; i < end; i++ {
		(*h)[i].tick = max((*h)[i].tick, tick)
	}
}

// lift makes all slots be held up to tick at least.
func (h *held) lift(tick uint32) {
	for i := range *h {
		(*h)[i].tick = max((*h)[i].tick, tick)
	}
	h.merge()
}

// split makes a span begin at slot and returns its index.
func (h *held) split(slot uint32) int {
	i := h.find(slot)
	if (*h)[i].from == slot {
		return i
	}
	*h = slices.Insert(*h, i+1, span{slot, (*h)[i].tick})
	return i + 1
}

func (h *held) merge() {
	n := 1
	for _, s := range (*h)[1:] {
		if s.tick != (*h)[n-1].tick {
			(*h)[n] = s
			n++
		}
	}
	*h = (*h)[:n]
	if n < 16 && cap(*h) > 256 {
		*h = slices.Clone(*h) // it is seldom that fragmented
	}
}
