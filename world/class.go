package world

import (
	"fmt"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
)

// class is what objects of a dclass have in common. It never changes.
type class struct {
	dc *dc.Class
	// state is the layout of the parameter fields, calls that of the last
	// calls of atomic fields that are required or ram.
	state, calls *object.Layout

	byName  map[string]*field
	byField map[*dc.Field]*field
}

// field is a field of a class.
type field struct {
	*dc.Field
	index int  // inherited
	state bool // a parameter field: its value goes into snapshots
	kept  bool // its last arguments go into generates
}

// class returns what is known of a dclass.
func (w *World) class(name string) (*class, error) {
	if c := w.classes[name]; c != nil {
		return c, nil
	}
	d := w.cfg.Schema.Class(name)
	switch {
	case d == nil:
		return nil, fmt.Errorf("world: the DC files have no dclass %q", name)
	case d.IsStruct():
		return nil, fmt.Errorf("world: %s is a struct of the DC files; only dclasses have objects", name)
	}
	c := &class{dc: d, byName: make(map[string]*field), byField: make(map[*dc.Field]*field)}
	for i, f := range d.Fields() {
		p := &field{Field: f, index: i, state: isState(f), kept: isKept(f)}
		if p.state || p.kept {
			// Values in hex are taken as they are written.
			if err := p.check(f.AppendDefault(nil)); err != nil {
				return nil, fmt.Errorf("%w; correct the default in the DC files", err)
			}
		}
		c.byField[f] = p
		if d.FieldByName(f.Name()) == f {
			c.byName[f.Name()] = p
		}
	}
	var err error
	if c.state, err = object.NewLayout(d, isState); err == nil {
		c.calls, err = object.NewLayout(d, isKept)
	}
	if err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	w.classes[name] = c
	return c, nil
}

func isState(f *dc.Field) bool { return f.Kind() == dc.Parameter }

func isKept(f *dc.Field) bool { return f.Kind() == dc.Atomic && f.HasAny(dc.Required|dc.RAM) }

// named returns the field of that name.
func (c *class) named(name string) (*field, error) {
	if f := c.byName[name]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("world: %s has no field %q", c.dc, name)
}

// of returns what is known of a field.
func (c *class) of(f *dc.Field) (*field, error) {
	if p := c.byField[f]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("world: %s is no field of %s", f, c.dc)
}

// pack appends the packed value of args.
func (f *field) pack(dst []byte, args []any) ([]byte, error) {
	b, err := f.Pack(dst, args...)
	if err == nil {
		err = f.CheckFinite(b[len(dst):])
	}
	if err != nil {
		return dst, fmt.Errorf("world: %w", err)
	}
	return b, nil
}

// check says what is wrong with a packed value.
func (f *field) check(value []byte) error {
	err := f.Check(value)
	if err == nil {
		err = f.CheckFinite(value)
	}
	if err != nil {
		return fmt.Errorf("world: %w", err)
	}
	return nil
}
