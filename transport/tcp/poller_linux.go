package tcp

import (
	"encoding/binary"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/culm-net/culm/transport"
)

const edges = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | epollET

// epollET is EPOLLET, which package syscall has as a negative number.
const epollET = 1 << 31

// pollers read the connections of a listener. There is one for each two
// processors: reading is the smaller part of a server's work, and each more
// is one more thread that wakes and sleeps.
type pollers struct {
	mu   sync.Mutex
	list []*poller
	next int
}

// open makes a connection of wire whose messages go to h, and closes wire. It
// reports false and leaves wire alone where the system has not the means left.
func (ps *pollers) open(cfg *Config, wire *net.TCPConn, h transport.Handler) bool {
	fd, err := duplicate(wire)
	if err != nil {
		return false
	}
	c := bareConn(cfg, wire.RemoteAddr())
	s := &polled{fd: fd, conn: c}
	c.wire, c.raw, c.polled = s, s, s
	c.in.once = c.readOnce
	if !ps.add(s, h) {
		_ = syscall.Close(fd)
		return false
	}
	_ = wire.Close()
	return true
}

// add gives s to the poller whose turn it is.
func (ps *pollers) add(s *polled, h transport.Handler) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.list == nil {
		ps.list = make([]*poller, max(1, runtime.GOMAXPROCS(0)/2))
	}
	i := ps.next % len(ps.list)
	ps.next++
	if p := ps.list[i]; p != nil && p.join() {
		return p.begin(s)
	}
	p, err := newPoller(s.conn.cfg, h)
	if err != nil {
		return false
	}
	ps.list[i] = p
	go p.run()
	return p.begin(s)
}

// poller reads many connections on one goroutine, which is the one that calls
// the handler for them. It begins with its first connection and ends with its
// last.
//
// It waits in epoll_wait(2) itself instead of leaving that to package runtime,
// for which each message would be a reason to wake a thread, or two.
type poller struct {
	handler transport.Handler
	pace    time.Duration

	epoll int
	wake  int // an eventfd(2) in epoll

	// Of its goroutine:
	conns map[int32]*polled // by file descriptor
	again []*polled         // had more to read than a turn allows

	mu      sync.Mutex
	members int       // connections that have not ended
	posted  []*polled // want a turn, whatever the system says
	waiting bool      // the poller may be waiting: who posts must wake it
}

// newPoller makes a poller with one member, which is to begin.
func newPoller(cfg *Config, h transport.Handler) (*poller, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wake, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		_ = syscall.Close(epoll)
		return nil, os.NewSyscallError("eventfd2", errno)
	}
	p := &poller{handler: h, pace: cfg.Pace, epoll: epoll, wake: int(wake), conns: make(map[int32]*polled), members: 1}
	if err := p.watch(p.wake, syscall.EPOLLIN|epollET); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) close() {
	_ = syscall.Close(p.wake)
	_ = syscall.Close(p.epoll)
}

func (p *poller) watch(fd int, events uint32) error {
	e := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(p.epoll, syscall.EPOLL_CTL_ADD, fd, &e))
}

// join makes room for one more member. It reports false when the poller has
// ended.
func (p *poller) join() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.members == 0 {
		return false
	}
	p.members++
	return true
}

// begin watches s, for whom join has made room, and gives it its first turn.
func (p *poller) begin(s *polled) bool {
	s.poller = p
	if p.watch(s.fd, edges) != nil {
		p.leave()
		return false
	}
	p.post(s)
	return true
}

// leave undoes join.
func (p *poller) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members--
	p.rouse()
}

// post gives s a turn soon. It may be called at any time.
func (p *poller) post(s *polled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.members == 0 {
		return
	}
	p.posted = append(p.posted, s)
	p.rouse()
}

// rouse ends the poller's waiting. The caller holds p.mu, which keeps wake
// open.
func (p *poller) rouse() {
	if !p.waiting {
		return
	}
	p.waiting = false
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = syscall.Write(p.wake, one[:])
}

// run gives turns until there are no members.
func (p *poller) run() {
	events := make([]syscall.EpollEvent, 256)
	var posted, again []*polled
	for {
		n, ok := p.wait(events)
		if !ok {
			p.close()
			return
		}
		began := time.Now()
		again, p.again = p.again, again[:0]
		for _, s := range again {
			p.turn(s, 0)
		}
		clear(again)
		p.mu.Lock()
		posted, p.posted = p.posted, posted[:0]
		p.mu.Unlock()
		for _, s := range posted {
			p.turn(s, syscall.EPOLLOUT)
		}
		clear(posted)
		for _, e := range events[:n] {
			if s := p.conns[e.Fd]; s != nil {
				p.turn(s, e.Events)
			}
		}
		if d := p.pace - time.Since(began); d > 0 && n < len(events) && len(p.again) == 0 {
			pause(d)
		}
	}
}

// wait returns how many events there are, as soon as there is something to
// do, or false when there are no members any more.
func (p *poller) wait(events []syscall.EpollEvent) (n int, ok bool) {
	p.mu.Lock()
	if p.members == 0 {
		p.mu.Unlock()
		return 0, false
	}
	timeout := 0
	if len(p.posted) == 0 && len(p.again) == 0 {
		timeout = -1
		p.waiting = true
	}
	p.mu.Unlock()
	n, err := syscall.EpollWait(p.epoll, events, timeout)
	if timeout < 0 {
		p.mu.Lock()
		p.waiting = false
		p.mu.Unlock()
	}
	if err != nil {
		n = 0 // EINTR; anything else would be a mistake of this program
	}
	return n, true
}

// pause sleeps in the thread: a timer of package runtime would cost it the
// wakes that the pause is to save.
func pause(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // a signal may end it early
}
