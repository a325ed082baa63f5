package pipesbots

import "testing"

func TestStates(t *testing.T) {
	s := newStates()
	check := func(doID, tick uint32, hash uint64, wantSame, wantCompared bool) {
		t.Helper()
		if same, compared := s.check(doID, tick, hash); same != wantSame || compared != wantCompared {
			t.Errorf("object %d at tick %d: same %v, compared %v", doID, tick, same, compared)
		}
	}
	check(1, 10, 100, true, false)
	check(1, 10, 100, true, true)
	check(1, 10, 101, false, true)
	check(1, 10, 100, true, true) // the first one stays
	check(2, 10, 7, true, false)
	check(1, 11, 7, true, false)

	// Whatever comes, newer states push out older ones, and never the other way
	// round.
	for tick := range uint32(100) {
		for doID := range uint32(2000) {
			s.check(doID, 1000+tick, 5)
		}
	}
	kept := 0
	for doID := range uint32(2000) {
		if _, compared := s.check(doID, 1099, 5); compared {
			kept++
		}
	}
	if kept < 1800 {
		t.Errorf("of 2,000 states of the last tick %d are known", kept)
	}
	s.check(1, 10, 100)
	if _, compared := s.check(1, 10, 100); compared {
		t.Error("an old state has pushed out a new one")
	}
}

func TestWorldConfig(t *testing.T) {
	for _, c := range []WorldConfig{{Objects: -1}, {ValueBytes: 1 << 20}, {Zones: -1}, {Messages: -1}, {Changes: 1e9}, {TickRate: 1 << 20}} {
		if _, err := NewWorld(c); err == nil {
			t.Errorf("%+v is no error", c)
		}
	}
}
