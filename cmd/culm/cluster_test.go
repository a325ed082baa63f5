package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
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

// All roles run, their counters are metrics, and the end is in order.
func TestServeRuns(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/files")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "game.yml")
	config := `
daemon: {metrics: "127.0.0.1:0"}
general: {dc_files: [old.dc]}
messagedirector: {bind: "127.0.0.1:0"}
roles:
  - {type: stateserver, control: 4002}
  - {type: clientagent, bind: "127.0.0.1:0", channels: {min: 1000, max: 1009}}
`
	if err := os.WriteFile(path, []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	var out, log syncBuffer
	ctx, cancel := context.WithCancel(t.Context())
	status := make(chan int, 1)
	go func() { status <- run(ctx, []string{"serve", path}, strings.NewReader(""), &out, &log) }()
	ready := regexp.MustCompile(`msg="serving metrics" addr=(\S+)`)
	for ready.FindStringSubmatch(log.String()) == nil {
		select {
		case got := <-status:
			t.Fatalf("it ended with %d:\n%s", got, log.String())
		default:
			runtime.Gosched()
		}
	}
	resp, err := http.Get("http://" + ready.FindStringSubmatch(log.String())[1] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"culm_messagedirector_links 0", "culm_stateserver_objects 0", "culm_clientagent_clients 0",
		`culm_messagedirector_handshakes_failed_total{reason="tls"} 0`, `culm_clientagent_handshakes_failed_total{reason="proxy"} 0`,
	} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("there is no %s in the metrics:\n%s", want, metrics)
		}
	}
	cancel()
	if got := <-status; got != exitDone {
		t.Errorf("it ends with %d", got)
	}
	for _, want := range []string{"role=clientagent addr=127.0.0.1:", "msg=stopped role=messagedirector", "msg=stopped role=stateserver"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log.String())
		}
	}
}
