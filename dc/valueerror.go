package dc

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
)

// ValueError says why packed bytes, a Go value or a text is no value of a
// field. Find it with errors.As.
type ValueError struct {
	Field   string // "Class.field"
	Param   string // the way to the value inside the field, such as "items[3].count"; empty for the field itself
	Offset  int    // where in the packed bytes the value begins; -1 for Go values and texts
	Problem string // what was wrong

	lit *literal // the innermost literal that is wrong, if there is one
}

// Error returns field, place and problem in one line.
func (e *ValueError) Error() string {
	s := e.Field
	if e.Param != "" {
		s += ", " + e.Param
	}
	if e.Offset >= 0 {
		s += ", byte " + strconv.Itoa(e.Offset)
	}
	return s + ": " + e.Problem
}

// in tells the error that its value is inside the named one.
func (e *ValueError) in(name string) *ValueError {
	switch {
	case e.Param == "":
		e.Param = name
	case e.Param[0] == '[':
		e.Param = name + e.Param
	default:
		e.Param = name + "." + e.Param
	}
	return e
}

func (e *ValueError) inPart(parts []part, i int) *ValueError {
	if name := parts[i].name; name != "" {
		return e.in(name)
	}
	return e.in("#" + strconv.Itoa(i+1))
}

func (e *ValueError) inElem(i int) *ValueError {
	return e.in("[" + strconv.Itoa(i) + "]")
}

// unplaced makes it an error about what has no packed bytes yet.
func (e *ValueError) unplaced() *ValueError {
	e.Offset = -1
	return e
}

// of tells the error its field.
func (e *ValueError) of(f *Field) *ValueError {
	e.Field = f.String()
	return e
}

func problem(off int, format string, args ...any) *ValueError {
	return &ValueError{Offset: off, Problem: fmt.Sprintf(format, args...)}
}

// tooShort makes the error for a value that is cut off.
func (p *plan) tooShort(b []byte, off int) *ValueError {
	have := len(b) - off
	switch {
	case p.prefix == 0:
		return problem(off, "%s left, %d needed", count(have, "byte"), p.size)
	case have < p.prefix:
		return problem(off, "%s left, its length alone has %d", count(have, "byte"), p.prefix)
	}
	n := uint32(binary.LittleEndian.Uint16(b[off:]))
	if p.prefix == 4 {
		n = binary.LittleEndian.Uint32(b[off:])
	}
	return problem(off, "its length is %d, but only %s follow", n, count(have-p.prefix, "byte"))
}

func (p *plan) badLength(off, n int) *ValueError {
	return problem(off, "the length %d is not in %s", n, boundsText(p.counts, 1))
}

func (p *plan) badCount(off, n int) *ValueError {
	return problem(off, "%s, allowed are %s", count(n, "element"), boundsText(p.counts, 1))
}

func (p *plan) outOfRange(b []byte, off int) *ValueError {
	v := p.appendNumber(nil, b[off:])
	return problem(off, "%s is not in %s", v, p.rangeText())
}

func (p *plan) unknownKey(b []byte, off, end int) *ValueError {
	text := "<" + hex.EncodeToString(b[off:end]) + ">" // fmt would make callers' b escape
	// A key from a hex literal may be anything.
	if n, bad := p.key.plan.check(b[:end], off); bad == nil && n == end {
		key, _ := p.key.plan.appendText(nil, b[:end], off)
		text = string(key)
	}
	return problem(off, "the switch has no case %s", text).inPart([]part{p.key}, 0)
}

// rangeText lists the allowed values of a number.
func (p *plan) rangeText() string {
	div := float64(p.divisor)
	switch {
	case p.kind == Char:
		s := ""
		for i, r := range p.uints {
			if i > 0 {
				s += ", "
			}
			s += quoteByte(r.lo)
			if r.lo != r.hi {
				s += " - " + quoteByte(r.hi)
			}
		}
		return s
	case p.isFloat():
		return boundsText(p.floats, div)
	case p.isSigned():
		return boundsText(p.ints, div)
	}
	return boundsText(p.uints, div)
}

func boundsText[T int64 | uint64 | float64](list []bounds[T], div float64) string {
	s := ""
	for i, r := range list {
		if i > 0 {
			s += ", "
		}
		s += scaledText(r.lo, div)
		if r.lo != r.hi {
			s += " - " + scaledText(r.hi, div)
		}
	}
	return s
}

func scaledText[T int64 | uint64 | float64](v T, div float64) string {
	if div == 1 {
		return fmt.Sprint(v)
	}
	return strconv.FormatFloat(float64(v)/div, 'g', -1, 64)
}

func quoteByte(c uint64) string { return string(appendQuoted(nil, []byte{byte(c)})) }

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}
