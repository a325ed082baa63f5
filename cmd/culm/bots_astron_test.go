package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/culm-net/culm/internal/astronbots"
)

// startCluster runs all roles until the test ends, and returns the flags and
// arguments with which bots find them.
func startCluster(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	schema := write("walkers.dc", "dclass Walker { setPos(int16 / 10 x, int16 / 10 y, uint32 t) required broadcast ownsend; };\n")
	config := write("game.yml", `
daemon: {drain_grace: 0s}
general: {dc_files: [walkers.dc]}
messagedirector: {bind: "127.0.0.1:0"}
roles:
  - {type: stateserver, control: 4002}
  - {type: clientagent, bind: "127.0.0.1:0", channels: {min: 1000000000, max: 1000000999}}
`)
	var out, log syncBuffer
	ctx, cancel := context.WithCancel(context.Background())
	status := make(chan int, 1)
	go func() { status <- run(ctx, []string{"serve", config}, strings.NewReader(""), &out, &log) }()
	addr := func(role string) string {
		line := regexp.MustCompile(`role=` + role + ` addr=(\S+)`)
		for {
			if found := line.FindStringSubmatch(log.String()); found != nil {
				return found[1]
			}
			select {
			case got := <-status:
				t.Fatalf("the server ended with %d:\n%s", got, log.String())
			default:
				runtime.Gosched()
			}
		}
	}
	t.Cleanup(func() {
		cancel()
		if got := <-status; got != exitDone {
			t.Errorf("the server ended with %d:\n%s", got, log.String())
		}
	})
	return []string{addr("clientagent"), schema, "--md", addr("messagedirector")}
}

func TestBotsAstron(t *testing.T) {
	args := startCluster(t)
	play := []string{"--clients", "5", "--objects", "3", "--rate", "50", "--for", "1s"}
	status, stdout, stderr := culm(t, append(append([]string{"bots", "astron"}, args...), play...)...)
	if status != exitDone {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	for _, want := range []string{"clients         5\n", "by Walker.setPos in 1 zones", "latency         p50 ", "faults          none"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in the summary:\n%s", want, stdout)
		}
	}
	if !strings.Contains(stderr, "5 clients logged in") {
		t.Errorf("no progress on standard error: %s", stderr)
	}

	status, stdout, stderr = culm(t, append(append([]string{"bots", "astron", "--json"}, args...), play...)...)
	var s astronbots.Summary
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || status != exitDone {
		t.Fatalf("status %d, %v: %s%s", status, err, stdout, stderr)
	}
	if s.Clients != 5 || s.Objects != 3 || s.Deliveries == 0 || !s.OK() {
		t.Errorf("%+v", s)
	}

	status, _, stderr = culm(t, append([]string{"bots", "astron", "--client-version", "old", "--clients", "1"}, args...)...)
	if status != exitFailed || !strings.Contains(stderr, "ejected with code 124") {
		t.Errorf("with another version: status %d: %s", status, stderr)
	}
}
