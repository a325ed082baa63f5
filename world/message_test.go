package world_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/world"
)

// What many clients get alike is encoded once.
func TestEncodedOnce(t *testing.T) {
	w, after := newWorld(t, world.Config{Workers: 4})
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1, Fields: map[string]any{"name": "ann"}})
	e := &encoder{t: t, times: map[string]int{}}
	for i := range 100 {
		v := &encodingViewer{fakeViewer: newFakeViewer(func(uint32) string { return "ann" }), e: e, dialect: i % 2}
		c, err := w.Join(v, world.JoinConfig{View: snapshot.ViewConfig{Rate: 10}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddZones(1); err != nil {
			t.Fatal(err)
		}
	}
	after(101 * time.Millisecond)
	if err := o.Send("wave", 1); err != nil {
		t.Error(err)
	}
	want := map[string]int{"generate": 1, "wave for dialect 0": 1, "wave for dialect 1": 1}
	e.mu.Lock()
	defer e.mu.Unlock()
	// Two goroutines may meet at an object that is encoded by neither yet.
	if n := e.times["generate"]; n >= 1 && n <= 4 {
		e.times["generate"] = 1
	}
	if !maps.Equal(e.times, want) || e.generates != 100 {
		t.Errorf("it was encoded %v times, and generated for %d clients", e.times, e.generates)
	}
}

type encoder struct {
	t         *testing.T
	mu        sync.Mutex
	times     map[string]int
	generates int
	last      *byte
}

type encodingViewer struct {
	*fakeViewer
	e       *encoder
	dialect int
}

func (v *encodingViewer) Snapshot(s *snapshot.Snapshot) {
	for _, event := range s.Events {
		b := v.client.World().Generate(event.Object, func(*world.Generate) []byte {
			v.e.mu.Lock()
			defer v.e.mu.Unlock()
			v.e.times["generate"]++
			return []byte("an object")
		})
		v.e.mu.Lock()
		v.e.generates++
		if v.e.last == nil {
			v.e.last = &b[0]
		}
		if v.e.last != &b[0] {
			v.e.t.Error("two clients got different encodings")
		}
		v.e.mu.Unlock()
	}
}

func (v *encodingViewer) Message(m *world.Message) {
	m.Encoded(v.dialect, m.Tick, func(m *world.Message, tick uint32) []byte {
		if tick != m.Tick {
			v.e.t.Errorf("the tick is %d", tick)
		}
		v.e.times[fmt.Sprintf("%s for dialect %d", m.Field.Name(), v.dialect)]++
		return []byte("a message")
	})
}

// A message that is held back is encoded for the tick in which it is let go.
func TestEncodedForATick(t *testing.T) {
	m := &world.Message{Tick: 5}
	encode := func(_ *world.Message, tick uint32) []byte { return fmt.Append(nil, tick) }
	for _, c := range []struct {
		dialect int
		tick    uint32
	}{{1, 5}, {1, 7}, {2, 5}, {1, 7}, {1, 5}} {
		if got := string(m.Encoded(c.dialect, c.tick, encode)); got != fmt.Sprint(c.tick) {
			t.Errorf("for tick %d it is %s", c.tick, got)
		}
	}
}

// Messages say to which state of the object they belong.
func TestMessageTicks(t *testing.T) {
	w, after := newWorld(t, world.Config{})
	_, v := join(t, w, 1)
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	send := func(what string, tick, state uint32) {
		t.Helper()
		v.held = nil
		m := &messages{fakeViewer: v}
		c, err := w.Join(m, world.JoinConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Leave(nil)
		if err := errors.Join(c.AddZones(1), o.Send("wave", 1)); err != nil {
			t.Fatal(err)
		}
		if len(m.got) != 1 || m.got[0].Tick != tick || m.got[0].State != state || !m.got[0].Reliable {
			t.Errorf("%s: %+v, want tick %d and state %d", what, m.got[0], tick, state)
		}
	}
	send("before the first tick", 1, 1)
	after(101 * time.Millisecond)
	send("unchanged", 2, 1)
	if err := o.Set("hp", 3); err != nil {
		t.Fatal(err)
	}
	send("changed", 2, 2)
	after(200 * time.Millisecond) // ticks 2 and 3
	send("unchanged since", 4, 2)
	if err := o.Move(1); err != nil {
		t.Fatal(err)
	}
	send("moved to where it is", 4, 2)
}

type messages struct {
	*fakeViewer
	got []*world.Message
}

func (v *messages) Joined(*world.Client) {}

func (v *messages) Message(m *world.Message) { v.got = append(v.got, m) }
