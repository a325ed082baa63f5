package dc

import (
	"bytes"
	"testing"
)

// oddity is a field of a class D and what a real Panda3D packer answers about
// it. The types E, P, K2, K3 and Tenths are declared as in oddityTypes.
type oddity struct {
	name  string
	decl  string // of the field f
	dflt  string // packed default
	cases []oddCase
	// badText and badBytes are refused, by Panda3D too unless ours says why
	// not.
	badText  []string
	badBytes []string
	ours     string
}

// oddCase is a value: a text, its packed form, and the text that is written of
// that.
type oddCase struct{ text, packed, formatted string }

const oddityTypes = `
typedef uint8 K2 = 2;
typedef uint8 K3 = 3;
typedef int16 / 10 Tenths = 0.5;
struct E {};
struct P { int16 / 10 x; setY(int8 y); E e; };
`

var oddities = []oddity{
	{name: "the implicit default is the first allowed value, scaled twice",
		decl: "f(int16 / 2(1 - 100))", dflt: "0400"},
	{name: "and if that is out of range, Panda3D has none",
		decl: "f(int16 / 10(5 - 10))", dflt: "3200", ours: "the first allowed value"},
	{name: "the shortest default is the first range's",
		decl: "f(string(5 - 8, 0 - 2))", dflt: "05000000000000",
		cases:   []oddCase{{`("ab")`, "02006162", `("ab")`}},
		badText: []string{`("abc")`, `("abcdefghi")`}},
	{name: "the ranges of a deprecated array only matter for its default",
		decl: "f(uint32array(3 - 5) a)", dflt: "0c00000000000000000000000000",
		cases: []oddCase{{"([1])", "040001000000", "(a = [1])"}}},
	{name: "and so does its divisor",
		decl: "f(uint16array / 2(3 - 5) a)", dflt: "0c00000000000000000000000000",
		cases:   []oddCase{{"([3])", "02000300", "(a = [3])"}},
		badText: []string{`("abc")`}},
	{name: "signed deprecated arrays have an empty default",
		decl: "f(int16array(3 - 5))", dflt: "0000"},
	{name: "pairs", decl: "f(uint32uint8array a)", dflt: "0000",
		cases:    []oddCase{{"([[7, 8], {9, 10}])", "0a000700000008090000000a", "(a = [{7, 8}, {9, 10}])"}},
		badBytes: []string{"040007000000", "0a00070000000809000000"}},
	{name: "a default inside of a switch lets the key's default choose the case",
		decl: "f(switch (K2 k) { case 1: uint8 a; break; case 2: Tenths b; break; } s)", dflt: "020500",
		cases:   []oddCase{{"((1, 7))", "0107", "(s = (k = 1, a = 7))"}, {"((<02>, <0102>))", "020102", "(s = (k = 2, b = 51.3))"}},
		badText: []string{"((3))", "((1))", "((1, 2, 3))", "(())", "((<>))"}},
	{name: "which may be none",
		decl: "f(switch (K3 k) { case 1: uint8 a; break; case 2: Tenths b; break; } s)", dflt: "0100",
		ours: "the first case, where Panda3D has no default"},
	{name: "without any default the first case is it",
		decl: "f(switch Foo (uint8 k) { case 2: uint8 a; break; case 1: uint16 b; break; })", dflt: "0200",
		cases: []oddCase{{"((1, 5))", "010500", "(Foo = (k = 1, b = 5))"}}},
	{name: "strings as keys, a default case, cases that fall through",
		decl: `f(switch (string k) { case "a": case "b": uint8 x; case "c": uint8 y; break; default: } s)`, dflt: "0100610000",
		cases: []oddCase{{`(("b", 1, 2))`, "0100620102", `(s = (k = "b", x = 1, y = 2))`},
			{`(["c", y = 2])`, "01006302", `(s = (k = "c", y = 2))`},
			{`({"z"})`, "01007a", `(s = (k = "z"))`}},
		badText: []string{`(("a", 1))`, `(("z", 1))`}, badBytes: []string{"01006101", "01007a01"}},
	{name: "an unknown key", decl: "f(switch (uint8 k) { case 1: uint8 a; break; case 2: int8 b; break; } s)", dflt: "0100",
		badText: []string{"((3, 1))"}, badBytes: []string{"0301"},
		ours: "Panda3D's validateRanges accepts the bytes since all cases have the same size and no ranges, but its unpacking does not"},
	{name: "arrays of chars are strings", decl: "f(char c[4], char d[])", dflt: "000000000000",
		cases: []oddCase{{`("abcd", "ef")`, "6162636402006566", `(c = "abcd", d = "ef")`},
			{`(['a', 98, 'c', 'd'], [1 * 2])`, "6162636402000101", `(c = "abcd", d = "\x01\x01")`}},
		badText: []string{`("abc", "")`, `("abcde", "")`}, badBytes: []string{"6162630000", "616263640500"}},
	{name: "arrays of bytes take strings", decl: "f(uint8 a[2], int8 b[])", dflt: "00000000",
		cases: []oddCase{{`("ab", "c\xff")`, "6162020063ff", "(a = [97, 98], b = [99, -1])"}}},
	{name: "a string for a number, which no divisor changes", decl: "f(uint8 / 10, int8)", dflt: "0000",
		cases:   []oddCase{{"('a', 'b')", "6162", "(9.7, 98)"}},
		badText: []string{`("ab", 1)`, `("", 1)`}},
	{name: "lists for strings and blobs", decl: "f(string a, blob b, blob32 c)", dflt: "0000000000000000",
		cases: []oddCase{{`(['a', 98], [1, 255 * 2], {})`, "02006162030001ffff00000000", `(a = "ab", b = <030001ffff>, c = <00000000>)`},
			{`("", <0100ff>, "xy")`, "00000100ff020000007879", `(a = "", b = <0100ff>, c = <020000007879>)`}},
		badText: []string{`("", [256], "")`, `("", 1, "")`}},
	{name: "hex literals are packed bytes, whatever they stand for", decl: "f(uint16 a, uint8 b[2])", dflt: "00000000",
		cases: []oddCase{{"(<0102>, [<ff> * 2])", "0102ffff", "(a = 513, b = [255, 255])"}, {"<01020304>", "01020304", "(a = 513, b = [3, 4])"}}},
	{name: "a real modulus is rounded for integers", decl: "f(float64 % 360.5 v, int16 % 360 w)", dflt: "00000000000000000000",
		cases: []oddCase{{"(400, -10)", "00000000008043405e01", "(v = 39, w = 350)"},
			{"(400.0, -360)", "0000000000c043400000", "(v = 39.5, w = 0)"},
			{"(-0.5, 719.6)", "00000000008076406801", "(v = 360, w = 360)"}}},
	{name: "a modulus is not asked for on reading", decl: "f(int16 % 360 v)", dflt: "0000",
		cases: []oddCase{{"(<6801>)", "6801", "(v = 360)"}}},
	{name: "no length in front of a fixed array whose elements have one", decl: "f(uint8 a[2][])", dflt: "00000000",
		cases:    []oddCase{{"([[1, 2], [3]])", "02000102010003", "(a = [[1, 2], [3]])"}},
		badText:  []string{"([[1]])", "([[1], [2], [3]])"},
		badBytes: []string{"0100010100", "01000101000200"},
		ours:     "Panda3D's validateRanges wants two bytes here, but its unpacking reads what it packs"},
	{name: "but of an array of strings", decl: "f(string a[2])", dflt: "040000000000",
		cases:    []oddCase{{`(["ab", "c"])`, "070002006162010063", `(a = ["ab", "c"])`}},
		badBytes: []string{"0200ffff", "02000000", "0600000000000000"},
		ours:     "Panda3D's validateRanges looks at the length in front only, its unpacking finds the rest"},
	{name: "methods and structs without fields in structs", decl: "f(P p, E e[3])", dflt: "000000",
		cases: []oddCase{{"({1, (5), {}}, [{}, {}, {}])", "0a0005", "(p = {x = 1, (y = 5), e = {}}, e = [{}, {}, {}])"},
			{"([x = 1, setY = [y = 5], e = ()], [{}, {}, {}])", "0a0005", "(p = {x = 1, (y = 5), e = {}}, e = [{}, {}, {}])"}},
		badText: []string{"({1, (5), {}}, [{}, {}])", "({1, (5)}, [{}, {}, {}])"}},
	{name: "elements without bytes are not counted", decl: "f(E e[0 - 2])", dflt: "0000",
		cases:   []oddCase{{"([])", "0000", "(e = [])"}, {"([{}, {}])", "0000", "(e = [])"}},
		badText: []string{"([{}, {}, {}])"}, badBytes: []string{"0100", "010000"}, ours: "of these bytes Panda3D dies, dividing by zero"},
	{name: "names", decl: "f(float64 v, int32 / 1000 w)", dflt: "000000000000000000000000",
		cases: []oddCase{{"(v = 1.5, w = 2)", "000000000000f83fd0070000", "(v = 1.5, w = 2)"},
			{"f = [1 * 2,]", "000000000000f03fe8030000", "(v = 1, w = 1)"},
			{"(100000.0, 1234.5678)", "00000000006af84088d61200", "(v = 100000, w = 1234.57)"},
			{"(1.e6, -1)", "0000000080842e4118fcffff", "(v = 1e+06, w = -1)"},
			{"(.00001, 0)", "f368e388b5f8e43e00000000", "(v = 1e-05, w = 0)"}},
		badText: []string{"(w = 1.5, v = 2)", "(1.5)", "(1, 2, 3)", "1", "(nan, 1)", "(1e5, 1)", "v = (1, 2)", ""}},
	{name: "what floats can be", decl: "f(float64 a, float64 b, float64 c, float64 / 10 d)", dflt: "0000000000000000000000000000000000000000000000000000000000000000",
		cases: []oddCase{{"(<000000000000f87f>, <000000000000f8ff>, <000000000000f0ff>, <0000000000000080>)",
			"000000000000f87f000000000000f8ff000000000000f0ff0000000000000080", "(a = nan, b = -nan, c = -inf, d = -0)"},
			{"(1, -2, 0.5, 5)", "000000000000f03f00000000000000c0000000000000e03f0000000000004940", "(a = 1, b = -2, c = 0.5, d = 5)"}}},
	{name: "a range excludes NaN", decl: "f(float64(-1.5 - 1.5))", dflt: "0000000000000000",
		cases:    []oddCase{{"(1.5)", "000000000000f83f", "(1.5)"}},
		badText:  []string{"(1.6)", "(-2)"},
		badBytes: []string{"000000000000f87f", "000000000000f07f"}},
	{name: "ranges that fall together when rounded leave the first", decl: "f(int8(0 - 1.2, 1.4 - 3))", dflt: "00",
		cases: []oddCase{{"(1)", "01", "(1)"}}, badText: []string{"(2)", "(3)"}, badBytes: []string{"02", "03"}},
	{name: "rounding", decl: "f(int16 / 10 a, uint8 b)", dflt: "000000",
		cases:   []oddCase{{"(0.25, 2.5)", "030003", "(a = 0.3, b = 3)"}, {"(-0.25, 255.4)", "feffff", "(a = -0.2, b = 255)"}},
		badText: []string{"(0, 255.5)", "(3276.75, 0)"}},
	{name: "what does not fit", decl: "f(uint32 a, int64 b, uint64 / 10 c)", dflt: "0000000000000000000000000000000000000000",
		cases:   []oddCase{{"(4294967295, -9223372036854775807, 1)", "ffffffff01000000000000800a00000000000000", "(a = 4294967295, b = -9223372036854775807, c = 1)"}},
		badText: []string{"(-1.0, 0, 0)", "(4294967296.0, 0, 0)", "(0, 9223372036854775808.0, 0)", "(0, 0, 18446744073709551615)", "(0, 0, -1.0)"},
		ours:    "Panda3D converts reals out of reach and overflowing products to other numbers"},
	{name: "the allowed characters of an array", decl: "f(char('a' - 'c', 'x') s[1 - 2])", dflt: "010061",
		cases: []oddCase{{`("x")`, "010078", `(s = "x")`}}, badBytes: []string{"010064", "0000", "0300616161"}},
	{name: "which texts must keep to", decl: "f(char('a' - 'c', 'x') s[1 - 2], string(4) t, int8(0 - 5) u)", dflt: "0100610000000000",
		badText: []string{`("d", "abcd", 0)`, `("a", ['a', 'b'], 0)`, `("a", "abcd", 'a')`},
		ours:    "Panda3D packs these and then refuses them on reading"},
	{name: "fixed blobs", decl: "f(blob32(3) a, blob32(0 - 3) b)", dflt: "00000000000000",
		cases: []oddCase{{"(<010203>, <0100000005>)", "0102030100000005", "(a = <010203>, b = <0100000005>)"},
			{`("abc", [1, 2])`, "616263020000000102", "(a = <616263>, b = <020000000102>)"}},
		badText: []string{`("ab", "")`, `("abc", "abcd")`}, badBytes: []string{"61626304000000ffffffff", "616263ffffffff", "616200000000"}},
}

