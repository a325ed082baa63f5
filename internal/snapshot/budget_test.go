package snapshot_test

import (
	"testing"

	"github.com/culm-net/culm/internal/snapshot"
)

// A client that is not due is not asked what it can take.
func TestBudgetIsAskedWhenDue(t *testing.T) {
	s := newStage(t, 1)
	asked, budget := 0, 1000
	v := s.view(snapshot.ViewConfig{Rate: 20, Budget: func() int { asked++; return budget }}, 1)
	s.add(1, "a")
	for range 6 { // of 60 ticks per second
		s.produce()
	}
	if asked != 2 {
		t.Errorf("asked %d times in 6 ticks for 2 snapshots", asked)
	}
	budget = 0
	for range 3 {
		s.produce()
		if got := s.got[v]; got != nil && len(got.Parts) > 0 {
			t.Error("a snapshot that there is no room for")
		}
	}
}
