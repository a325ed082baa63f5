package dc

import "slices"

// hasher sums up numbers, each multiplied by the next prime. The primes start
// again after the 10,000th. All arithmetic is modulo 2^32.
type hasher struct {
	sum    uint32
	index  int
	primes []uint32
	ranges map[*Type][][2]uint32 // of the types met so far: thousands of fields may share one with a thousand ranges
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
		for j := 2 * i; j < limit; j += i { // i * i may be too large for 32 bits
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
	h := &hasher{primes: firstPrimes(hashPrimes), ranges: map[*Type][][2]uint32{}}
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

func (h *hasher) keywords(k *keywordSet) {
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
		h.rangesOf(t)
	}
}

func (h *hasher) rangesOf(t *Type) {
	if len(t.ranges) == 0 {
		return
	}
	list, ok := h.ranges[t]
	if !ok {
		list = t.scaledRanges()
		h.ranges[t] = list
	}
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
