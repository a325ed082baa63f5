package world_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/world"
)

// modelClient is what a client must see (pipes.md, "Interest").
type modelClient struct {
	viewer   *fakeViewer
	explicit map[uint32]bool
}

// modelObject is an object as the test has made it.
type modelObject struct {
	*world.Object
	zone  uint32
	owner *modelClient
}

// TestViewsModel plays a random world. After each tick every client knows just
// the objects in its explicit zones and those of its objects, each as its own or
// not; objects are where they belong to whom they belong; and no doId is used
// twice at a time.
func TestViewsModel(t *testing.T) {
	schema := parseSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		w, err := world.New(world.Config{
			Schema: schema, TickRate: 10, LastID: 30, ReuseDelay: 300 * time.Millisecond,
			Workers: rapid.IntRange(1, 2).Draw(t, "workers"),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.Step(now)
		var clients []*modelClient
		var objects []*modelObject
		zone := rapid.Uint32Range(1, 5)
		zones := rapid.SliceOfN(zone, 0, 4)
		anyOf := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) }
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		somebody := func() (*modelClient, *world.Client) {
			if i := anyOf("owner", len(clients)+1); i < len(clients) {
				return clients[i], clients[i].viewer.client
			}
			return nil, nil
		}
		act := func() {
			what := rapid.IntRange(0, 11).Draw(t, "act")
			switch {
			case what == 0 && len(clients) < 5:
				v := newFakeViewer(func(id uint32) string { return strconv.Itoa(int(id)) })
				_, err := w.Join(v, world.JoinConfig{View: snapshot.ViewConfig{Rate: 10}})
				must(err)
				w.OnSeal(nil, func(tick uint32) {
					if !v.client.Left() {
						v.sealed(tick)
					}
				})
				clients = append(clients, &modelClient{v, map[uint32]bool{}})
			case what == 1 && len(clients) > 0 && anyOf("really", 4) == 0:
				i := anyOf("client", len(clients))
				for _, o := range objects {
					if o.owner == clients[i] {
						o.owner = nil
					}
				}
				clients[i].viewer.client.Leave(nil)
				clients = slices.Delete(clients, i, i+1)
			case what < 5 && len(clients) > 0:
				c := clients[anyOf("client", len(clients))]
				some := zones.Draw(t, "zones")
				switch rapid.IntRange(0, 2).Draw(t, "op") {
				case 0:
					must(c.viewer.client.SetZones(some...))
					c.explicit = map[uint32]bool{}
					for _, z := range some {
						c.explicit[z] = true
					}
				case 1:
					must(c.viewer.client.AddZones(some...))
					for _, z := range some {
						c.explicit[z] = true
					}
				case 2:
					must(c.viewer.client.RemoveZones(some...))
					for _, z := range some {
						delete(c.explicit, z)
					}
				}
			case what < 7:
				z := zone.Draw(t, "zone")
				mc, c := somebody()
				o, err := w.Spawn(world.Spawn{Class: "Avatar", Zone: z, Owner: c})
				if err != nil {
					return // all doIds are in use or rest
				}
				for _, other := range objects {
					if other.ID() == o.ID() {
						t.Fatalf("two objects have the doId %d", o.ID())
					}
				}
				objects = append(objects, &modelObject{o, z, mc})
			case len(objects) == 0:
			case what == 7:
				i := anyOf("object", len(objects))
				must(objects[i].Delete())
				objects = slices.Delete(objects, i, i+1)
			case what < 10:
				o := objects[anyOf("object", len(objects))]
				o.zone = zone.Draw(t, "zone")
				must(o.Move(o.zone))
			case what == 10:
				o := objects[anyOf("object", len(objects))]
				mc, c := somebody()
				o.owner = mc
				must(o.SetOwner(c))
			default:
				must(objects[anyOf("object", len(objects))].Set("hp", anyOf("hp", 100)))
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "ticks") {
			for range rapid.IntRange(0, 8).Draw(t, "acts") {
				act()
			}
			now = now.Add(100*time.Millisecond + time.Microsecond)
			if n := w.Step(now); n != 1 {
				t.Fatalf("%d ticks", n)
			}
			checkPlaces(t, w, objects)
			for _, c := range clients {
				checkView(t, c, objects)
			}
		}
	})
}

// checkPlaces compares what the world says of its objects.
func checkPlaces(t *rapid.T, w *world.World, objects []*modelObject) {
	n := 0
	for o := range w.Objects() {
		if w.Object(o.ID()) != o {
			t.Fatalf("%v is not found", o)
		}
		n++
	}
	if n != len(objects) {
		t.Fatalf("there are %d objects, want %d", n, len(objects))
	}
	in := map[uint32]int{}
	for _, o := range objects {
		var owner *world.Client
		if o.owner != nil {
			owner = o.owner.viewer.client
		}
		if o.Zone() != o.zone || o.Owner() != owner || o.State() != world.Alive {
			t.Fatalf("%v is in zone %d and belongs to %v", o, o.Zone(), o.Owner())
		}
		in[o.zone]++
	}
	for z, n := range in {
		for o := range w.ObjectsIn(z) {
			if o.Zone() != z {
				t.Fatalf("%v is among the objects in %d", o, z)
			}
			n--
		}
		if n != 0 {
			t.Fatalf("%d objects are missing in zone %d", n, z)
		}
	}
}

func checkView(t *rapid.T, c *modelClient, objects []*modelObject) {
	zones := maps.Clone(c.explicit)
	owns := 0
	for _, o := range objects {
		if o.owner == c {
			zones[o.zone] = true
			owns++
		}
	}
	client := c.viewer.client
	if got, want := client.Zones(), slices.Sorted(maps.Keys(zones)); !slices.Equal(got, want) {
		t.Fatalf("%v sees the zones %v, want %v", client, got, want)
	}
	for o := range client.Owned() {
		if o.Owner() != client {
			t.Fatalf("%v is said to own %v", client, o)
		}
		owns--
	}
	if owns != 0 {
		t.Fatalf("%d of its objects are not told to %v", owns, client)
	}
	if len(c.viewer.faults) > 0 {
		t.Fatalf("%v is shown what it must not be: %q", client, c.viewer.faults)
	}
	want, got := map[uint32]string{}, map[uint32]string{}
	for _, o := range objects {
		if zones[o.zone] {
			want[o.ID()] = fmt.Sprint("own: ", o.owner == c, ", zone ", o.zone)
		}
	}
	for id, own := range c.viewer.owned {
		got[id] = fmt.Sprint("own: ", own, ", zone ", c.viewer.zones[id])
	}
	if !maps.Equal(got, want) {
		t.Fatalf("%v is shown %v, want %v\n%v", client, got, want, c.viewer.log)
	}
}
