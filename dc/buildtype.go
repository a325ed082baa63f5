package dc

import "errors"

// param makes a parameter. It always returns one.
func (b *builder) param(a *astParam) *Param {
	before := len(b.errs.list)
	p := &Param{}
	p.typ, p.name = b.typ(&a.typ)
	if a.name.text != "" {
		b.checkName(a.name)
		p.name = a.name.text
	}
	for _, m := range a.mods {
		if b.stopped {
			break
		}
		if m.op == '[' {
			p.typ = b.array(p.typ, m)
			continue
		}
		if p.typ.typedef != nil || !p.typ.simple() {
			b.fail(m.pos, "a divisor or modulus cannot be added to %s: expected a built-in number", describeType(p.typ))
			continue
		}
		b.mod(p.typ, m)
	}
	p.dflt, p.hasDefault = p.typ.dflt, p.typ.hasDflt
	if b.check(a.pos, p.typ.cost); a.dflt != nil && !b.stopped {
		if n := a.dflt.name; n != "" && n != p.name {
			b.fail(a.dflt.pos, "the default is for %q: expected %q before \"=\", or only a value", n, p.name)
		}
		// What was not understood must not lead to more errors.
		if n := len(b.errs.list); n > before || n > 0 && (p.typ.typedef != nil || !p.typ.simple()) {
			return p
		}
		b.pack(a.dflt, p.typ, func(data []byte) { p.dflt, p.hasDefault = data, true })
	}
	return p
}

// pack makes bytes of a written value and hands them to use.
func (b *builder) pack(lit *literal, t *Type, use func([]byte)) {
	data, err := packLiteral([]byte{}, t, lit)
	var at *literalError
	switch {
	case err == nil:
		b.count(lit.pos, cost{values: len(data)})
		use(data)
	case errors.As(err, &at):
		b.fail(at.lit.pos, "%s", at.message)
	default:
		b.fail(lit.pos, "the value does not fit its type: %v", err)
	}
}

func describeType(t *Type) string {
	switch {
	case t.typedef != nil:
		return "the type " + t.typedef.name
	case t.kind == Array:
		return "an array"
	case t.kind == Struct:
		return "a struct"
	}
	return "a switch"
}

// typ makes a type, and the name that an inline struct or switch lends to its
// parameter.
func (b *builder) typ(a *astType) (t *Type, name string) {
	switch {
	case a.class != nil:
		c := b.class(a.class)
		t, name = newClassType(c), c.name
	case a.sw != nil:
		s := b.switchDecl(a.sw)
		t, name = newSwitchType(s), s.name
	case a.word != "":
		t = newSimpleType(typeWords[a.word], a.word)
	default:
		t = b.named(a)
	}
	if len(a.mods) > 0 && t.simple() && t.typedef == nil {
		for _, m := range a.mods {
			b.mod(t, m)
			if m.op == '/' && t.modulus != 0 && !t.modulusFits() {
				b.fail(m.pos, "the modulus %v × %d does not fit into %s: expected a smaller divisor", t.modulus, t.divisor, t.word())
			}
		}
	} else if len(a.mods) > 0 {
		b.fail(a.mods[0].pos, "a range, divisor or modulus cannot be added to %s: expected a built-in number", describeType(t))
	}
	for _, m := range a.arrays {
		if t = b.array(t, m); b.stopped {
			break
		}
	}
	return t, name
}

// named resolves the name of a typedef, class or switch. Using a class or
// switch as a type makes an implicit typedef, as in Panda3D.
func (b *builder) named(a *astType) *Type {
	n := a.name
	b.checkName(n)
	if td := b.typedefs[n.text]; td != nil {
		return td.typ
	}
	td := &Typedef{name: n.text, implicit: true}
	if c := b.s.byName[n.text]; c != nil {
		td.typ = newClassType(c)
	} else if s := b.switches[n.text]; s != nil {
		td.typ = newSwitchType(s)
	} else if n.text == float32Word {
		return newSimpleType(typeWord{kind: Float32}, "")
	} else {
		if !b.keyword(n.text) {
			b.fail(n.pos, "%s", b.undefined(n, "a type"))
		}
		return newSimpleType(typeWords["blob"], "blob") // to go on with
	}
	td.typ.typedef = td
	b.addTypedef(td)
	return td.typ
}

func newSimpleType(w typeWord, word string) *Type {
	t := &Type{kind: w.kind, divisor: 1, fixed: -1}
	t.cost = cost{values: 1, hashed: 2, depth: 1}
	if w.kind == Array {
		t.old = word
		t.prefix = 2
		if w.elem != "" {
			t.elem = newSimpleType(typeWords[w.elem], w.elem)
		} else {
			t.elem = newPairType()
		}
		t.depth += t.elem.depth
		return t
	}
	t.setSize()
	return t
}

