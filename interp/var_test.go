package interp

import (
	"math"
	"testing"
)

func TestEmpty(t *testing.T) {
	var v Var[Vec3]
	if got, status := v.Sample(Frame{Now: 1}); got != (Vec3{}) || status != Empty {
		t.Errorf("sampled %v, %v", got, status)
	}
	if _, _, ok := v.Latest(); ok {
		t.Error("has a latest value")
	}
	v.Hold(5)
	if d := v.Derivative(Frame{Now: 1}); d != (Vec3{}) || v.Len() != 0 {
		t.Errorf("derivative %v, %d samples", d, v.Len())
	}
	if d := v.SmoothDerivative(Frame{Now: 1}); d != (Vec3{}) {
		t.Errorf("smooth derivative %v", d)
	}
}

func TestTimeZeroIsATime(t *testing.T) {
	v := Var[float64]{Linear: true}
	v.Record(-10, -1)
	v.Record(0, 0)
	v.Record(10, 1)
	for _, now := range []float64{-1, -0.5, 0, 0.25, 1} {
		if got, _ := v.Sample(Frame{Now: now}); got != 10*now {
			t.Errorf("at %v: %v", now, got)
		}
	}
}

func TestRecordTellsChanges(t *testing.T) {
	var v Var[Quat]
	steps := []struct {
		value   Quat
		time    float64
		changed bool
		latest  Quat
	}{
		{Quat{}, 0, false, Quat{}},
		{Quat{math.NaN(), 0, 0, 1}, 0, false, Quat{}},
		{Quat{1, 0, 0, 0}, math.Inf(1), false, Quat{}},
		{Quat{1, 0, 0, 0}, 1e12, false, Quat{}},
		{Quat{1e-300, 0, 0, 0}, 1, true, Quat{1, 0, 0, 0}},
		{Quat{1e300, 0, 0, 0}, 2, false, Quat{1, 0, 0, 0}},
		{Quat{-1, 0, 0, 0}, 3, false, Quat{1, 0, 0, 0}}, // the same rotation
		{Quat{-3, 0, 4, 0}, 4, true, Quat{0.6, 0, -0.8, 0}},
	}
	for i, s := range steps {
		if got := v.Record(s.value, s.time); got != s.changed {
			t.Errorf("step %d: changed %v", i, got)
		}
		if latest, _, _ := v.Latest(); apart(latest, s.latest) > 1e-15 {
			t.Errorf("step %d: latest %v, want %v", i, latest, s.latest)
		}
	}
}

// A record at or before older ones replaces them: late samples, and a server
// that corrected the clock back.
func TestLateRecord(t *testing.T) {
	v := Var[float64]{Linear: true}
	for i := range 5 {
		v.Record(float64(i), float64(i))
	}
	v.Record(20, 2)
	if latest, time, _ := v.Latest(); latest != 20 || time != 2 || v.Len() != 3 {
		t.Errorf("latest %v at %v of %d", latest, time, v.Len())
	}
	if got, _ := v.Sample(Frame{Now: 1.5}); got != 10.5 {
		t.Errorf("between 1 at 1 and 20 at 2: %v", got)
	}
	v.Record(-1, -1)
	if got, status := v.Sample(Frame{Now: 7}); got != -1 || status != Settled || v.Len() != 1 {
		t.Errorf("%v, %v, %d samples", got, status, v.Len())
	}
}

// What rests, as the snapshots do not mention it, and then moves.
func TestHold(t *testing.T) {
	frame := Frame{Now: 10, Delay: 0.1}
	record := func(hold bool) *Var[float64] {
		var v Var[float64]
		v.Reset(0, 0)
		v.Record(1, 1)
		if hold {
			v.Hold(9.95)
			v.Hold(5) // is older: nothing
		}
		v.Record(2, 10)
		return &v
	}
	if got, _ := record(false).Sample(frame); got < 1.9 {
		t.Errorf("without Hold %v: not the jump that Hold is for", got)
	}
	// Not exactly 1: the long segment still begins as a curve.
	if got, _ := record(true).Sample(frame); math.Abs(got-1) > 1e-3 {
		t.Errorf("with Hold %v, want 1", got)
	}
}

