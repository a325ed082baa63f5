package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/culm-net/culm/dc"
)

var parseOnce = sync.OnceValues(func() (*dc.Schema, error) { return dc.ParseFiles("testdata/pipes.dc") })

func schema(tb testing.TB) *dc.Schema {
	tb.Helper()
	s, err := parseOnce()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// The steps of testdata/snapshots.json, which panda3d-pipes' own classes answered.
type vectorStep struct {
	Do     string
	Object uint32
	Class  string
	Zone   int
	State  map[string]any
	Hex    string
	Tick   uint32
	Set    []struct {
		Object uint32
		State  map[string]any
	}
	Sent []struct {
		Zones []int
		From  *uint32
		Hex   string
	}
}

// vectorState is packed values by object and inherited index.
type vectorState map[uint32]map[int]string

func (s vectorState) set(t *testing.T, class *dc.Class, id uint32, values map[string]any) {
	s[id] = map[int]string{}
	for name, v := range values {
		f := class.FieldByName(name)
		b, err := f.Pack(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		s[id][slices.Index(class.Fields(), f)] = string(b)
	}
}

func (s vectorState) clone() vectorState {
	c := vectorState{}
	for id, fields := range s {
		c[id] = map[int]string{}
		for i, v := range fields {
			c[id][i] = v
		}
	}
	return c
}

func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/snapshots.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Steps []vectorStep }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	s := schema(t)
	classes, zones := map[uint32]*dc.Class{}, map[uint32]int{}
	now, at := vectorState{}, map[uint32]vectorState{}
	full, delta := 0, 0
	for _, step := range file.Steps {
		switch step.Do {
		case "baseline":
			class := s.Class(step.Class)
			classes[step.Object], zones[step.Object] = class, step.Zone
			now.set(t, class, step.Object, step.State)
			checkBaselineVector(t, class, now[step.Object], step.Hex)
		case "tick":
			for _, o := range step.Set {
				now.set(t, classes[o.Object], o.Object, o.State)
			}
			at[step.Tick] = now.clone()
			for _, sent := range step.Sent {
				// What the peer has: nothing, or everything of a past tick.
				have := vectorState{}
				if sent.From != nil {
					have = at[*sent.From].clone()
					delta++
				} else {
					full++
				}
				got := applyVector(t, classes, have, step.Tick, sent.From != nil, sent.Hex)
				for id, zone := range zones {
					if slices.Contains(sent.Zones, zone) && fmt.Sprint(got[id]) != fmt.Sprint(now[id]) {
						t.Errorf("tick %d for zones %v: object %d is %v, want %v", step.Tick, sent.Zones, id, got[id], now[id])
					}
				}
			}
		default:
			t.Fatalf("unknown step %q", step.Do)
		}
	}
	if full == 0 || delta == 0 {
		t.Errorf("%d full and %d delta snapshots", full, delta)
	}
}

// checkBaselineVector reads a baseline as a generate has it, and writes it.
func checkBaselineVector(t *testing.T, class *dc.Class, want map[int]string, text string) {
	baseline, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	body := le(uint16(class.Number()), uint32(7), uint32(1), uint8(1), baseline, uint16(0))
	m, err := DecodeGenerate(schema(t), SVGenerateObject, body)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]string{}
	var again FieldList
	f := m.BaselineFields()
	for f.Next() {
		got[f.Index()] = string(f.Value())
		again.Add(f.Index(), f.Value())
	}
	if f.Err() != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("baseline of %v: %v, %v\nwant %v", class, got, f.Err(), want)
	}
	m.Baseline = again
	if b, err := m.Append(nil); err != nil || !bytes.Equal(b, append(le(uint16(13)), body...)) {
		t.Errorf("baseline of %v written again: % x, %v", class, b, err)
	}
}

// applyVector reads a snapshot, applies it to what a peer has, and writes it.
func applyVector(t *testing.T, classes map[uint32]*dc.Class, have vectorState, tick uint32, isDelta bool, text string) vectorState {
	body, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := DecodeSnapshot(body)
	if err != nil {
		t.Fatal(err)
	}
	if m.Tick != tick || m.Delta != isDelta {
		t.Errorf("tick %d, delta %v; want %d, %v", m.Tick, m.Delta, tick, isDelta)
	}
	again := m.Append(nil)
	o := m.Objects(func(id uint32) *dc.Class { return classes[id] })
	for o.Next() {
		if have[o.DoID()] == nil {
			have[o.DoID()] = map[int]string{}
		}
		var l FieldList
		f := o.Fields()
		for f.Next() {
			have[o.DoID()][f.Index()] = string(f.Value())
			l.Add(f.Index(), f.Value())
		}
		if again, err = AppendSnapshotObject(again, o.DoID(), l); err != nil {
			t.Fatal(err)
		}
	}
	if o.Err() != nil {
		t.Fatal(o.Err())
	}
	if !bytes.Equal(again, append(le(uint16(9)), body...)) {
		t.Errorf("tick %d written again: % x\nwant % x", tick, again[2:], body)
	}
	return have
}
