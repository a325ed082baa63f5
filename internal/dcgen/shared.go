package dcgen

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/culm-net/culm/dc"
)

// schemaFile writes the DC files themselves.
func (g *generator) schemaFile() error {
	w := &code{}
	w.p("// Hash is the hash of the DC files, which peers compare.")
	w.p("const Hash uint32 = 0x%08x\n", g.schema.Hash())
	w.p("// Schema returns what the DC files declare. Worlds and clients for the generated")
	w.p("// code have to be made with it.")
	w.p("func Schema() *dc.Schema { return schema() }\n")
	w.p("// Field returns the field with a number, one of the Field constants.")
	w.p("func Field(number int) *dc.Field { return schema().FieldByNumber(number) }\n")
	w.p("var schema = sync.OnceValue(func() *dc.Schema {")
	options := ""
	if g.Options.NoVirtualInheritance {
		options = "NoVirtualInheritance: true"
	}
	if g.Options.NoSortByFile {
		options = strings.TrimPrefix(options+", NoSortByFile: true", ", ")
	}
	w.p("s, err := (dc.Options{%s}).Parse(", options)
	for _, s := range g.Sources {
		w.p("dc.Source{Name: %q, Text: []byte(%s)},", filepath.Base(s.Name), literal(s.Text))
	}
	w.p(")")
	w.p("if err == nil && s.Hash() != Hash {")
	w.p(`panic("the DC files have another hash than when this code was generated: generate it again with the culm that the program is built with")`)
	w.p("}")
	w.p("if err != nil {")
	w.p("panic(err) // they were right when this code was generated")
	w.p("}")
	w.p("return s")
	w.p("})")
	doc := fmt.Sprintf(`// Package %[1]s has the types and codecs of these DC files:
//
%[2]s//
// Servers use it together with package %[1]sai, clients with package
// %[1]sclient, and AIs of a cluster with package %[1]scluster. Their
// documentation says how.
`, g.Package, g.sourceList())
	return g.add("schema.go", g.Package, doc, w)
}

func (g *generator) sourceList() string {
	s := ""
	for _, f := range g.Sources {
		s += "//   - " + filepath.Base(f.Name) + "\n"
	}
	return s
}

// literal spells a text as Go does, in lines if that is possible.
func literal(text []byte) string {
	if s := string(text); strings.Contains(s, "\n") && strings.ToValidUTF8(s, "") == s && !strings.ContainsAny(s, "`\r\ufeff\x00") {
		return "`" + s + "`"
	}
	return strconv.Quote(string(text))
}

// typesFile writes the Go types of structs, switches and typedefs.
func (g *generator) typesFile() error {
	w := &code{}
	for _, t := range g.typedefs {
		typ := g.typeOf(t.Type(), exported(t.Name()))
		comment := ""
		if d := describe(typ); d != "" {
			comment = ": " + d
		}
		w.p("// %s is the typedef %s%s.", g.aliases[t], t.Name(), comment)
		// A typedef of a typedef is that, and not itself.
		w.p("type %s = %s\n", g.aliases[t], typ.spelled(""))
	}
	for _, c := range g.composites {
		w.composite(c)
	}
	return g.add("types.go", g.Package, "", w)
}

// allFields returns the fields of all classes, each once.
func (g *generator) allFields() []*field {
	var list []*field
	seen := map[*dc.Field]bool{}
	for _, c := range g.classes {
		for _, f := range c.fields {
			if !seen[f.dc] {
				seen[f.dc] = true
				list = append(list, f)
			}
		}
	}
	return list
}

func (f *field) types() (names []string, types []*typ) {
	for _, p := range f.params {
		names, types = append(names, p.name), append(types, p.typ)
	}
	return names, types
}

// signature is the parameters, as a function's parameters or results.
func (f *field) signature(qualifier string) string {
	var list []string
	for i, p := range f.params {
		typ := p.typ.expr(qualifier)
		if i+1 < len(f.params) && f.params[i+1].typ.expr(qualifier) == typ {
			list = append(list, p.name)
		} else {
			list = append(list, p.name+" "+typ)
		}
	}
	return strings.Join(list, ", ")
}

func (f *field) args() string {
	names, _ := f.types()
	return strings.Join(names, ", ")
}

// limits is what the Go types of the parameters do not say, as a sentence of a
// comment.
func (f *field) limits() string {
	var list []string
	for _, p := range f.params {
		if d := describe(p.typ); d != "" {
			name := p.name
			if f.isState() {
				name = "it"
			}
			list = append(list, name+" is "+d)
		}
	}
	if list == nil {
		return ""
	}
	return " In the DC files " + strings.Join(list, ", ") + "."
}

