package object

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/culm-net/culm/dc"
)

// Layout says which fields of a class are stored and where their values are in
// an object's buffer. It never changes and is safe for concurrent use.
type Layout struct {
	class  *dc.Class
	fields []place

	// positions has, by inherited index, 1 + the index in fields, and 0 for
	// fields that are not stored.
	positions []uint16

	// A buffer has, one after the other: a stamp per stored field, the end of
	// each value that varies in length, the values of fixed length, the values
	// that vary in length. Numbers are uint32, ends count from the buffer's
	// beginning.
	ends    int // where the ends begin
	fixed   int // where the values of fixed length begin
	varying int // where the values that vary in length begin

	initial []byte // the buffer of an object with default values and stamps of 0
}

// place is where a stored field's value is.
type place struct {
	index uint16 // inherited
	vary  bool   // the value's length varies
	at    uint32 // where the value begins; with vary where the end of the value is told
	size  uint32 // bytes of a value of fixed length
}

const word = 4 // bytes of a stamp or an end

// NewLayout makes the layout of a class's objects that stores the fields which
// stores accepts, in inherited order. Molecular fields have no value of their
// own and are never stored. It refuses classes with more than 65,534 fields,
// whose indices no message could tell.
func NewLayout(class *dc.Class, stores func(*dc.Field) bool) (*Layout, error) {
	fields := class.Fields()
	if len(fields) >= math.MaxUint16 {
		return nil, fmt.Errorf("object: %s has %d fields, at most %d can be told apart in messages; split the class",
			class, len(fields), math.MaxUint16-1)
	}
	l := &Layout{class: class, positions: make([]uint16, len(fields))}
	varying, fixed := 0, 0 // fields that vary in length; bytes of the others
	for i, f := range fields {
		if f.Kind() == dc.Molecular || !stores(f) {
			continue
		}
		size, ok := fixedSize(f)
		l.fields = append(l.fields, place{index: uint16(i), vary: !ok, size: uint32(size)})
		l.positions[i] = uint16(len(l.fields))
		if ok {
			fixed += size
		} else {
			varying++
		}
	}
	l.ends = word * len(l.fields)
	l.fixed = l.ends + word*varying
	if l.varying = l.fixed + fixed; l.varying > math.MaxInt32 {
		return nil, fmt.Errorf("object: values of %s have %d bytes, too many to keep", class, fixed)
	}
	l.place(fields)
	return l, nil
}

// place sets where the values are and makes the initial buffer.
func (l *Layout) place(fields []*dc.Field) {
	b := make([]byte, l.varying)
	end, at := l.ends, l.fixed
	for k := range l.fields {
		p := &l.fields[k]
		f := fields[p.index]
		if p.vary {
			p.at = uint32(end)
			b = f.AppendDefault(b)
			binary.LittleEndian.PutUint32(b[end:], uint32(len(b)))
			end += word
			continue
		}
		p.at = uint32(at)
		copy(b[at:at+int(p.size)], f.AppendDefault(nil))
		at += int(p.size)
	}
	l.initial = b
}

// fixedSize returns how many bytes the field's packed values have, if all have
// as many.
func fixedSize(f *dc.Field) (size int, ok bool) {
	for _, p := range f.Params() {
		n, ok := p.Type().FixedSize()
		if !ok {
			return 0, false
		}
		size += n
	}
	return size, size <= math.MaxInt32
}

// Class returns the class whose objects the layout is for.
func (l *Layout) Class() *dc.Class { return l.class }

// Len is how many fields are stored.
func (l *Layout) Len() int { return len(l.fields) }

// Index returns the inherited index of the k-th stored field, 0 <= k < Len.
// Stored fields are in inherited order.
func (l *Layout) Index(k int) int { return int(l.fields[k].index) }

// Position returns the k of the field of that inherited index, and -1 when the
// field is not stored or the class has no such field.
func (l *Layout) Position(index int) int {
	if uint(index) >= uint(len(l.positions)) {
		return -1
	}
	return int(l.positions[index]) - 1
}

// Default returns the packed default value of the k-th stored field, 0 <= k <
// Len. The slice is the layout's and must not be modified.
func (l *Layout) Default(k int) []byte {
	from, to := l.bounds(&l.fields[k], l.initial)
	return l.initial[from:to:to]
}

// bounds tells where a value is in a buffer.
func (l *Layout) bounds(p *place, buf []byte) (from, to uint32) {
	if !p.vary {
		return p.at, p.at + p.size
	}
	from = uint32(l.varying)
	if p.at > uint32(l.ends) {
		from = binary.LittleEndian.Uint32(buf[p.at-word:])
	}
	return from, binary.LittleEndian.Uint32(buf[p.at:])
}
