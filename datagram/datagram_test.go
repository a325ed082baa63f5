package datagram

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLayout(t *testing.T) {
	var w Writer
	w.Uint8(0x01)
	w.Int16(-2)
	w.Uint32(0x04030201)
	w.Int64(-1)
	w.Float32(1.5)
	w.Float64(-2)
	w.Bool(true)
	w.String("hé")
	w.Blob(nil)
	w.Bytes([]byte{9, 8})
	want := []byte{
		0x01,
		0xfe, 0xff,
		0x01, 0x02, 0x03, 0x04,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0x00, 0x00, 0xc0, 0x3f,
		0, 0, 0, 0, 0, 0, 0, 0xc0,
		1,
		3, 0, 'h', 0xc3, 0xa9,
		0, 0,
		9, 8,
	}
	if w.Err() != nil || !bytes.Equal(w.Buf, want) {
		t.Errorf("wrote % x, %v\nwant  % x", w.Buf, w.Err(), want)
	}
}

func TestTooLongIsAnError(t *testing.T) {
	long := strings.Repeat("x", math.MaxUint16+1)
	for what, write := range map[string]func(*Writer){
		"string": func(w *Writer) { w.String(long) },
		"blob":   func(w *Writer) { w.Blob([]byte(long)) },
	} {
		var w Writer
		w.Uint8(7)
		write(&w)
		w.Uint8(8)
		w.Bytes([]byte{9})
		var le *LengthError
		if !errors.As(w.Err(), &le) || *le != (LengthError{what, math.MaxUint16 + 1, math.MaxUint16}) {
			t.Errorf("%s: error %v", what, w.Err())
		}
		if !bytes.Equal(w.Buf, []byte{7}) {
			t.Errorf("%s: wrote % x", what, w.Buf)
		}
		w.Reset()
		w.String(long[1:])
		if w.Err() != nil || w.Len() != 2+math.MaxUint16 {
			t.Errorf("%s: after Reset %d bytes, %v", what, w.Len(), w.Err())
		}
	}
}

func TestShort(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		read func(*Reader)
		want ShortError
	}{
		{"uint8 of nothing", nil, func(r *Reader) { r.Uint8() }, ShortError{"uint8", 0, 1}},
		{"bool of nothing", nil, func(r *Reader) { r.Bool() }, ShortError{"bool", 0, 1}},
		{"uint32", []byte{1, 2, 3}, func(r *Reader) { r.Uint32() }, ShortError{"uint32", 0, 1}},
		{"float64 later", make([]byte, 7), func(r *Reader) { r.Uint16(); r.Float64() }, ShortError{"float64", 2, 3}},
		{"length of a string", []byte{1}, func(r *Reader) { _ = r.String() }, ShortError{"string", 0, 1}},
		{"string", []byte{0, 5, 0, 'x'}, func(r *Reader) { r.Uint8(); _ = r.String() }, ShortError{"string", 1, 4}},
		{"blob", []byte{0xff, 0xff}, func(r *Reader) { r.Blob() }, ShortError{"blob", 0, 65535}},
		{"bytes", []byte{1}, func(r *Reader) { r.Bytes(math.MaxInt) }, ShortError{"bytes", 0, math.MaxInt - 1}},
		{"negative", []byte{1}, func(r *Reader) { r.Skip(-1) }, ShortError{"length", 0, 0}},
		{"the first counts", []byte{1}, func(r *Reader) { r.Uint16(); r.Uint8(); r.Uint64() }, ShortError{"uint16", 0, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(tt.data)
			tt.read(&r)
			var se *ShortError
			if !errors.As(r.Err(), &se) || *se != tt.want {
				t.Errorf("error %v, want %v", r.Err(), &tt.want)
			}
			if r.Done() != r.Err() || r.Remaining() != 0 || r.Rest() != nil || r.Offset() != tt.want.Offset {
				t.Errorf("after it: Done %v, Remaining %d, Offset %d", r.Done(), r.Remaining(), r.Offset())
			}
		})
	}
}

func TestDone(t *testing.T) {
	r := NewReader([]byte{1, 2, 3})
	r.Uint8()
	var te *TrailingError
	if err := r.Done(); !errors.As(err, &te) || *te != (TrailingError{1, 2}) {
		t.Errorf("Done: %v", err)
	}
	if rest := r.Rest(); !bytes.Equal(rest, []byte{2, 3}) || cap(rest) != 2 {
		t.Errorf("Rest: %v with capacity %d", rest, cap(rest))
	}
	if r.Done() != nil || r.Offset() != 3 {
		t.Errorf("at the end: %v at %d", r.Done(), r.Offset())
	}
}

// field is one kind of field: how to write a random value and check that it is
// read back.
type field func(t *rapid.T, w *Writer) (check func(*Reader) bool)

func fieldOf[V comparable](gen *rapid.Generator[V], write func(*Writer, V), read func(*Reader) V) field {
	return func(t *rapid.T, w *Writer) func(*Reader) bool {
		v := gen.Draw(t, "v")
		write(w, v)
		return func(r *Reader) bool { return read(r) == v }
	}
}

