package interp

import (
	"math"
	"testing"
)

// A variable as a game has it: 20 records and 60 samples a second, 0.1 s delay.
func BenchmarkVar(b *testing.B) {
	bench(b, "float32", func(x float64) float32 { return float32(x) })
	bench(b, "float64", func(x float64) float64 { return x })
	bench(b, "Vec3", func(x float64) Vec3 { return Vec3{x, -x, 1} })
	bench(b, "Quat", func(x float64) Quat { return HPR{x, 0, 0}.Quat() })
	bench(b, "HPR", func(x float64) HPR { return HPR{x, x / 2, 0} })
	bench(b, "Loop", func(x float64) Loop { return Loop(x) })
}

func bench[T Value](b *testing.B, name string, value func(float64) T) {
	const rate, frames = 20, 60
	values := make([]T, 64)
	for i := range values {
		values[i] = value(100 * math.Sin(float64(i)))
	}
	b.Run(name+"/record", func(b *testing.B) {
		b.ReportAllocs()
		var v Var[T]
		v.Sample(Frame{Delay: 0.1})
		v.Record(values[0], 0)
		v.Sample(Frame{Delay: 0.1})
		for i := 0; b.Loop(); i++ {
			v.Record(values[i%64], float64(i)/rate)
		}
	})
	b.Run(name+"/sample", func(b *testing.B) {
		b.ReportAllocs()
		var v Var[T]
		for i := range 5 {
			v.Record(values[i], float64(i)/rate)
		}
		frame := Frame{Now: 0.2, Delay: 0.1}
		for i := 0; b.Loop(); i++ {
			frame.Now = 0.2 + float64(i%3)/frames
			v.Sample(frame)
		}
	})
}

func TestNoAllocations(t *testing.T) {
	noAllocations(t, func(x float64) float32 { return float32(x) })
	noAllocations(t, func(x float64) Vec3 { return Vec3{x, -x, 1} })
	noAllocations(t, func(x float64) Quat { return HPR{x, 0, 0}.Quat() })
	noAllocations(t, func(x float64) HPR { return HPR{x, x / 2, 0} })
	noAllocations(t, func(x float64) Loop { return Loop(x) })
}

func noAllocations[T Value](t *testing.T, value func(float64) T) {
	v := Var[T]{Extrapolate: 0.25}
	now := 0.0
	turn := func() {
		now += 0.05
		v.Record(value(now), now)
		v.Sample(Frame{Now: now + 0.01, Delay: 0.1})
		v.Sample(Frame{Now: now + 0.2, Delay: 0.1})
		v.Derivative(Frame{Now: now + 0.02, Delay: 0.1})
		v.SmoothDerivative(Frame{Now: now + 0.02, Delay: 0.1})
	}
	for range 100 {
		turn()
	}
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%T: %v allocations", value(0), n)
	}
}
