package world_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/culm-net/culm/world"
)

func TestStats(t *testing.T) {
	w, after := newWorld(t, world.Config{Events: world.Events{Tick: func(uint32) {}}})
	ann, _ := join(t, w, 1, 2)
	bob, _ := join(t, w, 1)
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	if err := spawn(t, w, world.Spawn{Class: "Door", Zone: 3}).Delete(); err != nil {
		t.Fatal(err)
	}
	wave, steer := o.Class().FieldByName("wave"), o.Class().FieldByName("steer")
	if err := o.Send("wave", 1); err != nil {
		t.Fatal(err)
	}
	w.Receive(ann, 1, wave, []byte{1})
	w.Receive(ann, 9, wave, []byte{1})
	w.Receive(ann, 1, steer, make([]byte, 16))
	w.Receive(ann, 1, steer, make([]byte, 16))
	bob.Kick("")
	if s := w.Stats(); s.Spawned != 0 {
		t.Error("counters are told before the Step is over")
	}
	after(101 * time.Millisecond)
	s := w.Stats()
	if s.TickTime <= 0 || s.LastTick != s.TickTime {
		t.Errorf("a tick took %v, all took %v", s.LastTick, s.TickTime)
	}
	s.TickTime, s.LastTick, s.Slow = 0, 0, 0
	want := world.Stats{
		Objects: 1, Clients: 1, Zones: 2, Tick: 1, Spawned: 2, Deleted: 1, Joined: 2, Left: 1, Kicked: 1,
		Sent: 2, Received: 1, Unhandled: 1, Ticks: 1,
	}
	refused := map[string]uint64{
		"no_object": 1, "not_allowed": 2, "has_left": 0, "out_of_view": 0, "no_field": 0, "no_message": 0,
	}
	if !maps.Equal(s.Refused, refused) {
		t.Errorf("refused: %v", s.Refused)
	}
	if s.Refused = nil; fmt.Sprint(s) != fmt.Sprint(want) {
		t.Errorf("got %+v\nwant %+v", s, want)
	}
}
