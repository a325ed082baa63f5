package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/transporttest"
)

// A handler in somebody else's server, beside a page.
func TestMounted(t *testing.T) {
	server, client := echo{newCollect(1)}, newCollect(1)
	handler, err := NewHandler(Config{}, server)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /play", handler)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a page")) })
	s := httptest.NewServer(mux)
	defer s.Close()

	ctx, cancel := context.WithCancel(context.Background())
	c, err := Dial(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/play", Config{}, client)
	if err != nil {
		t.Fatal(err)
	}
	cancel() // bounds the dialing only
	_ = c.Send(transport.Message{Data: []byte("hello")})
	c.Flush()
	if got := next(t, client.msgs); got != "hello" {
		t.Errorf("echoed %q", got)
	}
	c.Close(1234, "enough")
	if got := next(t, server.closed); !got.Remote || got.Code != 1234 || got.Reason != "enough" {
		t.Errorf("Closed is told %v", got)
	}
	next(t, client.closed)

	if _, err := Dial(context.Background(), "ws"+strings.TrimPrefix(s.URL, "http")+"/", Config{}, client); err == nil {
		t.Error("a page is no WebSocket")
	}
	if _, err := NewHandler(Config{MaxMessage: -1}, server); err == nil {
		t.Error("a configuration that is not possible was taken")
	}
}

// Dialing fails with a sentence, and leaves nothing behind.
func TestDialErrors(t *testing.T) {
	redirect := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/", http.StatusFound))
	defer redirect.Close()
	l := serve(t, Config{Path: "/play"}, newCollect(1))
	base := "ws://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		ctx       context.Context
		url, want string
	}{
		{context.Background(), base, "404"},
		{context.Background(), "wss" + strings.TrimPrefix(base, "ws") + "/play", "HTTPS"},
		{context.Background(), "ws" + strings.TrimPrefix(redirect.URL, "http"), "302"},
		{context.Background(), "tcp://127.0.0.1:1", "scheme"},
		{context.Background(), "ws://127.0.0.1:bad/", "port"},
		{ctx, base + "/play", "canceled"},
	} {
		if _, err := Dial(tt.ctx, tt.url, Config{}, newCollect(1)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want something of %q", tt.url, err, tt.want)
		}
	}
	if _, err := Dial(context.Background(), base, Config{Origins: []string{"["}}, newCollect(1)); err == nil {
		t.Error("a configuration that is not possible was taken")
	}
}

// A certificate that is exchanged is what the next handshake shows.
func TestReloadedCertificate(t *testing.T) {
	first, firstPool := transporttest.Certificate(t, t.Name())
	second, secondPool := transporttest.Certificate(t, t.Name())
	var current atomic.Pointer[tls.Certificate]
	current.Store(&first)
	h := newCollect(2)
	l := serve(t, Config{TLS: &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil },
	}}, h)
	dial := func(trust *tls.Config) error {
		c, err := Dial(context.Background(), "wss://"+l.Addr().String(), Config{TLS: trust}, newCollect(1))
		if err == nil {
			next(t, h.opened)
			c.Close(transport.CodeNormal, "")
			next(t, h.closed)
		}
		return err
	}
	if err := dial(&tls.Config{RootCAs: firstPool}); err != nil {
		t.Error(err)
	}
	current.Store(&second)
	if err := dial(&tls.Config{RootCAs: secondPool}); err != nil {
		t.Error(err)
	}
	if err := dial(&tls.Config{RootCAs: firstPool}); !errors.Is(err, transport.ErrUntrusted) {
		t.Errorf("with the first certificate: %v", err)
	}
}

func TestIdentity(t *testing.T) {
	server, serverPool := transporttest.Certificate(t, t.Name())
	client, clientPool := transporttest.Certificate(t, t.Name())
	h := newCollect(1)
	l := serve(t, Config{TLS: &tls.Config{
		Certificates: []tls.Certificate{server},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clientPool,
	}}, h)
	c, err := Dial(context.Background(), "wss://"+l.Addr().String(), Config{TLS: &tls.Config{
		RootCAs:      serverPool,
		Certificates: []tls.Certificate{client},
	}}, newCollect(1))
	if err != nil {
		t.Fatal(err)
	}
	s := next(t, h.opened)
	if id := s.Identity(); !id.Secure || id.Name != "CN=TestIdentity" || id.Addr.String() != c.LocalAddr().String() {
		t.Errorf("the client is %+v", id)
	}
	if a := s.(*Conn).LocalAddr(); a.String() != l.Addr().String() {
		t.Errorf("the client has dialed %v", a)
	}
	if id := c.Identity(); !id.Secure || id.Addr.String() != l.Addr().String() {
		t.Errorf("the server is %+v", id)
	}
	c.Close(transport.CodeNormal, "")
	next(t, h.closed)
}

// A negative linger time cuts at once.
func TestCut(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{Linger: -1}, h).Addr()).upgrade()
	next(t, h.opened).Close(1234, "now")
	if got := next(t, h.closed); got.Code != 1234 || got.Reason != "now" {
		t.Errorf("Closed is told %v", got)
	}
	if op, _, err := peer.tryRead(); err == nil {
		t.Errorf("a frame of opcode %x", op)
	}
}

// flaky fails to accept at first.
type flaky struct {
	net.Listener
	fails int
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.fails--; f.fails >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return f.Listener.Accept()
}

// Accepting that fails for a while is tried again; what fails for good ends
// Serve.
func TestAcceptingFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewListener(&flaky{ln, 2}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := newCollect(1)
	serveOn(t, l, h)
	_ = dialRaw(t, l.Addr()).upgrade().Close()
	next(t, h.closed)

	broken := errors.New("broken for good")
	l, err = NewListener(dead{ln, broken}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Serve(context.Background(), h); !errors.Is(err, broken) {
		t.Errorf("Serve returned %v", err)
	}
	if err := l.Serve(context.Background(), h); err == nil {
		t.Error("Serve was called twice")
	}
}

type dead struct {
	net.Listener
	err error
}

func (d dead) Accept() (net.Conn, error) { return nil, d.err }
