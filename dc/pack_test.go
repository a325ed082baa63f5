package dc

import (
	"encoding/hex"
	"errors"
	"math"
	"testing"
)

type (
	myInt    int32
	myFloat  float32
	myString string
	myBytes  []byte
	myList   []myInt
)

func TestPackGoTypes(t *testing.T) {
	for _, c := range []struct {
		decl string
		args []any
		want string
	}{
		{"f(int8, int16, int32, int64)", []any{int8(-1), int16(-2), int32(-3), -4}, "fffefffdfffffffcffffffffffffff"},
		{"f(uint8, uint16, uint32, uint64)", []any{uint8(1), uint16(2), uint32(3), uint(4)}, "01020003000000" + "0400000000000000"},
		{"f(uint64, int64)", []any{uint64(math.MaxUint64), int64(math.MinInt64)}, "ffffffffffffffff0000000000000080"},
		{"f(int8, uint8, uint8)", []any{myInt(-1), uintptr(7), 7.4}, "ff0707"},
		{"f(float64, float64, float64)", []any{1, uint8(1), myFloat(0.5)}, "000000000000f03f000000000000f03f000000000000e03f"},
		{"f(float32, float32 / 10)", []any{0.1, -0.5}, "cdcccc3d0000a0c0"},
		{"f(float64 % 360.5)", []any{400}, "0000000000c04340"}, // unlike in texts
		{"f(int16 / 10, int16 / 10)", []any{5, 0.25}, "32000300"},
		{"f(int64 / 3)", []any{int64(math.MaxInt64 / 3)}, hexInt(math.MaxInt64 / 3 * 3)},
		{"f(char, char, int8)", []any{"a", 98, myString("c")}, "616263"},
		{"f(string, string, string)", []any{"a", []byte("b"), myString("c")}, "010061010062010063"},
		{"f(blob, blob, blob32)", []any{"a", myBytes("b"), []byte(nil)}, "01006101006200000000"},
		{"f(blob(2), string, char[])", []any{[2]byte{1, 2}, [1]byte{'s'}, [1]byte{'c'}}, "0102" + "010073" + "010063"},
		{"f(char a[], char b[2], uint8 c[], int8 d[])", []any{"a", []byte("bc"), "d", []byte{1, 2}}, "0100616263010064" + "02000102"},
		{"f(uint8 / 10 a[], uint8 / 10 b[])", []any{"a", []byte{1}}, "01006101000a"}, // strings are not scaled
		{"f(uint16 a[], uint16 b[2], string c[])", []any{[]int{1}, [2]uint8{2, 3}, []string{"x"}}, "02000100" + "02000300" + "0300010078"},
		{"f(int32 a[], uint8 b[][])", []any{myList{-1}, [][]byte{{1}, {}}}, "0400ffffffff0500" + "0100010000"},
		{"f(struct { int8 x; int8 y; } p)", []any{[]int{1, 2}}, "0102"},
		{"f(switch (uint8 k) { case 1: uint8 x; break; } s)", []any{[]uint8{1, 2}}, "0102"},
		{"f(E a[], E b[2], E c[2])", []any{[]any{}, []any{}, []any{[]any{}, []string{}}}, "0000"},
		{"f()", nil, ""},
	} {
		f := declared(t, c.decl)
		got, err := f.Pack(nil, c.args...)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%s: %#v is packed as %x (%v), want %s", c.decl, c.args, got, err, c.want)
		}
		if err := f.Check(got); err != nil {
			t.Error(err)
		}
	}
}

func hexInt(v int64) string {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	return hex.EncodeToString(b)
}

