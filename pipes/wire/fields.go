package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/culm-net/culm/dc"
)

// Fields passes over the field values of one object. Use it like this:
//
//	for f.Next() {
//		use(f.Index(), f.Value())
//	}
//	if f.Err() != nil {
//		// what was yielded is right, but not all there is
//	}
//
// It checks every value against the schema as it comes to it and copies
// nothing. A whole value of an object is known to be good only at the end: who
// wants all or nothing asks Check before.
type Fields struct {
	in     Type        // which message they are in
	class  []*dc.Field // in inherited order
	kind   dc.FieldKind
	rest   []byte
	left   int  // how many fields are to come, if not in a record
	record bool // in a record: ascending keys until rest is empty
	index  int
	value  []byte
	err    error
}

// Next goes to the next field, if there is one and it is good.
func (f *Fields) Next() bool {
	if f.err != nil {
		return false
	}
	var index, n int
	if f.record {
		if len(f.rest) == 0 {
			return false
		}
		var key uint32
		if key, n = uvarint(f.rest); n == 0 {
			f.err = errKey
			return false
		}
		// Keys are the index and 1, as 0 is the zone. Each is above the one
		// before, so that no field is there twice.
		if int64(key) <= int64(f.index)+1 {
			f.err = fmt.Errorf("key %d follows field %d; keys ascend", key, f.index)
			return false
		}
		index = int(min(key-1, math.MaxInt32)) // int may have 32 bits
	} else {
		if f.left == 0 {
			return false
		}
		if len(f.rest) < 2 {
			f.err = errors.New("a field's index is cut short")
			return false
		}
		index, n = int(binary.LittleEndian.Uint16(f.rest)), 2
		f.left--
	}
	if index >= len(f.class) {
		f.err = fmt.Errorf("field index %d; the class has %d fields", index, len(f.class))
		return false
	}
	field := f.class[index]
	if field.Kind() != f.kind {
		f.err = fmt.Errorf("%v field %v, where only %v fields belong", field.Kind(), field, f.kind)
		return false
	}
	size, err := field.CheckPrefix(f.rest[n:])
	if err != nil {
		f.err = err
		return false
	}
	f.index, f.value, f.rest = index, f.rest[n:n+size:n+size], f.rest[n+size:]
	return true
}

// Index is the present field's inherited index: its place in [dc.Class.Fields].
func (f *Fields) Index() int { return f.index }

// Field is the present field.
func (f *Fields) Field() *dc.Field { return f.class[f.index] }

// Value is the present field's packed value, a part of the message.
func (f *Fields) Value() []byte { return f.value }

// Err is why Next returned false: nil at the end, else an [*Error].
func (f *Fields) Err() error {
	if f.err != nil {
		return refuse(f.in, f.err)
	}
	return nil
}

// Check passes over what is left and returns the error it meets. The Fields it
// is called on stay where they are.
func (f Fields) Check() error {
	for f.Next() {
	}
	return f.Err()
}

// FieldList is a number of fields with packed values, as generates and plain
// snapshots carry them. The zero value is empty.
type FieldList struct {
	count int
	bytes []byte
}

// Add appends a field: its inherited index, from 0 to 65,535, and its packed
// value. It copies the value.
func (l *FieldList) Add(index int, value []byte) {
	l.bytes = binary.LittleEndian.AppendUint16(l.bytes, uint16(index))
	l.bytes = append(l.bytes, value...)
	l.count++
}

// Reset empties the list and keeps its memory. It must not be called on a list
// that was decoded, whose memory is the message's.
func (l *FieldList) Reset() { l.count, l.bytes = 0, l.bytes[:0] }

// Len is the number of fields.
func (l FieldList) Len() int { return l.count }

// fields reads the list as fields of one kind of a class.
func (l FieldList) fields(in Type, c *dc.Class, kind dc.FieldKind) Fields {
	return Fields{in: in, class: c.Fields(), kind: kind, rest: l.bytes, left: l.count}
}

// appendTo writes the list behind its count.
func (l FieldList) appendTo(b []byte) ([]byte, error) {
	if l.count > math.MaxUint16 {
		return b, fmt.Errorf("%d fields; at most 65535 can be sent", l.count)
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(l.count))
	return append(b, l.bytes...), nil
}

// fieldList takes a counted list off the start of b and checks it.
func fieldList(b []byte, c *dc.Class, kind dc.FieldKind) (l FieldList, rest []byte, err error) {
	if len(b) < 2 {
		return l, nil, errors.New("a count of fields is cut short")
	}
	l = FieldList{count: int(binary.LittleEndian.Uint16(b)), bytes: b[2:]}
	f := l.fields(0, c, kind) // the caller names the message
	for f.Next() {
	}
	if f.err != nil {
		return FieldList{}, nil, f.err
	}
	n := len(l.bytes) - len(f.rest)
	l.bytes = l.bytes[:n:n]
	return l, f.rest, nil
}

var errKey = errors.New("a number in base 128 is cut short, longer than needed, or over 32 bits")

// uvarint reads a number of 7 bits a byte, the lowest first. n is 0 when it is
// cut short, over 32 bits, or not in its shortest form.
func uvarint(b []byte) (v uint32, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint32(b[0]), 1
	}
	long, n := binary.Uvarint(b[:min(len(b), binary.MaxVarintLen32)])
	if n <= 0 || long > math.MaxUint32 || b[n-1] == 0 {
		return 0, 0
	}
	return uint32(long), n
}