// codecFile writes how fields are packed and read.
func (g *generator) codecFile() error {
	w := &code{}
	fields := g.allFields()
	if len(fields) > 0 {
		w.p("// The numbers of the fields.")
		w.p("const (")
		for _, f := range fields {
			w.p("Field%s = %d // %s", f.codec, f.dc.Number(), f.dc)
		}
		w.p(")\n")
	}
	for _, f := range fields {
		w.temps = 0
		names, types := f.types()
		w.comment("Pack%s appends the packed %s of %s to dst. What does not fit is a *dc.ValueError, and dst is returned as it was.%s",
			f.codec, valueWord(f), f.dc, f.limits())
		params := f.signature("")
		if params != "" {
			params = ", " + params
		}
		w.p("func Pack%s(dst []byte%s) ([]byte, error) {", f.codec, params)
		if len(f.params) == 0 {
			w.p("return dst, nil")
			w.p("}\n")
		} else {
			if !slow(types...) {
				w.p("if data, ok := pack%s(dst, %s); ok { return data, nil }", f.codec, f.args())
			}
			var values []string
			for i, t := range types {
				values = append(values, value(names[i], t))
			}
			// Handing dst over would have callers' buffers on their stack escape.
			w.p("data, err := Field(Field%s).Pack(nil, %s)", f.codec, strings.Join(values, ", "))
			w.p("return append(dst, data...), err")
			w.p("}\n")
			if !slow(types...) {
				w.p("func pack%s(dst []byte%s) (_ []byte, ok bool) {", f.codec, params)
				w.appendAll(names, types)
			}
		}
		if len(f.params) == 0 {
			continue
		}
		w.comment("Read%s returns the %s of %s that data holds, which must have been checked, as worlds and clients do. Of other bytes it returns anything, but does not panic.",
			f.codec, valueWord(f), f.dc)
		w.p("func Read%s(data []byte) (%s) {", f.codec, f.signature(""))
		if slices.ContainsFunc(types, func(t *typ) bool { return !t.empty }) {
			w.p("cur := &cursor{data}")
		}
		for i, t := range types {
			w.read(names[i], t)
		}
		w.p("return %s", f.args())
		w.p("}\n")
	}
	w.p("%s", helpers)
	return g.add("codec.go", g.Package, "", w)
}

func valueWord(f *field) string {
	if f.isState() {
		return "value"
	}
	return "arguments"
}

// comment writes a comment in lines of a good length.
func (w *code) comment(format string, args ...any) {
	line := "//"
	for word := range strings.FieldsSeq(fmt.Sprintf(format, args...)) {
		if len(line)+1+len(word) > 80 {
			w.p("%s", line)
			line = "//"
		}
		line += " " + word
	}
	w.p("%s", line)
}

// helpers are what all generated codecs need.
const helpers = `// each returns what f makes of each element.
func each[T any](list []T, f func(*T) []any) []any {
	values := make([]any, len(list))
	for i := range list {
		values[i] = f(&list[i])
	}
	return values
}

// wrap brings a number into 0 … modulus.
func wrap(v, modulus float64) float64 {
	if v >= 0 {
		return math.Mod(v, modulus)
	}
	if v = modulus - math.Mod(-v, modulus); v == modulus {
		return 0
	}
	return v
}

// cursor is what is left to read. When there is less than a value needs, the value
// is zero and nothing is left.
type cursor struct{ data []byte }

func (c *cursor) take(n int) []byte {
	if n > len(c.data) {
		c.data = nil
		return nil
	}
	b := c.data[:n:n]
	c.data = c.data[n:]
	return b
}

func (c *cursor) take32(n uint32) []byte {
	if uint64(n) > uint64(len(c.data)) {
		c.data = nil
		return nil
	}
	return c.take(int(n))
}

func (c *cursor) uint8() uint8 {
	if len(c.data) < 1 {
		c.data = nil
		return 0
	}
	v := c.data[0]
	c.data = c.data[1:]
	return v
}

func (c *cursor) uint16() uint16 {
	if len(c.data) < 2 {
		c.data = nil
		return 0
	}
	v := binary.LittleEndian.Uint16(c.data)
	c.data = c.data[2:]
	return v
}

func (c *cursor) uint32() uint32 {
	if len(c.data) < 4 {
		c.data = nil
		return 0
	}
	v := binary.LittleEndian.Uint32(c.data)
	c.data = c.data[4:]
	return v
}

func (c *cursor) uint64() uint64 {
	if len(c.data) < 8 {
		c.data = nil
		return 0
	}
	v := binary.LittleEndian.Uint64(c.data)
	c.data = c.data[8:]
	return v
}
`
