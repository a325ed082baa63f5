package dc

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// allFinite says so of all floats in what Unpack returned.
func allFinite(v any) bool {
	switch v := v.(type) {
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		for _, e := range v {
			if !allFinite(e) {
				return false
			}
		}
	}
	return true
}

// spoil puts NaN and infinities into what Pack takes.
func spoil(t *rapid.T, v any) any {
	switch v := v.(type) {
	case float64:
		return rapid.SampledFrom([]float64{v, v, v, v, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32, math.SmallestNonzeroFloat64}).Draw(t, "float")
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = spoil(t, v[i])
		}
		return out
	}
	return v
}

// CheckFinite looks at all floats of a value, and at nothing else.
func TestCheckFiniteFindsAll(t *testing.T) {
	checkPacked(t, func(t *rapid.T, f *Field, args []any, _ []byte) {
		args, _ = spoil(t, args).([]any)
		b, err := f.Pack(nil, args...)
		if err != nil {
			return // NaN where there is a range
		}
		got, err := f.Unpack(b)
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		longer := append(b, 0xff, 0xff)
		if err := f.CheckFinite(longer); (err == nil) != allFinite(got) {
			t.Fatalf("%v: %v: %v", f, got, err)
		}
	})
}

func TestCheckFiniteSaysWhere(t *testing.T) {
	s, err := Parse(Source{"finite.dc", []byte(`
struct Step { uint16 ms; float32 / 10 at[2]; };
dclass D {
  float64 x;
  uint32 n;
  float32 list[];
  Step path[];
  move(string name, float64 x, float64 y);
  stop(uint8 why);
  both : move, stop;
  switch (uint8) { case 1: uint32 n; break; case 2: float64 v; break; } choice;
};`)})
	if err != nil {
		t.Fatal(err)
	}
	f64 := func(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }
	f32 := func(v float64) []byte { return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v))) }
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	inf, nan := math.Inf(1), math.NaN()
	step := func(a, b float64) []byte { return join([]byte{1, 0}, f32(a), f32(b)) }
	for _, tt := range []struct {
		field string
		value []byte
		want  string // the error; empty for none
	}{
		{"x", f64(math.MaxFloat64), ""},
		{"x", f64(inf), "D.x, byte 0: inf is no finite number"},
		{"x", f64(-inf), "D.x, byte 0: -inf is no finite number"},
		{"x", f64(nan), "D.x, byte 0: nan is no finite number"},
		{"n", []byte{0xff, 0xff, 0xff, 0xff}, ""},
		{"list", []byte{0, 0}, ""},
		{"list", join([]byte{8, 0}, f32(1), f32(nan)), "D.list, [1], byte 6: nan is no finite number"},
		{"path", join([]byte{20, 0}, step(1, 2), step(3, 4)), ""},
		{"path", join([]byte{20, 0}, step(1, 2), step(3, inf)), "D.path, [1].at[1], byte 18: inf is no finite number"},
		{"move", join([]byte{2, 0, 0xff, 0xff}, f64(1), f64(2)), ""},
		{"move", join([]byte{2, 0, 0xff, 0xff}, f64(1), f64(inf)), "D.move, y, byte 12: inf is no finite number"},
		{"both", join([]byte{0, 0}, f64(nan), f64(2), []byte{1}), "D.both, x, byte 2: nan is no finite number"},
		{"stop", []byte{0xff}, ""},
		{"choice", []byte{1, 0xff, 0xff, 0xff, 0xff}, ""},
		{"choice", join([]byte{2}, f64(nan)), "D.choice, v, byte 1: nan is no finite number"},
	} {
		f := s.Class("D").FieldByName(tt.field)
		if err := f.Check(tt.value); err != nil {
			t.Errorf("%v: % x is no value: %v", f, tt.value, err)
		}
		err := f.CheckFinite(tt.value)
		var bad *ValueError
		if tt.want == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != tt.want || !errors.As(err, &bad) {
			t.Errorf("%v: % x: %v, want %q", f, tt.value, err, tt.want)
		}
	}
	f := s.Class("D").FieldByName("path")
	value := join([]byte{20, 0}, step(1, 2), step(3, 4))
	if n := testing.AllocsPerRun(100, func() {
		if f.CheckFinite(value) != nil {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCheckASCII(t *testing.T) {
	s, err := Parse(Source{Name: "ascii.dc", Text: []byte(`
struct Named { string name; uint32 n; };
dclass Texts {
  one(string text);
  bytes(blob b, uint64 n, float64 x, char c);
  fixed(string(4) text);
  many(Named list[]);
  pair(Named two[2]);
  words(string[] w);
  numbers(uint16[] n);
  grid(string(2) cells[2]);
  grids(string(2) cells[2][2]);
  both : one, bytes;
  choice(switch (uint8 kind) { case 200: string text; break; case 1: blob data; break; } what);
};`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field, value string
		ok           bool
	}{
		{"one", "\x03\x00abc", true},
		{"one", "\x03\x00a\xc3\xa4", false},
		{"one", "\x80\x00" + string(make([]byte, 128)), true}, // the length is no text
		{"bytes", "\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", true},
		{"fixed", "abcd", true},
		{"fixed", "abc\x80", false},
		{"many", "\x0f\x00\x01\x00a\xff\xff\xff\xff\x02\x00bc\xff\xff\xff\xff", true},
		{"many", "\x0f\x00\x01\x00a\xff\xff\xff\xff\x02\x00b\xe9\xff\xff\xff\xff", false},
		{"pair", "\x0e\x00\x01\x00a\xff\xff\xff\xff\x01\x00b\xff\xff\xff\xff", true},
		{"pair", "\x0e\x00\x01\x00a\xff\xff\xff\xff\x01\x00\x99\xff\xff\xff\xff", false},
		{"words", "\x06\x00\x01\x00a\x01\x00\xfe", false},
		{"numbers", "\x04\x00\xff\xff\xff\xff", true},
		{"grid", "ab\xf0\x9f", false},
		{"grids", "abcdef\x9fh", false},
		{"grids", "abcdefgh", true},
		{"both", "\x01\x00a\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", true},
		{"both", "\x01\x00\xff\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", false},
		{"choice", "\xc8\x01\x00a", true},
		{"choice", "\xc8\x01\x00\xaa", false},
		{"choice", "\x01\x01\x00\xaa", true},
	} {
		f := s.Class("Texts").FieldByName(c.field)
		if err := f.Check([]byte(c.value)); err != nil {
			t.Errorf("%s %q is no value: %v", c.field, c.value, err)
		}
		if err := f.CheckASCII([]byte(c.value)); (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.field, c.value, err)
		}
	}
}
