package dc

import (
	"fmt"
	"strings"
	"testing"
)

// Each of these asks for more than limits.go grants, most in very few bytes.
func TestLimits(t *testing.T) {
	chain := func(n int) string {
		var b strings.Builder
		b.WriteString("struct S0 { int8 a; }")
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, "struct S%d { S%d a; S%d b; }", i, i-1, i-1)
		}
		return b.String()
	}
	diamonds := func(n int) string {
		var b strings.Builder
		b.WriteString("dclass C0 { a(); }")
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, "dclass C%d : C%d, C%d { }", i, i-1, i-1)
		}
		return b.String()
	}
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, c := range []struct {
		name    string
		options Options
		text    string
		want    string // in the message
	}{
		{"size of an array", Options{}, "dclass C { a(int8[4000000000]); }", "too large"},
		{"size of a blob", Options{}, "dclass C { a(blob32(4000000000)); }", "too large"},
		{"empty elements", Options{}, "struct E { } dclass C { a(E[4000000000]); }", "too large"},
		{"arrays of arrays", Options{}, "dclass C { a(int8[1000][1000][1000]); }", "too large"},
		{"a structure twice as large each time", Options{}, chain(40), "too "},
		{"nested structs", Options{}, strings.Repeat("struct S { ", 100), "nested"},
		{"nested switches", Options{}, strings.Repeat("switch S (int8) { case 1: ", 100), "nested"},
		{"nested lists", Options{}, "dclass C { a(int8 b = " + strings.Repeat("[", 100000), "nested"},
		{"nested arrays", Options{}, "dclass C { a(int8" + strings.Repeat("[]", 1000) + "); }", "nested"},
		{"nested names", Options{}, "struct S0 { int8 a; }" + many(100, "struct S%[1]d_ { S0 a; } "), ""},
		{"repeats", Options{}, "dclass C { a(blob b = [0 * 4000000000]); }", "too many values"},
		{"many repeats", Options{}, "dclass C { a(blob b = [" + strings.Repeat("0 * 1000000,", 10) + "]); }", "too many values"},
		{"repeats that are negative in 32 bits", Options{}, "dclass C { a(int8 b[] = [0 * 2147483648]); }", "too many values"},
		{"diamonds", Options{NoVirtualInheritance: true}, diamonds(40), "inherited"},
		{"diamonds, virtual", Options{}, diamonds(40), ""},
		{"classes", Options{}, many(maxNumbers+1, "dclass C%d{}"), "classes"},
		{"fields", Options{}, "dclass C {" + many(maxNumbers+1, "a%d();") + "}", "fields"},
		{"declarations", Options{}, strings.Repeat("keyword a;", maxNodes), "too large"},
		{"parameters", Options{}, "dclass C { a(" + strings.Repeat("int8,", maxNodes) + "); }", "too large"},
		{"the file", Options{}, strings.Repeat(" ", maxSourceSize+1), "too long"},
		{"values of many fields", Options{}, "dclass C {" + many(100, "blob(60000) a%d;") + "}", "too large"},
		{"ranges", Options{}, "dclass C { a(uint32(" + many(5000, "%d,") + ")); }", "ranges"},
		{"molecules without values", Options{}, "struct E { } dclass C { a(" + strings.Repeat("E,", 20000) + "E); m : a" + strings.Repeat(", a", 20000) + "; }", "too large"},
		{"molecules", Options{}, "dclass C { a(" + strings.Repeat("int8,", 9000) + "int8); m : a" + strings.Repeat(", a", 9000) + "; }", "too "},
	} {
		_, err := c.options.Parse(Source{"x.dc", []byte(c.text)})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want one with %q", c.name, shorten(fmt.Sprint(err)), c.want)
		}
	}
}

func TestTooManyErrors(t *testing.T) {
	_, err := Parse(Source{"x.dc", []byte(strings.Repeat("dclass 5;\n", 100))})
	if list, ok := err.(ErrorList); !ok || len(list) != maxErrors {
		t.Errorf("error %v", err)
	}
}

// None of these takes long; with time that grows with the square of the size they
// would.
func TestLargeFiles(t *testing.T) {
	const n = 60000
	text, err := Format("x.dc", []byte("dclass A { };"+strings.Repeat("//\n", n)+strings.Repeat(";", n)))
	if want := "dclass A {\n};  //\n\n" + strings.Repeat("//\n", n-1); err != nil || string(text) != want {
		t.Errorf("Format: %v, %d bytes, want %d", err, len(text), len(want))
	}
	module := strings.Repeat("module.", 3*n) + "last"
	if s := mustParse(t, "import "+module); s.Imports()[0].Module != module {
		t.Error("Parse: the module is another one")
	}
	var keywords strings.Builder
	for i := range n {
		fmt.Fprintf(&keywords, "k%d ", i)
	}
	if s := mustParse(t, fmt.Sprintf("keyword %[1]s; dclass A { f() ram %[1]s ram; };", &keywords)); len(s.Class("A").FieldByName("f").Keywords()) != n+1 {
		t.Error("Parse: the keywords are others")
	}
	schema := func(prefix string) *Schema {
		var b strings.Builder
		b.WriteString("dclass A {")
		for i := range n {
			fmt.Fprintf(&b, "int8 %s%05d;", prefix, i)
		}
		return mustParse(t, b.String()+"};")
	}
	if d := Diff(schema("a"), schema("b")); len(d.Changes) != 2*n {
		t.Errorf("Diff: %d changes, want %d", len(d.Changes), 2*n)
	}
}
