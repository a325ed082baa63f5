package tcp

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/culm-net/culm/transport"
)

// stopper is a recorder that reads nothing more from when it gets "stop" on
// until goOn is called.
type stopper struct {
	*recorder
	stopped, resume chan struct{}
}

func newStopper() *stopper {
	return &stopper{newRecorder(), make(chan struct{}), make(chan struct{})}
}

func (s *stopper) Received(c transport.Conn, msgs [][]byte) {
	if string(msgs[0]) == "stop" {
		s.stopped <- struct{}{}
		<-s.resume
		return
	}
	s.recorder.Received(c, msgs)
}

// stop returns when nothing is read any more, and when what was written before
// is over in all respects: the system may report something twice that was
// written while it was read, until other things have happened.
func (s *stopper) stop(peers [2]*net.TCPConn) {
	const times = 5
	for i := range 2 * times {
		_, _ = peers[i%2].Write([]byte("\x04\x00stop"))
		<-s.stopped
		if i < 2*times-1 {
			s.goOn()
		}
	}
}

func (s *stopper) goOn() { s.resume <- struct{}{} }

// While nothing is read, peers write, some come and write, and others write.
// All of it is delivered in this order.
func TestInOrder(t *testing.T) {
	const peers, come, rounds = 40, 5, 10
	r := newStopper()
	l := serve(t, Config{InOrder: true, Pace: -1}, r)
	rnd := rand.New(rand.NewPCG(1, 2))
	stoppers := [2]*net.TCPConn{dialRaw(t, l), dialRaw(t, l)}
	var all []*net.TCPConn
	var want []byte
	write := func(c *net.TCPConn) {
		want = append(want, byte(len(want)))
		if _, err := c.Write([]byte{1, 0, want[len(want)-1]}); err != nil {
			t.Fatal(err)
		}
	}
	for range peers {
		all = append(all, dialRaw(t, l))
	}
	for range rounds {
		r.stop(stoppers)
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		n := len(all)
		for _, c := range all[:n/2] {
			write(c)
		}
		for range come {
			all = append(all, dialRaw(t, l))
			write(all[len(all)-1])
		}
		for _, c := range all[n/2 : n] {
			write(c)
		}
		r.goOn()
		r.wait(len(want))
	}
	if got := bytes.Join(r.wait(len(want)), nil); !bytes.Equal(got, want) {
		t.Errorf("delivered: %d\nwritten:   %d", got, want)
	}
	leave(r.recorder, append(all, stoppers[:]...))
}

func leave(r *recorder, peers []*net.TCPConn) {
	for _, c := range peers {
		_ = c.Close()
	}
	for range peers {
		<-r.closed
	}
}

// A peer has sent more than a read takes before another one sends: all of it
// is delivered before.
func TestInOrderReadsOn(t *testing.T) {
	const size, count = 50_000, 3
	r := newStopper()
	l := serve(t, Config{InOrder: true, Pace: -1}, r)
	long := dialRaw(t, l)
	fd := (<-r.opened).(*Conn).polled.fd
	short := dialRaw(t, l)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4*size*count); err != nil {
		t.Fatal(err)
	}
	stoppers := [2]*net.TCPConn{dialRaw(t, l), dialRaw(t, l)}
	r.stop(stoppers)
	frame := make([]byte, 2+size)
	frame[0], frame[1] = size&0xff, size>>8
	for range count {
		if _, err := long.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	for unsent(t, long) > 0 {
		runtime.Gosched()
	}
	_, _ = short.Write([]byte{1, 0, 's'})
	r.goOn()
	for i, m := range r.wait(count + 1) {
		if last := i == count; last != (len(m) == 1) {
			t.Fatalf("message %d has %d bytes", i, len(m))
		}
	}
	leave(r.recorder, append(stoppers[:], long, short))
}

// unsent is how many bytes the peer's system has not got yet, as far as known.
func unsent(t *testing.T, c *net.TCPConn) int {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int32
	_ = raw.Control(func(fd uintptr) {
		_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&n)))
	})
	return int(n)
}

// Two come in while nothing is read. It is not known what the first has sent
// before the second came: both have begun before either goes on.
func TestInOrderFirstMessages(t *testing.T) {
	r := newStopper()
	l := serve(t, Config{InOrder: true, Pace: -1}, r)
	old := dialRaw(t, l)
	stoppers := [2]*net.TCPConn{dialRaw(t, l), dialRaw(t, l)}
	r.stop(stoppers)
	first, second := dialRaw(t, l), dialRaw(t, l)
	_, _ = first.Write([]byte("\x01\x00a\x01\x00b\x01\x00c"))
	_, _ = second.Write([]byte("\x01\x00d\x01\x00e"))
	_ = second.CloseWrite()
	_, _ = old.Write([]byte("\x01\x00f"))
	r.goOn()
	if got := string(bytes.Join(r.wait(6), nil)); got != "adbcef" {
		t.Errorf("delivered: %s", got)
	}
	leave(r.recorder, append(stoppers[:], old, first, second))
}

// lines gets a log's lines.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// When no descriptor is left, who wants in waits until there is one.
func TestInOrderWithoutDescriptors(t *testing.T) {
	h := newCollect(2)
	log := make(lines, 100)
	l := serve(t, Config{InOrder: true, Log: slog.New(slog.NewTextHandler(log, nil))}, h)
	_ = dialRaw(t, l).Close()
	<-h.closed
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := syscall.Rlimit{Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	failed := ""
	if err == nil {
		failed = <-log
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(failed, "level=ERROR") {
		t.Errorf("logged: %s", failed)
	}
	if again := <-log; !strings.Contains(again, "level=INFO") {
		t.Errorf("logged: %s", again)
	}
	_ = syscall.Close(fd)
	<-h.closed
}
