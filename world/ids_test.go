package world

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// slowIDs is what ids does, without any cunning.
type slowIDs struct {
	first, last, rest, next uint32
	used                    map[uint32]bool
	since                   map[uint32]uint32 // when the resting ones were released
}

func (s *slowIDs) take(now uint32) (uint32, bool) {
	for n := uint64(0); n <= uint64(s.last-s.first); n++ {
		id := s.next
		if s.next++; id == s.last {
			s.next = s.first
		}
		at, rests := s.since[id]
		if !s.used[id] && (!rests || now-at >= s.rest) {
			s.used[id] = true
			delete(s.since, id)
			return id, true
		}
	}
	return 0, false
}

func (s *slowIDs) release(id, now uint32) {
	delete(s.used, id)
	s.since[id] = now
}

// TestIDsModel takes and releases at random, in ranges around the borders of
// words and at the end of all numbers.
func TestIDsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.SampledFrom([]uint32{1, 60, 64, 1000, math.MaxUint32 - 150}).Draw(t, "first")
		last := first + rapid.Uint32Range(0, 150).Draw(t, "span")
		rest := rapid.Uint32Range(0, 20).Draw(t, "rest")
		ids := newIDs(first, last, rest)
		slow := &slowIDs{
			first: first, last: last, rest: rest, next: first,
			used: make(map[uint32]bool), since: make(map[uint32]uint32),
		}
		var inUse []uint32
		now := uint32(0)
		for range rapid.IntRange(1, 600).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "act") {
			case 0:
				now += rapid.Uint32Range(0, 10).Draw(t, "time")
			case 1, 2, 3:
				if len(inUse) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(inUse)-1).Draw(t, "which")
				ids.release(inUse[i], now)
				slow.release(inUse[i], now)
				inUse = slices.Delete(inUse, i, i+1)
			default:
				id, ok := ids.take(now)
				want, wantOK := slow.take(now)
				if id != want || ok != wantOK {
					t.Fatalf("got %d, %v, want %d, %v", id, ok, want, wantOK)
				}
				if ok {
					inUse = append(inUse, id)
				}
			}
		}
	})
}

// Years of coming and going leave nothing behind, and a number comes back last.
func TestIDsMemory(t *testing.T) {
	const rest = 10
	ids := newIDs(1, math.MaxUint32, rest)
	old := map[uint32]bool{}
	for range 100 {
		id, _ := ids.take(0)
		old[id] = true
	}
	var last uint32
	for now := range uint32(100_000) {
		for range 3 {
			id, ok := ids.take(now)
			if !ok || id <= last {
				t.Fatalf("after %d came %d, %v", last, id, ok)
			}
			last = id
			ids.release(id, now)
		}
	}
	// 3 each of the last ticks rest, and a few more until they are looked at.
	if len(ids.words) > 2+(3*(rest+1))/64+2 || len(ids.resting) > 2*3*(rest+1) {
		t.Errorf("there are %d words, and %d numbers rest", len(ids.words), len(ids.resting))
	}
	// Round again: numbers in use are passed over.
	ids.next = math.MaxUint32
	for range 5 {
		id, ok := ids.take(1_000_000)
		if !ok || old[id] {
			t.Errorf("got %d, %v", id, ok)
		}
	}
	if ids.taken != 105 {
		t.Errorf("%d are taken", ids.taken)
	}
}

// BenchmarkIDs takes a number out of a range in which few are free.
func BenchmarkIDs(b *testing.B) {
	for _, used := range []uint32{0, 1_000_000} {
		b.Run(fmt.Sprintf("used=%d", used), func(b *testing.B) {
			ids := newIDs(1, used+1000, 0)
			for range used {
				ids.take(0)
			}
			b.ReportAllocs()
			for b.Loop() {
				id, _ := ids.take(0)
				ids.release(id, 0)
			}
		})
	}
}
