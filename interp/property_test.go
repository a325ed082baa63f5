package interp

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawTimes draws rising times with steps as of snapshots between 5 and 255 a
// second, some lost.
func drawTimes(t *rapid.T, least int) []float64 {
	times := []float64{rapid.Float64Range(-1e6, 1e6).Draw(t, "start")}
	for _, step := range rapid.SliceOfN(rapid.Float64Range(1./255, 0.2), least-1, 30).Draw(t, "steps") {
		times = append(times, times[len(times)-1]+step)
	}
	return times
}

func component(t *rapid.T) float64 { return rapid.Float64Range(-1000, 1000).Draw(t, "x") }

func drawQuat(t *rapid.T) Quat {
	q, ok := unit(vec{component(t), component(t), component(t), component(t)})
	if !ok {
		return Quat{1}
	}
	return Quat(q)
}

// rotation returns the angle in radians between two rotations.
func rotation(a, b Quat) float64 {
	// Not acos of the product, which is blind below 1e-8.
	if dot(vec(a), vec(b)) < 0 {
		b = Quat(scale(vec(b), -1))
	}
	d := difference(vec(a), vec(b), plain)
	return 4 * math.Asin(min(1, math.Sqrt(dot(d, d))/2))
}

// Whatever the type: a variable passes through all its samples, and does not
// jump where one segment meets the next.
func TestThroughSamples(t *testing.T) {
	through(t, "float32", func(t *rapid.T) float32 { return float32(component(t)) }, distance)
	through(t, "float64", component, distance)
	through(t, "Vec2", func(t *rapid.T) Vec2 { return Vec2{component(t), component(t)} }, distance)
	through(t, "Vec3", func(t *rapid.T) Vec3 { return Vec3{component(t), component(t), component(t)} }, distance)
	through(t, "Vec4", func(t *rapid.T) Vec4 { return Vec4{component(t), component(t), component(t), component(t)} }, distance)
	through(t, "Loop", func(t *rapid.T) Loop { return Loop(rapid.Float64Range(0, 1).Draw(t, "x")) },
		func(a, b Loop) float64 { return math.Abs(shortest(float64(a - b))) })
	// With its sign: quaternions are continuous as numbers, not only as rotations.
	through(t, "Quat", drawQuat, distance)
	through(t, "HPR", func(t *rapid.T) HPR { return HPR{component(t), component(t), component(t)} },
		func(a, b HPR) float64 { return rotation(a.Quat(), b.Quat()) })
}

func distance[T Value](a, b T) float64 {
	d := difference(load(&a), load(&b), plain)
	return math.Sqrt(dot(d, d))
}

func through[T Value](t *testing.T, name string, draw func(*rapid.T) T, distance func(a, b T) float64) {
	t.Run(name, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			v := Var[T]{Linear: rapid.Bool().Draw(t, "linear")}
			times := drawTimes(t, 1)
			kept := make([]T, len(times))
			for i, time := range times {
				v.Record(draw(t), time)
				kept[i], _, _ = v.Latest()
			}
			for i, time := range times {
				if got, _ := v.peek(time); distance(got, kept[i]) > 1e-6 {
					t.Fatalf("at sample %d: %v, recorded %v", i, got, kept[i])
				}
				// A value changes by 2000 times a Hermite factor within 4 ms.
				const moment = 1e-9
				for _, near := range []float64{time - moment, time + moment} {
					if got, _ := v.peek(near); distance(got, kept[i]) > 0.05 {
						t.Fatalf("a moment from sample %d: %v, recorded %v", i, got, kept[i])
					}
				}
			}
			for range 20 {
				a := rapid.Float64Range(times[0]-0.1, times[len(times)-1]+0.1).Draw(t, "now")
				x, _ := v.peek(a)
				y, _ := v.peek(a + 1e-9)
				if d := distance(x, y); d > 0.05 {
					t.Fatalf("jumps by %v at %v, from %v to %v", d, a, x, y)
				}
			}
		})
	})
}

