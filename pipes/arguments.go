package pipes

import (
	"math"
	"unicode/utf8"

	"github.com/culm-net/culm/dc"
)

// argumentChecks are the atomic fields of a schema with arguments that fit it
// and yet would do harm: numbers that are NaN or infinite, and text that is not
// UTF-8, which other clients could not read.
type argumentChecks map[*dc.Field]bool

func newArgumentChecks(s *dc.Schema) argumentChecks {
	checks := make(argumentChecks)
	for _, f := range s.Fields() {
		if f.Kind() == dc.Atomic && paramsNeedCheck(f.Params()) {
			checks[f] = true
		}
	}
	return checks
}

func paramsNeedCheck(params []*dc.Param) bool {
	for _, p := range params {
		if needsCheck(p.Type()) {
			return true
		}
	}
	return false
}

func needsCheck(t *dc.Type) bool {
	switch t.Kind() {
	case dc.Float32, dc.Float64, dc.String, dc.Char:
		return true
	case dc.Array:
		return needsCheck(t.Elem())
	case dc.Struct, dc.SwitchKind:
		return true // rare, so that it does not pay to look into them
	}
	return false
}

// refusal says why checked arguments are not to be used, or refusedNot.
func (c argumentChecks) refusal(f *dc.Field, packed []byte) refusal {
	if !c[f] {
		return refusedNot
	}
	values, err := f.Unpack(packed)
	if err != nil {
		return refusedNot // the arguments were checked
	}
	return refusalOf(values)
}

func refusalOf(values []any) refusal {
	for _, v := range values {
		switch v := v.(type) {
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return refusedNotFinite
			}
		case string:
			if !utf8.ValidString(v) {
				return refusedNotText
			}
		case []any:
			if r := refusalOf(v); r != refusedNot {
				return r
			}
		}
	}
	return refusedNot
}
