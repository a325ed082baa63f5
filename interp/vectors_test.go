package interp

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// vectorTrack is a recorded run of panda3d-pipes' InterpolatedVariable: see
// testdata/README.md.
type vectorTrack struct {
	Name        string
	Amount      float64
	Angles      bool
	Looping     bool
	Extrapolate bool
	Steps       []vectorStep
}

type vectorStep struct {
	Do            string
	Clock, Time   float64
	Now           float64
	LastTimestamp float64 `json:"last_timestamp"`
	Result        int
	Value         json.RawMessage
	value         []float64
}

// differs is a range of steps in which we answer otherwise on purpose. Each
// step must still differ, so that the table stays true.
type differs struct {
	from, to      int // steps, both included; only samples count
	value, status bool
	why           string
}

var differences = map[string][]differs{
	"float, a gap, extrapolated": {{
		from: 33, to: 46, status: true,
		why: "an extrapolated value is not settled: it moves on, and the next snapshot takes it back",
	}},
	"float, looping 0..1": {{
		from: 8, to: 9, value: true,
		why: "going backwards by 0.28 in 27 ms is 0.56 in 54 ms, which panda3d-pipes takes for going forwards by 0.44",
	}},
	"float, no delay": {{
		from: 56, to: 56, status: true,
		why: "no difference: the real frame time was a little less than the 2.0 that it is written down as",
	}},
}

func loadVectors(t testing.TB) []vectorTrack {
	t.Helper()
	data, err := os.ReadFile("testdata/interp.json")
	if err != nil {
		t.Fatal(err)
	}
	var tracks []vectorTrack
	if err := json.Unmarshal(data, &tracks); err != nil {
		t.Fatal(err)
	}
	for _, track := range tracks {
		for i := range track.Steps {
			s := &track.Steps[i]
			if s.Value[0] != '[' {
				s.value = []float64{0}
				err = json.Unmarshal(s.Value, &s.value[0])
			} else {
				err = json.Unmarshal(s.Value, &s.value)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return tracks
}

func TestVectors(t *testing.T) {
	for _, track := range loadVectors(t) {
		t.Run(track.Name, func(t *testing.T) {
			switch n := len(track.Steps[0].value); {
			case track.Looping:
				runVectors(t, track, func(x []float64) Loop { return Loop(x[0]) })
			case n == 1:
				runVectors(t, track, func(x []float64) float32 { return float32(x[0]) })
			case n == 4:
				runVectors(t, track, func(x []float64) Quat { return Quat(x) })
			case track.Angles:
				runVectors(t, track, func(x []float64) HPR { return HPR(x) })
			default:
				runVectors(t, track, func(x []float64) Vec3 { return Vec3(x) })
			}
		})
	}
}

func runVectors[T Value](t *testing.T, track vectorTrack, value func([]float64) T) {
	var v Var[T]
	if track.Extrapolate {
		v.Extrapolate = DefaultExtrapolation
	}
	for i, s := range track.Steps {
		switch s.Do {
		case "reset":
			v.Reset(value(s.value), s.Clock)
		case "record":
			// Not s.Clock: we have one clock.
			v.Record(value(s.value), s.Time)
		case "sample":
			got, status := v.Sample(Frame{Now: s.Now, Delay: track.Amount, Newest: s.LastTimestamp})
			want, wantStatus := value(s.value), []Status{Empty, Changing, Settled}[s.Result+1]
			var d differs
			for _, row := range differences[track.Name] {
				if row.from <= i && i <= row.to {
					d = row
				}
			}
			if (status != wantStatus) != d.status {
				t.Errorf("step %d (now %v): status %v, panda3d-pipes has %v; expected to differ: %v %s", i, s.Now, status, wantStatus, d.status, d.why)
			}
			if off := apart(got, want); (off > 1e-6) != d.value {
				t.Errorf("step %d (now %v): %v, panda3d-pipes has %v, %.2g apart; expected to differ: %v %s", i, s.Now, got, want, off, d.value, d.why)
			}
		default:
			t.Fatalf("step %d: %q", i, s.Do)
		}
	}
}

// apart returns by how much two values differ, relative to the greatest
// component. A quaternion is the same rotation with either sign:
// panda3d-pipes' changes whenever those recorded do, and ours does not.
func apart[T Value](a, b T) float64 {
	x, y := load(&a), load(&b)
	if kindOf[T]() == quat && dot(x, y) < 0 {
		y = scale(y, -1)
	}
	size, off := 1.0, 0.0
	for i := range x {
		size, off = max(size, math.Abs(x[i])), max(off, math.Abs(x[i]-y[i]))
	}
	return off / size
}
