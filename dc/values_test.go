package dc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// valueVectors is what a real Panda3D 1.11 answers about the values of a file.
type valueVectors struct {
	File  string
	Cases []struct {
		Class, Field string
		Text         *string
		Hex          string
		Formatted    string
	}
	BadText []struct {
		Class, Field, Text string
	} `json:"bad_text"`
	BadBytes []struct {
		Class, Field, Hex string
	} `json:"bad_bytes"`
	Classes []struct {
		Name      string
		Inherited []struct{ Default string }
	}
}

func TestValueVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var files []valueVectors
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range files {
		s, err := ParseFiles(filepath.Join("testdata", v.File))
		if err != nil {
			t.Fatal(err)
		}
		field := func(class, name string) *Field {
			f := s.Class(class).FieldByName(name)
			if f == nil {
				t.Fatalf("no field %s.%s", class, name)
			}
			return f
		}
		for _, c := range v.Cases {
			checkValue(t, field(c.Class, c.Field), c.Text, c.Hex, c.Formatted)
		}
		for _, c := range v.BadText {
			f := field(c.Class, c.Field)
			if b, err := f.ParseText(nil, c.Text); err == nil {
				t.Errorf("%v takes %s as %x", f, c.Text, b)
			}
		}
		for _, c := range v.BadBytes {
			f := field(c.Class, c.Field)
			checkRefused(t, f, unhex(t, c.Hex))
		}
		for _, c := range v.Classes {
			for i, d := range c.Inherited {
				f := s.Class(c.Name).Fields()[i] // it may have no name
				if got := f.AppendDefault(nil); !bytes.Equal(got, unhex(t, d.Default)) {
					t.Errorf("%v has the default %x, want %s", f, got, d.Default)
				}
			}
		}
	}
}

// checkValue holds all ways to read and write a value against what it is.
// text may be nil.
func checkValue(t *testing.T, f *Field, text *string, packed, formatted string) {
	t.Helper()
	b := unhex(t, packed)
	if text != nil {
		if got, err := f.ParseText([]byte("x"), *text); err != nil || !bytes.Equal(got[1:], b) {
			t.Errorf("%v takes %s as %x (%v), want %s", f, *text, got, err, packed)
		}
	}
	if err := f.Check(b); err != nil {
		t.Errorf("%v refuses %s: %v", f, packed, err)
		return
	}
	longer := append(bytes.Clone(b), 0xff, 0xff)
	if n, err := f.CheckPrefix(longer); err != nil || n != len(b) {
		t.Errorf("%v finds %d bytes at the start of %x (%v)", f, n, longer, err)
	}
	if n, err := f.Skip(longer); err != nil || n != len(b) {
		t.Errorf("%v skips %d bytes of %x (%v)", f, n, longer, err)
	}
	if got, err := f.AppendText(nil, b); err != nil || string(got) != formatted {
		t.Errorf("%v writes %s as %s (%v), want %s", f, packed, got, err, formatted)
	}
	values, err := f.Unpack(b)
	if err != nil {
		t.Errorf("%v does not unpack %s: %v", f, packed, err)
		return
	}
	if got, err := f.Pack([]byte("x"), values...); err != nil || !bytes.Equal(got[1:], b) {
		t.Errorf("%v packs %#v as %x (%v), want %s", f, values, got, err, packed)
	}
}

func checkRefused(t *testing.T, f *Field, b []byte) {
	t.Helper()
	var bad *ValueError
	if err := f.Check(b); !errors.As(err, &bad) || bad.Field != f.String() {
		t.Errorf("%v accepts %x (%v)", f, b, err)
	}
	if v, err := f.Unpack(b); err == nil {
		t.Errorf("%v unpacks %x to %v", f, b, v)
	}
	if text, err := f.AppendText(nil, b); err == nil {
		t.Errorf("%v writes %x as %s", f, b, text)
	}
	if n, err := f.CheckPrefix(b); err == nil && n >= len(b) {
		t.Errorf("%v finds %d bytes in %x", f, n, b)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
