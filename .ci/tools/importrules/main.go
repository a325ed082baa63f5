// Command importrules holds the packages of the module in the working
// directory to a table of what each may import, on every platform that is
// built for.
//
//	importrules TABLE PLATFORM...
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: importrules TABLE GOOS/GOARCH...")
		os.Exit(2)
	}
	found, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "importrules: %v\n", err)
		os.Exit(1)
	}
	for _, f := range found {
		fmt.Fprintf(os.Stderr, "%s: %s\n", os.Args[1], f)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}

func run(table string, platforms []string) ([]string, error) {
	text, err := os.ReadFile(table)
	if err != nil {
		return nil, err
	}
	module, err := goList(os.Environ(), "-m")
	if err != nil {
		return nil, err
	}
	r, err := parseRules(strings.TrimSpace(string(module)), string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", table, err)
	}
	var found []string
	for _, platform := range platforms {
		system, arch, _ := strings.Cut(platform, "/")
		out, err := goList(append(os.Environ(), "GOOS="+system, "GOARCH="+arch),
			"-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
		if err != nil {
			return nil, err
		}
		for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
			var p pkg
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			found = append(found, r.check(p)...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func goList(environ []string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Env = environ
	cmd.Stderr = os.Stderr
	return cmd.Output()
}
