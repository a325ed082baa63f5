package world_test

import (
	"errors"
	"testing"

	"github.com/culm-net/culm/world"
)

// Numbers of clients come back late, too.
func TestClients(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	ann, _ := join(t, w)
	if ann.ID() != 1 || ann.Account() != "ann" || ann.String() != "client 1" || ann.World() != w || ann.Info().Address != "192.0.2.1" {
		t.Errorf("the first client is %v, account %v", ann, ann.Account())
	}
	if w.Client(1) != ann || w.Client(2) != nil {
		t.Error("a client is not found by its number")
	}
	ann.Leave(nil)
	if !ann.Left() || w.Client(1) != nil {
		t.Error("a client is still there")
	}
	bob, _ := join(t, w)
	if bob.ID() != 2 {
		t.Errorf("the second client has the number %d", bob.ID())
	}
	// Whoever comes and goes as fast as it can uses no numbers up: they only go
	// round.
	for range 65_534 {
		c, err := w.Join(newFakeViewer(nil), world.JoinConfig{})
		if err != nil {
			t.Fatal(err)
		}
		c.Leave(nil)
	}
	if c, _ := join(t, w); c.ID() != 3 { // 2 is bob's
		t.Errorf("the next client has the number %d", c.ID())
	}
	for range 65_533 {
		if _, err := w.Join(newFakeViewer(nil), world.JoinConfig{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Join(newFakeViewer(nil), world.JoinConfig{}); !errors.Is(err, world.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
}
