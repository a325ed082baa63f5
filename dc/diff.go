package dc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Difference is what changed from one schema to another.
type Difference struct {
	OldHash, NewHash uint32
	Changes          []Change // classes in order of declaration, removed ones first
}

// ChangeKind tells changes apart.
type ChangeKind string

const (
	Added   ChangeKind = "added"   // a class or field
	Removed ChangeKind = "removed" // a class or field
	Moved   ChangeKind = "moved"   // the number of a class or field
	Changed ChangeKind = "changed" // What says what of it
)

// Change is one change.
type Change struct {
	Kind  ChangeKind
	Class string
	Field string // empty for a change of the class itself
	// What says what is different. For Moved: "number". For Changed, of a
	// class: "kind", "parents" or "fields in generates"; of a field: "kind",
	// "keywords", "types", "allowed values", "declaration" (names and
	// moduli) or "default".
	What string
	Old  string // before, empty for Added
	New  string // after, empty for Removed
	// Breaks says that a client with the old schema would misunderstand a
	// server with the new one, or be misunderstood.
	Breaks bool
}

// Diff says what changed from one schema to another. Classes and fields are
// the same when their names are: a renamed one was removed and added.
func Diff(before, after *Schema) *Difference {
	d := &differ{diff: &Difference{OldHash: before.hash, NewHash: after.hash}, same: map[[2]*plan]sameness{}}
	for _, c := range before.classes {
		if after.byName[c.name] == nil {
			d.add(Change{Kind: Removed, Class: c.name, Old: c.String(), Breaks: !c.strct})
		}
	}
	for _, c := range after.classes {
		if o := before.byName[c.name]; o != nil {
			d.class(o, c)
		} else {
			d.add(Change{Kind: Added, Class: c.name, New: c.String()})
		}
	}
	return d.diff
}

// SameHash says whether the hashes are equal, which stock clients of Astron
// require. Panda3D's LAN clients don't compare them.
func (d *Difference) SameHash() bool { return d.OldHash == d.NewHash }

// OldClientsFit says whether a client with the old schema can talk to a server
// with the new one where hashes are not compared: all classes and fields it
// knows still have their numbers, their types on the wire and their allowed
// values, and generates of its classes carry the same fields. It must not be
// sent objects of classes, or updates of fields, that it does not know.
func (d *Difference) OldClientsFit() bool {
	return !slices.ContainsFunc(d.Changes, func(c Change) bool { return c.Breaks })
}

// String is the report for a person: one line for each change, with "!" in
// front of those that old clients don't survive, and a summary.
func (d *Difference) String() string {
	var b strings.Builder
	breaks := 0
	line := func(breaking bool, format string, args ...any) {
		mark := ' '
		if breaking {
			mark = '!'
			breaks++
		}
		fmt.Fprintf(&b, "%c %s\n", mark, fmt.Sprintf(format, args...))
	}
	var moves []Change
	for _, c := range d.Changes {
		if c.Kind == Moved {
			moves = append(moves, c)
		} else {
			line(c.Breaks, "%s", c)
		}
	}
	for len(moves) > 0 {
		// A new field pushes all that follow it.
		n := 1
		for n < len(moves) && moves[n].shift() == moves[0].shift() && moves[n].Breaks == moves[0].Breaks &&
			(moves[n].Field == "") == (moves[0].Field == "") {
			n++
		}
		if n <= 3 {
			line(moves[0].Breaks, "%s", moves[0])
			moves = moves[1:]
			continue
		}
		first, last := moves[0], moves[n-1]
		line(first.Breaks, "%d numbers moved by %+d: from %s, now %s, to %s, now %s", n, first.shift(), first.subject(), first.New, last.subject(), last.New)
		moves = moves[n:]
	}
	switch {
	case !d.SameHash():
		fmt.Fprintf(&b, "The hash changed from 0x%08x to 0x%08x: servers that compare it refuse old clients.\n", d.OldHash, d.NewHash)
	case len(d.Changes) == 0:
		fmt.Fprintf(&b, "Nothing changed. The hash is 0x%08x.\n", d.OldHash)
		return b.String()
	default:
		fmt.Fprintf(&b, "The hash is the same: 0x%08x.\n", d.OldHash)
	}
	switch {
	case breaks > 0:
		b.WriteString("Old clients do not fit, because of the lines marked with \"!\".\n")
	case slices.ContainsFunc(d.Changes, func(c Change) bool { return c.Kind == Added }):
		b.WriteString("Old clients fit where the hash is not compared, as long as nobody sends them what was added.\n")
	default:
		b.WriteString("Old clients fit where the hash is not compared.\n")
	}
	return b.String()
}

// shift returns by how much a number moved.
func (c Change) shift() int {
	before, _ := strconv.Atoi(c.Old)
	after, _ := strconv.Atoi(c.New)
	return after - before
}

// subject returns "Class" or "Class.field".
func (c Change) subject() string {
	if c.Field == "" {
		return c.Class
	}
	return c.Class + "." + c.Field
}

