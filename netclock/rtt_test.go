package netclock

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRTT(t *testing.T) {
	const ms = time.Millisecond
	var r RTT
	if r.Known() || r.Current() != 0 || r.Average() != 0 || r.Jitter() != 0 {
		t.Errorf("empty: %+v", r)
	}
	r.Add(-ms)
	if r.Known() {
		t.Error("knows a negative time")
	}
	for i, step := range []struct{ add, current, average, jitter time.Duration }{
		{100 * ms, 100 * ms, 100 * ms, 0},
		{150 * ms, 150 * ms, 110 * ms, 3125 * time.Microsecond},
		{-ms, 150 * ms, 110 * ms, 3125 * time.Microsecond},
		{150 * ms, 150 * ms, 120 * ms, 2929688 * time.Nanosecond},
		{0, 0, 100 * ms, 12121582 * time.Nanosecond},
		{100 * ms, 100 * ms, 100 * ms, 17613983 * time.Nanosecond},
		{100 * ms, 100 * ms, 100 * ms, 16513109 * time.Nanosecond},
		{49 * 24 * time.Hour, time.Minute, 12070 * ms, 3759231040 * time.Nanosecond},
	} {
		r.Add(step.add)
		if r.Current() != step.current || r.Average() != step.average || (r.Jitter()-step.jitter).Abs() > time.Microsecond {
			t.Errorf("step %d: %v, %v, %v, want %+v", i, r.Current(), r.Average(), r.Jitter(), step)
		}
	}
}

func TestRTTProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r RTT
		var taken []time.Duration
		for _, d := range rapid.SliceOf(rapid.Int64Range(math.MinInt64, math.MaxInt64)).Draw(t, "times") {
			r.Add(time.Duration(d))
			if d >= 0 {
				taken = append(taken, min(time.Duration(d), MaxRTT))
			}
			if r.Jitter() < 0 || r.Jitter() > MaxRTT {
				t.Fatalf("jitter %v", r.Jitter())
			}
		}
		if len(taken) == 0 {
			return
		}
		var sum time.Duration
		for i := len(taken) - 5; i < len(taken); i++ {
			sum += taken[max(i, 0)]
		}
		if r.Average() != sum/5 || r.Current() != taken[len(taken)-1] {
			t.Fatalf("average %v, current %v of %v", r.Average(), r.Current(), taken)
		}
	})
}
