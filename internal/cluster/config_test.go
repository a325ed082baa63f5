package cluster

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/culm-net/culm/dc"
)

var update = flag.Bool("update", false, "write what testdata and docs/cluster-keys.md should be")

// golden compares with a file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(string(text), "\r\n", "\n"); got != want {
		t.Errorf("%s is not what it should be:\n%s\nIf this is as it should be: go test ./internal/cluster -update, and read the difference", path, got)
	}
}

func asJSON(t *testing.T, c *Config) string {
	t.Helper()
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), `\\`, "/") + "\n"
}

// TestEachKey reads a file with all keys, and holds the file to having all.
func TestEachKey(t *testing.T) {
	c, err := Load("testdata/full.yml")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	golden(t, "testdata/full.json", asJSON(t, c))

	index := regexp.MustCompile(`\[\d+\]`)
	there := make(map[string]bool)
	for path := range c.lines {
		there[index.ReplaceAllString(path, "")] = true
	}
	for _, k := range keysOf(reflect.TypeFor[Config](), "", false) {
		if path := strings.ReplaceAll(k.pathInFile, "[]", ""); !k.variant && !there[path] {
			t.Errorf("%s is not in testdata/full.yml", k.pathInFile)
		}
	}
}

// TestDefaults says what the shortest file means.
func TestDefaults(t *testing.T) {
	c, err := Parse(filepath.Join("game", "astron.yml"), []byte(`
roles:
  - {type: stateserver, control: 4002}
  - {type: clientagent, channels: {min: 1000, max: 2000}}
  - {type: eventlogger}
  - {type: database, control: 4003, generate: {min: 1000}}
  - {type: dbss, database: 4003, ranges: []}
`))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/defaults.json", asJSON(t, c))
}

func TestWithoutFile(t *testing.T) {
	c := Default("game.dc")
	if err := c.Validate(); err != nil || len(c.Warnings) > 0 {
		t.Errorf("%v, warnings %v", err, c.Warnings)
	}
	golden(t, "testdata/default.json", asJSON(t, c))
	if err := c.CheckRunnable(); err != nil {
		t.Error(err)
	}
}

