package dc

import "fmt"

// Name returns the name of the class; structs inside of types may have none.
func (c *Class) Name() string { return c.name }

// Number returns the number of a dclass, and -1 for a struct. Structs count in
// the numbering nevertheless: the number is the index in Schema.Classes.
func (c *Class) Number() int { return c.number }

// IsStruct tells a struct from a dclass.
func (c *Class) IsStruct() bool { return c.strct }

// Parents returns the classes it inherits from directly, in order.
func (c *Class) Parents() []*Class { return c.parents }

// OwnFields returns the fields declared in the class itself, in order.
func (c *Class) OwnFields() []*Field { return c.own }

// Fields returns the own and the inherited fields, in Panda3D's inherited
// order: by number under the default options. A field that a subclass declares
// again stands only once.
func (c *Class) Fields() []*Field { return c.fields }

// RequiredFields returns those of Fields that have the keyword required, but
// no molecular ones: what a generate carries.
func (c *Class) RequiredFields() []*Field { return c.required }

// Elements returns the fields that make up a value when the class is used as a
// type: Fields without molecular ones, and before them the constructor of a
// struct, if it has one.
func (c *Class) Elements() []*Field { return c.elems }

// FieldByName returns the own or inherited field of that name, or nil.
func (c *Class) FieldByName(name string) *Field { return c.byName[name] }

// Field returns the field of that number if it is one of the class or of any
// class it inherits from, else nil. As with Panda3D's getFieldByIndex this
// includes inherited fields that a subclass declares again, which are no longer
// in Fields.
func (c *Class) Field(number int) *Field { return c.byNumber.get(number) }

// InheritsFrom tells whether the class is o or has it among its ancestors.
func (c *Class) InheritsFrom(o *Class) bool {
	seen := map[*Class]bool{}
	var walk func(*Class) bool
	walk = func(c *Class) bool {
		if c == o {
			return true
		}
		if seen[c] {
			return false
		}
		seen[c] = true
		for _, p := range c.parents {
			if walk(p) {
				return true
			}
		}
		return false
	}
	return walk(c)
}

// String returns "dclass Avatar" or "struct Point".
func (c *Class) String() string {
	word := "dclass"
	if c.strct {
		word = "struct"
	}
	if c.name == "" {
		return "unnamed " + word
	}
	return fmt.Sprintf("%s %s", word, c.name)
}

// fieldTable finds fields by number: open addressing with the number itself as
// the hash, since most of a class's numbers follow one another.
type fieldTable []*Field

// newFieldTable makes a table of fields with distinct numbers.
func newFieldTable(fields []*Field) fieldTable {
	size := 1
	for size < 2*len(fields) {
		size *= 2
	}
	t := make(fieldTable, size)
	for _, f := range fields {
		i := f.number & (size - 1)
		for t[i] != nil {
			i = (i + 1) & (size - 1)
		}
		t[i] = f
	}
	return t
}

func (t fieldTable) get(number int) *Field {
	if len(t) == 0 {
		return nil
	}
	mask := len(t) - 1
	for i := number & mask; ; i = (i + 1) & mask {
		if f := t[i]; f == nil || f.number == number { // at least half is nil
			return f
		}
	}
}
