package dc

// class parses "dclass Name : Parent, … { fields }", or a struct.
func (p *parser) class() (*astClass, bool) {
	c := &astClass{pos: p.pos(), isStruct: p.tok.is("struct")}
	if !p.enter() {
		return nil, false
	}
	defer p.leave()
	p.advance()
	c.name = p.optionalName()
	if p.tok.is(":") {
		p.advance()
		var ok bool
		if c.parents, ok = p.names("the name of a parent"); !ok {
			return nil, false
		}
	}
	p.mark(markBlock)
	if !p.punct("{", `"{" before the fields of a `+p.word(c)) {
		return nil, false
	}
	for !p.tok.is("}") {
		if p.tok.is(";") {
			p.advance()
			continue
		}
		if p.tok.kind == tokEOF || p.tok.is("dclass") || p.tok.is("typedef") || p.tok.is("from") || p.tok.is("keyword") {
			return nil, p.expected(`a field, or "}" to end the ` + p.word(c))
		}
		if !p.node() {
			return nil, false
		}
		p.mark(markStatement)
		f, ok := p.field()
		if ok && !p.tok.is(";") {
			ok = p.expectedAfterField(f)
		}
		if !ok {
			p.skip(false)
			continue
		}
		p.advance()
		c.fields = append(c.fields, f)
	}
	p.advance()
	return c, true
}

func (p *parser) expectedAfterField(f *astField) bool {
	switch {
	case f.kind == Parameter && f.params[0].dflt == nil && f.name.text == "":
		return p.expected(`a name after the type of a field`)
	case f.kind == Molecular:
		return p.expected(`"," or ";" after the name of a field`)
	}
	return p.expected(`a keyword or ";" after the field`)
}

// names parses "a, b, c".
func (p *parser) names(what string) ([]astName, bool) {
	var list []astName
	for {
		n, ok := p.ident(what)
		if !ok {
			return nil, false
		}
		list = append(list, n)
		if !p.tok.is(",") {
			return list, true
		}
		p.advance()
	}
}

// field parses a field up to its semicolon.
func (p *parser) field() (*astField, bool) {
	f := &astField{pos: p.pos()}
	ok := true
	switch {
	case p.tok.is("("):
		return nil, p.fail(p.pos(), `a name is missing: expected one before "("`)
	case p.tok.kind == tokIdent && p.peek().is("("):
		f.kind = Atomic
		f.name, _ = p.ident("")
		f.params, ok = p.params()
	case p.tok.kind == tokIdent && p.peek().is(":"):
		f.kind = Molecular
		f.name, _ = p.ident("")
		p.advance()
		f.atoms, ok = p.names("the name of an atomic field")
	default:
		f.kind = Parameter
		var param *astParam
		if param, ok = p.param(); ok {
			f.params = []*astParam{param}
			f.name = param.name
		}
	}
	for ok && p.tok.kind == tokIdent {
		if p.peek().is("(") || p.peek().is(":") {
			break // a semicolon is missing, and this is the next field
		}
		var word astName
		word, ok = p.ident("a keyword")
		f.keywords = append(f.keywords, word)
	}
	return f, ok
}

// params parses "(type name = default, …)".
func (p *parser) params() ([]*astParam, bool) {
	var list []*astParam
	p.advance()
	if p.tok.is(")") {
		p.advance()
		return nil, true
	}
	for {
		param, ok := p.param()
		if !ok {
			return nil, false
		}
		list = append(list, param)
		if !p.tok.is(",") {
			return list, p.punct(")", `"," or ")" after a parameter`)
		}
		p.advance()
	}
}

// param parses "type name = default".
func (p *parser) param() (*astParam, bool) {
	if !p.node() {
		return nil, false
	}
	param := &astParam{pos: p.pos()}
	var ok bool
	if param.typ, ok = p.typ(); !ok {
		return nil, false
	}
	param.name = p.optionalName()
	if param.name.text != "" {
		if param.mods, ok = p.mods("/%["); !ok {
			return nil, false
		}
	}
	if p.tok.is("=") {
		p.advance()
		if param.dflt, ok = p.value(); !ok {
			return nil, false
		}
	}
	return param, true
}

func (p *parser) typ() (astType, bool) {
	t := astType{pos: p.pos()}
	ok := true
	switch {
	case p.tok.is("struct"):
		t.class, ok = p.class()
	case p.tok.is("switch"):
		t.sw, ok = p.switchDecl()
	case p.tok.kind == tokWord && typeWords[p.tok.text].valid:
		t.word = p.tok.text
		p.advance()
		t.mods, ok = p.mods("(/%")
	case p.tok.kind == tokIdent:
		if t.name, ok = p.ident("a type"); ok && t.name.text == float32Word {
			t.mods, ok = p.mods("(/%")
		} else if ok && (p.tok.is("(") || p.tok.is("/") || p.tok.is("%")) {
			ok = p.fail(p.pos(), "ranges, divisors and moduli only follow built-in types, and %s is a name", shorten(t.name.text))
		}
	default:
		return t, p.expected("a type")
	}
	if ok {
		t.arrays, ok = p.mods("[")
	}
	return t, ok
}

// mods parses those of "(1 - 5)", "/ 10", "% 360" and "[3]" that ops names by
// their first characters.
func (p *parser) mods(ops string) ([]astMod, bool) {
	var list []astMod
	for p.tok.kind == tokPunct {
		m := astMod{pos: p.pos(), op: p.tok.text[0]}
		i := 0
		for i < len(ops) && ops[i] != m.op {
			i++
		}
		if i == len(ops) {
			break
		}
		if !p.node() {
			return nil, false
		}
		p.advance()
		ok := true
		switch m.op {
		case '/':
			var n uint32
			n, ok = p.uint32("a divisor, a whole number")
			m.num = float64(n)
		case '%':
			m.num, ok = p.number("a modulus")
		case '(':
			m.ranges, ok = p.ranges(")", false)
		case '[':
			m.ranges, ok = p.ranges("]", true)
		}
		if !ok {
			return nil, false
		}
		list = append(list, m)
	}
	return list, true
}

