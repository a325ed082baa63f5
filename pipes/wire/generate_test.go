package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/culm-net/culm/dc"
)

// avatar is a generate of pipes.dc's DistributedAvatar, written by hand: four
// state fields, and of the methods setTeam(uint8), index 6.
func avatar(t *testing.T) (class *dc.Class, body []byte) {
	class = schema(t).Class("DistributedAvatar")
	return class, le(uint16(class.Number()), uint32(42), uint32(0x10000), uint8(1),
		uint16(4),
		uint16(0), uint16(3), "ann",
		uint16(1), float64(1), float64(2), float64(3),
		uint16(2), int16(900),
		uint16(3), uint8(100),
		uint16(1), uint16(6), uint8(2))
}

func TestGenerate(t *testing.T) {
	s := schema(t)
	class, body := avatar(t)
	for _, typ := range []Type{SVGenerateObject, SVGenerateOwnerObject, ExtGenerate, ExtGenerateOwner} {
		t.Run(typ.String(), func(t *testing.T) {
			want := Stamp{}
			whole := body
			if typ.Extended() {
				want = Stamp{Structure: 3, Tick: 1<<32 - 1}
				whole = append(le(uint32(3), uint32(1<<32-1)), body...)
			}
			m, err := DecodeGenerate(s, typ, whole)
			if err != nil {
				t.Fatal(err)
			}
			if m.Stamp != want || m.Type != typ || m.Class != class || m.DoID != 42 || m.Zone != 0x10000 || !m.HasBaseline || m.Baseline.Len() != 4 || m.Required.Len() != 1 {
				t.Errorf("read %+v", m)
			}
			f := m.RequiredFields()
			if !f.Next() || f.Field().Name() != "setTeam" || !bytes.Equal(f.Value(), []byte{2}) || f.Next() || f.Err() != nil {
				t.Errorf("required: %v %v, %v", f.Field(), f.Value(), f.Err())
			}
			again, err := m.Append([]byte("x"))
			if err != nil || !bytes.Equal(again, append(append([]byte("x"), le(uint16(typ))...), whole...)) {
				t.Errorf("written % x, %v", again, err)
			}
			contents, err := m.AppendContents(nil)
			if err != nil || !bytes.Equal(contents, body) {
				t.Errorf("contents % x, %v", contents, err)
			}
			if b := AppendGenerate([]byte("x"), typ, want, contents); !bytes.Equal(b, again) {
				t.Errorf("% x put together from contents, written as % x", b, again)
			}
			for n := range whole {
				if m, err := DecodeGenerate(s, typ, whole[:n:n]); err == nil {
					t.Errorf("cut to %d bytes it is read as %+v", n, m)
				}
			}
			_, err = DecodeGenerate(s, typ, append(whole[:len(whole):len(whole)], 0))
			if (err != nil) != typ.Extended() {
				t.Errorf("with a byte behind it: %v", err)
			}
		})
	}
}

// Without a baseline, and with one of a class that has no state.
func TestGenerateWithoutState(t *testing.T) {
	s := schema(t)
	for _, body := range [][]byte{
		le(uint16(1), uint32(0), uint32(1), uint8(0), uint16(0)),
		le(uint16(1), uint32(0), uint32(1), uint8(1), uint16(0), uint16(0)),
	} {
		m, err := DecodeGenerate(s, SVGenerateObject, body)
		if err != nil || m.HasBaseline != (body[10] == 1) {
			t.Errorf("% x: %+v, %v", body, m, err)
		}
		b, err := m.Append(nil)
		if err != nil || !bytes.Equal(b[2:], body) {
			t.Errorf("% x: written % x, %v", body, b, err)
		}
	}
}

func TestGenerateRefused(t *testing.T) {
	s := schema(t)
	class := uint16(s.Class("DistributedAvatar").Number())
	tests := []struct {
		name string
		body []byte
		want error
	}{
		{"a class that is not there", le(uint16(999), uint32(1), uint32(1), uint8(0), uint16(0)), ErrUnknownClass},
		{"a struct", le(uint16(0), uint32(1), uint32(1), uint8(0), uint16(0)), ErrUnknownClass},
		{"a field past the class", le(class, uint32(1), uint32(1), uint8(1), uint16(1), uint16(7), uint8(1), uint16(0)), nil},
		{"a method as state", le(class, uint32(1), uint32(1), uint8(1), uint16(1), uint16(6), uint8(1), uint16(0)), nil},
		{"state as a method", le(class, uint32(1), uint32(1), uint8(0), uint16(1), uint16(3), uint8(1)), nil},
		{"a value out of its range", le(class, uint32(1), uint32(1), uint8(1), uint16(1), uint16(3), uint8(101), uint16(0)), nil},
		{"more fields than there are", le(class, uint32(1), uint32(1), uint8(1), uint16(0xffff), uint16(3), uint8(1), uint16(0)), nil},
	}
	for _, tt := range tests {
		_, err := DecodeGenerate(s, SVGenerateObject, tt.body)
		var e *Error
		if !errors.As(err, &e) || e.Type != SVGenerateObject || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	stamped := append(le(uint32(1), uint32(1)), le(class, uint32(1), uint32(1), uint8(2), uint16(0), uint16(0))...)
	if _, err := DecodeGenerate(s, ExtGenerate, stamped); err == nil {
		t.Error("a mark of 2 is accepted in the extension")
	}
	var many FieldList
	for range 1 << 16 {
		many.Add(3, []byte{1})
	}
	m := Generate{Type: SVGenerateObject, Class: s.Class("DistributedAvatar"), HasBaseline: true, Baseline: many}
	if b, err := m.Append([]byte("x")); err == nil || string(b) != "x" {
		t.Errorf("65536 fields are written: %v", err)
	}
	m = Generate{Type: SVGenerateObject, Class: s.Class("Vec3")}
	if b, err := m.Append([]byte("x")); err == nil || string(b) != "x" {
		t.Errorf("a struct is generated: %v", err)
	}
}
