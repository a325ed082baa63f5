package cluster

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// docKey is a key, a section or a variant as the document shows it.
type docKey struct {
	field
	variant    bool
	pathInFile string // with [] for elements of lists
	title      string // the same, with a variant's type in place of the list: "clientagent.bind"
	depth      int
}

// keysOf lists all keys of a struct and below it.
func keysOf(t reflect.Type, path string, own bool) []docKey {
	return appendKeys(nil, t, path, "", 0, own)
}

func appendKeys(keys []docKey, t reflect.Type, path, title string, depth int, own bool) []docKey {
	for _, f := range fieldsOf(t) {
		f.own = f.own || own
		k := docKey{field: f, depth: depth}
		if f.variant != "" {
			k.variant, k.pathInFile, k.title = true, path, f.variant
			keys = append(keys, k)
			keys = appendKeys(keys, f.elem, path, title, depth+1, f.own)
			continue
		}
		k.pathInFile, k.title = join(path, f.key), join(title, f.key)
		if f.list {
			k.pathInFile += "[]"
		}
		keys = append(keys, k)
		if f.kind != "" {
			continue // a value, not a section
		}
		inner := k.title
		if f.list {
			inner += "[]"
		}
		if k.title == "roles" {
			inner = ""
		}
		keys = appendKeys(keys, f.elem, k.pathInFile, inner, depth+1, f.own)
	}
	return keys
}

// TestKeysDocument holds docs/cluster-keys.md to the structs.
func TestKeysDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Keys of a cluster's configuration

Made from package internal/cluster by ` + "`go test ./internal/cluster -update`" + `; do not edit it here.

The file is YAML in Astron's format. A file for astrond is a file for ` + "`culm serve`" + `; keys marked with + are Culm's own. A
key that is not listed here is an error that names its line, and so is one that is missing where "required" is said. A key
without default is off, or empty, when it is missing. ` + "`culm serve --check FILE`" + ` says what is wrong with a file.

- Paths are relative to the folder of the file.
- An address is ` + "`HOST`, `HOST:PORT`" + `, an IPv4 or IPv6 address, or ` + "`[IPv6]:PORT`" + `; the port that it has without one is named.
- Numbers are decimal, or hex like 0x1f. Channels from 0 to 999, and from 1<<32 to 999<<32, and doIds from 0 to 999, are refused.
- Times are milliseconds, as in Astron, or have a unit: 500ms, 30s, 5m, 1h.
- Sizes are bytes, or have a unit: KiB, MiB, GiB.
`)
	row := func(k docKey) {
		name := "`" + k.title + "`"
		if k.own {
			name += " +"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, describeKind(k.field), describeDefault(k.field), k.help)
	}
	const head = "\n| key | value | default | meaning |\n|---|---|---|---|\n"
	for _, k := range keysOf(reflect.TypeFor[Config](), "", false) {
		switch {
		case k.depth == 0:
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", k.key, k.help)
			b.WriteString(head)
		case k.variant && k.pathInFile == "roles[]":
			fmt.Fprintf(&b, "\n### %s\n\n%s\n", k.title, k.help)
			b.WriteString(head)
		case k.variant:
			fmt.Fprintf(&b, "| type `%s` | | | %s |\n", k.title, k.help)
		default:
			row(k)
		}
	}
	golden(t, "../../docs/cluster-keys.md", b.String())
}

func describeKind(f field) string {
	doc := kinds[f.kind].doc
	switch {
	case f.kind == "":
		doc = "section"
		if f.list {
			return "list of sections"
		}
		return doc
	case len(f.one) > 0:
		doc = either(f.one)
	case f.port != "":
		doc += ", port " + f.port
	}
	if f.min > 0 {
		doc += fmt.Sprintf(", at least %d", f.min)
	}
	if f.list {
		doc = "list: " + doc
	}
	return doc
}

func describeDefault(f field) string {
	switch {
	case f.required && !f.has:
		return "required"
	case f.dflt == "" || f.required:
		return ""
	}
	return "`" + f.dflt + "`"
}
