package session

import (
	"math"
	"time"
)

// Rate is how much a peer may do: PerSecond on average, Burst at once. A rate
// of 0 per second means no limit.
type Rate struct {
	PerSecond float64
	Burst     float64
}

// Unlimited reports whether the rate limits nothing.
func (r Rate) Unlimited() bool { return r.PerSecond <= 0 }

// Bucket is a token bucket that can go into debt: what has already happened
// is always paid for, and the answer says how long to wait before more may
// happen. That fits peers that are slowed down, where refusing a message that
// has already arrived would lose it. The zero value starts full.
//
// A Bucket is not safe for concurrent use.
type Bucket struct {
	debt float64 // tokens taken and not yet refilled; the bucket is full at 0
	last time.Time
}

// Spend takes n tokens at now and returns how long it takes until the bucket
// is out of debt: 0 when the peer may go on at once. The time may stand still
// or go backwards between calls; nothing is refilled then.
func (b *Bucket) Spend(now time.Time, r Rate, n float64) time.Duration {
	if r.Unlimited() {
		return 0
	}
	if elapsed := now.Sub(b.last); elapsed > 0 {
		if !b.last.IsZero() {
			b.debt = max(0, b.debt-elapsed.Seconds()*r.PerSecond)
		}
		b.last = now
	}
	b.debt += n
	over := b.debt - r.Burst
	if over <= 0 {
		return 0
	}
	return seconds(over / r.PerSecond)
}

// Scale multiplies what is owed. When the rate changes, the ratio of the new one to
// the old one keeps the time that it takes to pay: nobody is blamed for having
// used what was allowed before, and nobody gains by going up and down.
func (b *Bucket) Scale(by float64) { b.debt *= by }

// seconds converts without overflow: a debt that takes centuries to pay is
// owed for the longest duration there is.
func seconds(s float64) time.Duration {
	if d := s * float64(time.Second); d < math.MaxInt64 {
		return time.Duration(d)
	}
	return math.MaxInt64
}
