package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// What --json prints is what Panda3D answers.
func TestShowJSONIsWhatPanda3DSays(t *testing.T) {
	dir := filepath.Join("..", "..", "dc", "testdata")
	text, err := os.ReadFile(filepath.Join(dir, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		File string
		schemaJSON
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, want := range vectors {
		t.Run(want.File, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := []string{"dc", "show", "--json", filepath.Join(dir, want.File)}
			if status := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); status != exitDone {
				t.Fatalf("status %d: %s", status, stderr.String())
			}
			var got schemaJSON
			if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if got.Hash != want.Hash || len(got.Classes) != len(want.Classes) {
				t.Fatalf("hash %d and %d classes, want %d and %d", got.Hash, len(got.Classes), want.Hash, len(want.Classes))
			}
			for i, class := range got.Classes {
				if !reflect.DeepEqual(class, want.Classes[i]) {
					t.Errorf("got  %+v\nwant %+v", class, want.Classes[i])
				}
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"dc", "check", "absent.dc"}, strings.NewReader(""), &stdout, &stderr)
	if status != exitFailed || !strings.Contains(stderr.String(), "absent.dc") {
		t.Errorf("status %d: %s", status, stderr.String())
	}
}
