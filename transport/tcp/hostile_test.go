package tcp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/bufpool"
	"github.com/culm-net/culm/transport/internal/proxy"
	"github.com/culm-net/culm/transport/transporttest"
)

// closedFor waits for Closed and returns what it was told.
func closedFor(t *testing.T, closed chan error) *transport.CloseError {
	t.Helper()
	var ce *transport.CloseError
	if err := <-closed; !errors.As(err, &ce) {
		t.Fatalf("Closed with %T", err)
	}
	return ce
}

// A peer that never reads fills its queue, and is cut when the linger time
// after Close is over.
func TestPeerThatNeverReads(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{Linger: 50 * time.Millisecond}, h))
	c := <-h.opened
	var err error
	for err == nil {
		err = c.Send(transport.Message{Data: make([]byte, 1000)})
		c.Flush()
	}
	if !errors.Is(err, transport.ErrFull) {
		t.Fatalf("Send: %v", err)
	}
	if b := c.Budget(); b != 0 {
		t.Errorf("Budget is %d", b)
	}
	c.Close(transport.CodeTimeout, "too slow")
	if got := closedFor(t, h.closed); got.Remote || got.Code != transport.CodeTimeout {
		t.Errorf("Closed with %v", got)
	}
	if s := c.Stats(); s.Queued != 0 {
		t.Errorf("%d bytes are still queued", s.Queued)
	}
	if _, err := io.Copy(io.Discard, peer); !isReset(err) {
		t.Errorf("the peer reads until %v, want a reset", err)
	}
}

func TestNoLinger(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{Linger: -1}, h))
	c := <-h.opened
	if err := c.Send(transport.Message{Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	c.Close(transport.CodeNormal, "")
	if got := closedFor(t, h.closed); got.Remote {
		t.Errorf("Closed with %v", got)
	}
	if got, err := io.ReadAll(peer); len(got) > 0 || err != nil && !isReset(err) {
		t.Errorf("the peer reads %q, %v", got, err)
	}
}

// Who goes on sending after Close is listened to no longer than it takes.
func TestPeerThatNeverStops(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{Linger: time.Hour}, h))
	c := <-h.opened
	if err := c.Send(transport.Message{Data: []byte("stop")}); err != nil {
		t.Fatal(err)
	}
	c.Close(transport.CodeRefused, "")
	var wg sync.WaitGroup
	wg.Go(func() {
		for junk := make([]byte, 1<<16); ; {
			if _, err := peer.Write(junk); err != nil {
				return
			}
		}
	})
	closedFor(t, h.closed)
	wg.Wait()
}

func TestManyConnectsAreRefused(t *testing.T) {
	const n = 1000
	h := &refuser{newCollect(n)}
	l := serve(t, Config{}, h)
	for range n {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	for range n {
		<-h.closed
	}
}

type refuser struct{ *collect }

func (h *refuser) Opened(c transport.Conn) { c.Close(transport.CodeRefused, "full") }

// faulty is a listener whose Accept fails a few times.
type faulty struct {
	net.Listener
	errs []error
}

func (l *faulty) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.Listener.Accept()
}

func TestAcceptGoesOnAfterErrors(t *testing.T) {
	base, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	l, err := NewListener(&faulty{base, []error{syscall.EMFILE, syscall.ENFILE, syscall.EMFILE}},
		Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	h := newCollect(1)
	done := make(chan error, 1)
	go func() { done <- l.Serve(context.Background(), h) }()
	_ = dialRaw(t, l).Close()
	<-h.closed
	_ = l.Close()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if got := log.String(); strings.Count(got, "level=ERROR") != 1 || strings.Count(got, "level=INFO") != 1 || strings.Count(got, "\n") != 2 {
		t.Errorf("logged:\n%s", got)
	}
}

// strange is a listener that does not say net.ErrClosed when it is closed.
type strange struct {
	net.Listener
	accepts atomic.Int64
}

func (l *strange) Accept() (net.Conn, error) {
	l.accepts.Add(1)
	if _, err := l.Listener.Accept(); err != nil {
		return nil, io.EOF
	}
	return nil, errors.New("nothing is let in")
}

// Serve ends with its listener, whatever that calls it, also in a pause.
func TestServeEndsWithStrangeErrors(t *testing.T) {
	for _, stop := range []string{"Close", "ctx"} {
		base, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln := &strange{Listener: base}
		l, err := NewListener(ln, Config{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- l.Serve(ctx, newCollect(1)) }()
		for range 2 {
			_ = dialRaw(t, l)
		}
		for ln.accepts.Load() < 3 {
			runtime.Gosched()
		}
		if stop == "ctx" {
			cancel()
		} else {
			_ = l.Close()
		}
		for accepts := ln.accepts.Load(); len(done) == 0 && ln.accepts.Load() < accepts+5; {
			runtime.Gosched()
		}
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: Serve: %v", stop, err)
			}
		default:
			t.Errorf("%s: Serve goes on", stop)
		}
		cancel()
	}
}

