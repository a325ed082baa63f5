//go:build unix

package tcp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/culm-net/culm/transport/internal/bufpool"
)

// rawConn returns what reads and writes without waiting need, or nil if wire
// is not a socket.
func rawConn(wire net.Conn) syscall.RawConn {
	t, ok := wire.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readRaw is read for a socket: no buffer is held while waiting.
func (c *Conn) readRaw() error {
	in := &c.in
	in.n, in.err = 0, nil
	if err := c.raw.Read(in.once); err != nil {
		in.last = 0
		return err
	}
	in.last = in.n
	return in.err
}

// readOnce reads once, or returns false when there is nothing to read yet.
func (c *Conn) readOnce(fd uintptr) bool {
	in := &c.in
	if c.held() > 0 && !c.isClosing() {
		in.err = errHeld
		return true
	}
	// Into a large buffer, unless the peer trickles the rest of a message:
	// then not to copy that again for each byte.
	buf := in.buf
	if buf == nil || (cap(buf.B) < bufpool.Large && in.last >= bufpool.Small) {
		buf = bufpool.Get(bufpool.Large)
	}
	have := 0
	if in.buf != nil {
		have = len(in.buf.B)
	}
	n, err := ignoringEINTR(func() (int, error) { return c.recv(int(fd), buf.B[have:cap(buf.B)]) })
	in.full = n == cap(buf.B)-have
	if n > 0 {
		buf.B = buf.B[:have+n]
		if in.buf != nil && buf != in.buf {
			copy(buf.B, in.buf.B)
			bufpool.Put(in.buf)
		}
		in.buf, in.n = buf, n
		return true
	}
	if buf != in.buf {
		bufpool.Put(buf)
	}
	switch {
	case n == 0 && err == nil:
		in.err = io.EOF
	case errors.Is(err, syscall.EAGAIN):
		return false
	default:
		in.err = os.NewSyscallError("read", err)
	}
	return true
}

// attemptOS writes bufs to a socket.
type attemptOS struct {
	once    func(fd uintptr) bool
	blocked *atomic.Bool // to wait, and to say so there; nil for not waiting
	n, want int
	err     error
	vectors
}

func (a *attempt) init() { a.once = a.writeOnce }

// write writes bufs, as much as goes at once. Without blocked it does not wait
// until something goes. want is the length of bufs.
func (a *attempt) write(raw syscall.RawConn, blocked *atomic.Bool) (n, want int, err error) {
	a.blocked, a.n, a.err = blocked, 0, nil
	a.want = 0
	for _, b := range a.bufs {
		a.want += len(b)
	}
	err = raw.Write(a.once)
	if blocked != nil {
		blocked.Store(false)
	}
	if err == nil {
		err = a.err
	}
	return a.n, a.want, err
}

func (a *attempt) writeOnce(fd uintptr) bool {
	n, err := a.send(int(fd))
	a.n = max(n, 0)
	switch {
	case err == nil:
	case errors.Is(err, syscall.EAGAIN):
		if a.blocked != nil && a.n == 0 {
			a.blocked.Store(true)
			return false
		}
	default:
		a.err = os.NewSyscallError("write", err)
	}
	return true
}

func ignoringEINTR(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
