package dc

// AppendDefault appends the field's packed default value: what the file says,
// and for the rest Panda3D's implicit default: zero or, where zero is not
// allowed, the first allowed value; the shortest allowed string or array,
// strings filled with zero bytes; the first case of a switch.
//
// A default that is written as a hex literal need not be a value that Check
// accepts. Where Panda3D fails to make an implicit default (it multiplies the
// first allowed value by the divisor a second time, which may leave the
// range), this one has the first allowed value.
func (f *Field) AppendDefault(dst []byte) []byte {
	if f.kind == Parameter {
		return f.params[0].AppendDefault(dst)
	}
	return appendDefaults(dst, f.plan.parts)
}

// AppendDefault appends the parameter's packed default value; see
// Field.AppendDefault.
func (p *Param) AppendDefault(dst []byte) []byte {
	q := p.compile()
	return q.appendDefault(dst)
}

func appendDefaults(dst []byte, parts []part) []byte {
	for i := range parts {
		dst = parts[i].appendDefault(dst)
	}
	return dst
}

func (q *part) appendDefault(dst []byte) []byte {
	if q.dflt != nil {
		return append(dst, q.dflt...)
	}
	return q.plan.appendDefault(dst)
}

// appendDefault appends the type's default. The parser bounds its size.
func (p *plan) appendDefault(dst []byte) []byte {
	switch {
	case p.dflt != nil:
		return append(dst, p.dflt...)
	case p.isNumber():
		return p.implicitNumber(dst)
	case p.kind == SwitchKind:
		return p.implicitCase(dst)
	case p.size == 0:
		return dst
	case p.kind == Struct || p.kind == kindFields:
		return appendDefaults(dst, p.parts)
	}
	dst, start := p.begin(dst)
	if p.isBytes() {
		dst = append(dst, make([]byte, p.implied)...)
	} else if p.elem.size != 0 {
		for range p.implied {
			dst = p.elem.appendDefault(dst)
		}
	}
	out, bad := p.end(dst, start)
	if bad != nil {
		return dst[:start] // the type has no values: the smallest is too long
	}
	return out
}

// implicitNumber appends zero if that is allowed, else the first allowed
// value. Panda3D scales that value once more, so its default for an
// "int16/2 (1-100)" is 2, and so is ours; it has none for an "int16/10 (5-10)".
func (p *plan) implicitNumber(dst []byte) []byte {
	var zero [8]byte
	if p.allowed(zero[:p.width]) {
		return append(dst, zero[:p.width]...)
	}
	var out []byte
	var bad *ValueError
	switch {
	case p.isFloat():
		if out, bad = p.packReal(dst, p.floats[0].lo); bad != nil {
			out, _ = p.storeReal(dst, p.floats[0].lo)
		}
	case p.isSigned():
		if out, bad = p.packInt(dst, p.ints[0].lo); bad != nil {
			out, _ = p.storeSigned(dst, p.ints[0].lo)
		}
	default:
		if out, bad = p.packUint(dst, p.uints[0].lo); bad != nil {
			out, _ = p.storeWhole(dst, false, p.uints[0].lo)
		}
	}
	return out
}

// implicitCase appends a switch's default: the first case, unless the file
// gives a default for the key or for anything in a case; then the key's
// default decides.
func (p *plan) implicitCase(dst []byte) []byte {
	if p.hasDefault || p.first == nil {
		start := len(dst)
		dst = p.key.appendDefault(dst)
		c := p.choose(dst[start:])
		switch {
		case c != nil:
			return appendDefaults(dst, c.parts)
		case p.first == nil:
			return dst // the switch has no values at all
		}
		dst = dst[:start]
	}
	return appendDefaults(append(dst, p.first.key...), p.first.parts)
}