// newPairType makes the elements of uint32uint8array.
func newPairType() *Type {
	c := &Class{number: -1, strct: true}
	for _, word := range []string{"uint32", "uint8"} {
		p := &Param{typ: newSimpleType(typeWords[word], word)}
		c.fields = append(c.fields, &Field{number: -1, kind: Parameter, class: c, params: []*Param{p}})
	}
	c.own, c.elems = c.fields, c.fields
	c.cost = cost{values: 2, depth: 1}
	return newClassType(c)
}

// width returns the packed bytes of a numeric kind or Char, 0 for others.
func (k Kind) width() int {
	switch k {
	case Int8, Uint8, Char:
		return 1
	case Int16, Uint16:
		return 2
	case Int32, Uint32, Float32:
		return 4
	case Int64, Uint64, Float64:
		return 8
	}
	return 0
}

// setSize follows from the kind and the ranges of a simple type.
func (t *Type) setSize() {
	t.values = 1
	switch t.kind {
	case Array: // a deprecated one
		if len(t.ranges) > 0 {
			// The ranges do not count elements, but Panda3D takes them for
			// that where it makes up a default.
			t.values = satAdd(1, satMul(clampCount(t.ranges[0].Min), t.elem.values))
		}
		return
	case String, Blob, Blob32:
		t.prefix, t.fixed = 2, -1
		if t.kind == Blob32 {
			t.prefix = 4
		}
		if r := t.scaledLengths(); len(r) > 0 {
			least := int(min(r[0].lo, saturated))
			t.values = satAdd(1, least)
			if len(r) == 1 && r[0].lo == r[0].hi {
				t.prefix, t.fixed = 0, least
			}
		}
	default:
		t.fixed = t.kind.width()
	}
	t.fixedPanda = t.fixed >= 0
}

func clampCount(v float64) int { return int(min(max(v, 0), saturated)) }

func newClassType(c *Class) *Type {
	t := &Type{kind: Struct, divisor: 1, class: c, fixedPanda: true}
	for _, f := range c.elems {
		for _, p := range f.params {
			if p.typ.fixed < 0 || t.fixed < 0 {
				t.fixed = -1
			} else {
				t.fixed += p.typ.fixed
			}
			t.fixedPanda = t.fixedPanda && p.typ.fixedPanda
			t.hasDflt = t.hasDflt || p.hasDefault
		}
	}
	t.cost = c.cost
	t.depth++
	return t
}

func newSwitchType(s *Switch) *Type {
	t := &Type{kind: SwitchKind, divisor: 1, sw: s, fixed: -1, hasDflt: s.key.hasDefault}
	t.cost = s.cost
	t.depth++
	first := true
	all := s.cases
	if s.dflt != nil {
		all = append(all[:len(all):len(all)], s.dflt)
	}
	// Panda3D compares with the size of the first case, and with 0 without one.
	t.fixedPanda = s.key.typ.fixedPanda && (len(s.cases) > 0 || s.dflt == nil)
	for _, c := range all {
		size, panda := s.key.typ.fixed, true
		for _, f := range c.fields {
			p := f.params[0]
			if size >= 0 && p.typ.fixed >= 0 {
				size += p.typ.fixed
			} else {
				size = -1
			}
			panda = panda && p.typ.fixedPanda
			t.hasDflt = t.hasDflt || p.hasDefault
		}
		if first {
			t.fixed = size
		} else if t.fixed != size {
			t.fixed = -1
		}
		t.fixedPanda = t.fixedPanda && panda && t.fixed == size
		first = false
	}
	return t
}

// mod applies a range, divisor or modulus to a built-in type.
func (b *builder) mod(t *Type, m astMod) {
	switch m.op {
	case '(':
		t.ranges = nil
		for _, r := range m.ranges {
			t.ranges = append(t.ranges, Range{r.min, r.max})
		}
		if !t.rangesFit() {
			b.fail(m.pos, "the range does not fit the type: expected numbers that %s can hold", t.word())
		}
		t.setSize()
	case '/':
		switch {
		case !t.numeric():
			b.fail(m.pos, "%s has no divisor: expected a type of numbers before \"/\"", t.word())
		case m.num == 0:
			b.fail(m.pos, "the divisor is 0: expected a number from 1 to 4294967295")
		default:
			t.divisor = uint32(m.num)
		}
	case '%':
		t.modulus = m.num
		switch {
		case !t.numeric() || t.old == "uint32uint8array":
			b.fail(m.pos, "%s has no modulus: expected a type of numbers before \"%%\"", t.word())
		case !(m.num > 0):
			b.fail(m.pos, "the modulus is not above 0: expected a positive number")
		case !t.modulusFits():
			b.fail(m.pos, "the modulus %v × %d does not fit into %s: expected a smaller number", m.num, t.divisor, t.word())
		}
	}
	t.hashed = 3 + 2*len(t.ranges) + 1
	b.check(m.pos, t.cost)
}

