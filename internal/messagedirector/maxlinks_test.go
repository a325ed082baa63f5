package messagedirector

import "testing"

// More links than there may be are closed at once, until one of the others goes.
func TestMaxLinks(t *testing.T) {
	st := newCoreStage(t, &stageConfig{server: ServerConfig{MaxLinks: 2}})
	first, _ := st.join()
	for i, want := range []bool{false, true, true} {
		if _, closed := st.join(); closed != want {
			t.Errorf("link %d is closed: %v", i+2, closed)
		}
	}
	first.leave()
	if _, closed := st.join(); closed {
		t.Error("a link is not let in although there is room")
	}
	if _, n := st.stats(); n.Links != 2 || n.Refused != 2 {
		t.Errorf("counted %+v", n)
	}
}
