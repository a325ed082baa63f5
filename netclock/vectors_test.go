package netclock

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// vectorRun is a recorded run of panda3d-pipes' NetworkClock: see
// testdata/README.md.
type vectorRun struct {
	Name  string
	Rate  Rate
	Steps []vectorStep
}

type vectorStep struct {
	Do             string
	Arg            json.RawMessage
	Tick           int64
	TicksThisFrame int `json:"ticks_this_frame"`
	Remainder      float64
	ClientTime     float64 `json:"client_time"`
}

func loadVectors(t *testing.T) []vectorRun {
	t.Helper()
	data, err := os.ReadFile("testdata/clock.json")
	if err != nil {
		t.Fatal(err)
	}
	var runs []vectorRun
	if err := json.Unmarshal(data, &runs); err != nil {
		t.Fatal(err)
	}
	return runs
}

func (s vectorStep) number(t *testing.T) (x float64) {
	t.Helper()
	if err := json.Unmarshal(s.Arg, &x); err != nil {
		t.Fatal(err)
	}
	return x
}

// A fault of panda3d-pipes' clock that shows in a recorded run.
type fault int

const (
	// An offset from before a snap is kept after it.
	offsetSurvivesSnap fault = 1 << iota
	// What was corrected leaves the samples only while the client is ahead.
	behindNeverScaled
	// The present frame's ticks are added to a tick that has them already.
	frameCountedTwice
	// The remainder from before a snap is told after it.
	remainderSurvivesSnap
)

const allFaults = offsetSurvivesSnap | behindNeverScaled | frameCountedTwice | remainderSurvivesSnap

// model is the clock of pipes.md at its defaults, with faults at choice, in
// the plainest way. With all of them it must be panda3d-pipes' clock, which
// the recorded runs decide, and without any it must be ours: so the faults
// are all that is between the two.
type model struct {
	faults          fault
	interval        float64
	tick            int64
	ticksThisFrame  int
	rest, remainder float64
	clientTime      float64
	offsets         [16]float64
	next            int
}

func (m *model) has(f fault) bool { return m.faults&f != 0 }

func (m *model) mean() (sum float64) {
	for _, o := range m.offsets {
		sum += o / 16
	}
	return sum
}

func (m *model) snap(tick int64) {
	m.tick, m.rest, m.ticksThisFrame = tick, 0, 0
	if !m.has(remainderSurvivesSnap) {
		m.remainder = 0
	}
}

func (m *model) serverTick(tick int64) {
	client := m.tick
	if m.has(frameCountedTwice) {
		client += int64(m.ticksThisFrame) - 1
	}
	offset := client - tick
	if float64(max(offset, -offset)) > math.Round(0.150/m.interval) {
		was := m.ticksThisFrame
		if !m.has(frameCountedTwice) {
			was = 1
		}
		m.snap(tick + 1 - int64(was))
		m.offsets = [16]float64{}
		if !m.has(offsetSurvivesSnap) {
			m.next = 0
			return
		}
	}
	m.offsets[m.next] = float64(offset)
	m.next = (m.next + 1) % 16
}

func (m *model) frame(dt float64) {
	off := m.mean() * m.interval
	by := 0.0 // seconds that the frame becomes longer
	if ms := math.Abs(off) * 1000; ms > 10 {
		perSecond := 0.2 * (min(ms, 90) - 10) / 80
		by = -math.Copysign(min(dt*perSecond, math.Abs(off)), off)
		if off > 0 || !m.has(behindNeverScaled) {
			for i := range m.offsets {
				m.offsets[i] *= 1 + by/off
			}
		}
	}
	m.rest += dt + by
	m.clientTime += dt + by
	m.ticksThisFrame = 0
	for m.rest >= m.interval {
		m.rest -= m.interval
		m.tick++
		m.ticksThisFrame++
	}
	m.remainder = m.rest
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }

