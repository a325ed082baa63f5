package snapshot_test

import (
	"slices"
	"testing"

	"github.com/culm-net/culm/internal/snapshot"
)

// A Leave says whether the object is gone for everybody.
func TestLeaveTellsDeletedFromOutOfView(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "abcde")
	v := s.view(snapshot.ViewConfig{Data: "ann"}, 1, 2)
	if v.Data() != "ann" {
		t.Errorf("the view's data is %v", v.Data())
	}
	s.produce()

	s.index.Remove(s.objects["a"])
	s.index.Move(s.objects["b"], 3)
	s.index.Move(s.objects["c"], 2)
	s.index.SetOwner(s.objects["d"], v)
	s.produce()
	want := []snapshot.Event{
		{ID: 'a', Deleted: true},
		{ID: 'b'},
		{ID: 'd'},
		{ID: 'd', Object: s.objects["d"], Owned: true},
	}
	if got := s.got[v].Events; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}

	// What the client lost sight of before it was removed only went out of view.
	v.Unsubscribe(1)
	s.index.Remove(s.objects["e"])
	s.produce()
	for _, e := range s.got[v].Events {
		if e.Deleted {
			t.Errorf("%c is said to be deleted", e.ID)
		}
	}
}