func TestExtrapolation(t *testing.T) {
	newVar := func() *Var[float64] {
		v := &Var[float64]{Extrapolate: 0.25}
		v.Record(0, 1)
		v.Record(1, 1.1)
		return v
	}
	tests := []struct {
		name   string
		change func(*Var[float64])
		frame  Frame
		value  float64
		status Status
		rate   float64
		smooth float64
	}{
		{"at the newest", nil, Frame{Now: 1.1, Newest: 1.1}, 1, Changing, 10, 10},
		{"no time", nil, Frame{Now: math.NaN(), Newest: 1.1}, 3.5, Changing, 0, 0},
		{"after it", nil, Frame{Now: 1.3, Delay: 0.1, Newest: 1.1}, 2, Changing, 10, 10},
		{"at the limit", nil, Frame{Now: 1.6, Newest: 1.1}, 3.5, Changing, 0, 0},
		{"smooth slows down", nil, Frame{Now: 1.475, Newest: 1.1}, 3.5, Changing, 0, 5},
		{"long after", nil, Frame{Now: math.Inf(1), Newest: 1.1}, 3.5, Changing, 0, 0},
		{"a newer snapshot left it out", nil, Frame{Now: 1.3, Newest: 1.2}, 1, Settled, 0, 0},
		{"off", func(v *Var[float64]) { v.Extrapolate = 0 }, Frame{Now: 1.3}, 1, Settled, 0, 0},
		{"no limit at all", func(v *Var[float64]) { v.Extrapolate = math.NaN() }, Frame{Now: 1.3}, 1, Settled, 0, 0},
		{"a minute at most", func(v *Var[float64]) { v.Extrapolate = math.Inf(1) }, Frame{Now: 1e9}, 601, Changing, 0, 0},
		{"at rest", func(v *Var[float64]) { v.Record(1, 1.2) }, Frame{Now: 1.3}, 1, Settled, 0, 0},
		{"too short a segment", func(v *Var[float64]) { v.Record(2, 1.1005) }, Frame{Now: 1.3}, 2, Settled, 0, 0},
		{"one sample", func(v *Var[float64]) { v.Reset(7, 1.1) }, Frame{Now: 1.3}, 7, Settled, 0, 0},
	}
	for _, test := range tests {
		v := newVar()
		if test.change != nil {
			test.change(v)
		}
		rate, smooth := v.Derivative(test.frame), v.SmoothDerivative(test.frame)
		value, status := v.Sample(test.frame)
		if math.Abs(value-test.value) > 1e-9 || status != test.status {
			t.Errorf("%s: %v, %v, want %v, %v", test.name, value, status, test.value, test.status)
		}
		if math.Abs(rate-test.rate) > 1e-9 || math.Abs(smooth-test.smooth) > 1e-9 {
			t.Errorf("%s: derivatives %v, %v, want %v, %v", test.name, rate, smooth, test.rate, test.smooth)
		}
	}
}

func TestExtrapolatedRotationAndLoop(t *testing.T) {
	frame := Frame{Now: 1.2}
	loop := Var[Loop]{Extrapolate: 1}
	loop.Record(0.7, 1)
	loop.Record(0.9, 1.1)
	if got, _ := loop.Sample(frame); math.Abs(float64(got)-0.1) > 1e-9 {
		t.Errorf("loop: %v, want 0.1", got)
	}
	angles := Var[HPR]{Extrapolate: 1}
	angles.Record(HPR{340, 0, 0}, 1)
	angles.Record(HPR{350, 0, 0}, 1.1)
	if got, _ := angles.Sample(frame); apart(got, HPR{0, 0, 0}) > 1e-9 {
		t.Errorf("angles: %v, want 0", got)
	}
	if got := angles.Derivative(frame); apart(got, HPR{100, 0, 0}) > 1e-9 {
		t.Errorf("angles turn by %v a second, want 100", got)
	}
}

