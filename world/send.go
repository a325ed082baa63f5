package world

import (
	"fmt"
	"slices"

	"github.com/culm-net/culm/dc"
)

// Send calls an atomic field on clients, by its name, as its keywords say: with
// broadcast on all that see the object's zone, with ownrecv on the owner. A
// field with neither needs SendTo. args are the arguments;
// [dc.Field.Pack] says which Go types fit. If the field is required or ram, they
// are also kept for clients to whom the object is new.
//
// Messages go reliably and in order, unless the field has the keyword
// unreliable. Nobody there to hear it is no error.
func (o *Object) Send(field string, args ...any) error {
	f, b, err := o.pack(field, args)
	if err != nil {
		return err
	}
	return o.send(f, b)
}

// SendPacked is Send with packed arguments, which are checked and copied. The
// field must be one of the object's class.
func (o *Object) SendPacked(f *dc.Field, args []byte) error {
	p, err := o.checked(f, args)
	if err != nil {
		return err
	}
	return o.send(p, slices.Clone(args))
}

// SendTo calls an atomic field on one client, whatever the field's keywords. The
// client must see the object's zone. The arguments are not kept.
func (o *Object) SendTo(c *Client, field string, args ...any) error {
	f, b, err := o.pack(field, args)
	if err != nil {
		return err
	}
	return o.sendTo(c, f, b)
}

// SendPackedTo is SendTo with packed arguments, which are checked and copied.
func (o *Object) SendPackedTo(c *Client, f *dc.Field, args []byte) error {
	p, err := o.checked(f, args)
	if err != nil {
		return err
	}
	return o.sendTo(c, p, slices.Clone(args))
}

// SendExcept is Send for a field with broadcast, to all but some clients: for
// example the one who did what the message tells.
func (o *Object) SendExcept(except []*Client, field string, args ...any) error {
	f, b, err := o.pack(field, args)
	if err != nil {
		return err
	}
	return o.sendExcept(except, f, b)
}

// SendPackedExcept is SendExcept with packed arguments, which are checked and
// copied.
func (o *Object) SendPackedExcept(except []*Client, f *dc.Field, args []byte) error {
	p, err := o.checked(f, args)
	if err != nil {
		return err
	}
	return o.sendExcept(except, p, slices.Clone(args))
}

// pack returns a field and packed arguments that belong to the caller.
func (o *Object) pack(field string, args []any) (*field, []byte, error) {
	f, err := o.class.named(field)
	if err != nil {
		return nil, nil, err
	}
	b, err := f.pack(nil, args)
	return f, b, err
}

func (o *Object) checked(f *dc.Field, args []byte) (*field, error) {
	p, err := o.class.of(f)
	if err != nil {
		return nil, err
	}
	return p, p.check(args)
}

// sendable says why the object cannot send the field.
func (o *Object) sendable(f *field) error {
	switch {
	case o.state == Fresh:
		return o.wrong("Send", "nobody knows it yet; call Generate first")
	case o.state == Deleted:
		return o.wrong("Send", "nobody knows it any more")
	case f.state:
		return fmt.Errorf("world: %s is state, not a message; use Set", f)
	case f.Kind() == dc.Molecular:
		return fmt.Errorf("world: %s is molecular; send the atomic fields that it is made of", f)
	}
	return nil
}

func (o *Object) send(f *field, args []byte) error {
	if err := o.sendable(f); err != nil {
		return err
	}
	switch {
	case f.Has(dc.Broadcast): // the owner sees the zone too
		return o.broadcast(nil, f, args)
	case !f.Has(dc.OwnRecv):
		return fmt.Errorf("world: %s needs a target, since it is neither broadcast nor ownrecv; use SendTo", f)
	}
	if err := o.remember(f, args); err != nil {
		return err
	}
	if o.owner != nil {
		o.owner.deliver(o.message(f, args, f.kept))
	}
	return nil
}

func (o *Object) sendTo(c *Client, f *field, args []byte) error {
	if err := c.usable(o.world); err != nil {
		return err
	}
	if err := o.sendable(f); err != nil {
		return err
	}
	if !c.Sees(o.zone) {
		return fmt.Errorf("world: client %d does not see zone %d, where %s is, so it cannot be told %s", c.id, o.zone, o, f)
	}
	c.deliver(o.message(f, args, false))
	return nil
}

func (o *Object) sendExcept(except []*Client, f *field, args []byte) error {
	if err := o.sendable(f); err != nil {
		return err
	}
	if !f.Has(dc.Broadcast) {
		return fmt.Errorf("world: %s is not broadcast, so there is nobody to except; use Send or SendTo", f)
	}
	return o.broadcast(except, f, args)
}

// remember keeps the arguments of a message that is required or ram.
func (o *Object) remember(f *field, args []byte) error {
	if !f.kept {
		return nil
	}
	return o.keep(f, args)
}

func (o *Object) broadcast(except []*Client, f *field, args []byte) error {
	if err := o.remember(f, args); err != nil {
		return err
	}
	var m *Message
	for _, v := range o.world.index.Subscribers(o.zone) {
		c := v.Data().(*Client)
		if slices.Contains(except, c) {
			continue
		}
		if m == nil {
			m = o.message(f, args, f.kept)
		}
		c.deliver(m)
	}
	return nil
}
