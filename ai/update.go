package ai

import (
	"fmt"
	"slices"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// Set updates a field of the object by its name. The state server keeps the
// value if the field is required or ram, and tells whom its keywords say. args
// are the arguments; dc.Field.Pack says which Go types fit.
//
// An object of an interest is another AI's, who hears of the update if the
// field has airecv. Before Generate only required and ram fields can be set.
func (o *Object) Set(field string, args ...any) error {
	f, packed, err := o.pack(field, args)
	if err != nil {
		return err
	}
	return o.SetPacked(f, packed)
}

// SetPacked is Set with packed arguments, which are checked and copied.
func (o *Object) SetPacked(f *dc.Field, packed []byte) error {
	switch {
	case o.kind == gone:
		return ErrGone
	case o.kind == uberdog:
		return fmt.Errorf("ai: %v is an UberDOG's: it has no place where it could be kept, use SendTo", f)
	}
	if err := o.check(f, packed); err != nil {
		return err
	}
	if o.kind == fresh {
		if !kept(f) {
			return fmt.Errorf("ai: %v is not kept: only required and ram fields have values; send it after Generate", f)
		}
		o.keep(f, packed)
		return nil
	}
	if err := o.tell(md.StateServerObjectSetField, o.update(f, packed)); err != nil {
		return err
	}
	o.keep(f, packed)
	return nil
}

// SendTo sends an update of a field by its name to one channel, such as a
// client's session, and to nobody else; it is not kept. The client must know
// the object: UberDOGs are always known.
func (o *Object) SendTo(channel uint64, field string, args ...any) error {
	f, packed, err := o.pack(field, args)
	if err != nil {
		return err
	}
	return o.SendPackedTo(channel, f, packed)
}

// SendPackedTo is SendTo with packed arguments, which are checked and copied.
func (o *Object) SendPackedTo(channel uint64, f *dc.Field, packed []byte) error {
	switch o.kind {
	case gone:
		return ErrGone
	case fresh:
		return errFresh
	}
	if err := o.check(f, packed); err != nil {
		return err
	}
	return o.ai.send(o.from(), md.StateServerObjectSetField, channel, o.update(f, packed))
}

// Update sends an update to an object that the AI need not know, such as an
// UberDOG of another process. args are as in [Object.Set].
func (a *AI) Update(doID uint32, class, field string, args ...any) error {
	o, err := a.Remote(doID, class)
	if err != nil {
		return err
	}
	return o.Set(field, args...)
}

func (o *Object) pack(field string, args []any) (*dc.Field, []byte, error) {
	f := o.class.FieldByName(field)
	if f == nil {
		return nil, nil, fmt.Errorf("ai: %s has no field %s", o.class.Name(), field)
	}
	packed, err := f.Pack(nil, args...)
	return f, packed, err
}

func (o *Object) check(f *dc.Field, packed []byte) error {
	if o.class.Field(f.Number()) != f {
		return fmt.Errorf("ai: %v is not a field of %s", f, o.class.Name())
	}
	return f.Check(packed)
}

func (o *Object) update(f *dc.Field, packed []byte) func(w *datagram.Writer) {
	return func(w *datagram.Writer) {
		w.Uint32(o.id)
		w.Uint16(uint16(f.Number()))
		w.Bytes(packed)
	}
}

// keep remembers a value as a state server does.
func (o *Object) keep(f *dc.Field, packed []byte) {
	if o.values == nil {
		return
	}
	if f.Kind() == dc.Molecular {
		for _, atomic := range f.Atomics() {
			n, err := atomic.Skip(packed)
			if err != nil {
				return // it was checked
			}
			o.keep(atomic, packed[:n])
			packed = packed[n:]
		}
		return
	}
	if kept(f) {
		o.values[f.Number()] = slices.Clone(packed)
	}
}

// kept reports whether objects have values of a field.
func kept(f *dc.Field) bool {
	if f.Kind() == dc.Molecular {
		return !slices.ContainsFunc(f.Atomics(), func(f *dc.Field) bool { return !kept(f) })
	}
	return f.HasAny(dc.Required | dc.RAM)
}

// Packed returns the packed value of a required or ram field, as far as the AI
// knows it: as it was at first, was set by this AI, or came in an update that it
// heard. It is nil if there is none, and must not be modified.
func (o *Object) Packed(f *dc.Field) []byte { return o.values[f.Number()] }

// Value is Packed with the DC file's default in place of a value that is not
// known; nil for fields that are neither required nor ram, and molecular ones.
func (o *Object) Value(f *dc.Field) []byte {
	if packed := o.values[f.Number()]; packed != nil || !kept(f) || f.Kind() == dc.Molecular {
		return packed
	}
	return f.AppendDefault(nil)
}

// Get returns the Go values of a field as dc.Field.Unpack makes them of what
// Packed returns; nil if there is none.
func (o *Object) Get(field string) ([]any, error) {
	f := o.class.FieldByName(field)
	if f == nil {
		return nil, fmt.Errorf("ai: %s has no field %s", o.class.Name(), field)
	}
	packed := o.values[f.Number()]
	if packed == nil {
		return nil, nil
	}
	return f.Unpack(packed)
}

// take lets an update from others take effect.
func (o *Object) take(sender uint64, r *datagram.Reader) error {
	number := int(r.Uint16())
	if r.Err() != nil {
		return r.Err()
	}
	f := o.class.Field(number)
	if f == nil {
		return fmt.Errorf("%s has no field number %d; do the DC files differ?", o.class.Name(), number)
	}
	rest := r.Rest()
	n, err := f.CheckPrefix(rest)
	if err != nil {
		return err
	}
	*r = datagram.NewReader(rest[n:])
	o.keep(f, rest[:n])
	if h, ok := o.handler.(UpdateHandler); ok {
		h.Update(o, sender, f, rest[:n])
	}
	return nil
}

// fill reads the values of a snapshot: required fields that pass the filter,
// and others, if there are any.
func (o *Object) fill(r *datagram.Reader, visible func(*dc.Field) bool, others bool) error {
	o.values = make(map[int][]byte)
	read := func(f *dc.Field) error {
		rest := r.Rest()
		n, err := f.CheckPrefix(rest)
		if err != nil {
			return err
		}
		o.values[f.Number()] = slices.Clone(rest[:n])
		*r = datagram.NewReader(rest[n:])
		return nil
	}
	for _, f := range o.class.RequiredFields() {
		if visible(f) {
			if err := read(f); err != nil {
				return err
			}
		}
	}
	if !others {
		return nil
	}
	for range r.Uint16() {
		f := o.class.Field(int(r.Uint16()))
		if f == nil {
			return fmt.Errorf("a value of %s is of no field of it; do the DC files differ?", o.class.Name())
		}
		if err := read(f); err != nil {
			return err
		}
	}
	return r.Err()
}

// toClients are the fields of which everybody in the zone is told.
func toClients(f *dc.Field) bool { return f.HasAny(dc.Broadcast | dc.ClRecv) }

func toAI(*dc.Field) bool { return true }
