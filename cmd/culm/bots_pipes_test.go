package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/culm-net/culm/internal/pipesbots"
)

// startWorld runs "culm bots world" until the test ends, and returns its address
// and its certificate's fingerprint.
func startWorld(t *testing.T, args ...string) (addr, pin string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := &logLine{want: regexp.MustCompile(`addr=(\S+) pin=([0-9a-f]{64})`), found: make(chan []string, 1)}
	var serving sync.WaitGroup
	serving.Go(func() {
		args := append([]string{"bots", "world", "--listen", "127.0.0.1:0"}, args...)
		if status := run(ctx, args, strings.NewReader(""), io.Discard, log); status != exitDone {
			t.Errorf("culm bots world: status %d: %s", status, log.String())
			log.found <- make([]string, 3)
		}
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
	})
	found := <-log.found
	return found[1], found[2]
}

// logLine waits for a line of a log.
type logLine struct {
	want  *regexp.Regexp
	found chan []string

	mu   sync.Mutex
	text bytes.Buffer
	told bool
}

func (l *logLine) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.text.Write(b)
	if m := l.want.FindStringSubmatch(l.text.String()); m != nil && !l.told {
		l.told = true
		l.found <- m
	}
	return n, err
}

func (l *logLine) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }

func TestBotsPipes(t *testing.T) {
	addr, pin := startWorld(t, "--objects", "10", "--value-bytes", "20", "--messages", "10", "--tick-rate", "100")
	status, stdout, stderr := culm(t, "bots", "pipes", addr, "--pin", pin, "--clients", "4", "--for", "1s", "--update-rate", "100", "--say", "Mover.poke=(1)", "--say-rate", "20")
	if status != exitDone {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	// A snapshot that is being read when the time begins or ends counts in part.
	for _, want := range []string{"clients         4, for ", "with (9\\.[5-9]|10\\.\\d) objects\n", "said            ", "faults          none\n"} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("%q is not in the summary:\n%s", want, stdout)
		}
	}
	if !strings.Contains(stderr, "4 clients connected") {
		t.Errorf("no progress on standard error: %s", stderr)
	}

	status, stdout, stderr = culm(t, "bots", "pipes", addr, "../../internal/pipesbots/load.dc", "--insecure", "--plain", "--clients", "3", "--zones", "1,2", "--spread", "--for", "1s", "--json", "--count", "Mover.count")
	var s pipesbots.Summary
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || status != exitDone {
		t.Fatalf("status %d, %v: %s%s", status, err, stdout, stderr)
	}
	if s.Clients != 3 || s.Zones != 2 || s.SnapshotRate == 0 || s.CallRate == 0 || !s.OK() {
		t.Errorf("%+v", s)
	}

	status, stdout, stderr = culm(t, "bots", "pipes", addr, "--insecure", "--clients", "3", "--idle", "--for", "200ms")
	if status != exitDone || !strings.Contains(stdout, "idle ") {
		t.Errorf("idle: status %d: %s%s", status, stdout, stderr)
	}
}

func TestBotsPipesFail(t *testing.T) {
	addr, pin := startWorld(t, "--password", "sesame")
	const none = "2147483647" // larger than any process's id
	for name, c := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"unknown server":  {[]string{addr}, exitFailed, "pin the fingerprint"},
		"other server":    {[]string{addr, "--pin", strings.Repeat("0", 64)}, exitFailed, "fingerprint"},
		"wrong password":  {[]string{addr, "--pin", pin, "--password", "x"}, exitFailed, "wrong password"},
		"other schema":    {[]string{addr, "testdata/files/old.dc", "--pin", pin, "--password", "sesame"}, exitFailed, "DC hash mismatch"},
		"no such process": {[]string{addr, "--pin", pin, "--server-pid", none}, exitFailed, ""},
		"two faults":      {[]string{addr, "--pin", pin, "--insecure"}, exitUsage, "--insecure"},
		"negative":        {[]string{addr, "--server-pid=" + strconv.Itoa(-1)}, exitUsage, "--server-pid"},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := culm(t, append([]string{"bots", "pipes"}, c.args...)...)
			if status != c.status || !strings.Contains(stderr, c.want) || stdout != "" {
				t.Errorf("status %d, want %d and %q: %s%s", status, c.status, c.want, stdout, stderr)
			}
		})
	}
}
