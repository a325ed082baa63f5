package dc

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// checkFormat holds Format to its promises about one file.
func checkFormat(t *testing.T, src []byte) []byte {
	t.Helper()
	once, err := Format("x.dc", src)
	if err != nil {
		t.Fatalf("%v\nfor:\n%s", err, src)
	}
	twice, err := Format("x.dc", once)
	if err != nil {
		t.Fatalf("formatted text is refused: %v\nof:\n%s", err, src)
	}
	if !bytes.Equal(once, twice) {
		t.Fatalf("formatting again gives:\n%s\ninstead of:\n%s\nof:\n%s", twice, once, src)
	}
	before, err1 := Parse(Source{"x.dc", src})
	after, err2 := Parse(Source{"x.dc", once})
	if (err1 == nil) != (err2 == nil) {
		t.Fatalf("error %v became %v", err1, err2)
	}
	if err1 == nil && before.Hash() != after.Hash() {
		t.Fatalf("hash %#x became %#x in:\n%s\nof:\n%s", before.Hash(), after.Hash(), once, src)
	}
	return once
}

// Each file in testdata/format is in some disorder; the one next to it with
// the ending .golden is how it should look.
func TestFormatGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/format/*.dc")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(file + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		if got := checkFormat(t, src); !bytes.Equal(got, want) {
			t.Errorf("%s becomes:\n%s\nwant:\n%s", file, got, want)
		}
	}
}

func TestFormatVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		src, err := os.ReadFile(filepath.Join("testdata", v.File))
		if err != nil {
			t.Fatal(err)
		}
		checkFormat(t, src)
	}
}
