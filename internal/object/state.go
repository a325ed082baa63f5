package object

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// State is one object's values. Make it with [New] or [State.Init]. It is not safe for
// concurrent use, except for reading by many.
type State struct {
	layout *Layout
	buf    []byte // see Layout
}

// New makes an object's state: all stored fields have the default values of the
// DC file and the given stamp.
func New(l *Layout, stamp uint32) *State {
	// append leaves the slack of its size class, into which values may grow.
	s := &State{layout: l, buf: append([]byte(nil), l.initial...)}
	for k := range l.fields {
		s.putStamp(k, stamp)
	}
	return s
}

// Init makes s, in place, an object's state with the given packed values, which
// the caller has checked: values[k] is that of the k-th stored field. Fields
// whose value is nil, and those beyond the slice, get the default of the DC file
// and the stamp 0. The values are copied, into memory that is just large enough.
// The error is a [*FieldError], and s must not be used then.
func (s *State) Init(l *Layout, values [][]byte, stamp uint32) error {
	s.layout = l
	size := len(l.initial)
	for k, v := range values {
		if v == nil {
			continue
		}
		p := &l.fields[k]
		from, to := l.bounds(p, l.initial)
		if !p.vary && len(v) != int(p.size) {
			return s.refuse(int(p.index), fmt.Sprintf("has values of %d bytes, not of %d; check values before they are set", p.size, len(v)))
		}
		if size += len(v) - int(to-from); size > math.MaxInt32 {
			return s.refuse(int(p.index), "makes the object too large to keep")
		}
	}
	s.buf = append(make([]byte, 0, size), l.initial[:l.varying]...)
	for k := range l.fields {
		p := &l.fields[k]
		from, to := l.bounds(p, l.initial)
		v := l.initial[from:to]
		if k < len(values) && values[k] != nil {
			v = values[k]
			s.putStamp(k, stamp)
		}
		if p.vary {
			s.buf = append(s.buf, v...)
			binary.LittleEndian.PutUint32(s.buf[p.at:], uint32(len(s.buf)))
		} else {
			copy(s.buf[p.at:], v)
		}
	}
	return nil
}

// Layout returns the layout that the state was made with.
func (s *State) Layout() *Layout { return s.layout }

// Size is the number of bytes of all values together.
func (s *State) Size() int { return len(s.buf) - s.layout.fixed }

// Value returns the packed value of the field of that inherited index, nil when
// the layout does not store it. The slice is a part of the state: it must not
// be modified and is valid until the next Set of any field.
func (s *State) Value(index int) []byte {
	k := s.layout.Position(index)
	if k < 0 {
		return nil
	}
	return s.At(k)
}

// At is Value for the k-th stored field, 0 <= k < Layout.Len.
func (s *State) At(k int) []byte {
	from, to := s.bounds(&s.layout.fields[k])
	return s.buf[from:to:to]
}

// bounds tells where a value is in the buffer.
func (s *State) bounds(p *place) (from, to uint32) { return s.layout.bounds(p, s.buf) }

func (s *State) word(at uint32) uint32 { return binary.LittleEndian.Uint32(s.buf[at:]) }

// Stamp returns the stamp of the last change of the field of that inherited
// index, 0 when the layout does not store it.
func (s *State) Stamp(index int) uint32 {
	k := s.layout.Position(index)
	if k < 0 {
		return 0
	}
	return s.StampAt(k)
}

// StampAt is Stamp for the k-th stored field, 0 <= k < Layout.Len.
func (s *State) StampAt(k int) uint32 { return binary.LittleEndian.Uint32(s.buf[word*k:]) }

func (s *State) putStamp(k int, stamp uint32) {
	binary.LittleEndian.PutUint32(s.buf[word*k:], stamp)
}

// Restamp gives the k-th stored field a stamp, whether or not its value changed.
func (s *State) Restamp(k int, stamp uint32) { s.putStamp(k, stamp) }

// Set stores a copy of the packed value, which the caller has checked against
// the DC file, and reports whether that changed the field's bytes; if so the
// field has the given stamp, else it keeps its stamp. The error is a
// [*FieldError]: the layout does not store the field, or the value's length
// cannot be that of the field.
func (s *State) Set(index int, value []byte, stamp uint32) (changed bool, err error) {
	k := s.layout.Position(index)
	if k < 0 {
		return false, s.refuse(index, "is not stored")
	}
	p := &s.layout.fields[k]
	from, to := s.bounds(p)
	if !p.vary && len(value) != int(p.size) {
		return false, s.refuse(index, fmt.Sprintf("has values of %d bytes, not of %d; check values before they are set", p.size, len(value)))
	}
	if bytes.Equal(s.buf[from:to], value) {
		return false, nil
	}
	if len(value) != int(to-from) {
		if len(s.buf)+len(value) > math.MaxInt32 {
			return false, s.refuse(index, "makes the object too large to keep")
		}
		s.resize(p, int(from), int(to), len(value))
	}
	copy(s.buf[from:], value)
	s.putStamp(k, stamp)
	return true, nil
}

// resize gives the value from … to of a field that varies in length n bytes,
// whose contents are then undefined.
func (s *State) resize(p *place, from, to, n int) {
	grow := n - (to - from)
	size := len(s.buf)
	if grow > 0 {
		s.buf = append(s.buf, make([]byte, grow)...)
	}
	copy(s.buf[from+n:], s.buf[to:size])
	s.buf = s.buf[:size+grow]
	for at := int(p.at); at < s.layout.fixed; at += word {
		binary.LittleEndian.PutUint32(s.buf[at:], uint32(int(s.word(uint32(at)))+grow))
	}
}

// Touch gives the field of that inherited index a stamp though its value stays.
// It does nothing when the layout does not store it.
func (s *State) Touch(index int, stamp uint32) {
	if k := s.layout.Position(index); k >= 0 {
		s.putStamp(k, stamp)
	}
}

// FieldError says why a field could not be set.
type FieldError struct {
	Class  string // the object's class
	Field  string // the field's name, or its index when the class has no such field
	Reason string
}

// Error names the field and says what was wrong.
func (e *FieldError) Error() string {
	return fmt.Sprintf("object: field %s of dclass %s %s", e.Field, e.Class, e.Reason)
}

func (s *State) refuse(index int, reason string) error {
	e := &FieldError{Class: s.layout.class.Name(), Field: fmt.Sprint(index), Reason: reason}
	if fields := s.layout.class.Fields(); uint(index) < uint(len(fields)) {
		e.Field = fields[index].Name()
	}
	return e
}
