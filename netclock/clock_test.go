package netclock

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func newTestClock(t testing.TB, rate Rate) *Clock {
	t.Helper()
	c, err := NewClock(rate, DefaultCatchUp)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClockErrors(t *testing.T) {
	for _, test := range []struct {
		rate    Rate
		catchUp time.Duration
		ok      bool
	}{
		{66, DefaultCatchUp, true},
		{1, time.Second, true},
		{MaxRate, time.Minute, true},
		{0, DefaultCatchUp, false},
		{-66, DefaultCatchUp, false},
		{MaxRate + 1, DefaultCatchUp, false},
		{66, 0, false},
		{66, -time.Second, false},
		{1, time.Millisecond, true}, // counts as a tick
		{66, time.Minute + 1, false},
	} {
		if c, err := NewClock(test.rate, test.catchUp); (err == nil) != test.ok || (c != nil) != test.ok {
			t.Errorf("NewClock(%d, %v): %v", test.rate, test.catchUp, err)
		}
	}
}

func TestRate(t *testing.T) {
	for _, test := range []struct {
		seconds float64
		ticks   int64
	}{
		{0, 0}, {1, 66}, {-1, -66}, {0.1, 7}, {0.007, 0}, {0.008, 1}, {-0.008, -1},
		{math.NaN(), 0}, {math.Inf(1), math.MaxInt64}, {math.Inf(-1), math.MinInt64}, {1e300, math.MaxInt64},
	} {
		if got := Rate(66).Ticks(test.seconds); got != test.ticks {
			t.Errorf("%v s are %d ticks, want %d", test.seconds, got, test.ticks)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate(rapid.IntRange(1, int(MaxRate)).Draw(t, "rate"))
		ticks := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "ticks")
		if got := rate.Ticks(rate.Seconds(ticks)); got != ticks {
			t.Fatalf("%d ticks become %d", ticks, got)
		}
	})
}

func TestInterpolationDelay(t *testing.T) {
	for _, test := range []struct {
		rate                  Rate
		interp, ratio, update float64
		ticks                 int64 // -1 for an error
	}{
		{66, 0.1, 2, 20, 8},   // the defaults: 6.6 ticks, rounded, plus one
		{66, 0.1, 2, 10, 14},  // 0.2 s of snapshots
		{66, 0, 0, 20, 1},     // the least
		{30, 0.05, 2, 255, 3}, // 1.5 ticks are rounded up
		{66, -1, 2, 20, -1},
		{66, math.NaN(), 2, 20, -1},
		{66, 61, 2, 20, -1},
		{66, 0.1, -2, 20, -1},
		{66, 0.1, math.Inf(1), 20, -1},
		{66, 0.1, 2, 0, -1},
		{66, 0.1, 2, -20, -1},
		{66, 0.1, 2, math.Inf(1), -1},
		{66, 0.1, 2, 0.01, -1},
		{0, 0.1, 2, 20, -1},
	} {
		got, err := test.rate.InterpolationDelay(test.interp, test.ratio, test.update)
		if test.ticks < 0 {
			if err == nil {
				t.Errorf("%+v: no error", test)
			}
		} else if want := test.rate.Seconds(test.ticks); err != nil || got != want {
			t.Errorf("%+v: %v, %v, want %v", test, got, err, want)
		}
	}
}

func TestAdvance(t *testing.T) {
	c := newTestClock(t, 10)
	c.Reset(7)
	for i, step := range []struct {
		dt    float64
		ticks int
		tick  uint32
		rest  float64
	}{
		{0.05, 0, 7, 0.05},
		{0.05, 1, 8, 0},
		{0.24, 2, 10, 0.04},
		{0, 0, 10, 0.04},
		{-5, 0, 10, 0.04},
		{math.NaN(), 0, 10, 0.04},
		{math.Inf(1), 0, 10, 0.04},
		{math.Inf(-1), 0, 10, 0.04},
		{3600, 2, 12, 0.09}, // as if it were 0.25
		{math.MaxFloat64, 3, 15, 0.04},
		{math.MaxFloat64, 2, 17, 0.09},
	} {
		if got := c.Advance(step.dt); got != step.ticks || c.Tick() != step.tick || !near(c.Remainder(), step.rest) {
			t.Errorf("step %d: %d ticks to %d and %v, want %+v", i, got, c.Tick(), c.Remainder(), step)
		}
		if want := float64(step.tick)/10 + step.rest; !near(c.Time(), want) {
			t.Errorf("step %d: time %v, want %v", i, c.Time(), want)
		}
	}
	if c.Dropped() != math.MaxFloat64 {
		t.Errorf("dropped %v", c.Dropped())
	}
}

