package quic

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/internal/udplink"
	"github.com/culm-net/culm/transport"
)

// recorder is a handler that keeps what it is told.
type recorder struct {
	opened chan transport.Conn
	msgs   chan string
	closed chan *transport.CloseError
}

func newRecorder() *recorder {
	return &recorder{
		opened: make(chan transport.Conn, 1000),
		msgs:   make(chan string, 100_000),
		closed: make(chan *transport.CloseError, 1000),
	}
}

func (h *recorder) Opened(c transport.Conn) { h.opened <- c }
func (h *recorder) Received(_ transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		h.msgs <- string(m)
	}
}
func (h *recorder) Closed(_ transport.Conn, err error) {
	var ce *transport.CloseError
	_ = errors.As(err, &ce)
	h.closed <- ce
}

// server serves h until the test ends, and closes what it has let in.
type server struct {
	*Listener
	*recorder
	pin Fingerprint
}

func serve(t testing.TB, cfg Config) *server {
	t.Helper()
	l, err := Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l, recorder: newRecorder()}
	if s.pin, err = l.Fingerprint(); err != nil {
		t.Fatal(err)
	}
	var open sync.Map
	var gone sync.WaitGroup
	served := make(chan error, 1)
	go func() {
		served <- l.Serve(context.Background(), &tracker{s.recorder, &open, &gone})
	}()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		open.Range(func(c, _ any) bool { c.(transport.Conn).Close(transport.CodeShutdown, ""); return true })
		gone.Wait()
	})
	return s
}

// tracker knows which connections are open.
type tracker struct {
	*recorder
	open *sync.Map
	gone *sync.WaitGroup
}

func (h *tracker) Opened(c transport.Conn) {
	h.gone.Add(1)
	h.open.Store(c, true)
	h.recorder.Opened(c)
}

func (h *tracker) Closed(c transport.Conn, err error) {
	h.open.Delete(c)
	h.recorder.Closed(c, err)
	h.gone.Done()
}

// dial connects to addr, by default to s, and hangs up when the test ends.
func (s *server) dial(t testing.TB, cfg Config, addr string) (*Conn, *recorder) {
	t.Helper()
	if addr == "" {
		addr = s.Addr().String()
	}
	cfg.Pins = []Fingerprint{s.pin}
	h := newRecorder()
	over := make(chan struct{})
	c, err := Dial(context.Background(), addr, cfg, &ender{h, over})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close(transport.CodeNormal, "")
		<-over
	})
	return c, h
}

// ender tells when its connection has closed.
type ender struct {
	*recorder
	over chan struct{}
}

func (h *ender) Closed(c transport.Conn, err error) {
	h.recorder.Closed(c, err)
	close(h.over)
}

// behind puts a link before s.
func (s *server) behind(t testing.TB, cfg udplink.Config) *udplink.Link {
	t.Helper()
	l, err := udplink.New("127.0.0.1:0", s.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// raw connects with quic-go alone, as a peer that does what it likes.
func (s *server) raw(t testing.TB, cfg *quic.Config) *quic.Conn {
	t.Helper()
	if cfg == nil {
		cfg = &quic.Config{}
	}
	cfg.EnableDatagrams = true
	if cfg.MaxIncomingUniStreams == 0 {
		cfg.MaxIncomingUniStreams = 100
	}
	udp, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &quic.Transport{Conn: udp}
	q, err := tr.Dial(context.Background(), s.Addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPN}}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = q.CloseWithError(0, "")
		_ = tr.Close()
		_ = udp.Close()
	})
	return q
}

func send(t testing.TB, c transport.Conn, mode transport.Mode, key uint64, data string) {
	t.Helper()
	if err := c.Send(transport.Message{Data: []byte(data), Mode: mode, Key: key}); err != nil {
		t.Fatal(err)
	}
	c.Flush()
}

// works checks that a connection carries messages both ways.
func works(t testing.TB, client transport.Conn, ch *recorder, server transport.Conn, sh *recorder) {
	t.Helper()
	send(t, client, transport.Reliable, 0, "ping")
	for got := ""; got != "ping"; {
		got = await(t, sh.msgs)
	}
	send(t, server, transport.Reliable, 0, "pong")
	for got := ""; got != "pong"; {
		got = await(t, ch.msgs)
	}
}

// await returns what comes next.
func await[T any](t testing.TB, from chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("waited 30 s in vain")
		panic("unreachable")
	}
}

// logTo is a log that can be read.
func logTo(b *syncBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Split(strings.TrimSpace(s.b.String()), "\n")
}