// Derivatives go the short way round.
func TestDerivativeOfAngles(t *testing.T) {
	var v Var[HPR]
	v.Record(HPR{350, -170, 1e6}, 0)
	v.Record(HPR{370, 170, 1e6}, 1)
	v.Record(HPR{-340, 160, 1e6}, 2)
	if got := v.Derivative(Frame{Now: 0.5}); apart(got, HPR{20, -20, 0}) > 1e-9 {
		t.Errorf("derivative %v", got)
	}
	if got := v.SmoothDerivative(Frame{Now: 1.5}); apart(got, HPR{15, -15, 0}) > 1e-9 {
		t.Errorf("smooth derivative %v", got)
	}
	var l Var[Loop]
	l.Record(0.1, 0)
	l.Record(0.9, 1)
	if got := l.Derivative(Frame{Now: 0.5}); math.Abs(float64(got)+0.2) > 1e-9 {
		t.Errorf("loop's derivative %v", got)
	}
}

// HPR angles as Panda3D turns them into quaternions: roll first, heading last.
func TestHPR(t *testing.T) {
	half := math.Sqrt(0.5)
	for _, test := range []struct {
		hpr HPR
		q   Quat
	}{
		{HPR{0, 0, 0}, Quat{1, 0, 0, 0}},
		{HPR{90, 0, 0}, Quat{half, 0, 0, half}},
		{HPR{0, 90, 0}, Quat{half, half, 0, 0}},
		{HPR{0, 0, 90}, Quat{half, 0, half, 0}},
		{HPR{360e12 + 90, 0, 0}, Quat{half, 0, 0, half}},
		{HPR{90, 90, 0}, Quat{0.5, 0.5, 0.5, 0.5}},
		{HPR{0, 0, 180}, Quat{0, 0, 1, 0}},
		{HPR{90, 0, 90}, Quat{0.5, -0.5, 0.5, 0.5}},
		{HPR{0, 45, 180}, Quat{0, 0, math.Cos(math.Pi / 8), math.Sin(math.Pi / 8)}},
		// From Panda3D 1.11's LQuaterniond.setHpr.
		{HPR{30, 40, 50}, Quat{0.7852207150935986, 0.19662822552874049, 0.463826910250329, 0.3600421736976789}},
		{HPR{-120, 75, -160}, Quat{-0.45031128537416637, -0.6237709422631124, -0.4821980765090586, -0.41906392455545377}},
		{HPR{10, -20, 170}, Quat{0.10058188063494006, -0.10058188063494007, 0.976007978700533, -0.1648484033552554}},
	} {
		if got := test.hpr.Quat(); apart(got, test.q) > 1e-15 {
			t.Errorf("%v is %v, want %v", test.hpr, got, test.q)
		}
		if got := test.q.HPR().Quat(); apart(got, test.q) > 1e-15 {
			t.Errorf("%v becomes %v and then %v", test.q, test.q.HPR(), got)
		}
		if gimbal := test.hpr[1] == 90; !gimbal && test.hpr[0] < 360 && apart(test.q.HPR(), test.hpr) > 1e-13 {
			t.Errorf("%v has the angles %v, want %v", test.q, test.q.HPR(), test.hpr)
		}
	}
	if got := (Quat{0, 0, 1, 0}).HPR(); got[2] != 180 {
		t.Errorf("half a roll is %v, want 180 and not -180", got)
	}
}

// A curve does not take its velocity from a moment's movement long ago.
func TestCurveOverAGap(t *testing.T) {
	for _, test := range []struct {
		gap    float64
		curved bool
	}{{0.5, true}, {1, false}} {
		var v Var[float64]
		v.Record(0, 0)
		v.Record(1, 0.05)
		v.Record(1, 0.05+test.gap)
		got, _ := v.Sample(Frame{Now: 0.05 + test.gap/3})
		if curved := got != 1; curved != test.curved {
			t.Errorf("gap of %v: %v", test.gap, got)
		}
	}
}
