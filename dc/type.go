package dc

import "fmt"

// typeWord describes a word that names a type.
type typeWord struct {
	valid bool
	kind  Kind
	code  uint32 // Panda3D's number of the type, which goes into the hash
	elem  string // the word of the elements of a deprecated array
}

// typeWords is the reserved words for types. The codes are those of Panda3D's
// DCSubatomicType.
var typeWords = map[string]typeWord{
	"int8":             {true, Int8, 0, ""},
	"int16":            {true, Int16, 1, ""},
	"int32":            {true, Int32, 2, ""},
	"int64":            {true, Int64, 3, ""},
	"uint8":            {true, Uint8, 4, ""},
	"uint16":           {true, Uint16, 5, ""},
	"uint32":           {true, Uint32, 6, ""},
	"uint64":           {true, Uint64, 7, ""},
	"float64":          {true, Float64, 8, ""},
	"string":           {true, String, 9, ""},
	"blob":             {true, Blob, 10, ""},
	"blob32":           {true, Blob32, 11, ""},
	"int16array":       {true, Array, 12, "int16"},
	"int32array":       {true, Array, 13, "int32"},
	"uint16array":      {true, Array, 14, "uint16"},
	"uint32array":      {true, Array, 15, "uint32"},
	"int8array":        {true, Array, 16, "int8"},
	"uint8array":       {true, Array, 17, "uint8"},
	"uint32uint8array": {true, Array, 18, ""},
	"char":             {true, Char, 19, ""},
}

// float32Word is Astron's type. It is not reserved, since Panda3D knows no such
// word and a game may have a typedef of that name.
const float32Word = "float32"

// String returns the word for the kind.
func (k Kind) String() string {
	switch k {
	case Float32:
		return float32Word
	case Array:
		return "array"
	case Struct:
		return "struct"
	case SwitchKind:
		return "switch"
	}
	for name, w := range typeWords {
		if w.kind == k {
			return name
		}
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Kind returns what the type is made of.
func (t *Type) Kind() Kind { return t.kind }

// Divisor returns what values are multiplied by to be packed; 1 for none.
func (t *Type) Divisor() uint32 { return t.divisor }

// Modulus returns what values are reduced by before they are packed (not
// multiplied by the divisor); 0 for none.
func (t *Type) Modulus() float64 { return t.modulus }

// Ranges returns the allowed values of a number or char (before the divisor),
// lengths in bytes of a string or blob, or numbers of elements of an array;
// nil allows all.
func (t *Type) Ranges() []Range {
	if t.old != "" {
		return nil
	}
	return t.ranges
}

// Elem returns the type of an array's elements, nil for other types.
func (t *Type) Elem() *Type { return t.elem }

// Class returns the struct (or dclass) of a type of the kind Struct, else nil.
func (t *Type) Class() *Class { return t.class }

// Switch returns the switch of a type of the kind SwitchKind, else nil.
func (t *Type) Switch() *Switch { return t.sw }

// Typedef returns the typedef by whose name the type was used, or nil. A class
// or switch used as a type has an implicit one.
func (t *Type) Typedef() *Typedef { return t.typedef }

// OldArray returns the word of a deprecated array type such as
// "uint32uint8array", which is of the kind Array, and "" for all other types.
func (t *Type) OldArray() string { return t.old }

// FixedSize returns the number of packed bytes, if all values have as many.
func (t *Type) FixedSize() (size int, ok bool) { return max(t.fixed, 0), t.fixed >= 0 }

// LengthBytes returns how many bytes in front of a string, blob or array hold
// its length in bytes: 2, 4, or 0 if there are none since the length is fixed.
func (t *Type) LengthBytes() int { return t.prefix }

// simple tells whether Panda3D has a single object for the type: a number, a
// string or one of the deprecated arrays.
func (t *Type) simple() bool { return t.kind < Array || t.old != "" }

// numeric tells whether the type may have a divisor and a modulus.
func (t *Type) numeric() bool { return t.kind < Char || t.old != "" }

// word returns the reserved word of a simple type.
func (t *Type) word() string {
	if t.old != "" {
		return t.old
	}
	return t.kind.String()
}

// Name returns the switch's name; those inside of structs may have none.
func (s *Switch) Name() string { return s.name }

// Key returns what is packed first and decides what follows.
func (s *Switch) Key() *Param { return s.key }

// Cases returns the cases in order, without the default case. Cases that fall
// through to the next have its fields too.
func (s *Switch) Cases() []*SwitchCase { return s.cases }

// Default returns the case for all other keys, or nil if they are refused.
func (s *Switch) Default() *SwitchCase { return s.dflt }

// Key returns the packed value of the case, nil for the default case.
func (c *SwitchCase) Key() []byte { return c.key }

// Fields returns what follows the key: parameter fields without numbers.
func (c *SwitchCase) Fields() []*Field { return c.fields }
