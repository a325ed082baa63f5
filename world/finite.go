package world

import (
	"fmt"
	"math"

	"github.com/culm-net/culm/dc"
)

// check says what is wrong with a packed value.
func check(f *dc.Field, value []byte) error {
	if err := f.Check(value); err != nil {
		return fmt.Errorf("world: %w", err)
	}
	return checkFinite(f, value)
}

// pack appends the packed value of args.
func pack(dst []byte, f *dc.Field, args []any) ([]byte, error) {
	b, err := f.Pack(dst, args...)
	if err != nil {
		return dst, fmt.Errorf("world: %w", err)
	}
	if err := checkFinite(f, b[len(dst):]); err != nil {
		return dst, err
	}
	return b, nil
}

// checkFinite refuses NaN and infinities in a value that passes Check.
func checkFinite(f *dc.Field, value []byte) error {
	values, err := f.Unpack(value)
	if err == nil && !finite(values) {
		err = fmt.Errorf("%s: a value is NaN or infinite", f)
	}
	if err != nil {
		return fmt.Errorf("world: %w", err)
	}
	return nil
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
