package interp

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzVar does to a variable what the input says: 17 bytes a step, an
// operation and two floats. Infinities and what is no number are among them.
func FuzzVar(f *testing.F) {
	step := func(op byte, a, b float64) []byte {
		x := binary.LittleEndian.AppendUint64([]byte{op}, math.Float64bits(a))
		return binary.LittleEndian.AppendUint64(x, math.Float64bits(b))
	}
	join := func(steps ...[]byte) (all []byte) {
		for _, s := range steps {
			all = append(all, s...)
		}
		return all
	}
	inf, nan, most := math.Inf(1), math.NaN(), math.MaxFloat64
	f.Add(join(step(0, 1, 1), step(0, 2, 1.05), step(0, 3, 1.1), step(1, 1.2, 0.1)), false, 0.25)
	f.Add(join(step(0, most, 1), step(0, -most, 1.05), step(0, most, 1.1), step(1, 1.08, 0), step(1, 2, 0)), false, 0.25)
	f.Add(join(step(0, 3e38, 1), step(0, -3e38, 1.05), step(0, 3e38, 1.1), step(1, 1.06, 0)), false, 0.25)
	f.Add(join(step(0, nan, 1), step(0, 1, nan), step(0, inf, inf), step(1, nan, nan), step(1, inf, inf)), true, nan)
	f.Add(join(step(0, 1, 1e11), step(0, 2, -1e11), step(0, 2, 1), step(1, 1, -inf), step(2, 0, 5), step(1, 0, inf)), true, inf)
	f.Add(join(step(0, 5e-324, 1), step(0, -1e-320, 1.0002), step(3, 0, 7), step(1, 1.00015, 0), step(1, 1e300, 0)), false, most)
	f.Fuzz(func(t *testing.T, steps []byte, linear bool, extrapolate float64) {
		if len(steps) > 17*300 {
			return
		}
		fuzz(t, steps, linear, extrapolate, func(x, y float64) float32 { return float32(x) })
		fuzz(t, steps, linear, extrapolate, func(x, y float64) float64 { return x })
		fuzz(t, steps, linear, extrapolate, func(x, y float64) Vec3 { return Vec3{x, y, -x} })
		fuzz(t, steps, linear, extrapolate, func(x, y float64) Quat { return Quat{x, y, -x, 1} })
		fuzz(t, steps, linear, extrapolate, func(x, y float64) HPR { return HPR{x, y, -x} })
		fuzz(t, steps, linear, extrapolate, func(x, y float64) Loop { return Loop(x) })
	})
}

func fuzz[T Value](t *testing.T, steps []byte, linear bool, extrapolate float64, value func(x, y float64) T) {
	v := Var[T]{Extrapolate: extrapolate, Linear: linear}
	newest := 0.0
	for ; len(steps) >= 17; steps = steps[17:] {
		a := math.Float64frombits(binary.LittleEndian.Uint64(steps[1:]))
		b := math.Float64frombits(binary.LittleEndian.Uint64(steps[9:]))
		switch steps[0] % 4 {
		case 0:
			v.Record(value(a, b), b)
			newest = b
		case 1:
			frame := Frame{Now: a, Delay: b, Newest: newest}
			rate, smooth := v.Derivative(frame), v.SmoothDerivative(frame)
			got, status := v.Sample(frame)
			for what, x := range map[string]T{"value": got, "derivative": rate, "smooth derivative": smooth} {
				if !finite(load(&x)) {
					t.Fatalf("%s %v at %+v", what, x, frame)
				}
			}
			if (status == Empty) != (v.Len() == 0) {
				t.Fatalf("status %v with %d samples", status, v.Len())
			}
			if x := load(&got); kindOf[T]() == loop && !(x[0] >= 0 && x[0] < 1) {
				t.Fatalf("a loop at %v", got)
			} else if kindOf[T]() == quat && status != Empty && math.Abs(dot(x, x)-1) > 1e-9 {
				t.Fatalf("a quaternion %v", got)
			}
		case 2:
			v.Reset(value(a, b), b)
		case 3:
			v.Hold(b)
		}
		if v.Len() > MaxSamples || len(v.ring) > MaxSamples {
			t.Fatalf("%d samples", v.Len())
		}
		for i := 1; i < v.Len(); i++ {
			if !(v.at(i).time < v.at(i-1).time) {
				t.Fatalf("sample %d at %v, a newer one at %v", i, v.at(i).time, v.at(i-1).time)
			}
		}
	}
}
