// Package loadgen is what generators of load share: durations counted, what
// processes use, and many things done at once. A package of its own, because
// internal/lanbots and internal/pipesbots both need it and know nothing of each
// other.
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
