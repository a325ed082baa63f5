package snapshot

import "testing"

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
				if !s.acknowledge(first+i, &h) || h.at(10*i) != tick {
					t.Fatalf("%d before the end: part %d of tick %d is not outstanding", ahead, first+i, tick)
				}
			}
			for _, n := range []uint32{0, first - 1, first + 3} {
				if s.acknowledge(n, &h) {
					t.Fatalf("part %d was never sent", n)
				}
			}
		}
		if next, want := s.next(0), 13-(ahead+1)/3*3; next != want {
			t.Errorf("%d before the end: part %d is the next after four times three, want %d", ahead, next, want)
		}
	}
}
