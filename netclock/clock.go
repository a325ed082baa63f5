package netclock

import (
	"fmt"
	"math"
	"time"
)

// A Clock counts ticks of a fixed rate: it takes the lengths of frames and
// says how many ticks fell into each. It is what a server's world runs on.
//
// Ticks are uint32 on the wire and wrap around after two years at 66 per
// second; inside they do not, so time goes on through the wrap.
type Clock struct {
	rate     Rate
	interval float64 // seconds
	most     float64 // seconds; the longest frame that is made good

	tick    int64
	rest    float64 // seconds since tick began; 0 <= rest < interval
	dropped float64 // seconds
}

// DefaultCatchUp is the longest frame that a clock makes good by default.
const DefaultCatchUp = 250 * time.Millisecond

// NewClock returns a clock at tick 0.
//
// A frame longer than catchUp counts as catchUp: after a long pause (a
// debugger, a suspended laptop) the game goes on where it was instead of
// simulating for ever to catch up. catchUp must be more than 0 and at most a
// minute; less than a tick counts as one.
func NewClock(rate Rate, catchUp time.Duration) (*Clock, error) {
	c, err := newClock(rate, catchUp)
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func newClock(rate Rate, catchUp time.Duration) (Clock, error) {
	if err := rate.Validate(); err != nil {
		return Clock{}, err
	}
	if catchUp <= 0 || catchUp > time.Minute {
		return Clock{}, fmt.Errorf("netclock: a catch-up of %v is not possible: use more than 0 and at most a minute", catchUp)
	}
	interval := rate.Interval()
	return Clock{rate: rate, interval: interval, most: max(catchUp.Seconds(), interval)}, nil
}

// Advance adds a frame of dt seconds and returns how many ticks began in it:
// those are to be simulated now. There are never more than fit into the
// clock's catch-up plus one. A dt that is negative, NaN or infinite is no
// length of a frame and counts as 0.
func (c *Clock) Advance(dt float64) int { return c.step(c.usable(dt)) }

// usable returns how much of a frame is made good.
func (c *Clock) usable(dt float64) float64 {
	switch {
	case !(dt > 0) || math.IsInf(dt, 1):
		return 0
	case dt > c.most:
		// A sum that overflows would say nothing; at this size nobody counts.
		c.dropped = min(c.dropped+(dt-c.most), math.MaxFloat64)
		return c.most
	}
	return dt
}

func (c *Clock) step(dt float64) int {
	c.rest += dt
	n := 0
	for c.rest >= c.interval {
		c.rest -= c.interval
		n++
	}
	c.tick += int64(n)
	return n
}

// Reset sets the clock to the beginning of a tick.
func (c *Clock) Reset(tick uint32) { c.set(int64(tick)) }

func (c *Clock) set(tick int64) { c.tick, c.rest = tick, 0 }

// Rate returns the clock's rate.
func (c *Clock) Rate() Rate { return c.rate }

// Tick returns the present tick as it is on the wire.
func (c *Clock) Tick() uint32 { return uint32(c.tick) }

// Remainder returns how many seconds of the present tick are over: at least 0
// and less than a tick.
func (c *Clock) Remainder() float64 { return c.rest }

// Time returns the present time in seconds: the present tick's time plus the
// remainder. It does not go back, except by Reset or a client's snap.
//
// It is the one time of the game: interpolated variables are sampled at it,
// and their records are stamped with TimeOf.
func (c *Clock) Time() float64 {
	// In ticks first: so no rounding can make the end of a tick later than
	// the beginning of the next.
	return (float64(c.tick) + min(c.rest*float64(c.rate), 1)) / float64(c.rate)
}

// TimeOf returns the time in seconds at which a tick began or will begin, on
// the scale of Time. Of the times that a wrapped tick may mean, it is the one
// nearest to the present, within 2³¹ ticks (a year at 66 per second).
func (c *Clock) TimeOf(tick uint32) float64 { return c.rate.Seconds(c.unwrap(tick)) }

// unwrap returns the tick nearest to the present that is written so.
func (c *Clock) unwrap(tick uint32) int64 {
	return c.tick + int64(int32(tick-uint32(c.tick)))
}

// Dropped returns how many seconds of frame time Advance did not make good.
func (c *Clock) Dropped() float64 { return c.dropped }
