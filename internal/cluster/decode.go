package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits of a file.
const (
	maxFile   = 1 << 20 // bytes
	maxValues = 1 << 16 // keys and elements, counted where they are used: aliases multiply
)

// Load reads a configuration from a file. Relative paths in it are
// relative to the file's folder. All faults are reported at once, as [Errors].
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse is [Load] for text that has been read from a path.
func Parse(path string, text []byte) (*Config, error) {
	d := decoder{file: path, dir: filepath.Dir(path), lines: make(map[string]int)}
	if d.dir == "." {
		d.dir = ""
	}
	c := &Config{File: path, lines: d.lines}
	root := d.document(text)
	if root == nil {
		return nil, d.faults.err()
	}
	v := reflect.ValueOf(c).Elem()
	d.fill(v)
	d.section(root, v, "")
	d.faults = append(d.faults, c.check(len(d.faults) > 0)...)
	c.Warnings = append(c.Warnings, d.warnings...)
	c.Warnings.sort()
	if err := d.faults.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// decoder puts a file into a Config and collects what is wrong with it.
type decoder struct {
	file     string
	dir      string // of the file; empty for the working directory
	lines    map[string]int
	values   int
	faults   Errors
	warnings Errors
}

func (d *decoder) fault(line int, key, format string, args ...any) {
	d.faults = append(d.faults, &Error{d.file, line, key, fmt.Sprintf(format, args...)})
}

// full reports whether going on would say nothing new.
func (d *decoder) full(n *yaml.Node) bool {
	d.values++
	if d.values == maxValues {
		d.fault(n.Line, "", "the configuration has more than %d values", maxValues)
	}
	return d.values >= maxValues || len(d.faults) > maxErrors
}

// yamlLine is where package yaml says a line in an error.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// document returns the root of the file, or nil if there is none that can be read.
func (d *decoder) document(text []byte) *yaml.Node {
	if len(text) > maxFile {
		d.fault(0, "", "the file has more than %d bytes, which no configuration needs", maxFile)
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		d.fault(1, "", "the file is empty; \"roles: []\" is the shortest configuration")
		return nil
	case err != nil:
		at := yamlLine.FindStringSubmatch(err.Error())
		line, _ := strconv.Atoi(at[1])
		if line == 0 {
			line = lineOf(text, err.Error())
		}
		d.fault(line, "", "this is not YAML: %s", err.Error()[len(at[0]):])
		return nil
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		d.warnings = append(d.warnings, &Error{d.file, 0, "", "only the first document of the file counts; another one follows"})
	}
	return doc.Content[0]
}

// unknownAnchor is an error of package yaml that says no line.
var unknownAnchor = regexp.MustCompile(`unknown anchor '(.*)' referenced`)

// lineOf finds the line of an error that says none, or returns 0.
func lineOf(text []byte, err string) int {
	at := 0
	if m := unknownAnchor.FindStringSubmatch(err); m != nil {
		at = bytes.Index(text, []byte("*"+m[1]))
	} else if !utf8.Valid(text) {
		for at < len(text) {
			r, size := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
	} else {
		return 0
	}
	return 1 + bytes.Count(text[:max(at, 0)], []byte{'\n'})
}

// fill gives each key its default.
func (d *decoder) fill(v reflect.Value) {
	fields := fieldsOf(v.Type())
	variants, _ := variantsOf(fields)
	for i := range fields {
		f := &fields[i]
		switch {
		case f.has:
			value, err := kinds[f.kind].parse(f.dflt, f, d.dir)
			if err != nil {
				panic(fmt.Sprintf("cluster: the default of %s %v", f.key, err)) // each test sees it
			}
			v.Field(f.index).Set(reflect.ValueOf(value).Convert(f.elem))
			if chosen := variants[f.dflt]; f.key == "type" && chosen != nil {
				d.choose(v, chosen)
			}
		case f.kind == "" && f.key != "" && !f.list && !f.optional:
			d.fill(v.Field(f.index))
		}
	}
}

// choose makes a variant the one of v, with its defaults.
func (d *decoder) choose(v reflect.Value, variant *field) reflect.Value {
	p := reflect.New(variant.elem)
	d.fill(p.Elem())
	v.Field(variant.index).Set(p)
	return p.Elem()
}

// section reads a map into a struct that has its defaults.
func (d *decoder) section(n *yaml.Node, v reflect.Value, path string) {
	n = dealias(n)
	if n.Kind != yaml.MappingNode {
		d.fault(n.Line, path, "here must be a map of keys and values, not %s", describe(n))
		return
	}
	fields := fieldsOf(v.Type())
	if variants, names := variantsOf(fields); len(names) > 0 {
		d.variant(n, v, path, variants, names)
		return
	}
	d.keys(n, v, path, fields, "")
}

// variant reads a map whose "type" says what else it has.
func (d *decoder) variant(n *yaml.Node, v reflect.Value, path string, variants map[string]*field, names []string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := dealias(n.Content[i]), dealias(n.Content[i+1])
		if key.Value != "type" {
			continue
		}
		d.lines[join(path, "type")] = key.Line
		chosen := variants[value.Value]
		if value.Kind != yaml.ScalarNode || chosen == nil {
			d.fault(value.Line, join(path, "type"), "%s is not %s%s", describe(value), either(names), suggest(value.Value, names))
			return
		}
		v.SetZero()
		v.Field(0).SetString(value.Value)
		s := d.choose(v, chosen)
		d.keys(n, s, path, fieldsOf(s.Type()), "type")
		return
	}
	d.fault(n.Line, path, "the key \"type\" is missing: it is %s", either(names))
}

// keys reads the pairs of a map. The key that is known already is skipped.
func (d *decoder) keys(n *yaml.Node, v reflect.Value, path string, fields []field, known string) {
	names := make([]string, len(fields), len(fields)+1)
	for i, f := range fields {
		names[i] = f.key
	}
	if known != "" {
		names = append(names, known)
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := dealias(n.Content[i]), n.Content[i+1]
		if d.full(key) {
			return
		}
		if key.Kind != yaml.ScalarNode {
			d.fault(key.Line, path, "a key must be text, not %s", describe(key))
			continue
		}
		name := key.Value
		if line, again := seen[name]; again {
			d.fault(key.Line, join(path, name), "the key is here for the second time; the first one is in line %d", line)
			continue
		}
		seen[name] = key.Line
		if known != "" && name == known {
			continue
		}
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == name })
		if i < 0 {
			d.fault(key.Line, path, "unknown key %q%s", name, suggest(name, names))
			continue
		}
		at := join(path, name)
		d.lines[at] = key.Line
		d.field(value, v, &fields[i], at)
	}
	for _, f := range fields {
		if _, ok := seen[f.key]; f.required && !ok {
			d.fault(n.Line, path, "the key %q is missing (%s)", f.key, clause(f.help))
		}
	}
}

