package dcgen

import (
	"math"

	"github.com/culm-net/culm/dc"
)

// exact is where float64 no longer has all integers.
const exact = 1 << 53

// interval is allowed packed values, or lengths.
type interval struct{ lo, hi float64 }

// packedRanges returns a type's ranges in packed numbers, as dc.Field.Pack holds
// values to them: ranges that fall together when they are scaled do not count.
// Of integers they are right below 2⁵³.
func packedRanges(t *dc.Type) []interval {
	convert := func(v float64) float64 { return max(0, math.Floor(v+0.5)) }
	switch k := t.Kind(); {
	case k == dc.Float32 || k == dc.Float64:
		convert = func(v float64) float64 { return v }
	case k <= dc.Int64:
		convert = func(v float64) float64 { return math.Floor(v + 0.5) }
	}
	var list []interval
	for _, r := range t.Ranges() {
		div := float64(max(1, t.Divisor()))
		i := interval{convert(r.Min * div), convert(r.Max * div)}
		overlaps := i.hi < i.lo
		for _, o := range list {
			overlaps = overlaps || i.lo <= o.hi && i.hi >= o.lo
		}
		if !overlaps {
			list = append(list, i)
		}
	}
	return list
}

// quick says whether generated code packs a number by itself. What it cannot do
// it leaves to dc.Field.Pack.
func quick(t *dc.Type) bool {
	ranges := packedRanges(t)
	switch t.Kind() {
	case dc.Float64:
		return true
	case dc.Float32:
		return len(ranges) == 0
	}
	for _, r := range ranges {
		if r.lo < -exact || r.hi > exact {
			return false
		}
	}
	m := t.Modulus() * float64(t.Divisor())
	return m < exact && (t.Divisor() != 1 || math.Floor(m+0.5) != 1) // everything modulo 1 is no code to look at
}

// limits returns the smallest and the largest number of an integer type.
func limits(k dc.Kind) (lo, hi float64) {
	bits := 8 * width(k)
	if k <= dc.Int64 {
		return -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1) - 1
	}
	return 0, math.Ldexp(1, bits) - 1
}

// width is the number of bytes of a packed number.
func width(k dc.Kind) int {
	switch k {
	case dc.Int8, dc.Uint8, dc.Char:
		return 1
	case dc.Int16, dc.Uint16:
		return 2
	case dc.Int32, dc.Uint32, dc.Float32:
		return 4
	}
	return 8
}
