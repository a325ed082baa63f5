package tcp

import (
	"net"
	"syscall"
	"time"
	"unsafe"

	"github.com/culm-net/culm/transport/internal/outbox"
)

// recv reads from the socket.
func (c *Conn) recv(fd int, b []byte) (int, error) {
	if s := c.polled; s != nil && s.poller.inOrder {
		return s.recv(b)
	}
	return readNow(fd, b)
}

// vectors are the arguments of writev(2).
type vectors struct {
	iov [outbox.MaxPieces]syscall.Iovec
}

// send writes bufs in one system call.
func (a *attempt) send(fd int) (int, error) {
	if len(a.bufs) == 1 {
		return ignoringEINTR(func() (int, error) { return writeNow(fd, a.bufs[0]) })
	}
	for i, b := range a.bufs {
		a.iov[i].Base = unsafe.SliceData(b)
		a.iov[i].SetLen(len(b))
	}
	n, err := ignoringEINTR(func() (int, error) {
		if a.want > maxRaw {
			return result(syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&a.iov)), uintptr(len(a.bufs))))
		}
		return result(syscall.RawSyscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&a.iov)), uintptr(len(a.bufs))))
	})
	clear(a.iov[:len(a.bufs)])
	return n, err
}

// readNow reads from a socket that does not wait.
func readNow(fd int, b []byte) (int, error) {
	if len(b) > maxRaw {
		return syscall.Read(fd, b)
	}
	return result(syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))))
}

// writeNow writes to a socket that does not wait.
func writeNow(fd int, b []byte) (int, error) {
	if len(b) > maxRaw {
		return syscall.Write(fd, b)
	}
	return result(syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))))
}

func result(n, _ uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// Options of tcp(7) that package syscall lacks.
const (
	tcpUserTimeout  = 18
	tcpNotSentLowat = 25
)

// maxUnsent is how many bytes the system queues of a connection beyond what is
// on its way, before the queue here, with its limit, takes over.
const maxUnsent = 128 << 10

// tune ends connections that do not acknowledge, and keeps the system's own
// queues short.
func tune(t *net.TCPConn) {
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(userTimeout/time.Millisecond))
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, maxUnsent)
	})
}
