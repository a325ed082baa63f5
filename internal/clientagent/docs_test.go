package clientagent

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCodesInDocument holds the table of codes in docs/cluster.md to the constants.
func TestCodesInDocument(t *testing.T) {
	find := func(path, after, pattern string) (codes []string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, part, _ := strings.Cut(string(text), after)
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(part, -1) {
			codes = append(codes, strings.Split(m[1], ", ")...)
		}
		slices.Sort(codes)
		return codes
	}
	want := find("wire.go", "type Code uint16", `(?m)^\tCode\w+ +Code = (\d+) `)
	got := find("../../docs/cluster.md", "| code | why |", `(?m)^\| (\d[\d, ]*) \|`)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the document has the codes %v, there are %v", got, want)
	}
}
