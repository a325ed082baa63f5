package session

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBucket(t *testing.T) {
	start := time.Unix(1000, 0)
	r := Rate{PerSecond: 10, Burst: 20}
	steps := []struct {
		after time.Duration
		n     float64
		wait  time.Duration
	}{
		{0, 20, 0},                              // the burst
		{0, 1, 100 * time.Millisecond},          // one too many
		{0, 4, 500 * time.Millisecond},          // debts add up
		{500 * time.Millisecond, 0, 0},          // paid
		{0, 1, 100 * time.Millisecond},          // but the bucket is still empty
		{time.Hour, 20, 0},                      // it holds no more than the burst
		{-time.Hour, 1, 100 * time.Millisecond}, // a clock that goes back refills nothing
	}
	var b Bucket
	now := start
	for i, s := range steps {
		now = now.Add(s.after)
		if wait := b.Spend(now, r, s.n); (wait - s.wait).Abs() > time.Microsecond {
			t.Errorf("step %d: wait %v, wanted %v", i, wait, s.wait)
		}
	}
}

func TestBucketUnlimited(t *testing.T) {
	var b Bucket
	if wait := b.Spend(time.Unix(1, 0), Rate{}, 1e300); wait != 0 {
		t.Errorf("wait %v without a limit", wait)
	}
}

func TestBucketNeverOverflows(t *testing.T) {
	var b Bucket
	if wait := b.Spend(time.Unix(1, 0), Rate{PerSecond: 1e-9, Burst: 1}, 1e300); wait <= 0 {
		t.Errorf("wait %v for a debt without end", wait)
	}
}

// A peer that waits as it is told sends no more than the rate allows.
func TestBucketHoldsTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{PerSecond: rapid.Float64Range(0.1, 1e6).Draw(t, "rate"), Burst: rapid.Float64Range(0, 1e6).Draw(t, "burst")}
		start := time.Unix(1000, 0)
		now := start
		var b Bucket
		var spent, last float64
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause")))
			last = rapid.Float64Range(0, 1e5).Draw(t, "n")
			wait := b.Spend(now, r, last)
			spent += last
			now = now.Add(wait)
			if allowed := r.Burst + now.Sub(start).Seconds()*r.PerSecond; spent > allowed*1.000001+1 {
				t.Fatalf("%v spent when %v were allowed", spent, allowed)
			}
		}
	})
}

// A rate that changes changes nothing of how long it takes to pay.
func TestBucketScale(t *testing.T) {
	var b Bucket
	now := time.Unix(1000, 0)
	before := b.Spend(now, Rate{PerSecond: 10, Burst: 10}, 50)
	b.Scale(4)
	if after := b.Spend(now, Rate{PerSecond: 40, Burst: 40}, 0); after != before || before != 4*time.Second {
		t.Errorf("%v before, %v after", before, after)
	}
}
