package tcp

import (
	"os"
	"syscall"
	"time"
)

// gate is where a poller waits until its epoll set has events, without a thread
// of its own: package runtime's network poller watches the gate, an epoll set
// too, in which the poller's set reports once and then not again until the next
// wait. So nobody is woken for what happens in between.
type gate struct {
	file *os.File // the gate's epoll set
	raw  syscall.RawConn
	set  int // the poller's
}

func newGate(set int) (*gate, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// Not to wait is what makes os.NewFile give it to the network poller.
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	g := &gate{file: os.NewFile(uintptr(fd), "epoll"), set: set}
	e := syscall.EpollEvent{Events: syscall.EPOLLONESHOT}
	err = os.NewSyscallError("epoll_ctl", syscall.EpollCtl(fd, syscall.EPOLL_CTL_ADD, set, &e))
	if err == nil {
		err = g.file.SetReadDeadline(time.Time{}) // fails if it is not watched
	}
	if err == nil {
		g.raw, err = g.file.SyscallConn()
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *gate) close() { _ = g.file.Close() }

// wait returns when the poller's set has events.
func (g *gate) wait() {
	armed := false
	_ = g.raw.Read(func(fd uintptr) bool {
		if !armed {
			armed = true
			e := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLONESHOT}
			_ = syscall.EpollCtl(int(fd), syscall.EPOLL_CTL_MOD, g.set, &e)
		}
		var one [1]syscall.EpollEvent
		return pending(int(fd), one[:]) > 0
	})
}