// peek is Sample without forgetting what is older.
func (v *Var[T]) peek(now float64) (T, Status) {
	return v.value(v.find(now), now, math.Inf(1))
}

func TestLinearStaysBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := Var[Vec2]{Linear: true}
		times := drawTimes(t, 2)
		values := make([]Vec2, len(times))
		for i := range times {
			values[i] = Vec2{component(t), component(t)}
			v.Record(values[i], times[i])
		}
		i := rapid.IntRange(1, len(times)-1).Draw(t, "segment")
		now := times[i-1] + rapid.Float64Range(0, 1).Draw(t, "frac")*(times[i]-times[i-1])
		got, _ := v.peek(now)
		for c, x := range got {
			a, b := values[i-1][c], values[i][c]
			if x < min(a, b)-1e-9 || x > max(a, b)+1e-9 {
				t.Fatalf("%v is not between %v and %v", x, a, b)
			}
		}
	})
}

// Sample's promise: no swing where the direction stays and the segment before
// is at most three times as fast.
func TestCurveStaysMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v Var[float64]
		times := drawTimes(t, 3)[:3]
		velocity := component(t)
		factor := rapid.Float64Range(0, 3).Draw(t, "factor")
		x := component(t)
		v.Record(x, times[0])
		x += factor * velocity * (times[1] - times[0])
		v.Record(x, times[1])
		end := x + velocity*(times[2]-times[1])
		v.Record(end, times[2])
		sign := math.Copysign(1, velocity)
		last := x
		for f := range 101 {
			got, _ := v.peek(times[1] + float64(f)/100*(times[2]-times[1]))
			if (got-last)*sign < -1e-6 || (got-end)*sign > 1e-6 {
				t.Fatalf("at %d%%: %v after %v on the way to %v", f, got, last, end)
			}
			last = got
		}
	})
}

// A rotation stays one, and takes the short way at a constant rate.
func TestRotationTakesTheShortArc(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawQuat(t), drawQuat(t)
		var quats Var[Quat]
		quats.Record(a, 0)
		quats.Record(b, 1)
		var angles Var[HPR]
		angles.Record(a.HPR(), 0)
		angles.Record(b.HPR(), 1)
		now := rapid.Float64Range(0, 1).Draw(t, "now")
		q, _ := quats.peek(now)
		if length := math.Sqrt(dot(vec(q), vec(q))); math.Abs(length-1) > 1e-12 {
			t.Fatalf("length %v", length)
		}
		whole := rotation(a, b)
		if whole > math.Pi+1e-9 {
			t.Fatalf("test's own angle %v", whole)
		}
		if d := rotation(a, q); math.Abs(d-now*whole) > 1e-6 {
			t.Fatalf("turned by %v at %v of %v", d, now, whole)
		}
		// Half a turn can go either way round.
		if h, _ := angles.peek(now); whole < 3.1 && rotation(h.Quat(), q) > 1e-5 {
			t.Fatalf("angles %v are not the quaternion %v", h, q)
		}
	})
}

func TestHPRAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuat(t)
		hpr := q.HPR()
		if d := rotation(hpr.Quat(), q); d > 1e-6 {
			t.Fatalf("%v, %v: %v rad apart", q, hpr, d)
		}
		if math.Abs(hpr[0]) > 180 || math.Abs(hpr[1]) > 90 || math.Abs(hpr[2]) > 180 {
			t.Fatalf("%v out of range", hpr)
		}
	})
}

func TestLoopTakesTheShortWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := Var[Loop]{Linear: true}
		a, b := rapid.Float64Range(-5, 5).Draw(t, "a"), rapid.Float64Range(-5, 5).Draw(t, "b")
		v.Record(Loop(a), 0)
		v.Record(Loop(b), 1)
		now := rapid.Float64Range(0, 1).Draw(t, "now")
		got, _ := v.peek(now)
		if !(got >= 0 && got < 1) {
			t.Fatalf("%v", got)
		}
		way := math.Abs(shortest(b - a))
		if d := math.Abs(shortest(float64(got) - a)); math.Abs(d-now*way) > 1e-9 {
			t.Fatalf("from %v to %v: %v at %v", a, b, got, now)
		}
	})
}

