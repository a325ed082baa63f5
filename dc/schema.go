package dc

// Schema is what a list of .dc files declares, taken together: Panda3D's
// DCFile. It never changes after it was parsed and is safe for concurrent use.
type Schema struct {
	hash     uint32
	imports  []Import
	keywords []string
	typedefs []*Typedef
	classes  []*Class // dclasses, structs and switches share Panda3D's class numbers; see Class.Number
	switches []*Switch
	fields   []*Field // by Field.Number
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
	name string
	typ  *Type
}

// Class is a dclass or a struct.
type Class struct {
	name    string
	number  int
	strct   bool
	parents []*Class
	own     []*Field // declared here, in order
	fields  []*Field // own and inherited ones in Panda3D's inherited order
	byName  map[string]*Field
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
	number   int    // unique in the schema
	kind     FieldKind
	class    *Class // where it is declared
	keywords KeywordSet
	params   []*Param // Atomic: its parameters; Parameter: exactly one; Molecular: those of its atomics, in order
	atomics  []*Field // Molecular only
	plan     *plan    // compiled once by plan.go
}

// Param is a value with a name (perhaps empty), a type and perhaps a default:
// a parameter of a method, a parameter field, or an element of a struct.
type Param struct {
	name       string
	typ        *Type
	dflt       []byte // packed, when hasDefault
	hasDefault bool   // written in the file, or inside the type
}

// Kind is what a type is made of.
type Kind uint8

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
	Char
	String
	Blob
	Blob32
	Array
	Struct
	SwitchKind
)

// Type is the type of a value.
type Type struct {
	kind     Kind
	divisor  uint32  // numeric kinds: packed = value × divisor; 1 without one
	modulus  float64 // numeric kinds: 0 without one
	ranges   []Range // numeric and Char: values; String, Blob, Blob32: bytes; Array: elements
	elem     *Type   // Array
	class    *Class  // Struct
	sw       *Switch // SwitchKind
	typedef  *Typedef
	old      string // the deprecated array's keyword ("uint32uint8array") of an Array written so
	fixed    int    // packed bytes when every value has as many, else -1
	dflt     []byte // of a typedef
	hasDflt  bool
	plan     *plan // made by compile
}

// Range is one allowed range, both ends included.
type Range struct{ Min, Max float64 }

// Switch chooses its fields by the value of a key.
type Switch struct {
	name  string
	key   *Param
	cases []*SwitchCase // in order of declaration
	dflt  *SwitchCase   // the default case, or nil
}

// SwitchCase is the fields that follow one key value (or several, when cases
// fall through).
type SwitchCase struct {
	key    []byte // packed; nil for the default case
	fields []*Field
}
