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
	f, err := o.class.field(field)
	if err != nil {
		return err
	}
	b, err := pack(o.world.scratch[:0], f, args)
	o.world.scratch = b
	if err != nil {
		return err
	}
	return o.set(f, b)
}

// SetPacked is Set with a packed value, which is checked and copied. The field
// must be one of the object's class.
func (o *Object) SetPacked(f *dc.Field, value []byte) error {
	if err := check(f, value); err != nil {
		return err
	}
	return o.set(f, value)
}

func (o *Object) set(f *dc.Field, value []byte) error {
	if o.state == Disabled || o.state == Deleted {
		return o.wrong("Set", "it cannot be changed any more")
	}
	index, err := o.class.index(f)
	switch {
	case err != nil:
		return err
	case isKept(f):
		return o.keep(index, value)
	case !isState(f):
		return fmt.Errorf("world: %s %s is a message that is neither required nor ram, so there is nothing to set; use Send", f.Kind(), f)
	}
	if o.entry == nil {
		_, err = o.values.Set(index, value, o.world.index.Stamp())
	} else {
		_, err = o.world.index.Set(o.entry, index, value)
	}
	return err
}

// Stamps of calls: whether a value was set ever.
const (
	unset = 0
	isSet = 1
)

// keep stores the arguments of a call for generates.
func (o *Object) keep(index int, args []byte) error {
	if o.calls == nil {
		o.calls = object.New(o.class.calls, unset)
	}
	changed, err := o.calls.Set(index, args, isSet)
	if err == nil && !changed {
		o.calls.Touch(index, isSet) // set to the default
	}
	return err
}

// Value returns the packed value of a field: of a parameter field, or the
// last arguments of an atomic field that is required or ram, the DC file's
// default if there were none. It is nil for other fields. The slice must not be
// modified and is valid until the next Set or Send.
func (o *Object) Value(f *dc.Field) []byte {
	index, err := o.class.index(f)
	switch {
	case err != nil:
		return nil
	case isState(f):
		return o.values.Value(index)
	case !isKept(f):
		return nil
	case o.calls == nil:
		return f.AppendDefault(nil)
	}
	return o.calls.Value(index)
}

// Get returns the Go values of a field, by its name, as [dc.Field.Unpack] makes
// them of what Value returns: a parameter field's single value, or the
// arguments of an atomic field.
func (o *Object) Get(field string) ([]any, error) {
	f, err := o.class.field(field)
	if err != nil {
		return nil, err
	}
	b := o.Value(f)
	if b == nil && !isState(f) && !isKept(f) {
		return nil, fmt.Errorf("world: %s %s is a message that is neither required nor ram, so it has no value", f.Kind(), f)
	}
	return f.Unpack(b)
}
