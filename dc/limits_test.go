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
		{"diamonds", Options{NoVirtualInheritance: true}, diamonds(40), "inherited"},
		{"diamonds, virtual", Options{}, diamonds(40), ""},
		{"classes", Options{}, many(maxNumbers+1, "dclass C%d{}"), "classes"},
		{"fields", Options{}, "dclass C {" + many(maxNumbers+1, "a%d();") + "}", "fields"},
		{"declarations", Options{}, strings.Repeat("keyword a;", maxNodes), "too large"},
		{"parameters", Options{}, "dclass C { a(" + strings.Repeat("int8,", maxNodes) + "); }", "too large"},
		{"the file", Options{}, strings.Repeat(" ", maxSourceSize+1), "too long"},
		{"values of many fields", Options{}, "dclass C {" + many(100, "blob(60000) a%d;") + "}", "too large"},
		{"ranges", Options{}, "dclass C { a(uint32(" + many(5000, "%d,") + ")); }", "ranges"},
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
