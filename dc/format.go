package dc

import (
	"bytes"
	"strings"
)

const (
	indentUnit = "  "
	// lineWidth is where a line is broken, if it has a comma to break it after.
	lineWidth = 100
)

// Format returns the text of a .dc file in the canonical layout: one statement
// a line, two blanks for each level, at most one empty line in a row, and one
// around each dclass, struct and switch. Comments stay where they are in
// relation to the statements. The schema and its hash do not change, and
// formatting the result again changes nothing.
//
// Only the syntax needs to be right, since types may be declared in other
// files; the error is an ErrorList. name is only used in errors.
func Format(name string, src []byte) ([]byte, error) {
	if len(src) > maxSourceSize {
		return nil, errSourceSize(name)
	}
	var trace []token
	p := &parser{errs: &errorSink{}, nodes: new(int), marks: map[int]mark{}}
	p.lex.trace = &trace
	p.start(&source{name, src})
	p.file()
	if err := p.errs.err(); err != nil {
		return nil, err
	}
	f := &formatter{src: src, tokens: trace, marks: p.marks}
	f.prepare()
	for f.at = range f.tokens {
		f.token(&f.tokens[f.at])
	}
	f.spread()
	var out bytes.Buffer
	for _, l := range f.lines {
		if l.blank {
			out.WriteByte('\n')
		}
		out.Write(l.text)
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// formatter turns the tokens of a correct file into lines.
type formatter struct {
	src    []byte
	tokens []token
	marks  map[int]mark
	ends   map[int]bool // offsets of the last tokens of the statements at the top
	at     int          // index of the token being looked at
	prev   int          // where the token before it ends in src

	lines []fmtLine
	cur   []fmtPiece // of the statement being collected
	stmt  fmtStatement
	outer []fmtStatement // those around it
	blank bool           // an empty line goes before cur
}

// fmtStatement is what is known of a statement that is being collected.
type fmtStatement struct {
	isImport bool
	isCase   bool
	last     *token // significant token before this one; nil at the start
}

type fmtLine struct {
	text    []byte
	blank   bool // an empty line goes before it
	comment bool // nothing else
	top     bool // not indented
	opens   bool // ends with the brace of a block
	closes  bool // begins with the brace that closes a block
	isCase  bool
	slashes bool // ends with a // comment
}

// fmtPiece is a token and what may come before it.
type fmtPiece struct {
	text    string
	space   bool
	breaks  bool // the line may end before it
	newline bool // the line must end after it: it is a // comment
}

func (f *formatter) text(t *token) string {
	text := string(f.src[t.off:t.end])
	if t.kind != tokComment {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t\r")
	}
	return strings.Join(lines, "\n")
}

func (f *formatter) isLineComment(t *token) bool {
	return t.kind == tokComment && f.src[t.off+1] == '/'
}

// prepare finds the ends of the statements at the top, where semicolons are
// optional, and puts commas and semicolons before the // comments that they
// follow.
func (f *formatter) prepare() {
	f.ends = map[int]bool{}
	depth := 0
	var last *token
	for i := range f.tokens {
		t := &f.tokens[i]
		if t.kind == tokComment {
			continue
		}
		if depth == 0 && last != nil && (t.is(";") || f.marks[t.off] == markStatement) {
			f.ends[last.off] = true
		}
		last = t
		switch {
		case t.is("{"), t.is("("), t.is("["):
			depth++
		case t.is("}"), t.is(")"), t.is("]"):
			depth--
		case t.is(";") && depth == 0:
			last = nil
		}
	}
	if last != nil {
		f.ends[last.off] = true
	}
	ordered := make([]token, 0, len(f.tokens))
	var comments []token // since the last other token: a // comment and all after it
	for _, t := range f.tokens {
		switch {
		case t.kind == tokComment && (len(comments) > 0 || f.isLineComment(&t)):
			comments = append(comments, t)
			continue
		case t.kind != tokComment && !t.is(";") && !t.is(","):
			ordered = append(ordered, comments...)
			comments = comments[:0]
		}
		ordered = append(ordered, t)
	}
	f.tokens = append(ordered, comments...)
}

// newlines counts those between the previous token and offset off.
func (f *formatter) newlines(off int) int {
	if off < f.prev { // a comma that was moved
		return 0
	}
	return bytes.Count(f.src[f.prev:off], []byte{'\n'})
}

func (f *formatter) token(t *token) {
	defer func() { f.prev = max(f.prev, t.end) }()
	if t.kind == tokComment {
		f.comment(t)
		return
	}
	m := f.marks[t.off]
	if m == markStatement || m == markCase {
		if len(f.cur) == 0 {
			f.blank = f.newlines(t.off) > 1
		}
		f.stmt = fmtStatement{isImport: t.is("from") || t.is("import"), isCase: m == markCase}
	}
	closes := t.is("}") && f.stmt.last == nil
	switch {
	case t.is(";") && (len(f.outer) == 0 || f.stmt.last == nil):
		return // optional, or of an empty statement
	case closes:
		f.stmt = f.outer[len(f.outer)-1]
		f.outer = f.outer[:len(f.outer)-1]
		f.blank = false
	}
	f.add(t, m)
	f.stmt.last = t
	switch {
	case t.is("{") && m == markBlock:
		f.flush().opens = true
		f.outer = append(f.outer, f.stmt)
	case len(f.outer) == 0 && f.ends[t.off]:
		if !f.stmt.isImport {
			f.cur = append(f.cur, fmtPiece{text: ";"})
		}
		f.flush()
	case t.is(";"), f.stmt.isCase && t.is(":"):
		f.flush()
	default:
		return
	}
	f.stmt = fmtStatement{}
}

// add appends a token to the current line.
func (f *formatter) add(t *token, m mark) {
	p := fmtPiece{text: f.text(t), space: f.space(t, m)}
	p.breaks = p.space && f.stmt.last != nil && f.stmt.last.is(",")
	if m == markRangeEnd {
		// "0-5" is written "0 - 5".
		f.cur = append(f.cur, fmtPiece{text: "-", space: true})
		p.text = p.text[1:]
	}
	f.cur = append(f.cur, p)
}

// space tells whether a blank goes between the last token and t.
func (f *formatter) space(t *token, m mark) bool {
	last := f.stmt.last
	switch {
	case len(f.cur) == 0, t.is(","), t.is(";"), t.is(")"), t.is("]"):
		return false
	case f.afterComment():
		return true
	case last.is("("), last.is("["):
		return false
	case t.is("}"):
		return !last.is("{")
	case t.is(":"):
		return !f.stmt.isCase
	case f.stmt.isImport && (t.is(".") || t.is("/") || last.is(".") || last.is("/")):
		return false
	case t.is("("), t.is("["):
		name := last.kind == tokIdent || typeWords[last.text].valid
		suffix := last.is(")") || last.is("]") || last.is("}") || last.kind == tokUint || last.kind == tokReal || last.kind == tokInt
		return m == markKey || !name && !suffix
	}
	return true
}

// afterComment tells whether the current line ends with a comment.
func (f *formatter) afterComment() bool {
	return f.at > 0 && f.tokens[f.at-1].kind == tokComment
}

func (f *formatter) comment(t *token) {
	p := fmtPiece{text: f.text(t), newline: f.isLineComment(t)}
	if f.stmt.last != nil {
		p.space = len(f.cur) > 0 && (f.afterComment() || !f.stmt.last.is("(") && !f.stmt.last.is("["))
		f.cur = append(f.cur, p)
		return
	}
	gap := f.newlines(t.off)
	if n := len(f.lines); n > 0 && gap == 0 && !f.lines[n-1].slashes {
		f.lines[n-1].text = append(append(f.lines[n-1].text, indentUnit...), p.text...)
		f.lines[n-1].slashes = p.newline
		return
	}
	f.blank = gap > 1
	f.cur = append(f.cur, p)
	if f.at+1 < len(f.tokens) {
		next := &f.tokens[f.at+1]
		m := f.marks[next.off]
		if next.kind != tokComment && (m == markStatement || m == markCase) {
			// A comment in front of a statement, on its line.
			if !p.newline && !bytes.ContainsRune(f.src[t.end:next.off], '\n') {
				return
			}
			f.stmt.isCase = m == markCase // indented like it
		}
	}
	f.flush().comment = true
	f.stmt = fmtStatement{}
}

// flush makes a line of the current pieces. A line that is too long goes on
// after a comma, further to the right.
func (f *formatter) flush() *fmtLine {
	level := len(f.outer)
	if f.stmt.isCase && level > 0 {
		level--
	}
	var b bytes.Buffer
	indent := strings.Repeat(indentUnit, level)
	b.WriteString(indent)
	start := 0 // of the present line in b
	for i, p := range f.cur {
		switch {
		case i == 0:
		case f.cur[i-1].newline, p.breaks && b.Len()-start+1+f.chunk(i) > lineWidth:
			b.WriteByte('\n')
			start = b.Len()
			b.WriteString(indent + indentUnit + indentUnit)
		case p.newline:
			b.WriteString(indentUnit)
		case p.space:
			b.WriteByte(' ')
		}
		b.WriteString(p.text)
		if n := strings.LastIndexByte(p.text, '\n'); n >= 0 {
			start = b.Len() - len(p.text) + n + 1
		}
	}
	l := fmtLine{text: b.Bytes(), blank: f.blank, top: level == 0, isCase: f.stmt.isCase}
	l.closes = len(f.cur) > 0 && f.cur[0].text == "}"
	l.slashes = len(f.cur) > 0 && f.cur[len(f.cur)-1].newline
	f.lines = append(f.lines, l)
	f.cur, f.blank = nil, false
	return &f.lines[len(f.lines)-1]
}

// chunk returns the width of the pieces from i on that stay together.
func (f *formatter) chunk(i int) int {
	width := len(f.cur[i].text)
	for _, p := range f.cur[i+1:] {
		if p.breaks || p.newline {
			break
		}
		if width += len(p.text); p.space {
			width++
		}
	}
	return width
}

// spread puts empty lines around the blocks at the top, before the comments
// that belong to them, and takes those away that stand inside the braces of a
// block.
func (f *formatter) spread() {
	for i := range f.lines {
		l := &f.lines[i]
		if l.top && l.opens && !l.closes && !l.isCase {
			first := i
			for first > 0 && f.lines[first-1].comment && f.lines[first-1].top && !f.lines[first].blank {
				first--
			}
			f.lines[first].blank = true
		}
		if i > 0 && f.lines[i-1].top && f.lines[i-1].closes && !f.lines[i-1].opens {
			l.blank = true
		}
	}
	for i := range f.lines {
		if i == 0 || f.lines[i-1].opens || f.lines[i-1].isCase && !f.lines[i-1].comment || f.lines[i].closes {
			f.lines[i].blank = false
		}
	}
}
