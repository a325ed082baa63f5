package stateserver

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestZoneIndex compares an index with maps.
func TestZoneIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type child struct{ parent, zone, at uint32 }
		x := newZoneIndex()
		have := make(map[uint32]child)
		broods := make(map[uint32]*brood)
		pick := func(what string, n int) uint32 { return uint32(rapid.IntRange(0, n-1).Draw(t, what)) }
		parents, zones, ids := 1+int(pick("parents", 4)), 1+int(pick("zones", 20)), 1+int(pick("ids", 3*chunk))
		for p := range uint32(parents) {
			broods[p] = new(brood)
		}
		for range rapid.IntRange(1, 10).Draw(t, "strides") {
			// A row of doIds that do the same.
			id, what := pick("from", ids), pick("what", 4)
			parent, zone, step := pick("parent", parents), pick("zone", zones), pick("step", 3)
			for range 1 + pick("row", 2*ids) {
				c, ok := have[id]
				switch {
				case !ok && what < 2:
					have[id] = child{parent, zone, x.add(broods[parent], parent, zone, id)}
				case ok && what < 3:
					x.move(broods[c.parent], c.at, c.parent, zone)
					have[id] = child{c.parent, zone, c.at}
				case ok:
					x.remove(broods[c.parent], c.at)
					delete(have, id)
				}
				id = (id + 1) % uint32(ids)
				zone = (zone + step) % uint32(zones)
			}
			for p, b := range broods {
				want := make(map[uint32][]uint32)
				var all []uint32
				for id, c := range have {
					if c.parent == p {
						want[c.zone] = append(want[c.zone], id)
						all = append(all, id)
					}
					if got := x.parent(c.at); got != c.parent {
						t.Fatalf("the parent of %d is %d, want %d", id, got, c.parent)
					}
				}
				same(t, "all", x.appendAll(nil, *b), all)
				same(t, "zones", x.appendZones(nil, *b), slices.Collect(maps.Keys(want)))
				if int(b.n) != len(all) {
					t.Fatalf("%d below %d, want %d", b.n, p, len(all))
				}
				for z := range uint32(zones) {
					same(t, "in zone", x.appendZone(nil, p, z), want[z])
					if n := x.count(p, z); int(n) != len(want[z]) {
						t.Fatalf("%d in zone %d of %d, want %d", n, z, p, len(want[z]))
					}
				}
			}
			if int(x.n) > ids || len(x.zones)-1 > parents*zones || len(x.byZone) > len(have) {
				t.Fatalf("%d entries and %d zones for %d of %d doIds", x.n, len(x.zones), len(have), ids)
			}
		}
	})
}

func same(t *rapid.T, what string, got, want []uint32) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}
