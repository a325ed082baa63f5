package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveInChild) != "" {
		os.Exit(serveForSignals())
	}
	goleak.VerifyTestMain(m)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// A result that is lost must not look like success.
func TestLostOutputFails(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"help"}, {"version", "--help"}} {
		var stderr bytes.Buffer
		status := run(t.Context(), args, strings.NewReader(""), brokenWriter{}, &stderr)
		if status != exitFailed || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("culm %s: status %d, %q", strings.Join(args, " "), status, stderr.String())
		}
	}
}

func TestNewLog(t *testing.T) {
	for _, c := range []struct {
		format, level string
		want          string // what is written of a debug and a warning
	}{
		{"text", "info", `level=WARN msg=warned`},
		{"text", "error", ``},
		{"json", "debug", `"level":"DEBUG"`},
	} {
		var out bytes.Buffer
		log := newLog(&out, c.format, c.level)
		log.Debug("looked")
		log.Warn("warned", slog.String("client", "127.0.0.1:1"))
		if got := out.String(); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("--log-format %s --log-level %s: got %q, want %q in it", c.format, c.level, got, c.want)
		}
	}
}

// "culm help COMMAND" says the same as "culm COMMAND --help", also where a
// command has other defaults than usual.
func TestHelpTwice(t *testing.T) {
	for _, command := range []string{"demo pipes", "bots pipes", "lan"} {
		var first, second bytes.Buffer
		words := strings.Fields(command)
		run(t.Context(), append([]string{"help"}, words...), strings.NewReader(""), &first, &first)
		run(t.Context(), append(words, "--help"), strings.NewReader(""), &second, &second)
		if first.String() != second.String() || first.Len() == 0 {
			t.Errorf("%s: %q and %q", command, first.String(), second.String())
		}
	}
}
