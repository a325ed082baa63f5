package dc

import "math"

// bounds is a range in packed numbers.
type bounds[T int32 | uint32 | int64 | uint64 | float64] struct{ lo, hi T }

// scale multiplies ranges by a divisor. Ranges that fall together then, or are
// turned upside down by a conversion, are dropped as in Panda3D.
func scale[T int32 | uint32 | int64 | uint64 | float64](t *Type, convert func(float64) T) []bounds[T] {
	var list []bounds[T]
next:
	for _, r := range t.ranges {
		b := bounds[T]{convert(r.Min * float64(t.divisor)), convert(r.Max * float64(t.divisor))}
		if b.hi < b.lo {
			continue
		}
		for _, o := range list {
			if b.lo <= o.hi && b.hi >= o.lo {
				continue next
			}
		}
		list = append(list, b)
	}
	return list
}

// scaledLengths is the ranges of a string or blob.
func (t *Type) scaledLengths() []bounds[uint32] {
	return scale(t, func(v float64) uint32 { return uint32(truncUint64(math.Floor(v + 0.5))) })
}

// scaledRanges returns the ranges of a simple type in packed numbers, as they
// go into the hash.
func (t *Type) scaledRanges() [][2]uint32 {
	var list [][2]uint32
	k := t.kind
	if t.old != "" {
		if k = t.elem.kind; k == Struct {
			return nil
		}
	}
	switch k {
	case Int8, Int16, Int32:
		for _, b := range scale(t, func(v float64) int32 { return int32(truncInt64(math.Floor(v + 0.5))) }) {
			list = append(list, [2]uint32{uint32(b.lo), uint32(b.hi)})
		}
	case Int64:
		for _, b := range scale(t, func(v float64) int64 { return truncInt64(math.Floor(v + 0.5)) }) {
			list = append(list, [2]uint32{uint32(b.lo), uint32(b.hi)})
		}
	case Uint64:
		for _, b := range scale(t, func(v float64) uint64 { return truncUint64(math.Floor(v + 0.5)) }) {
			list = append(list, [2]uint32{uint32(b.lo), uint32(b.hi)})
		}
	case Float64:
		for _, b := range scale(t, func(v float64) float64 { return v }) {
			list = append(list, [2]uint32{uint32(truncInt32(b.lo)), uint32(truncInt32(b.hi))})
		}
	default:
		for _, b := range t.scaledLengths() {
			list = append(list, [2]uint32{b.lo, b.hi})
		}
	}
	return list
}

// rangesFit tells whether the type can hold the numbers its ranges name.
// Panda3D does not ask for 64-bit numbers.
func (t *Type) rangesFit() bool {
	var lo, hi float64
	k := t.kind
	if t.old != "" {
		if k = t.elem.kind; k == Struct {
			return false
		}
	}
	switch k {
	case Int8, Int16, Int32:
		hi = math.Ldexp(1, 8*k.width()-1) - 1
		lo = -hi - 1
	case Uint8, Uint16, Uint32, Char:
		hi = math.Ldexp(1, 8*k.width()) - 1
	case String, Blob:
		hi = math.MaxUint16
	case Blob32:
		hi = math.MaxUint32
	default:
		return true
	}
	for _, r := range t.ranges {
		for _, v := range []float64{r.Min, r.Max} {
			if v = math.Floor(v*float64(t.divisor) + 0.5); v < lo || v > hi {
				return false
			}
		}
	}
	return true
}

// These convert like the x86-64 machine code of Panda3D, whose results for
// numbers out of reach go into the hash.

func truncInt32(v float64) int32 {
	if v > -1<<31-1 && v < 1<<31 {
		return int32(v)
	}
	return math.MinInt32
}

func truncInt64(v float64) int64 {
	if v >= -1<<63 && v < 1<<63 {
		return int64(v)
	}
	return math.MinInt64
}

func truncUint64(v float64) uint64 {
	if v < 1<<63 {
		return uint64(truncInt64(v))
	}
	return uint64(truncInt64(v-1<<63)) ^ 1<<63
}

// modulusFits tells whether the modulus is one that Panda3D allows: at most
// one more than the largest value.
func (t *Type) modulusFits() bool {
	bits := 64
	k := t.kind
	if t.old != "" {
		k = t.elem.kind
	}
	switch k {
	case Int8, Int16, Int32, Int64:
		bits = 8*k.width() - 1
	case Uint8, Uint16, Uint32:
		bits = 8 * k.width()
	}
	scaled := truncUint64(math.Floor(t.modulus*float64(t.divisor) + 0.5))
	return bits == 64 || (scaled-1)>>bits == 0
}
