package dc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func addSeeds(f *testing.F) {
	files, err := filepath.Glob("testdata/*.dc")
	if err != nil || len(files) == 0 {
		f.Fatal("no files", err)
	}
	more, err := filepath.Glob("testdata/format/*.dc")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

func FuzzParse(f *testing.F) {
	addSeeds(f)
	for _, c := range pandaAccepts {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, o := range []Options{{}, {NoMultipleInheritance: true}, {NoVirtualInheritance: true}, {NoSortByFile: true}} {
			s, err := o.Parse(Source{"x.dc", text})
			if err != nil {
				checkErrors(t, err)
				continue
			}
			checkSchema(t, s, o)
		}
	})
}

func checkErrors(t *testing.T, err error) {
	var list ErrorList
	if !errors.As(err, &list) || len(list) == 0 || len(list) > maxErrors {
		t.Fatalf("not a list of errors: %v", err)
	}
	for _, e := range list {
		if e.Line < 1 || e.Column < 1 || e.Message == "" || strings.Contains(e.Source, "\n") || !utf8.ValidString(e.Message) {
			t.Fatalf("%#v", e)
		}
		if e.caret > utf8.RuneCountInString(e.Source) {
			t.Fatalf("the caret is outside of the line: %#v", e)
		}
	}
}

// checkSchema looks for contradictions among what the accessors say.
func checkSchema(t *testing.T, s *Schema, o Options) {
	for i, f := range s.Fields() {
		if f.Number() != i || s.FieldByNumber(i) != f {
			t.Fatalf("field %v has number %d, want %d", f, f.Number(), i)
		}
	}
	for i, c := range s.Classes() {
		if s.Class(c.Name()) != c || !c.IsStruct() && (c.Number() != i || s.ClassByNumber(i) != c) {
			t.Fatalf("%v is not where it should be", c)
		}
		for _, f := range c.OwnFields() {
			if f.Class() != c || f.Name() != "" && c.FieldByName(f.Name()) != f || f.Number() >= 0 && c.Field(f.Number()) != f {
				t.Fatalf("%v is not found in its class", f)
			}
		}
		for _, p := range c.Parents() {
			if !c.InheritsFrom(p) || p.InheritsFrom(c) {
				t.Fatalf("inheritance of %v from %v", c, p)
			}
		}
		if o.NoMultipleInheritance || o.NoVirtualInheritance {
			continue // names and numbers may be there twice
		}
		for _, f := range c.Fields() {
			if f.Name() != "" && c.FieldByName(f.Name()) != f || f.Number() >= 0 && c.Field(f.Number()) != f {
				t.Fatalf("%v is not found in %v", f, c)
			}
		}
	}
}

func FuzzFormat(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := Format("x.dc", text); err != nil {
			checkErrors(t, err)
			if _, err := Parse(Source{"x.dc", text}); err == nil {
				t.Fatal("a correct file is refused")
			}
			return
		}
		checkSameTokens(t, text, checkFormat(t, text))
	})
}

// checkSameTokens compares two texts but for white space, semicolons, the
// commas before comments, and "0-5" for "0 - 5".
func checkSameTokens(t *testing.T, before, after []byte) {
	a, b := significant(before), significant(after)
	if a != b {
		t.Fatalf("the tokens\n%s\nbecame\n%s", a, b)
	}
}

// significant lists the comments and then the tokens of a text.
func significant(text []byte) string {
	var trace []token
	l := &lexer{src: &source{"", text}, errs: &errorSink{}, trace: &trace}
	for l.next().kind != tokEOF {
	}
	var tokens, comments strings.Builder
	for _, t := range trace {
		s := string(text[t.off:t.end])
		switch {
		case t.kind == tokComment:
			comments.WriteString(strings.Join(strings.Fields(s), ""))
			comments.WriteByte('\n')
		case t.is(";"):
		case t.kind == tokString, t.kind == tokHex:
			tokens.WriteString(s)
			tokens.WriteByte('\n')
		default:
			// A sign may be part of a number before and by itself after.
			tokens.WriteString(strings.TrimPrefix(s, "-"))
			if s != "-" {
				tokens.WriteByte('\n')
			}
		}
	}
	return comments.String() + tokens.String()
}
