package dcgen

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/culm-net/culm/dc"
)

var update = flag.Bool("update", false, "generate package typed anew")

// typedSources are the DC files of package typed, which shows in the repository
// what is generated.
var typedSources = []string{
	"testdata/odd.dc", "../../dc/testdata/types.dc", "../../dc/testdata/structs.dc", "../../dc/testdata/inherit.dc", "../../dc/testdata/pipes.dc",
}

func sources(t *testing.T, paths ...string) []dc.Source {
	t.Helper()
	var list []dc.Source
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		// A checkout may have other line ends.
		list = append(list, dc.Source{Name: p, Text: bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))})
	}
	return list
}

// TestTyped holds the generated packages in the repository, which the gate builds
// and vets and package typedtest plays with, to what is generated now.
func TestTyped(t *testing.T) {
	config := Config{Sources: sources(t, typedSources...), Package: "typed", Import: "github.com/culm-net/culm/internal/dcgen/typed"}
	files, err := Generate(config)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Generate(config)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if !bytes.Equal(f.Text, again[i].Text) {
			t.Errorf("%s is another one each time", f.Path)
		}
	}
	if *update {
		if _, _, err := Write("typed", files); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("typedtest/table_test.go", table(t, files), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, f := range append(files, File{"../typedtest/table_test.go", table(t, files)}) {
		old, err := os.ReadFile(filepath.Join("typed", filepath.FromSlash(f.Path)))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(bytes.ReplaceAll(old, []byte("\r\n"), []byte("\n")), f.Text) {
			t.Errorf("%s is not what is generated now. If this is as it should be: go test ./internal/dcgen -run TestTyped -update", f.Path)
		}
	}
}

var numberLine = regexp.MustCompile(`(?m)^\tField(\w+) += \d+ +// `)

// table lists the functions of the codec for package typedtest.
func table(t *testing.T, files []File) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\npackage typedtest\n\nimport \"github.com/culm-net/culm/internal/dcgen/typed\"\n\n", header)
	fmt.Fprint(&b, "// codecs are all functions that pack and read fields.\nvar codecs = []struct {\n\tnumber     int\n\tpack, read any\n}{\n")
	for _, f := range files {
		if f.Path != "codec.go" {
			continue
		}
		for _, m := range numberLine.FindAllSubmatch(f.Text, -1) {
			read := "nil"
			if bytes.Contains(f.Text, fmt.Appendf(nil, "func Read%s(", m[1])) {
				read = "typed.Read" + string(m[1])
			}
			fmt.Fprintf(&b, "\t{typed.Field%s, typed.Pack%s, %s},\n", m[1], m[1], read)
		}
	}
	b.WriteString("}\n")
	text, err := format.Source(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEveryFileOfTheRepository generates code for each DC file by itself and has
// Go's type checker look at it.
func TestEveryFileOfTheRepository(t *testing.T) {
	for _, file := range []string{
		"testdata/odd.dc", "../../dc/testdata/types.dc", "../../dc/testdata/structs.dc", "../../dc/testdata/inherit.dc", "../../dc/testdata/pipes.dc",
		"../../docs/walk.dc", "../../examples/lan/coins.dc", "../../lan/testdata/story.dc", "../../lan/testdata/fuzz.dc", "../../lan/testdata/thing.dc",
		"../../world/testdata/story.dc", "../../pipes/testdata/story.dc", "../landemo/walkers.dc",
		"../../examples/chat/chat.dc", "../../examples/cluster/game.dc", "../newgame/template/game.dc",
		"../../cmd/culm/testdata/files/old.dc", "../../cmd/culm/testdata/files/new.dc",
	} {
		t.Run(strings.TrimPrefix(filepath.ToSlash(file), "../../"), func(t *testing.T) {
			checkTypes(t, Config{Sources: sources(t, file), Package: "game", Import: "example.org/game"})
		})
	}
}

// TestPrograms holds what is generated for programs of the repository to their DC
// files.
func TestPrograms(t *testing.T) {
	for _, p := range []struct {
		dir, file string
		sides     []Side
	}{
		{"examples/chat", "chat.dc", []Side{World, Client}},
		{"examples/cluster", "game.dc", []Side{Cluster}},
		{"internal/newgame/template", "game.dc", []Side{Cluster}},
	} {
		dir := filepath.Join("../..", filepath.FromSlash(p.dir))
		files, err := Generate(Config{Sources: sources(t, filepath.Join(dir, p.file)), Package: "game", Import: "github.com/culm-net/culm/" + p.dir + "/game", For: p.sides})
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if _, _, err := Write(filepath.Join(dir, "game"), files); err != nil {
				t.Error(err)
			}
			continue
		}
		for _, f := range files {
			old, err := os.ReadFile(filepath.Join(dir, "game", filepath.FromSlash(f.Path)))
			if f.Text == nil && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if !bytes.Equal(bytes.ReplaceAll(old, []byte("\r\n"), []byte("\n")), f.Text) {
				t.Errorf("%s/game/%s is not what is generated now: go test ./internal/dcgen -run TestPrograms -update", p.dir, f.Path)
			}
		}
	}
}

