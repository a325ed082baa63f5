package snapshot

import (
	"testing"

	"pgregory.net/rapid"
)

// TestHeld compares the spans with a plain table.
func TestHeld(t *testing.T) {
	const slots = 12
	rapid.Check(t, func(t *rapid.T) {
		h, want := newHeld(1), [slots]uint32{}
		for i := range want {
			want[i] = 1
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			tick := uint32(rapid.IntRange(1, 9).Draw(t, "tick"))
			from := rapid.IntRange(0, slots-1).Draw(t, "from")
			to := rapid.IntRange(0, slots).Draw(t, "to")
			end := uint32(to)
			if to == slots {
				end = noSlot
			}
			if rapid.IntRange(0, 9).Draw(t, "lift") == 0 {
				from, to = 0, slots
				h.lift(tick)
			} else {
				h.raise(uint32(from), end, tick)
			}
			for i := from; i < to; i++ {
				want[i] = max(want[i], tick)
			}
			low := want[0]
			for i, w := range want {
				low = min(low, w)
				if got := h.at(uint32(i)); got != w {
					t.Fatalf("slot %d is held up to %d, want %d: %v", i, got, w, h)
				}
			}
			if h.floor() != low {
				t.Fatalf("floor %d, want %d", h.floor(), low)
			}
			for i := range h {
				if i == 0 && h[i].from != 0 || i > 0 && (h[i].from <= h[i-1].from || h[i].tick == h[i-1].tick) {
					t.Fatalf("invariant broken: %v", h)
				}
			}
		}
	})
}
