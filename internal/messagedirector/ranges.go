package messagedirector

import (
	"math"
	"slices"
	"sort"
)

// span is a run of channels that the same participants have subscribed as part
// of ranges.
type span struct {
	low, high uint64   // both included
	ids       []uint32 // of participants, ascending, never empty
}

// rangeTable tells who has subscribed which ranges: spans in ascending order
// that do not overlap, and of which no two neighbours could be one.
type rangeTable struct {
	spans []span
	size  int // of the ids of all spans together
}

// at returns who covers ch with ranges.
func (t *rangeTable) at(ch uint64) []uint32 {
	i := t.from(ch)
	if i < len(t.spans) && t.spans[i].low <= ch {
		return t.spans[i].ids
	}
	return nil
}

// from is the index of the first span that ends at ch or behind it.
func (t *rangeTable) from(ch uint64) int {
	return sort.Search(len(t.spans), func(i int) bool { return t.spans[i].high >= ch })
}

// interval is a range of channels, both ends included.
type interval struct{ low, high uint64 }

// add makes id a subscriber of low to high. It reports whether it is the only
// one in some part of that now.
func (t *rangeTable) add(id uint32, low, high uint64) (alone bool) {
	t.change(low, high, func(ids []uint32) []uint32 {
		i, ok := slices.BinarySearch(ids, id)
		if !ok {
			ids = slices.Insert(slices.Clone(ids), i, id)
		}
		alone = alone || len(ids) == 1
		return ids
	})
	return alone
}

// remove ends the subscriptions of id from low to high.
func (t *rangeTable) remove(id uint32, low, high uint64) {
	t.change(low, high, func(ids []uint32) []uint32 {
		if i, ok := slices.BinarySearch(ids, id); ok {
			ids = slices.Delete(slices.Clone(ids), i, i+1)
		}
		return ids
	})
}

// change replaces who covers each part of low to high, nobody included, by
// what f makes of them.
func (t *rangeTable) change(low, high uint64, f func([]uint32) []uint32) {
	// The spans that overlap, and a neighbour on each side to join with.
	i := t.from(low)
	j := i
	for j < len(t.spans) && t.spans[j].low <= high {
		j++
	}
	first, last := max(i-1, 0), min(j+1, len(t.spans))
	var out []span
	put := func(low, high uint64, ids []uint32) {
		if len(ids) == 0 {
			return
		}
		if n := len(out); n > 0 && out[n-1].high == low-1 && slices.Equal(out[n-1].ids, ids) {
			out[n-1].high = high
			return
		}
		out = append(out, span{low, high, ids})
	}
	for _, s := range t.spans[first:i] {
		put(s.low, s.high, s.ids)
	}
	next := low // what f has not been asked for begins here
	done := false
	for _, s := range t.spans[i:j] {
		if s.low < low {
			put(s.low, low-1, s.ids)
		}
		if s.low > next {
			put(next, s.low-1, f(nil))
		}
		end := min(s.high, high)
		put(max(s.low, low), end, f(s.ids))
		if s.high > high {
			put(high+1, s.high, s.ids)
		}
		done = end == math.MaxUint64
		next = end + 1
	}
	if !done && next <= high {
		put(next, high, f(nil))
	}
	for _, s := range t.spans[j:last] {
		put(s.low, s.high, s.ids)
	}
	t.size += sizeOf(out) - sizeOf(t.spans[first:last])
	t.spans = slices.Replace(t.spans, first, last, out...)
}

func sizeOf(spans []span) (n int) {
	for _, s := range spans {
		n += len(s.ids)
	}
	return n
}

// growth is by how much size can grow at most when a participant becomes a
// subscriber of low to high: by one for each piece, and by what cutting the
// first and the last piece in two repeats.
func (t *rangeTable) growth(low, high uint64) int {
	i := t.from(low)
	n := 1
	for j := i; j < len(t.spans) && t.spans[j].low <= high; j++ {
		n += 2
		if s := &t.spans[j]; s.low < low || s.high > high {
			n += 2 * len(s.ids)
		}
	}
	return n
}

// gaps returns the parts of low to high that nobody covers, within the lowest
// and the highest channel of bounds.
func (t *rangeTable) gaps(low, high uint64, bounds interval) (all []interval) {
	low, high = max(low, bounds.low), min(high, bounds.high)
	if low > high {
		return nil
	}
	for _, s := range t.spans[t.from(low):] {
		if s.low > high {
			break
		}
		if s.low > low {
			all = append(all, interval{low, s.low - 1})
		}
		if s.high >= high {
			return all
		}
		low = s.high + 1
	}
	return append(all, interval{low, high})
}

// bounds is from the lowest to the highest channel in any range; ok is false
// if there is none.
func (t *rangeTable) bounds() (b interval, ok bool) {
	if len(t.spans) == 0 {
		return interval{}, false
	}
	return interval{t.spans[0].low, t.spans[len(t.spans)-1].high}, true
}
