package tcp

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/culm-net/culm/transport"
)

// A descriptor is closed when the last call that uses it is over, and not used
// after that.
func TestDescriptorOutlivesItsUses(t *testing.T) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(pair[1]) }()
	// What the peer reads tells whether this side is open, whoever else opens
	// files meanwhile.
	if err := syscall.SetNonblock(pair[1], true); err != nil {
		t.Fatal(err)
	}
	isOpen := func() bool {
		_, err := syscall.Read(pair[1], make([]byte, 1))
		return errors.Is(err, syscall.EAGAIN)
	}
	s := &polled{fd: pair[0], poller: new(poller)}
	err = s.Control(func(uintptr) {
		_ = s.Control(func(uintptr) { _ = s.Close() })
		if !isOpen() {
			t.Error("closed while it is in use")
		}
		if err := s.Control(func(uintptr) { t.Error("used after Close") }); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Control after Close: %v", err)
		}
	})
	if err != nil {
		t.Errorf("Control: %v", err)
	}
	if isOpen() {
		t.Error("still open after the last use")
	}
	if err := s.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second Close: %v", err)
	}
}

// The socket may take more again before the writer has told the poller that it
// gives up: that moment is not missed.
func TestEdgeBeforeParking(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{SendQueue: 8 << 20}, h))
	c := (<-h.opened).(*Conn)
	for c.Send(transport.Message{Data: make([]byte, 60_000), Shared: true}) == nil {
	}
	drained := make(chan error, 1)
	a := attempts.New().(*attempt)
	a.once = func(fd uintptr) bool {
		ok := a.writeOnce(fd)
		if a.n < a.want {
			a.once = a.writeOnce
			edges := c.polled.edges.Load()
			go func() {
				_, err := io.Copy(io.Discard, peer)
				drained <- err
			}()
			for c.polled.edges.Load() == edges {
				runtime.Gosched()
			}
		}
		return ok
	}
	a.bufs = c.box.Take(a.bufs)
	c.polled.write(a)
	for c.Stats().Queued > 0 {
		runtime.Gosched()
	}
	c.Close(transport.CodeNormal, "")
	if err := <-drained; err != nil {
		t.Error(err)
	}
	_ = peer.Close()
	<-h.closed
}

// A peer may have gone before its connection is open, and is heard and missed
// all the same.
func TestHitAndRun(t *testing.T) {
	const workers, each = 4, 1000
	r := newRecorder()
	r.opened, r.closed = make(chan transport.Conn, workers*each), make(chan error, workers*each)
	l := serve(t, Config{Pace: -1}, r)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := c.Write([]byte{1, 0, 'x'}); err != nil {
					t.Error(err)
				}
				_ = c.Close()
			}
		})
	}
	wg.Wait()
	r.wait(workers * each)
	for range workers * each {
		<-r.closed
	}
}

// The connection may end while a writer has so much to write that it leaves
// the rest to the poller, who has let go of the connection by then.
func TestEndBeforeParking(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{Linger: -1}, h))
	c := (<-h.opened).(*Conn)
	send := func() { _ = c.Send(transport.Message{Data: []byte("x")}) }
	send()
	a := attempts.New().(*attempt)
	rounds := 0
	a.once = func(fd uintptr) bool {
		ok := a.writeOnce(fd)
		send() // there is always more
		if rounds++; rounds == maxRounds {
			_ = peer.Close()
			c.Close(transport.CodeNormal, "")
			<-h.closed
		}
		return ok
	}
	a.bufs = c.box.Take(a.bufs)
	c.polled.write(a)
	if n := c.box.Counters(); n.Queued > 0 || n.Pinned > 0 {
		t.Errorf("after the end: %+v", n)
	}
}
