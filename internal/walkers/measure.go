package walkers

import (
	"slices"
	"time"
)

// Ring has the latest of some times. It is not safe for concurrent use.
type Ring struct {
	last []time.Duration
	next int
}

const ringSize = 2000

// Add adds a time.
func (r *Ring) Add(d time.Duration) {
	if len(r.last) < ringSize {
		r.last = append(r.last, d)
		return
	}
	r.last[r.next] = d
	r.next = (r.next + 1) % ringSize
}

// Quantile returns the time below which a share of all is, from 0 to 1; 0 when
// there is none.
func (r *Ring) Quantile(q float64) time.Duration {
	if len(r.last) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(r.last))[int(q*float64(len(r.last)-1))]
}

// Rate tells how fast a counter grew in about the last second. It is not safe for
// concurrent use.
type Rate struct {
	samples []sample
}

type sample struct {
	at time.Duration
	n  uint64
}

// Of returns the growth per second of a counter that is n at that time, which
// does not go back.
func (r *Rate) Of(at time.Duration, n uint64) float64 {
	r.samples = append(r.samples, sample{at, n})
	for len(r.samples) > 2 && at-r.samples[1].at >= time.Second {
		r.samples = r.samples[1:]
	}
	first := r.samples[0]
	if at <= first.at {
		return 0
	}
	return float64(n-first.n) / (at - first.at).Seconds()
}