// A stream that is cut where a message has not ended is not ended as if all
// had been said.
func TestNoLingerResetsWhatIsQueued(t *testing.T) {
	for name, wrap := range map[string]func(net.Listener) net.Listener{
		"own":     func(ln net.Listener) net.Listener { return ln },
		"foreign": func(ln net.Listener) net.Listener { return struct{ net.Listener }{ln} },
	} {
		base, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := NewListener(wrap(base), Config{Linger: -1})
		if err != nil {
			t.Fatal(err)
		}
		h := newCollect(1)
		done := make(chan error, 1)
		go func() { done <- l.Serve(context.Background(), h) }()
		peer := dialRaw(t, l)
		c := <-h.opened
		for c.Send(transport.Message{Data: make([]byte, 1000)}) == nil {
			c.Flush()
		}
		c.Close(transport.CodeTimeout, "too slow")
		closedFor(t, h.closed)
		if _, err := io.Copy(io.Discard, peer); !isReset(err) {
			t.Errorf("%s: the peer reads until %v, want a reset", name, err)
		}
		_ = l.Close()
		<-done
	}
}

func TestSilentPeersDoNotKeepOthersOutOfTLS(t *testing.T) {
	pair, pool := transporttest.Certificate(t, t.Name())
	h := newCollect(10)
	l := serve(t, Config{
		TLS:              &tls.Config{Certificates: []tls.Certificate{pair}},
		MaxHandshakes:    3,
		HandshakeTimeout: time.Hour,
	}, h)
	var silent []*net.TCPConn
	for range 10 {
		silent = append(silent, dialRaw(t, l))
	}
	c, err := Dial(context.Background(), l.Addr().String(), Config{TLS: &tls.Config{RootCAs: pool}}, newCollect(1))
	if err != nil {
		t.Fatal(err)
	}
	<-h.opened
	c.Close(transport.CodeNormal, "")
	<-h.closed
	// The oldest have been cut for the newer ones.
	for _, s := range silent[:7] {
		if _, err := s.Read(make([]byte, 1)); err == nil {
			t.Error("a silent peer reads something")
		}
	}
	if got := l.Stats(); got.Failed["crowded"] != 8 || got.Handshakes != 2 {
		t.Errorf("of ten silent peers and one that was let in: %v", got)
	}
	if len(h.opened) > 0 {
		t.Error("a silent peer was let in")
	}
}

func TestHandshakeTimeout(t *testing.T) {
	pair, _ := transporttest.Certificate(t, t.Name())
	h := newCollect(1)
	l := serve(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}, HandshakeTimeout: 20 * time.Millisecond}, h)
	if n, err := dialRaw(t, l).Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("a silent peer reads %d bytes, %v", n, err)
	}
}

func TestGarbageInsteadOfTLS(t *testing.T) {
	pair, pool := transporttest.Certificate(t, t.Name())
	h := newCollect(2)
	l := serve(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}}, h)
	peer := dialRaw(t, l)
	if _, err := peer.Write(bytes.Repeat([]byte("garbage "), 100)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, peer) // until it is closed
	if len(h.opened) > 0 {
		t.Error("Opened was called without a handshake")
	}

	// Garbage after the handshake.
	wire := dialRaw(t, l)
	secure := tls.Client(wire, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	<-h.opened
	if _, err := wire.Write(bytes.Repeat([]byte("garbage "), 100)); err != nil {
		t.Fatal(err)
	}
	if got := closedFor(t, h.closed); got.Remote || got.Code != transport.CodeProtocol || got.Err == nil {
		t.Errorf("Closed with %v", got)
	}
}

// checker compares what is received with a list.
type checker struct {
	t    *testing.T
	want [][]byte
}

func (h *checker) Opened(transport.Conn)        {}
func (h *checker) Closed(transport.Conn, error) {}
func (h *checker) Received(_ transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		if len(h.want) == 0 || !bytes.Equal(m, h.want[0]) {
			h.t.Fatalf("received %d bytes that were not sent", len(m))
		}
		h.want = h.want[1:]
		clear(m)
	}
}

