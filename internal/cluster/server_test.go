package cluster

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/transporttest"
	"github.com/culm-net/culm/transport/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func schema(t testing.TB) *dc.Schema {
	t.Helper()
	s, err := dc.Parse(dc.Source{Name: "game.dc", Text: []byte("dclass Avatar { setName(string) required broadcast; };")})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parsed is a configuration in a folder of its own.
func parsed(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse(filepath.Join(t.TempDir(), "cluster.yml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type started struct {
	*Server
	stop func() error
}

// start runs a configuration.
func start(t testing.TB, c *Config, log io.Writer) *started {
	t.Helper()
	server, err := New(c, schema(t), time.Second, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	s := &started{server, sync.OnceValue(func() error {
		cancel()
		return <-done
	})}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *started) addr(t testing.TB, part string) string {
	t.Helper()
	for _, p := range s.Parts() {
		if p.Name == part {
			return p.Addrs[0].String()
		}
	}
	t.Fatalf("there is no %s", part)
	return ""
}

// wire speaks with a role.
type wire struct {
	t testing.TB
	net.Conn
}

func dial(t testing.TB, addr string, config *tls.Config) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &wire{t, conn}
}

func (w *wire) send(parts ...any) {
	w.t.Helper()
	var m bytes.Buffer
	for _, p := range parts {
		if s, ok := p.(string); ok {
			_ = binary.Write(&m, binary.LittleEndian, uint16(len(s)))
			m.WriteString(s)
		} else if err := binary.Write(&m, binary.LittleEndian, p); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint16(nil, uint16(m.Len())), m.Bytes()...)); err != nil {
		w.t.Error(err)
	}
}

func (w *wire) receive() []byte {
	w.t.Helper()
	var length [2]byte
	if _, err := io.ReadFull(w, length[:]); err != nil {
		w.t.Fatal(err)
	}
	m := make([]byte, binary.LittleEndian.Uint16(length[:]))
	if _, err := io.ReadFull(w, m); err != nil {
		w.t.Fatal(err)
	}
	return m
}

const all = `
general: {eventlogger: "127.0.0.1:%d"}
daemon: {drain_grace: 20ms, drain_reason: "Back in an hour."}
messagedirector: {bind: "127.0.0.1:0"}
roles:
  - {type: stateserver, control: 4002}
  - {type: stateserver, control: 4003}
  - type: clientagent
    bind: 127.0.0.1:0
    channels: {min: 100000, max: 100009}
  - {type: eventlogger, bind: "127.0.0.1:%d", output: "events.log"}
`

// All roles in one process: a link makes an object and a client is let in, is
// told when the server goes, and all of it is in the events.
func TestServe(t *testing.T) {
	port := freeUDP(t)
	c := parsed(t, fmt.Sprintf(all, port, port))
	s := start(t, c, io.Discard)

	names := ""
	for _, p := range s.Parts() {
		names += p.Name + " "
	}
	if want := "events messagedirector stateserver stateserver_2 clientagent eventlogger "; names != want {
		t.Errorf("the roles are %s", names)
	}

	link := dial(t, s.addr(t, "messagedirector"), nil)
	link.send(uint8(1), uint64(1), uint16(9000), uint64(5))
	link.send(uint8(1), uint64(4003), uint64(5), uint16(2000), uint32(1000), uint32(0), uint32(0), uint16(0), "Ann")
	link.send(uint8(1), uint64(1000), uint64(5), uint16(2044), uint32(7))
	if got, want := link.receive(), "\x01\x05\x00\x00\x00\x00\x00\x00\x00\xe8\x03\x00\x00\x00\x00\x00\x00\xfd\x07\x07\x00\x00\x00\xe8\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"; string(got) != want {
		t.Errorf("got %x, want %x", got, want)
	}

	client := dial(t, s.addr(t, "clientagent"), nil)
	client.send(uint16(1), schema(t).Hash(), "dev")
	if got := client.receive(); string(got) != "\x02\x00" {
		t.Errorf("hello is answered with %x", got)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if got, want := client.receive(), "\x04\x00\x9a\x00\x10\x00Back in an hour."; string(got) != want {
		t.Errorf("at the end the client gets %q, want %q", got, want)
	}
	if n, err := io.Copy(io.Discard, link); n != 0 {
		t.Errorf("the link gets %d more bytes, %v", n, err)
	}
	events, err := os.ReadFile(filepath.Join(filepath.Dir(c.File), "events.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"type":"client-connected"`, `"type":"client-ejected"`, `"reason_code":"154"`} {
		if !strings.Contains(string(events), want) {
			t.Errorf("there is no %s in %s", want, events)
		}
	}
}

func freeUDP(t testing.TB) int {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// A second process below the first one; what it loses when there is no link,
// and no wish to wait for one.
func TestConnect(t *testing.T) {
	above := start(t, parsed(t, "messagedirector: {bind: '127.0.0.1:0'}\nroles: [{type: stateserver, control: 4002}]"), io.Discard)
	config := fmt.Sprintf("messagedirector: {bind: '127.0.0.1:0', connect: '%s', reconnect: false}", above.addr(t, "messagedirector"))
	below, err := New(parsed(t, config), schema(t), 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- below.Serve(t.Context()) }()
	link := dial(t, below.Parts()[0].Addrs[0].String(), nil)
	link.send(uint8(1), uint64(1), uint16(9000), uint64(5))
	for answered := false; !answered; {
		// The link upwards may not be there yet.
		link.send(uint8(1), uint64(4002), uint64(5), uint16(2000), uint32(1000), uint32(0), uint32(0), uint16(0), "Ann")
		link.send(uint8(1), uint64(1000), uint64(5), uint16(2054), uint32(7))
		_ = link.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := link.Read(make([]byte, 1000))
		if answered = n > 0; err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
	if err := above.stop(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("with reconnect: false it ended without saying why")
	}

	refused, err := New(parsed(t, config), schema(t), 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := refused.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "messagedirector.connect") {
		t.Errorf("a refused link is told as %v", err)
	}
}

// What cannot be opened is said with its line, and nothing stays open.
func TestNewFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for text, want := range map[string]string{
		"messagedirector:\n  bind: '%s'":                                                                       "messagedirector.bind: listen tcp",
		"roles:\n- type: clientagent\n  bind: '%s'\n  channels: {min: 1000, max: 1001}":                        "cluster.yml:2: roles[0]: listen tcp",
		"messagedirector: {bind: '127.0.0.1:0'}\nroles:\n- {type: eventlogger, bind: 'nobody.invalid:1'} # %s": "cluster.yml:3: roles[0]: event logger",
		"roles: [{type: dbss, database: 4003, ranges: []}] # %s":                                               "does not run the role",
	} {
		_, err := New(parsed(t, fmt.Sprintf(text, l.Addr())), schema(t), 0, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// writeCertificate writes a certificate and its key into dir.
func writeCertificate(t testing.TB, dir, name string) {
	t.Helper()
	pair, _ := transporttest.Certificate(t, name)
	transporttest.WriteCertificate(t, pair, filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
}

// A browser is a client like any other.
func TestWebSocket(t *testing.T) {
	s := start(t, parsed(t, `
daemon: {drain_grace: 0}
roles:
  - type: clientagent
    bind: 127.0.0.1:0
    channels: {min: 1000, max: 1009}
    websocket: {bind: "127.0.0.1:0", path: /game}
`), io.Discard)
	addrs := s.Parts()[1].Addrs
	if len(addrs) != 2 {
		t.Fatalf("it listens on %v", addrs)
	}
	b := &browser{received: make(chan []byte, 10), closed: make(chan struct{})}
	conn, err := websocket.Dial(t.Context(), "ws://"+addrs[1].String()+"/game", websocket.Config{}, b)
	if err != nil {
		t.Fatal(err)
	}
	hello := binary.LittleEndian.AppendUint32([]byte{1, 0}, schema(t).Hash())
	if err := conn.Send(transport.Message{Data: append(hello, "\x03\x00dev"...)}); err != nil {
		t.Fatal(err)
	}
	conn.Flush()
	if got := <-b.received; string(got) != "\x02\x00" {
		t.Errorf("hello is answered with %x", got)
	}
	conn.Close(transport.CodeNormal, "")
	<-b.closed
}

// Who comes through a proxy is known by its own address, which limits count.
func TestWebSocketBehindProxy(t *testing.T) {
	s := start(t, parsed(t, `
daemon: {drain_grace: 0}
roles:
  - type: clientagent
    bind: 127.0.0.1:0
    channels: {min: 1000, max: 1009}
    limits: {max_clients_per_address: 1}
    websocket: {bind: "127.0.0.1:0", haproxy: true, haproxy_allow: [127.0.0.0/8]}
`), io.Discard)
	hello := string(binary.LittleEndian.AppendUint32([]byte{1, 0}, schema(t).Hash())) + "\x03\x00dev"
	for _, c := range []struct {
		from string
		want byte // type of the first message: CLIENT_HELLO_RESP or CLIENT_EJECT
	}{{"192.0.2.1", 2}, {"192.0.2.2", 2}, {"192.0.2.1", 4}} {
		wire, err := net.Dial("tcp", s.Parts()[1].Addrs[1].String())
		if err != nil {
			t.Fatal(err)
		}
		defer wire.Close()
		_, _ = io.WriteString(wire, "PROXY TCP4 "+c.from+" 198.51.100.1 1000 443\r\n"+
			"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"+
			"\x82"+string([]byte{0x80 | byte(len(hello)), 0, 0, 0, 0})+hello)
		r := bufio.NewReader(wire)
		if _, err := http.ReadResponse(r, nil); err != nil {
			t.Fatal(err)
		}
		var frame [4]byte // head, type
		if _, err := io.ReadFull(r, frame[:]); err != nil || frame[0] != 0x82 || frame[2] != c.want {
			t.Errorf("%s: answered with % x, %v", c.from, frame, err)
		}
	}
}

type browser struct {
	received chan []byte
	closed   chan struct{}
}

func (b *browser) Opened(transport.Conn) {}
func (b *browser) Received(_ transport.Conn, messages [][]byte) {
	for _, m := range messages {
		b.received <- bytes.Clone(m)
	}
}
func (b *browser) Closed(transport.Conn, error) { close(b.closed) }

// Certificates and authorities are read again; what cannot be used stays.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "server")
	writeCertificate(t, dir, "ai")
	c, err := Parse(filepath.Join(dir, "cluster.yml"), []byte(`
messagedirector:
  bind: 127.0.0.1:0
  tls: {certificate: server.pem, key: server.key, client_ca: ai.pem}
`))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, c, io.Discard)
	// speak says who the server is, if it lets an AI in.
	speak := func() string {
		mine, err := tls.LoadX509KeyPair(filepath.Join(dir, "ai.pem"), filepath.Join(dir, "ai.key"))
		if err != nil {
			t.Fatal(err)
		}
		var got *x509.Certificate
		link := dial(t, s.addr(t, "messagedirector"), &tls.Config{
			InsecureSkipVerify: true, // which one it is is what is asked
			Certificates:       []tls.Certificate{mine},
			VerifyConnection: func(state tls.ConnectionState) error {
				got = state.PeerCertificates[0]
				return nil
			},
		})
		link.send(uint8(1), uint64(1), uint16(9000), uint64(5))
		link.send(uint8(2), uint64(6), uint64(6), uint64(5), uint16(1)) // nobody hears it
		other := dial(t, s.addr(t, "messagedirector"), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{mine}})
		for {
			// The first may not be known yet.
			other.send(uint8(1), uint64(5), uint64(6), uint16(1))
			_ = link.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			var m [2]byte
			_, err := io.ReadFull(link, m[:])
			switch {
			case err == nil:
				return got.SerialNumber.String() + string(got.RawSubjectPublicKeyInfo)
			case errors.Is(err, os.ErrDeadlineExceeded):
			default:
				return "refused"
			}
		}
	}
	first := speak()
	if first == "refused" {
		t.Fatal("the AI is not let in")
	}
	writeCertificate(t, dir, "server")
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	second := speak()
	if second == first {
		t.Error("the certificate is the old one")
	}
	if err := os.WriteFile(filepath.Join(dir, "server.pem"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err == nil {
		t.Error("nonsense is a certificate")
	}
	if speak() != second {
		t.Error("a certificate that cannot be used took the place of one that can")
	}
}
