package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/culm-net/culm/dc"
)

// TestDCDocument holds docs/dc.md to what it says: its DC files have no
// faults, and its commands print what stands below them. A block "dc NAME" is
// a file that the commands can read.
func TestDCDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/dc.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/files")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	commands := 0
	blocks := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n```")
	for i := 1; i < len(blocks); i += 2 {
		head, body, _ := strings.Cut(blocks[i], "\n")
		body += "\n"
		switch kind, name, _ := strings.Cut(head, " "); kind {
		case "dc":
			if _, err := dc.Parse(dc.Source{Name: name, Text: []byte(body)}); err != nil {
				t.Error(err)
			}
			if name != "" {
				if err := os.WriteFile(name, []byte(body), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		case "console":
			for part := range strings.SplitSeq(strings.TrimPrefix(body, "$ "), "\n$ ") {
				command, want, _ := strings.Cut(part, "\n")
				var out bytes.Buffer
				run(t.Context(), splitArgs(command)[1:], strings.NewReader(""), &out, &out)
				if got := out.String(); strings.TrimSpace(got) != strings.TrimSpace(want) {
					t.Errorf("%s\ngot\n%s\nwant\n%s", command, got, want)
				}
				commands++
			}
		}
	}
	if commands == 0 {
		t.Error("no commands found")
	}
}

// Each flag that a document names is one of some command.
func TestFlagsInDocuments(t *testing.T) {
	known := make(map[string]bool)
	var list func(*kong.Node)
	list = func(n *kong.Node) {
		for _, f := range n.Flags {
			known["--"+f.Name] = true
		}
		for _, child := range n.Children {
			list(child)
		}
	}
	list(kong.Must(new(cli)).Model.Node)

	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/README.md", "internal/newgame/template/README.md"} {
		found, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	flag := regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range flag.FindAllString(string(text), -1) {
			if !known[name] {
				t.Errorf("%s: no command has %s", path, name)
			}
		}
	}
}
