package messagedirector

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestIDList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l idList
		have := make(map[uint32]bool)
		top := rapid.SampledFrom([]int{3, 600, 5000}).Draw(t, "top")
		for range rapid.IntRange(1, 20).Draw(t, "strides") {
			// A row of ids, up or down, near each other or not.
			id, step := rapid.IntRange(0, top).Draw(t, "from"), rapid.IntRange(-3, 3).Draw(t, "step")
			add := rapid.IntRange(0, 2).Draw(t, "add") > 0
			for range rapid.IntRange(1, 2000).Draw(t, "row") {
				id = (id + step + top + 1) % (top + 1)
				got, want := false, have[uint32(id)] != add
				if add {
					got = l.add(uint32(id))
					have[uint32(id)] = true
				} else {
					got = l.remove(uint32(id))
					delete(have, uint32(id))
				}
				if got != want {
					t.Fatalf("%d, add %v: %v", id, add, got)
				}
			}
			all := slices.Concat(l...)
			if len(all) != len(have) || !slices.IsSorted(all) {
				t.Fatalf("%d ids, sorted %v, want %d", len(all), slices.IsSorted(all), len(have))
			}
			for i, p := range l {
				if len(p) == 0 || len(p) > pieceIDs {
					t.Fatalf("piece %d of %d has %d ids", i, len(l), len(p))
				}
			}
			for id := range uint32(top + 1) {
				if _, _, ok := l.find(id); ok != have[id] {
					t.Fatalf("%d is there: %v", id, ok)
				}
			}
			if id, ok := l.only(); ok != (len(have) == 1) || ok && !have[id] {
				t.Fatalf("only %d, %v", id, ok)
			}
		}
	})
}

// BenchmarkManySubscribers lets one of a hundred thousand subscribers of a
// channel leave and come back.
func BenchmarkManySubscribers(b *testing.B) {
	d := New(Limits{})
	all := make([]Participant, 100000)
	for i := range all {
		_ = d.Subscribe(&all[i], 5)
		_ = d.Subscribe(&all[i], uint64(1000+i))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		p := &all[uint32(i)*2654435761%uint32(len(all))]
		d.Unsubscribe(p, 5)
		_ = d.Subscribe(p, 5)
	}
}
