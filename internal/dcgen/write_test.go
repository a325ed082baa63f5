package dcgen

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func file(path, text string) File { return File{path, []byte(header + "\n" + text)} }

// write calls Write and returns what it did with paths below the directory.
func write(t *testing.T, dir string, files ...File) (written, removed []string, err error) {
	t.Helper()
	written, removed, err = Write(dir, files)
	for _, list := range [][]string{written, removed} {
		for i, path := range list {
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			list[i] = filepath.ToSlash(rel)
		}
	}
	return written, removed, err
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "game")
	check := func(what string, written, removed []string, err error, wantWritten, wantRemoved string) {
		t.Helper()
		if err != nil || strings.Join(written, " ") != wantWritten || strings.Join(removed, " ") != wantRemoved {
			t.Errorf("%s: wrote %q, removed %q, %v; want %q and %q", what, written, removed, err, wantWritten, wantRemoved)
		}
	}
	w, r, err := write(t, dir, file("a.go", "package game"), file("gameai/b.go", "package gameai"))
	check("a new directory", w, r, err, "a.go gameai/b.go", "")
	w, r, err = write(t, dir, file("a.go", "package game"), file("gameai/b.go", "package gameai"))
	check("nothing changed", w, r, err, "", "")

	// The game's own files, one of which looks like a generated one's name.
	own := filepath.Join(dir, "own.go")
	if err := os.WriteFile(own, []byte("package game\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	w, r, err = write(t, dir, file("c.go", "package game"), file("gameai/b.go", "package gameai // new"))
	check("other files", w, r, err, "c.go gameai/b.go", "a.go")
	if _, err := os.Stat(own); err != nil {
		t.Errorf("a file of the game: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "a.go")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stale file: %v", err)
	}

	w, r, err = write(t, dir, file("c.go", "package game"), File{Path: "gameai/b.go"}, File{Path: "other/e.go"})
	check("a side for which there shall be nothing", w, r, err, "", "gameai/b.go")
	w, r, err = write(t, dir, file("c.go", "package game"), file("gameai/b.go", "package gameai"))
	check("that side again", w, r, err, "gameai/b.go", "")

	_, _, err = write(t, dir, file("d.go", "package game"), file("own.go", "package game"))
	if err == nil || !strings.Contains(err.Error(), "own.go was not generated, so it is not overwritten") {
		t.Errorf("a file in the way: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, []string{"c.go", "gameai", "own.go"}) {
		t.Errorf("after an error there are %q; want nothing written or removed", names)
	}
}

func TestImportPath(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put("a/go.mod", "// a comment\nmodule example.org/game // another\n\ngo 1.26\n")
	put("a/b/go.mod", "module \"quoted.example/inner\"\n")
	put("broken/go.mod", "go 1.26\n")
	for _, test := range []struct{ dir, want, err string }{
		{"a", "example.org/game", ""},
		{"a/gen/game", "example.org/game/gen/game", ""},
		{"a/b/game", "quoted.example/inner/game", ""},
		{"broken/game", "", `has no line "module …"`},
		{"none/game", "", `is in no Go module, so the generated packages cannot import each other: run "go mod init" there, or say the import path with --import`},
	} {
		got, err := ImportPath(filepath.Join(root, filepath.FromSlash(test.dir)))
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: got %q, %v; want %q, %q", test.dir, got, err, test.want, test.err)
		}
	}
}
