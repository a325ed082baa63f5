package dc

import (
	"fmt"
	"strings"
)

// How Diff writes fields and types.

func classNames(classes []*Class) string {
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

func describe(f *Field) string {
	s := f.String() + " " + signature(f)
	if k := f.keywords.String(); k != "" {
		s += " " + k
	}
	if f.number >= 0 {
		s += fmt.Sprintf(", number %d", f.number)
	}
	return s
}

func defaultText(f *Field) string {
	packed := f.AppendDefault(nil)
	text, err := f.AppendText(nil, packed)
	if err != nil {
		text = fmt.Appendf(nil, "<%x>", packed)
	}
	if !f.HasDefault() {
		return string(text) + " (implicit)"
	}
	return string(text)
}

// signature writes a field's types as in a file.
func signature(f *Field) string {
	if f.kind == Parameter {
		return typeText(f.params[0].typ)
	}
	parts := make([]string, len(f.params))
	for i, p := range f.params {
		parts[i] = strings.TrimSpace(typeText(p.typ) + " " + p.name)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// typeText writes a type as in a file, structs and switches by their names.
func typeText(t *Type) string {
	if t.old == "" {
		switch t.kind {
		case Array:
			return typeText(t.elem) + "[" + rangesText(t) + "]"
		case Struct:
			return t.class.name
		case SwitchKind:
			return strings.TrimSpace("switch " + t.sw.name)
		}
	}
	s := t.word()
	if t.modulus != 0 {
		s += fmt.Sprintf(" %% %v", t.modulus)
	}
	if t.divisor > 1 {
		s += fmt.Sprintf(" / %d", t.divisor)
	}
	if r := rangesText(t); r != "" {
		s += "(" + r + ")"
	}
	return s
}

func rangesText(t *Type) string {
	var parts []string
	for _, r := range t.ranges {
		lo, hi := fmt.Sprint(r.Min), fmt.Sprint(r.Max)
		if t.kind == Char {
			lo, hi = fmt.Sprintf("'%c'", byte(r.Min)), fmt.Sprintf("'%c'", byte(r.Max))
		}
		if r.Min != r.Max {
			lo += " - " + hi
		}
		parts = append(parts, lo)
	}
	return strings.Join(parts, ", ")
}
