// Package udplink stands between UDP clients and a server and makes the
// network between them worse: packets are lost, late, out of order or doubled.
// Tests and demonstrations use it to show real sockets a real network. It is a
// package of its own, because it knows nothing of what the packets carry.
//
// Each client gets a socket of its own towards the server, as from a router
// that translates addresses; Rebind exchanges these, as such a router does
// when it forgets.
package udplink

import (
	"container/heap"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Config is how a link treats each packet, in both directions alike. The zero
// value forwards at once.
type Config struct {
	// Loss, Duplicate and Reorder are the shares, 0 to 1, of packets that are
	// lost, arrive twice, or arrive after some that were sent later.
	Loss, Duplicate, Reorder float64
	// Latency is how long a packet travels one way. Jitter is the longest time
	// that is added to that at random; it does not change the order.
	Latency, Jitter time.Duration
	// Seed makes the dice of a link, of which each direction of each client
	// has its own. Packets that are sent alike fare alike.
	Seed uint64
}

func (c *Config) check() error {
	for name, p := range map[string]float64{"Loss": c.Loss, "Duplicate": c.Duplicate, "Reorder": c.Reorder} {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("udplink: %s is %v; use 0 to 1", name, p)
		}
	}
	if c.Latency < 0 || c.Jitter < 0 {
		return fmt.Errorf("udplink: a latency of %v with a jitter of %v is not possible", c.Latency, c.Jitter)
	}
	return nil
}

// What is over these is lost.
const (
	maxFlows  = 4096     // clients at once; a new one takes the place of who was silent longest
	maxQueued = 64 << 20 // bytes of packets under way
)

// Link forwards packets between clients and one server. Its methods may be
// called from any goroutine.
type Link struct {
	front  *net.UDPConn // towards clients
	target netip.AddrPort
	began  time.Time

	mu     sync.Mutex
	cfg    Config
	flows  map[netip.AddrPort]*flow
	made   uint64 // flows ever, for their seeds
	queue  packets
	seq    uint64
	queued int
	closed bool
	stats  Stats

	wake chan struct{}
	done sync.WaitGroup
}

// Stats counts packets.
type Stats struct {
	Clients   int    // that the link knows now
	Forwarded uint64 // doubled ones twice
	Lost      uint64 // by the dice, or over a limit
}

// flow is one client.
type flow struct {
	client   netip.AddrPort
	back     *net.UDPConn // towards the server
	up, down *way
	heard    time.Duration
}

// New listens on the UDP address listen, for example "127.0.0.1:0", and
// forwards to the address target. Close ends it.
func New(listen, target string, cfg Config) (*Link, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	to, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		return nil, fmt.Errorf("udplink: %w", err)
	}
	at, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return nil, fmt.Errorf("udplink: %w", err)
	}
	front, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, fmt.Errorf("udplink: %w", err)
	}
	raise(front)
	l := &Link{
		front: front, target: to.AddrPort(), began: time.Now(),
		cfg: cfg, flows: make(map[netip.AddrPort]*flow), wake: make(chan struct{}, 1),
	}
	l.done.Go(l.readClients)
	l.done.Go(l.send)
	return l, nil
}

// raise asks for larger buffers; a link loses enough on purpose.
func raise(c *net.UDPConn) {
	_ = c.SetReadBuffer(4 << 20)
	_ = c.SetWriteBuffer(4 << 20)
}

// Addr is the address that clients send to.
func (l *Link) Addr() net.Addr { return l.front.LocalAddr() }

// Set changes how packets are treated that are sent from now on. The seed stays
// what it was for clients that the link knows.
func (l *Link) Set(cfg Config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cfg = cfg
	return nil
}

// Rebind gives each client a new address as the server sees it. What the
// server sends to the old ones is lost.
func (l *Link) Rebind() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	for _, f := range l.flows {
		old := f.back
		if err := l.connect(f); err != nil {
			return err
		}
		_ = old.Close()
	}
	return nil
}

// Stats returns a snapshot.
func (l *Link) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Clients = len(l.flows)
	return s
}

