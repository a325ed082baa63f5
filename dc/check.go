package dc

import (
	"encoding/binary"
	"math"
)

// CheckPrefix checks the packed value at the start of b (lengths, ranges,
// allowed characters, counts, switch keys) and returns how many bytes it has.
// It does not allocate, except for the error, which is a *ValueError. Safe for
// concurrent use.
//
// It accepts what Panda3D accepts: a modulus is not enforced, a string may be
// any bytes, and a float may be NaN unless it has a range (see CheckFinite). Of
// switches and of
// fixed arrays of values that vary in size, Panda3D's DCField.validateRanges
// looks at the length only, if nothing inside has a range, and for a fixed array
// of fixed arrays it wants too few bytes; CheckPrefix wants what Panda3D's
// unpacking can read.
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
		bad = problem(n, "%s too many", count(len(b)-n, "byte"))
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
	if p.prefix == 0 && p.elem.size < 0 {
		for i := range p.implied {
			end, bad := p.elem.check(b, off)
			if bad != nil {
				return off, bad.inElem(i)
			}
			off = end
		}
		return off, nil
	}
	start, end, bad := p.content(b, off)
	if bad != nil {
		return off, bad
	}
	n, size := 0, p.elem.size
	switch {
	case size > 0 && !p.elem.checked:
		if n = (end - start) / size; n*size != end-start {
			return off, problem(off, "%s are no whole number of elements of %s", count(end-start, "byte"), count(size, "byte"))
		}
	case size == 0 && start < end:
		return off, problem(off, "%s of elements that have none", count(end-start, "byte"))
	default:
		for at := start; at < end; n++ {
			next, bad := p.elem.check(b[:end], at)
			if bad == nil && next == at {
				bad = problem(at, "an element without bytes, and more bytes after it")
			}
			if bad != nil {
				return off, bad.inElem(n)
			}
			at = next
		}
	}
	if p.prefix > 0 && !within(p.counts, uint64(n)) {
		return off, p.badCount(off, n)
	}
	return end, nil
}

// content finds where the content of a string, blob or array begins and ends,
// and makes sure that it is all there.
func (p *plan) content(b []byte, off int) (start, end int, bad *ValueError) {
	if p.prefix == 0 && p.size < 0 {
		end, bad = p.skip(b, off)
		return off, end, bad
	}
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
	if p.prefix == 0 {
		for i := range p.implied {
			end, bad := p.elem.skip(b, off)
			if bad != nil {
				return off, bad.inElem(i)
			}
			off = end
		}
		return off, nil
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
