package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// -l takes the place of --log-level, and -L adds a file and empties it first.
func TestServeLogFlags(t *testing.T) {
	for _, test := range []struct {
		level, global string
		want          string // the messages that are written
	}{
		{"", "info", "info warn error"},
		{"", "error", "error"},
		{"packet", "error", "debug info warn error"},
		{"warning", "debug", "warn error"},
		{"security", "debug", "warn error"},
		{"fatal", "debug", "error"},
	} {
		path := filepath.Join(t.TempDir(), "culm.log")
		if err := os.WriteFile(path, []byte("old\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		c := serveCommand{Loglevel: test.level, Log: path}
		log, closeLog, err := c.log(&env{stderr: &stderr}, &cli{LogLevel: test.global, LogFormat: "text"})
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("debug")
		log.Info("info")
		log.Warn("warn")
		log.Error("error")
		if err := closeLog(); err != nil {
			t.Error(err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(file, stderr.Bytes()) {
			t.Errorf("the file has\n%s, standard error\n%s", file, &stderr)
		}
		var got []string
		for line := range strings.Lines(string(file)) {
			_, message, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			got = append(got, message)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("-l %q --log-level %s writes %v, want %s", test.level, test.global, got, test.want)
		}
	}
	c := serveCommand{Log: filepath.Join(t.TempDir(), "none", "culm.log")}
	if _, _, err := c.log(&env{}, &cli{}); err == nil {
		t.Error("a log in a folder that is not there is accepted")
	}
}
