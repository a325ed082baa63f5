package snapshot

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPartNumbersWrap: the parts of a snapshot follow each other also where the
// numbers begin again, there is no part 0, and what was left out cannot be
// acknowledged.
func TestPartNumbersWrap(t *testing.T) {
	for ahead := range uint32(6) {
		s, h := sent{first: -ahead - 1}, newHeld(1)
		for tick := uint32(2); tick < 6; tick++ {
			first := s.next(3)
			for i := range uint32(3) {
				s.push(tick, 10*i, 10*i+10, nil)
				if first+i == 0 {
					t.Fatalf("%d before the end: part %d is number 0", ahead, i)
				}
			}
			for i := range uint32(3) {
				if !s.acknowledge(first+i, 1, &h) || h.at(10*i) != tick {
					t.Fatalf("%d before the end: part %d of tick %d is not outstanding", ahead, first+i, tick)
				}
			}
			for _, n := range []uint32{0, first - 1, first + 3} {
				if s.acknowledge(n, 1, &h) {
					t.Fatalf("part %d was never sent", n)
				}
			}
		}
		if next, want := s.next(0), 13-(ahead+1)/3*3; next != want {
			t.Errorf("%d before the end: part %d is the next after four times three, want %d", ahead, next, want)
		}
	}
}

// TestAcknowledgeRuns compares runs with their parts one by one.
func TestAcknowledgeRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs, parts := sent{first: 1}, sent{first: 1}
		a, b := newHeld(1), newHeld(1)
		number := func(what string) uint32 { return uint32(rapid.IntRange(0, 60).Draw(t, what)) }
		for tick := uint32(2); tick < 8; tick++ {
			from := number("slot") % 5
			for range rapid.IntRange(0, 6).Draw(t, "parts") {
				to := from + number("slots")%5 // some stand for nothing
				var slots []uint32
				if rapid.IntRange(0, 3).Draw(t, "list") == 0 {
					slots, from, to = []uint32{number("slot") % 30, number("slot") % 30}, 0, 0
				}
				runs.push(tick, from, to, slots)
				parts.push(tick, from, to, slots)
				from = to
			}
			for range rapid.IntRange(0, 3).Draw(t, "runs") {
				first, n, any := number("first"), rapid.IntRange(0, 12).Draw(t, "n"), false
				for i := range uint32(n) {
					any = parts.acknowledge(first+i, 1, &b) || any
				}
				if runs.acknowledge(first, n, &a) != any || !slices.Equal(a, b) || runs.first != parts.first || runs.n != parts.n || len(runs.unused) != len(parts.unused) {
					t.Fatalf("%d parts from %d on:\n%v %v\n%v %v", n, first, a, runs, b, parts)
				}
			}
		}
	})
}
