package lan

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
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

// serve runs a server on a loopback port until the test cancels ctx. Its end
// is told on done.
func serve(ctx context.Context, t *testing.T, s *Server, c tcp.Config) (addr string, done chan error) {
	t.Helper()
	l, err := tcp.Listen("127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	done = make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	return l.Addr().String(), done
}

// Who is interrupted before it serves has nobody to serve.
func TestServeWhenDone(t *testing.T) {
	s, _ := loggedServer(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, done := serve(ctx, t, s, tcp.Config{})
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := s.admit(&peer{server: s, conn: &fakeConn{}}); !errors.Is(err, errDraining) {
		t.Errorf("a client that comes late: %v", err)
	}
}

// Clients that are held and do not read do not keep the server from ending.
func TestShutdownWithWedgedClients(t *testing.T) {
	s, _ := loggedServer(t, func(c *Config) { c.MessageRate = 0.001 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	addr, done := serve(ctx, t, s, tcp.Config{Linger: 50 * time.Millisecond, SendQueue: 64 << 20})
	var conns []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
		if _, err := io.ReadFull(c, make([]byte, 12)); err != nil { // its doIds: it is in
			t.Fatal(err)
		}
	}
	// Each is held for an hour by what it has sent, and the first one does not
	// take what it is sent either.
	for _, c := range conns {
		if _, err := c.Write([]byte{6, 0, 0x31, 0x23, 7, 0, 0, 0, 2, 0, 0x33, 0x23}); err != nil {
			t.Fatal(err)
		}
	}
	for s.Stats().Held < 3 {
		time.Sleep(time.Millisecond)
	}
	first := s.core.clients[1].conn
	for first.Budget() > 0 {
		if err := first.Send(transport.Message{Data: make([]byte, 60_000)}); err != nil {
			break
		}
		first.Flush()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Clients+st.Objects+st.Zones > 0 || s.admission.Total() > 0 {
		t.Errorf("left behind: %+v", st)
	}
}

// Whether clients say goodbye or are lost, they have left; ejected ones have
// not.
func TestDisconnectedAreCounted(t *testing.T) {
	s, log := loggedServer(t, nil)
	polite, lost, rude := opened(s), opened(s), opened(s)
	s.Received(polite, [][]byte{{0x30, 0x23}, {0x30, 0x23}, {1, 0, 9}})
	if !polite.closed || polite.code != transport.CodeNormal {
		t.Errorf("closed with %v after a goodbye", polite.code)
	}
	s.Closed(polite, &transport.CloseError{Code: transport.CodeNormal})
	s.Closed(lost, &transport.CloseError{Remote: true})
	s.Received(rude, [][]byte{{1, 0, 9}})
	s.Closed(rude, &transport.CloseError{Code: rude.code})
	if st := s.Stats(); st.Disconnected != 2 || st.Received["disconnect"] != 1 || st.Ejected["malformed"] != 1 || st.Clients != 0 {
		t.Errorf("%+v", st)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines are logged:\n%s", n, log)
	}
}

// What has not happened is counted, too: who watches a counter that is not there
// misses the first time.
func TestReasonsThatHaveNotHappened(t *testing.T) {
	s, _ := loggedServer(t, nil)
	st := s.Stats()
	for what, c := range map[string]struct {
		got  map[string]uint64
		want []string
	}{
		"rejected": {st.Rejected, []string{"address_full", "draining", "full", "no_doids"}},
		"ejected":  {st.Ejected, []string{"idle", "malformed", "protocol", "silent", "too_many_objects", "too_many_zones", "too_slow"}},
		"refused":  {st.Refused, slices.Sorted(slices.Values(refusalNames[:]))},
	} {
		if got := slices.Sorted(maps.Keys(c.got)); !slices.Equal(got, c.want) {
			t.Errorf("%s for %q, want %q", what, got, c.want)
		}
	}
}

// slowConn takes its time for messages.
type slowConn struct {
	fakeConn
	sent int
}

func (c *slowConn) Send(transport.Message) error {
	if c.sent++; c.sent%256 == 0 {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// Much that one client sends at once to many does not keep the others from
// having effect until all of it has been sent.
func TestOthersComeBetween(t *testing.T) {
	s, _ := loggedServer(t, func(c *Config) { c.MessageRate, c.ByteRate = -1, -1 })
	slow := &slowConn{fakeConn: fakeConn{addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}}}
	s.Opened(slow)
	busy, other := opened(s), opened(s)
	s.Received(slow, [][]byte{{0x31, 0x23, 7, 0, 0, 0}})
	s.Received(busy, [][]byte{hexOf(t, "2a23 07000000 0100 41420f00 00 0000")})
	const updates = 20 * sendsPerTurn
	update := hexOf(t, "7800 41420f00 0c00 01")
	// Who comes between must be given the processor first, which a busy machine
	// may not do in time.
	between := false
	for tries := 0; !between; tries++ {
		if tries == 100 {
			t.Fatal("nobody comes between")
		}
		began := make(chan struct{})
		ended := make(chan struct{})
		n := 0
		s.core.observe = func(c *client, m *message) {
			if m.typ == heartbeat {
				between = n < updates
				return
			}
			if n++; n == 1 {
				close(began)
			}
		}
		go func() {
			defer close(ended)
			<-began
			s.Received(other, [][]byte{{0x33, 0x23}})
		}()
		s.Received(busy, slices.Repeat([][]byte{update}, updates))
		<-ended
		if n != updates {
			t.Fatalf("%d messages of %d had effect", n, updates)
		}
	}
}

// A client over its rates is held for as long as it takes to meet them, but
// looked at from time to time.
func TestHold(t *testing.T) {
	s, _ := loggedServer(t, func(c *Config) { c.MessageRate = 10 })
	now := s.made
	s.now = func() time.Time { return now }
	c := opened(s)
	heartbeats := func(n int) time.Duration {
		c.held = 0
		s.Received(c, slices.Repeat([][]byte{{0x33, 0x23}}, n))
		return c.held.Round(time.Millisecond)
	}
	for _, step := range []struct {
		after time.Duration
		n     int
		want  time.Duration
	}{
		{0, 20, 0},           // twice the rate at once
		{time.Second, 10, 0}, // the rate
		{time.Second, 15, time.Second / 2},
		{time.Second / 2, 1000, maxHold},
		{maxHold, 1, maxHold}, // still in debt
		{91 * time.Second, 0, 0},
	} {
		now = now.Add(step.after)
		if got := heartbeats(step.n); got != step.want {
			t.Errorf("after %v and %d more: held for %v, wanted %v", step.after, step.n, got, step.want)
		}
	}
	if n := s.Stats().Held; n != 3 {
		t.Errorf("held %d times, wanted 3", n)
	}
}

// Who is held is not heard, and must not be put out for that.
func TestHeldIsNotSilent(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"heartbeat timeout": func(c *Config) { c.HeartbeatTimeout = 4 * time.Second },
		"idle timeout":      func(c *Config) { c.IdleTimeout = 4 * time.Second },
		"full idle timeout": func(c *Config) { c.MaxClients, c.FullIdleTimeout = 1, 4*time.Second },
	} {
		s, _ := loggedServer(t, func(c *Config) { c.MessageRate = 1; change(c) })
		now := s.made
		s.now = func() time.Time { return now }
		c := opened(s)
		for range 5 {
			c.held = 0
			s.Received(c, slices.Repeat([][]byte{{0x31, 0x23}}, 100))
			now = now.Add(c.held) // the client goes on sending, and is read when the hold is over
			s.tick(now)
		}
		if c.held == 0 || c.closed {
			t.Errorf("%s: held for %v, closed with %v", name, c.held, c.code)
		}
	}
}
