package loadgen

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets that are at most an eighth of their
// value wide. It is safe for concurrent use.
type Histogram struct {
	buckets [64 * 8]atomic.Uint64
	max     atomic.Int64
}

// bucketOf returns the bucket of a duration: eight for each power of two.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < 8 {
		return int(v)
	}
	shift := bits.Len64(v) - 4 // v>>shift is from 8 to 15
	return 8*shift + int(v>>shift)
}

// upper returns the longest duration of a bucket.
func upper(bucket int) time.Duration {
	if bucket < 16 {
		return time.Duration(bucket)
	}
	shift := bucket/8 - 1
	return time.Duration(uint64(8+bucket%8+1)<<shift - 1)
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	h.buckets[bucketOf(d)].Add(1)
	for {
		old := h.max.Load()
		if int64(d) <= old || h.max.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// Quantile returns a duration that the share q of all is at most as long as,
// and 0 when there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	var total uint64
	var counts [len(h.buckets)]uint64
	for i := range h.buckets {
		counts[i] = h.buckets[i].Load()
		total += counts[i]
	}
	rank := uint64(q * float64(total))
	for i, n := range counts {
		if n > rank {
			return min(upper(i), time.Duration(h.max.Load()))
		}
		rank -= n
	}
	return time.Duration(h.max.Load())
}

// Max returns the longest duration, 0 when there are none.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max.Load()) }
