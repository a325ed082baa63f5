package lan

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// loggedServer is a server for the stories' schema, with its log.
func loggedServer(t *testing.T, change func(*Config)) (*Server, *bytes.Buffer) {
	t.Helper()
	schema, err := dc.ParseFiles("testdata/story.dc")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := Config{Schema: schema, Log: slog.New(slog.NewTextHandler(&log, nil))}
	if change != nil {
		change(&c)
	}
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

func opened(s *Server) *fakeConn {
	c := &fakeConn{addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1000}}
	s.Opened(c)
	return c
}

// A client that was ejected may have sent more before it knew. That is no
// reason to eject it again.
func TestEjectedOnce(t *testing.T) {
	s, log := loggedServer(t, func(c *Config) { c.HeartbeatTimeout = time.Minute })
	c := opened(s)
	s.tick(s.made.Add(time.Hour))
	s.Received(c, [][]byte{{1, 0, 9}})
	s.Closed(c, &transport.CloseError{Code: c.code})
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "client=1 reason=\"nothing was heard") {
		t.Errorf("%d lines are logged:\n%s", n, log)
	}
	if st := s.Stats(); st.Ejected["silent"] != 1 || st.Ejected["malformed"] != 0 || st.Disconnected != 0 {
		t.Errorf("ejected %v, disconnected %d", st.Ejected, st.Disconnected)
	}
}

// A client whose send queue is full goes; what else it has sent with the
// message that filled it is not worth the others' time.
func TestFullQueueEndsBatch(t *testing.T) {
	s, log := loggedServer(t, nil)
	c := opened(s)
	c.full = true
	interest := []byte{0x31, 0x23}
	s.Received(c, [][]byte{interest, interest, interest})
	if st := s.Stats(); st.Received["interest"] != 1 || st.Ejected["too_slow"] != 1 || c.code != CodeTooSlow {
		t.Errorf("received %v, ejected %v, closed with %v", st.Received, st.Ejected, c.code)
	}
	if !strings.Contains(log.String(), "address=192.0.2.1:1000 client=1 reason=") {
		t.Errorf("logged:\n%s", log)
	}
}

// What the transport finds out about a client's bytes is said like what the
// server finds out.
func TestBrokenFramingIsLogged(t *testing.T) {
	s, log := loggedServer(t, nil)
	for range 3 {
		s.Closed(opened(s), &transport.CloseError{Code: transport.CodeProtocol, Reason: "a message of 4 GB was announced"})
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "address=192.0.2.1:1000 client=1 reason=\"a message of 4 GB was announced\"") {
		t.Errorf("%d lines are logged:\n%s", n, log)
	}
	if st := s.Stats(); st.Ejected["protocol"] != 3 || st.Disconnected != 0 {
		t.Errorf("ejected %v, disconnected %d", st.Ejected, st.Disconnected)
	}
}
