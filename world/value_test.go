package world_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/world"
)

// Values that are not finite are refused wherever they may come in, and leave
// everything as it was.
func TestNotFinite(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	c, _ := join(t, w, 1)
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	pos, steer := o.Class().FieldByName("pos"), o.Class().FieldByName("steer")
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		packed, err := pos.Pack(nil, []any{0, 0, x})
		if err != nil {
			t.Fatal(err)
		}
		call, err := steer.Pack(nil, x, 0)
		if err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"Set":              o.Set("pos", []any{x, 0, 0}),
			"SetPacked":        o.SetPacked(pos, packed),
			"SendTo":           o.SendTo(c, "steer", 1, x),
			"SendPackedTo":     o.SendPackedTo(c, steer, call),
			"SendPacked":       o.SendPacked(steer, call),
			"SendPackedExcept": o.SendPackedExcept(nil, steer, call),
		} {
			if err == nil || !strings.Contains(err.Error(), "Avatar.") || !strings.Contains(err.Error(), "finite") {
				t.Errorf("%s with %v: %v", name, x, err)
			}
		}
	}
	if err := o.SetWeight(math.NaN()); err == nil {
		t.Error("a weight was NaN")
	}
	if got := text(pos, o.Value(pos)); got != "pos = {x = 0, y = 0, z = 0}" {
		t.Errorf("it is at %s", got)
	}
}

func TestBadCalls(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	c, _ := join(t, w, 1)
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	hp, push := o.Class().FieldByName("hp"), w.Schema().Class("Door").FieldByName("push")
	foreign := foreigner(t)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"set of nothing":           {o.Set("mp", 1), `no field "mp"`},
		"set of two values":        {o.Set("hp", 1, 2), "Avatar.hp"},
		"packed, of another class": {o.SetPacked(push, nil), "Door.push is no field of dclass Avatar"},
		"packed, no field":         {o.SetPacked(nil, nil), "no field"},
		"packed, too short":        {o.SetPacked(hp, nil), "Avatar.hp"},
		"packed, too long":         {o.SetPacked(hp, []byte{1, 2}), "Avatar.hp"},
		"packed, out of range":     {o.SetPacked(hp, []byte{101}), "Avatar.hp"},
		"send of nothing":          {o.Send("jump"), `no field "jump"`},
		"send to, of nothing":      {o.SendTo(c, "jump"), `no field "jump"`},
		"send except, of nothing":  {o.SendExcept(nil, "jump"), `no field "jump"`},
		"send of bad arguments":    {o.Send("wave", "left"), "Avatar.wave"},
		"send to a foreigner":      {o.SendTo(foreign, "wave", 1), "another world"},
		"send to nobody":           {o.SendTo(nil, "wave", 1), "there is no client"},
		"packed, to nobody":        {o.SendPackedTo(nil, push, nil), "Door.push is no field"},
		"owned by a foreigner":     {o.SetOwner(foreign), "another world"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) || !strings.HasPrefix(c.err.Error(), "world: ") {
			t.Errorf("%s: got error %v, want one with %q", name, c.err, c.want)
		}
	}
	for field, want := range map[string]string{"mp": "no field", "wave": "so it has no value"} {
		if _, err := o.Get(field); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Get(%q): %v", field, err)
		}
	}
	if o.Value(push) != nil || o.Value(o.Class().FieldByName("wave")) != nil {
		t.Error("a message has a value")
	}
	var state *world.StateError
	if err := o.Delete(); err != nil || !errors.As(o.Delete(), &state) || state.State != world.Deleted {
		t.Errorf("Delete: %v, then %v", err, state)
	}
	// A handler of foreign fields: receive does not look at what it is not given.
	if r := w.Receive(c, 1, nil, nil); r != world.NoObject {
		t.Errorf("a message for a deleted object was %v", r)
	}
	spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	if r := w.Receive(c, 2, push, nil); r != world.NoField {
		t.Errorf("a message of another class was %v", r)
	}
	if r := w.Receive(c, 2, nil, nil); r != world.NoField {
		t.Errorf("a message without a field was %v", r)
	}
}

func TestGet(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	o := spawn(t, w, world.Spawn{Class: "Avatar", Fields: map[string]any{"pos": []any{1, 2, 3}, "name": "ann"}})
	for _, c := range []struct {
		field string
		set   []any
		want  string
	}{
		{"hp", nil, "[100]"},
		{"pos", nil, "[[1 2 3]]"},
		{"name", nil, "[ann]"},
		{"setTeam", nil, "[0]"},
		{"setTeam", []any{7}, "[7]"},
		{"setSkin", nil, "[0]"},
		{"setPose", nil, "[0]"},
		{"name", []any{"a longer name"}, "[a longer name]"},
	} {
		if c.set != nil {
			if err := o.Set(c.field, c.set...); err != nil {
				t.Error(err)
			}
		}
		if got, err := o.Get(c.field); err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s is %v, %v, want %s", c.field, got, err, c.want)
		}
	}
}

// The value of one field may be set as that of another one, though both lie in the
// same memory.
func TestSetValueOfAnother(t *testing.T) {
	schema, err := dc.Parse(dc.Source{Name: "a.dc", Text: []byte("dclass Pair { string a; string b; f(string s) ram; g(string s) ram; };")})
	if err != nil {
		t.Fatal(err)
	}
	w, err := world.New(world.Config{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	for _, fields := range [][2]string{{"a", "b"}, {"b", "a"}, {"f", "g"}, {"g", "f"}} {
		o := spawn(t, w, world.Spawn{Class: "Pair", Fields: map[string]any{"a": "", "b": ""}})
		to, from := o.Class().FieldByName(fields[0]), o.Class().FieldByName(fields[1])
		for _, text := range []string{"a long one", "short", "", "again a long one"} {
			// Short and long in turn, so that the memory is there already.
			if err := errors.Join(o.Set(fields[0], ""), o.Set(fields[1], text), o.SetPacked(to, o.Value(from))); err != nil {
				t.Fatal(err)
			}
			if got, err := o.Get(fields[0]); err != nil || got[0] != text {
				t.Errorf("%s is %q, %v; %s was %q", fields[0], got, err, fields[1], text)
			}
		}
	}
}
