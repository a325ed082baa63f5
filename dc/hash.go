package dc

import (
	"math"
	"slices"
)

// hasher sums up numbers, each multiplied by the next prime. The primes start
// again after the 10,000th. All arithmetic is modulo 2^32.
type hasher struct {
	sum    uint32
	index  int
	primes []uint32
}

const hashPrimes = 10000

// firstPrimes returns the first n primes, n ≤ hashPrimes.
func firstPrimes(n int) []uint32 {
	const limit = 104730 // just above the 10,000th prime, 104,729
	primes := make([]uint32, 0, n)
	var composite [limit]bool
	for i := 2; len(primes) < n; i++ {
		if composite[i] {
			continue
		}
		primes = append(primes, uint32(i))
		for j := i * i; j < limit; j += i {
			composite[j] = true
		}
	}
	return primes
}

func (h *hasher) number(n uint32) {
	h.sum += h.primes[h.index] * n
	if h.index++; h.index == hashPrimes {
		h.index = 0
	}
}

func (h *hasher) count(n int) { h.number(uint32(n)) }

func (h *hasher) text(s string) {
	h.count(len(s))
	for i := range len(s) {
		h.number(uint32(s[i])) // names are ASCII, so the sign of a char does not matter
	}
}

func (h *hasher) bytes(b []byte) {
	h.count(len(b))
	for _, c := range b {
		h.number(uint32(c))
	}
}

func (s *Schema) computeHash(o Options) uint32 {
	h := &hasher{primes: firstPrimes(hashPrimes)}
	switch {
	case o.NoVirtualInheritance:
	case o.NoSortByFile:
		h.number(2)
	default:
		h.number(1)
	}
	h.count(len(s.classes))
	for _, c := range s.classes {
		h.class(c, o)
	}
	return h.sum
}

func (h *hasher) class(c *Class, o Options) {
	h.text(c.name)
	if c.strct {
		h.number(1)
	}
	h.count(len(c.parents))
	for _, p := range c.parents {
		h.count(p.number)
	}
	if c.constructor != nil {
		h.field(c.constructor, o)
	}
	h.count(len(c.own))
	for _, f := range c.own {
		h.field(f, o)
	}
}

// field leaves out the name and number of parameter fields.
func (h *hasher) field(f *Field, o Options) {
	if f.kind == Parameter {
		if len(f.keywords.names) > 0 {
			h.keywords(&f.keywords)
		}
		h.typ(f.params[0].typ, o)
		return
	}
	h.text(f.name)
	if !o.NoMultipleInheritance {
		h.count(f.number)
	}
	if f.kind == Molecular {
		h.count(len(f.atomics))
		for _, a := range f.atomics {
			h.field(a, o)
		}
		return
	}
	h.count(len(f.params))
	for _, p := range f.params {
		h.typ(p.typ, o)
	}
	h.keywords(&f.keywords)
}

func (h *hasher) keywords(k *KeywordSet) {
	if !k.hashNames {
		h.number(uint32(k.bits))
		return
	}
	h.count(len(k.names))
	sorted := slices.Clone(k.names)
	slices.Sort(sorted)
	for _, name := range sorted {
		h.text(name)
	}
}

func (h *hasher) typ(t *Type, o Options) {
	switch {
	case t.kind == Struct:
		h.class(t.class, o)
	case t.kind == SwitchKind:
		h.switchDecl(t.sw, o)
	case t.kind == Array && t.old == "":
		h.typ(t.elem, o)
		if len(t.ranges) > 0 {
			h.count(len(t.ranges))
			for _, r := range t.ranges {
				h.number(uint32(r.Min))
				h.number(uint32(r.Max))
			}
		}
	case t.kind == Float32:
		// Astron's hash passes over it.
	default:
		h.number(typeWords[t.word()].code)
		h.number(t.divisor)
		if t.modulus != 0 {
			h.number(uint32(truncInt32(t.modulus * float64(t.divisor))))
		}
		h.ranges(t)
	}
}

func (h *hasher) ranges(t *Type) {
	list := t.scaledRanges()
	if len(list) == 0 {
		return
	}
	h.count(len(list))
	for _, r := range list {
		h.number(r[0])
		h.number(r[1])
	}
}

func (h *hasher) switchDecl(s *Switch, o Options) {
	h.text(s.name)
	h.typ(s.key.typ, o)
	h.count(len(s.cases))
	for _, c := range s.cases {
		h.bytes(c.key)
		h.switchCase(s, c, o)
	}
	if s.dflt != nil {
		h.switchCase(s, s.dflt, o)
	}
}

// switchCase counts the key as the first field.
func (h *hasher) switchCase(s *Switch, c *SwitchCase, o Options) {
	h.count(1 + len(c.fields))
	h.typ(s.key.typ, o)
	for _, f := range c.fields {
		h.field(f, o)
	}
}

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
