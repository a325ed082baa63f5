package settings

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/settings.md")

const documentHead = `# Settings of the snapshot protocol

Made from package pipes/settings by ` + "`go test ./pipes/settings -update`" + `; do not edit it here.

Servers, clients and ` + "`culm demo`" + ` take the same settings by the same names, those of panda3d-pipes. Each can be said in three ways,
of which the first counts:

1. as a flag: ` + "`--pipes-tickrate 30`" + `;
2. in the environment: ` + "`CULM_PIPES_TICKRATE=30`" + `: the name in capitals, with ` + "`_` for `-`" + `, after ` + "`CULM_`" + `;
3. as a key of a YAML file that is named with ` + "`--pipes-config FILE`" + `: ` + "`pipes-tickrate: 30`" + `.

A value out of its range, a key or a variable that begins with ` + "`CULM_PIPES_`" + ` and is no setting, and settings that exclude each
other are errors. Programs of yours take them with [package settings](../pipes/settings/sources.go), whose Parse reads all three, as
[the chat](../examples/chat/README.md) does.

| setting | default | from | to | meaning |
|---|---|---|---|---|
`

// TestDocument holds docs/settings.md to the tags.
func TestDocument(t *testing.T) {
	const path = "../../docs/settings.md"
	var b strings.Builder
	b.WriteString(documentHead)
	s := Default()
	for _, e := range s.entries() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", e.name(), e.tag("default"), e.tag("min"), e.tag("max"), e.tag("help"))
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(text), "\r\n", "\n") != b.String() {
		t.Error("docs/settings.md is not what the settings are; go test ./pipes/settings -update writes it")
	}
}
