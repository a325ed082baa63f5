package dc

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// show writes a literal so that tests can compare it.
func (l *literal) show() string {
	var s string
	switch l.kind {
	case litUint:
		s = fmt.Sprintf("u%d", l.num)
	case litInt:
		s = fmt.Sprintf("i%d", int64(l.num))
	case litReal:
		s = fmt.Sprintf("r%v", math.Float64frombits(l.num))
	case litString:
		s = fmt.Sprintf("%q", l.text)
	case litHex:
		s = fmt.Sprintf("<%x>", l.text)
	case litList:
		var parts []string
		for _, e := range l.list {
			parts = append(parts, e.show())
		}
		s = "[" + strings.Join(parts, " ") + "]"
	}
	if l.name != "" {
		s = l.name + "=" + s
	}
	if l.repeat != 1 {
		s += fmt.Sprintf("*%d", l.repeat)
	}
	return s
}

func TestParseLiteral(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"5", "u5"},
		{"+5", "i5"},
		{"-5", "i-5"},
		{"18446744073709551615", "u18446744073709551615"},
		{"-9223372036854775808", "i-9223372036854775808"},
		{"0x1F", "u31"},
		{"0x", "u0"},
		{"1.", "r1"},
		{"-.5", "r-0.5"},
		{"1.5e3", "r1500"},
		{"2.e-1", "r0.2"},
		{`"a'b"`, `"a'b"`},
		{`'a"b'`, `"a\"b"`},
		{`"\a\n\r\t\\\"\q"`, `"\a\n\r\t\\\"q"`},
		{`"\x41\x4\xZ"`, `"A\x04\x00Z"`},
		{`"\0101"`, `"A"`},     // octal
		{`"\078"`, `"\x0078"`}, // 7 is no octal digit to Panda3D
		{`"\165"`, `"A"`},      // decimal without its first digit
		{`"\1999"`, `"\xe7"`},
		{"<>", "<>"},
		{"<00fF>", "<00ff>"},
		{"()", "[]"},
		{"[,]", "[]"},
		{"{1, 2,}", "[u1 u2]"},
		{"(1, [-2, {'a'}], b = 3)", `[u1 [i-2 ["a"]] b=u3]`},
		{"[1 * 3, -1 * 0, .5*2, <00> * 1]", "[u1*3 i-1*0 r0.5*2 <00>]"},
		{"x = 5", "x=u5"},
		{"ram = 5", "ram=u5"},
		{" /* a */ ( 1 // b\n )", "[u1]"},
	} {
		lit, err := parseLiteral("x", []byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if got := lit.show(); got != c.want {
			t.Errorf("%s is %s, want %s", c.text, got, c.want)
		}
	}
	for _, text := range []string{
		"", "x", "x =", "1 2", "1,", "(1", "(1]", "(1 2)", "(,1)", "(1,,)", "1 *", "1 * -2", "1 * 4294967296", `"a" * 2`, "() * 2",
		"string = 1", "case", "<1>", "<1 2>", `"a`, "18446744073709551616", "-9223372036854775809", "1\x80", "1;", strings.Repeat("(", 1000),
	} {
		if lit, err := parseLiteral("x", []byte(text)); err == nil {
			t.Errorf("%q is taken for %s", shorten(text), lit.show())
		} else {
			checkErrors(t, err)
		}
	}
}

// Panda3D adds up decimal digits by themselves, which is not always the nearest
// double.
func TestParseReal(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64 // as Panda3D packs it
	}{
		{"0.1", 0x3fb999999999999a},
		{"0.2", 0x3fc999999999999a},
		{"0.3", 0x3fd3333333333334}, // not the nearest
		{"1.1", 0x3ff199999999999a},
		{"12.34", 0x4028ae147ae147ae},
		{"123.456", 0x405edd2f1a9fbe77},
		{"0.123456789", 0x3fbf9add37396360}, // not the nearest
		{"-0.7", 0xbfe6666666666667},        // not the nearest
		{"3.14159265358979", 0x400921fb54442d11},
		{"1.e10", 0x4202a05f20000000},
		{"1.5e300", 0x7e41eb2d66005835},
		{"1.5e-300", 0x1b01297d23ab682}, // not the nearest
		{"1.e400", 0x7ff0000000000000},
		{"1.e-400", 0x0},
		{"0.000001", 0x3eb0c6f7a0b5ed8f},               // not the nearest
		{"99999999999999999999.5", 0x4415af1d78b58c41}, // not the nearest
		{"1.7e22", 0x448ccc9324511e46},                 // not the nearest
		{"1.2345678e-7", 0x3e8091f15233c21c},
		{"+2.675", 0x4005666666666666},
		{"5.e-324", 0x0}, // not the nearest
		{".1e1", 0x3ff0000000000000},
		{"123456.789e-3", 0x405edd3c07ee0b0b},
		{"0.0000000000000000000000001", 0x3abef2d0f5da7de5}, // not the nearest
		{"-0.0", 0x8000000000000000},
		{"1.1e+5", 0x40fadb0000000001}, // not the nearest
		{"4.35", 0x4011666666666666},
		{"1.e308", 0x7fe1ccf385ebc8a0},
		{"17976931348623157.e292", 0x7fefffffffffffff},
	} {
		if got := math.Float64bits(parseReal(c.text)); got != c.want {
			t.Errorf("%s is %#x, want %#x", c.text, got, c.want)
		}
	}
}
