package dc

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

type tokenKind uint8

const (
	tokEOF     tokenKind = iota
	tokIdent             // a name; keywords of fields ("ram") are names too
	tokWord              // a reserved word
	tokUint              // digits or 0x digits: num
	tokInt               // a sign and digits: num holds the int64
	tokReal              // digits with a point: num holds the float64's bits
	tokString            // 'a' or "a": text is what it stands for
	tokHex               // <0102>: text is the bytes
	tokPunct             // any other single character
	tokComment           // only in a trace
)

type token struct {
	kind     tokenKind
	off, end int
	text     string
	num      uint64
}

func (t *token) real() float64 { return math.Float64frombits(t.num) }

// is tells whether t is the given punctuation or reserved word.
func (t *token) is(s string) bool {
	return (t.kind == tokPunct || t.kind == tokWord) && t.text == s
}

var reserved = map[string]bool{
	"dclass": true, "struct": true, "from": true, "import": true, "typedef": true,
	"keyword": true, "switch": true, "case": true, "default": true, "break": true,
}

func init() {
	for name := range typeWords {
		reserved[name] = true
	}
}

// lexer cuts a source into tokens as Panda3D's does: the longest match wins,
// "0-5" is the two numbers 0 and -5, and only blanks, tabs, carriage returns
// and newlines are white space.
type lexer struct {
	src   *source
	off   int
	errs  *errorSink
	trace *[]token // when not nil, all tokens and comments are kept here
}

func (l *lexer) at(off int) pos { return pos{l.src, off} }

// skip moves past white space and comments.
func (l *lexer) skip() {
	text := l.src.text
	for l.off < len(text) {
		rest := text[l.off:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\n':
			l.off++
			continue
		case bytes.HasPrefix(rest, []byte("//")):
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.comment(n)
		case bytes.HasPrefix(rest, []byte("/*")):
			n := bytes.Index(rest[2:], []byte("*/"))
			if n < 0 {
				l.errs.add(l.at(l.off), "this comment is never closed: expected */ before the end of the file")
				l.off = len(text)
				return
			}
			l.comment(n + 4)
		default:
			return
		}
	}
}

func (l *lexer) comment(n int) {
	if l.trace != nil {
		*l.trace = append(*l.trace, token{kind: tokComment, off: l.off, end: l.off + n})
	}
	l.off += n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func (l *lexer) next() token {
	t := l.scan()
	if l.trace != nil && t.kind != tokEOF {
		*l.trace = append(*l.trace, t)
	}
	return t
}

func (l *lexer) scan() token {
	for {
		l.skip()
		text, start := l.src.text, l.off
		if start >= len(text) {
			return token{kind: tokEOF, off: len(text), end: len(text)}
		}
		switch c := text[start]; {
		case isLetter(c):
			for l.off < len(text) && (isLetter(text[l.off]) || isDigit(text[l.off])) {
				l.off++
			}
			t := l.token(tokIdent, start)
			if reserved[t.text] {
				t.kind = tokWord
			}
			return t
		case c == '"' || c == '\'':
			return l.quoted(c)
		case c == '<':
			return l.hexString()
		case isDigit(c) || c == '.' || c == '+' || c == '-':
			if n := numberLength(text[start:]); n > 0 {
				l.off += n
				return l.number(start)
			}
			fallthrough
		case c > ' ' && c < 0x7f:
			l.off++
			return l.token(tokPunct, start)
		}
		l.stray()
	}
}

// stray reports bytes that are no part of the language. Panda3D takes a byte
// above 127 or a zero byte for the end of the file and silently ignores the
// rest, a byte order mark included.
func (l *lexer) stray() {
	text, start := l.src.text, l.off
	for l.off < len(text) && (text[l.off] >= 0x7f || text[l.off] < ' ' && !bytes.ContainsRune([]byte(" \t\r\n"), rune(text[l.off]))) {
		l.off++
	}
	if start == 0 && bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		l.errs.add(l.at(start), "the file starts with a byte order mark, at which Panda3D stops reading: save it as UTF-8 without one")
		return
	}
	l.errs.lost(l.at(start), "unexpected character %q: outside of strings and comments only ASCII is allowed", text[start:min(l.off, start+4)])
}

func (l *lexer) token(kind tokenKind, start int) token {
	return token{kind: kind, off: start, end: l.off, text: string(l.src.text[start:l.off])}
}

// numberLength returns the length of the number that b starts with, 0 if it
// starts with none. "1." and ".5" are numbers, "1e5" is not.
func numberLength(b []byte) int {
	digits := func(n int) int {
		for n < len(b) && isDigit(b[n]) {
			n++
		}
		return n
	}
	if len(b) > 1 && b[0] == '0' && b[1] == 'x' {
		n := 2
		for n < len(b) && hexDigit(b[n]) >= 0 {
			n++
		}
		return n
	}
	sign := 0
	if b[0] == '+' || b[0] == '-' {
		sign = 1
	}
	n := digits(sign)
	whole := n > sign
	if n == len(b) || b[n] != '.' {
		if whole {
			return n
		}
		return 0
	}
	end := digits(n + 1)
	if !whole && end == n+1 {
		return 0
	}
	if end < len(b) && (b[end] == 'e' || b[end] == 'E') {
		e := end + 1
		if e < len(b) && (b[e] == '+' || b[e] == '-') {
			e++
		}
		if d := digits(e); d > e {
			end = d
		}
	}
	return end
}

