package world

import (
	"context"
	"math"
	"time"
)

// Run drives the world until ctx is done, or until it stops by itself: it calls
// Step when a tick is due and when Do has something, and a last time at the end.
// Then it stops the world and returns nil. Nobody else may drive the world
// meanwhile.
func (w *World) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			w.Step(time.Now())
			w.Stop()
			return nil
		case <-w.wake:
		case <-timer.C:
		}
		now := time.Now()
		w.Step(now)
		if w.stopped {
			return nil
		}
		// From when the Step began: it may have taken its time.
		rest := w.cfg.TickRate.Interval() - w.clock.Remainder()
		next := now.Add(time.Duration(math.Ceil(rest * float64(time.Second))))
		timer.Reset(time.Until(next))
	}
}
