//go:build !386

package tcp

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/proxy"
)

// acceptor is a listening socket that a poller accepts from: a connection is
// accepted, opened and heard on one goroutine, and package net, which would
// watch it too, does not know of it.
type acceptor struct {
	listener *Listener
	handler  transport.Handler
	socket   *polled       // the listening one
	ended    chan struct{} // closed when nothing is accepted any more
	local    net.Addr      // of all connections; nil if they can differ

	mu     sync.Mutex
	closed bool // the descriptor too

	// Of the poller's goroutine, while accepting fails:
	pause time.Duration // between two attempts
	retry time.Time     // when to try again
}

// maxAccepts is how many connections are accepted in one turn.
const maxAccepts = 64

// accept makes the poller whose turn it is accept what t would, and closes t.
// It returns nil and leaves t alone where the system has not the means left.
func (ps *pollers) accept(l *Listener, t *net.TCPListener, h transport.Handler) *acceptor {
	fd, err := duplicate(t)
	if err != nil {
		return nil
	}
	a := &acceptor{listener: l, handler: h, ended: make(chan struct{})}
	a.socket = &polled{fd: fd, acceptor: a}
	if bound, ok := t.Addr().(*net.TCPAddr); ok && !bound.IP.IsUnspecified() {
		a.local = bound
	}
	if !ps.add(a.socket, l.cfg) {
		_ = syscall.Close(fd)
		return nil
	}
	_ = t.Close()
	return a
}

// close ends accepting. The address is free when it returns.
func (a *acceptor) close() {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		_ = syscall.Close(a.socket.fd)
	}
	a.mu.Unlock()
	a.socket.poller.post(a.socket)
}

// errLater says that it is not yet time to try again.
var errLater = errors.New("tcp: accepting pauses")

// next accepts a connection. The error is net.ErrClosed after close.
func (a *acceptor) next() (fd int, remote netip.AddrPort, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return 0, remote, net.ErrClosed
	case a.pause > 0 && time.Until(a.retry) > 0:
		return 0, remote, errLater
	}
	return accept4(a.socket.fd)
}

// admit accepts who has come.
func (p *poller) admit(a *acceptor) {
	for range maxAccepts {
		fd, remote, err := a.next()
		if err == nil {
			err = a.open(p, fd, remote)
		}
		switch {
		case err == nil:
			if a.pause > 0 {
				a.listener.acceptsAgain()
				a.pause = 0
			}
		case errors.Is(err, net.ErrClosed):
			p.dismiss(a)
			return
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, errLater):
			return
		case errors.Is(err, syscall.EINTR), errors.Is(err, syscall.ECONNABORTED):
		default:
			a.pause = a.listener.acceptFailed(err, a.pause)
			a.retry = time.Now().Add(a.pause)
			time.AfterFunc(a.pause, func() { p.post(a.socket) })
			return
		}
	}
	p.repeat(a.socket)
}

// dismiss forgets an acceptor that is closed.
func (p *poller) dismiss(a *acceptor) {
	s := a.socket
	s.ended = true
	if p.conns[int32(s.fd)] == s {
		delete(p.conns, int32(s.fd))
	}
	close(a.ended)
	p.leave()
}

// open lets a connection begin, on p if that is the poller whose turn it is.
func (a *acceptor) open(p *poller, fd int, remote netip.AddrPort) error {
	l := a.listener
	from := proxy.Origin{Remote: net.TCPAddrFromAddrPort(remote), Local: a.local}
	if a.local == nil {
		from.Local = net.TCPAddrFromAddrPort(localAddr(fd))
	}
	setOptions(fd)
	s := newPolled(l.cfg, fd, from, a.handler)
	begun := false
	switch next := l.pollers.take(l.cfg); next {
	case nil:
	case p:
		begun = p.adopt(s)
	default:
		begun = next.begin(s)
	}
	if !begun {
		_ = syscall.Close(fd)
		return errNoMeans
	}
	return nil
}

var errNoMeans = errors.New("tcp: the system has no means left to watch another connection")

// setOptions sets what package net and tune set of a connection. One that the
// system does not know is not worth refusing the peer.
func setOptions(fd int) {
	for _, o := range [...]struct {
		level, option uintptr
		value         int32
	}{
		{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, int32(keepAlive.Idle / time.Second)},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, int32(keepAlive.Interval / time.Second)},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, int32(keepAlive.Count)},
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{syscall.IPPROTO_TCP, tcpUserTimeout, int32(userTimeout / time.Millisecond)},
		{syscall.IPPROTO_TCP, tcpNotSentLowat, maxUnsent},
	} {
		_, _, _ = syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), o.level, o.option, uintptr(unsafe.Pointer(&o.value)), unsafe.Sizeof(o.value), 0)
	}
}

// accept4 accepts a connection without waiting for one.
func accept4(fd int) (int, netip.AddrPort, error) {
	var sa syscall.RawSockaddrAny
	size := uint32(unsafe.Sizeof(sa))
	n, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)),
		syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return 0, netip.AddrPort{}, errno
	}
	return int(n), addrPort(&sa), nil
}

// localAddr is the address of this end of a connection.
func localAddr(fd int) netip.AddrPort {
	var sa syscall.RawSockaddrAny
	size := uint32(unsafe.Sizeof(sa))
	_, _, errno := syscall.RawSyscall(syscall.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return netip.AddrPort{}
	}
	return addrPort(&sa)
}

// addrPort is an address of the internet as the system has it, or none.
func addrPort(sa *syscall.RawSockaddrAny) netip.AddrPort {
	port := func(p *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:]) }
	switch sa.Addr.Family {
	case syscall.AF_INET:
		v4 := (*syscall.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port(&v4.Port))
	case syscall.AF_INET6:
		v6 := (*syscall.RawSockaddrInet6)(unsafe.Pointer(sa))
		addr := netip.AddrFrom16(v6.Addr)
		if v6.Scope_id != 0 {
			addr = addr.WithZone(strconv.FormatUint(uint64(v6.Scope_id), 10))
		}
		return netip.AddrPortFrom(addr, port(&v6.Port))
	}
	return netip.AddrPort{}
}
