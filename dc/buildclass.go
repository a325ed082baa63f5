package dc

import (
	"slices"
)

// class makes a class and all that belongs to it but a place among the
// schema's classes, which structs inside of types do not have.
func (b *builder) class(a *astClass) *Class {
	c := &Class{name: a.name.text, number: -1, strct: a.isStruct, byName: map[string]*Field{}}
	c.hashed = satAdd(4, len(c.name))
	if c.name != "" {
		b.checkName(a.name)
	}
	b.open = append(b.open, c.name)
	defer func() { b.open = b.open[:len(b.open)-1] }()

	unsure := b.parents(c, a)
	for _, p := range c.parents {
		b.countInherited(a.pos, len(p.fields)+len(p.byNumber))
	}
	if b.stopped {
		return c
	}
	for _, p := range slices.Backward(c.parents) {
		for name, f := range p.byName {
			c.byName[name] = f // of the first parent that has it
		}
	}
	own := map[string]bool{}
	for _, af := range a.fields {
		if b.done() {
			return c
		}
		f := b.field(c, af, unsure)
		b.addField(c, af, f, own)
	}
	if b.done() {
		return c
	}
	b.inherit(c)
	for _, f := range c.fields {
		if f.kind != Molecular && f.Has(Required) {
			c.required = append(c.required, f)
		}
	}
	c.elems = c.fields
	if c.constructor != nil || slices.ContainsFunc(c.fields, func(f *Field) bool { return f.kind == Molecular }) {
		c.elems = nil
		if c.constructor != nil {
			c.elems = append(c.elems, c.constructor)
		}
		for _, f := range c.fields {
			if f.kind != Molecular {
				c.elems = append(c.elems, f)
			}
		}
	}
	for _, f := range c.elems {
		c.values = satAdd(c.values, f.values)
		c.depth = max(c.depth, f.depth)
	}
	return c
}

// parents resolves the names of a class's parents. It tells whether some of
// them failed, so that unknown fields are no errors of their own.
func (b *builder) parents(c *Class, a *astClass) (unsure bool) {
	for i, n := range a.parents {
		b.checkName(n)
		p := b.s.byName[n.text]
		word := "a dclass"
		if c.strct {
			word = "a struct"
		}
		switch {
		case p == nil:
			b.fail(n.pos, "%s", b.undefined(n, word))
		case p.strct != c.strct:
			b.fail(n.pos, "%s cannot inherit from %s: expected %s", c, p, word)
		case i > 0 && !c.strct && b.opt.NoMultipleInheritance:
			b.fail(n.pos, "more than one parent: expected one only, since multiple inheritance is switched off")
		default:
			c.parents = append(c.parents, p)
			c.hashed = satAdd(c.hashed, 1)
			continue
		}
		unsure = true
	}
	return unsure
}

// addField puts a field into its class and gives it a number.
func (b *builder) addField(c *Class, af *astField, f *Field, own map[string]bool) {
	c.hashed = satAdd(c.hashed, f.hashed)
	if f.name != "" {
		if own[f.name] {
			b.fail(af.name.pos, "%s has a field %s already: expected another name", c, f.name)
			return
		}
		own[f.name] = true
		if f.name == c.name {
			switch {
			case !c.strct:
				b.fail(af.name.pos, "a dclass has no constructor: expected a name for the field other than that of the dclass")
			case f.kind != Atomic:
				b.fail(af.name.pos, "only a method can have the name of its struct: expected another name")
			default:
				c.constructor = f
				c.byName[f.name] = f
			}
			return
		}
		c.byName[f.name] = f
	}
	if !c.strct || !b.opt.NoVirtualInheritance && !b.opt.NoSortByFile {
		if b.opt.NoMultipleInheritance {
			f.number = len(c.own)
			for _, p := range c.parents {
				f.number += len(p.fields)
			}
		} else {
			f.number = len(b.s.fields)
			b.s.fields = append(b.s.fields, f)
		}
		if f.number >= maxNumbers {
			b.fatal(af.pos, "too many fields: at most %d have numbers", maxNumbers)
			return
		}
	}
	c.own = append(c.own, f)
	b.count(af.pos, cost{values: f.values})
}

func (b *builder) countInherited(at pos, n int) {
	if b.inherited = satAdd(b.inherited, n); b.inherited > maxInherited {
		b.fatal(at, "too many inherited fields: at most about %d in all classes together", maxInherited/3)
	}
}