func TestWrapAround(t *testing.T) {
	c := newTestClock(t, 66)
	c.Reset(math.MaxUint32)
	before := c.Time()
	c.Advance(2.5 / 66)
	// Near 2³² ticks, a float64 tells seconds apart by 1e-8.
	if c.Tick() != 1 || math.Abs(c.Time()-before-2.5/66) > 1e-7 {
		t.Errorf("tick %d, %v s later", c.Tick(), c.Time()-before)
	}
	for tick, want := range map[uint32]float64{1: -0.5, 2: 0.5, 0: -1.5, math.MaxUint32: -2.5, math.MaxUint32 - 1: -3.5} {
		if got := (c.TimeOf(tick) - c.Time()) * 66; math.Abs(got-want) > 1e-5 {
			t.Errorf("tick %d is %v ticks from now, want %v", tick, got, want)
		}
	}
}

// Rounding does not take time back at the end of a tick either.
func TestTimeNeverGoesBack(t *testing.T) {
	for _, rate := range []Rate{49, 66, 93, 1000} {
		c := newTestClock(t, rate)
		for i := range uint32(2000) {
			c.Reset(math.MaxUint32 - i)
			c.Advance(math.Nextafter(rate.Interval(), 0))
			before := c.Time()
			if c.Advance(rate.Interval()/1e9) != 1 || c.Time() < before {
				t.Fatalf("%d per second, tick %d: from %v to %v", rate, c.Tick(), before, c.Time())
			}
		}
	}
}

// A clock goes on even if its ticks are longer than what it makes good.
func TestCatchUpIsATickAtLeast(t *testing.T) {
	c := newTestClock(t, 2)
	if n := c.Advance(10); n != 1 || !near(c.Dropped(), 9.5) {
		t.Errorf("%d ticks, %v s dropped", n, c.Dropped())
	}
}

// Whatever the frames, time adds up, and nothing simulates for ever.
func TestClockProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate(rapid.IntRange(1, int(MaxRate)).Draw(t, "rate"))
		c, err := NewClock(rate, DefaultCatchUp)
		if err != nil {
			t.Fatal(err)
		}
		most := max(DefaultCatchUp.Seconds(), rate.Interval())
		start := rapid.Uint32().Draw(t, "start")
		c.Reset(start)
		sum, total, last := 0.0, 0, c.Time()
		for range rapid.IntRange(1, 100).Draw(t, "frames") {
			dt := rapid.OneOf(rapid.Float64Range(0, 0.3), rapid.Float64()).Draw(t, "dt")
			n := c.Advance(dt)
			if dt > 0 {
				sum += min(dt, most)
			}
			total += n
			if n < 0 || n > int(rate.Ticks(most))+1 {
				t.Fatalf("%d ticks in a frame of %v", n, dt)
			}
			if c.Tick() != start+uint32(total) {
				t.Fatalf("tick %d after %d of %d", c.Tick(), total, start)
			}
			if c.Remainder() < 0 || c.Remainder() >= rate.Interval() {
				t.Fatalf("remainder %v", c.Remainder())
			}
			if c.Time() < last {
				t.Fatalf("time from %v to %v", last, c.Time())
			}
			last = c.Time()
		}
		if got := rate.Seconds(int64(total)) + c.Remainder(); math.Abs(got-sum) > 1e-9 {
			t.Fatalf("%v seconds of frames are %v", sum, got)
		}
	})
}