func (o *oddity) field(t *testing.T) *Field {
	t.Helper()
	s, err := Parse(Source{"oddity.dc", []byte(oddityTypes + "dclass D { " + o.decl + "; };")})
	if err != nil {
		t.Fatal(err)
	}
	return s.Class("D").FieldByName("f")
}

func TestOddities(t *testing.T) {
	for _, o := range oddities {
		t.Run(o.name, func(t *testing.T) {
			f := o.field(t)
			if got := f.AppendDefault(nil); !bytes.Equal(got, unhex(t, o.dflt)) {
				t.Errorf("the default is %x, want %s", got, o.dflt)
			}
			for _, c := range o.cases {
				checkOddCase(t, f, c)
			}
			for _, text := range o.badText {
				if b, err := f.ParseText(nil, text); err == nil {
					t.Errorf("takes %s as %x", text, b)
				}
			}
			for _, b := range o.badBytes {
				checkRefused(t, f, unhex(t, b))
			}
		})
	}
}

func checkOddCase(t *testing.T, f *Field, c oddCase) {
	b := unhex(t, c.packed)
	got, err := f.ParseText(nil, c.text)
	if err != nil || !bytes.Equal(got, b) {
		t.Errorf("takes %s as %x (%v), want %s", c.text, got, err, c.packed)
	}
	if text, err := f.AppendText(nil, b); err != nil || string(text) != c.formatted {
		t.Errorf("writes %s as %s (%v), want %s", c.packed, text, err, c.formatted)
	}
}