// inherit makes the list of own and inherited fields, and the table of their
// numbers.
func (b *builder) inherit(c *Class) {
	if b.opt.NoMultipleInheritance || b.opt.NoVirtualInheritance {
		for _, p := range c.parents {
			c.fields = append(c.fields, p.fields...)
		}
		c.fields = append(c.fields, c.own...)
	} else {
		b.inheritVirtually(c)
	}

	byNumber := map[int]*Field{}
	var all []*Field
	add := func(f *Field) {
		if f != nil && f.number >= 0 && byNumber[f.number] == nil {
			byNumber[f.number] = f
			all = append(all, f)
		}
	}
	for _, f := range c.own {
		add(f)
	}
	for _, p := range c.parents {
		for _, f := range p.byNumber {
			add(f)
		}
	}
	c.byNumber = newFieldTable(all)
}

// inheritVirtually lists each name once: an own field replaces inherited ones,
// and an earlier parent's field those of later parents.
func (b *builder) inheritVirtually(c *Class) {
	seen := map[string]bool{}
	for _, f := range c.own {
		if f.name != "" {
			seen[f.name] = true
		}
	}
	for _, p := range c.parents {
		for _, f := range p.fields {
			switch {
			case f.name == "":
				// Panda3D loses these when it sorts.
				if b.opt.NoSortByFile {
					c.fields = append(c.fields, f)
				}
			case !seen[f.name]:
				seen[f.name] = true
				c.fields = append(c.fields, f)
			}
		}
	}
	c.fields = append(c.fields, c.own...)
	if !b.opt.NoSortByFile {
		slices.SortStableFunc(c.fields, func(x, y *Field) int { return x.number - y.number })
	}
}

// field makes a field of c. It always returns one, so that its name is known.
func (b *builder) field(c *Class, a *astField, unsure bool) *Field {
	f := &Field{name: a.name.text, number: -1, kind: a.kind, class: c}
	if a.kind != Parameter {
		b.checkName(a.name) // param checks the names of the others
	}
	switch a.kind {
	case Atomic:
		for _, ap := range a.params {
			f.params = append(f.params, b.param(ap))
		}
	case Parameter:
		p := b.param(a.params[0])
		f.name, f.params = p.name, []*Param{p}
		if a.name.text == "" && !c.strct {
			b.fail(a.pos, "a name is missing: expected one after the type of a field")
		}
	case Molecular:
		b.atomics(c, f, a, unsure)
	}
	switch {
	case len(a.keywords) == 0:
	case a.kind == Molecular:
		b.fail(a.keywords[0].pos, "a molecular field has the keywords of its atomic fields: expected \";\"")
	case c.strct:
		b.fail(a.keywords[0].pos, "fields of a struct have no keywords: expected \";\"")
	default:
		f.keywords = b.keywordSet(a.keywords)
	}
	if a.kind != Molecular {
		f.cost = cost{hashed: 2 + len(f.name)}
		for _, p := range f.params {
			f.include(p.typ.cost)
		}
		for _, name := range f.keywords.names {
			f.hashed = satAdd(f.hashed, 1+len(name))
		}
		f.depth++
	}
	b.check(a.pos, f.cost)
	return f
}

// atomics resolves the parts of a molecular field.
func (b *builder) atomics(c *Class, f *Field, a *astField, unsure bool) {
	f.hashed = 3 + len(f.name)
	for _, n := range a.atoms {
		b.checkName(n)
		atom := c.byName[n.text]
		switch {
		case atom == nil && unsure:
			continue
		case atom == nil:
			b.fail(n.pos, "%s has no field %q: expected the name of an atomic field declared before", c, n.text)
			continue
		case atom.kind != Atomic:
			b.fail(n.pos, "%s is no atomic field: expected the name of an atomic field", n.text)
			continue
		}
		if len(f.atomics) == 0 {
			f.keywords = atom.keywords
		} else if !f.keywords.equal(&atom.keywords) {
			b.fail(n.pos, "the keywords of %s (%s) differ from those of %s (%s): expected the same for all fields of a molecular one",
				f.atomics[0].name, &f.keywords, atom.name, &atom.keywords)
		}
		f.atomics = append(f.atomics, atom)
		f.params = append(f.params, atom.params...)
		f.include(atom.cost)
		if b.check(n.pos, f.cost); b.stopped {
			return
		}
	}
}
