package dc

import "encoding/binary"

// CheckFinite refuses a value in which a float is NaN or infinite. CheckPrefix
// and Check let it pass unless it has a range, as Panda3D does; yet whoever
// computes with positions spreads it, and no comparison stops it. b begins with
// a value that one of them accepts; what follows is not looked at. Of other bytes
// it says nothing reliable. The error is a *ValueError. It does not allocate on
// success, and returns at once for fields without floats. Safe for concurrent
// use.
func (f *Field) CheckFinite(b []byte) error {
	if !f.plan.float {
		return nil
	}
	if _, bad := f.plan.finite(b, 0); bad != nil {
		return bad.of(f)
	}
	return nil
}

// finite is skip, but for floats that are not finite.
func (p *plan) finite(b []byte, off int) (int, *ValueError) {
	if !p.float {
		return p.skip(b, off)
	}
	switch p.kind {
	case Struct, kindFields:
		return finiteParts(p.parts, b, off)
	case Array:
		return p.finiteArray(b, off)
	case SwitchKind:
		end, bad := p.key.plan.finite(b, off)
		if bad != nil {
			return off, bad.inPart([]part{p.key}, 0)
		}
		c := p.choose(b[off:end])
		if c == nil {
			return off, p.unknownKey(b, off, end)
		}
		return finiteParts(c.parts, b, end)
	}
	if len(b)-off < p.size {
		return off, p.tooShort(b, off)
	}
	if !p.isFinite(b[off:]) {
		return off, problem(off, "%s is no finite number", p.appendNumber(nil, b[off:]))
	}
	return off + p.size, nil
}

func finiteParts(parts []part, b []byte, off int) (int, *ValueError) {
	for i := range parts {
		p := parts[i].plan
		if p.isFloat() && len(b)-off >= p.size && p.isFinite(b[off:]) {
			off += p.size // saves a call for the coordinates of a position
			continue
		}
		end, bad := p.finite(b, off)
		if bad != nil {
			return off, bad.inPart(parts, i)
		}
		off = end
	}
	return off, nil
}

func (p *plan) finiteArray(b []byte, off int) (int, *ValueError) {
	if p.prefix == 0 && p.elem.size < 0 {
		for i := range p.implied {
			end, bad := p.elem.finite(b, off)
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
		next, bad := p.elem.finite(b[:end], at)
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

// isFinite says so of the float at the start of b, whose exponent else has all
// bits set.
func (p *plan) isFinite(b []byte) bool {
	if p.width == 4 {
		return ^binary.LittleEndian.Uint32(b)&(0xff<<23) != 0
	}
	return ^binary.LittleEndian.Uint64(b)&(0x7ff<<52) != 0
}