// split is a slow and simple reader of messages behind lengths.
func split(stream []byte, size, longest int) (msgs [][]byte, refused bool) {
	for len(stream) >= size {
		announced := uint32(binary.LittleEndian.Uint16(stream))
		if size == 4 {
			announced = binary.LittleEndian.Uint32(stream)
		}
		if announced > uint32(longest) {
			return msgs, true
		}
		n := int(announced)
		if len(stream)-size < n {
			break
		}
		msgs = append(msgs, bytes.Clone(stream[size:size+n]))
		stream = stream[size+n:]
	}
	return msgs, false
}

// FuzzStream cuts a stream into pieces as a network might, and compares the
// messages with those of split. What is kept of an unfinished message stays in
// proportion to what has arrived of it.
func FuzzStream(f *testing.F) {
	f.Add([]byte{1, 0, 'x', 0, 0, 3, 0, 'y'}, []byte{1, 2}, false)
	f.Add([]byte{1, 0, 0, 0, 'x', 0xff, 0xff, 0xff, 0xff}, []byte{200}, true)
	f.Add(append([]byte{0x88, 0x13}, make([]byte, 6000)...), []byte{255, 3, 77}, false)
	f.Add(append([]byte{0x70, 0x17, 0, 0}, make([]byte, 7000)...), []byte{9}, true)
	f.Fuzz(func(t *testing.T, stream, cuts []byte, wide bool) {
		cfg := Config{MaxMessage: 20_000, Linger: -1}
		if wide {
			cfg.Framing = Prefix32
		}
		cfg, err := cfg.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		wire, other := net.Pipe()
		defer func() { _ = other.Close() }()
		c := newConn(&cfg, wire, nil, proxy.OriginOf(wire))
		h := &checker{t: t}
		var refused bool
		h.want, refused = split(stream, cfg.Framing.size(), cfg.MaxMessage)
		for i := 0; len(stream) > 0 && !c.isClosing(); i++ {
			n := len(stream)
			if len(cuts) > 0 {
				n = min(n, 1+int(cuts[i%len(cuts)])*8)
			}
			if c.in.buf == nil {
				c.in.buf = bufpool.Get(bufpool.Large)
			}
			b := c.in.buf.B
			n = copy(b[len(b):cap(b)], stream[:n])
			c.in.buf.B = b[:len(b)+n]
			stream = stream[n:]
			c.deliver(h, maxBatch)
			if buf := c.in.buf; buf != nil && (len(buf.B) == 0 || len(buf.B) == cap(buf.B) || cap(buf.B) > max(bufpool.Small, 8*(len(buf.B)+1))) {
				t.Fatalf("%d bytes are kept in a buffer of %d", len(buf.B), cap(buf.B))
			}
		}
		if len(h.want) > 0 {
			t.Fatalf("%d messages were not received", len(h.want))
		}
		if c.isClosing() != refused {
			t.Fatalf("refused: %v, want %v", c.isClosing(), refused)
		}
		c.release()
		c.Close(transport.CodeNormal, "")
	})
}

// A long message announced and never sent costs what was sent of it, over a
// socket too.
func TestAnnouncedAndNotSent(t *testing.T) {
	r := newRecorder()
	peer := dialRaw(t, serve(t, Config{Framing: Prefix32, MaxMessage: 1 << 30}, r))
	_, _ = peer.Write([]byte{1, 0, 0, 0, 'x', 0, 0, 0, 0x40, 'y', 'z'})
	r.wait(1)
	_ = peer.Close()
	if got := closedFor(t, r.closed); !got.Remote || !errors.Is(got.Err, io.ErrUnexpectedEOF) {
		t.Errorf("Closed with %v", got)
	}
	if c := (<-r.opened).(*Conn); c.in.buf != nil {
		t.Error("a buffer is kept after Closed")
	}
}

func TestNoPrefix(t *testing.T) {
	r := newRecorder()
	peer := dialRaw(t, serve(t, Config{Framing: NoPrefix, MaxMessage: 10}, r))
	c := <-r.opened
	for _, m := range []string{"ab", "", "cde"} {
		if err := c.Send(transport.Message{Data: []byte(m)}); err != nil {
			t.Fatal(err)
		}
	}
	c.Flush()
	buf := make([]byte, 5)
	if _, err := io.ReadFull(peer, buf); err != nil || string(buf) != "abcde" {
		t.Errorf("the peer reads %q, %v", buf, err)
	}
	stream := strings.Repeat("0123456789", 30)
	_, _ = io.WriteString(peer, stream)
	_ = peer.CloseWrite()
	closedFor(t, r.closed)
	got := r.wait(30)
	if string(slices.Concat(got...)) != stream {
		t.Errorf("received %q", got)
	}
	for _, m := range got {
		if len(m) == 0 || len(m) > 10 {
			t.Errorf("a message of %d bytes", len(m))
		}
	}
}
