package clientagent

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// served is an agent on TCP.
type served struct {
	agent  *Agent
	addr   string
	cancel context.CancelFunc
	done   chan error
}

func serve(t *testing.T, d *md.Director, c Config, tc tcp.Config) *served {
	a, err := New(d, c)
	if err != nil {
		t.Fatal(err)
	}
	return serveAgent(t, a, tc)
}

func serveAgent(t *testing.T, a *Agent, tc tcp.Config) *served {
	l, err := tcp.Listen("127.0.0.1:0", tc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{agent: a, addr: l.Addr().String(), cancel: cancel, done: make(chan error, 1)}
	go func() { s.done <- a.Serve(ctx, l) }()
	return s
}

func (s *served) stop(t *testing.T) {
	s.cancel()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func (s *served) dial(t *testing.T) net.Conn {
	wire, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wire.Close() })
	_ = wire.SetDeadline(time.Now().Add(2 * time.Minute)) // a fault is not waited for for ever
	return wire
}

func write(wire net.Conn, messages ...[]byte) {
	for _, m := range messages {
		_, _ = wire.Write(append(binary.LittleEndian.AppendUint16(nil, uint16(len(m))), m...))
	}
}

func read(t *testing.T, wire net.Conn) []byte {
	t.Helper()
	var head [2]byte
	_, err := io.ReadFull(wire, head[:])
	m := make([]byte, binary.LittleEndian.Uint16(head[:]))
	if err == nil {
		_, err = io.ReadFull(wire, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// readCode reads up to an eject and the end of the stream.
func readCode(t *testing.T, wire net.Conn) Code {
	t.Helper()
	for {
		r := datagram.NewReader(read(t, wire))
		if Type(r.Uint16()) != Eject {
			continue
		}
		code := Code(r.Uint16())
		if n, err := wire.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%d bytes and %v after the eject", n, err)
		}
		_ = wire.Close()
		return code
	}
}

// When it shuts down, clients are told so.
func TestDrain(t *testing.T) {
	s := serve(t, md.New(md.Limits{}), testConfig(t), tcp.Config{Pace: -1})
	wire := s.dial(t)
	write(wire, hello())
	read(t, wire)
	s.cancel()
	if got := readCode(t, wire); got != CodeMaintenance {
		t.Errorf("code %d", got)
	}
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// Who leaves within the grace time is not thrown out, and then it is over.
func TestDrainGrace(t *testing.T) {
	c := testConfig(t)
	c.DrainGrace = time.Hour
	s := serve(t, md.New(md.Limits{}), c, tcp.Config{Pace: -1})
	wire := s.dial(t)
	write(wire, hello())
	read(t, wire)
	s.cancel()
	write(wire, []byte{byte(Disconnect), 0})
	if n, err := wire.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%d bytes and %v", n, err)
	}
	_ = wire.Close()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// A listener that fails ends all of it.
func TestListenerFails(t *testing.T) {
	a, err := New(md.New(md.Limits{}), testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	good, err := tcp.Listen("127.0.0.1:0", tcp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Serve(context.Background(), good, failing{}); err == nil || !strings.Contains(err.Error(), "no data or error") {
		t.Errorf("%v", err)
	}
}

type failing struct{ transport.Listener }

func (failing) Serve(context.Context, transport.Handler) error { return io.ErrNoProgress }
func (failing) Flush([]transport.Conn)                         {}

// Silent connections end at the time for a hello, and until then cost others
// nothing; what a client sends byte by byte arrives.
func TestSlowAndSilent(t *testing.T) {
	c := testConfig(t)
	c.MaxChannel = 6000
	c.HelloTimeout = time.Second
	a, err := New(md.New(md.Limits{}), c)
	if err != nil {
		t.Fatal(err)
	}
	var now atomic.Int64
	a.clock = func() time.Duration { return time.Duration(now.Load()) }
	s := serveAgent(t, a, tcp.Config{Pace: -1})
	defer s.stop(t)
	var silent []net.Conn
	for range 300 {
		silent = append(silent, s.dial(t))
	}
	wire := s.dial(t)
	b := append(binary.LittleEndian.AppendUint16(nil, uint16(len(hello()))), hello()...)
	for i := range b {
		_, _ = wire.Write(b[i : i+1])
	}
	if m := read(t, wire); Type(binary.LittleEndian.Uint16(m)) != HelloResp {
		t.Errorf("it got %x", m)
	}
	// Connections that another poller reads may not be open yet.
	for a.Stats().Clients <= len(silent) {
		runtime.Gosched()
	}
	now.Store(int64(time.Second))
	for _, w := range silent {
		if got := readCode(t, w); got != CodeOther {
			t.Fatalf("code %d", got)
		}
	}
	_ = wire.Close()
}

// Garbage, TLS among it, ends the session it came from and no other.
func TestGarbage(t *testing.T) {
	s := serve(t, md.New(md.Limits{}), testConfig(t), tcp.Config{Pace: -1})
	defer s.stop(t)
	good := s.dial(t)
	write(good, hello())
	read(t, good)
	for text, want := range map[string]Code{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\xaa", 800): CodeNoHello, // the hello of TLS: 790 bytes, of type 513
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + strings.Repeat("x", 1<<15):             CodeNoHello,
		"\x00\x00":         CodeTruncated,
		"\x01\x00\x01":     CodeTruncated,
		"\x02\x00\xff\xff": CodeNoHello,
		"\x08\x00\x01\x00\x01\x00\x00\x00\xff\xff": CodeTruncated,
	} {
		wire := s.dial(t)
		_, _ = io.WriteString(wire, text)
		if got := readCode(t, wire); got != want {
			t.Errorf("%.20q: code %d, want %d", text, got, want)
		}
	}
	write(good, []byte{byte(Heartbeat), 0}, hello())
	if got := readCode(t, good); got != CodeInvalidType {
		t.Errorf("the other client got code %d", got)
	}
}
