package world_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/guidetest"
	"github.com/culm-net/culm/world"
)

// The examples here are in docs/go-server.md; see TestGuide.

func ExampleObject_Set() {
	w := guideWorld()
	hero, err := w.Spawn(world.Spawn{
		Class: "Avatar",
		Zone:  1,
		Fields: map[string]any{
			"name":    "Hero",
			"pos":     []any{1.5, 2},
			"setTeam": []any{3},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// State: clients get it with the next snapshot.
	err = hero.Set("hp", 50)
	fmt.Println(hero.Get("hp"))

	// Values are checked before anything happens.
	err = hero.Set("hp", 101)
	fmt.Println(err)

	// Of a message that is required or ram the last call is kept for those to
	// whom the object is new.
	err = hero.Set("setTeam", 4)
	fmt.Println(hero.Get("setTeam"))

	// Other messages are nothing to set.
	err = hero.Set("emote", 1)
	fmt.Println(err)
	// Output:
	// [50] <nil>
	// world: Avatar.hp: 101 is not in 0 - 100
	// [4] <nil>
	// world: atomic Avatar.emote is a message that is neither required nor ram, so there is nothing to set; use Send
}

func ExampleObject_Send() {
	w := guideWorld()
	hero, ann := guideHero(w)

	// Broadcast: everybody who sees the zone.
	check(hero.Send("setTeam", 2))
	// Ownrecv: the owner.
	check(hero.Send("hint", "mind the gap"))
	// One client, whatever the keywords.
	check(hero.SendTo(ann, "emote", 1))
	// Everybody who sees the zone, but ann.
	check(hero.SendExcept([]*world.Client{ann}, "emote", 1))
	// A field with neither keyword needs a target.
	fmt.Println(hero.Send("move", 1, 2))
	// Output:
	// world: Avatar.move needs a target, since it is neither broadcast nor ownrecv; use SendTo
}

func ExampleClient_AddZones() {
	w := guideWorld()
	hero, ann := guideHero(w)
	check(ann.AddZones(1, 2))
	check(ann.RemoveZones(1))
	fmt.Println(ann.Zones()) // 1 is still the hero's
	check(hero.Move(7))
	fmt.Println(ann.Zones())
	check(hero.SetOwner(nil))
	fmt.Println(ann.Zones())
	// Output:
	// [1 2]
	// [2 7]
	// [2]
}

func ExampleWorld_Do() {
	w := guideWorld()
	hero, _ := guideHero(w)
	saved := make(chan struct{})
	go func() { // say, the answer of a database
		defer close(saved)
		w.Do(func() { check(hero.Set("name", "Sir Hero")) })
	}()
	<-saved
	w.Step(time.Now()) // Run does it
	fmt.Println(hero.Get("name"))
	// Output:
	// [Sir Hero] <nil>
}

func guideWorld() *world.World {
	schema, err := dc.ParseFiles("testdata/arena.dc")
	if err != nil {
		panic(err)
	}
	w, err := world.New(world.Config{Schema: schema})
	if err != nil {
		panic(err)
	}
	return w
}

func guideHero(w *world.World) (*world.Object, *world.Client) {
	ann, err := w.Join(newFakeViewer(func(uint32) string { return "hero" }), world.JoinConfig{})
	if err != nil {
		panic(err)
	}
	hero, err := w.Spawn(world.Spawn{Class: "Avatar", Zone: 1, Owner: ann})
	if err != nil {
		panic(err)
	}
	return hero, ann
}

// TestGuide holds the code in docs/go-server.md to what is compiled and run here.
func TestGuide(t *testing.T) {
	guidetest.Check(t, "../docs/go-server.md", "example_test.go", "guide_test.go", "testdata/arena.dc")
}