// String describes the change in one line.
func (c Change) String() string {
	switch c.Kind {
	case Added:
		return "added " + c.New
	case Removed:
		return "removed " + c.Old
	case Moved:
		return fmt.Sprintf("%s: %s %s, was %s", c.subject(), c.What, c.New, c.Old)
	}
	return fmt.Sprintf("%s: %s %s, was %s", c.subject(), c.What, orNone(c.New), orNone(c.Old))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

type differ struct {
	diff *Difference
	same map[[2]*plan]sameness
}

// sameness says how alike two types are.
type sameness uint8

const (
	sameLayout sameness = 1 << iota // the same bytes mean the same values
	sameRanges                      // the same values are allowed
	sameRest                        // the same names inside, and moduli
	sameAll    = sameLayout | sameRanges | sameRest
)

func (d *differ) add(c Change) { d.diff.Changes = append(d.diff.Changes, c) }

func (d *differ) class(o, c *Class) {
	change := func(kind ChangeKind, what, before, after string, breaks bool) {
		if before != after {
			d.add(Change{Kind: kind, Class: c.name, What: what, Old: before, New: after, Breaks: breaks})
		}
	}
	if o.strct != c.strct {
		change(Changed, "kind", o.String(), c.String(), true)
	} else {
		change(Moved, "number", strconv.Itoa(o.number), strconv.Itoa(c.number), true)
	}
	change(Changed, "parents", classNames(o.parents), classNames(c.parents), lostFields(o, c))

	for _, f := range o.own {
		if f.name != "" && ownField(c, f.name) == nil {
			d.add(Change{Kind: Removed, Class: c.name, Field: f.name, Old: describe(f), Breaks: !o.strct})
		}
	}
	for _, f := range c.own {
		switch before := ownField(o, f.name); {
		case f.name == "": // in a struct: reported where the struct is used
		case before != nil:
			d.field(before, f)
		default:
			change := Change{Kind: Added, Class: c.name, Field: f.name, New: describe(f)}
			if inherited := o.byName[f.name]; inherited != nil && !c.strct {
				change.New += ", instead of " + inherited.String()
				change.Breaks = true
			}
			d.add(change)
		}
	}
	if !c.strct && !o.strct {
		change(Changed, "fields in generates", generated(o), generated(c), true)
	}
}

// lostFields says whether the class no longer has a field that it inherited.
func lostFields(o, c *Class) bool {
	return slices.ContainsFunc(o.fields, func(f *Field) bool {
		now := c.byName[f.name]
		return f.name != "" && (now == nil || now.class.name != f.class.name)
	})
}

// generated lists the fields that are in a generate. Receivers look only for
// those that are broadcast too.
func generated(c *Class) string {
	names := make([]string, len(c.required))
	for i, f := range c.required {
		if names[i] = f.name; !f.Has(Broadcast) {
			names[i] += " (not broadcast)"
		}
	}
	return strings.Join(names, ", ")
}

func (d *differ) field(o, f *Field) {
	change := func(kind ChangeKind, what, before, after string, breaks bool) {
		if before != after {
			d.add(Change{Kind: kind, Class: f.class.name, Field: f.name, What: what, Old: before, New: after, Breaks: breaks})
		}
	}
	if !f.class.strct {
		change(Moved, "number", strconv.Itoa(o.number), strconv.Itoa(f.number), true)
	}
	change(Changed, "kind", o.kind.String(), f.kind.String(), false)
	change(Changed, "keywords", o.keywords.String(), f.keywords.String(), false)

	before, after := signature(o), signature(f)
	if before == after {
		after += ", with a struct or switch declared differently"
	}
	switch s := d.compare(o.whole(), f.whole()); {
	case s&sameLayout == 0:
		change(Changed, "types", before, after, true)
	case s&sameRanges == 0:
		change(Changed, "allowed values", before, after, true)
	case s&sameRest == 0:
		change(Changed, "declaration", before, after, false)
	default:
		change(Changed, "default", defaultText(o), defaultText(f), false)
	}
}

// whole returns the field's parameters as one plan, whatever its kind.
func (f *Field) whole() *plan {
	if f.kind != Parameter {
		return f.plan
	}
	return newSequence(kindFields, []part{f.params[0].compile()})
}

// compare says how alike two plans are.
func (d *differ) compare(o, n *plan) sameness {
	pair := [2]*plan{o, n}
	s, known := d.same[pair]
	if !known {
		s = d.compareNew(o, n)
		d.same[pair] = s
	}
	return s
}

func (d *differ) compareNew(o, n *plan) sameness {
	if o.kind != n.kind || o.width != n.width || o.divisor != n.divisor || o.prefix != n.prefix {
		return 0
	}
	s := sameAll
	if o.modulus != n.modulus {
		s &^= sameRest
	}
	if !slices.Equal(o.ints, n.ints) || !slices.Equal(o.uints, n.uints) ||
		!slices.Equal(o.floats, n.floats) || !slices.Equal(o.counts, n.counts) {
		s &^= sameRanges
	}
	switch o.kind {
	case Array:
		if o.prefix == 0 && o.size != n.size {
			return 0
		}
		s &= d.compare(o.elem, n.elem)
	case String, Blob, Blob32:
		if o.size != n.size {
			return 0
		}
	case SwitchKind:
		s &= d.compareParts([]part{o.key}, []part{n.key}) & d.compareCase(o.other, n.other)
		if len(o.cases) != len(n.cases) {
			return 0
		}
		for key, c := range o.cases {
			s &= d.compareCase(c, n.cases[key])
		}
	default:
		s &= d.compareParts(o.parts, n.parts)
	}
	return s
}

func (d *differ) compareParts(o, n []part) sameness {
	if len(o) != len(n) {
		return 0
	}
	s := sameAll
	for i := range o {
		if o[i].name != n[i].name {
			s &^= sameRest
		}
		s &= d.compare(o[i].plan, n[i].plan)
	}
	return s
}

func (d *differ) compareCase(o, n *casePlan) sameness {
	if o == nil && n == nil {
		return sameAll
	}
	if o == nil || n == nil {
		return 0
	}
	return d.compareParts(o.parts, n.parts)
}

// ownField returns the field of that name among c.own, or nil.
func ownField(c *Class, name string) *Field {
	if f := c.byName[name]; f != nil && f.class == c && f != c.constructor {
		return f
	}
	return nil
}