// Close ends the link. Packets that are under way are lost.
func (l *Link) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	err := l.front.Close()
	for _, f := range l.flows {
		_ = f.back.Close()
	}
	close(l.wake)
	l.mu.Unlock()
	l.done.Wait()
	return err
}

func (l *Link) now() time.Duration { return time.Since(l.began) }

const maxPacket = 1 << 16

// readClients takes packets from clients.
func (l *Link) readClients() {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := l.front.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // a client's port is closed, as some systems tell
		}
		l.mu.Lock()
		if f := l.flow(from); f != nil {
			f.heard = l.now()
			l.enqueue(f, f.up, true, buf[:n])
		} else {
			l.stats.Lost++
		}
		l.mu.Unlock()
	}
}

// flow returns the flow of a client, new or known, or nil where there is no
// socket to be had. l.mu is held.
func (l *Link) flow(client netip.AddrPort) *flow {
	if f := l.flows[client]; f != nil || l.closed {
		return f
	}
	if len(l.flows) >= maxFlows {
		var silent *flow
		for _, f := range l.flows {
			if silent == nil || f.heard < silent.heard {
				silent = f
			}
		}
		_ = silent.back.Close()
		delete(l.flows, silent.client)
	}
	f := &flow{client: client, up: newWay(l.cfg.Seed, 2*l.made), down: newWay(l.cfg.Seed, 2*l.made+1)}
	if l.connect(f) != nil {
		return nil
	}
	l.made++
	l.flows[client] = f
	return f
}

// connect gives f a new socket. l.mu is held.
func (l *Link) connect(f *flow) error {
	back, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(l.target))
	if err != nil {
		return fmt.Errorf("udplink: %w", err)
	}
	raise(back)
	f.back = back
	l.done.Go(func() { l.readServer(f, back) })
	return nil
}

// readServer takes packets from the server to one client.
func (l *Link) readServer(f *flow, back *net.UDPConn) {
	buf := make([]byte, maxPacket)
	for {
		n, err := back.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // nobody listens at the target yet, or any more
		}
		l.mu.Lock()
		if f.back == back {
			l.enqueue(f, f.down, false, buf[:n])
		}
		l.mu.Unlock()
	}
}

// enqueue puts a packet on its way. l.mu is held.
func (l *Link) enqueue(f *flow, w *way, up bool, data []byte) {
	if l.closed {
		return
	}
	var at [2]time.Duration
	arrivals := w.fate(at[:0], l.now(), &l.cfg)
	if len(arrivals) == 0 || l.queued+len(data) > maxQueued {
		l.stats.Lost++
		return
	}
	copied := append([]byte(nil), data...)
	for _, t := range arrivals {
		l.seq++
		heap.Push(&l.queue, packet{at: t, seq: l.seq, f: f, up: up, data: copied})
		l.queued += len(data)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// send forwards packets when they are due.
func (l *Link) send() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		l.mu.Lock()
		wait := time.Hour
		for len(l.queue) > 0 {
			if wait = l.queue[0].at - l.now(); wait > 0 {
				break
			}
			wait = time.Hour
			p := heap.Pop(&l.queue).(packet)
			l.queued -= len(p.data)
			l.stats.Forwarded++
			back := p.f.back
			l.mu.Unlock()
			if p.up {
				_, _ = back.Write(p.data)
			} else {
				_, _ = l.front.WriteToUDPAddrPort(p.data, p.f.client)
			}
			l.mu.Lock()
		}
		closed := l.closed
		l.mu.Unlock()
		if closed {
			return
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-l.wake:
		}
	}
}

// packet is one that is under way.
type packet struct {
	at   time.Duration
	seq  uint64
	f    *flow
	up   bool
	data []byte
}

// packets is a heap: what is due first, and of these what came first.
type packets []packet

func (q packets) Len() int { return len(q) }
func (q packets) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q packets) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *packets) Push(x any)   { *q = append(*q, x.(packet)) }
func (q *packets) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = packet{}
	*q = (*q)[:last]
	return p
}
