package world_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/world"
)

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		begin := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		var w *world.World
		w, err := world.New(world.Config{Schema: parseSchema(t), TickRate: 10, Events: world.Events{
			Tick: func(n uint32) {
				at = append(at, time.Since(begin).Round(time.Millisecond))
				if n == 3 {
					time.Sleep(250 * time.Millisecond) // a slow tick, which is made good
				}
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		c, v := join(t, w)
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		// What Do queues does not wait for the tick.
		time.Sleep(50 * time.Millisecond)
		w.Do(func() {
			if d := time.Since(begin); d != 50*time.Millisecond || w.Tick() != 0 {
				t.Errorf("it was done after %v, in tick %d", d, w.Tick())
			}
		})
		time.Sleep(760 * time.Millisecond)
		synctest.Wait()
		last := false
		w.Do(func() { last = true })
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		const ms = time.Millisecond
		if want := []time.Duration{100 * ms, 200 * ms, 300 * ms, 550 * ms, 550 * ms, 600 * ms, 700 * ms, 800 * ms}; !slices.Equal(at, want) {
			t.Errorf("ticks were at %v, want %v", at, want)
		}
		if !last || !c.Left() || !slices.Equal(v.log, []string{"stopped: the server is shutting down"}) {
			t.Errorf("at the end: %v, %v, %q", last, c.Left(), v.log)
		}
	})
}

// A world that stops ends its Run.
func TestRunEndsWithTheWorld(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	w.Do(w.Stop)
	if err := w.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.Run(t.Context()); err != nil {
		t.Error(err)
	}
}
