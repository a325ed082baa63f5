package snapshot

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestAgenda compares an agenda with a list.
func TestAgenda(t *testing.T) {
	type line struct {
		key   uint32
		value int
		since uint64
	}
	rapid.Check(t, func(t *rapid.T) {
		var a agenda[int]
		var list []line
		find := func(key uint32) int {
			return slices.IndexFunc(list, func(l line) bool { return l.key == key })
		}
		for range rapid.IntRange(0, 600).Draw(t, "steps") {
			key := rapid.Uint32Range(0, 9).Draw(t, "key")
			i := find(key)
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				if i < 0 {
					list = append(list, line{key, len(list), a.added})
					a.add(key, len(list)-1)
				}
			case 2:
				if a.remove(key) != (i >= 0) {
					t.Fatalf("key %d: removed %v", key, i < 0)
				}
				if i >= 0 {
					list = slices.Delete(list, i, i+1)
				}
			case 3:
				if first, ok := a.first(); ok != (len(list) > 0) || ok && first != list[0].key {
					t.Fatalf("first is %d, %v, want %v", first, ok, list)
				}
			}
			if got, ok := a.get(key); ok != (find(key) >= 0) || ok && got != list[find(key)].value || a.has(key) != ok {
				t.Fatalf("key %d has %d, %v, want %v", key, got, ok, list)
			}
			mark := rapid.Uint64Range(0, a.added).Draw(t, "mark")
			left := slices.ContainsFunc(list, func(l line) bool { return l.since < mark })
			if a.size() != len(list) || a.passed(mark) == left {
				t.Fatalf("size %d, %d passed %v; want %v", a.size(), mark, !left, list)
			}
			if len(a.order) > 2*10+65 {
				t.Fatalf("%d entries for 10 keys", len(a.order))
			}
		}
	})
}
