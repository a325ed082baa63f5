package dc

import "fmt"

// literalKind tells what a written value is.
type literalKind uint8

const (
	litUint   literalKind = iota // 5, 0x5
	litInt                       // +5, -5
	litReal                      // 0.5
	litString                    // "a", 'a'
	litHex                       // <0102>: packed bytes as they are
	litList                      // (a, b), [a, b] or {a, b}; the brackets are all alike
)

// literal is a value as it is written: the default of a parameter, the value
// of a case, or a whole value in Panda3D's text form.
type literal struct {
	pos    pos
	kind   literalKind
	num    uint64     // litUint; the int64 of a litInt; the float64's bits of a litReal
	text   string     // litString and litHex: the bytes
	list   []*literal // litList
	name   string     // "name = value": must be the name of what is packed
	repeat uint32     // "value * repeat": packed so many times in a row, 1 without one; 0 is possible. Never on strings and lists.
}

// parseLiteral parses a value in Panda3D's text form, the whole of text.
func parseLiteral(name string, text []byte) (*literal, error) {
	p := newParser(name, text)
	if p == nil {
		return nil, errSourceSize(name)
	}
	lit, ok := p.value()
	if ok && p.tok.kind != tokEOF {
		p.expected("nothing after the value")
	}
	if err := p.errs.err(); err != nil {
		return nil, err
	}
	return lit, nil
}

// value parses "[name =] value [* count]".
func (p *parser) value() (*literal, bool) {
	lit := &literal{pos: p.pos(), repeat: 1}
	if !p.node() {
		return nil, false
	}
	if p.tok.kind == tokIdent {
		lit.name = p.tok.text
		p.advance()
		if !p.tok.is("=") {
			return nil, p.expected("= after the name of a value, or quotes around a string")
		}
		p.advance()
		lit.pos = p.pos()
	}
	lit.num, lit.text = p.tok.num, p.tok.text
	switch p.tok.kind {
	case tokUint:
		lit.kind = litUint
	case tokInt:
		lit.kind = litInt
	case tokReal:
		lit.kind = litReal
	case tokString:
		lit.kind = litString
	case tokHex:
		lit.kind = litHex
	default:
		return p.list(lit)
	}
	p.advance()
	if !p.tok.is("*") {
		return lit, p.countValues(lit, 1)
	}
	if lit.kind == litString {
		return nil, p.expected(`"," since a string cannot be repeated`)
	}
	p.advance()
	n, ok := p.uint32("a count")
	lit.repeat = n
	return lit, ok && p.countValues(lit, n)
}

// countValues keeps "0 * 4000000000" from being multiplied out.
func (p *parser) countValues(lit *literal, n uint32) bool {
	if n > uint32(maxValues-p.values) {
		return p.fatal(lit.pos, "too many values: at most %d can be written in all files together", maxValues)
	}
	p.values += int(n)
	return true
}

func (p *parser) list(lit *literal) (*literal, bool) {
	var closing string
	switch {
	case p.tok.is("("):
		closing = ")"
	case p.tok.is("["):
		closing = "]"
	case p.tok.is("{"):
		closing = "}"
	default:
		return nil, p.expected(`a value: a number, a string, <hex digits> or a list in {}, [] or ()`)
	}
	if !p.enter() {
		return nil, false
	}
	defer p.leave()
	p.advance()
	lit.kind, lit.text = litList, ""
	for !p.tok.is(closing) {
		if p.tok.is(",") && len(lit.list) == 0 {
			p.advance() // "[,]" is an empty list
			break
		}
		item, ok := p.value()
		if !ok {
			return nil, false
		}
		lit.list = append(lit.list, item)
		if !p.tok.is(",") {
			break
		}
		p.advance()
	}
	if !p.tok.is(closing) {
		return nil, p.expected(`"," or "` + closing + `" after a value`)
	}
	p.advance()
	return lit, true
}

// literalError says what is wrong with a part of a written value.
type literalError struct {
	lit     *literal
	message string
}

func (e *literalError) Error() string { return e.message }

// errorf makes an error whose caret will point at the literal. The message
// should say what was expected.
func (l *literal) errorf(format string, args ...any) error {
	return &literalError{l, fmt.Sprintf(format, args...)}
}
