package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/lanbots"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport/tcp"
)

// startLAN runs a LAN server until the test ends. It returns its address and
// its .dc file.
func startLAN(t *testing.T, c lan.Config, transport tcp.Config) (addr, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "walkers.dc")
	text := "dclass Walker { setPos(int16 / 10 x, int16 / 10 y) required broadcast ram; };\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.Schema, err = dc.ParseFiles(file); err != nil {
		t.Fatal(err)
	}
	c.Log = slog.New(slog.DiscardHandler)
	server, err := lan.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tcp.Listen("127.0.0.1:0", transport)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ctx, listener); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		_ = listener.Close()
	})
	return listener.Addr().String(), file
}

// culm runs a command and returns what it does.
func culm(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out bytes.Buffer
	var errs syncBuffer // bots log there too
	status = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

func TestBotsLAN(t *testing.T) {
	addr, file := startLAN(t, lan.Config{}, tcp.Config{})
	status, stdout, stderr := culm(t, "bots", "lan", addr, file, "--clients", "5", "--rate", "50", "--for", "1s")
	if status != exitDone {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	for _, want := range []string{"clients         5\n", "by Walker.setPos in 1 zones", "latency         p50 ", "faults          none"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in the summary:\n%s", want, stdout)
		}
	}
	if !strings.Contains(stderr, "5 clients connected") {
		t.Errorf("no progress on standard error: %s", stderr)
	}
}

func TestBotsLANJSON(t *testing.T) {
	addr, file := startLAN(t, lan.Config{}, tcp.Config{Framing: tcp.Prefix32})
	status, stdout, stderr := culm(t, "bots", "lan", addr, file, "--clients", "4", "--zones", "2", "--rate", "50", "--for", "1s", "--header-size", "4", "--json")
	var s lanbots.Summary
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || status != exitDone {
		t.Fatalf("status %d, %v: %s%s", status, err, stdout, stderr)
	}
	if s.Clients != 4 || s.Zones != 2 || s.Updates == 0 || s.Deliveries == 0 || !s.OK() {
		t.Errorf("%+v", s)
	}
}

func TestBotsLANFail(t *testing.T) {
	full, file := startLAN(t, lan.Config{MaxClients: 2}, tcp.Config{})
	const none = "2147483647" // larger than any process's id
	for name, c := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"turned away":      {[]string{full, file, "--clients", "3"}, exitFailed, "of 3 cannot connect"},
		"no server":        {[]string{"127.0.0.1:1", file}, exitFailed, "cannot connect"},
		"no schema":        {[]string{full, file + ".missing"}, exitFailed, "walkers.dc.missing"},
		"no such class":    {[]string{full, file, "--class", "Runner"}, exitFailed, `no dclass "Runner"`},
		"no such process":  {[]string{full, file, "--server-pid", none}, exitFailed, ""},
		"no certificates":  {[]string{full, file, "--tls-ca", file}, exitFailed, "no PEM certificate"},
		"nobody":           {[]string{full, file, "--clients", "0"}, exitUsage, "--clients"},
		"no zones":         {[]string{full, file, "--zones", "0"}, exitUsage, "--zones"},
		"many walkers":     {[]string{full, file, "--walkers", "200"}, exitUsage, "--walkers"},
		"no walkers":       {[]string{full, file, "--walkers", "0"}, exitUsage, "-1 for all"},
		"standing still":   {[]string{full, file, "--rate", "0"}, exitUsage, "--rate"},
		"no number":        {[]string{full, file, "--rate", "NaN"}, exitUsage, "--rate"},
		"no time":          {[]string{full, file, "--for", "0s"}, exitUsage, "--for"},
		"negative process": {[]string{full, file, "--server-pid=" + strconv.Itoa(-1)}, exitUsage, "--server-pid"},
		"odd header":       {[]string{full, file, "--header-size", "3"}, exitUsage, "--header-size"},
		"no file":          {[]string{full}, exitUsage, "<file>"},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := culm(t, append([]string{"bots", "lan"}, c.args...)...)
			if status != c.status || !strings.Contains(stderr, c.want) || stdout != "" {
				t.Errorf("status %d, want %d and %q: %s%s", status, c.status, c.want, stdout, stderr)
			}
		})
	}
}

func TestDemo(t *testing.T) {
	for _, args := range [][]string{{"demo", "--for", "500ms"}, {"demo", "pipes", "--for", "500ms", "--loss", "5", "--lag=80ms"}, {"demo", "lan", "--for", "500ms", "--plain"}} {
		status, stdout, stderr := culm(t, args...)
		if status != exitDone || !strings.Contains(stdout, " walkers, ") || stderr != "" || strings.Contains(stdout, "\x1b") {
			t.Errorf("%v: status %d: %s%s", args, status, stdout, stderr)
		}
	}
	if status, _, stderr := culm(t, "demo", "--for", "-1s"); status != exitUsage || !strings.Contains(stderr, "--for") {
		t.Errorf("a negative time: status %d: %s", status, stderr)
	}
}
