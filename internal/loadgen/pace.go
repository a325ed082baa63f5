// Package loadgen is what generators of load share: durations counted, what
// processes use, and many things done at once. A package of its own, because
// internal/lanbots, internal/pipesbots and internal/astronbots need it and know
// nothing of each other.
package loadgen

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Every calls f at each interval until stop, which waits for it.
func Every(interval time.Duration, f func()) (stop func()) {
	ticker := time.NewTicker(interval)
	quit := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ticker.C:
				f()
			case <-quit:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(quit)
		running.Wait()
	}
}

// Sleep waits for d or until ctx is done.
func Sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Each calls f for 0 to n-1, so many at a time. The first error cancels the ctx
// of the others and is returned when they have ended.
func Each(ctx context.Context, n, atOnce int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(atOnce, n) {
		running.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(ctx, i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// Round makes a duration short to read.
func Round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// Pace calls f with 0, 1, 2, … at so many calls per second until within is over
// (0: never) or ctx is done. Calls that are late are made good, but what is later
// than slack (0: nothing) is left out.
func Pace(ctx context.Context, perSecond float64, within, slack time.Duration, f func(turn int)) {
	interval := float64(time.Second) / perSecond
	start := time.Now()
	for turn := 0; ctx.Err() == nil; turn++ {
		due := time.Duration(float64(turn) * interval)
		gone := time.Since(start)
		if within > 0 && (due >= within || gone >= within) {
			return
		}
		if wait := due - gone; wait > 0 {
			Sleep(ctx, max(wait, leastSleep))
		} else if slack > 0 && -wait > slack {
			turn += int(float64(-wait-slack) / interval)
		}
		f(turn)
	}
}

// leastSleep is what a sleep costs little against.
const leastSleep = 500 * time.Microsecond
