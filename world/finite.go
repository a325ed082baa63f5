package world

import (
	"fmt"
	"math"

	"github.com/culm-net/culm/dc"
)

// hasFloats tells whether a field has values that may not be finite.
func hasFloats(f *dc.Field) bool {
	for _, p := range f.Params() {
		if floats(p.Type()) {
			return true
		}
	}
	return false
}

func floats(t *dc.Type) bool {
	switch t.Kind() {
	case dc.Float32, dc.Float64:
		return true
	case dc.Array:
		return floats(t.Elem())
	case dc.Struct, dc.SwitchKind:
		return true // most have some; the check finds out
	}
	return false
}

// checkFinite refuses NaN and infinities in a value that passes Check.
func checkFinite(f *dc.Field, value []byte) error {
	values, err := f.Unpack(value)
	if err == nil && !finite(values) {
		err = fmt.Errorf("%s: a value is NaN or infinite", f)
	}
	return err
}

func finite(values []any) bool {
	for _, v := range values {
		switch v := v.(type) {
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		case []any:
			if !finite(v) {
				return false
			}
		}
	}
	return true
}
