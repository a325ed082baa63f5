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

	fields map[*dc.Field]int // inherited index
}

// class returns the plan of a dclass.
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
	c := &class{dc: d, fields: make(map[*dc.Field]int, len(d.Fields()))}
	var err error
	if c.state, err = object.NewLayout(d, isState); err != nil {
		return nil, err
	}
	if c.calls, err = object.NewLayout(d, isKept); err != nil {
		return nil, err
	}
	for i, f := range d.Fields() {
		c.fields[f] = i
	}
	w.classes[name] = c
	return c, nil
}

// isState tells fields whose values go into snapshots.
func isState(f *dc.Field) bool { return f.Kind() == dc.Parameter }

// isKept tells messages whose last arguments go into generates.
func isKept(f *dc.Field) bool {
	return f.Kind() == dc.Atomic && f.HasAny(dc.Required|dc.RAM)
}

// field returns a field by its name.
func (c *class) field(name string) (*dc.Field, error) {
	f := c.dc.FieldByName(name)
	if f == nil {
		return nil, fmt.Errorf("world: %s has no field %q", c.dc, name)
	}
	return f, nil
}

// index returns the inherited index of a field.
func (c *class) index(f *dc.Field) (int, error) {
	if i, ok := c.fields[f]; ok {
		return i, nil
	}
	return 0, fmt.Errorf("world: %s is no field of %s", f, c.dc)
}
