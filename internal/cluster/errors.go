package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxErrors is how many errors are reported at most.
const maxErrors = 100

// Error is one fault of a configuration.
type Error struct {
	File    string // may be empty
	Line    int    // from 1; 0 if it is not about a line
	Key     string // its path, like "roles[1].channels.min"; empty for the file
	Message string // what is wrong and what to write instead
}

func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.File != "" && e.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", e.File, e.Line)
	case e.File != "":
		fmt.Fprintf(&b, "%s: ", e.File)
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// Errors are the faults of a configuration, by line.
type Errors []*Error

// Error returns a line for each fault.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// err returns the faults by line, or nil if there are none. Those at one line
// stay in their order. Of too many the last are left out.
func (e Errors) err() error {
	if len(e) == 0 {
		return nil
	}
	e.sort()
	if len(e) > maxErrors {
		e = append(e[:maxErrors:maxErrors], &Error{File: e[0].File, Message: "there are more errors"})
	}
	return e
}

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
}