// field reads the value of a key.
func (d *decoder) field(n *yaml.Node, v reflect.Value, f *field, path string) {
	target := v.Field(f.index)
	n = dealias(n)
	switch {
	case f.list:
		if n.Kind != yaml.SequenceNode {
			d.fault(n.Line, path, "here must be a list, not %s", describe(n))
			return
		}
		list := reflect.MakeSlice(target.Type(), len(n.Content), len(n.Content))
		for i, e := range n.Content {
			if d.full(e) {
				return
			}
			at := path + "[" + strconv.Itoa(i) + "]"
			d.lines[at] = e.Line
			d.element(e, list.Index(i), f, at)
		}
		target.Set(list)
	case f.optional:
		p := reflect.New(f.elem)
		d.element(n, p.Elem(), f, path)
		target.Set(p)
	default:
		d.element(n, target, f, path)
	}
}

// element reads a section or one value.
func (d *decoder) element(n *yaml.Node, v reflect.Value, f *field, path string) {
	n = dealias(n)
	if f.kind == "" {
		d.fill(v)
		d.section(n, v, path)
		return
	}
	k := kinds[f.kind]
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		want := k.doc
		if len(f.one) > 0 {
			want = either(f.one)
		}
		d.fault(n.Line, path, "here must be a value (%s), not %s", want, describe(n))
		v.SetZero() // the default would be taken for what was meant
		return
	}
	value, err := k.parse(n.Value, f, d.dir)
	if w, ok := errors.AsType[warning](err); ok {
		d.warnings = append(d.warnings, &Error{d.file, n.Line, path, quote(n.Value) + " " + w.Error()})
		err = nil
	}
	if err != nil {
		d.fault(n.Line, path, "%s %v", quote(n.Value), err)
		v.SetZero()
		return
	}
	v.Set(reflect.ValueOf(value).Convert(v.Type()))
}

// dealias follows an alias to what it stands for.
func dealias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias // never an alias itself
	}
	return n
}

// describe says what a node is, in a sentence.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	}
	return quote(n.Value)
}

// quote quotes the beginning of a value.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strconv.Quote(text)
}

// clause is the first sentence of a help, to be read within another one.
func clause(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	first = strings.TrimSuffix(first, ".")
	if first[1] >= 'a' { // not a word of capitals
		first = strings.ToLower(first[:1]) + first[1:]
	}
	return first
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// suggest says which of the names was perhaps meant.
func suggest(name string, names []string) string {
	best, least := "", 3
	for _, n := range names {
		if e := edits(name, n, least); e < least && e < len(n) {
			best, least = n, e
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// edits is how many characters must be changed, added or removed to make b
// from a, or limit if it is not less.
func edits(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return min(row[len(b)], limit)
}
