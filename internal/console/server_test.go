package console

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen returns a server on loopback that is stopped at the end of the test.
func listen(t *testing.T) *Server {
	t.Helper()
	s, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	return s
}

func serve(t *testing.T, s *Server) {
	t.Helper()
	done := make(chan error)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
}

// publicListener is on loopback and says that it is not.
type publicListener struct{ net.Listener }

func (l publicListener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv6unspecified, Port: l.Listener.Addr().(*net.TCPAddr).Port}
}

// get asks s on loopback for path.
func get(t *testing.T, s *Server, path string) (status int, body string) {
	t.Helper()
	_, port, err := net.SplitHostPort(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://127.0.0.1:" + port + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestMetrics(t *testing.T) {
	s := listen(t)
	err := s.Register("lan", func() any {
		return roleStats{
			Clients: 3,
			Tick:    5 * time.Millisecond,
			Load:    0.5,
			Full:    true,
			Ejected: map[reason]uint64{0: 2, 1: 7},
			Conn:    connStats{Bytes: 9},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	status, body := get(t, s, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, body)
	}
	for _, want := range []string{
		"# HELP culm_lan_clients Clients that are connected.\n# TYPE culm_lan_clients gauge\nculm_lan_clients 3\n",
		"culm_lan_tick_seconds 0.005\n",
		"culm_lan_load 0.5\n",
		"culm_lan_full 1\n",
		"# TYPE culm_lan_ejected_total counter\n" +
			"culm_lan_ejected_total{reason=\"flood\"} 7\nculm_lan_ejected_total{reason=\"slow\"} 2\n",
		"culm_lan_conn_bytes_total 9\n",
		"culm_lan_zones 0\n",
		"\ngo_goroutines ",
		"\nprocess_start_time_seconds ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics does not have\n%s", want)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

func TestRegisterRefuses(t *testing.T) {
	s := listen(t)
	if err := s.Register("lan", func() any { return struct{ N int }{} }); err == nil {
		t.Error("a field without a tag is taken")
	}
	stats := func() any { return connStats{} }
	if err := s.Register("lan", stats); err != nil {
		t.Fatal(err)
	}
	if err := s.Register("lan", stats); err == nil {
		t.Error("the same metrics are taken twice")
	}
}

// A role whose stats change their type breaks its own metrics and nothing else.
func TestChangedStats(t *testing.T) {
	s := listen(t)
	var stats any = connStats{}
	if err := s.Register("lan", func() any { return stats }); err != nil {
		t.Fatal(err)
	}
	stats = Embedded{}
	status, body := get(t, s, "/metrics")
	if status != http.StatusOK || !strings.Contains(body, "go_goroutines") || strings.Contains(body, "culm_lan") {
		t.Errorf("status %d: %s", status, body)
	}
}

func TestHealth(t *testing.T) {
	s := listen(t)
	if status, body := get(t, s, "/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("serving: %d %q", status, body)
	}
	s.Drain()
	if status, body := get(t, s, "/healthz"); status != http.StatusServiceUnavailable || body != "draining\n" {
		t.Errorf("draining: %d %q", status, body)
	}
}

func TestPprofOnlyOnLoopback(t *testing.T) {
	paths := []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/heap?debug=1", "/debug/pprof/symbol", "/debug/pprof/goroutine?debug=1"}
	t.Run("loopback", func(t *testing.T) {
		s := listen(t)
		for _, path := range paths {
			if status, body := get(t, s, path); status != http.StatusOK {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
	})
	t.Run("every address", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := newServer(publicListener{l}, slog.New(slog.DiscardHandler))
		serve(t, s)
		for _, path := range append(paths, "/debug/pprof", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace") {
			if status, body := get(t, s, path); status != http.StatusNotFound || !strings.Contains(body, "127.0.0.1:PORT") {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		if status, _ := get(t, s, "/healthz"); status != http.StatusOK {
			t.Errorf("/healthz: %d", status)
		}
	})
}

func TestCloseWithoutServe(t *testing.T) {
	s, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	l, err := net.Listen("tcp", s.Addr().String())
	if err != nil {
		t.Fatalf("the address is still taken: %v", err)
	}
	l.Close()
}

func TestListenSaysWhatToGive(t *testing.T) {
	_, err := Listen("9100", slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:9100") {
		t.Errorf("got %v", err)
	}
}
