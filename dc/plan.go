package dc

import "math"

// A plan is a type compiled for reading and writing: where the bytes are, which
// values are allowed, and how a Go value or a text becomes bytes. Plans are
// made once, when the schema is built, never change, and are shared by all
// parameters of a type.
type plan struct {
	kind Kind

	// size is the number of packed bytes when all values have as many, else -1.
	size int
	// checked says that a value of the right length may still be refused: it
	// has ranges, counts or a switch key. A plan with a size and without
	// checks is verified by comparing lengths.
	checked bool
	// leaves says what may be inside, or that it is one itself.
	leaves leaves
	// nested is how many values there are inside, at least; it saturates. It
	// says something of those that have no bytes.
	nested int

	// Numbers and chars. width is their number of bytes; packed = value ×
	// divisor; modulus is scaled by the divisor, 0 without one.
	width   int
	divisor uint32
	modulus float64
	ints    []bounds[int64] // allowed packed values; all when empty
	uints   []bounds[uint64]
	floats  []bounds[float64]

	// Strings, blobs and arrays. prefix is the number of bytes of the length
	// in front, 0 if there is none since the count is fixed; counts are the
	// allowed numbers of bytes or elements, all when empty.
	prefix int
	counts []bounds[uint64]

	implied int // the number of bytes or elements in the implicit default; the fixed count

	elem     *plan // Array
	oldArray bool  // Array: a deprecated one such as uint32array

	parts []part // Struct and kindFields

	key   part                 // SwitchKind
	cases map[string]*casePlan // SwitchKind: by packed key
	first *casePlan            // SwitchKind: the first case, or nil
	other *casePlan            // SwitchKind: the default case, or nil

	dflt       []byte // packed, when the file gives the type a default; else nil
	hasDefault bool   // the file gives a default for the type or anything in it
}

// kindFields is the kind of the plan of a method: its parameters in order.
const kindFields Kind = 0xff

// part is a value inside another one: a parameter of a method, an element of a
// struct or of a switch.
type part struct {
	name string // may be empty
	plan *plan
	dflt []byte // packed, when the file gives one for just this value; else nil

	hasDefault bool // the file gives a default for the value or anything in it
}

// casePlan is what follows the key of a switch.
type casePlan struct {
	key   []byte // packed
	parts []part
}

// within says whether v lies in one of the ranges; none allow everything.
// NaN lies in none.
func within[T int64 | uint64 | float64](list []bounds[T], v T) bool {
	for _, s := range list {
		if s.lo <= v && v <= s.hi {
			return true
		}
	}
	return len(list) == 0
}

// one returns the only allowed value, if there is only one.
func one[T int64 | uint64 | float64](list []bounds[T]) (T, bool) {
	if len(list) == 1 && list[0].lo == list[0].hi {
		return list[0].lo, true
	}
	var zero T
	return zero, false
}

// addSize adds sizes, which are -1 when they vary. They saturate: no message is
// as long as that, so nothing as long can ever be read.
func addSize(a, b int) int {
	if a < 0 || b < 0 {
		return -1
	}
	return satAdd(a, b)
}

func mulSize(size int, n uint64) int { return satMul(size, int(min(n, saturated))) }

// compile makes the plans of everything in a schema that is otherwise complete.
func (s *Schema) compile() {
	for _, c := range s.classes {
		c.compile()
	}
	for _, t := range s.typedefs {
		t.typ.compile()
	}
	for _, w := range s.switches {
		w.newPlan()
	}
}

func (c *Class) compile() {
	for _, f := range c.own {
		f.compile()
	}
	if c.constructor != nil {
		c.constructor.compile()
	}
}

// compile makes the field's plan, and those of everything in it.
func (f *Field) compile() *plan {
	if f.plan == nil {
		if f.kind == Parameter {
			f.plan = f.params[0].typ.compile()
		} else {
			parts := make([]part, len(f.params))
			for i, p := range f.params {
				parts[i] = p.compile()
			}
			f.plan = newSequence(kindFields, parts)
		}
	}
	return f.plan
}

// compilePart makes the field a part of a struct or of a switch.
func (f *Field) compilePart() part {
	p := f.compile()
	if f.kind == Parameter {
		return f.params[0].compile()
	}
	return part{name: f.name, plan: p, hasDefault: p.hasDefault}
}

func (p *Param) compile() part {
	q := part{name: p.name, plan: p.typ.compile(), dflt: p.dflt}
	q.hasDefault = q.dflt != nil || q.plan.hasDefault
	return q
}

func newSequence(kind Kind, parts []part) *plan {
	p := &plan{kind: kind, parts: parts, hasDefault: haveDefault(parts)}
	p.size, p.checked = layout(parts)
	p.nested = nested(parts)
	p.leaves = leavesOf(parts)
	return p
}

func haveDefault(parts []part) bool {
	for _, q := range parts {
		if q.hasDefault {
			return true
		}
	}
	return false
}

func leavesOf(parts []part) leaves {
	var all leaves
	for _, q := range parts {
		all |= q.plan.leaves
	}
	return all
}

func nested(parts []part) int {
	n := len(parts)
	for _, q := range parts {
		n = addSize(n, q.plan.nested)
	}
	return n
}

func layout(parts []part) (size int, checked bool) {
	for _, q := range parts {
		size = addSize(size, q.plan.size)
		checked = checked || q.plan.checked
	}
	return size, checked
}

// compile makes the type's plan. It is cheap to call again, but a type must not
// change after the first call.
func (t *Type) compile() *plan {
	if t.plan == nil {
		t.plan = t.newPlan()
		if t.dflt != nil {
			t.plan.dflt, t.plan.hasDefault = t.dflt, true
		}
	}
	return t.plan
}

