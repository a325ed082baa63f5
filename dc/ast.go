package dc

// The syntax of a file, before names mean anything. The formatter needs no
// more than this; build.go makes a Schema of it.

type astName struct {
	pos  pos
	text string // may be empty where a name is optional
}

// astDecl is one declaration at the top of a file: exactly one pointer is set.
type astDecl struct {
	imp      *astImport
	keywords []astName // "keyword a b"
	typedef  *astParam
	class    *astClass
	sw       *astSwitch
}

type astImport struct {
	Import
	words []astName // every single name
}

type astClass struct {
	pos      pos
	isStruct bool
	name     astName
	parents  []astName
	fields   []*astField
}

type astField struct {
	pos      pos
	kind     FieldKind
	name     astName
	params   []*astParam // Atomic; Parameter: one, whose name is in name too
	atoms    []astName   // Molecular
	keywords []astName
}

// astParam is "type name = default", where name and default are optional.
type astParam struct {
	pos  pos
	typ  astType
	name astName
	mods []astMod // written after the name, in order
	dflt *literal // nil without one
}

// astType is what stands before the name; exactly one of word, name, class and
// sw says what it is.
type astType struct {
	pos    pos
	word   string  // a built-in type
	name   astName // a typedef, struct, dclass or switch
	class  *astClass
	sw     *astSwitch
	mods   []astMod // ranges, divisors and moduli, in order
	arrays []astMod
}

// astMod is one "(1 - 5)", "/ 10", "% 360" or "[0 - 3]".
type astMod struct {
	pos    pos
	op     byte // the character it starts with
	num    float64
	ranges []astRange
}

type astRange struct {
	pos      pos
	min, max float64
}

type astSwitch struct {
	pos   pos
	name  astName
	key   *astParam
	items []astSwitchItem
}

// astSwitchItem is one "case v:", "default:", "break;" or field.
type astSwitchItem struct {
	pos   pos
	value *literal
	dflt  bool
	brk   bool
	field *astParam
}
