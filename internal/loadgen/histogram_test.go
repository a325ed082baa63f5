package loadgen

import (
	"math"
	"testing"
	"time"
)

// Every duration must be in a bucket that is at most an eighth of it wide.
func TestHistogramBuckets(t *testing.T) {
	for shift := range 63 {
		for _, off := range []int64{-1, 0, 1, 3} {
			d := time.Duration(max(0, 1<<shift+off))
			b := bucketOf(d)
			if u := upper(b); u < d || u-d > d/8 {
				t.Errorf("%d ns is in a bucket up to %d ns", d, u)
			}
			if b > 0 && upper(b-1) >= d {
				t.Errorf("%d ns would fit into the bucket below, up to %d ns", d, upper(b-1))
			}
		}
	}
	if b := bucketOf(math.MaxInt64); b >= len((&Histogram{}).buckets) {
		t.Errorf("the longest duration is in bucket %d", b)
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h Histogram
	if q := h.Quantile(0.5); q != 0 {
		t.Errorf("of nothing: %v", q)
	}
	for i := range 1000 {
		h.Add(time.Duration(i+1) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0: time.Millisecond, 0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		if got := h.Quantile(q); got < want || got > want+want/8+time.Millisecond {
			t.Errorf("quantile %g is %v, want %v or a little more", q, got, want)
		}
	}
}
