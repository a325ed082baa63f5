package clientsession

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
)

// TestVectors plays the baselines and snapshots that panda3d-pipes' own classes
// made (pipes/wire/testdata/snapshots.json) to a client, which must then have
// the state that they were made of.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../wire/testdata/snapshots.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Steps []struct {
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
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	type object struct {
		class    *dc.Class
		zone     int
		baseline string
		state    map[string]any
	}
	objects := map[uint32]*object{}
	full := map[string]map[uint32]string{} // by zones and tick
	key := func(zones []int) string { b, _ := json.Marshal(zones); return string(b) }
	compared := 0
	for _, step := range file.Steps {
		switch step.Do {
		case "baseline":
			objects[step.Object] = &object{schema(t).Class(step.Class), step.Zone, step.Hex, step.State}
		case "tick":
			for _, set := range step.Set {
				objects[set.Object].state = set.State
			}
			for _, sent := range step.Sent {
				k := key(sent.Zones)
				s, w := begin(t, Config{Plain: true})
				s.Receive(epoch, [][]byte{accepted(t)})
				for id, o := range objects {
					if slices.Contains(sent.Zones, o.zone) {
						msg := wire.SVGenerateObject.Append(nil)
						msg = append(msg, byte(o.class.Number()), 0, byte(id), 0, 0, 0, byte(o.zone), 0, 0, 0, 1)
						s.Receive(epoch, [][]byte{append(append(msg, fromHex(t, o.baseline)...), 0, 0)})
					}
				}
				// First what the peer had acknowledged.
				if sent.From == nil {
					if full[k] == nil {
						full[k] = map[uint32]string{}
					}
					full[k][step.Tick] = sent.Hex
				} else {
					s.Receive(epoch, [][]byte{append(wire.SVTick.Append(nil), fromHex(t, full[k][*sent.From])...)})
				}
				s.Receive(epoch, [][]byte{append(wire.SVTick.Append(nil), fromHex(t, sent.Hex)...)})
				if err := w.check(); err != nil || s.Err() != nil {
					t.Fatalf("tick %d for %s: %v, %v", step.Tick, k, err, s.Err())
				}
				for id, o := range objects {
					if !slices.Contains(sent.Zones, o.zone) {
						continue
					}
					for name, v := range o.state {
						f := o.class.FieldByName(name)
						want, err := f.Pack(nil, v)
						if err != nil {
							t.Fatal(err)
						}
						if got := s.Object(id).Value(index(o.class, f)); string(got) != string(want) {
							t.Errorf("tick %d for %s: %d's %s is % x, want % x", step.Tick, k, id, name, got, want)
						}
						compared++
					}
				}
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d values compared", compared)
	}
}

func accepted(tb testing.TB) []byte {
	tb.Helper()
	b, err := wire.HelloResponse{Accepted: true, Welcome: wire.Welcome{TickRate: 66}}.Append(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func fromHex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || len(b) == 0 {
		tb.Fatalf("%q: %v", text, err)
	}
	return b
}
