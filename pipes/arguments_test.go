package pipes

import (
	"testing"

	"github.com/culm-net/culm/dc"
)

func TestArgumentsThatWouldSpread(t *testing.T) {
	schema := must(dc.Parse(dc.Source{Name: "args.dc", Text: []byte(`
		struct Inner { string s; float32 f; };
		struct Outer { Inner list[]; };
		dclass Thing {
			text(string s);
			one(char c);
			nested(Outer o, uint8 n);
			bytes(blob b, uint8 n);
			real(float32 f);
		};`)}))
	checks := newArgumentChecks(schema)
	for _, test := range []struct {
		field, packed string
		want          refusal
	}{
		{"text", "\x03\x00abc", refusedNot},
		{"text", "\x02\x00\xc3\xa4", refusedNot},
		{"text", "\x01\x00\xc3", refusedNotText},
		{"one", "\xff", refusedNotText},
		{"one", "a", refusedNot},
		{"nested", "\x07\x00\x01\x00a\x00\x00\x80\x3f\x05", refusedNot},
		{"nested", "\x07\x00\x01\x00\xff\x00\x00\x80\x3f\x05", refusedNotText},
		{"nested", "\x07\x00\x01\x00a\x00\x00\xc0\x7f\x05", refusedNotFinite},
		{"bytes", "\x01\x00\xff\x05", refusedNot},
		{"real", "\x00\x00\x80\x7f", refusedNotFinite},
		{"real", "\x00\x00\x80\xff", refusedNotFinite},
		{"real", "\x00\x00\x00\x00", refusedNot},
	} {
		f := schema.Class("Thing").FieldByName(test.field)
		if err := f.Check([]byte(test.packed)); err != nil {
			t.Fatalf("%s %q: %v", test.field, test.packed, err)
		}
		if got := checks.refusal(f, []byte(test.packed)); got != test.want {
			t.Errorf("%s %q: %v, wanted %v", test.field, test.packed, got, test.want)
		}
	}
}
