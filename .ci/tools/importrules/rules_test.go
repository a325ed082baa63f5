package main

import (
	"slices"
	"strings"
	"testing"
)

const table = `
tests: example.com/testing kit # for all tests
low:
kit:
mid: low example.com/lib # a comment
top: *
`

func TestCheck(t *testing.T) {
	r, err := parseRules("example.com/m", table)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		pkg  pkg
		want []string
	}{
		"standard library": {pkg{ImportPath: "example.com/m/low", Imports: []string{"net/http", "unsafe"}}, nil},
		"upwards":          {pkg{ImportPath: "example.com/m/mid", Imports: []string{"example.com/m/low"}}, nil},
		"downwards": {
			pkg{ImportPath: "example.com/m/low", Imports: []string{"example.com/m/mid"}},
			[]string{"low may not import mid"},
		},
		"a library":      {pkg{ImportPath: "example.com/m/mid", Imports: []string{"example.com/lib/v2"}}, nil},
		"a similar name": {pkg{ImportPath: "example.com/m/mid", Imports: []string{"example.com/library"}}, []string{"mid may not import example.com/library"}},
		"a library of others": {
			pkg{ImportPath: "example.com/m/low", Imports: []string{"example.com/lib"}},
			[]string{"low may not import example.com/lib"},
		},
		"all of the module":  {pkg{ImportPath: "example.com/m/top", Imports: []string{"example.com/m/low"}}, nil},
		"all of the world":   {pkg{ImportPath: "example.com/m/top", Imports: []string{"example.com/lib"}}, []string{"top may not import example.com/lib"}},
		"cgo":                {pkg{ImportPath: "example.com/m/low", Imports: []string{"C"}}, []string{"low may not import C"}},
		"no row":             {pkg{ImportPath: "example.com/m/new"}, []string{"new has no row: add one that says what it may import"}},
		"a test":             {pkg{ImportPath: "example.com/m/low", XTestImports: []string{"example.com/m/low", "example.com/testing"}}, nil},
		"a test's kit":       {pkg{ImportPath: "example.com/m/low", TestImports: []string{"example.com/m/kit"}}, nil},
		"a test goes beyond": {pkg{ImportPath: "example.com/m/low", TestImports: []string{"example.com/lib"}}, []string{"a test of low may not import example.com/lib"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := r.check(c.pkg); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestParseRulesRefuses(t *testing.T) {
	for name, c := range map[string]struct{ table, want string }{
		"no colon":       {"low", "line 1"},
		"two rows":       {"low:\nlow:", "has a row already"},
		"arrow down":     {"low: top\ntop:", "no row above"},
		"unknown import": {"low: lwo", "no row above"},
		"unknown kit":    {"tests: kitt\nkit:", "tests may not import kitt, which has no row"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseRules("example.com/m", c.table)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q in it", err, c.want)
			}
		})
	}
}