func (t *Type) newPlan() *plan {
	switch t.kind {
	case Array:
		return t.newArray()
	case Struct:
		t.class.compile() // nobody else knows a class inside of a type
		var parts []part
		for _, f := range t.class.elems {
			parts = append(parts, f.compilePart())
		}
		return newSequence(Struct, parts)
	case SwitchKind:
		return t.sw.newPlan()
	case String, Blob, Blob32:
		return t.newBytes()
	}
	return t.newNumber()
}

func (t *Type) newNumber() *plan {
	p := &plan{kind: t.kind, width: t.kind.width(), divisor: max(t.divisor, 1), checked: len(t.ranges) > 0}
	p.size = p.width
	if p.isFloat() {
		p.leaves = floatLeaves
	}
	p.modulus = t.modulus * float64(p.divisor)
	switch {
	case p.kind == Float32:
		p.floats = scale(t, func(v float64) float64 { return float64(float32(v)) })
	case p.kind == Float64:
		p.floats = scale(t, func(v float64) float64 { return v })
	case p.isSigned():
		p.ints = scale(t, func(v float64) int64 { return saturateInt(math.Floor(v + 0.5)) })
	default:
		p.uints = scaleCounts(t)
	}
	return p
}

func scaleCounts(t *Type) []bounds[uint64] {
	return scale(t, func(v float64) uint64 { return saturateUint(math.Floor(v + 0.5)) })
}

func (t *Type) newBytes() *plan {
	p := &plan{kind: t.kind, size: -1, prefix: 2, counts: scaleCounts(t), checked: len(t.ranges) > 0}
	if t.kind == Blob32 {
		p.prefix = 4
	}
	if t.kind == String {
		p.leaves = stringLeaves
	}
	if n, ok := one(p.counts); ok {
		p.prefix, p.size, p.checked = 0, mulSize(1, n), false
	}
	p.implied = shortest(p.counts)
	return p
}

func (t *Type) newArray() *plan {
	p := &plan{kind: Array, size: -1, prefix: t.prefix, checked: true, elem: t.elem.compile()}
	p.hasDefault = p.elem.hasDefault
	p.leaves = p.elem.leaves
	if t.old != "" {
		// The ranges of a deprecated array say nothing about its length or its
		// elements; only the implicit default looks at them.
		p.oldArray = true
		if p.elem.kind != Struct && !p.elem.isSigned() {
			p.implied = min(shortest(scaleCounts(t)), maxLength16/p.elem.size)
		}
		return p
	}
	p.counts = scaleCounts(t)
	p.implied = shortest(p.counts)
	p.nested = mulSize(addSize(1, p.elem.nested), uint64(p.implied))
	if p.prefix == 0 && p.elem.size >= 0 {
		p.size, p.checked = mulSize(p.elem.size, uint64(p.implied)), p.elem.checked
	}
	return p
}

// shortest returns the length of an implicit default: the first one allowed,
// which need not be the smallest.
func shortest(counts []bounds[uint64]) int {
	if len(counts) == 0 {
		return 0
	}
	return int(min(counts[0].lo, saturated))
}

func (s *Switch) newPlan() *plan {
	p := &plan{kind: SwitchKind, key: s.key.compile(), cases: make(map[string]*casePlan, len(s.cases)), checked: true}
	p.size = -1
	p.hasDefault = p.key.hasDefault
	p.leaves = p.key.plan.leaves
	sizes := func(c *casePlan) {
		p.hasDefault = p.hasDefault || haveDefault(c.parts)
		p.leaves |= leavesOf(c.parts)
		n, _ := layout(c.parts)
		p.nested = max(p.nested, addSize(1, nested(c.parts)))
		if n = addSize(n, p.key.plan.size); p.first == nil && p.other == nil {
			p.size = n
		} else if n != p.size {
			p.size = -1
		}
	}
	for _, c := range s.cases {
		cp := compileCase(c)
		sizes(cp)
		p.cases[string(c.key)] = cp
		if p.first == nil {
			p.first = cp
		}
	}
	if s.dflt != nil {
		cp := compileCase(s.dflt)
		sizes(cp)
		p.other = cp
	}
	return p
}

func compileCase(c *SwitchCase) *casePlan {
	cp := &casePlan{key: c.key}
	for _, f := range c.fields {
		cp.parts = append(cp.parts, f.compilePart())
	}
	return cp
}

// choose returns what follows a packed key, or nil when the switch does not
// know it.
func (p *plan) choose(key []byte) *casePlan {
	if c := p.cases[string(key)]; c != nil {
		return c
	}
	return p.other
}

// hollow says that the value has no bytes but so much inside that texts leave it
// out: a few lines of structs that contain each other twice make billions of
// empty structs.
func (p *plan) hollow() bool { return p.size == 0 && p.nested > 100 }

func (p *plan) isFloat() bool { return p.kind == Float32 || p.kind == Float64 }

func (p *plan) isSigned() bool { return p.kind <= Int64 }

// isNumber includes chars.
func (p *plan) isNumber() bool { return p.kind <= Char }

func (p *plan) isBytes() bool { return p.kind == String || p.kind == Blob || p.kind == Blob32 }

// isText says that the value is a string in text and in Go: a char, a string,
// or an array of chars.
func (p *plan) isText() bool {
	return p.kind == Char || p.kind == String || p.kind == Array && p.elem.kind == Char
}

// saturateInt converts, giving the nearest integer to what is out of reach.
func saturateInt(v float64) int64 {
	switch {
	case v >= math.MaxInt64:
		return math.MaxInt64
	case v <= math.MinInt64:
		return math.MinInt64
	}
	return int64(v)
}

func saturateUint(v float64) uint64 {
	switch {
	case v >= math.MaxUint64:
		return math.MaxUint64
	case v <= 0:
		return 0
	}
	return uint64(v)
}
