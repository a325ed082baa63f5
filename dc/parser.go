package dc

import (
	"fmt"
	"strings"
)

// parser makes a syntax tree of one file. Each of its methods for a piece of
// the grammar reports whether it understood the piece; after false the caller
// gives up too, up to a list of declarations, fields or cases, which skips to
// its next item and goes on.
type parser struct {
	lex    lexer
	tok    token // the token being looked at
	ahead  token // the one after it, when hasAhead
	errs   *errorSink
	nodes  *int // counts towards maxNodes, over all files
	depth  int
	values int // written values, repeats multiplied out; at most maxValues

	hasAhead bool
	stopped  bool // by a fatal error: only tokEOF comes from then on

	// For the formatter: where statements begin, and where "0-5" is a range.
	marks map[int]mark
}

type mark uint8

const (
	markStatement mark = iota + 1
	markBlock          // the brace of a class or switch
	markRangeEnd       // a negative number that means "to"
	markCase           // case or default
	markKey            // the parenthesis before the key of a switch
)

// newParser returns nil if text is too large.
func newParser(name string, text []byte) *parser {
	if len(text) > maxSourceSize {
		return nil
	}
	p := &parser{errs: &errorSink{}, nodes: new(int)}
	p.start(&source{name, text})
	return p
}

func (p *parser) start(src *source) {
	p.lex = lexer{src: src, errs: p.errs, trace: p.lex.trace}
	p.hasAhead = false
	p.advance()
}

func errSourceSize(name string) error {
	return ErrorList{{File: name, Line: 1, Column: 1,
		Message: fmt.Sprintf("the text is too long: at most %d bytes", maxSourceSize)}}
}

func (p *parser) pos() pos { return p.lex.at(p.tok.off) }

func (p *parser) advance() {
	switch {
	case p.stopped || p.errs.full():
		p.tok = token{kind: tokEOF, off: p.tok.off, end: p.tok.off}
		p.hasAhead = false
	case p.hasAhead:
		p.tok, p.hasAhead = p.ahead, false
	default:
		p.tok = p.lex.next()
	}
}

// peek returns the token after p.tok.
func (p *parser) peek() *token {
	if !p.hasAhead {
		p.ahead, p.hasAhead = p.lex.next(), true
	}
	return &p.ahead
}

func (p *parser) mark(m mark) {
	if p.marks != nil {
		p.marks[p.tok.off] = m
	}
}

// fail reports an error and returns false.
func (p *parser) fail(at pos, format string, args ...any) bool {
	if !p.stopped && !p.errs.broken {
		p.errs.add(at, format, args...)
	}
	p.errs.broken = false
	return false
}

// fatal reports an error and ends the parsing of all files.
func (p *parser) fatal(at pos, format string, args ...any) bool {
	p.errs.broken = false
	p.fail(at, format, args...)
	p.stopped = true
	p.advance()
	return false
}

// expected reports that something else should be here and returns false.
func (p *parser) expected(what string) bool {
	return p.fail(p.pos(), "unexpected %s: expected %s", p.tok.describe(), what)
}

func (p *parser) node() bool {
	if *p.nodes++; *p.nodes > maxNodes {
		return p.fatal(p.pos(), "the schema is too large: at most %d declarations, parameters and values", maxNodes)
	}
	return true
}

func (p *parser) enter() bool {
	if p.depth++; p.depth > maxDepth {
		return p.fatal(p.pos(), "nested too deeply: at most %d levels", maxDepth)
	}
	return true
}

func (p *parser) leave() { p.depth-- }

func (p *parser) punct(c, what string) bool {
	if !p.tok.is(c) {
		return p.expected(what)
	}
	p.advance()
	return true
}

func (p *parser) ident(what string) (astName, bool) {
	if p.tok.kind != tokIdent {
		if p.tok.kind == tokWord {
			return astName{}, p.fail(p.pos(), "%q is a reserved word: expected %s", p.tok.text, what)
		}
		return astName{}, p.expected(what)
	}
	if !p.node() {
		return astName{}, false
	}
	n := astName{p.pos(), p.tok.text}
	p.advance()
	return n, true
}

// optionalName returns an empty name if the next token is none.
func (p *parser) optionalName() astName {
	n := astName{pos: p.pos()}
	if p.tok.kind == tokIdent {
		n.text = p.tok.text
		p.advance()
	}
	return n
}