func TestPackRefuses(t *testing.T) {
	for _, c := range []struct {
		decl string
		args []any
		want string // the error
	}{
		{"f(int8 a)", []any{128}, "D.f, a: 128 is not in -128 - 127"},
		{"f(int8 a)", []any{-129}, "D.f, a: -129 is not in -128 - 127"},
		{"f(uint32 a)", []any{-1}, "D.f, a: -1 is not in 0 - 4294967295"},
		{"f(uint32 a)", []any{-0.6}, "D.f, a: -1 is not in 0 - 4294967295"},
		{"f(uint64 a)", []any{math.Ldexp(1, 64)}, "D.f, a: 1.8446744073709552e+19 is not in 0 - 18446744073709551615"},
		{"f(int64 a)", []any{uint64(1 << 63)}, "D.f, a: 9223372036854775808 is not in -9223372036854775808 - 9223372036854775807"},
		{"f(int64 / 10 a)", []any{int64(math.MaxInt64)}, "D.f, a: 9223372036854775807 × 10 does not fit into 64 bits"},
		{"f(int16 / 10 a)", []any{3276.8}, "D.f, a: 3276.8 is not in -3276.8 - 3276.7"},
		{"f(int16 a)", []any{math.NaN()}, "D.f, a: NaN is not in -32768 - 32767"},
		{"f(int64 a)", []any{math.Inf(-1)}, "D.f, a: -Inf is not in -9223372036854775808 - 9223372036854775807"},
		{"f(float32 a)", []any{1e300}, "D.f, a: 1e+300 does not fit into 32 bits"},
		{"f(float64(0 - 1) a)", []any{math.NaN()}, "D.f, a: nan is not in 0 - 1"},
		{"f(int16(-1 - 1) / 1000 a)", []any{1.001}, "D.f, a: 1.001 is not in -1 - 1"},
		{"f(char('a', 'q' - 'x') a)", []any{"b"}, `D.f, a: "b" is not in "a", "q" - "x"`},
		{"f(uint8 a)", []any{"ab"}, "D.f, a: got a string of 2 bytes, want a single one"},
		{"f(uint8 a)", []any{nil}, "D.f, a: got nil, want a number"},
		{"f(uint8 a)", []any{true}, "D.f, a: got bool, want a number"},
		{"f(uint16 a)", []any{"a"}, "D.f, a: got a string, want a number"},
		{"f(string(2 - 3) a)", []any{"a"}, "D.f, a: the length 1 is not in 2 - 3"},
		{"f(string a)", []any{1}, "D.f, a: got int, want a string or []byte"},
		{"f(string a)", []any{string(make([]byte, 65536))}, "D.f, a: 65536 bytes, at most 65535 can be packed"},
		{"f(uint16 a[])", []any{make([]int, 32768)}, "D.f, a: 65536 bytes, at most 65535 can be packed"},
		{"f(uint8 a[2])", []any{[]int{1}}, "D.f, a: 1 element, allowed are 2"},
		{"f(uint16 a[])", []any{"ab"}, "D.f, a: got a string, want a slice"},
		{"f(uint16 a[])", []any{7}, "D.f, a: got int, want a slice"},
		{"f(uint8(0 - 9) a[][])", []any{[][]int{{1}, {2, 10}}}, "D.f, a[1][1]: 10 is not in 0 - 9"},
		{"f(struct { uint8 x; string y; } a[])", []any{[]any{[]any{1, 2}}}, "D.f, a[0].y: got int, want a string or []byte"},
		{"f(struct { uint8 x; } a)", []any{[]any{}}, "D.f, a: 0 values, want 1"},
		{"f(struct { uint8 x; } a)", []any{map[string]any{"x": 1}}, "D.f, a: got map[string]interface {}, want a slice"},
		{"f(switch (uint8 k) { case 1: uint8 x; break; } s)", []any{[]any{2}}, "D.f, s.k: the switch has no case 2"},
		{"f(switch (uint8 k) { case 1: uint8 x; break; } s)", []any{[]any{1}}, "D.f, s: 0 values, want 1"},
		{"f(switch (uint8 k) { case 1: uint8 x; break; } s)", []any{[]any{1, 300}}, "D.f, s.x: 300 is not in 0 - 255"},
		{"f(switch (uint8 k) { case 1: uint8 x; break; } s)", []any{[]any{}}, "D.f, s: no values, want a switch key and what follows it"},
		{"f(uint8, uint8)", []any{1, 256}, "D.f, #2: 256 is not in 0 - 255"},
		{"f(uint8 a)", nil, "D.f: 0 values, want 1"},
		{"uint8 f", []any{1, 2}, "D.f: 2 values for a single one"},
		{"uint8 f[]", []any{[]int{1, 256}}, "D.f, [1]: 256 is not in 0 - 255"},
	} {
		f := declared(t, c.decl)
		got, err := f.Pack([]byte("dst"), c.args...)
		var bad *ValueError
		if !errors.As(err, &bad) || err.Error() != c.want || bad.Offset != -1 {
			t.Errorf("%s: %.99v: %v, want %s", c.decl, c.args, err, c.want)
		}
		if string(got) != "dst" {
			t.Errorf("%s: returned %x", c.decl, got)
		}
	}
}

