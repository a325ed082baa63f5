// Package guidetest holds the code in the guides under docs/ to what tests compile
// and run. A package of its own, because the guides' code stands in the tests of
// several packages.
package guidetest

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Check reports each block of Go and DC code in a guide that is not in one of the
// files: each of its lines must stand there, in the same order. "…" stands for what
// is left out. There must be five blocks at least, so that a guide that is not
// read is noticed.
func Check(t *testing.T, guide string, files ...string) {
	t.Helper()
	text := lines(t, guide)
	code := make([][]string, len(files))
	for i, name := range files {
		code[i] = lines(t, name)
	}
	blocks := 0
	for i := 0; i < len(text); i++ {
		if !strings.HasPrefix(text[i], "```go") && !strings.HasPrefix(text[i], "```dc") {
			continue
		}
		blocks++
		first := i + 1
		for i = first; text[i] != "```"; i++ {
		}
		missing := ""
		for k, name := range files {
			line := firstMissing(text[first:i], code[k])
			if line == "" {
				missing = ""
				break
			}
			missing += fmt.Sprintf("\n%s lacks %q", name, line)
		}
		if missing != "" {
			t.Errorf("%s:%d:%s", guide, first+1, missing)
		}
	}
	if blocks < 5 {
		t.Errorf("%s: only %d blocks of code were found", guide, blocks)
	}
}

func lines(t *testing.T, file string) []string {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []string
	for s := bufio.NewScanner(f); s.Scan(); {
		all = append(all, strings.TrimSpace(s.Text()))
	}
	return all
}

// firstMissing returns the first line of a block that does not follow in the
// file, and "" if all do.
func firstMissing(block, file []string) string {
	at := 0
	for _, line := range block {
		if line == "" || line == "…" {
			continue
		}
		for at < len(file) && file[at] != line {
			at++
		}
		if at == len(file) {
			return line
		}
		at++
	}
	return ""
}
