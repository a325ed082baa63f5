package dc_test

import (
	"testing"

	"github.com/culm-net/culm/dc"
)

// F25 of shared/protocols/astron.md: the implicit default of an array with a
// smallest size has as many elements as that, whatever their width, and its
// length is that of its bytes.
func TestF25(t *testing.T) {
	s, err := dc.Parse(dc.Source{Name: "a.dc", Text: []byte("dclass A { a(uint32[2-4]); b(uint16[3-4], string(2-5)); c(int64[2]); };")})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a": "\x08\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00",
		"b": "\x06\x00" + "\x00\x00\x00\x00\x00\x00" + "\x02\x00\x00\x00",
		"c": "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		f := s.Class("A").FieldByName(name)
		got := f.AppendDefault(nil)
		if string(got) != want {
			t.Errorf("the default of %s is %x", name, got)
		}
		if err := f.Check(got); err != nil {
			t.Errorf("the default of %s is not allowed: %v", name, err)
		}
	}
	// Nor does an array's body run past its length.
	if err := s.Class("A").FieldByName("a").Check([]byte("\x09\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00")); err == nil {
		t.Error("nine bytes are two and a quarter numbers")
	}
}
