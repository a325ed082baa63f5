package dc

// A stand-in until values are packed for real: it knows integers and characters, which
// is enough for the keys of switches.

import (
	"encoding/binary"
	"errors"
)

type plan struct{}

func (s *Schema) compile() {}

func packLiteral(dst []byte, t *Type, lit *literal) ([]byte, error) {
	n := lit.num
	if lit.kind == litString && len(lit.text) == 1 {
		n = uint64(lit.text[0])
	} else if lit.kind != litUint && lit.kind != litInt {
		return dst, nil
	}
	w := t.kind.width()
	if w == 0 || t.kind == Float32 || t.kind == Float64 {
		return dst, errors.New("expected something else than a number")
	}
	return append(dst, binary.LittleEndian.AppendUint64(nil, n*uint64(t.divisor))[:w]...), nil
}
