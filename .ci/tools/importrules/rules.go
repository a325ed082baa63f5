package main

import (
	"fmt"
	"slices"
	"strings"
)

// pkg is what go list says of a package.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// rules are what packages of a module may import.
type rules struct {
	module string
	rows   map[string][]string
	tests  []string // what tests may import besides
}

// testsRow is the row that holds for all tests.
const testsRow = "tests"

// parseRules reads the format that .ci/imports.txt describes.
func parseRules(module, text string) (*rules, error) {
	r := &rules{module: module, rows: make(map[string][]string)}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, list, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		switch _, twice := r.rows[name]; {
		case !ok:
			return nil, fmt.Errorf("line %d: want PACKAGE: IMPORTS", number)
		case name == testsRow:
			r.tests = strings.Fields(list)
			continue
		case twice:
			return nil, fmt.Errorf("line %d: %s has a row already", number, name)
		}
		may := strings.Fields(list)
		for _, m := range may {
			if _, above := r.rows[m]; !above && m != "*" && m != "C" && !external(m) {
				return nil, fmt.Errorf("line %d: %s may not import %s, which has no row above", number, name, m)
			}
		}
		r.rows[name] = may
	}
	for _, m := range r.tests {
		if _, row := r.rows[m]; !row && !external(m) {
			return nil, fmt.Errorf("tests may not import %s, which has no row", m)
		}
	}
	return r, nil
}

// external reports whether path is of neither this module nor the standard
// library: its first element has a dot.
func external(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

// check returns a sentence for each import of p that the rules do not allow.
func (r *rules) check(p pkg) []string {
	name := r.name(p.ImportPath)
	may, ok := r.rows[name]
	if !ok {
		return []string{fmt.Sprintf("%s has no row: add one that says what it may import", name)}
	}
	var found []string
	report := func(what string, imports, may []string) {
		for _, path := range imports {
			if !r.allowed(path, may) {
				found = append(found, fmt.Sprintf("%s%s may not import %s", what, name, r.name(path)))
			}
		}
	}
	report("", p.Imports, may)
	inTests := slices.Concat(may, r.tests, []string{name})
	report("a test of ", p.TestImports, inTests)
	report("a test of ", p.XTestImports, inTests)
	return found
}

// name is the path of one of the module's packages within it, and of any other
// package its import path.
func (r *rules) name(path string) string { return strings.TrimPrefix(path, r.module+"/") }

func (r *rules) allowed(path string, may []string) bool {
	name := r.name(path)
	if name == path && path != "C" && !external(path) {
		return true // the standard library
	}
	return slices.ContainsFunc(may, func(m string) bool {
		switch {
		case m == "*":
			return name != path
		case external(m):
			return path == m || strings.HasPrefix(path, m+"/")
		}
		return name == m
	})
}
