package dc

import (
	"encoding/hex"
	"math"
	"strconv"
)

// AppendText appends the text of a packed value as Panda3D's
// DCField.formatData writes it with field names: "(x = 1.5, y = -2)" for a
// method, "hp = 100" for a parameter field, blobs as hex with their length in
// front. Real and divided numbers have six significant digits, so the text of
// a value may say less than its bytes; "1e+06", "inf" and "nan" are texts that
// neither Panda3D nor ParseText reads back. packed must be exactly one value
// that Check accepts; the error is a *ValueError, and dst is returned as it was.
//
// Unlike Panda3D, a value that has no bytes but more than 100 values inside is
// written as an empty list.
func (f *Field) AppendText(dst, packed []byte) ([]byte, error) {
	if err := f.Check(packed); err != nil {
		return dst, err
	}
	if f.kind == Parameter && f.name != "" {
		dst = append(append(dst, f.name...), " = "...)
	}
	dst, _ = f.plan.appendText(dst, packed, 0)
	return dst, nil
}

// appendText appends the text of the value at b[off:], which must have been
// checked, and returns where it ends.
func (p *plan) appendText(dst, b []byte, off int) ([]byte, int) {
	switch p.kind {
	case String:
		start, end, _ := p.content(b, off)
		return appendQuoted(dst, b[start:end]), end
	case Blob, Blob32:
		_, end, _ := p.content(b, off)
		dst = append(dst, '<')
		dst = hex.AppendEncode(dst, b[off:end])
		return append(dst, '>'), end
	case Struct:
		dst, off = p.appendParts(append(dst, '{'), p.parts, b, off)
		return append(dst, '}'), off
	case kindFields:
		dst, off = p.appendParts(append(dst, '('), p.parts, b, off)
		return append(dst, ')'), off
	case SwitchKind:
		key := off
		dst, off = p.key.appendText(append(dst, '('), b, off)
		rest := p.choose(b[key:off]).parts
		if len(rest) > 0 {
			dst = append(dst, ", "...)
		}
		dst, off = p.appendParts(dst, rest, b, off)
		return append(dst, ')'), off
	case Array:
		off, end, _ := p.content(b, off)
		if p.isText() {
			return appendQuoted(dst, b[off:end]), end
		}
		dst = append(dst, '[')
		n := p.elem.count(b[off:end])
		if p.elem.size == 0 && p.prefix == 0 && !p.hollow() {
			n = p.implied
		}
		for i := range n {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst, off = p.elem.appendText(dst, b, off)
		}
		return append(dst, ']'), end
	}
	return p.appendNumber(dst, b[off:]), off + p.width
}

func (p *plan) appendParts(dst []byte, parts []part, b []byte, off int) ([]byte, int) {
	if p.hollow() {
		return dst, off
	}
	for i := range parts {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst, off = parts[i].appendText(dst, b, off)
	}
	return dst, off
}

func (q *part) appendText(dst, b []byte, off int) ([]byte, int) {
	if q.name != "" && q.plan.kind != kindFields {
		dst = append(append(dst, q.name...), " = "...)
	}
	return q.plan.appendText(dst, b, off)
}

// appendNumber appends the number at the start of b, divided.
func (p *plan) appendNumber(dst, b []byte) []byte {
	switch {
	case p.kind == Char:
		return appendQuoted(dst, b[:1])
	case p.isFloat() || p.divisor != 1:
		return appendReal(dst, p.loadReal(b))
	case p.isSigned():
		return strconv.AppendInt(dst, p.loadInt(b), 10)
	}
	return strconv.AppendUint(dst, p.loadUint(b), 10)
}

// loadReal reads any number and divides it.
func (p *plan) loadReal(b []byte) float64 {
	var v float64
	switch {
	case p.isFloat():
		v = p.loadFloat(b)
	case p.isSigned():
		v = float64(p.loadInt(b))
	default:
		v = float64(p.loadUint(b))
	}
	if p.divisor == 1 {
		return v // a division by 1 would change the bits of a NaN
	}
	return v / float64(p.divisor)
}

// appendReal writes as C's %g does.
func appendReal(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		if math.Signbit(v) {
			dst = append(dst, '-')
		}
		return append(dst, "nan"...)
	case math.IsInf(v, 0):
		if v < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "inf"...)
	}
	return strconv.AppendFloat(dst, v, 'g', 6, 64)
}

// appendQuoted writes a string literal: printable ASCII as it is, everything
// else as \xNN.
func appendQuoted(dst, s []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c > '~':
			dst = append(dst, '\\', 'x', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
