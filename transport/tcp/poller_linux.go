package tcp

import (
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/proxy"
)

// watched is what the epoll set reports of a connection: changes only, so
// that nothing has to be said to it again. The last is EPOLLET, which package
// syscall has as a negative number.
const watched = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | 1<<31

// pollers read the connections of a listener. There is one for each two
// processors, and at least one: reading is the smaller part of a server's
// work, and each more is one more to wake. In order, there is one for all
// connections of several listeners.
type pollers struct {
	mu   sync.Mutex
	list []*poller
	next int
}

// open makes a connection of wire whose messages go to h, and closes wire. It
// returns nil and leaves wire alone where the system has not the means left.
func (ps *pollers) open(cfg *Config, wire *net.TCPConn, from proxy.Origin, h transport.Handler) *Conn {
	fd, err := duplicate(wire)
	if err != nil {
		return nil
	}
	s := newPolled(cfg, fd, from, h)
	if !ps.add(s, cfg) {
		_ = syscall.Close(fd)
		return nil
	}
	_ = wire.Close()
	return s.conn
}

// add gives s to the poller whose turn it is.
func (ps *pollers) add(s *polled, cfg *Config) bool {
	p := ps.take(cfg)
	return p != nil && p.begin(s)
}

// take returns the poller whose turn it is, with room for one more member.
func (ps *pollers) take(cfg *Config) *poller {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.list == nil {
		n := max(1, runtime.GOMAXPROCS(0)/2)
		if cfg.Order != nil {
			n = 1
		}
		ps.list = make([]*poller, n)
	}
	i := ps.next % len(ps.list)
	ps.next++
	if p := ps.list[i]; p != nil && p.join() {
		return p
	}
	p, err := newPoller(cfg)
	if err != nil {
		return nil
	}
	ps.list[i] = p
	go p.run()
	return p
}

// poller reads many connections on one goroutine, which is the one that calls
// the handler for them. It begins with its first connection and ends with its
// last.
//
// Connections are not known to package runtime's network poller, for which
// each message would be a reason to wake a thread or two. They are in an
// epoll(7) set of their own, which is asked at a bounded pace as long as there
// is something to read.
type poller struct {
	pace    time.Duration
	inOrder bool
	set     int // descriptor of the epoll set
	bell    bell
	gate    *gate // nil where the poller sleeps in the system call, see sleep

	// Of its goroutine:
	conns map[int32]*polled // by file descriptor
	again []*polled         // had more to read than a turn allows
	row   row               // scratch space of who reads in order

	mu      sync.Mutex
	members int       // connections that have not ended
	posted  []*polled // want a turn, whatever the system says
	waiting bool      // who posts must ring the bell
}

// newPoller makes a poller with one member, which is to begin.
func newPoller(cfg *Config) (*poller, error) {
	set, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	p := &poller{pace: cfg.Pace, inOrder: cfg.Order != nil, set: set, conns: make(map[int32]*polled), members: 1}
	if p.bell, err = newBell(set); err != nil {
		_ = syscall.Close(set)
		return nil, err
	}
	if p.pace >= 0 || !p.inOrder {
		if p.gate, err = newGate(set); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// close gives back what newPoller has taken of the system.
func (p *poller) close() {
	if p.gate != nil {
		p.gate.close()
	}
	p.bell.close()
	_ = syscall.Close(p.set)
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
	if !p.watch(s) {
		return false
	}
	p.post(s)
	return true
}

// adopt is begin on the goroutine of the poller, which misses nothing of what
// the system says of s. What the peer has sent already is read now: others may
// have sent later and are known to be ready.
func (p *poller) adopt(s *polled) bool {
	if !p.watch(s) {
		return false
	}
	s.opened, s.unread, s.newcomer = true, true, true
	p.conns[int32(s.fd)] = s
	s.handler.Opened(s.conn)
	p.turn(s, 0)
	return true
}

func (p *poller) watch(s *polled) bool {
	s.poller = p
	if p.inOrder {
		// Where that fails the order is that of the events.
		_ = syscall.SetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1)
	}
	e := syscall.EpollEvent{Events: watched, Fd: int32(s.fd)}
	if syscall.EpollCtl(p.set, syscall.EPOLL_CTL_ADD, s.fd, &e) != nil {
		p.leave()
		return false
	}
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

// rouse ends the poller's waiting. The caller holds p.mu.
func (p *poller) rouse() {
	if p.waiting {
		p.waiting = false
		p.bell.ring()
	}
}

// run gives turns until there are no members.
func (p *poller) run() {
	events := make([]syscall.EpollEvent, 256)
	if p.inOrder {
		events = events[:maxRow]
	}
	var posted, again []*polled
	var last time.Time
	for {
		n, ok := p.wait(events)
		if !ok {
			p.close()
			return
		}
		// A pause is another wake, which only saves some where messages come
		// more often than that.
		began := time.Now()
		busy := began.Sub(last) < 2*p.pace
		last = began
		again, p.again = p.again, again[:0]
		for _, s := range again {
			s.again = false
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
		p.deliverRow()
		if busy && n < len(events) && len(p.again) == 0 {
			time.Sleep(p.pace - time.Since(began))
		}
	}
}

// wait returns how many events there are, as soon as there is something to
// do, or false when there are no members any more.
func (p *poller) wait(events []syscall.EpollEvent) (n int, ok bool) {
	for {
		n = pending(p.set, events)
		p.mu.Lock()
		if p.members == 0 {
			p.mu.Unlock()
			return 0, false
		}
		if n > 0 || len(p.posted) > 0 || len(p.again) > 0 {
			p.mu.Unlock()
			return n, true
		}
		p.waiting = true
		p.mu.Unlock()

		n = p.sleep(events)

		p.mu.Lock()
		p.waiting = false
		p.mu.Unlock()
		if n > 0 {
			return n, true
		}
	}
}

// sleep returns when the set has events, and how many of them it has taken out.
//
// Who reads at once and alone, as in order, comes here after each message, and
// sleeps in the system call: for some milliseconds its thread keeps its place
// in package runtime's scheduler, and goes on without waking others, which is
// a quarter of what a login costs. Several pollers would keep the places from
// each other, and one with a pause between its rounds for nothing: they sleep
// at the gate.
func (p *poller) sleep(events []syscall.EpollEvent) int {
	if p.gate != nil {
		p.gate.wait()
		return 0
	}
	n, err := syscall.EpollWait(p.set, events, -1)
	if err != nil {
		return 0 // a signal
	}
	return n
}

// pending asks an epoll set for its events without waiting for any.
func pending(set int, events []syscall.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(set), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0 // no error is possible but by a mistake of this program
	}
	return int(n)
}