func (p *parser) uint32(what string) (uint32, bool) {
	if p.tok.kind != tokUint {
		return 0, p.expected(what)
	}
	if p.tok.num>>32 != 0 {
		return 0, p.fail(p.pos(), "the number %s is too large: expected %s below 4294967296", shorten(p.tok.text), what)
	}
	n := uint32(p.tok.num)
	p.advance()
	return n, true
}

// skip goes to the end of a statement that was not understood: past the next
// semicolon, or to a closing brace or (at the top) to the next declaration.
func (p *parser) skip(top bool) {
	depth := 0
	for p.tok.kind != tokEOF {
		switch {
		case p.tok.is("{"):
			depth++
		case p.tok.is("}"):
			if depth == 0 {
				return
			}
			depth--
			if depth == 0 && top {
				p.advance()
				return
			}
		case p.tok.is(";"):
			if depth == 0 {
				p.advance()
				return
			}
		case p.tok.is("dclass") || p.tok.is("typedef") || p.tok.is("from") || p.tok.is("keyword"):
			// Cannot stand inside of anything: the closing brace is missing.
			return
		}
		p.advance()
	}
}

// file parses a whole file. Declarations need no semicolon between them.
func (p *parser) file() []astDecl {
	var decls []astDecl
	for p.tok.kind != tokEOF {
		if p.tok.is(";") {
			p.advance()
			continue
		}
		if !p.node() {
			break
		}
		before := p.tok.off
		p.mark(markStatement)
		d, ok := p.decl()
		if ok {
			decls = append(decls, d)
			continue
		}
		if p.tok.off == before { // it is what cannot start a declaration
			p.advance()
		}
		p.skip(true)
		if p.tok.is("}") {
			p.advance()
		}
	}
	return decls
}

func (p *parser) decl() (d astDecl, ok bool) {
	switch {
	case p.tok.is("dclass"), p.tok.is("struct"):
		d.class, ok = p.class()
		if ok && d.class.name.text == "" {
			ok = p.fail(d.class.pos, "a name is missing: expected one after %q", p.word(d.class))
		}
	case p.tok.is("switch"):
		d.sw, ok = p.switchDecl()
		if ok && d.sw.name.text == "" {
			ok = p.fail(d.sw.pos, "a name is missing: expected one after \"switch\"")
		}
	case p.tok.is("from"), p.tok.is("import"):
		d.imp, ok = p.importDecl()
	case p.tok.is("typedef"):
		p.advance()
		d.typedef, ok = p.param()
	case p.tok.is("keyword"):
		d.keywords, ok = p.keywordDecl()
	default:
		return d, p.expected("dclass, struct, switch, typedef, keyword, from or import")
	}
	return d, ok
}

func (p *parser) word(c *astClass) string {
	if c.isStruct {
		return "struct"
	}
	return "dclass"
}

func (p *parser) keywordDecl() ([]astName, bool) {
	p.advance()
	names := []astName{} // not nil: that tells a keyword declaration
	for p.tok.kind == tokIdent {
		n, ok := p.ident("a keyword")
		if !ok {
			return nil, false
		}
		names = append(names, n)
	}
	if len(names) == 0 && !p.tok.is(";") {
		return nil, p.expected("the name of a keyword")
	}
	return names, true
}

// importDecl parses "import a.b/X" and "from a.b import C/AI, D".
func (p *parser) importDecl() (*astImport, bool) {
	from := p.tok.is("from")
	p.advance()
	imp := &astImport{}
	var module strings.Builder
	for {
		part, ok := p.slashName(imp, "the name of a module")
		if !ok {
			return nil, false
		}
		module.WriteString(part)
		if !p.tok.is(".") {
			break
		}
		module.WriteByte('.')
		p.advance()
	}
	imp.Module = module.String()
	if !from {
		return imp, true
	}
	if !p.punct("import", `"import" after the name of the module`) {
		return nil, false
	}
	if p.tok.is("*") {
		p.advance()
		imp.Symbols = []string{"*"}
		return imp, true
	}
	for {
		name, ok := p.slashName(imp, "the name of a class")
		if !ok {
			return nil, false
		}
		imp.Symbols = append(imp.Symbols, name)
		if !p.tok.is(",") {
			return imp, true
		}
		p.advance()
	}
}

// slashName parses "Avatar/AI/OV".
func (p *parser) slashName(imp *astImport, what string) (string, bool) {
	var b strings.Builder
	for {
		n, ok := p.ident(what)
		if !ok {
			return "", false
		}
		imp.words = append(imp.words, n)
		b.WriteString(n.text)
		if !p.tok.is("/") {
			return b.String(), true
		}
		b.WriteByte('/')
		p.advance()
		what = `a suffix such as "AI"`
	}
}
