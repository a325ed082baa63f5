package dc

import (
	"fmt"
	"slices"
	"strings"
)

// builder makes a Schema of declarations, in their order: like in Panda3D a
// name means what was declared under it before.
type builder struct {
	opt  Options
	s    *Schema
	errs *errorSink

	typedefs map[string]*Typedef
	switches map[string]*Switch
	places   map[string]pos // of all classes and switches declared so far
	later    map[string]pos // of everything the files declare
	open     []string       // the classes and switches being built, outermost first

	declared map[string]bool // by keyword statements
	order    map[string]int  // index of each of s.keywords

	inherited int // counts towards maxInherited
	total     cost
	stopped   bool
}

func newBuilder(o Options, errs *errorSink) *builder {
	return &builder{
		opt: o, errs: errs,
		s:        &Schema{byName: map[string]*Class{}},
		typedefs: map[string]*Typedef{},
		switches: map[string]*Switch{},
		places:   map[string]pos{},
		later:    map[string]pos{},
		declared: map[string]bool{},
		order:    map[string]int{},
	}
}

func (b *builder) fail(at pos, format string, args ...any) {
	if !b.stopped {
		b.errs.add(at, format, args...)
	}
}

// fatal stops the run: a bound is exceeded.
func (b *builder) fatal(at pos, format string, args ...any) {
	b.fail(at, format, args...)
	b.stopped = true
}

func (b *builder) done() bool { return b.stopped || b.errs.full() }

func (b *builder) build(decls []astDecl) {
	for _, d := range slices.Backward(decls) {
		switch {
		case d.class != nil:
			b.later[d.class.name.text] = d.class.pos
		case d.sw != nil:
			b.later[d.sw.name.text] = d.sw.pos
		case d.typedef != nil:
			b.later[d.typedef.name.text] = d.typedef.pos
		}
	}
	for _, d := range decls {
		if b.done() {
			return
		}
		switch {
		case d.imp != nil:
			for _, w := range d.imp.words {
				b.checkName(w)
			}
			b.s.imports = append(b.s.imports, d.imp.Import)
		case d.keywords != nil:
			for _, k := range d.keywords {
				b.declared[k.text] = true
				b.noteKeyword(k.text)
			}
		case d.typedef != nil:
			b.typedef(d.typedef)
		case d.class != nil:
			b.topClass(d.class)
		case d.sw != nil:
			b.topSwitch(d.sw)
		}
	}
	if len(b.errs.list) == 0 {
		b.s.hash = b.s.computeHash(b.opt)
		b.s.compile()
	}
}

// noteKeyword adds a keyword to the schema's list.
func (b *builder) noteKeyword(name string) {
	if _, ok := b.order[name]; !ok {
		b.order[name] = len(b.s.keywords)
		b.s.keywords = append(b.s.keywords, name)
	}
}

// keyword tells whether the name is a keyword of fields at this point of the
// files. It cannot name anything then.
func (b *builder) keyword(name string) bool {
	return b.declared[name] || keywordBit(name)&historical != 0
}

func (b *builder) checkName(n astName) {
	if b.keyword(n.text) {
		b.fail(n.pos, "%q is a keyword of fields and cannot be a name: expected another word", n.text)
	}
}

// keywordSet makes the set of the keywords written after a field.
func (b *builder) keywordSet(words []astName) keywordSet {
	var k keywordSet
	for _, w := range words {
		if !b.keyword(w.text) {
			b.fail(w.pos, "unknown keyword %q: expected %s, or a statement \"keyword %s\" before", w.text,
				strings.Join(keywordNames[:9], ", "), shorten(w.text))
			continue
		}
		b.noteKeyword(w.text)
		k.names = append(k.names, w.text)
		k.bits |= keywordBit(w.text)
		k.hashNames = k.hashNames || b.declared[w.text]
	}
	rank := func(name string) int {
		if i := slices.Index(keywordNames[:9], name); i >= 0 {
			return i
		}
		return len(keywordNames) + b.order[name]
	}
	slices.SortFunc(k.names, func(x, y string) int { return rank(x) - rank(y) })
	k.names = slices.Compact(k.names) // a keyword may be written twice
	return k
}

func (b *builder) typedef(a *astParam) {
	p := b.param(a)
	if p.name == "" {
		b.fail(a.pos, "a name is missing: expected one after the type of a typedef")
		return
	}
	if old := b.typedefs[p.name]; old != nil {
		if old.implicit {
			b.fail(a.pos, "%s is already used as a type: expected its typedef before its first use, or another name", p.name)
		} else {
			b.fail(a.pos, "typedef %s is already declared: expected another name", p.name)
		}
		return
	}
	t := *p.typ
	td := &Typedef{name: p.name, typ: &t}
	t.typedef, t.plan = td, nil
	t.dflt = p.dflt
	t.hasDflt = p.hasDefault
	b.addTypedef(td)
}

func (b *builder) addTypedef(td *Typedef) {
	b.typedefs[td.name] = td
	b.s.typedefs = append(b.s.typedefs, td)
}

// claim reserves the name of a class or switch.
func (b *builder) claim(n astName) bool {
	b.checkName(n)
	if at, ok := b.places[n.text]; ok {
		b.fail(n.pos, "%s is already declared at %s: expected another name", n.text, at)
		return false
	}
	b.places[n.text] = n.pos
	return true
}

func (b *builder) topClass(a *astClass) {
	c := b.class(a)
	if !b.claim(a.name) {
		return
	}
	if !c.strct {
		c.number = len(b.s.classes)
	}
	if len(b.s.classes) == maxNumbers {
		b.fatal(a.pos, "too many classes: at most %d have numbers", maxNumbers)
		return
	}
	b.s.classes = append(b.s.classes, c)
	b.s.byName[c.name] = c
	b.count(a.pos, cost{hashed: c.hashed})
}

func (b *builder) topSwitch(a *astSwitch) {
	s := b.switchDecl(a)
	if b.claim(a.name) {
		b.switches[s.name] = s
		b.s.switches = append(b.s.switches, s)
	}
}

// count adds to what the whole schema costs.
func (b *builder) count(at pos, c cost) {
	b.total.include(c)
	switch {
	case b.total.values > maxTotalValues:
		b.fatal(at, "the schema is too large: the smallest values of its fields have more than %d numbers and bytes", maxTotalValues)
	case b.total.hashed > maxHashed:
		b.fatal(at, "the schema is too large: structs within structs make its hash too long")
	}
}

// check refuses types that no message could carry.
func (b *builder) check(at pos, c cost) {
	switch {
	case c.depth > maxDepth:
		b.fatal(at, "types are nested too deeply: at most %d levels", maxDepth)
	case c.values > maxValues:
		b.fatal(at, "the type is too large: even its smallest value has more than %d numbers and bytes", maxValues)
	case c.hashed > maxHashed:
		b.fatal(at, "the type is too large: all that is inside it would make the hash too long")
	}
}

// undefined explains that a name means nothing yet; what is "a type", for
// example.
func (b *builder) undefined(n astName, what string) string {
	if slices.Contains(b.open, n.text) {
		return fmt.Sprintf("%s is still being declared and cannot contain itself: expected %s that is declared before", n.text, what)
	}
	if at, ok := b.later[n.text]; ok {
		return fmt.Sprintf("%s is declared only later, at %s: expected its declaration before its first use", n.text, at)
	}
	return fmt.Sprintf("%q is not declared: expected %s that is declared before", shorten(n.text), what)
}
