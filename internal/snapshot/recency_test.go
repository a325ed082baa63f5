package snapshot

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRecency compares a zone's objects with a list.
func TestRecency(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := New(Config{})
		zones := []*zone{x.zone(0), x.zone(1)}
		var objects []*Object
		var lists [2][]*Object // those that changed last first
		take := func(o *Object) {
			z := o.zone.id
			lists[z] = slices.DeleteFunc(lists[z], func(p *Object) bool { return p == o })
		}
		for range rapid.IntRange(0, 600).Draw(t, "steps") {
			if len(objects) < 20 {
				o := x.Add(uint32(len(objects)), nil, rapid.Uint32Range(0, 1).Draw(t, "zone"))
				objects = append(objects, o)
				lists[o.zone.id] = slices.Insert(lists[o.zone.id], 0, o)
			}
			k := rapid.IntRange(0, len(objects)-1).Draw(t, "object")
			o := objects[k]
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				take(o)
				x.Remove(o)
				objects = slices.Delete(objects, k, k+1)
			case 1, 2:
				take(o)
				x.Move(o, 1-o.zone.id)
				lists[o.zone.id] = slices.Insert(lists[o.zone.id], 0, o)
			case 3:
				if err := x.Produce(x.tick+1, nil); err != nil {
					t.Fatal(err)
				}
			default:
				if o.changed < x.Stamp() {
					take(o)
					lists[o.zone.id] = slices.Insert(lists[o.zone.id], 0, o)
				}
				x.Touch(o)
			}
			floor := rapid.Uint32Range(0, x.Stamp()).Draw(t, "floor")
			for i, z := range zones {
				var all, after []uint32
				for _, o := range lists[i] {
					all = append(all, o.slot)
					if o.changed > floor {
						after = append(after, o.slot)
					}
				}
				if z = x.zone(z.id); !slices.Equal(slices.Collect(z.all()), all) || z.n != len(all) {
					t.Fatalf("zone %d has %v, want %v", i, z.changes, all)
				}
				if got := slices.Collect(z.after(floor)); !slices.Equal(got, after) {
					t.Fatalf("after tick %d zone %d has %v, want %v", floor, i, got, after)
				}
				if len(z.changes) > 2*20+65 {
					t.Fatalf("%d entries for %d objects", len(z.changes), z.n)
				}
			}
		}
	})
}
