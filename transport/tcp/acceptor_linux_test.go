//go:build !386

package tcp

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/culm-net/culm/transport"
)

func listen(t *testing.T, addr string) *Listener {
	t.Helper()
	l, err := Listen(addr, Config{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestPollersAccept(t *testing.T) {
	h := newCollect(1)
	l := serve(t, Config{}, h)
	peer := dialRaw(t, l)
	<-h.opened
	if l.acceptor.Load() == nil {
		t.Error("package net accepts")
	}
	_ = peer.Close()
	<-h.closed
}

// Where there is no poller to be had, package net goes on to accept.
func TestAcceptFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	var ps pollers
	if ps.accept(&Listener{cfg: &Config{}}, ln.(*net.TCPListener), newCollect(1)) != nil || ps.list != nil {
		t.Error("a closed socket is listened to")
	}
}

// Both ends agree on their addresses, whatever the listener is bound to.
func TestAddresses(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "0.0.0.0:0", ":0"} {
		h := newCollect(1)
		l := listen(t, addr)
		run(t, l, h)
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		peer, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			t.Fatal(err)
		}
		c := (<-h.opened).(*Conn)
		if got := c.Identity().Addr.String(); got != peer.LocalAddr().String() {
			t.Errorf("%s: the peer %v is known as %v", addr, peer.LocalAddr(), got)
		}
		if got := c.LocalAddr().String(); got != peer.RemoteAddr().String() {
			t.Errorf("%s: the peer dialed %v, here it is %v", addr, peer.RemoteAddr(), got)
		}
		_ = peer.Close()
		<-h.closed
	}
}

func TestAddrPort(t *testing.T) {
	const port = 0x1234
	bigEndian := *(*uint16)(unsafe.Pointer(&[2]byte{port >> 8, port & 0xff}))
	for want, sa := range map[string]any{
		"192.0.2.1:4660":          &syscall.RawSockaddrInet4{Family: syscall.AF_INET, Port: bigEndian, Addr: [4]byte{192, 0, 2, 1}},
		"[2001:db8::1]:4660":      &syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Port: bigEndian, Addr: netip.MustParseAddr("2001:db8::1").As16()},
		"[::ffff:192.0.2.1]:4660": &syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Port: bigEndian, Addr: netip.MustParseAddr("::ffff:192.0.2.1").As16()},
		"[fe80::1%7]:4660":        &syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Port: bigEndian, Addr: netip.MustParseAddr("fe80::1").As16(), Scope_id: 7},
		"invalid AddrPort":        &syscall.RawSockaddrUnix{Family: syscall.AF_UNIX},
	} {
		var any syscall.RawSockaddrAny
		switch sa := sa.(type) {
		case *syscall.RawSockaddrInet4:
			*(*syscall.RawSockaddrInet4)(unsafe.Pointer(&any)) = *sa
		case *syscall.RawSockaddrInet6:
			*(*syscall.RawSockaddrInet6)(unsafe.Pointer(&any)) = *sa
		case *syscall.RawSockaddrUnix:
			any.Addr.Family = sa.Family
		}
		if got := addrPort(&any).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// More come at once than are accepted in one turn.
func TestRushOfPeers(t *testing.T) {
	const n = 4 * maxAccepts
	h := newCollect(n)
	l := listen(t, "127.0.0.1:0")
	for range n { // all of them wait when accepting begins
		_ = dialRaw(t, l).Close()
	}
	run(t, l, h)
	for range n {
		<-h.opened
		<-h.closed
	}
}

// What a peer sends as soon as it is connected is heard before what others send
// later, also when the poller learns of both at once.
func TestNewPeersAreHeardInTheirTurn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // one poller
	h := &slow{collect: newCollect(2), heard: make(chan string), goOn: make(chan struct{})}
	l := serve(t, Config{Pace: -1}, h)
	old := dialRaw(t, l)
	_, _ = old.Write([]byte{5, 0, 'f', 'i', 'r', 's', 't'})
	<-h.heard // and the poller waits
	fresh := dialRaw(t, l)
	_, _ = fresh.Write([]byte{6, 0, 's', 'e', 'c', 'o', 'n', 'd'})
	_, _ = old.Write([]byte{5, 0, 't', 'h', 'i', 'r', 'd'})
	h.goOn <- struct{}{}
	for _, want := range []string{"second", "third"} {
		if got := <-h.heard; got != want {
			t.Errorf("%s is heard, want %s", got, want)
		}
		h.goOn <- struct{}{}
	}
	_, _ = old.Close(), fresh.Close()
	<-h.closed
	<-h.closed
}

// slow tells of each message and waits.
type slow struct {
	*collect
	heard chan string
	goOn  chan struct{}
}

func (h *slow) Received(_ transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		h.heard <- string(m)
		<-h.goOn
	}
}

// Close frees the address, and nobody is let in after it.
func TestCloseFreesTheAddress(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	addr := l.Addr().String()
	for range 20 {
		h := newCollect(1)
		served := make(chan error, 1)
		go func() { served <- l.Serve(context.Background(), h) }()
		peer := dialRaw(t, l)
		<-h.opened
		_ = peer.Close()
		<-h.closed
		for range 2 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := net.Dial("tcp", addr); err == nil {
			t.Fatal("connected after Close to", c.RemoteAddr())
		}
		l = listen(t, addr) // at once
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	_ = l.Close()
}

// Without file descriptors left, accepting is tried again and again, and said
// once.
func TestAcceptWaitsForDescriptors(t *testing.T) {
	log := &lines{written: make(chan string, 16)}
	h := newCollect(2)
	l := serve(t, Config{Log: slog.New(slog.NewTextHandler(log, nil))}, h)
	first := dialRaw(t, l) // there is a poller now
	<-h.opened
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}})
	failed := <-log.written
	if rerr := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); rerr != nil || err != nil {
		t.Fatal(rerr, err)
	}
	c := <-h.opened
	if again := <-log.written; !strings.Contains(failed, "cannot accept") || !strings.Contains(again, "accepting connections again") {
		t.Errorf("it says %q and %q", failed, again)
	}
	c.Close(transport.CodeNormal, "")
	<-h.closed
	_ = first.Close()
	<-h.closed
}

// lines gives what is logged to a channel.
type lines struct{ written chan string }

func (l *lines) Write(p []byte) (int, error) {
	l.written <- string(p)
	return len(p), nil
}
