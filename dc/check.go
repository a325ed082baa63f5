package dc

import (
	"encoding/binary"
	"fmt"
	"math"
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

// CheckPrefix checks the packed value at the start of b (lengths, ranges,
// allowed characters, counts, switch keys) and returns how many bytes it has.
// It accepts what Panda3D's unpacking accepts: a modulus is not enforced, a
// string may be any bytes, and a float may be NaN unless it has a range. It
// does not allocate, except for the error, which is a *ValueError. Safe for
// concurrent use.
func (f *Field) CheckPrefix(b []byte) (n int, err error) {
	if p := f.plan; p.size >= 0 && !p.checked && p.size <= len(b) {
		return p.size, nil
	}
	n, bad := f.check(b)
	if bad != nil {
		return 0, bad.of(f)
	}
	return n, nil
}

// Check checks that b is one packed value of the field and nothing more; see
// CheckPrefix.
func (f *Field) Check(b []byte) error {
	if p := f.plan; p.size == len(b) && !p.checked {
		return nil
	}
	n, bad := f.check(b)
	if bad == nil && n < len(b) {
		bad = problem(n, "%d bytes too many", len(b)-n)
	}
	if bad != nil {
		return bad.of(f)
	}
	return nil
}

func (f *Field) check(b []byte) (int, *ValueError) {
	if f.kind == Parameter {
		return f.plan.check(b, 0)
	}
	return checkParts(f.plan.parts, b, 0)
}

// Skip returns the length of the packed value at the start of b by its length
// prefixes and switch keys only: of a value that CheckPrefix accepts it is the
// same length, of others it may be any length up to len(b). The error is a
// *ValueError. Safe for concurrent use; does not allocate on success.
func (f *Field) Skip(b []byte) (n int, err error) {
	if p := f.plan; p.size >= 0 && p.size <= len(b) {
		return p.size, nil
	}
	n, bad := f.plan.skip(b, 0)
	if bad != nil {
		return 0, bad.of(f)
	}
	return n, nil
}

// check checks the value at b[off:] and returns where it ends. Its depth is
// that of the schema.
func (p *plan) check(b []byte, off int) (int, *ValueError) {
	if p.size >= 0 {
		if len(b)-off < p.size {
			return off, p.tooShort(b, off)
		}
		if !p.checked {
			return off + p.size, nil
		}
	}
	switch p.kind {
	case String, Blob, Blob32:
		start, end, bad := p.content(b, off)
		if bad == nil && !within(p.counts, uint64(end-start)) {
			return off, p.badLength(off, end-start)
		}
		return end, bad
	case Struct, kindFields:
		return checkParts(p.parts, b, off)
	case Array:
		return p.checkArray(b, off)
	case SwitchKind:
		end, bad := p.key.plan.check(b, off)
		if bad != nil {
			return off, bad.inPart([]part{p.key}, 0)
		}
		c := p.choose(b[off:end])
		if c == nil {
			return off, p.unknownKey(b, off, end)
		}
		return checkParts(c.parts, b, end)
	}
	if !p.allowed(b[off:]) {
		return off, p.outOfRange(b, off)
	}
	return off + p.size, nil
}

func checkParts(parts []part, b []byte, off int) (int, *ValueError) {
	for i := range parts {
		end, bad := parts[i].plan.check(b, off)
		if bad != nil {
			return off, bad.inPart(parts, i)
		}
		off = end
	}
	return off, nil
}

func (p *plan) checkArray(b []byte, off int) (int, *ValueError) {
	start, end, bad := p.content(b, off)
	if bad != nil {
		return off, bad
	}
	count, size := 0, p.elem.size
	switch {
	case size > 0 && !p.elem.checked:
		if count = (end - start) / size; count*size != end-start {
			return off, problem(off, "%d bytes are no whole number of elements of %d bytes", end-start, size)
		}
	case size == 0 && start < end:
		return off, problem(off, "%d bytes of elements that have none", end-start)
	default:
		for at := start; at < end; count++ {
			next, bad := p.elem.check(b[:end], at)
			if bad == nil && next == at {
				bad = problem(at, "an element without bytes, and more bytes after it")
			}
			if bad != nil {
				return off, bad.inElem(count)
			}
			at = next
		}
	}
	if p.prefix > 0 && !within(p.counts, uint64(count)) {
		return off, p.badCount(off, count)
	}
	return end, nil
}

// content finds where the content of a string, blob or array begins and ends,
// and makes sure that it is all there.
func (p *plan) content(b []byte, off int) (start, end int, bad *ValueError) {
	start = off + p.prefix
	if start > len(b) {
		return 0, 0, p.tooShort(b, off)
	}
	n := p.size
	switch p.prefix {
	case 2:
		n = int(binary.LittleEndian.Uint16(b[off:]))
	case 4:
		n = int(binary.LittleEndian.Uint32(b[off:]))
	}
	if uint(n) > uint(len(b)-start) {
		return 0, 0, p.tooShort(b, off)
	}
	return start, start + n, nil
}

// skip returns where the value at b[off:] ends.
func (p *plan) skip(b []byte, off int) (int, *ValueError) {
	if p.size >= 0 {
		if len(b)-off < p.size {
			return off, p.tooShort(b, off)
		}
		return off + p.size, nil
	}
	switch p.kind {
	case Struct, kindFields:
		return skipParts(p.parts, b, off)
	case SwitchKind:
		end, bad := p.key.plan.skip(b, off)
		if bad != nil {
			return off, bad.inPart([]part{p.key}, 0)
		}
		c := p.choose(b[off:end])
		if c == nil {
			return off, p.unknownKey(b, off, end)
		}
		return skipParts(c.parts, b, end)
	}
	_, end, bad := p.content(b, off)
	return end, bad
}

func skipParts(parts []part, b []byte, off int) (int, *ValueError) {
	for i := range parts {
		end, bad := parts[i].plan.skip(b, off)
		if bad != nil {
			return off, bad.inPart(parts, i)
		}
		off = end
	}
	return off, nil
}

// tooShort makes the error for a value that is cut off.
func (p *plan) tooShort(b []byte, off int) *ValueError {
	have := len(b) - off
	switch {
	case p.prefix == 0:
		return problem(off, "%d bytes left, %d are needed", have, p.size)
	case have < p.prefix:
		return problem(off, "%d bytes left, its length alone has %d", have, p.prefix)
	}
	n := uint32(binary.LittleEndian.Uint16(b[off:]))
	if p.prefix == 4 {
		n = binary.LittleEndian.Uint32(b[off:])
	}
	return problem(off, "its length is %d, but only %d bytes follow", n, have-p.prefix)
}

// allowed says whether the number at the start of b is in range.
func (p *plan) allowed(b []byte) bool {
	switch p.kind {
	case Int8, Int16, Int32, Int64:
		return within(p.ints, p.loadInt(b))
	case Float32, Float64:
		return within(p.floats, p.loadFloat(b))
	}
	return within(p.uints, p.loadUint(b))
}

// loadInt reads a signed integer as it is packed, without the divisor.
func (p *plan) loadInt(b []byte) int64 {
	switch p.width {
	case 1:
		return int64(int8(b[0]))
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

func (p *plan) loadUint(b []byte) uint64 {
	switch p.width {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func (p *plan) loadFloat(b []byte) float64 {
	if p.width == 4 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

func (p *plan) badLength(off, n int) *ValueError {
	return problem(off, "the length %d is not in %s", n, boundsText(p.counts, 1))
}

func (p *plan) badCount(off, n int) *ValueError {
	return problem(off, "%d elements, allowed are %s", n, boundsText(p.counts, 1))
}

func (p *plan) outOfRange(b []byte, off int) *ValueError {
	v := p.appendNumber(nil, b[off:])
	return problem(off, "%s is not in %s", v, p.rangeText())
}

func (p *plan) unknownKey(b []byte, off, end int) *ValueError {
	text := fmt.Sprintf("<%x>", b[off:end])
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
			s += strconv.QuoteToASCII(string(rune(r.lo)))
			if r.lo != r.hi {
				s += " - " + strconv.QuoteToASCII(string(rune(r.hi)))
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
