package tcp

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/culm-net/culm/transport"
)

// door is the listening socket in the epoll set of a poller that accepts its
// connections itself: who comes in, and what others send meanwhile, are then
// one row of events.
type door struct {
	listener *Listener
	handler  transport.Handler
	poller   *poller
	raw      syscall.RawConn

	results chan error // how accepting went the last time, until wait takes it
	failed  bool       // that was an error; of the goroutine of Serve
}

// doorEvent is what a door has in place of a connection's descriptor in events.
const doorEvent = -1

// openDoor makes a poller accept. It returns nil where that is not possible.
func (l *Listener) openDoor(h transport.Handler) *door {
	ln, ok := l.ln.(*net.TCPListener)
	if !ok {
		return nil
	}
	raw, err := ln.SyscallConn()
	if err != nil {
		return nil
	}
	l.pollers.mu.Lock()
	p := l.pollers.join(l.cfg, h)
	l.pollers.mu.Unlock()
	if p == nil {
		return nil
	}
	d := &door{listener: l, handler: h, poller: p, raw: raw, results: make(chan error, 1)}
	p.door.Store(d)
	if d.watch(syscall.EPOLL_CTL_ADD) != nil {
		d.close()
		return nil
	}
	return d
}

// watch puts the socket into the epoll set, which reports it at once if
// somebody waits there.
func (d *door) watch(op int) (err error) {
	e := syscall.EpollEvent{Events: edges | syscall.EPOLLIN, Fd: doorEvent}
	cerr := d.raw.Control(func(fd uintptr) { err = syscall.EpollCtl(d.poller.set, op, int(fd), &e) })
	return errors.Join(cerr, err)
}

func (d *door) close() {
	d.poller.door.Store(nil)
	d.poller.leave()
}

// wait returns when somebody has come in, who is not returned, or when nobody
// could. In the latter case nobody is let in until the next call.
func (d *door) wait() (net.Conn, error) {
	if d.failed {
		_ = d.watch(syscall.EPOLL_CTL_MOD)
	}
	select {
	case err := <-d.results:
		d.failed = err != nil
		return nil, err
	case <-d.listener.closed:
		return nil, net.ErrClosed
	}
}

// drain lets everybody in who waits. It is called by the poller.
func (d *door) drain() {
	for {
		wire, err := d.accept()
		if err == syscall.EAGAIN || errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case <-d.results:
		default:
		}
		d.results <- err
		if err != nil {
			return
		}
		d.listener.accept(wire, d.handler)
	}
}

// accept is that of net.Listener, but for waiting: where that would, it
// returns EAGAIN.
func (d *door) accept() (net.Conn, error) {
	var fd int
	var err error
	cerr := d.raw.Control(func(ln uintptr) {
		for {
			fd, _, err = syscall.Accept4(int(ln), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
			if err != syscall.EINTR && err != syscall.ECONNABORTED {
				return
			}
		}
	})
	switch {
	case cerr != nil:
		return nil, cerr
	case err == syscall.EAGAIN:
		return nil, err
	case err != nil:
		return nil, os.NewSyscallError("accept4", err)
	}
	f := os.NewFile(uintptr(fd), "")
	defer func() { _ = f.Close() }() // wire has a duplicate
	wire, err := net.FileConn(f)
	if t, ok := wire.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(keepAlive)
	}
	return wire, err
}
