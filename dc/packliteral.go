package dc

import "math"

// ParseText appends the packed value of a text in Panda3D's form
// (DCField.parseString), which is what AppendText writes: names are optional,
// the three kinds of brackets mean the same, "v * n" is n values v, and a hex
// literal such as <0102ff> stands for packed bytes as they are, lengths
// included, which are not checked. Without hex literals the result passes
// Check. On error it returns dst as it was; the error is an ErrorList for bad
// syntax and a *ValueError for a value that does not fit.
//
// Where Panda3D would pack something that it does not read back (a list of two
// characters as a string(4), a product with the divisor that overflows),
// ParseText refuses.
func (f *Field) ParseText(dst []byte, text string) ([]byte, error) {
	lit, err := parseLiteral("", []byte(text))
	if err != nil {
		return dst, err
	}
	root := part{name: f.name, plan: f.plan}
	out, bad := root.packLiteral(dst, lit)
	if bad != nil {
		return dst, bad.of(f)
	}
	return out, nil
}

// packLiteral appends the packed value of a literal that stands in a file. The
// error is a *literalError.
func packLiteral(dst []byte, t *Type, lit *literal) ([]byte, error) {
	root := part{name: lit.name, plan: t.compile()}
	out, bad := root.packLiteral(dst, lit)
	switch {
	case bad == nil:
		return out, nil
	case bad.Param == "":
		return dst, bad.lit.errorf("%s", bad.Problem)
	}
	return dst, bad.lit.errorf("%s: %s", bad.Param, bad.Problem)
}

func (q *part) packLiteral(dst []byte, lit *literal) ([]byte, *ValueError) {
	if lit.repeat != 1 {
		bad := problem(-1, "%s for a single one", count(int(lit.repeat), "value"))
		bad.lit = lit
		return dst, bad
	}
	return q.packItem(dst, lit)
}

// packItem packs the value of a literal once.
func (q *part) packItem(dst []byte, lit *literal) (_ []byte, bad *ValueError) {
	if lit.name == "" || lit.name == q.name {
		dst, bad = q.plan.packItem(dst, lit)
	} else if q.name == "" {
		bad = problem(-1, "got the name %s for a value without a name", lit.name)
	} else {
		bad = problem(-1, "got the name %s, want %s", lit.name, q.name)
	}
	if bad != nil && bad.lit == nil {
		bad.lit = lit
	}
	return dst, bad
}

func (p *plan) packItem(dst []byte, lit *literal) ([]byte, *ValueError) {
	switch lit.kind {
	case litHex:
		return append(dst, lit.text...), nil
	case litList:
		return p.packLiterals(dst, expand(lit.list))
	case litString:
		switch {
		case p.isBytes():
			return packBytes(p, dst, lit.text)
		case p.kind == Array && p.elem.isByte() && !p.oldArray:
			return p.packByteArray(dst, []byte(lit.text))
		case p.isNumber():
			return p.packChar(dst, []byte(lit.text))
		}
		return dst, problem(-1, "got a string, want a list")
	}
	switch {
	case !p.isNumber():
		return dst, problem(-1, "got a number, want %s", p.wanted())
	case lit.kind == litUint:
		return p.packUint(dst, lit.num)
	case lit.kind == litInt:
		return p.packInt(dst, int64(lit.num))
	}
	return p.packReal(dst, math.Float64frombits(lit.num))
}

// expand multiplies "value * count" out; the parser has bounded the counts.
func expand(list []*literal) []*literal {
	var items []*literal
	for _, lit := range list {
		for range lit.repeat {
			items = append(items, lit)
		}
	}
	return items
}

// A list may also be written for a string or blob: of its single bytes.
var (
	charPlan = (&Type{kind: Char}).newNumber()
	bytePlan = (&Type{kind: Uint8}).newNumber()
)

func (p *plan) packLiterals(dst []byte, items []*literal) ([]byte, *ValueError) {
	switch {
	case p.isNumber():
		return dst, problem(-1, "got a list, want a number")
	case p.hollow() && len(items) == 0:
		return p.packNothing(dst)
	case p.kind == Array:
		elem := part{plan: p.elem}
		return p.packElems(dst, len(items), func(dst []byte, i int) ([]byte, *ValueError) {
			return elem.packItem(dst, items[i])
		})
	case p.isBytes():
		elem := part{plan: bytePlan}
		if p.kind == String {
			elem.plan = charPlan
		}
		dst, start := p.begin(dst)
		for i, lit := range items {
			var bad *ValueError
			if dst, bad = elem.packItem(dst, lit); bad != nil {
				return dst, bad.inElem(i)
			}
		}
		if n := len(dst) - start; !within(p.counts, uint64(n)) {
			return dst, p.badLength(-1, n)
		}
		return p.end(dst, start)
	case p.kind == SwitchKind:
		return p.packSwitchLiterals(dst, items)
	}
	return packPartLiterals(dst, p.parts, items)
}

func (p *plan) packSwitchLiterals(dst []byte, items []*literal) ([]byte, *ValueError) {
	if len(items) == 0 {
		return dst, problem(-1, "no values, want a switch key and what follows it")
	}
	start := len(dst)
	dst, bad := p.key.packItem(dst, items[0])
	if bad != nil {
		return dst, bad.inPart([]part{p.key}, 0)
	}
	c := p.choose(dst[start:])
	if c == nil {
		return dst, p.unknownKey(dst, start, len(dst)).unplaced()
	}
	return packPartLiterals(dst, c.parts, items[1:])
}

func packPartLiterals(dst []byte, parts []part, items []*literal) ([]byte, *ValueError) {
	if len(items) != len(parts) {
		return dst, problem(-1, "%s, want %d", count(len(items), "value"), len(parts))
	}
	for i := range parts {
		var bad *ValueError
		if dst, bad = parts[i].packItem(dst, items[i]); bad != nil {
			return dst, bad.inPart(parts, i)
		}
	}
	return dst, nil
}

// wanted says what may be written for a value that is no number.
func (p *plan) wanted() string {
	switch p.kind {
	case String:
		return "a string"
	case Blob, Blob32:
		return "a string or a list of bytes"
	}
	return "a list"
}