// number parses a number, or a character that stands for its code.
func (p *parser) number(what string) (float64, bool) {
	var v float64
	switch p.tok.kind {
	case tokUint:
		v = float64(p.tok.num)
	case tokInt:
		v = float64(int64(p.tok.num))
	case tokReal:
		v = p.tok.real()
	default:
		return 0, p.expected(what)
	}
	p.advance()
	return v, true
}

// bound parses one end of a range.
func (p *parser) bound(whole bool) (float64, bool) {
	if p.tok.kind == tokString {
		if len(p.tok.text) != 1 {
			return 0, p.expected("a single character")
		}
		c := p.tok.text[0]
		p.advance()
		return float64(c), true
	}
	if whole {
		n, ok := p.uint32("a whole number")
		return float64(n), ok
	}
	return p.number("a number or a character")
}

// ranges parses "1, 3 - 5, 7" up to the closing bracket. "3 -5" is the same as
// "3 - 5": the sign belongs to the number for the lexer.
func (p *parser) ranges(closing string, whole bool) ([]astRange, bool) {
	var list []astRange
	if p.tok.is(closing) {
		p.advance()
		return nil, true
	}
	for {
		if !p.node() {
			return nil, false
		}
		r := astRange{pos: p.pos()}
		var ok bool
		if r.min, ok = p.bound(whole); !ok {
			return nil, false
		}
		r.max = r.min
		switch {
		case p.tok.is("-"):
			p.advance()
			if r.max, ok = p.bound(whole); !ok {
				return nil, false
			}
		case p.tok.kind == tokInt || p.tok.kind == tokReal && !whole:
			p.mark(markRangeEnd)
			end := p.pos()
			v, _ := p.number("")
			if v >= 0 {
				return nil, p.fail(end, `expected " - " between the two ends of a range`)
			}
			if r.max = -v; whole && r.max >= 1<<32 {
				return nil, p.fail(end, "the number is too large: expected a size below 4294967296")
			}
		}
		if len(list) == maxRanges {
			return nil, p.fail(r.pos, "too many ranges: expected at most %d", maxRanges)
		}
		if !p.distinct(list, r) {
			return nil, false
		}
		list = append(list, r)
		if !p.tok.is(",") {
			return list, p.punct(closing, `"-", "," or "`+closing+`" after a number`)
		}
		p.advance()
	}
}

// distinct refuses a range that overlaps an earlier one.
func (p *parser) distinct(list []astRange, r astRange) bool {
	if !(r.min <= r.max) { // "0.0e999" is not a number
		return p.fail(r.pos, "the range is upside down: expected the smaller number first")
	}
	for _, o := range list {
		if r.min <= o.max && r.max >= o.min {
			return p.fail(r.pos, "the ranges overlap: expected each number in one of them only")
		}
	}
	return true
}

// switchDecl parses "switch Name (key) { cases }".
func (p *parser) switchDecl() (*astSwitch, bool) {
	s := &astSwitch{pos: p.pos()}
	if !p.enter() {
		return nil, false
	}
	defer p.leave()
	p.advance()
	s.name = p.optionalName()
	p.mark(markKey)
	if !p.punct("(", `"(" and the type of the key`) {
		return nil, false
	}
	if p.tok.is("(") || p.tok.kind == tokIdent && p.peek().is("(") {
		return nil, p.fail(p.pos(), "the key of a switch must be a single value: expected a type")
	}
	var ok bool
	if s.key, ok = p.param(); !ok {
		return nil, false
	}
	if s.key.dflt != nil {
		return nil, p.fail(s.key.dflt.pos, `the key of a switch cannot have a default: expected ")"`)
	}
	if !p.punct(")", `")" after the key of a switch`) {
		return nil, false
	}
	p.mark(markBlock)
	if !p.punct("{", `"{" before the cases of a switch`) {
		return nil, false
	}
	for !p.tok.is("}") {
		if p.tok.is(";") {
			p.advance()
			continue
		}
		if p.tok.kind == tokEOF || p.tok.is("dclass") || p.tok.is("typedef") || p.tok.is("from") || p.tok.is("keyword") {
			return nil, p.expected(`a case, or "}" to end the switch`)
		}
		if !p.node() {
			return nil, false
		}
		item, ok := p.switchItem()
		if !ok {
			p.skip(false)
			continue
		}
		s.items = append(s.items, item)
	}
	p.advance()
	return s, true
}

func (p *parser) switchItem() (item astSwitchItem, ok bool) {
	item.pos = p.pos()
	switch {
	case p.tok.is("case"):
		p.mark(markCase)
		p.advance()
		if item.value, ok = p.value(); !ok {
			return item, false
		}
		return item, p.punct(":", `":" after the value of a case`)
	case p.tok.is("default"):
		p.mark(markCase)
		p.advance()
		item.dflt = true
		return item, p.punct(":", `":" after default`)
	case p.tok.is("break"):
		p.mark(markStatement)
		p.advance()
		item.brk = true
	default:
		p.mark(markStatement)
		if item.field, ok = p.param(); !ok {
			return item, false
		}
		if p.tok.kind == tokIdent {
			return item, p.fail(p.pos(), `fields inside of a switch have no keywords: expected ";"`)
		}
	}
	return item, p.punct(";", `";" after the field`)
}
