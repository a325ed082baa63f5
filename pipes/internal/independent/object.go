package independent

import (
	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// Object is an object as the client shows it.
type Object struct {
	ID    uint32
	Class *dc.Class
	Zone  uint32
	Owned bool
	// State is the packed values of the parameter fields by inherited index.
	// It is empty while HasState is false.
	State    map[int]string
	HasState bool
	// Tick is that of the state. TickKnown is false in the plain dialect
	// until a snapshot had something of the object.
	Tick      uint32
	TickKnown bool
	// Methods is the packed arguments of the methods that the generate had
	// and that were called since, by inherited index.
	Methods map[int]string
	// Life tells apart objects that had the same id on this connection.
	Life int
	// ZoneTick is when the object was in Zone. Only with the extension.
	ZoneTick uint32

	generated uint32 // the generate's structure sequence
	bornTick  uint32 // the generate's tick
	held      []heldMessage
}

// parameters is how many fields of a class are state.
func parameters(class *dc.Class) int {
	n := 0
	for _, f := range class.Fields() {
		if f.Kind() == dc.Parameter {
			n++
		}
	}
	return n
}

// value takes a field's value off r. What is wrong with it is a fault; ok is
// false when r cannot be read on.
func (c *Client) value(r *datagram.Reader, class *dc.Class, index int, kind dc.FieldKind, where string) (v string, ok bool) {
	fields := class.Fields()
	if index >= len(fields) {
		c.fault(Died, "%s: field index %d of %v, which has %d fields", where, index, class, len(fields))
		return "", false
	}
	f := fields[index]
	if f.Kind() != kind {
		c.fault(Died, "%s: field index %d is %v, which is %v and not %v", where, index, f, f.Kind(), kind)
		return "", false
	}
	peek := *r
	n, err := f.Skip(peek.Rest())
	if err != nil {
		c.fault(Died, "%s: cut short in %v: %v", where, f, err)
		return "", false
	}
	b := r.Bytes(n)
	if err := f.Check(b); err != nil {
		c.fault(Broke, "%s: %v", where, err)
	}
	return string(b), true
}

// generate reads the body of a generate, which both dialects share, and adds
// the object. The result is nil when it could not be read.
func (c *Client) generate(r *datagram.Reader, owned bool) *Object {
	number := r.Uint16()
	o := &Object{ID: r.Uint32(), Zone: r.Uint32(), Owned: owned, State: map[int]string{}, Methods: map[int]string{}}
	baseline := r.Uint8()
	if r.Err() != nil {
		c.fault(Died, "generate: %v", r.Err())
		return nil
	}
	o.Class = c.cfg.Schema.ClassByNumber(int(number))
	if o.Class == nil || o.Class.IsStruct() {
		c.fault(Broke, "generate of %d with class number %d, which is no class", o.ID, number)
		return nil
	}
	if baseline > 1 {
		c.fault(Broke, "generate of %d: has baseline %d", o.ID, baseline)
	}
	if c.objects[o.ID] != nil {
		c.fault(Broke, "a second generate of %d", o.ID)
		delete(c.objects, o.ID)
	}
	if baseline != 0 {
		if !c.baseline(r, o) {
			return nil
		}
	}
	if r.Remaining() == 0 {
		c.fault(Broke, "generate of %d without the count of methods", o.ID)
	} else if !c.methods(r, o) {
		return nil
	}
	if err := r.Done(); err != nil {
		c.fault(Broke, "generate of %d: %v", o.ID, err)
	}
	delete(c.disabled, o.ID)
	c.lives++
	o.Life = c.lives
	c.objects[o.ID] = o
	return o
}

// baseline reads all parameter fields in inherited order.
func (c *Client) baseline(r *datagram.Reader, o *Object) bool {
	last := -1
	n := r.Uint16()
	for range n {
		i := int(r.Uint16())
		if r.Err() != nil {
			break
		}
		v, ok := c.value(r, o.Class, i, dc.Parameter, "baseline")
		if !ok {
			return false
		}
		if i <= last {
			c.fault(Broke, "baseline of %d: field %d after %d", o.ID, i, last)
		}
		last = i
		o.State[i] = v
	}
	if r.Err() != nil {
		c.fault(Died, "baseline of %d cut short: %v", o.ID, r.Err())
		return false
	}
	if want := parameters(o.Class); len(o.State) != want {
		c.fault(Broke, "baseline of %d has %d fields of %d", o.ID, len(o.State), want)
	}
	o.HasState = true
	return true
}

// methods reads the required methods, and those with ram that were called.
func (c *Client) methods(r *datagram.Reader, o *Object) bool {
	last := -1
	n := r.Uint16()
	for range n {
		i := int(r.Uint16())
		if r.Err() != nil {
			break
		}
		v, ok := c.value(r, o.Class, i, dc.Atomic, "generate")
		if !ok {
			return false
		}
		f := o.Class.Fields()[i]
		if !f.HasAny(dc.Required | dc.RAM) {
			c.fault(Broke, "generate of %d has %v, which is neither required nor ram", o.ID, f)
		}
		if i <= last {
			c.fault(Broke, "generate of %d: method %d after %d", o.ID, i, last)
		}
		last = i
		o.Methods[i] = v
	}
	if r.Err() != nil {
		c.fault(Died, "generate of %d cut short: %v", o.ID, r.Err())
		return false
	}
	for i, f := range o.Class.Fields() {
		if _, ok := o.Methods[i]; !ok && f.Kind() == dc.Atomic && f.Has(dc.Required) {
			c.fault(Broke, "generate of %d lacks %v, which is required", o.ID, f)
		}
	}
	return true
}

// whole checks that the first state of an object that came without a baseline
// is all of it.
func (c *Client) whole(o *Object) {
	if want := parameters(o.Class); len(o.State) != want {
		c.fault(Broke, "the first state of %d has %d fields of %d", o.ID, len(o.State), want)
	}
	o.HasState = true
}

// message reads an object message from its doId on. f is nil when there is
// nothing to deliver.
func (c *Client) message(r *datagram.Reader) (o *Object, f *dc.Field, args []byte) {
	id, number := r.Uint32(), int(r.Uint16())
	args = r.Rest()
	if r.Err() != nil {
		c.fault(Broke, "object message: %v", r.Err())
		return nil, nil, nil
	}
	f = c.cfg.Schema.FieldByNumber(number)
	if f == nil || f.Kind() != dc.Atomic {
		c.fault(Broke, "object message for %d with field number %d, which is no method", id, number)
		return nil, nil, nil
	}
	c.note(f.Name(), id, c.lastTick, uint32(len(args)))
	if err := f.Check(args); err != nil {
		c.fault(Broke, "object message for %d: %v", id, err)
		return nil, nil, nil
	}
	if o = c.objects[id]; o == nil {
		// A message that may be overtaken can come at any time. A reliable
		// one comes in order with generates and removals.
		if mode(f) == transport.Reliable {
			c.fault(Broke, "%v for %d, which the client does not have", f, id)
		}
		return nil, nil, nil
	}
	if o.Class.Field(number) != f {
		if mode(f) == transport.Reliable { // else it may be for another object of that doId
			c.fault(Broke, "%v for %d, which is a %v", f, id, o.Class)
		}
		return nil, nil, nil
	}
	return o, f, args
}

func (c *Client) deliver(o *Object, f *dc.Field, args []byte, forced bool) {
	for i, g := range o.Class.Fields() {
		if g == f {
			o.Methods[i] = string(args)
		}
	}
	if c.cfg.Watch.Message != nil {
		c.cfg.Watch.Message(o, f, args, forced)
	}
}

func (c *Client) removed(o *Object, tick uint32, deleted bool) {
	delete(c.objects, o.ID)
	if c.cfg.Watch.Removed != nil {
		c.cfg.Watch.Removed(o, tick, deleted)
	}
}
