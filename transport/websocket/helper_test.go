package websocket

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collect is a handler that passes on what it is told, for up to n connections
// and many messages.
type collect struct {
	opened chan transport.Conn
	msgs   chan string
	closed chan *transport.CloseError
}

func newCollect(n int) *collect {
	return &collect{make(chan transport.Conn, n), make(chan string, 10_000), make(chan *transport.CloseError, n)}
}

func (h *collect) Opened(c transport.Conn) { h.opened <- c }

func (h *collect) Received(_ transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		h.msgs <- string(m)
	}
}

func (h *collect) Closed(_ transport.Conn, err error) { h.closed <- err.(*transport.CloseError) }

// echo sends back what it receives.
type echo struct{ *collect }

func (h echo) Received(c transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		_ = c.Send(transport.Message{Data: m})
	}
	c.Flush()
}

// next is what comes next from a handler.
func next[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case x := <-from:
		return x
	case <-time.After(30 * time.Second):
		t.Fatalf("waited in vain for a %T", *new(T))
		panic("unreachable")
	}
}

// serve serves a listener on loopback until the test ends.
func serve(t testing.TB, cfg Config, h transport.Handler) *Listener {
	t.Helper()
	l, err := Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, h)
	return l
}

func serveOn(t testing.TB, l *Listener, h transport.Handler) {
	done := make(chan error, 1)
	go func() { done <- l.Serve(context.Background(), h) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := next(t, done); err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
}

// noDeadline is for what may take longer than a test.
var noDeadline time.Time

// raw is a peer that knows nothing of WebSocket but what the test tells it.
type raw struct {
	testing.TB
	*net.TCPConn
	br *bufio.Reader
}

func dialRaw(t testing.TB, addr net.Addr) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &raw{t, nc.(*net.TCPConn), bufio.NewReader(nc)}
}

// request is RFC 6455's example of a client's handshake, section 1.2, without
// its subprotocols.
const request = "GET / HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

// ask sends a request with more lines of header, and returns the answer.
func (r *raw) ask(more string) *http.Response {
	r.Helper()
	r.say(request + more + "\r\n")
	answer, err := http.ReadResponse(r.br, nil)
	if err != nil {
		r.Fatal(err)
	}
	return answer
}

func (r *raw) say(s string) {
	r.Helper()
	if _, err := io.WriteString(r, s); err != nil {
		r.Fatal(err)
	}
}

// upgrade makes a WebSocket of the connection.
func (r *raw) upgrade() *raw {
	r.Helper()
	if a := r.ask(""); a.StatusCode != http.StatusSwitchingProtocols {
		r.Fatalf("the handshake is answered with %s", a.Status)
	}
	return r
}

// Opcodes of frames, RFC 6455 section 5.2, with FIN.
const (
	opText   = 0x81
	opBinary = 0x82
	opClose  = 0x88
	opPing   = 0x89
	opPong   = 0x8a
)

// frame is a masked frame. The mask is 0, so that its payload can be read.
func frame(op byte, payload string) string {
	b := []byte{op}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return string(append(b, 0, 0, 0, 0)) + payload
}

// read returns the next frame that comes.
func (r *raw) read() (op byte, payload string) {
	r.Helper()
	op, payload, err := r.tryRead()
	if err != nil {
		r.Fatal(err)
	}
	return op, payload
}

func (r *raw) tryRead() (op byte, payload string, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r.br, head); err != nil {
		return 0, "", err
	}
	size := uint64(head[1])
	switch size {
	case 126, 127:
		more := make([]byte, 8)
		if size == 126 {
			_, err = io.ReadFull(r.br, more[6:])
		} else {
			_, err = io.ReadFull(r.br, more)
		}
		size = binary.BigEndian.Uint64(more)
	}
	if err != nil || size > 1<<20 {
		return 0, "", fmt.Errorf("a frame of %d bytes, %v", size, err)
	}
	b := make([]byte, size)
	_, err = io.ReadFull(r.br, b)
	return head[0], string(b), err
}

// readClose returns code and reason of the close frame that comes after frames
// of other kinds.
func (r *raw) readClose() (code int, reason string) {
	r.Helper()
	for {
		op, payload := r.read()
		if op != opClose {
			continue
		}
		if len(payload) < 2 {
			r.Fatalf("a close frame of %d bytes", len(payload))
		}
		return int(binary.BigEndian.Uint16([]byte(payload))), payload[2:]
	}
}

func closing(code int, reason string) string {
	return frame(opClose, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// pipe makes a WebSocket of one end of a pipe, in which nothing is on its way
// that is not read, and returns the other end.
func pipe(cfg *Config, h transport.Handler) net.Conn {
	here, there := net.Pipe()
	r := httptest.NewRequest("GET", "/", nil)
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(k, v)
	}
	(&upgrader{cfg: cfg, h: h}).ServeHTTP(piped{httptest.NewRecorder(), here}, r)
	return there
}

// piped is an answer whose connection is given.
type piped struct {
	http.ResponseWriter
	conn net.Conn
}

func (p piped) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.conn, bufio.NewReadWriter(bufio.NewReader(p.conn), bufio.NewWriter(p.conn)), nil
}