// TestOptions generates code for files that are read in other ways than by
// default.
func TestOptions(t *testing.T) {
	for _, o := range []dc.Options{{NoVirtualInheritance: true}, {NoSortByFile: true}, {NoVirtualInheritance: true, NoSortByFile: true}} {
		c := Config{Sources: sources(t, typedSources...), Package: "game", Import: "example.org/other/path", Options: o}
		checkTypes(t, c)
	}
}

// library imports packages from their source, once for all tests.
var library = sync.OnceValue(func() types.Importer { return importer.ForCompiler(token.NewFileSet(), "source", nil) })

type packageMap map[string]*types.Package

func (m packageMap) Import(path string) (*types.Package, error) {
	if p := m[path]; p != nil {
		return p, nil
	}
	return library().Import(path)
}

func checkTypes(t *testing.T, c Config, more ...File) {
	t.Helper()
	files, err := Generate(c)
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, more...)
	fset := token.NewFileSet()
	packages := map[string][]*ast.File{}
	var order []string
	for _, f := range files {
		if formatted, err := format.Source(f.Text); err != nil || !bytes.Equal(formatted, f.Text) {
			t.Errorf("%s is not formatted: %v", f.Path, err)
		}
		tree, err := parser.ParseFile(fset, f.Path, f.Text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Join(c.Import, path.Dir(f.Path))
		if packages[dir] == nil {
			order = append(order, dir)
		}
		packages[dir] = append(packages[dir], tree)
	}
	known := packageMap{}
	for _, dir := range order {
		conf := types.Config{Importer: known, Error: func(err error) { t.Error(err) }}
		known[dir], _ = conf.Check(dir, fset, packages[dir], nil)
	}
}

// TestDocument holds docs/go-code.md to what it says: what its programs use is
// there.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/go-code.md")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Package: "game", Import: "example.org/game"}
	var programs []File
	blocks := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n```")
	for i := 1; i < len(blocks); i += 2 {
		head, body, _ := strings.Cut(blocks[i], "\n")
		switch kind, name, _ := strings.Cut(head, " "); kind {
		case "dc":
			c.Sources = append(c.Sources, dc.Source{Name: name, Text: []byte(body)})
		case "go":
			programs = append(programs, File{strings.TrimSuffix(name, ".go") + "/" + name, []byte(body + "\n")})
		}
	}
	if len(programs) != 3 {
		t.Errorf("there are %d programs, want a server, a client and an UberDOG", len(programs))
	}
	checkTypes(t, c, programs...)
}

func TestRefused(t *testing.T) {
	text := func(s string) []dc.Source { return []dc.Source{{Name: "a.dc", Text: []byte(s)}} }
	for _, test := range []struct {
		name string
		c    Config
		want string
	}{
		{"a switch that cannot be one in Go", Config{Package: "game", Sources: text("switch W (float64 k) { case 1: int8 a; } dclass C { a(W w); }")},
			"switch W cannot be generated: its key is a real number"},
		{"other numbering", Config{Package: "game", Options: dc.Options{NoMultipleInheritance: true}}, "leave out --no-multiple-inheritance"},
		{"a name with a dash", Config{Package: "my-game"}, `"my-game" is no name for a Go package`},
		{"a reserved word", Config{Package: "type"}, `"type" is no name for a Go package`},
		{"a name that is in use", Config{Package: "world"}, `"world" is a name that generated code uses itself`},
		{"a broken file", Config{Package: "game", Sources: text("dclass C { a(; };")}, "a.dc:1:14: unexpected"},
	} {
		_, err := Generate(test.c)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	_, err := Generate(Config{Package: "game", Sources: text("dclass")})
	if _, ok := errors.AsType[dc.ErrorList](err); !ok {
		t.Errorf("%v is no dc.ErrorList", err)
	}
}
