package world_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/world"
)

func TestBadSpawns(t *testing.T) {
	w, _ := newWorld(t, world.Config{LastID: 2})
	for name, c := range map[string]struct {
		spawn world.Spawn
		want  string
	}{
		"no class":            {world.Spawn{}, `no dclass ""`},
		"an unknown class":    {world.Spawn{Class: "Dragon"}, `no dclass "Dragon"`},
		"a struct":            {world.Spawn{Class: "Vec3"}, "Vec3 is a struct"},
		"no such field":       {world.Spawn{Class: "Avatar", Fields: map[string]any{"mp": 1}}, `dclass Avatar has no field "mp"`},
		"out of range":        {world.Spawn{Class: "Avatar", Fields: map[string]any{"hp": 101}}, "Avatar.hp"},
		"of another type":     {world.Spawn{Class: "Avatar", Fields: map[string]any{"name": 5}}, "Avatar.name"},
		"NaN":                 {world.Spawn{Class: "Avatar", Fields: map[string]any{"pos": []any{1, math.NaN(), 3}}}, "pos"},
		"too few arguments":   {world.Spawn{Class: "Avatar", Fields: map[string]any{"setTeam": []any{}}}, "setTeam"},
		"a message":           {world.Spawn{Class: "Avatar", Fields: map[string]any{"wave": []any{1}}}, "there is nothing to set"},
		"a weight of NaN":     {world.Spawn{Class: "Avatar", Weight: math.NaN()}, "weight"},
		"a useless handler":   {world.Spawn{Class: "Avatar", Handler: 5}, "the handler int has none of the methods"},
		"another world's own": {world.Spawn{Class: "Avatar", Owner: foreigner(t)}, "another world"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := w.Spawn(c.spawn)
			if o != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "world: ") {
				t.Errorf("got %v and the error %v, want one with %q", o, err, c.want)
			}
		})
	}
	if n := len(slices.Collect(w.Objects())); n != 0 {
		t.Errorf("%d objects are left", n)
	}

	spawn(t, w, world.Spawn{Class: "Avatar", Fields: map[string]any{"setTeam": []any{3}, "setSkin": 4}})
	spawn(t, w, world.Spawn{Class: "Door"})
	if _, err := w.Spawn(world.Spawn{Class: "Door"}); err == nil || !strings.Contains(err.Error(), "all doIds from 1 to 2") {
		t.Errorf("got error %v", err)
	}
}

func foreigner(t *testing.T) *world.Client {
	w, _ := newWorld(t, world.Config{})
	c, _ := join(t, w)
	return c
}

// A doId comes back after its delay, and after all others.
func TestReuseOfDoIDs(t *testing.T) {
	w, after := newWorld(t, world.Config{FirstID: 10, LastID: 12, ReuseDelay: 300 * time.Millisecond})
	first := spawn(t, w, world.Spawn{Class: "Door"})
	if err := first.Delete(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		spawn(t, w, world.Spawn{Class: "Door"})
	}
	after(201 * time.Millisecond)
	if o, err := w.Spawn(world.Spawn{Class: "Door"}); err == nil {
		t.Errorf("%v came back after two ticks", o)
	}
	after(100 * time.Millisecond)
	if o := spawn(t, w, world.Spawn{Class: "Door"}); o.ID() != 10 || w.Object(10) != o {
		t.Errorf("%v came instead of the first", o)
	}
}

func TestStrings(t *testing.T) {
	for want, s := range map[string]fmt.Stringer{
		"Alive": world.Alive, "Fresh": world.Fresh, "Generated": world.Generated, "Disabled": world.Disabled,
		"Deleted": world.Deleted, "State(9)": world.State(9), "accepted": world.Accepted, "Refusal(99)": world.Refusal(99),
	} {
		if s.String() != want {
			t.Errorf("%s is called %s", want, s)
		}
	}
}