func TestCheckErrors(t *testing.T) {
	for _, c := range []struct{ decl, packed, want string }{
		{"f(uint16 a, uint16 b)", "010203", "D.f, b, byte 2: 1 byte left, 2 needed"},
		{"f(uint8 a)", "0102", "D.f, byte 1: 1 byte too many"},
		{"f(uint8(0 - 9) a)", "0a", "D.f, a, byte 0: 10 is not in 0 - 9"},
		{"f(uint8, int16(-1 - 1) / 10)", "00ff7f", "D.f, #2, byte 1: 3276.7 is not in -1 - 1"},
		{"f(string a, string b)", "0000ff", "D.f, b, byte 2: 1 byte left, its length alone has 2"},
		{"f(string a)", "050061", "D.f, a, byte 0: its length is 5, but only 1 byte follow"},
		{"f(blob32 a)", "ffffffff", "D.f, a, byte 0: its length is 4294967295, but only 0 bytes follow"},
		{"f(string(1 - 2) a)", "0000", "D.f, a, byte 0: the length 0 is not in 1 - 2"},
		{"f(uint16 a[])", "0300000000", "D.f, a, byte 0: 3 bytes are no whole number of elements of 2 bytes"},
		{"f(uint16 a[1 - 2])", "0000", "D.f, a, byte 0: 0 elements, allowed are 1 - 2"},
		{"f(string a[])", "0300000005", "D.f, a[1], byte 4: 1 byte left, its length alone has 2"},
		{"f(struct { uint8 x; uint8(0 - 9) y; } a[])", "040001090210", "D.f, a[1].y, byte 5: 16 is not in 0 - 9"},
		{"f(switch (uint8 k) { case 1: uint8 x; break; } s)", "0207", "D.f, s.k, byte 0: the switch has no case 2"},
		{"f(E a[])", "0100ff", "D.f, a, byte 0: 1 byte of elements that have none"},
		{"uint8(0 - 9) f[2]", "010a", "D.f, [1], byte 1: 10 is not in 0 - 9"},
	} {
		f := declared(t, c.decl)
		b := unhex(t, c.packed)
		checkRefused(t, f, b)
		if err := f.Check(b); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.decl, err, c.want)
		}
	}
}

func TestParseTextErrors(t *testing.T) {
	f := declared(t, "f(uint8 a, struct { uint8(0 - 9) x; string y; } s)")
	for text, want := range map[string]string{
		"(1, {2, 3})":         "D.f, s.y: got a number, want a string",
		"(1, {12, \"\"})":     "D.f, s.x: 12 is not in 0 - 9",
		"(1, {x = 1, z = 2})": "D.f, s.y: got the name z, want y",
		"(1, 2)":              "D.f, s: got a number, want a list",
		"(1)":                 "D.f: 1 value, want 2",
		"(1 * 300, 2)":        "D.f: 301 values, want 2",
		"1":                   "D.f: got a number, want a list",
	} {
		var bad *ValueError
		if b, err := f.ParseText(nil, text); !errors.As(err, &bad) || err.Error() != want {
			t.Errorf("%s: %x, %v, want %s", text, b, err, want)
		}
	}
	for _, text := range []string{"(1,", "(1e+06, 2)", "(nan, 2)"} {
		var syntax ErrorList
		if b, err := f.ParseText(nil, text); !errors.As(err, &syntax) {
			t.Errorf("%s: %x, %v, want a syntax error", text, b, err)
		}
	}
}

// Slices of concrete types are not made slices of any on the way.
func TestPackDoesNotAllocate(t *testing.T) {
	for _, c := range []struct {
		decl string
		arg  any
	}{
		{"f(uint16 a[])", []uint16{1000, 2000, 3000}},
		{"f(uint8 a[])", []byte{1, 2, 3}},
		{"f(int16 / 10 a[])", []float64{1.5, -2.5}},
		{"f(float32 a[3])", [3]float32{1, 2, 3}},
		{"f(int32 a[])", myList{1000, 2000}},
		{"f(string a[])", []string{"one", "two"}},
		{"f(int16 a[])", []any{1000, 1.5}},
	} {
		f := declared(t, c.decl)
		args, dst := []any{c.arg}, make([]byte, 0, 100)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := f.Pack(dst, args...); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: packing a %T allocates %v times", c.decl, c.arg, n)
		}
	}
}
