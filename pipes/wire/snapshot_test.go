package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/culm-net/culm/dc"
)

// twoAvatars knows objects 1 and 2 as avatars and 3 as an object without fields.
func twoAvatars(t testing.TB) func(uint32) *dc.Class {
	s := schema(t)
	return func(id uint32) *dc.Class {
		switch id {
		case 1, 2:
			return s.Class("DistributedAvatar")
		case 3:
			return s.Class("DistributedObject")
		}
		return nil
	}
}

func TestSnapshot(t *testing.T) {
	classOf := twoAvatars(t)
	body := le(uint32(9), uint8(7), uint16(3),
		uint32(3), uint16(0),
		uint32(1), uint16(2), uint16(2), int16(5), uint16(3), uint8(50),
		uint32(2), uint16(1), uint16(3), uint8(51))
	m, err := DecodeSnapshot(body)
	if err != nil || m.Tick != 9 || !m.Delta || m.Count != 3 {
		t.Fatalf("%+v, %v", m, err)
	}
	for n := range body {
		m, err := DecodeSnapshot(body[:n:n])
		if err == nil {
			err = m.Check(classOf)
		}
		if err == nil {
			t.Errorf("cut to %d bytes it is read as %+v", n, m)
		}
	}
	if m, _ := DecodeSnapshot(append(body[:len(body):len(body)], 1, 2, 3)); m.Check(classOf) != nil {
		t.Errorf("with bytes behind it: %v", m.Check(classOf))
	}

	// Objects whose fields nobody looks at, or not at all of them, are passed.
	for looks := range 3 {
		var ids []uint32
		o := m.Objects(classOf)
		for o.Next() {
			ids = append(ids, o.DoID())
			for range looks {
				o.Fields().Next()
			}
		}
		if len(ids) != 3 || ids[0] != 3 || ids[1] != 1 || ids[2] != 2 || o.Err() != nil || o.Next() {
			t.Errorf("%d looks: objects %d, %v", looks, ids, o.Err())
		}
	}
}

func TestSnapshotRefused(t *testing.T) {
	tests := []struct {
		name string
		body []byte
		want error
	}{
		{"an unknown object", le(uint16(2), uint32(2), uint16(0), uint32(4), uint16(0)), ErrUnknownObject},
		{"a field past the class", le(uint16(1), uint32(1), uint16(1), uint16(7), uint8(0)), nil},
		{"a field of a class without any", le(uint16(1), uint32(3), uint16(1), uint16(0), uint8(0)), nil},
		{"a method", le(uint16(1), uint32(1), uint16(1), uint16(5), uint8(0)), nil},
		{"a value out of its range", le(uint16(1), uint32(1), uint16(1), uint16(3), uint8(101)), nil},
	}
	for _, tt := range tests {
		m, err := DecodeSnapshot(append(le(uint32(9), uint8(0)), tt.body...))
		if err != nil {
			t.Fatal(err)
		}
		err = m.Check(twoAvatars(t))
		var e *Error
		if !errors.As(err, &e) || e.Type != SVTick || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestSnapshotCountOffset(t *testing.T) {
	b := Snapshot{Tick: 1, Delta: true}.Append([]byte("xy"))[2:]
	b[SnapshotCountOffset], b[SnapshotCountOffset+1] = 2, 1
	if want := le(uint16(9), uint32(1), uint8(1), uint16(0x0102)); !bytes.Equal(b, want) {
		t.Errorf("% x, want % x", b, want)
	}
	var l FieldList
	for range 1 << 16 {
		l.Add(3, []byte{1})
	}
	if b, err := AppendSnapshotObject([]byte("x"), 1, l); err == nil || string(b) != "x" {
		t.Errorf("65536 fields are written: %v", err)
	}
	l.Reset()
	if l.Len() != 0 {
		t.Errorf("%d fields after Reset", l.Len())
	}
}