// The derivative is that of what Sample shows.
func TestDerivative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := Var[Vec3]{Linear: rapid.Bool().Draw(t, "linear")}
		times := drawTimes(t, 2)
		start := times[0]
		for i := range times {
			times[i] -= start // near 0, where small differences of times are exact
			v.Record(Vec3{component(t), component(t), component(t)}, times[i])
		}
		i := rapid.IntRange(1, len(times)-1).Draw(t, "segment")
		now := times[i-1] + rapid.Float64Range(0.01, 0.99).Draw(t, "frac")*(times[i]-times[i-1])
		const h = 1e-6
		a, _ := v.peek(now - h)
		b, _ := v.peek(now + h)
		slope := store[Vec3](scale(difference(load(&a), load(&b), plain), 1/(2*h)))
		if got := v.Derivative(Frame{Now: now}); apart(got, slope) > 1e-2 {
			t.Fatalf("derivative %v, slope %v", got, slope)
		}
	})
}

// Settled means that nothing changes until the next record.
func TestSettled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := Var[float64]{Linear: rapid.Bool().Draw(t, "linear"), Extrapolate: rapid.SampledFrom([]float64{0, 0.25}).Draw(t, "extrapolate")}
		times := drawTimes(t, 1)
		for _, time := range times {
			v.Record(float64(rapid.IntRange(0, 1).Draw(t, "x")), time)
		}
		last := times[len(times)-1]
		frame := Frame{Delay: 0.1, Newest: last}
		settled, value := false, 0.0
		for frame.Now = last - 0.2; frame.Now < last+1; frame.Now += 0.013 {
			got, status := v.Sample(frame)
			if settled && (got != value || status != Settled) {
				t.Fatalf("settled at %v, then %v, %v", value, got, status)
			}
			settled, value = status == Settled, got
		}
		if _, status := v.Sample(Frame{Now: last + 10, Newest: last + 10}); status != Settled {
			t.Fatalf("%v long after the last record and snapshot", status)
		}
	})
}

// Forgetting what is old does not change what is shown while time goes on.
func TestForgettingChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var forgets, keeps Var[float64]
		delay := rapid.Float64Range(0, 0.3).Draw(t, "delay")
		now := 0.0
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			now += rapid.Float64Range(0.001, 0.1).Draw(t, "dt")
			if rapid.Bool().Draw(t, "record") {
				x := component(t)
				forgets.Record(x, now)
				keeps.Record(x, now)
			}
			a, as := forgets.Sample(Frame{Now: now, Delay: delay})
			b, bs := Empty, Empty
			var want float64
			if keeps.Len() > 0 {
				want, b = keeps.peek(now - delay)
				bs = b
			}
			if a != want || as != bs {
				t.Fatalf("at %v: %v, %v; with all samples %v, %v", now, a, as, want, bs)
			}
		}
	})
}

// The bound of memory, and what it means for a variable that is never sampled.
func TestBounded(t *testing.T) {
	var v Var[float64]
	for i := range 10 * MaxSamples {
		v.Record(float64(i), float64(i))
		if v.Len() != min(i+1, MaxSamples) || len(v.ring) > MaxSamples {
			t.Fatalf("%d samples in %d places after %d records", v.Len(), len(v.ring), i+1)
		}
	}
	const oldest = 9 * MaxSamples
	if got, status := v.Sample(Frame{Now: 5}); got != oldest || status != Changing {
		t.Errorf("long ago: %v, %v; want the oldest that is left, %v", got, status, oldest)
	}
	// Sampled once, it knows what will be needed.
	v.Sample(Frame{Now: 20 * MaxSamples, Delay: 3.5})
	for i := range 10 * MaxSamples {
		v.Record(float64(i), float64(20*MaxSamples+i))
	}
	if v.Len() != 7 { // four within, one at the end, two before
		t.Errorf("%d samples for 3.5 seconds of one a second", v.Len())
	}
}
