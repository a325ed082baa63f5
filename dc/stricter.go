package dc

import "encoding/binary"

// leaves says what values have in them, at any depth.
type leaves uint8

const (
	floatLeaves  leaves = 1 << iota // float32 and float64
	stringLeaves                    // string, not blob or char
)

// CheckFinite refuses a value in which a float is NaN or infinite. CheckPrefix
// and Check let it pass unless it has a range, as Panda3D does; yet whoever
// computes with positions spreads it, and no comparison stops it. b begins with
// a value that one of them accepts; what follows is not looked at. Of other bytes
// it says nothing reliable. The error is a *ValueError. It does not allocate on
// success, and returns at once for fields without floats. Safe for concurrent
// use.
func (f *Field) CheckFinite(b []byte) error { return f.checkLeaves(floatLeaves, b) }

// CheckASCII refuses a value in which a string has a byte of 0x80 or above,
// which Astron's peers refuse; CheckPrefix and Check let it pass as Panda3D
// does. b is exactly one value that Check accepts; of other bytes it says
// nothing reliable. The error is a *ValueError. It does not allocate on success.
// Safe for concurrent use.
func (f *Field) CheckASCII(b []byte) error {
	if isASCII(b) {
		return nil // whatever is in it
	}
	return f.checkLeaves(stringLeaves, b)
}

func (f *Field) checkLeaves(which leaves, b []byte) error {
	if f.plan.leaves&which == 0 {
		return nil
	}
	if _, bad := f.plan.inspect(which, b, 0); bad != nil {
		return bad.of(f)
	}
	return nil
}

// inspect is skip, but for leaves of that kind that are not finite or not
// ASCII.
func (p *plan) inspect(which leaves, b []byte, off int) (int, *ValueError) {
	if p.leaves&which == 0 {
		return p.skip(b, off)
	}
	switch p.kind {
	case Struct, kindFields:
		return inspectParts(p.parts, which, b, off)
	case Array:
		return p.inspectArray(which, b, off)
	case SwitchKind:
		end, bad := p.key.plan.inspect(which, b, off)
		if bad != nil {
			return off, bad.inPart([]part{p.key}, 0)
		}
		c := p.choose(b[off:end])
		if c == nil {
			return off, p.unknownKey(b, off, end)
		}
		return inspectParts(c.parts, which, b, end)
	case String:
		start, end, bad := p.content(b, off)
		if bad == nil && !isASCII(b[start:end]) {
			bad = problem(off, "the string has characters outside of ASCII")
		}
		return end, bad
	}
	if len(b)-off < p.size {
		return off, p.tooShort(b, off)
	}
	if !p.isFinite(b[off:]) {
		return off, problem(off, "%s is no finite number", p.appendNumber(nil, b[off:]))
	}
	return off + p.size, nil
}

func inspectParts(parts []part, which leaves, b []byte, off int) (int, *ValueError) {
	for i := range parts {
		p := parts[i].plan
		if p.isFloat() && len(b)-off >= p.size && (which != floatLeaves || p.isFinite(b[off:])) {
			off += p.size // saves a call for the coordinates of a position
			continue
		}
		end, bad := p.inspect(which, b, off)
		if bad != nil {
			return off, bad.inPart(parts, i)
		}
		off = end
	}
	return off, nil
}

func (p *plan) inspectArray(which leaves, b []byte, off int) (int, *ValueError) {
	if p.prefix == 0 && p.elem.size < 0 {
		for i := range p.implied {
			end, bad := p.elem.inspect(which, b, off)
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
	for i, at := 0, start; at < end; i++ {
		next, bad := p.elem.inspect(which, b[:end], at)
		if bad == nil && next == at {
			break // refused by check: an element without bytes
		}
		if bad != nil {
			return off, bad.inElem(i)
		}
		at = next
	}
	return end, nil
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// isFinite says so of the float at the start of b, whose exponent else has all
// bits set.
func (p *plan) isFinite(b []byte) bool {
	if p.width == 4 {
		return ^binary.LittleEndian.Uint32(b)&(0xff<<23) != 0
	}
	return ^binary.LittleEndian.Uint64(b)&(0x7ff<<52) != 0
}
