package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/culm-net/culm/dc"
)

// checkPart reads a whole part, as a client does that knows the objects of
// classOf and passes over others. It returns the part written again.
func checkPart(body []byte, classOf func(uint32) *dc.Class) (again []byte, err error) {
	m, err := DecodePart(body)
	if err != nil {
		return nil, err
	}
	again = m.Append(nil)
	r := m.Records()
	for r.Next() {
		var contents []byte
		rec := r.Record()
		if rec.HasZone {
			contents = AppendRecordZone(contents, rec.Zone)
		}
		if class := classOf(rec.DoID); class != nil {
			f := rec.Fields(class)
			for f.Next() {
				contents = AppendRecordField(contents, f.Index(), f.Value())
			}
			if f.Err() != nil {
				return nil, f.Err()
			}
		} else {
			contents = append(contents, rec.fields...)
		}
		again = AppendRecord(again, rec.DoID, contents)
	}
	return again, r.Err()
}

// part is written by hand: the header with that many records, and the records.
func part(count uint16, records ...any) []byte {
	return append(le(uint32(5), uint32(100), uint32(7), uint8(3), count), le(records...)...)
}

func TestPart(t *testing.T) {
	classOf := twoAvatars(t)
	body := part(4,
		// Object 1: heading (index 2, key 3) and hp (index 3, key 4).
		[]byte{1, 5, 3}, int16(5), []byte{4, 50},
		// Object 300 is not known.
		[]byte{0xac, 0x02, 3, 1, 2, 3},
		// Object 3 has only a zone.
		[]byte{3, 5, 0}, uint32(77),
		// Object 2: a zone and hp.
		[]byte{2, 7, 0}, uint32(78), []byte{4, 51})
	m, err := DecodePart(body)
	if err != nil || m.Structure != 5 || m.Tick != 100 || m.Number != 7 || m.Flags != FirstPart|LastPart || m.Count != 4 {
		t.Fatalf("%+v, %v", m, err)
	}
	var got []Record
	r := m.Records()
	for r.Next() {
		got = append(got, r.Record())
	}
	if r.Err() != nil || len(got) != 4 {
		t.Fatalf("%d records, %v", len(got), r.Err())
	}
	if got[1].DoID != 300 || got[1].HasZone || !got[2].HasZone || got[2].Zone != 77 || got[3].DoID != 2 || got[3].Zone != 78 {
		t.Errorf("%+v", got)
	}
	f := got[3].Fields(classOf(2))
	if !f.Next() || f.Index() != 3 || !bytes.Equal(f.Value(), []byte{51}) || f.Next() || f.Err() != nil {
		t.Errorf("fields of object 2: %d % x, %v", f.Index(), f.Value(), f.Err())
	}
	again, err := checkPart(body, classOf)
	if err != nil || !bytes.Equal(again, append(le(uint16(0x4300)), body...)) {
		t.Errorf("written % x, %v", again, err)
	}
	for n := range body {
		if _, err := checkPart(body[:n:n], classOf); err == nil {
			t.Errorf("cut to %d bytes it is no error", n)
		}
	}
	if _, err := checkPart(append(body[:len(body):len(body)], 0), classOf); err == nil {
		t.Error("a byte behind it is no error")
	}
	header := m.Append(nil)
	if len(header) != PartHeaderSize || !bytes.Equal(header[PartCountOffset:], le(m.Count)) || !bytes.Equal(header[StampOffset:][:8], le(m.Structure, m.Tick)) {
		t.Errorf("header % x does not fit the constants", header)
	}
}

func TestPartRefused(t *testing.T) {
	tests := []struct {
		name string
		body []byte
	}{
		{"number 0", le(uint32(5), uint32(100), uint32(0), uint8(3), uint16(0))},
		{"an unknown flag", le(uint32(5), uint32(100), uint32(1), uint8(8), uint16(0))},
		{"partial, but not the last", le(uint32(5), uint32(100), uint32(1), uint8(5), uint16(0))},
		{"an empty record", part(1, []byte{1, 0})},
		{"a record past the end", part(1, []byte{1, 3, 4, 50})},
		{"a record longer than memory", part(1, []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 4, 50})},
		{"a doId over 32 bits", part(1, []byte{0x81, 0x80, 0x80, 0x80, 0x10, 2, 4, 50})},
		{"a doId that never ends", part(1, []byte{0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 2, 4, 50})},
		{"a doId longer than needed", part(1, []byte{0x81, 0x00, 2, 4, 50})},
		{"a length longer than needed", part(1, []byte{1, 0x82, 0x00, 4, 50})},
		{"a key longer than needed", part(1, []byte{1, 3, 0x84, 0x00, 50})},
		{"a zone cut short", part(1, []byte{1, 4, 0, 1, 2, 3})},
		{"a zone behind a field", part(1, []byte{1, 7, 4, 50, 0, 1, 2, 3, 4})},
		{"two zones", part(1, []byte{1, 10, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4})},
		{"a field twice", part(1, []byte{1, 4, 4, 50, 4, 50})},
		{"fields that descend", part(1, []byte{1, 5, 4, 50, 3, 0, 0})},
		{"a field past the class", part(1, []byte{1, 2, 8, 50})},
		{"a method", part(1, []byte{1, 2, 7, 2})},
		{"a value out of its range", part(1, []byte{1, 2, 4, 101})},
		{"a key over 31 bits", part(1, []byte{1, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 50})},
		{"a value past its record", part(2, []byte{1, 2, 3, 0}, []byte{0, 2, 4, 50})},
	}
	for _, tt := range tests {
		if _, err := checkPart(tt.body, twoAvatars(t)); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
	m, err := DecodePart(part(1, []byte{1, 0}))
	if err != nil {
		t.Fatal(err)
	}
	r := m.Records()
	var e *Error
	if r.Next() || !errors.As(r.Err(), &e) || e.Type != ExtSnapshot {
		t.Errorf("%v", r.Err())
	}
	if r.Next() {
		t.Error("an error does not stay")
	}
	f := Record{fields: []byte{4, 101}}.Fields(twoAvatars(t)(1))
	if err := f.Check(); err == nil || f.Err() != nil || f.Next() || f.Err() == nil || f.Next() {
		t.Errorf("Check %v, Err %v", err, f.Err())
	}
}

// TestEndRecord compares records that are made in place with those that are put
// together.
func TestEndRecord(t *testing.T) {
	for _, size := range []int{1, 0x7f, 0x80, 0x3fff, 0x4000} {
		contents := bytes.Repeat([]byte{1, 2, 3}, size)[:size]
		want := AppendRecord([]byte("before"), 1000, contents)
		b := BeginRecord([]byte("before"), 1000)
		from := len(b)
		if got := EndRecord(append(b, contents...), from); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: % x…, want % x…", size, got[:min(len(got), 20)], want[:min(len(want), 20)])
		}
	}
}
