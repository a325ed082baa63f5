package world

import (
	"fmt"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
)

// Set changes a field by its name. args are one Go value for a parameter field,
// and the arguments of an atomic field; [dc.Field.Pack] says which Go types fit.
//
// A parameter field is state: clients get the change with the next snapshot. Of
// an atomic field that is required or ram the arguments are kept for clients to
// whom the object is new, and nothing is sent: see [Object.Send]. Other fields
// cannot be set.
func (o *Object) Set(field string, args ...any) error {
	f, err := o.class.named(field)
	if err != nil {
		return err
	}
	b, err := f.pack(o.world.scratch[:0], args)
	if err != nil {
		return err
	}
	return o.setScratch(f, b)
}

// SetPacked is Set with a packed value, which is checked and copied. The field
// must be one of the object's class.
func (o *Object) SetPacked(f *dc.Field, value []byte) error {
	p, err := o.class.of(f)
	if err != nil {
		return err
	}
	if err := p.check(value); err != nil {
		return err
	}
	// It may lie in this object, and then move while it is set: see Value.
	return o.setScratch(p, append(o.world.scratch[:0], value...))
}

// setScratch is set for a value that was made in the world's scratch memory.
func (o *Object) setScratch(f *field, b []byte) error {
	if cap(b) <= maxScratch {
		o.world.scratch = b
	}
	return o.set(f, b)
}

func (o *Object) set(f *field, value []byte) error {
	switch {
	case o.state == Disabled || o.state == Deleted:
		return o.wrong("Set", "it cannot be changed any more")
	case f.kept:
		return o.keep(f, value)
	case !f.state:
		return fmt.Errorf("world: %s %s is a message that is neither required nor ram, so there is nothing to set; use Send", f.Kind(), f)
	}
	var err error
	if o.entry == nil {
		_, err = o.values.Set(f.index, value, o.world.index.Stamp())
	} else {
		_, err = o.world.index.Set(o.entry, f.index, value)
	}
	return err
}

// maxScratch is how long a value may be for whose packing memory is kept.
const maxScratch = 4096

// Stamps of calls: whether a value was set ever.
const (
	unset = 0
	isSet = 1
)

// keep stores the arguments of a call for generates.
func (o *Object) keep(f *field, args []byte) error {
	if o.calls == nil {
		o.calls = object.New(o.class.calls, unset)
	}
	_, err := o.calls.Set(f.index, args, isSet)
	o.calls.Touch(f.index, isSet) // also when that is the default
	if o.entry != nil {
		o.world.index.Called(o.entry)
	}
	return err
}

// Value returns the packed value of a field: of a parameter field, or the
// last arguments of an atomic field that is required or ram, the DC file's
// default if there were none. It is nil for other fields. The slice must not be
// modified and is valid until the next Set or Send.
func (o *Object) Value(f *dc.Field) []byte {
	p, err := o.class.of(f)
	if err != nil {
		return nil
	}
	return o.value(p)
}

func (o *Object) value(f *field) []byte {
	switch {
	case f.state:
		return o.values.Value(f.index)
	case !f.kept:
		return nil
	case o.calls == nil:
		return f.AppendDefault([]byte{})
	}
	return o.calls.Value(f.index)
}

// Get returns the Go values of a field, by its name, as [dc.Field.Unpack] makes
// them of what Value returns: a parameter field's single value, or the
// arguments of an atomic field.
func (o *Object) Get(field string) ([]any, error) {
	f, err := o.class.named(field)
	if err != nil {
		return nil, err
	}
	if !f.state && !f.kept {
		return nil, fmt.Errorf("world: %s %s is a message that is neither required nor ram, so it has no value", f.Kind(), f)
	}
	return f.Unpack(o.value(f))
}
