package world_test

import (
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/world"
)

type fake struct {
	t *testing.T
	w *world.World
	c *world.Client
}

func (f *fake) Joined(c *world.Client) { f.c = c }
func (f *fake) Message(m *world.Message) {
	f.t.Log("message", m.Field, m.Args, m.Tick, m.State, f.c.Knows(m.Object))
}
func (f *fake) Kick(reason string)     { f.t.Log("kick", reason) }
func (f *fake) Info() world.ClientInfo { return world.ClientInfo{} }
func (f *fake) Snapshot(s *snapshot.Snapshot) {
	for _, e := range s.Events {
		f.t.Logf("event %+v", e)
		if e.Object != nil {
			f.w.Generate(e.Object, func(g *world.Generate) []byte {
				for i, a := range g.Calls() {
					f.t.Log("call", i, a)
				}
				return nil
			})
		}
	}
	f.t.Log("parts", len(s.Parts))
}

func TestSmoke(t *testing.T) {
	s, err := dc.ParseFiles("testdata/game.dc")
	if err != nil {
		t.Fatal(err)
	}
	w, err := world.New(world.Config{Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, w: w}
	c, err := w.Join(f, world.JoinConfig{})
	if err != nil {
		t.Fatal(err)
	}
	c.AddZones(1)
	o, err := w.Spawn(world.Spawn{Class: "DistributedAvatar", Zone: 2, Owner: c, Fields: map[string]any{"hp": 50, "pos": []any{1, 2, 3}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Send("setTeam", 3); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	w.Step(now)
	t.Log(w.Step(now.Add(100 * time.Millisecond)))
	t.Log(o.Set("hp", 7), o.Send("emote", 1))
	w.Step(now.Add(200 * time.Millisecond))
	t.Log(o.SetOwner(nil), o.Send("emote", 2))
	w.Step(now.Add(300 * time.Millisecond))
	t.Logf("%+v", w.Stats())
	w.Stop()
}
