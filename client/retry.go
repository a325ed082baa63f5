package client

import (
	"math/rand/v2"
	"time"
)

// retry is when to connect again.
type retry struct {
	min, max time.Duration // of waits
	wait     time.Duration // the last one, before chance; 0 is none
	due      time.Time     // of the next attempt
	since    time.Time     // of the present connection, or attempt
}

// next decides, at the end of a connection or attempt, how long to wait.
func (r *retry) next(now time.Time, connected bool) time.Duration {
	if connected && now.Sub(r.since) >= r.max {
		r.wait = 0
	}
	if r.wait == 0 {
		r.wait = r.min
	} else {
		r.wait = 2 * min(r.wait, r.max/2)
	}
	wait := r.wait/2 + rand.N(r.wait/2+1)
	r.due = now.Add(wait)
	return wait
}
