package udplink

import (
	"math/rand/v2"
	"time"
)

// way is one direction of a link: it decides what becomes of each packet.
type way struct {
	random *rand.Rand
	last   time.Duration // when the last one that keeps its place arrives
}

func newWay(seed, stream uint64) *way {
	return &way{random: rand.New(rand.NewPCG(seed, stream))}
}

// fate returns when a packet that is sent now arrives, appended to to: not at
// all, once, or twice.
func (w *way) fate(to []time.Duration, now time.Duration, c *Config) []time.Duration {
	if w.chance(c.Loss) {
		return to
	}
	at := max(now+c.Latency+w.jitter(c), w.last)
	if w.chance(c.Reorder) {
		// Late enough for those behind it to pass.
		at += c.Latency/2 + c.Jitter + time.Millisecond
	} else {
		w.last = at
	}
	to = append(to, at)
	if w.chance(c.Duplicate) {
		to = append(to, at+w.jitter(c))
	}
	return to
}

func (w *way) chance(p float64) bool { return p > 0 && w.random.Float64() < p }

func (w *way) jitter(c *Config) time.Duration {
	if c.Jitter <= 0 {
		return 0
	}
	return time.Duration(w.random.Int64N(int64(c.Jitter) + 1))
}
