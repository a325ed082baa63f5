package snapshot_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/pipes/wire"
)

// vectors is what panda3d-pipes' own classes answer to a told scenario.
type vectors struct {
	Steps []struct {
		Do     string
		Tick   uint32
		Object uint32
		Class  string
		Zone   uint32
		State  map[string]any
		Hex    string
		Set    []struct {
			Object uint32
			State  map[string]any
		}
		Sent []struct {
			Zones []uint32
			From  *uint32
			Hex   string
		}
	}
}

func parameters(f *dc.Field) bool { return f.Kind() == dc.Parameter }

func schema(t testing.TB) *dc.Schema {
	t.Helper()
	s, err := dc.ParseFiles("../../dc/testdata/pipes.dc")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newState(t testing.TB, c *dc.Class, stamp uint32) *object.State {
	t.Helper()
	l, err := object.NewLayout(c, parameters)
	if err != nil {
		t.Fatal(err)
	}
	return object.New(l, stamp)
}

// baseline is what a generate has behind its mark of a baseline, before the
// methods, of which there are none.
func baseline(t *testing.T, o *snapshot.Object) string {
	t.Helper()
	m := wire.Generate{Class: o.State().Layout().Class(), HasBaseline: true}
	snapshot.AddBaseline(&m.Baseline, o.State())
	b, err := m.AppendContents(nil)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b[11 : len(b)-2])
}

// TestVectors has a client for each pair of zones and tick held, which holds
// that tick from then on.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	dcs := schema(t)
	x := snapshot.New(snapshot.Config{Workers: 1})
	type client struct {
		view *snapshot.View
		from uint32
	}
	key := func(zones []uint32, from *uint32) string {
		if from == nil {
			return fmt.Sprint(zones)
		}
		return fmt.Sprint(zones, *from)
	}
	clients, names := map[string]client{}, map[*snapshot.View]string{}
	for _, step := range all.Steps {
		for _, sent := range step.Sent {
			k := key(sent.Zones, sent.From)
			if _, ok := clients[k]; ok {
				continue
			}
			c := client{view: x.NewView(snapshot.ViewConfig{Plain: true, Rate: 66})}
			if sent.From != nil {
				c.from = *sent.From
			}
			for _, z := range sent.Zones {
				c.view.Subscribe(z)
			}
			clients[k], names[c.view] = c, k
		}
	}
	objects := map[uint32]*snapshot.Object{}
	set := func(id uint32, state map[string]any) {
		o := objects[id]
		for i, f := range o.State().Layout().Class().Fields() {
			if v, ok := state[f.Name()]; ok {
				b, err := f.Pack(nil, v)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := x.Set(o, i, b); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	compared := 0
	for _, step := range all.Steps {
		if step.Do == "baseline" {
			objects[step.Object] = x.Add(step.Object, newState(t, dcs.Class(step.Class), x.Stamp()), step.Zone)
			set(step.Object, step.State)
			if got := baseline(t, objects[step.Object]); got != step.Hex {
				t.Errorf("baseline of %d:\n got %s\nwant %s", step.Object, got, step.Hex)
			}
			continue
		}
		for _, s := range step.Set {
			set(s.Object, s.State)
		}
		got := map[string]string{}
		if err := x.Produce(step.Tick, func(v *snapshot.View, s *snapshot.Snapshot) {
			if len(s.Parts) != 1 {
				t.Fatalf("tick %d: %d parts", step.Tick, len(s.Parts))
			}
			typ, body, err := wire.Split(s.AppendPart(nil, 0))
			if typ != wire.SVTick || err != nil {
				t.Fatalf("tick %d: %v, %v", step.Tick, typ, err)
			}
			got[names[v]] = hex.EncodeToString(body)
		}); err != nil {
			t.Fatal(err)
		}
		for _, sent := range step.Sent {
			k := key(sent.Zones, sent.From)
			if got[k] != sent.Hex {
				t.Errorf("tick %d for zones and tick held %s:\n got %s\nwant %s", step.Tick, k, got[k], sent.Hex)
			}
			compared++
		}
		for _, c := range clients {
			if c.from == step.Tick && !c.view.AckTick(step.Tick) {
				t.Errorf("tick %d was not outstanding", step.Tick)
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}
