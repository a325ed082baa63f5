package tcp

import (
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/culm-net/culm/transport"
)

// edges is EPOLLET, which package syscall has as a negative number: the epoll
// set reports changes only, so that nothing has to be said to it again.
const edges = 1 << 31

// watched is what the epoll set reports of a connection.
const watched = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | edges

// pollers read the connections of a listener. There is one for each two
// processors, and at least one: reading is the smaller part of a server's
// work, and each more is one more to wake.
type pollers struct {
	mu   sync.Mutex
	list []*poller
	next int
}

// open makes a connection of wire whose messages go to h, and closes wire. It
// returns nil and leaves wire alone where the system has not the means left.
func (ps *pollers) open(cfg *Config, wire *net.TCPConn, from origin, h transport.Handler) *Conn {
	fd, err := duplicate(wire)
	if err != nil {
		return nil
	}
	c := bareConn(cfg, from)
	s := &polled{fd: fd, conn: c}
	c.wire, c.raw, c.polled = s, s, s
	c.in.once = c.readOnce
	if !ps.add(s, h) {
		_ = syscall.Close(fd)
		return nil
	}
	_ = wire.Close()
	return c
}

// add gives s to the poller whose turn it is.
func (ps *pollers) add(s *polled, h transport.Handler) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.join(s.conn.cfg, h)
	return p != nil && p.begin(s)
}

// join makes room in the poller whose turn it is, and starts it if need be. It
// returns nil where the system has not the means left. The caller holds ps.mu.
func (ps *pollers) join(cfg *Config, h transport.Handler) *poller {
	if ps.list == nil {
		n := max(1, runtime.GOMAXPROCS(0)/2)
		if cfg.InOrder {
			n = 1
		}
		ps.list = make([]*poller, n)
	}
	i := ps.next % len(ps.list)
	ps.next++
	if p := ps.list[i]; p != nil && p.join() {
		return p
	}
	p, err := newPoller(cfg, h)
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
	handler transport.Handler
	pace    time.Duration
	inOrder bool
	set     int // descriptor of the epoll set
	gate    *gate

	// Of its goroutine:
	conns   map[int32]*polled // by file descriptor
	again   []*polled         // had more to read than a turn allows
	turning []*polled         // scratch space

	door atomic.Pointer[door] // where its connections come in, if it accepts them itself

	mu      sync.Mutex
	members int       // connections that have not ended, and the door
	posted  []*polled // want a turn, whatever the system says
	waiting bool      // at the gate: who posts must open it
}

// newPoller makes a poller with one member, which is to begin.
func newPoller(cfg *Config, h transport.Handler) (*poller, error) {
	set, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	g, err := newGate(set)
	if err != nil {
		_ = syscall.Close(set)
		return nil, err
	}
	return &poller{handler: h, pace: cfg.Pace, inOrder: cfg.InOrder, set: set, gate: g, conns: make(map[int32]*polled), members: 1}, nil
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
	e := syscall.EpollEvent{Events: watched, Fd: int32(s.fd)}
	if syscall.EpollCtl(p.set, syscall.EPOLL_CTL_ADD, s.fd, &e) != nil {
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

// rouse ends the poller's waiting. The caller holds p.mu.
func (p *poller) rouse() {
	if p.waiting {
		p.waiting = false
		p.gate.open()
	}
}

// run gives turns until there are no members.
func (p *poller) run() {
	events := make([]syscall.EpollEvent, 256)
	var last time.Time
	for {
		n, ok := p.wait(events)
		if !ok {
			p.gate.close()
			_ = syscall.Close(p.set)
			return
		}
		// A pause is another wake, which only saves some where messages come
		// more often than that.
		began := time.Now()
		busy := began.Sub(last) < 2*p.pace
		last = began
		p.turnAgain()
		p.turnPosted()
		for i := 0; i < n; i++ {
			e := events[i]
			if e.Fd == doorEvent {
				n += p.enter(events[n:])
			} else if s := p.conns[e.Fd]; s != nil {
				p.turn(s, e.Events)
			}
		}
		if busy && n < len(events) && len(p.again) == 0 {
			time.Sleep(p.pace - time.Since(began))
		}
	}
}

// turnAgain gives those another turn who have more to read.
func (p *poller) turnAgain() {
	p.turning, p.again = p.again, p.turning[:0]
	for _, s := range p.turning {
		s.again = false
		p.turn(s, 0)
	}
	clear(p.turning)
}

// turnPosted gives those a turn who have asked for one.
func (p *poller) turnPosted() {
	p.mu.Lock()
	p.turning, p.posted = p.posted, p.turning[:0]
	p.mu.Unlock()
	for _, s := range p.turning {
		p.turn(s, syscall.EPOLLOUT)
	}
	clear(p.turning)
}

// enter lets in who waits at the door, and gives them their turns: they were
// there before what is reported behind them. The set reports each of them
// once more because it is new. That is taken from it at once, lest it count
// for what they send later; more is where to, and n how many there are.
func (p *poller) enter(more []syscall.EpollEvent) (n int) {
	d := p.door.Load()
	if d == nil {
		return 0
	}
	d.drain()
	if len(more) > 0 {
		n = pending(p.set, more)
	}
	p.turnPosted()
	p.turnAgain()
	return n
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
		p.gate.shut()
		p.mu.Unlock()

		p.gate.wait()

		p.mu.Lock()
		p.waiting = false
		p.mu.Unlock()
	}
}

// pending asks an epoll set for its events without waiting for any.
func pending(set int, events []syscall.EpollEvent) int {
	n, err := ignoringEINTR(func() (int, error) { return syscall.EpollWait(set, events, 0) })
	if err != nil {
		return 0 // no error is possible but by a mistake of this program
	}
	return n
}
