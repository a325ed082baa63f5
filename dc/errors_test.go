package dc

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files from what comes out")

// TestErrorMessages holds the errors about each file in testdata/errors to the
// file next to it with the ending .golden.
func TestErrorMessages(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.dc")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(Source{filepath.Base(file), text})
		if err == nil {
			t.Errorf("%s is accepted", file)
			continue
		}
		got := err.Error() + "\n"
		if *update {
			if err := os.WriteFile(file+".golden", []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: errors\n%s\nwant\n%s", file, got, want)
		}
	}
}

// A file of somebody else must not steer the terminal that its fault is shown on.
func TestErrorShowsNoControls(t *testing.T) {
	_, err := Parse(Source{Name: "a.dc", Text: []byte("/* \x1b[2J \u009b2J \x7f\t\u00e4 */ dclass ;")})
	list, ok := errors.AsType[ErrorList](err)
	if !ok {
		t.Fatal(err)
	}
	if want := "/*  [2J  2J  \t\u00e4 */ dclass ;"; list[0].Source != want {
		t.Errorf("got %q, want %q", list[0].Source, want)
	}
}

func TestErrorOfLongLine(t *testing.T) {
	text := "dclass C { " + strings.Repeat("a();", 100) + "\té\t5 " + strings.Repeat("b();", 100) + "}"
	_, err := Parse(Source{"", []byte(text)})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e.Column != 413 {
		t.Errorf("column %d", e.Column)
	}
	lines := strings.Split(e.Error(), "\n")
	if len(lines) != 3 || len([]rune(lines[1])) > 400 {
		t.Fatalf("%q", lines)
	}
	shown, caret := []rune(lines[1]), []rune(lines[2])
	if at := len(caret) - 1; caret[at] != '^' || shown[at] != 'é' {
		t.Errorf("the caret is not under the é: %q", lines)
	}
}

func TestParseFilesMissing(t *testing.T) {
	if _, err := ParseFiles("testdata/no such file.dc"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
