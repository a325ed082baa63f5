package independent

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/culm-net/culm/dc"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func le[T uint16 | uint32](v T) string {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err)
	}
	return hexOf(b)
}

// TestVectors shows a client for each interest what panda3d-pipes' own classes
// answered: generates with the baselines, then the snapshots of that interest,
// a full one first and from then on the delta from the tick before, when there
// is one. After each it has what the scenario set.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../wire/testdata/snapshots.json")
	if err != nil {
		t.Fatal(err)
	}
	type told struct {
		Object uint32
		State  map[string]any
	}
	var file struct {
		Steps []struct {
			told
			Do, Class, Hex string
			Zone           uint32
			Tick           uint32
			Set            []told
			Sent           []struct {
				Zones []uint32
				From  *uint32
				Hex   string
			}
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	pack := func(class *dc.Class, state map[string]any) map[int]string {
		values := map[int]string{}
		for i, f := range class.Fields() {
			if v, ok := state[f.Name()]; ok {
				b, err := f.Pack(nil, v)
				if err != nil {
					t.Fatal(err)
				}
				values[i] = string(b)
			}
		}
		return values
	}
	compared := 0
	for _, zones := range [][]uint32{{1}, {2}, {1, 2}, {9}} {
		r := welcomedRig(t, false)
		want, classes := map[uint32]map[int]string{}, map[uint32]*dc.Class{}
		var have *uint32 // the tick that the client has
		for _, step := range file.Steps {
			if step.Do == "baseline" {
				class := r.schema.Class(step.Class)
				classes[step.Object] = class
				if slices.Contains(zones, step.Zone) {
					methods := "0000"
					if class.Name() == "DistributedAvatar" {
						methods = "0100 0600 00"
					}
					r.play("0d00" + le(uint16(class.Number())) + le(step.Object) + le(step.Zone) + "01" + step.Hex + methods)
					want[step.Object] = pack(class, step.State)
				}
			}
			for _, s := range step.Set {
				if want[s.Object] != nil {
					want[s.Object] = pack(classes[s.Object], s.State)
				}
			}
			for _, s := range step.Sent {
				if !slices.Equal(s.Zones, zones) || (s.From == nil) != (have == nil) || s.From != nil && *s.From != *have {
					continue
				}
				r.play("0900" + s.Hex)
				have = &step.Tick
				break
			}
			if r.ticked {
				for id, v := range want {
					if o := r.Object(id); o == nil || fmt.Sprint(o.State) != fmt.Sprint(v) {
						t.Errorf("zones %v, tick %d: object %d is %v, want %v", zones, step.Tick, id, o, v)
					}
					compared++
				}
			}
		}
		if len(r.Faults()) != 0 {
			t.Errorf("zones %v: %v", zones, r.Faults())
		}
		if r.Snapshots() < 2 {
			t.Errorf("zones %v: %d snapshots", zones, r.Snapshots())
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}
