package world_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/world"
)

// meddler is a game that does anything in any callback.
type meddler struct {
	t       *testing.T
	random  *rand.Rand
	world   *world.World
	viewers []*fakeViewer
	depth   int // of callbacks in callbacks
	calls   map[string]int
}

// meddle does something, in the callback of that name.
func (m *meddler) meddle(callback string) {
	m.calls[callback]++
	if m.depth == 3 {
		return
	}
	m.depth++
	defer func() { m.depth-- }()
	for range m.random.IntN(3) {
		m.act()
	}
}

// act does something. What it may not do is an error, and nothing else.
func (m *meddler) act() {
	w := m.world
	zone := 1 + m.random.Uint32N(4)
	var c *world.Client
	if all := slices.SortedFunc(w.Clients(), func(a, b *world.Client) int { return int(a.ID()) - int(b.ID()) }); len(all) > 0 && m.random.IntN(4) > 0 {
		c = all[m.random.IntN(len(all))]
	}
	var o *world.Object
	if all := slices.SortedFunc(w.Objects(), func(a, b *world.Object) int { return int(a.ID()) - int(b.ID()) }); len(all) > 0 {
		o = all[m.random.IntN(len(all))]
	}
	what := m.random.IntN(20)
	switch {
	case what < 4 || o == nil:
		if len(slices.Collect(w.Objects())) < 20 {
			_, _ = w.Spawn(world.Spawn{Class: "Avatar", Zone: zone, Owner: c, Handler: m})
		}
	case what == 4:
		_ = o.Delete()
	case what < 7:
		_ = o.Move(zone)
	case what < 9:
		_ = o.SetOwner(c)
	case what < 11:
		_ = o.Set("hp", m.random.IntN(100))
	case what == 11:
		_ = o.Send("setTeam", m.random.IntN(9))
	case what == 12:
		w.Do(func() { m.meddle("do") })
	case what == 13 && len(slices.Collect(w.Clients())) < 4:
		v := newFakeViewer(func(id uint32) string { return fmt.Sprint(id) })
		if _, err := w.Join(v, world.JoinConfig{View: snapshot.ViewConfig{Rate: 10}}); err != nil && !errors.Is(err, world.ErrStopped) {
			m.t.Error(err)
		}
		if v.client != nil && !v.client.Left() {
			m.viewers = append(m.viewers, v)
		}
	case c == nil:
	case what == 14 && m.random.IntN(3) == 0:
		c.Kick("why not")
	case what == 15 && m.random.IntN(3) == 0:
		c.Leave(nil)
	case what < 18:
		_ = c.Interest(world.InterestOp(m.random.IntN(3)), []uint32{zone, 1 + zone%4})
	default:
		class := o.Class()
		w.Receive(c, o.ID(), class.FieldByName("wave"), []byte{1})
	}
}

func (m *meddler) Generate(*world.Object)         { m.meddle("generate") }
func (m *meddler) AnnounceGenerate(*world.Object) { m.meddle("announce") }
func (m *meddler) Disable(*world.Object)          { m.meddle("disable") }
func (m *meddler) Delete(*world.Object)           { m.meddle("delete") }
func (m *meddler) Message(*world.Client, *world.Object, *dc.Field, []byte) {
	m.meddle("message")
}

// check compares what clients are shown with the world.
func (m *meddler) check(tick uint32) {
	for _, v := range m.viewers {
		if len(v.faults) > 0 {
			m.t.Fatalf("tick %d: %v is shown what it must not be: %q", tick, v.client, v.faults)
		}
		want := map[uint32]string{}
		for o := range m.world.Objects() {
			if v.client.Sees(o.Zone()) {
				want[o.ID()] = fmt.Sprintf("in %d, own %v", o.Zone(), o.Owner() == v.client)
			} else if o.Owner() == v.client {
				m.t.Fatalf("tick %d: %v does not see %v, which it owns", tick, v.client, o)
			}
			if o.Owner() != nil && o.Owner().Left() || o.State() != world.Alive {
				m.t.Fatalf("tick %d: %v is %v and belongs to %v", tick, o, o.State(), o.Owner())
			}
		}
		got := map[uint32]string{}
		for id := range v.classes {
			got[id] = fmt.Sprintf("in %d, own %v", v.zones[id], v.owned[id])
		}
		if !maps.Equal(got, want) {
			m.t.Fatalf("tick %d: %v is shown %v, there is %v", tick, v.client, got, want)
		}
	}
}

// TestMeddling has callbacks do anything, with callbacks of its own: whatever a game
// does where, it is what clients see.
func TestMeddling(t *testing.T) {
	calls := map[string]int{}
	for seed := range uint64(60) {
		m := &meddler{t: t, random: rand.New(rand.NewPCG(seed, 1)), calls: calls}
		w, after := newWorld(t, world.Config{ReuseDelay: 300 * time.Millisecond, LastID: 100, Events: world.Events{
			Tick:   func(uint32) { m.meddle("tick"); m.act(); m.act() },
			Joined: func(*world.Client) { m.meddle("joined") },
			Left: func(c *world.Client, _ error) {
				m.viewers = slices.DeleteFunc(m.viewers, func(v *fakeViewer) bool { return v.client == c })
				m.meddle("left")
			},
			Interest: func(*world.Client, uint32) bool { m.meddle("interest"); return m.random.IntN(5) > 0 },
		}})
		m.world = w
		w.OnSeal(nil, func(tick uint32) {
			for _, v := range m.viewers {
				v.sealed(tick)
			}
			m.check(tick)
		})
		for range 100 {
			after(100*time.Millisecond + time.Microsecond)
		}
		w.Stop()
	}
	for _, callback := range []string{"tick", "do", "joined", "left", "interest", "generate", "announce", "disable", "delete", "message"} {
		if calls[callback] < 50 {
			t.Errorf("the callback %s was called %d times only", callback, calls[callback])
		}
	}
}