func TestVectors(t *testing.T) {
	// Which faults show in a run: with all but one of these the model no
	// longer answers like panda3d-pipes. A run without is matched by our clock.
	shows := map[string]fault{
		"in step":                0,
		"server 5 ticks ahead":   behindNeverScaled | frameCountedTwice,
		"server 5 ticks behind":  frameCountedTwice,
		"server runs 2 % faster": behindNeverScaled | frameCountedTwice,
		"far off: snaps":         offsetSurvivesSnap | remainderSurvivesSnap,
		"30 Hz":                  behindNeverScaled | frameCountedTwice,
	}
	for _, run := range loadVectors(t) {
		t.Run(run.Name, func(t *testing.T) {
			want, ok := shows[run.Name]
			if !ok {
				t.Fatal("a run that the table does not know")
			}
			if i := firstDifference(t, run, allFaults); i >= 0 {
				t.Errorf("the model with all faults differs from panda3d-pipes at step %d", i)
			}
			for f := fault(1); f < allFaults; f <<= 1 {
				if shown := firstDifference(t, run, allFaults&^f) >= 0; shown != (want&f != 0) {
					t.Errorf("without fault %b the model differs from panda3d-pipes: %v, expected %v", f, shown, !shown)
				}
			}
			ours(t, run, want == 0)
		})
	}
}

// firstDifference returns the first step in which the model answers otherwise
// than the record, -1 if there is none.
func firstDifference(t *testing.T, run vectorRun, faults fault) int {
	m := model{faults: faults, interval: run.Rate.Interval()}
	for i, s := range run.Steps {
		m.do(t, s)
		if m.tick != s.Tick || m.ticksThisFrame != s.TicksThisFrame || !near(m.remainder, s.Remainder) || !near(m.clientTime, s.ClientTime) {
			return i
		}
	}
	return -1
}

func (m *model) do(t *testing.T, s vectorStep) {
	switch s.Do {
	case "enable":
	case "reset":
		m.snap(int64(s.number(t)))
	case "server_tick":
		m.serverTick(int64(s.number(t)))
	case "frame":
		m.frame(s.number(t))
	default:
		t.Fatalf("unknown step %q", s.Do)
	}
}

// ours holds the clock to the model without faults, and to the record itself
// if none shows in it.
func ours(t *testing.T, run vectorRun, matches bool) {
	settings := DefaultSettings()
	settings.TickRate = run.Rate
	c, err := NewClient(settings)
	if err != nil {
		t.Fatal(err)
	}
	m := model{interval: run.Rate.Interval()}
	for i, s := range run.Steps {
		m.do(t, s)
		ticks := 0
		switch s.Do {
		case "reset":
			c.Reset(uint32(s.number(t)))
		case "server_tick":
			c.ServerTick(uint32(s.number(t)))
		case "frame":
			ticks = c.Advance(s.number(t))
			if ticks != m.ticksThisFrame || matches && ticks != s.TicksThisFrame {
				t.Fatalf("step %d: %d ticks in the frame, model %d, panda3d-pipes %d", i, ticks, m.ticksThisFrame, s.TicksThisFrame)
			}
		}
		if int64(c.Tick()) != m.tick || !near(c.Remainder(), m.remainder) {
			t.Fatalf("step %d: tick %d + %v, model %d + %v", i, c.Tick(), c.Remainder(), m.tick, m.remainder)
		}
		if !matches {
			continue
		}
		if int64(c.Tick()) != s.Tick || !near(c.Remainder(), s.Remainder) {
			t.Fatalf("step %d: tick %d + %v, panda3d-pipes %d + %v", i, c.Tick(), c.Remainder(), s.Tick, s.Remainder)
		}
		if i > 0 && !near(c.Time()-c.TimeOf(1000), s.ClientTime) {
			t.Fatalf("step %d: %v seconds since the reset, panda3d-pipes %v", i, c.Time()-c.TimeOf(1000), s.ClientTime)
		}
	}
}
