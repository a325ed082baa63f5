package tcp

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/proxy"
)

// polled is a socket that belongs to a poller and that package net does not
// know. It has of net.TCPConn and syscall.RawConn what a Conn needs.
type polled struct {
	fd       int
	conn     *Conn
	acceptor *acceptor // that the socket is for, instead of a connection
	handler  transport.Handler
	poller   *poller

	// uses is how many calls use fd just now, plus closed once Close was
	// called. Who brings it to closed closes fd, so that nobody ever uses a
	// descriptor that belongs to somebody else by now.
	uses atomic.Int32

	// parked says that the poller shall be the writer when the socket takes
	// more, and edges counts how often it may have begun to.
	parked atomic.Bool
	edges  atomic.Uint32

	mu       sync.Mutex
	deadline *time.Timer // nil as long as there is none
	over     bool        // no deadline is of interest any more
	expired  atomic.Bool // the deadline is over
	holding  atomic.Bool // hold is running

	// Of the poller's goroutine:
	opened    bool        // Opened was called
	ended     bool        // Closed was called
	unread    bool        // there may be something to read
	hup       bool        // there is an end to read
	fresh     bool        // conn.in has what was just read
	more      bool        // there may be messages in conn.in that were left over
	again     bool        // it is in poller.again
	placed    bool        // it is in poller.row
	newcomer  bool        // there because it has come in, not because the system says that it is ready
	stamp     int64       // when the last of what was read had arrived, in ns; 0 is unknown
	discarded int         // bytes read after Close
	hold      *time.Timer // gives it a turn when it is no longer held
}

const closed = 1 << 30

// newPolled makes a connection of a socket; add, begin or adopt lets it begin.
func newPolled(cfg *Config, fd int, from proxy.Origin, h transport.Handler) *polled {
	c := bareConn(cfg, from)
	s := &polled{fd: fd, conn: c, handler: h}
	c.wire, c.raw, c.polled = s, s, s
	c.in.once = c.readOnce
	return s
}

// duplicate returns another descriptor of the socket, which outlives t.
func duplicate(t syscall.Conn) (fd int, err error) {
	raw, err := t.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := raw.Control(func(old uintptr) {
		n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0)
		fd = int(n)
		if errno != 0 {
			err = os.NewSyscallError("fcntl", errno)
		}
	})
	if cerr != nil {
		return 0, cerr
	}
	return fd, err
}

// acquire keeps fd open until release. It reports false after Close.
func (s *polled) acquire() bool {
	for {
		n := s.uses.Load()
		if n >= closed {
			return false
		}
		if s.uses.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *polled) release() {
	if s.uses.Add(-1) == closed {
		_, _, _ = syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(s.fd), 0, 0) // does not linger, see maxRaw
	}
}

// Close makes all calls from now on fail.
func (s *polled) Close() error {
	for {
		n := s.uses.Load()
		if n >= closed {
			return net.ErrClosed
		}
		if s.uses.CompareAndSwap(n, n+1+closed) {
			break
		}
	}
	s.release()
	s.poller.post(s)
	return nil
}

// Control implements [syscall.RawConn].
func (s *polled) Control(f func(fd uintptr)) error {
	if !s.acquire() {
		return net.ErrClosed
	}
	f(uintptr(s.fd))
	s.release()
	return nil
}

// Read implements [syscall.RawConn], but for waiting: where f would have to,
// it returns EAGAIN.
func (s *polled) Read(f func(fd uintptr) bool) error {
	if !s.acquire() {
		return net.ErrClosed
	}
	defer s.release()
	if !f(uintptr(s.fd)) {
		return syscall.EAGAIN
	}
	return nil
}

// Write implements [syscall.RawConn] as Read does.
func (s *polled) Write(f func(fd uintptr) bool) error { return s.Read(f) }

// CloseWrite ends the stream to the peer.
func (s *polled) CloseWrite() error {
	return s.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
}

// SetLinger is that of net.TCPConn.
func (s *polled) SetLinger(seconds int) error {
	var err error
	cerr := s.Control(func(fd uintptr) {
		err = syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER,
			&syscall.Linger{Onoff: 1, Linger: int32(seconds)})
	})
	return errors.Join(cerr, err)
}

// SetDeadline ends the connection at t, unless it is to end before. It also
// makes the poller look whether the connection is closing.
func (s *polled) SetDeadline(t time.Time) error {
	s.mu.Lock()
	if s.deadline == nil && !s.over {
		s.deadline = time.AfterFunc(time.Until(t), func() {
			s.expired.Store(true)
			s.poller.post(s)
		})
	}
	s.mu.Unlock()
	s.poller.post(s)
	return nil
}

// SetReadDeadline is SetDeadline: when it is set, writing has failed.
func (s *polled) SetReadDeadline(t time.Time) error { return s.SetDeadline(t) }

// write writes what the caller, who is the writer, has in a, and leaves the
// rest to the poller when the socket takes no more, or after maxRounds.
func (s *polled) write(a *attempt) {
	c := s.conn
	for round := 1; ; round++ {
		edges := s.edges.Load()
		n, want, err := a.write(s, nil)
		c.blocked.Store(n < want)
		if !c.more(n, err) {
			return
		}
		if n < want || round >= maxRounds {
			// The poller becomes the writer when it sees parked, but it may
			// have looked just before, and for the last time.
			s.parked.Store(true)
			if s.edges.Load() == edges || !s.parked.CompareAndSwap(true, false) {
				if n == want {
					s.poller.post(s) // the system has nothing to report
				}
				return
			}
		}
		a.bufs = c.box.Again(a.bufs)
	}
}

// resume goes on where write left off.
func (s *polled) resume() {
	s.edges.Add(1)
	if s.parked.CompareAndSwap(true, false) {
		a := attempts.Get().(*attempt)
		a.bufs = s.conn.box.Again(a.bufs)
		s.write(a)
		a.release()
	}
}
