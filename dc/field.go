package dc

// Name returns the field's name, which is empty for an unnamed struct or switch
// inside of a struct.
func (f *Field) Name() string { return f.name }

// Number returns the field's number: unique in the schema under the default
// options, 16 bits on the wire; -1 for fields without one, which are those
// inside of a switch, constructors, and (without virtual inheritance or sorting
// by file) those of structs.
func (f *Field) Number() int { return f.number }

// Kind tells whether the field is atomic, molecular or a parameter field.
func (f *Field) Kind() FieldKind { return f.kind }

// Class returns the class that declares the field, nil for one inside of a
// switch.
func (f *Field) Class() *Class { return f.class }

// Params returns the parameters of an atomic field, those of a molecular
// field's atomics one after the other, or the single one of a parameter field.
func (f *Field) Params() []*Param { return f.params }

// Atomics returns the atomic fields that a molecular field is made of, nil for
// others.
func (f *Field) Atomics() []*Field { return f.atomics }

// Keywords returns the field's keywords: first those that need no declaration,
// in the order of the constants, then the others in the order in which they
// appear first in the files. A molecular field has those of its atomics.
func (f *Field) Keywords() []string { return f.keywords.names }

// Has tells whether the field has all of the given keywords.
func (f *Field) Has(all Keyword) bool { return f.keywords.bits&all == all }

// HasAny tells whether the field has at least one of the given keywords.
func (f *Field) HasAny(some Keyword) bool { return f.keywords.bits&some != 0 }

// HasKeyword tells whether the field has the keyword of that name.
func (f *Field) HasKeyword(name string) bool { return f.keywords.has(name) }

// HasDefault tells whether a default is written in the file: at the field, at
// one of its parameters, or deeper inside their types.
func (f *Field) HasDefault() bool {
	for _, p := range f.params {
		if p.hasDefault {
			return true
		}
	}
	return false
}

// String returns "Class.field".
func (f *Field) String() string {
	if f.class == nil {
		return f.name
	}
	return f.class.name + "." + f.name
}

// String returns "atomic", "molecular" or "parameter".
func (k FieldKind) String() string {
	switch k {
	case Atomic:
		return "atomic"
	case Molecular:
		return "molecular"
	}
	return "parameter"
}

// Name returns the parameter's name, which may be empty.
func (p *Param) Name() string { return p.name }

// Type returns the parameter's type.
func (p *Param) Type() *Type { return p.typ }

// HasDefault tells whether a default is written in the file: at the parameter,
// at its typedef, or inside its type.
func (p *Param) HasDefault() bool { return p.hasDefault }
