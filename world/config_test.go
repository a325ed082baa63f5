package world_test

import (
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/world"
)

func TestConfigErrors(t *testing.T) {
	schema := parseSchema(t)
	single, err := dc.Options{NoMultipleInheritance: true}.ParseFiles("testdata/story.dc")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config world.Config
		want   string
	}{
		"no schema":               {world.Config{}, "Schema is missing"},
		"ambiguous field numbers": {world.Config{Schema: single}, "multiple inheritance"},
		"a rate below 0":          {world.Config{Schema: schema, TickRate: -1}, "rate"},
		"too high a rate":         {world.Config{Schema: schema, TickRate: 1001}, "1001"},
		"too long a catch-up":     {world.Config{Schema: schema, CatchUp: time.Hour}, "at most a minute"},
		"no doIds":                {world.Config{Schema: schema, FirstID: 8, LastID: 7}, "no doId from 8 to 7"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := world.New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestConfigDefaults(t *testing.T) {
	w, err := world.New(world.Config{Schema: parseSchema(t)})
	if err != nil {
		t.Fatal(err)
	}
	if w.Rate() != 66 {
		t.Errorf("there are %d ticks per second", w.Rate())
	}
	o, err := w.Spawn(world.Spawn{Class: "Door"})
	if err != nil || o.ID() != 1 {
		t.Errorf("the first object is %v, %v", o, err)
	}
}
