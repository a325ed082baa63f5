package world_test

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newWorld makes a world of 10 ticks per second that stands at the beginning of
// tick 0, and returns how to let time pass.
func newWorld(t testing.TB, cfg world.Config) (w *world.World, after func(time.Duration) (ticks int)) {
	t.Helper()
	cfg.Schema, cfg.TickRate = parseSchema(t), 10
	cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	w.Step(now)
	return w, func(d time.Duration) int {
		now = now.Add(d)
		return w.Step(now)
	}
}

func spawn(t testing.TB, w *world.World, s world.Spawn) *world.Object {
	t.Helper()
	o, err := w.Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func join(t testing.TB, w *world.World, zones ...uint32) (*world.Client, *fakeViewer) {
	t.Helper()
	v := newFakeViewer(func(id uint32) string { return fmt.Sprint(id) })
	c, err := w.Join(v, world.JoinConfig{Account: "ann", View: snapshot.ViewConfig{Rate: 10}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetZones(zones...); err != nil {
		t.Fatal(err)
	}
	return c, v
}

// The deleted, the moved and the left may be among those that are passed over.
func TestIterators(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	ann, _ := join(t, w)
	for range 3 {
		join(t, w)
	}
	for i := range 10 {
		s := world.Spawn{Class: "Avatar", Zone: 1}
		if i%2 == 0 {
			s.Owner = ann
		}
		spawn(t, w, s)
	}
	n := 0
	for o := range w.ObjectsIn(1) {
		n++
		switch n {
		case 1:
			for other := range w.ObjectsIn(1) {
				if other != o && other.ID() > 5 {
					if err := other.Move(2); err != nil {
						t.Error(err)
					}
				}
			}
		case 2:
			if err := o.Delete(); err != nil {
				t.Error(err)
			}
		}
		if o.Zone() != 1 {
			t.Errorf("%v is in zone %d", o, o.Zone())
		}
	}
	if n < 5 || n > 6 {
		t.Errorf("%d objects in zone 1", n)
	}
	n = 0
	for o := range ann.Owned() {
		if n++; n == 1 {
			for other := range ann.Owned() {
				if other != o {
					if err := other.Delete(); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	if n != 1 {
		t.Errorf("%d objects are left to own", n)
	}
	for o := range w.Objects() {
		if err := o.Delete(); err != nil {
			t.Error(err)
		}
	}
	n = 0
	for c := range w.Clients() {
		n++
		c.Kick("")
	}
	if n != 4 || len(slices.Collect(w.Clients()))+len(slices.Collect(w.Objects())) != 0 {
		t.Errorf("%d clients were passed over, and not all is gone", n)
	}
	for range w.ObjectsIn(1) {
		t.Error("something is left in zone 1")
	}
}

func TestStepTime(t *testing.T) {
	var ticks []uint32
	w, after := newWorld(t, world.Config{CatchUp: 300 * time.Millisecond, Events: world.Events{
		Tick: func(n uint32) { ticks = append(ticks, n) },
	}})
	step := func(d time.Duration, want int) {
		t.Helper()
		if got := after(d); got != want {
			t.Errorf("after %v there were %d ticks, want %d", d, got, want)
		}
	}
	step(0, 0)
	step(60*time.Millisecond, 0)
	step(60*time.Millisecond, 1)
	// Back: no time passes until it is later than it was.
	step(-time.Second, 0)
	step(time.Second, 0)
	step(90*time.Millisecond, 1)
	// A long pause is made good by the catch-up only.
	step(time.Hour, 3)
	step(100*time.Millisecond, 1)
	if want := []uint32{1, 2, 3, 4, 5, 6}; !slices.Equal(ticks, want) || w.Tick() != 6 || w.Time() != 0.6 {
		t.Errorf("the ticks were %v; it is tick %d, second %v", ticks, w.Tick(), w.Time())
	}
	if d := w.Stats().Dropped; d.Round(time.Second) != time.Hour {
		t.Errorf("%v were dropped", d)
	}
	// Far back: the machine's clock was set, and the game goes on all the same.
	step(-time.Hour, 0)
	step(100*time.Millisecond, 1)
}

// Functions of Do run in their order, also when they come from many goroutines.
func TestDo(t *testing.T) {
	w, after := newWorld(t, world.Config{})
	got := map[int][]int{}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 1000 {
				w.Do(func() { got[g] = append(got[g], i) })
			}
		})
	}
	for range 10 {
		after(0)
	}
	all.Wait()
	after(0)
	for g := range 4 {
		if len(got[g]) != 1000 || !slices.IsSorted(got[g]) {
			t.Errorf("of goroutine %d came %v", g, got[g])
		}
	}
	// What is queued behind the end is not done.
	w.Do(w.Stop)
	w.Do(func() { t.Error("something is done behind the end") })
	after(0)
	if w.Do(func() { t.Error("something is done in a stopped world") }) {
		t.Error("a stopped world takes something")
	}
	if after(time.Second) != 0 {
		t.Error("a stopped world makes ticks")
	}
}

// A function that panics, in a program that goes on all the same, does not get those
// that come later into the way of each other.
func TestDoPanics(t *testing.T) {
	w, after := newWorld(t, world.Config{})
	var got []int
	for i := range 8 {
		w.Do(func() { got = append(got, i) })
	}
	after(0)
	got = nil
	w.Do(func() { panic("a fault of the game") })
	func() {
		defer func() { _ = recover() }()
		after(0)
	}()
	for i := range 4 {
		w.Do(func() {
			got = append(got, i)
			w.Do(func() { got = append(got, 10+i) })
		})
	}
	after(0)
	after(0)
	if want := []int{0, 1, 2, 3, 10, 11, 12, 13}; !slices.Equal(got, want) {
		t.Errorf("done: %v, want %v", got, want)
	}
}
