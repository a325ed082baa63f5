package tcp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/proxy"
)

// DialPolled dials as Dial does without TLS, but for a poller that reads the
// connection. It ends with it.
func DialPolled(addr string, cfg Config, h transport.Handler) (transport.Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	wire, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := new(pollers).open(&cfg, wire.(*net.TCPConn), proxy.OriginOf(wire), h)
	if c == nil {
		_ = wire.Close()
		return nil, errors.New("no poller")
	}
	return c, nil
}

func TestAcceptedConnectionsArePolled(t *testing.T) {
	h := newCollect(1)
	_ = dialRaw(t, serve(t, Config{}, h)).Close()
	if c := (<-h.opened).(*Conn); c.polled == nil {
		t.Error("a connection has a goroutine of its own")
	}
	<-h.closed
}

// Where there is no poller to be had, wire stays what it was.
func TestOpenFails(t *testing.T) {
	var ps pollers
	wire := dialRaw(t, serve(t, Config{}, &refuser{newCollect(1)}))
	_ = wire.Close()
	if ps.open(&Config{}, wire, proxy.OriginOf(wire), newCollect(1)) != nil || ps.list != nil {
		t.Error("a closed socket is read")
	}
}

// A peer that stalls and then reads again gets everything, without a Flush.
func TestStalledPeerResumes(t *testing.T) {
	h := newCollect(1)
	peer := dialRaw(t, serve(t, Config{}, h))
	c := (<-h.opened).(*Conn)
	buf := make([]byte, 1<<20)
	for round := range byte(3) {
		m := transport.Message{Data: bytes.Repeat([]byte{round}, 5000), Shared: true}
		n := 0
		for ; c.Send(m) == nil; n++ {
			c.Flush()
		}
		if c.Budget() != 0 {
			t.Fatal("it is not stalled")
		}
		for range n {
			if _, err := io.ReadFull(peer, buf[:5002]); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(buf[2:5002], m.Data) {
				t.Fatal("the peer reads what was not sent")
			}
		}
		// The poller may have given the last bytes away and not noted it yet.
		for c.Stats().Queued > 0 {
			runtime.Gosched()
		}
		if c.Budget() == 0 {
			t.Error("Budget is 0 though nothing waits")
		}
	}
	_ = peer.Close()
	<-h.closed
}

// Rounds of reading are a pace apart as soon as they follow each other.
func TestPace(t *testing.T) {
	const pace, rounds = 20 * time.Millisecond, 8
	r := newRecorder()
	peer := dialRaw(t, serve(t, Config{Pace: pace}, r))
	var began time.Time
	for i := range rounds {
		_, _ = peer.Write([]byte{1, 0, 'x'})
		r.wait(i + 1)
		if i == 1 { // two in a row
			began = time.Now()
		}
	}
	// The test may have been late to note that it began, and then the poller
	// needs two rounds more to see that it is busy.
	if d := time.Since(began); d < (rounds-4)*pace {
		t.Errorf("%d rounds at a pace of %v took %v", rounds, pace, d)
	}
	_ = peer.Close()
	<-r.closed
}

// A peer that sends without a pause does not keep others from being heard.
func TestOthersAreHeard(t *testing.T) {
	h := &loud{collect: newCollect(2), heard: make(chan struct{})}
	l := serve(t, Config{}, h)
	noisy, quiet := dialRaw(t, l), dialRaw(t, l)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for junk := bytes.Repeat([]byte{1, 0, 'x'}, 1<<16); ; {
			if _, err := noisy.Write(junk); err != nil {
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 20 {
		if _, err := quiet.Write([]byte{1, 0, 'q'}); err != nil {
			t.Fatal(err)
		}
		<-h.heard
	}
	close(stop)
	wg.Wait()
	_, _ = noisy.Close(), quiet.Close()
	<-h.closed
	<-h.closed
}

type loud struct {
	*collect
	heard chan struct{}
}

func (h *loud) Received(_ transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		if m[0] == 'q' {
			h.heard <- struct{}{}
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// Connections come and go in all ways while many goroutines send to them.
// Descriptors are used again at once, and nobody gets what is for another.
func TestDescriptorsAreUsedAgain(t *testing.T) {
	for _, linger := range []time.Duration{-1, 0} {
		before := openFiles(t)
		h := &crowd{collect: newCollect(4000), names: make(map[transport.Conn]uint32)}
		l := serve(t, Config{Linger: linger, Pace: -1}, h)
		stop := make(chan struct{})
		var senders, peers sync.WaitGroup
		for range 3 {
			senders.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						h.send(l)
					}
				}
			})
		}
		const workers, each = 8, 60
		for w := range uint32(workers) {
			peers.Go(func() {
				for i := range uint32(each) {
					visit(t, l, w*each+i)
				}
			})
		}
		peers.Wait()
		for range workers * each {
			<-h.closed
		}
		close(stop)
		senders.Wait()
		_ = l.Close()
		for openFiles(t) > before {
			runtime.Gosched()
		}
	}
}

// visit says a name, and reads it back until it has heard it often enough or
// is thrown out.
func visit(t *testing.T, l *Listener, name uint32) {
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = c.Close() }()
	frame := binary.LittleEndian.AppendUint32([]byte{4, 0}, name)
	if _, err := c.Write(frame); err != nil {
		t.Error(err)
		return
	}
	got := make([]byte, len(frame))
	for range 20 {
		if _, err := io.ReadFull(c, got); err != nil {
			return
		}
		if !bytes.Equal(got, frame) {
			t.Errorf("peer %d reads %x", name, got)
			return
		}
	}
	switch name % 4 {
	case 0:
		_ = c.(*net.TCPConn).SetLinger(0) // a reset
	case 1:
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	}
}

// crowd sends everybody's name back, and throws some out.
type crowd struct {
	*collect
	mu    sync.Mutex
	names map[transport.Conn]uint32
}

func (h *crowd) Opened(transport.Conn) {}

func (h *crowd) Received(c transport.Conn, msgs [][]byte) {
	h.mu.Lock()
	h.names[c] = binary.LittleEndian.Uint32(msgs[0])
	h.mu.Unlock()
}

// Closed forgets c only later, so that closed connections are sent to too.
func (h *crowd) Closed(_ transport.Conn, err error) { h.closed <- err }

func (h *crowd) send(l *Listener) {
	var all []transport.Conn
	h.mu.Lock()
	for c, name := range h.names {
		data := binary.LittleEndian.AppendUint32(nil, name)
		for range 3 {
			if errors.Is(c.Send(transport.Message{Data: data}), transport.ErrClosed) {
				delete(h.names, c)
			}
		}
		if name%3 == 0 && c.Stats().MessagesSent > 10 {
			c.Close(transport.CodeNormal, "out")
		}
		all = append(all, c)
	}
	h.mu.Unlock()
	l.Flush(all)
	runtime.Gosched()
}