// TestFaults tells what is wrong with each file in testdata/faults.txt: a
// title behind "# ", the file, and behind "-> " what is reported, warnings
// with "warning: ".
func TestFaults(t *testing.T) {
	const path = "testdata/faults.txt"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	cases := strings.Split("\n"+strings.ReplaceAll(string(text), "\r\n", "\n"), "\n# ")
	got.WriteString(strings.TrimPrefix(cases[0], "\n"))
	for i, c := range cases[1:] {
		title, body, _ := strings.Cut(c, "\n")
		var file []string
		for line := range strings.SplitSeq(body, "\n") {
			if line != "" && !strings.HasPrefix(line, "-> ") {
				file = append(file, line)
			}
		}
		if i > 0 || cases[0] != "" {
			got.WriteString("\n")
		}
		fmt.Fprintf(&got, "# %s\n", title)
		for _, line := range file {
			got.WriteString(line + "\n")
		}
		config, err := Parse("c.yml", []byte(strings.Join(file, "\n")))
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				got.WriteString("-> " + line + "\n")
			}
			continue
		}
		for _, w := range config.Warnings {
			got.WriteString("-> warning: " + w.Error() + "\n")
		}
		if len(config.Warnings) == 0 {
			got.WriteString("-> fine\n")
		}
	}
	golden(t, path, got.String())
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		// What Astron's tests say.
		"::1": "[::1]:7199", "0:0:0:0:0:0:0:1": "[0:0:0:0:0:0:0:1]:7199", "[0:0::1]": "[0:0::1]:7199",
		"[0:0::1]:57123": "[0:0::1]:57123", "localhost:57123": "localhost:57123", "foobar:20": "foobar:20", "99.1:57123": "99.1:57123",
		"[0:0::1:57123": "", "0:0::1]:57123": "", "0:0::1:57123": "", "127:0:0:1:57123": "", "bad~characters:1": "",
		"more--bad.characters..-:1": "",
		// The rest.
		"127.0.0.1": "127.0.0.1:7199", "xn--mnchen-3ya.example": "xn--mnchen-3ya.example:7199", "example.": "example.:7199",
		"host:0": "host:0", "host:0080": "host:80", "host:65535": "host:65535",
		"": "", ":": "", ":1": "", "host:": "", "host:65536": "", "host:-1": "", "host:http": "", "[]": "", "[::1]x": "", "[::1]:": "",
		"[127.0.0.1]:1": "", "-a": "", ".a": "", "a-": "", "a..b": "", "a-.b": "", "a.-b": "", "a b": "", "ä": "",
	} {
		got, err := parseAddress(text, "7199")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("parseAddress(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for addr, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "[::ffff:127.0.0.1]:1": true,
		"0.0.0.0:1": false, "[::]:1": false, "game.example:1": false, "": false,
	} {
		if got := isLoopback(addr); got != want {
			t.Errorf("isLoopback(%q) = %v", addr, got)
		}
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "100%d")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "c.yml")
	if err := os.WriteFile(path, []byte("general: {dc_files: [a.dc, ../b.dc]}\nroles: [{type: eventlogger, output: '%Y'}]"), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "a.dc"), filepath.Join(filepath.Dir(dir), "b.dc")}; !slices.Equal(c.General.DCFiles, want) {
		t.Errorf("%q, want %q", c.General.DCFiles, want)
	}
	if got, want := c.Roles[0].EventLogger.Output, filepath.Join(filepath.Dir(dir), "100%%d", "%Y"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := Load(filepath.Join(dir, "none.yml")); !os.IsNotExist(err) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestCheckSchema(t *testing.T) {
	schema, err := dc.Parse(dc.Source{Name: "a.dc", Text: []byte("dclass Login { };\nstruct Point { int8 x; };")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("c.yml", []byte("uberdogs:\n- {id: 1000, class: Login}\n- {id: 1001, class: Logni}\n- {id: 1002, class: Point}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := `c.yml:3: uberdogs[1].class: there is no class Logni in the DC files; did you mean "Login"?
c.yml:4: uberdogs[2].class: Point is a struct, not a dclass`
	if err := c.CheckSchema(schema); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	c.UberDOGs = c.UberDOGs[:1]
	if err := c.CheckSchema(schema); err != nil {
		t.Error(err)
	}
}

// Whoever forgets the DC files is told.
func TestCheckSchemaWithoutClasses(t *testing.T) {
	schema, err := dc.Parse()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"general: {}\nroles: [{type: stateserver, control: 1000}]": "c.yml:1: general.dc_files: there is no class in the DC files: no object can be made; name the game's DC files",
		"general: {}\nroles: [{type: eventlogger}]":                "",
	} {
		c, err := Parse("c.yml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CheckSchema(schema); err != nil || c.Warnings.Error() != want {
			t.Errorf("%v, warnings %v", err, c.Warnings)
		}
	}
}

func TestCheckRunnable(t *testing.T) {
	c, err := Load("testdata/full.yml")
	if err != nil {
		t.Fatal(err)
	}
	const text = `: this version of Culm does not run the role `
	err = c.CheckRunnable()
	if err == nil || strings.Count(err.Error(), text) != 4 || !strings.HasPrefix(err.Error(), "testdata/full.yml:91: roles[3].type"+text+`"database": run it with astrond`) {
		t.Errorf("%v", err)
	}
}

func TestTooLarge(t *testing.T) {
	if _, err := Parse("c.yml", []byte("#"+strings.Repeat("x", maxFile))); err == nil || !strings.Contains(err.Error(), "which no configuration needs") {
		t.Errorf("%v", err)
	}
	// Each alias multiplies what it stands for.
	text := "roles:\n" +
		"- {type: clientagent, haproxy_allow: &b [" + strings.Repeat("10.0.0.1,", 1000) + "], channels: {min: 1000, max: 1000}}\n" +
		strings.Repeat("- {type: clientagent, haproxy_allow: *b, channels: {min: 1000, max: 1000}, bind: 'h:0'}\n", 1000)
	if _, err := Parse("c.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), "more than 65536 values") {
		t.Errorf("%.200v", err)
	}
	_, err := Parse("c.yml", []byte("roles:\n"+strings.Repeat("- 1\n", 1000)))
	if faults := err.(Errors); len(faults) != maxErrors+1 || faults[maxErrors].Error() != "c.yml: there are more errors" {
		t.Errorf("%d errors, want %d and a last line: %v", len(faults), maxErrors, faults)
	}
}

func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/full.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	for _, seed := range []string{"", "a: [", "roles: &a [*a]", "&a {roles: [*a]}", "{? {}: 1}", "roles: [{type: !!null }]", "<<: 1", "---\n---\n", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("c.yml", text)
		if err == nil {
			if c.Validate() != nil {
				t.Fatal("Validate refuses what Parse takes")
			}
			return
		}
		for _, e := range err.(Errors) {
			if e.Message == "" || strings.ContainsAny(e.Error(), "\n") {
				t.Fatalf("no error for people: %q", e.Error())
			}
		}
	})
}
