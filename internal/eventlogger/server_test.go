package eventlogger

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves until the test ends; stop ends it earlier and says how it went.
func start(t *testing.T, c Config) (s *Server, stop func()) {
	t.Helper()
	c.Bind = "127.0.0.1:0"
	c.Log = slog.New(slog.DiscardHandler)
	s, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	stop = func() {
		cancel()
		if err, open := <-done; open {
			close(done)
			if err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// until waits for the counters to say something.
func until(t *testing.T, s *Server, what string, ok func(Stats) bool) {
	t.Helper()
	for !ok(s.Stats()) {
		if t.Context().Err() != nil {
			t.Fatalf("never: %s", what)
		}
		runtime.Gosched()
	}
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestEventsBecomeLinesAndMalformedPacketsAreCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.log")
	s, stop := start(t, Config{Output: EscapePattern(path)})
	until(t, s, "the file is opened at the start", func(n Stats) bool { _, err := os.Stat(path); return err == nil })

	conn := dial(t, s)
	e, err := Dial(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	remote, local := netip.MustParseAddrPort("[2001:db8::1]:5000"), netip.MustParseAddrPort("192.0.2.1:7198")
	e.Emit(ClientConnected(1000000000, remote, local))
	e.Emit(ClientEjected(1000000000, 117, `an object that is "not" there`, true))
	e.Emit(ClientLost(1000000000, remote, local, "reset"))
	e.Emit(ClientEjected(7, 345, "silent", false))
	e.Emit(ClientDisconnected(7, remote, local))
	e.Forward([]byte{0x80})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, s, "six events", func(n Stats) bool { return n.Packets == 6 })
	for _, packet := range [][]byte{{}, {0x90}, {0x81}, {0x80, 0x80}, {0x81, 0xc0, 0xc1}, []byte("hello")} {
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	until(t, s, "twelve packets", func(n Stats) bool { return n.Packets == 12 })
	stop()

	want := []string{
		`"type":"log-opened","sender":"EventLogger","msg":"Log opened."`,
		`"type":"client-connected","sender":"Client:1000000000","remote_address":"[2001:db8::1]:5000","local_address":"192.0.2.1:7198"`,
		`"type":"client-ejected-security","sender":"Client:1000000000","reason_code":"117","reason_msg":"an object that is \"not\" there"`,
		`"type":"client-lost","sender":"Client:1000000000","remote_address":"[2001:db8::1]:5000","local_address":"192.0.2.1:7198","reason":"reset"`,
		`"type":"client-ejected","sender":"Client:7","reason_code":"345","reason_msg":"silent"`,
		`"type":"client-disconnected","sender":"Client:7","remote_address":"[2001:db8::1]:5000","local_address":"192.0.2.1:7198"`,
		``,
	}
	var got []string
	for _, l := range readLines(t, path) {
		if !json.Valid([]byte(l)) || !strings.HasPrefix(l, `{"_time":"20`) {
			t.Errorf("%s is no line of an event", l)
		}
		got = append(got, strings.TrimPrefix(strings.TrimSuffix(l[len(stamp):], "}"), ","))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	stats := s.Stats()
	for _, reason := range []string{"not_a_map", "truncated", "surplus", "invalid"} {
		if stats.Malformed[reason] == 0 {
			t.Errorf("no packet counted as %s: %v", reason, stats.Malformed)
		}
	}
	if stats.QueuedBytes != 0 || stats.Written == 0 || stats.FilesOpened != 1 {
		t.Errorf("%+v", stats)
	}
}

// While files cannot be written lines wait, then they are lost, and what
// waited is written as soon as the folder is there. SIGHUP shortens the wait.
func TestEventsWaitForTheFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "e.log")
	const lines = 3
	line, err := AppendLine(nil, []byte{0x80}, noon)
	if err != nil {
		t.Fatal(err)
	}
	s, stop := start(t, Config{Output: EscapePattern(path), Queue: lines * len(line)})
	conn := dial(t, s)
	for range lines + 2 {
		if _, err := conn.Write([]byte{0x80}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, s, "the queue is full", func(n Stats) bool {
		return n.Packets == lines+2 && n.Dropped == 2 && n.QueuedBytes == lines*len(line) && n.WriteErrors > 0
	})
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s.Reopen()
	until(t, s, "all that waited is written", func(n Stats) bool { return n.QueuedBytes == 0 })
	stop()
	if got := readLines(t, path); len(got) != 1+lines {
		t.Errorf("%d lines: %q", len(got), got)
	}
}

func TestReopenFollowsAMovedFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not move files that are open: run this on another system")
	}
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "e.log"), filepath.Join(dir, "moved.log")
	s, stop := start(t, Config{Output: EscapePattern(path)})
	conn := dial(t, s)
	send := func(written uint64) {
		if _, err := conn.Write([]byte{0x80}); err != nil {
			t.Fatal(err)
		}
		until(t, s, "the event is written", func(n Stats) bool { return n.Packets == written && n.Written > 0 && n.QueuedBytes == 0 })
	}
	send(1)
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	s.Reopen()
	send(2)
	until(t, s, "a second file", func(n Stats) bool { return n.FilesOpened == 2 })
	stop()
	if a, b := len(readLines(t, moved)), len(readLines(t, path)); a+b != 4 || b < 1 {
		t.Errorf("%d lines in the moved file, %d in the new one", a, b)
	}
}

// What is on its way when the server is told to end is written.
func TestTheLastEventsAreWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.log")
	s, stop := start(t, Config{Output: EscapePattern(path)})
	conn := dial(t, s)
	for range 100 {
		if _, err := conn.Write([]byte{0x80}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if got := len(readLines(t, path)); got != 101 {
		t.Errorf("%d lines, want 101", got)
	}
	if _, err := s.conn.Write(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket is still open: %v", err)
	}
}

func TestListenRefuses(t *testing.T) {
	for name, c := range map[string]Config{
		"no pattern":        {Bind: "127.0.0.1:0"},
		"a bad pattern":     {Bind: "127.0.0.1:0", Output: "%Q"},
		"a negative size":   {Bind: "127.0.0.1:0", Output: "x", RotateSize: -1},
		"a port that is no": {Bind: "127.0.0.1:port", Output: "x"},
	} {
		if s, err := Listen(c); err == nil {
			s.Close()
			t.Errorf("%s is accepted", name)
		}
	}
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
