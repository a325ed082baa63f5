package cluster

import (
	"os"
	"strings"
	"testing"
)

// The configurations that docs/cluster.md shows have no faults, and nothing
// that is warned about.
func TestClusterDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n```yaml\n")
	if len(blocks) < 2 {
		t.Fatal("there is none")
	}
	for _, b := range blocks[1:] {
		b, _, _ = strings.Cut(b, "\n```")
		c, err := Parse("cluster.md", []byte(b))
		if err != nil {
			t.Error(err)
			continue
		}
		if len(c.Warnings) > 0 {
			t.Error(c.Warnings)
		}
		if err := c.CheckRunnable(); err != nil {
			t.Error(err)
		}
	}
}
