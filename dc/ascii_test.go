package dc_test

import (
	"testing"

	"github.com/culm-net/culm/dc"
)

func TestCheckASCII(t *testing.T) {
	s, err := dc.Parse(dc.Source{Name: "ascii.dc", Text: []byte(`
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