var fields = []field{
	fieldOf(rapid.Uint8(), (*Writer).Uint8, (*Reader).Uint8),
	fieldOf(rapid.Uint16(), (*Writer).Uint16, (*Reader).Uint16),
	fieldOf(rapid.Uint32(), (*Writer).Uint32, (*Reader).Uint32),
	fieldOf(rapid.Uint64(), (*Writer).Uint64, (*Reader).Uint64),
	fieldOf(rapid.Int8(), (*Writer).Int8, (*Reader).Int8),
	fieldOf(rapid.Int16(), (*Writer).Int16, (*Reader).Int16),
	fieldOf(rapid.Int32(), (*Writer).Int32, (*Reader).Int32),
	fieldOf(rapid.Int64(), (*Writer).Int64, (*Reader).Int64),
	fieldOf(rapid.Float32(), (*Writer).Float32, (*Reader).Float32),
	fieldOf(rapid.Float64(), (*Writer).Float64, (*Reader).Float64),
	fieldOf(rapid.Bool(), (*Writer).Bool, (*Reader).Bool),
	fieldOf(rapid.String(), (*Writer).String, (*Reader).String),
	fieldOf(rapid.String(), func(w *Writer, s string) { w.Blob([]byte(s)) }, func(r *Reader) string { return string(r.Blob()) }),
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w Writer
		var checks []func(*Reader) bool
		for range rapid.IntRange(0, 20).Draw(t, "fields") {
			checks = append(checks, rapid.SampledFrom(fields).Draw(t, "field")(t, &w))
		}
		r := NewReader(w.Buf)
		for i, ok := range checks {
			if !ok(&r) {
				t.Fatalf("field %d reads otherwise", i)
			}
		}
		if err := r.Done(); err != nil {
			t.Fatal(err)
		}
		// Whatever is missing at the end is noticed.
		if len(w.Buf) > 0 {
			r = NewReader(w.Buf[:rapid.IntRange(0, len(w.Buf)-1).Draw(t, "cut")])
			for _, ok := range checks {
				ok(&r)
			}
			if r.Err() == nil {
				t.Fatal("a cut datagram reads without error")
			}
		}
	})
}

// FuzzReader reads a datagram as the fields that another one names.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5}, []byte{1, 2, 0, 3, 0, 0, 0, 5, 0, 'h', 'e', 'l', 'l', 'o'})
	f.Add([]byte{4, 4}, []byte{0xff, 0xff, 0})
	f.Fuzz(func(t *testing.T, kinds, data []byte) {
		r := NewReader(slices.Clip(data))
		for _, k := range kinds {
			before, failed := r.Offset(), r.Err() != nil
			got, size := 0, 0
			switch k % 8 {
			case 0:
				r.Uint8()
				size = 1
			case 1:
				r.Int16()
				size = 2
			case 2:
				r.Float32()
				size = 4
			case 3:
				r.Uint64()
				size = 8
			case 4:
				got = len(r.String())
				size = 2 + got
			case 5:
				got = len(r.Blob())
				size = 2 + got
			case 6:
				got = len(r.Bytes(int(k) - 100))
				size = got
			case 7:
				got = len(r.Rest())
				size = got
			}
			if got > len(data) {
				t.Fatalf("%d bytes out of %d", got, len(data))
			}
			if r.Err() == nil && r.Offset() != before+size {
				t.Fatalf("kind %d: offset %d after %d, %d bytes read", k%8, r.Offset(), before, size)
			}
			if r.Err() != nil && r.Offset() != before {
				t.Fatalf("offset %d after an error at %d", r.Offset(), before)
			}
			if failed && r.Err() == nil {
				t.Fatal("an error went away")
			}
			if r.Err() == nil && r.Offset()+r.Remaining() != len(data) {
				t.Fatalf("offset %d and %d remaining of %d", r.Offset(), r.Remaining(), len(data))
			}
		}
		if (r.Done() == nil) != (r.Err() == nil && r.Offset() == len(data)) {
			t.Fatalf("Done %v, Err %v, offset %d of %d", r.Done(), r.Err(), r.Offset(), len(data))
		}
	})
}

// What goes through here is like an OBJECT_UPDATE_FIELD of the LAN protocol.
func BenchmarkWrite(b *testing.B) {
	var w Writer
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		w.Uint16(9004)
		w.Uint32(1000001)
		w.Uint32(1000002)
		w.Uint16(12)
		w.Int16(100)
		w.Int16(-100)
		w.Blob(w.Buf[:4])
	}
	if w.Err() != nil {
		b.Fatal(w.Err())
	}
}

func BenchmarkRead(b *testing.B) {
	var w Writer
	w.Uint16(9004)
	w.Uint32(1000001)
	w.Uint32(1000002)
	w.Uint16(12)
	w.Int16(100)
	w.Int16(-100)
	w.Blob([]byte("four"))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(w.Buf)
		r.Uint16()
		r.Uint32()
		r.Uint32()
		r.Uint16()
		r.Int16()
		r.Int16()
		r.Blob()
		if err := r.Done(); err != nil {
			b.Fatal(err)
		}
	}
}
