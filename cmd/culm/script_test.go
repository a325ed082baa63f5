package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands in testdata/scripts do into the scripts")

// TestScripts runs testdata/scripts/*.txt, each in a directory of its own with
// a copy of testdata/files. A script is what a person sees at a terminal:
//
//	# a comment
//	$ culm dc hash avatar.dc    a command; 'quotes' hold blanks together
//	< a line of standard input
//	> a line of standard output
//	! a line of standard error
//	= 1                         the exit status, unless it is 0
//
// A missing line break at the end of a stream shows as a last line "\". The
// other command is cat, for files that a command has written.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	files, err := filepath.Abs("testdata/files")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range scripts {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(files)); err != nil {
				t.Fatal(err)
			}
			t.Chdir(dir)
			want := strings.ReplaceAll(string(script), "\r\n", "\n")
			got := runScript(t, want)
			if got == want {
				return
			}
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s\nIf this is as it should be: go test ./cmd/culm -run TestScripts -update", firstDifference(got, want))
		})
	}
}

// runScript returns the script with what its commands did.
func runScript(t *testing.T, script string) string {
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(script, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "$ "):
			fmt.Fprintln(&out, line)
			var stdin strings.Builder
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "<") {
				i++
				fmt.Fprintln(&out, lines[i])
				stdin.WriteString(strings.TrimPrefix(lines[i][1:], " ") + "\n")
			}
			var stdout, stderr bytes.Buffer
			status := exitDone
			args := splitArgs(line[2:])
			switch args[0] {
			case "culm":
				status = run(t.Context(), args[1:], strings.NewReader(stdin.String()), &stdout, &stderr)
			case "cat":
				b, err := os.ReadFile(args[1])
				if err != nil {
					t.Fatal(err)
				}
				stdout.Write(b)
			default:
				t.Fatalf("line %d: %s is neither culm nor cat", i+1, args[0])
			}
			writeStream(&out, ">", stdout.String())
			writeStream(&out, "!", stderr.String())
			if status != exitDone {
				fmt.Fprintf(&out, "= %d\n", status)
			}
		case strings.HasPrefix(line, ">"), strings.HasPrefix(line, "!"), strings.HasPrefix(line, "="):
			// What is expected; what was seen is already written.
		default:
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

func writeStream(out *strings.Builder, mark, text string) {
	if text == "" {
		return
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n\\\n"
	}
	for line := range strings.Lines(text) {
		if line != "\n" {
			line = " " + line
		}
		out.WriteString(mark + line)
	}
}

// splitArgs splits at blanks outside of single quotes.
func splitArgs(s string) []string {
	quoted := false
	args := strings.FieldsFunc(s, func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "'", "")
	}
	return args
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		gl, wl := "(end)", "(end)"
		if i < len(g) {
			gl = g[i]
		}
		if i < len(w) {
			wl = w[i]
		}
		if gl != wl {
			return fmt.Sprintf("line %d:\n got  %s\n want %s\nall of it:\n%s", i+1, gl, wl, got)
		}
	}
	return ""
}
