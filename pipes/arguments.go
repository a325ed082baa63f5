package pipes

import (
	"slices"
	"unicode/utf8"

	"github.com/culm-net/culm/dc"
)

// argumentChecks finds arguments that fit the schema and yet would do harm:
// numbers that are NaN or infinite, and text that is not UTF-8, which other
// clients could not read. It has the atomic fields with text.
type argumentChecks map[*dc.Field]bool

func newArgumentChecks(s *dc.Schema) argumentChecks {
	texts := make(argumentChecks)
	for _, f := range s.Fields() {
		if f.Kind() == dc.Atomic && slices.ContainsFunc(f.Params(), paramMayHaveText) {
			texts[f] = true
		}
	}
	return texts
}

func paramMayHaveText(p *dc.Param) bool { return mayHaveText(p.Type()) }

func mayHaveText(t *dc.Type) bool {
	switch t.Kind() {
	case dc.String, dc.Char:
		return true
	case dc.Array:
		return mayHaveText(t.Elem())
	case dc.Struct:
		for _, f := range t.Class().Fields() {
			if slices.ContainsFunc(f.Params(), paramMayHaveText) {
				return true
			}
		}
	case dc.SwitchKind:
		return true // rare, so that it does not pay to look into it
	}
	return false
}

// refusal says why checked arguments are not to be used, or refusedNot.
func (texts argumentChecks) refusal(f *dc.Field, packed []byte) refusal {
	if f.CheckFinite(packed) != nil {
		return refusedNotFinite
	}
	if texts[f] {
		if values, err := f.Unpack(packed); err == nil && !allText(values) {
			return refusedNotText
		}
	}
	return refusedNot
}

// allText says whether all strings in a value are UTF-8. (A blob's bytes may be
// anything.)
func allText(values []any) bool {
	for _, v := range values {
		switch v := v.(type) {
		case string:
			if !utf8.ValidString(v) {
				return false
			}
		case []any:
			if !allText(v) {
				return false
			}
		}
	}
	return true
}
