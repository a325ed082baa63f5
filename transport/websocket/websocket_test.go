package websocket_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	ws "github.com/coder/websocket"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/transport/websocket"
)

// echo sends back what it gets.
type echo struct {
	opened chan *tcp.Conn
	closed chan error
}

func (e echo) Opened(c transport.Conn) { e.opened <- c.(*tcp.Conn) }
func (e echo) Received(c transport.Conn, messages [][]byte) {
	for _, m := range messages {
		_ = c.Send(transport.Message{Data: m})
	}
	c.Flush()
}
func (e echo) Closed(_ transport.Conn, err error) { e.closed <- err }

func serve(t *testing.T, cfg websocket.Config) (addr string, e echo) {
	l, err := websocket.Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	e = echo{make(chan *tcp.Conn, 100), make(chan error, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, e) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), e
}

// A browser's messages are binary ones without a length, in both directions.
func TestMessages(t *testing.T) {
	addr, e := serve(t, websocket.Config{Path: "/game"})
	ctx := context.Background()
	c, _, err := ws.Dial(ctx, "ws://"+addr+"/game", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 17)
	for _, n := range []int{0, 1, 3, 20_000, 65535, 2} {
		want := bytes.Repeat([]byte{byte(n)}, n)
		if err := c.Write(ctx, ws.MessageBinary, want); err != nil {
			t.Fatal(err)
		}
		typ, got, err := c.Read(ctx)
		if err != nil || typ != ws.MessageBinary || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes come back as %v, %d bytes, %v", n, typ, len(got), err)
		}
	}
	conn := <-e.opened
	if conn.Identity().Secure || conn.LocalAddr().String() != addr {
		t.Errorf("%+v, at %v", conn.Identity(), conn.LocalAddr())
	}
	_ = c.Close(ws.StatusNormalClosure, "")
	if err := <-e.closed; err == nil {
		t.Error("closed without a reason")
	}
}

// What is no binary message of the right size ends the connection.
func TestHostile(t *testing.T) {
	addr, e := serve(t, websocket.Config{})
	ctx := context.Background()
	for name, spoil := range map[string]func(*ws.Conn){
		"text":     func(c *ws.Conn) { _ = c.Write(ctx, ws.MessageText, []byte("hi")) },
		"too long": func(c *ws.Conn) { _ = c.Write(ctx, ws.MessageBinary, make([]byte, 65536)) },
		"cut":      func(c *ws.Conn) { _ = c.CloseNow() },
	} {
		c, _, err := ws.Dial(ctx, "ws://"+addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		spoil(c)
		if _, _, err := c.Read(ctx); err == nil {
			t.Errorf("%s: it is answered", name)
		}
		_ = c.CloseNow()
		<-e.opened
		if err := <-e.closed; err == nil {
			t.Errorf("%s: closed without a reason", name)
		}
	}
	// Bytes that are no request, and one that wants no WebSocket.
	for _, text := range []string{"\x05\x00hello", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /" + strings.Repeat("x", 1<<16) + " HTTP/1.1\r\n"} {
		wire, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(wire, text)
		if w, ok := wire.(*net.TCPConn); ok {
			_ = w.CloseWrite()
		}
		got, _ := io.ReadAll(wire)
		if bytes.Contains(got, []byte("101 Switching")) {
			t.Errorf("%.20q became a WebSocket", text)
		}
		_ = wire.Close()
	}
}

// Pages of other hosts may not connect, unless they are named; nor may anybody
// on another path.
func TestOriginsAndPath(t *testing.T) {
	addr, e := serve(t, websocket.Config{Path: "/game", Origins: []string{"*.game.example"}})
	for _, c := range []struct {
		path, origin string
		ok           bool
	}{
		{"/game", "", true},
		{"/game", "http://" + addr, true},
		{"/game", "https://www.game.example", true},
		{"/game", "https://evil.example", false},
		{"/", "", false},
	} {
		header := http.Header{}
		if c.origin != "" {
			header.Set("Origin", c.origin)
		}
		conn, _, err := ws.Dial(context.Background(), "ws://"+addr+c.path, &ws.DialOptions{HTTPHeader: header})
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil {
			_ = conn.CloseNow()
			<-e.opened
			<-e.closed
		}
	}
}

func TestSecure(t *testing.T) {
	s := httptest.NewTLSServer(nil) // for its certificate
	pair := s.TLS.Certificates[0]
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	s.Close()
	addr, e := serve(t, websocket.Config{Conn: tcp.Config{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}}})
	client := echo{make(chan *tcp.Conn, 1), make(chan error, 1)}
	c, err := websocket.Dial(context.Background(), "wss://"+addr, tcp.Config{TLS: &tls.Config{RootCAs: pool}}, client)
	if err != nil {
		t.Fatal(err)
	}
	if conn := <-e.opened; !conn.Identity().Secure || !c.Identity().Secure {
		t.Error("it is not secure")
	}
	c.Close(transport.CodeNormal, "")
	<-client.closed
	<-e.closed
	if _, _, err := ws.Dial(context.Background(), "ws://"+addr, nil); err == nil {
		t.Error("connected without TLS")
	}
}

// Requests that become nothing are bounded.
func TestTooManyRequests(t *testing.T) {
	addr, e := serve(t, websocket.Config{Conn: tcp.Config{MaxHandshakes: 3}})
	var silent []net.Conn
	for range 3 {
		wire, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, wire)
	}
	cut, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := cut.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes came", n)
	}
	_ = cut.Close()
	for _, w := range silent {
		_, _ = io.WriteString(w, "nonsense\r\n\r\n")
		_, _ = io.ReadAll(w)
		_ = w.Close()
	}
	conn, _, err := ws.Dial(context.Background(), "ws://"+addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.CloseNow()
	<-e.opened
	<-e.closed
}
