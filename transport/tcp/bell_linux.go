package tcp

import (
	"os"
	"syscall"
	"unsafe"
)

// bell ends a poller's waiting for its epoll set: an eventfd(2) in the set,
// which reports each time that it is rung and need not be read.
type bell int

// newBell puts a bell into an epoll set.
func newBell(set int) (bell, error) {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return 0, os.NewSyscallError("eventfd2", errno)
	}
	const edge = 1 << 31 // EPOLLET, as in watched
	e := syscall.EpollEvent{Events: syscall.EPOLLIN | edge, Fd: int32(fd)}
	if err := syscall.EpollCtl(set, syscall.EPOLL_CTL_ADD, int(fd), &e); err != nil {
		_ = syscall.Close(int(fd))
		return 0, os.NewSyscallError("epoll_ctl", err)
	}
	return bell(fd), nil
}

// ring lets the set report, to who waits or who comes to wait.
func (b bell) ring() {
	one := uint64(1)
	_, _, _ = syscall.RawSyscall(syscall.SYS_WRITE, uintptr(b), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
}

func (b bell) close() { _ = syscall.Close(int(b)) }