// array makes "t[…]" as Panda3D does.
func (b *builder) array(t *Type, m astMod) *Type {
	var ranges []Range
	for _, r := range m.ranges {
		ranges = append(ranges, Range{r.min, r.max})
	}
	t = appendArray(t, ranges)
	b.check(m.pos, t.cost)
	return t
}

// appendArray makes an array of t, or if t is one and has no name, applies the
// brackets to its elements: x[2][3] is two times three values.
//
// Panda3D decides whether an array has a length in front when it sees the
// array's own brackets, by the elements' type at that moment. Brackets that
// follow do not change that any more: x[2][] has no length in front although
// its elements vary in size, x[2] of strings has one. prefix and fixedPanda
// follow this, fixed tells the truth.
func appendArray(t *Type, ranges []Range) *Type {
	a := &Type{kind: Array, divisor: 1, elem: t, ranges: ranges, prefix: 2}
	if t.kind == Array && t.old == "" && t.typedef == nil {
		*a = *t
		a.elem = appendArray(t.elem, ranges)
	} else if len(ranges) == 1 && ranges[0].Min == ranges[0].Max && t.fixedPanda {
		a.prefix, a.fixedPanda = 0, true
	}
	count := 0
	if len(a.ranges) > 0 {
		count = clampCount(a.ranges[0].Min)
	}
	a.fixed = -1
	if a.prefix == 0 && a.elem.fixed >= 0 {
		a.fixed = satMul(count, a.elem.fixed)
	}
	a.hasDflt = a.elem.hasDflt
	a.values = satAdd(1, satMul(count, max(a.elem.values, 1)))
	a.hashed = satAdd(a.elem.hashed, 1+2*len(a.ranges))
	a.depth = a.elem.depth + 1
	return a
}

// switchDecl makes a switch. A case falls through to the next one: until a
// break a field belongs to all cases above it.
func (b *builder) switchDecl(a *astSwitch) *Switch {
	if a.name.text != "" {
		b.checkName(a.name)
	}
	b.open = append(b.open, a.name.text)
	defer func() { b.open = b.open[:len(b.open)-1] }()

	s := &Switch{name: a.name.text, key: b.param(a.key)}
	s.cost = s.key.typ.cost
	s.hashed = satAdd(s.hashed, 2+len(s.name))
	keys := map[string]bool{}
	// Since the last break: the cases, to which the next field belongs, and the
	// names in the first of them, which has all that the others have.
	var current []*SwitchCase
	taken := map[string]bool{}
	started := false
	for _, item := range a.items {
		if b.done() {
			break
		}
		switch {
		case item.brk:
			current, started = nil, false
			clear(taken)
		case item.dflt:
			c := &SwitchCase{}
			current, started = append(current, c), true
			if s.dflt != nil {
				b.fail(item.pos, "the switch has a default already: expected only one")
			}
			s.dflt = c
		case item.value != nil:
			started = true
			if n := item.value.name; n != "" && n != s.key.name {
				b.fail(item.value.pos, "the value is for %q: expected %q before \"=\", or only a value", n, s.key.name)
			}
			b.pack(item.value, s.key.typ, func(key []byte) {
				if keys[string(key)] {
					b.fail(item.value.pos, "the switch has this case already: expected another value")
					return
				}
				keys[string(key)] = true
				c := &SwitchCase{key: key}
				s.cases = append(s.cases, c)
				current = append(current, c)
			})
		case !started:
			b.fail(item.pos, "the field belongs to no case: expected case or default before it")
		default:
			b.switchField(s, current, taken, item.field)
		}
	}
	b.switchCost(s, a)
	return s
}

func (b *builder) switchField(s *Switch, current []*SwitchCase, taken map[string]bool, a *astParam) {
	p := b.param(a)
	f := &Field{name: p.name, number: -1, kind: Parameter, params: []*Param{p}, cost: p.typ.cost}
	f.depth++
	if f.name != "" && (taken[f.name] || f.name == s.key.name) {
		b.fail(a.pos, "the case has a field %s already: expected another name", f.name)
		return
	}
	taken[f.name] = true
	b.count(a.pos, cost{hashed: satMul(f.hashed, len(current))})
	if b.stopped {
		return
	}
	for _, c := range current {
		c.fields = append(c.fields, f)
	}
}

// switchCost takes the costliest case for the cost of a value.
func (b *builder) switchCost(s *Switch, a *astSwitch) {
	most, key := 0, s.key.typ.cost
	add := func(c *SwitchCase) {
		values := 0
		s.hashed = satAdd(s.hashed, satAdd(2+len(c.key), key.hashed))
		for _, f := range c.fields {
			values = satAdd(values, f.values)
			s.hashed = satAdd(s.hashed, f.hashed)
			s.depth = max(s.depth, f.depth)
		}
		most = max(most, values)
	}
	for _, c := range s.cases {
		add(c)
	}
	if s.dflt != nil {
		add(s.dflt)
	}
	s.values = satAdd(s.values, most)
	s.hashed = satAdd(s.hashed, 1)
	b.check(a.pos, s.cost)
}
