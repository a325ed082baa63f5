package dc

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is one fault in a .dc file.
type Error struct {
	File    string // Source.Name
	Line    int    // from 1
	Column  int    // from 1, in characters; a tab is one
	Message string // what is wrong, and what was expected
	Source  string // the offending line, or the part of it around Column; control characters but tabs are replaced by spaces

	caret int // where Column is in Source, in characters from 0
}

// Error returns "file:line:column: message", then the offending line with a
// caret under the column.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		b.WriteByte(':')
	}
	fmt.Fprintf(&b, "%d:%d: %s\n\t%s\n\t", e.Line, e.Column, e.Message, e.Source)
	n := 0
	for _, r := range e.Source {
		if n == e.caret {
			break
		}
		n++
		if r == '\t' {
			b.WriteByte('\t') // whatever a tab's width, the caret follows it
		} else {
			b.WriteByte(' ')
		}
	}
	b.WriteByte('^')
	return b.String()
}

// ErrorList is the faults of one run, at most ten, in the order they were
// found.
type ErrorList []*Error

// Error returns the errors' texts, one after the other.
func (l ErrorList) Error() string {
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "\n")
}

// Unwrap returns the single errors, for errors.As.
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// source is a file being read.
type source struct {
	name string
	text []byte
}

// pos is a place in a source.
type pos struct {
	src *source
	off int
}

// line returns the number of the line of p, from 1.
func (p pos) line() int { return 1 + bytes.Count(p.src.text[:p.off], []byte{'\n'}) }

func (p pos) String() string { return fmt.Sprintf("%s:%d", p.src.name, p.line()) }

// newError describes the place p. A line too long to show is cut around it.
func newError(p pos, message string) *Error {
	const shown = 160
	text := p.src.text
	start := bytes.LastIndexByte(text[:p.off], '\n') + 1
	end := len(text)
	if n := bytes.IndexByte(text[p.off:], '\n'); n >= 0 {
		end = p.off + n
	}
	column := utf8.RuneCount(text[start:p.off]) + 1
	if end > p.off && text[end-1] == '\r' {
		end--
	}
	start = max(start, p.off-shown)
	end = min(end, p.off+shown)
	line := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return ' '
		}
		return r
	}, string(text[start:end]))
	return &Error{File: p.src.name, Line: p.line(), Column: column, Message: message, Source: line,
		caret: utf8.RuneCount(text[start:p.off])}
}

// errorSink collects the errors of one run.
type errorSink struct {
	list   ErrorList
	last   pos
	broken bool // see lost
}

func (s *errorSink) full() bool { return len(s.list) >= maxErrors }

// add notes an error, unless the list is full or the place has one already.
func (s *errorSink) add(p pos, format string, args ...any) {
	if s.full() || (len(s.list) > 0 && s.last == p) {
		return
	}
	s.last = p
	s.list = append(s.list, newError(p, fmt.Sprintf(format, args...)))
}

// lost notes an error that swallowed an unknown piece of the text, so that the
// next error is likely to be its consequence.
func (s *errorSink) lost(p pos, format string, args ...any) {
	s.add(p, format, args...)
	s.broken = true
}

func (s *errorSink) err() error {
	if len(s.list) == 0 {
		return nil
	}
	return s.list
}