func (l *lexer) number(start int) token {
	t := l.token(tokUint, start)
	var err error
	switch {
	case strings.HasPrefix(t.text, "0x"):
		if len(t.text) > 2 { // "0x" alone is 0
			t.num, err = strconv.ParseUint(t.text[2:], 16, 64)
		}
	case strings.ContainsRune(t.text, '.'):
		t.kind = tokReal
		t.num = math.Float64bits(parseReal(t.text))
	case isDigit(t.text[0]):
		t.num, err = strconv.ParseUint(t.text, 10, 64)
	default:
		t.kind = tokInt
		var i int64
		i, err = strconv.ParseInt(t.text, 10, 64)
		t.num = uint64(i)
	}
	if err != nil {
		l.errs.add(l.at(start), "the number %s does not fit into 64 bits", shorten(t.text))
	}
	return t
}

// parseReal converts a number the way Panda3D's pstrtod does, digit by digit,
// so that defaults have the same last bit; the nearest double is not always
// what it finds. The conversions keep the compiler from fusing the products
// into the sums, which would round differently.
func parseReal(s string) float64 {
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(s, "+-")
	mantissa, exponent, scaled := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent, scaled = s[:i], s[i+1:], true
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	v := 0.0
	for i := range len(whole) {
		v = float64(v*10) + float64(whole[i]-'0')
	}
	place := 0.1
	for i := range len(fraction) {
		v += float64(float64(fraction[i]-'0') * place)
		place = float64(place * 0.1)
	}
	if scaled {
		// Out of range is an infinity, which is what ParseFloat returns then.
		power, _ := strconv.ParseFloat("1e"+strings.TrimLeft(exponent, "+-"), 64)
		if strings.HasPrefix(exponent, "-") {
			v /= power
		} else {
			v *= power
		}
	}
	if negative {
		v = -v
	}
	return v
}

// quoted reads a string with Panda3D's escapes. Its oddities are kept since
// defaults contain them: the first digit of \1 to \9 is dropped ("\123" is the
// byte 23), and after \0 only the digits 0 to 6 are octal.
func (l *lexer) quoted(quote byte) token {
	text, start := l.src.text, l.off
	var out []byte
	i := start + 1
	digits := func(base, most int, valid func(byte) bool) {
		v := 0
		for n := 0; n < most && i < len(text) && valid(text[i]); n++ {
			v = v*base + hexDigit(text[i])
			i++
		}
		out = append(out, byte(v))
	}
	for i < len(text) && text[i] != quote && text[i] != '\n' {
		c := text[i]
		i++
		if c != '\\' {
			out = append(out, c)
			continue
		}
		if i == len(text) {
			break
		}
		c = text[i]
		i++
		switch {
		case c == 'a':
			out = append(out, '\a')
		case c == 'n':
			out = append(out, '\n')
		case c == 'r':
			out = append(out, '\r')
		case c == 't':
			out = append(out, '\t')
		case c == 'x':
			digits(16, 2, func(c byte) bool { return hexDigit(c) >= 0 })
		case c == '0':
			digits(8, 3, func(c byte) bool { return c >= '0' && c < '7' })
		case isDigit(c):
			digits(10, 3, isDigit)
		default:
			out = append(out, c)
		}
	}
	if i >= len(text) || text[i] != quote {
		l.errs.lost(l.at(start), "this string is never closed: expected %c before the end of the line", quote)
	} else {
		i++
	}
	l.off = i
	return token{kind: tokString, off: start, end: i, text: string(out)}
}

// hexString reads <0102ff>, which allows no white space.
func (l *lexer) hexString() token {
	text, start := l.src.text, l.off
	var out []byte
	i, digits, last := start+1, 0, 0
	for ; i < len(text) && hexDigit(text[i]) >= 0; i++ {
		if digits++; digits%2 == 0 {
			out = append(out, byte(last<<4|hexDigit(text[i])))
		}
		last = hexDigit(text[i])
	}
	switch {
	case i == len(text):
		l.errs.lost(l.at(start), "these hex digits are never closed: expected > before the end of the file")
	case text[i] != '>':
		l.errs.lost(l.at(i), "unexpected %q in hex digits: expected 0-9, a-f or the closing >", text[i])
	case digits%2 != 0:
		l.errs.add(l.at(start), "an odd number of hex digits: expected two for each byte")
	}
	if i < len(text) && text[i] == '>' {
		i++
	}
	l.off = i
	return token{kind: tokHex, off: start, end: i, text: string(out)}
}

// describe names a token in an error message.
func (t *token) describe() string {
	switch t.kind {
	case tokEOF:
		return "the end of the file"
	case tokString:
		return fmt.Sprintf("the string %q", shorten(t.text))
	case tokHex:
		return "hex digits"
	case tokUint, tokInt, tokReal:
		return "the number " + shorten(t.text)
	}
	return fmt.Sprintf("%q", shorten(t.text))
}

// shorten cuts s to a length that an error message can show.
func shorten(s string) string {
	const shown = 40
	if len(s) > shown {
		return s[:shown] + "…"
	}
	return s
}
