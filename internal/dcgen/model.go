package dcgen

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/culm-net/culm/dc"
)

// maxArray is how many elements of an array whose count is fixed make a Go
// array; longer ones are slices, since arrays are copied.
const maxArray = 64

// typ is a type of the DC file as generated code sees it.
type typ struct {
	dc    *dc.Type // nil for the arguments of a method inside of a struct
	plain string   // the Go type, if it is none of the following
	alias string   // the name of the typedef, if there is one
	comp  *composite
	elem  *typ // of slices and arrays
	n     int  // the number of elements of an array, 0 of a slice
	empty bool // an array or struct that has no bytes
}

// composite is a Go struct that stands for a struct, a switch, or the arguments
// of a method inside of a struct.
type composite struct {
	name    string // of the Go type
	what    string // what it is in the DC file
	members []*member

	// A switch has its key as the first member.
	isSwitch bool
	cases    []switchCase
	other    *switchCase // the default case, or nil
}

// switchCase is what follows a key: some of the members.
type switchCase struct {
	key     []byte
	members []*member
}

// member is a field of a composite.
type member struct {
	name string // in Go
	dc   string // in the DC file
	typ  *typ
}

// param is a parameter of a generated function.
type param struct {
	name string
	typ  *typ
}

// expr returns the Go type, for a package that imports the one with the types
// by this qualifier, "" for that package itself.
func (t *typ) expr(qualifier string) string {
	if qualifier != "" {
		qualifier += "."
	}
	if t.alias != "" {
		return qualifier + t.alias
	}
	return t.spelled(qualifier)
}

// spelled is expr without the name of a typedef; qualifier has its dot.
func (t *typ) spelled(qualifier string) string {
	switch elem := strings.TrimSuffix(qualifier, "."); {
	case t.comp != nil:
		return qualifier + t.comp.name
	case t.elem != nil && t.n > 0:
		return fmt.Sprintf("[%d]%s", t.n, t.elem.expr(elem))
	case t.elem != nil:
		return "[]" + t.elem.expr(elem)
	}
	return t.plain
}

// model is everything of a schema that code is generated for.
type model struct {
	schema     *dc.Schema
	pkg        string // the name of the shared package
	names      names  // at the top of the generated packages
	byClass    map[*dc.Class]*composite
	bySwitch   map[*dc.Switch]*composite
	composites []*composite
	types      map[*dc.Type]*typ
	aliases    map[*dc.Typedef]string
	typedefs   []*dc.Typedef // those that get a name, in order
	classes    []*class
	err        error // the first
}

func (m *model) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}

// newModel gives everything its name, in the order of the DC files.
func newModel(s *dc.Schema, pkg string) (*model, error) {
	m := &model{schema: s, pkg: pkg, names: names{}, byClass: map[*dc.Class]*composite{}, bySwitch: map[*dc.Switch]*composite{},
		types: map[*dc.Type]*typ{}, aliases: map[*dc.Typedef]string{}}
	for _, n := range reservedTypes {
		m.names[n] = true
	}
	// Names that the files declare come before those that are made up.
	for _, c := range s.Classes() {
		if c.IsStruct() {
			m.reserve(c, nil, c.Name())
		}
	}
	for _, s := range s.Switches() {
		m.reserve(nil, s, s.Name())
	}
	for _, t := range s.Typedefs() {
		switch d := t.Type(); {
		case t.Implicit():
		case d.Kind() == dc.Struct && d.Class().Name() == "" && m.byClass[d.Class()] == nil:
			m.reserve(d.Class(), nil, t.Name())
		case d.Kind() == dc.SwitchKind && d.Switch().Name() == "" && m.bySwitch[d.Switch()] == nil:
			m.reserve(nil, d.Switch(), t.Name())
		default:
			m.aliases[t] = m.names.takeOne(exported(t.Name()))
			m.typedefs = append(m.typedefs, t)
		}
	}
	for _, c := range s.Classes() {
		if !c.IsStruct() {
			m.classes = append(m.classes, &class{dc: c, name: m.names.take(exported(c.Name()), classForms)})
		}
	}
	for _, c := range s.Classes() {
		if c.IsStruct() {
			m.structType(c, c.Name())
		}
	}
	for _, s := range s.Switches() {
		m.switchType(s, s.Name())
	}
	for _, t := range m.typedefs {
		m.typeOf(t.Type(), exported(t.Name()))
	}
	for _, c := range m.classes {
		m.fill(c)
	}
	return m, m.err
}

// reserve gives a struct or switch its Go name.
func (m *model) reserve(c *dc.Class, s *dc.Switch, name string) *composite {
	comp := &composite{name: m.names.takeOne(exported(name))}
	if c != nil {
		m.byClass[c] = comp
	} else {
		m.bySwitch[s] = comp
	}
	m.composites = append(m.composites, comp)
	return comp
}

// typeOf returns the Go type. hint is a name for what has none.
func (m *model) typeOf(t *dc.Type, hint string) *typ {
	if g := m.types[t]; g != nil {
		return g
	}
	g := m.typeOfKind(t, hint)
	m.types[t] = g
	// A type that was changed where it was used may need another Go type.
	if d := t.Typedef(); d != nil && !d.Implicit() {
		if d.Type() == t || m.typeOf(d.Type(), hint).spelled("") == g.spelled("") {
			g.alias = m.aliases[d]
		}
	}
	return g
}

