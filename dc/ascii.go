package dc

// CheckASCII refuses a value in which a string has a byte of 0x80 or above,
// which Astron's peers refuse; CheckPrefix and Check let it pass as Panda3D
// does. b is exactly one value that Check accepts; of other bytes it says
// nothing reliable. The error is a *ValueError. It does not allocate on success.
// Safe for concurrent use.
func (f *Field) CheckASCII(b []byte) error {
	if isASCII(b) {
		return nil // whatever is in it
	}
	if _, bad := f.plan.ascii(b, 0); bad != nil {
		return bad.of(f)
	}
	return nil
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// ascii is skip, but for strings that are not ASCII.
func (p *plan) ascii(b []byte, off int) (int, *ValueError) {
	switch p.kind {
	case String:
		start, end, bad := p.content(b, off)
		if bad == nil && !isASCII(b[start:end]) {
			bad = problem(off, "the string has characters outside of ASCII")
		}
		return end, bad
	case Struct, kindFields:
		return asciiParts(p.parts, b, off)
	case Array:
		if p.elem.width == 0 { // else they are numbers
			return p.asciiArray(b, off)
		}
	case SwitchKind:
		end, bad := p.key.plan.ascii(b, off)
		if bad != nil {
			return off, bad.inPart([]part{p.key}, 0)
		}
		c := p.choose(b[off:end])
		if c == nil {
			return off, p.unknownKey(b, off, end)
		}
		return asciiParts(c.parts, b, end)
	}
	return p.skip(b, off)
}

func asciiParts(parts []part, b []byte, off int) (int, *ValueError) {
	for i := range parts {
		end, bad := parts[i].plan.ascii(b, off)
		if bad != nil {
			return off, bad.inPart(parts, i)
		}
		off = end
	}
	return off, nil
}

func (p *plan) asciiArray(b []byte, off int) (int, *ValueError) {
	if p.prefix == 0 && p.elem.size < 0 {
		for i := range p.implied {
			end, bad := p.elem.ascii(b, off)
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
		next, bad := p.elem.ascii(b[:end], at)
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
