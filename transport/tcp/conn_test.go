package tcp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/culm-net/culm/transport"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder keeps what arrives, for tests to wait for.
type recorder struct {
	collect
	mu      sync.Mutex
	arrived sync.Cond
	msgs    [][]byte
	batches int
}

func newRecorder() *recorder {
	r := &recorder{collect: *newCollect(1000)}
	r.arrived.L = &r.mu
	return r
}

func (r *recorder) Received(c transport.Conn, msgs [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range msgs {
		r.msgs = append(r.msgs, bytes.Clone(m))
	}
	r.batches++
	r.arrived.Broadcast()
}

func (r *recorder) wait(n int) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.msgs) < n {
		r.arrived.Wait()
	}
	return r.msgs
}

// serve starts a listener that stops with the test.
func serve(t *testing.T, cfg Config, h transport.Handler) *Listener {
	t.Helper()
	l, err := Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, l, h)
	return l
}

// run serves l until the test ends.
func run(t *testing.T, l *Listener, h transport.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, h) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// dialRaw is a peer that writes bytes of its own.
func dialRaw(t *testing.T, l *Listener) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

func TestStreamIsCutIntoMessages(t *testing.T) {
	long := bytes.Repeat([]byte("l"), 60_000)
	want := [][]byte{[]byte("one"), {}, long, []byte("two"), long, long}
	for _, framing := range []Framing{Prefix16, Prefix32} {
		var stream []byte
		for _, m := range want {
			switch framing {
			case Prefix16:
				stream = binary.LittleEndian.AppendUint16(stream, uint16(len(m)))
			case Prefix32:
				stream = binary.LittleEndian.AppendUint32(stream, uint32(len(m)))
			}
			stream = append(stream, m...)
		}
		for _, step := range []int{1, 7, 511, 4096, len(stream)} {
			r := newRecorder()
			peer := dialRaw(t, serve(t, Config{Framing: framing}, r))
			for rest := stream; len(rest) > 0; {
				n := min(step, len(rest))
				if _, err := peer.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			got := r.wait(len(want))
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Errorf("%v, steps of %d: message %d has %d bytes, want %d", framing, step, i, len(got[i]), len(want[i]))
				}
			}
			_ = peer.Close()
			err := <-r.closed
			var ce *transport.CloseError
			if !errors.As(err, &ce) || !ce.Remote || ce.Code != transport.CodeUnknown || ce.Err != nil {
				t.Errorf("Closed with %v", err)
			}
		}
	}
}

func TestMessagesOfOneWriteArriveTogether(t *testing.T) {
	r := newRecorder()
	peer := dialRaw(t, serve(t, Config{}, r))
	_, _ = peer.Write(bytes.Repeat([]byte{1, 0, 'x'}, 100))
	r.wait(100)
	if r.batches != 1 {
		t.Errorf("100 messages of one write came in %d calls", r.batches)
	}
	_ = peer.Close()
	<-r.closed
}

func TestTooLongIsRefusedAtItsAnnouncement(t *testing.T) {
	r := newRecorder()
	peer := dialRaw(t, serve(t, Config{Framing: Prefix32, MaxMessage: 100}, r))
	_, _ = peer.Write([]byte{1, 0, 0, 0, 'x', 0xff, 0xff, 0xff, 0xff})
	if got, err := io.ReadAll(peer); len(got) > 0 || err != nil && !isReset(err) {
		t.Errorf("the peer reads %x, %v", got, err)
	}
	_ = peer.Close()
	err := <-r.closed
	var ce *transport.CloseError
	if !errors.As(err, &ce) || ce.Remote || ce.Code != transport.CodeProtocol {
		t.Errorf("Closed with %v", err)
	}
	if got := r.wait(1); len(got) != 1 || string(got[0]) != "x" {
		t.Errorf("received %q before it", got)
	}
}

func TestCloseSendsWhatIsQueued(t *testing.T) {
	for _, size := range []int{10, 60_000} {
		h := newCollect(1)
		peer := dialRaw(t, serve(t, Config{SendQueue: 1 << 22}, h))
		c := <-h.opened
		sent := 0
		for sent < 3<<20 && c.Send(transport.Message{Data: make([]byte, size)}) == nil {
			sent += size + 2
		}
		c.Close(transport.CodeNormal, "enough")
		got, err := io.Copy(io.Discard, peer)
		if err != nil || int(got) != sent {
			t.Errorf("the peer reads %d bytes of %d, %v", got, sent, err)
		}
		_ = peer.Close()
		if err := <-h.closed; err.Error() != "closed by this side (normal): enough" {
			t.Errorf("Closed with %v", err)
		}
	}
}

func TestResetIsReportedOnce(t *testing.T) {
	r := newRecorder()
	peer := dialRaw(t, serve(t, Config{}, r))
	_, _ = peer.Write([]byte{1, 0, 'x', 9, 0, 'y'})
	r.wait(1)
	_ = peer.SetLinger(0)
	_ = peer.Close()
	err := <-r.closed
	var ce *transport.CloseError
	if !errors.As(err, &ce) || !ce.Remote || ce.Code != transport.CodeUnknown || !isReset(ce.Err) {
		t.Errorf("Closed with %v", err)
	}
	c := <-r.opened
	if err := c.Send(transport.Message{}); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Send: %v", err)
	}
	if len(r.closed) > 0 {
		t.Error("Closed was called again")
	}
}

func TestResetDropsWhatIsQueued(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, h transport.Handler) (peer *net.TCPConn){
		"accepted": func(t *testing.T, h transport.Handler) *net.TCPConn {
			return dialRaw(t, serve(t, Config{SendQueue: 1 << 22}, h))
		},
		"dialed": func(t *testing.T, h transport.Handler) *net.TCPConn {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ln.Close() })
			if _, err := Dial(t.Context(), ln.Addr().String(), Config{SendQueue: 1 << 22}, h); err != nil {
				t.Fatal(err)
			}
			peer, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = peer.Close() })
			return peer.(*net.TCPConn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newCollect(1)
			peer := open(t, h)
			c := (<-h.opened).(*Conn)
			for range 3 {
				if err := c.Send(transport.Message{Data: make([]byte, 60_000)}); err != nil {
					t.Fatal(err)
				}
			}
			c.Reset(transport.CodeProtocol, "enough")
			c.Reset(transport.CodeNormal, "a second time")
			c.Close(transport.CodeNormal, "a third time")
			if got, err := io.ReadAll(peer); len(got) > 0 || err == nil || !isReset(err) {
				t.Errorf("the peer reads %d bytes and then %v, want a reset", len(got), err)
			}
			if err := <-h.closed; err.Error() != "closed by this side (protocol): enough" {
				t.Errorf("Closed with %v", err)
			}
			if err := c.Send(transport.Message{}); !errors.Is(err, transport.ErrClosed) {
				t.Errorf("Send: %v", err)
			}
		})
	}
}
