package stateserver

import (
	"errors"
	"fmt"
	"slices"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// getField answers GET_FIELD.
func (o *Object) getField(m *md.Message, r *datagram.Reader) {
	context := r.Uint32()
	if !o.own(m, r) {
		return
	}
	number := r.Uint16()
	if !o.complete(m, r) {
		return
	}
	f := o.class.field(number)
	w := o.begin(md.StateServerObjectGetFieldResp, uint64(o.doID), m.Sender)
	w.Uint32(context)
	if f != nil && o.has(f) {
		w.Bool(true)
		w.Uint16(number)
		o.appendValue(w, f)
	} else {
		w.Bool(false)
	}
	o.endOrFail(m, md.StateServerObjectGetFieldResp, context)
}

// getFields answers GET_FIELDS, ascending and each field once.
func (o *Object) getFields(m *md.Message, r *datagram.Reader) {
	context := r.Uint32()
	if !o.own(m, r) {
		return
	}
	numbers, ok := o.readNumbers(m, r, int(r.Uint16()))
	if !ok {
		return
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	n := 0
	for _, number := range numbers {
		f := o.class.field(number)
		if f == nil {
			o.failed(m, md.StateServerObjectGetFieldsResp, context)
			return
		}
		if o.has(f) {
			numbers[n] = number
			n++
		}
	}
	w := o.begin(md.StateServerObjectGetFieldsResp, uint64(o.doID), m.Sender)
	w.Uint32(context)
	w.Bool(true)
	w.Uint16(uint16(n))
	for _, number := range numbers[:n] {
		w.Uint16(number)
		o.appendValue(w, o.class.field(number))
	}
	o.endOrFail(m, md.StateServerObjectGetFieldsResp, context)
}

// readNumbers reads n numbers of fields. The slice is the role's scratch space.
func (o *Object) readNumbers(m *md.Message, r *datagram.Reader, n int) ([]uint16, bool) {
	if !o.complete(m, r) {
		return nil, false
	}
	numbers := o.set.numbers[:0]
	for range min(n, r.Remaining()/2+1) { // one too many shows that it is cut short
		numbers = append(numbers, r.Uint16())
	}
	o.set.numbers = numbers
	return numbers, o.complete(m, r)
}

// endOrFail finishes an answer of getField or getFields; a negative one takes
// the place of one that is too long.
func (o *Object) endOrFail(m *md.Message, t md.Type, context uint32) {
	if err := o.tryEnd(); err != nil {
		o.ignore(m, tooLong, err.Error())
		o.failed(m, t, context)
	}
}

// failed answers that there is no value.
func (o *Object) failed(m *md.Message, t md.Type, context uint32) {
	w := o.begin(t, uint64(o.doID), m.Sender)
	w.Uint32(context)
	w.Bool(false)
	o.end()
}

// getAll answers GET_ALL.
func (o *Object) getAll(m *md.Message, r *datagram.Reader) {
	context := r.Uint32()
	if !o.own(m, r) {
		return
	}
	w := o.begin(md.StateServerObjectGetAllResp, uint64(o.doID), m.Sender)
	w.Uint32(context)
	o.appendSnapshot(w, forAI, true)
	o.end()
}

// has reports whether the field, or all that a molecular one is made of, has a
// value.
func (o *Object) has(f *field) bool {
	if !f.molecular {
		return f.at >= 0 && (f.required || o.values.StampAt(f.at) != unset)
	}
	for _, a := range f.atomics {
		if !o.has(a) {
			return false
		}
	}
	return true
}

// appendValue appends the value of a field that has one.
func (o *Object) appendValue(w *datagram.Writer, f *field) {
	if !f.molecular {
		w.Bytes(o.values.At(f.at))
	}
	for _, a := range f.atomics {
		o.appendValue(w, a)
	}
}

// setField lets SET_FIELD take effect (astron.md section 4.3).
func (o *Object) setField(m *md.Message, r *datagram.Reader) {
	if !o.own(m, r) {
		return
	}
	f, v, ok := o.readEntry(m, r)
	if ok && o.fits(m, o.growth(f, v)) {
		o.update(f, v, m.Sender)
	}
}

// setFields lets SET_FIELDS take effect, if all of it can.
func (o *Object) setFields(m *md.Message, r *datagram.Reader) {
	if !o.own(m, r) {
		return
	}
	n := int(r.Uint16())
	if !o.complete(m, r) {
		return
	}
	first := *r // a copy, which reads on by itself
	growth := 0
	for range n {
		f, v, ok := o.readEntry(m, r)
		if !ok {
			return
		}
		// A later shrinking must not pay for a growth before it.
		growth += max(0, o.growth(f, v))
	}
	if !o.fits(m, growth) {
		return
	}
	for range n {
		f, v, _ := o.readEntry(m, &first)
		o.update(f, v, m.Sender)
	}
}

// readEntry reads the number and the value of a field.
func (o *Object) readEntry(m *md.Message, r *datagram.Reader) (*field, []byte, bool) {
	number := r.Uint16()
	if !o.complete(m, r) {
		return nil, nil, false
	}
	f := o.class.field(number)
	if f == nil {
		o.ignore(m, unknownField, fmt.Sprintf("%s has no field number %d; do the DC files differ?", o.class.layout.Class(), number))
		return nil, nil, false
	}
	rest := *r // a copy, which reads on by itself
	v, err := f.read(rest.Rest())
	if err != nil {
		o.ignore(m, badValue, err.Error())
		return nil, nil, false
	}
	r.Skip(len(v))
	return f, v, true
}

// growth is by how many bytes the object's values grow when f gets the value v.
func (o *Object) growth(f *field, v []byte) int {
	if f.at >= 0 {
		return len(v) - len(o.values.At(f.at))
	}
	n := 0
	f.parts(v, func(f *field, v []byte) { n += o.growth(f, v) })
	return n
}

// fits reports whether the object can grow so much and still be told in one
// message.
func (o *Object) fits(m *md.Message, growth int) bool {
	size := o.values.Size() + o.class.extra + growth
	if growth <= 0 || size <= maxValues {
		return true
	}
	o.ignore(m, tooLong, fmt.Sprintf("the object's values would have %d bytes, at most %d fit into a message", size, maxValues))
	return false
}

// update stores a value and tells of it.
func (o *Object) update(f *field, v []byte, by uint64) {
	if f.at >= 0 {
		o.store(f, v)
	} else if f.molecular {
		f.parts(v, o.store)
	}
	o.tellField(md.StateServerObjectSetField, f, v, by)
}

func (o *Object) store(f *field, v []byte) {
	if f.optional && o.values.StampAt(f.at) == unset {
		o.values.Restamp(f.at, set) // also if the value is the default
		o.others++
	}
	// It cannot fail: the value was checked, and its field is stored.
	_, _ = o.values.Set(f.index, v, set)
}

// tellField sends a message about a field to those whom its keywords name.
func (o *Object) tellField(t md.Type, f *field, v []byte, by uint64) {
	var to [3]uint64 // 0 is nobody
	if f.broadcast && o.parent != 0 {
		to[0] = md.LocationChannel(o.parent, o.zone)
	}
	if f.aiRecv && o.ai != by {
		to[1] = o.ai
	}
	if f.ownRecv && o.owner != by {
		to[2] = o.owner
	}
	if errors.Is(o.sendField(t, f, v, by, to[:]...), md.ErrTooLong) {
		// It has come in a message with perhaps fewer recipients.
		for _, one := range to {
			_ = o.sendField(t, f, v, by, one)
		}
	}
}

func (o *Object) sendField(t md.Type, f *field, v []byte, by uint64, to ...uint64) error {
	w := o.begin(t, by, to...)
	w.Uint32(o.doID)
	w.Uint16(f.number)
	w.Bytes(v)
	return o.tryEnd()
}

// deleteFields lets DELETE_FIELD_RAM (n is 1) and DELETE_FIELDS_RAM (n is in the
// message) take effect, if all of it can: an optional field is not set any more,
// a required one has the default that the DC file gives it. Those who hear the
// field are told of each by a DELETE_FIELD_RAM.
func (o *Object) deleteFields(m *md.Message, r *datagram.Reader, n int) {
	if !o.own(m, r) {
		return
	}
	if n < 0 {
		n = int(r.Uint16())
	}
	numbers, ok := o.readNumbers(m, r, n)
	if !ok {
		return
	}
	growth := 0
	for _, number := range numbers {
		f := o.class.field(number)
		switch {
		case f == nil:
			o.ignore(m, unknownField, fmt.Sprintf("%s has no field number %d; do the DC files differ?", o.class.layout.Class(), number))
			return
		case f.at < 0:
			o.ignore(m, badField, fmt.Sprintf("%s is not stored", f.dc.Name()))
			return
		case f.required && !f.dc.HasDefault():
			o.ignore(m, badField, fmt.Sprintf("%s is required and has no default in the DC file", f.dc.Name()))
			return
		}
		growth += max(0, o.growth(f, o.class.layout.Default(f.at)))
	}
	if !o.fits(m, growth) {
		return
	}
	for _, number := range numbers {
		f := o.class.field(number)
		if !o.has(f) {
			continue
		}
		_, _ = o.values.Set(f.index, o.class.layout.Default(f.at), set)
		if f.optional {
			o.values.Restamp(f.at, unset)
			o.others--
		}
		o.tellField(md.StateServerObjectDeleteFieldRAM, f, nil, m.Sender)
	}
}