func (m *model) typeOfKind(t *dc.Type, hint string) *typ {
	g := &typ{dc: t}
	size, fixed := t.FixedSize()
	switch k := t.Kind(); k {
	case dc.Array:
		switch elem := t.Elem(); {
		case elem.Kind() == dc.Char:
			g.plain = "string"
		case fixed && size == 0:
			g.plain, g.empty = "struct{}", true
		default:
			if elem.Typedef() == nil && elem.Kind() == dc.Struct && t.OldArray() != "" {
				hint = "Uint32Uint8"
			}
			g.elem = m.typeOf(elem, hint)
			if t.LengthBytes() == 0 && fixedCount(t) <= maxArray {
				g.n = fixedCount(t)
			}
		}
	case dc.Struct:
		g.comp = m.structType(t.Class(), hint)
		g.empty = fixed && size == 0
	case dc.SwitchKind:
		g.comp = m.switchType(t.Switch(), hint)
	case dc.String:
		g.plain = "string"
	case dc.Blob, dc.Blob32:
		g.plain = "[]byte"
	case dc.Char:
		g.plain = "byte"
	default:
		g.plain = k.String()
		if t.Divisor() != 1 {
			g.plain = "float64"
		}
	}
	return g
}

// fixedCount is the only number of elements or bytes that an array, string or
// blob without a length in front has.
func fixedCount(t *dc.Type) int {
	r := packedRanges(t)
	return int(r[0].lo)
}

func (m *model) structType(c *dc.Class, hint string) *composite {
	comp := m.byClass[c]
	if comp == nil {
		switch {
		case c.Name() == "":
			comp = m.reserve(c, nil, hint)
		case c.IsStruct():
			comp = m.reserve(c, nil, c.Name())
		default:
			comp = m.reserve(c, nil, c.Name()+"Value")
		}
	}
	if comp.what != "" {
		return comp
	}
	comp.what = c.String()
	taken := names{}
	for i, f := range c.Elements() {
		comp.members = append(comp.members, m.member(f, i, comp.name, taken))
	}
	return comp
}

// member makes a member of an element of a struct or switch.
func (m *model) member(f *dc.Field, i int, parent string, taken names) *member {
	e := &member{dc: f.Name()}
	name := "Field" + strconv.Itoa(i+1)
	if f.Name() != "" {
		name = exported(f.Name())
	}
	if f.Kind() == dc.Parameter {
		e.typ = m.typeOf(f.Params()[0].Type(), parent+name)
	} else {
		e.typ = m.arguments(f, parent+name)
	}
	if taken != nil {
		name = taken.takeOne(name)
	}
	e.name = name
	return e
}

// arguments is a Go struct of the arguments of a method inside of a struct.
func (m *model) arguments(f *dc.Field, hint string) *typ {
	comp := &composite{name: m.names.takeOne(hint), what: "the arguments of " + f.Name()}
	m.composites = append(m.composites, comp)
	taken := names{}
	for i, p := range f.Params() {
		name := "Arg" + strconv.Itoa(i+1)
		if p.Name() != "" {
			name = exported(p.Name())
		}
		comp.members = append(comp.members, &member{taken.takeOne(name), p.Name(), m.typeOf(p.Type(), comp.name+name)})
	}
	return &typ{comp: comp, empty: len(comp.members) == 0}
}

// switchType is a Go struct with the members of all cases. Cases share members
// of the same name and Go type.
func (m *model) switchType(s *dc.Switch, hint string) *composite {
	comp := m.bySwitch[s]
	if comp == nil {
		if s.Name() != "" {
			hint = s.Name()
		}
		comp = m.reserve(nil, s, hint)
	}
	if comp.what != "" {
		return comp
	}
	comp.isSwitch = true
	if comp.what = "switch " + s.Name(); s.Name() == "" {
		comp.what = "unnamed switch"
	}
	taken := names{}
	name := "Key"
	if s.Key().Name() != "" {
		name = exported(s.Key().Name())
	}
	key := &member{taken.takeOne(name), s.Key().Name(), m.typeOf(s.Key().Type(), comp.name+name)}
	if why := noKey(key.typ); why != "" {
		m.fail("%s cannot be generated: its key is %s, whose values Go code cannot tell apart quickly; use an integer, a char or a string", comp.what, why)
	}
	comp.members = append(comp.members, key)
	shared := map[string]*member{}
	add := func(c *dc.SwitchCase) switchCase {
		sc := switchCase{key: c.Key()}
		used := map[*member]bool{}
		for i, f := range c.Fields() {
			e := m.member(f, i, comp.name, nil)
			id := e.name + " " + e.typ.expr("")
			if old := shared[id]; old != nil && !used[old] {
				// The ranges may be other ones.
				sc.members = append(sc.members, &member{old.name, e.dc, e.typ})
				used[old] = true
				continue
			}
			e.name = taken.takeOne(e.name)
			shared[id] = e
			used[e] = true
			comp.members = append(comp.members, e)
			sc.members = append(sc.members, e)
		}
		return sc
	}
	for _, c := range s.Cases() {
		comp.cases = append(comp.cases, add(c))
	}
	if c := s.Default(); c != nil {
		sc := add(c)
		comp.other = &sc
	}
	return comp
}

// noKey says why a type cannot be the key of a switch.
func noKey(t *typ) string {
	size, fixed := 0, false
	if t.dc != nil {
		size, fixed = t.dc.FixedSize()
	}
	switch {
	case t.elem != nil || t.comp != nil || t.empty || t.dc == nil:
		return "no single value"
	case fixed && size == 0:
		return "a value without bytes"
	case t.dc.Kind() == dc.Float32 || t.dc.Kind() == dc.Float64:
		return "a real number"
	case t.isNumber() && !quick(t.dc):
		return "an integer with ranges or a modulus of more than 53 bits"
	}
	return ""
}

func (t *typ) isNumber() bool {
	return t.comp == nil && t.elem == nil && t.dc != nil && t.dc.Kind() <= dc.Char
}
