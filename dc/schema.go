package dc

import "errors"

// Schema is what a list of .dc files declares, taken together: Panda3D's
// DCFile. It never changes after it was parsed and is safe for concurrent use.
// Slices that its methods and those of its parts return are shared and must
// not be modified.
type Schema struct {
	hash     uint32
	imports  []Import
	keywords []string
	typedefs []*Typedef
	classes  []*Class // dclasses and structs; a dclass's place is its number
	switches []*Switch
	fields   []*Field // by Field.Number; empty without multiple inheritance
	byName   map[string]*Class
}

// Import is one import statement; Symbols is empty for "import m", and each
// symbol keeps its suffixes ("Avatar/AI/OV").
type Import struct {
	Module  string
	Symbols []string
}

// Typedef names a type; the type's ranges, divisor and default travel with it.
type Typedef struct {
	name     string
	typ      *Type
	implicit bool // made by using a class or switch as a type
}

// Class is a dclass or a struct.
type Class struct {
	name        string
	number      int // -1 for structs
	strct       bool
	parents     []*Class
	own         []*Field // declared here, in order
	fields      []*Field // own and inherited ones in Panda3D's inherited order
	constructor *Field   // of a struct: the method with its name, which is in none of the two lists
	elems       []*Field // what a value of the class consists of: constructor, fields; molecular ones are left out
	required    []*Field // of fields
	byName      map[string]*Field
	byNumber    fieldTable

	cost
}

// FieldKind tells the three kinds of fields apart.
type FieldKind uint8

const (
	// Atomic fields are methods: their value is their parameters in order.
	Atomic FieldKind = iota
	// Molecular fields are made of atomic ones: their value is the atomics'
	// values in order.
	Molecular
	// Parameter fields are single values.
	Parameter
)

// Field is one field of a class.
type Field struct {
	name     string // empty for an unnamed switch or struct inside a struct
	number   int    // unique in the schema; -1 without one
	kind     FieldKind
	class    *Class // where it is declared; nil inside a switch
	keywords keywordSet
	params   []*Param // Atomic: its parameters; Parameter: exactly one; Molecular: those of its atomics, in order
	atomics  []*Field // Molecular only
	plan     *plan    // compiled once by plan.go

	cost
}

// Param is a value with a name (perhaps empty), a type and perhaps a default:
// a parameter of a method, a parameter field, or an element of a struct.
type Param struct {
	name       string
	typ        *Type
	dflt       []byte // packed, when written at the parameter or at its typedef; else nil
	hasDefault bool   // dflt is there, or a default is written inside the type
}

// Kind is what a type is made of.
type Kind uint8

// The kinds of types, in the order of Panda3D's manual.
const (
	Int8 Kind = iota
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float32 // Astron's addition
	Float64
	Char // one byte that is text
	String
	Blob
	Blob32 // a blob whose length has 32 bits
	Array
	Struct
	SwitchKind
)

// Type is the type of a value.
type Type struct {
	kind    Kind
	divisor uint32  // numeric kinds: packed = value × divisor; 1 without one
	modulus float64 // numeric kinds: 0 without one
	ranges  []Range // as written. Numeric and Char: values; String, Blob, Blob32: bytes; Array: elements
	elem    *Type   // Array
	class   *Class  // Struct; may be a dclass
	sw      *Switch // SwitchKind
	typedef *Typedef
	old     string // the deprecated array's keyword ("uint32uint8array") of an Array written so; its divisor, modulus and ranges only go into the hash
	fixed   int    // packed bytes when every value has as many, else -1
	prefix  int    // bytes of the length in front of a String, Blob, Blob32 or Array; 0 without one
	dflt    []byte // of a typedef; nil without one
	hasDflt bool   // dflt is there, or a default is written inside
	plan    *plan  // made by compile

	// fixedPanda is what Panda3D takes for fixed; see appendArray.
	fixedPanda bool
	cost
}

// Range is one allowed range, both ends included.
type Range struct{ Min, Max float64 }

// Switch chooses its fields by the value of a key.
type Switch struct {
	name  string
	key   *Param
	cases []*SwitchCase // in order of declaration
	dflt  *SwitchCase   // the default case, or nil

	cost
}

// SwitchCase is the fields that follow one key value.
type SwitchCase struct {
	key    []byte // packed; nil for the default case
	fields []*Field
}

// cost is what limits.go bounds of a type, class or switch.
type cost struct {
	values int // numbers and bytes of the smallest value
	hashed int // numbers that go into the hash
	depth  int // types within types
}

func (c *cost) include(o cost) {
	c.values = satAdd(c.values, o.values)
	c.hashed = satAdd(c.hashed, o.hashed)
	c.depth = max(c.depth, o.depth)
}

// Hash returns the 32-bit hash of the schema, equal to that of Panda3D's
// DCFile.getHash under the same options. Clients and servers compare it at
// login. Astron's float32 adds nothing to it, as in Astron.
func (s *Schema) Hash() uint32 { return s.hash }

// Classes returns the dclasses and structs in order of declaration, but not
// the structs that are declared inside of other types.
func (s *Schema) Classes() []*Class { return s.classes }

// Class returns the dclass or struct of that name, or nil.
func (s *Schema) Class(name string) *Class { return s.byName[name] }

// ClassByNumber returns the dclass of that number, or nil.
func (s *Schema) ClassByNumber(number int) *Class {
	if number < 0 || number >= len(s.classes) || s.classes[number].strct {
		return nil
	}
	return s.classes[number]
}

// FieldByNumber returns the field of that number, or nil. Without multiple
// inheritance (Options) fields of different classes share numbers, and it
// always returns nil: use Class.Field.
func (s *Schema) FieldByNumber(number int) *Field {
	if number < 0 || number >= len(s.fields) {
		return nil
	}
	return s.fields[number]
}

// CheckFieldNumbers returns an error that says so if fields share their numbers, so
// that FieldByNumber does not find them. Protocols that name a field by its number
// alone cannot be spoken then.
func (s *Schema) CheckFieldNumbers() error {
	for _, c := range s.classes {
		for _, f := range c.Fields() {
			if s.FieldByNumber(f.Number()) != f {
				return errors.New("the schema was parsed without multiple inheritance, so that fields share their numbers; games with dc-multiple-inheritance 0 are not supported")
			}
		}
	}
	return nil
}

// Fields returns all numbered fields by their numbers; those of structs are
// among them.
func (s *Schema) Fields() []*Field { return s.fields }

// Imports returns the import statements in order.
func (s *Schema) Imports() []Import { return s.imports }

// Keywords returns the keywords that are declared or used, in order of their
// first appearance.
func (s *Schema) Keywords() []string { return s.keywords }

// Typedefs returns the typedefs in order, and among them one for each class or
// switch that is used as a type, as Panda3D counts them.
func (s *Schema) Typedefs() []*Typedef { return s.typedefs }

// Switches returns the switches that are declared by themselves.
func (s *Schema) Switches() []*Switch { return s.switches }

// Name returns the name that the typedef declares.
func (t *Typedef) Name() string { return t.name }

// Type returns the named type.
func (t *Typedef) Type() *Type { return t.typ }

// Implicit tells whether the typedef is not in the file but came to be by
// using a class or switch as a type.
func (t *Typedef) Implicit() bool { return t.implicit }
