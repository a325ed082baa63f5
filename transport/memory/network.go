// Package memory is a simulated network for tests: it carries messages between
// goroutines, or within one, with the delay, loss and narrowness of a real one.
//
// Its time is virtual. Nothing happens but inside [Network.Advance], which
// calls all handlers on the caller's goroutine, so that a test which uses one
// goroutine runs the same way each time, for the same [Config.Seed]. For use
// without a test's own clock there is [Network.Run].
package memory

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/culm-net/culm/transport"
)

// Link says how one direction of a connection carries messages. The zero value
// is a perfect one.
type Link struct {
	// Latency is how long a message is on its way; less than 1 µs means 1 µs.
	Latency time.Duration
	// Jitter is added to Latency, for each message a random part of it. By
	// itself it never changes the order of messages.
	Jitter time.Duration
	// Loss is the probability, 0 to 1, that a message is lost. A lost
	// reliable message is sent again after a round trip and Jitter; after
	// MaxTries losses in a row the connection breaks with CodeTimeout.
	Loss float64
	// Duplicate is the probability that an unreliable message arrives twice.
	Duplicate float64
	// Reorder is the probability that an unreliable message takes half a
	// Latency, Jitter and a millisecond longer, so that later ones overtake it.
	Reorder float64
	// Bandwidth is how many bytes of messages leave in a second; what is sent
	// faster waits in the send queue. 0 means no limit.
	Bandwidth int
}

// MaxTries is how often a reliable message is sent before the connection breaks.
const MaxTries = 16

// Config says what a network is like. The zero value is a perfect one.
type Config struct {
	// Seed decides all that is random.
	Seed uint64
	// Up is the direction from who dials to who listens, Down the other one.
	Up, Down Link
	// MaxReliable and MaxUnreliable are the longest messages in bytes. 0
	// means 65,535 and 1,200.
	MaxReliable, MaxUnreliable int
	// SendQueue is how many bytes a connection's send queue holds, with
	// Overhead for each message. 0 means 1 MiB. It is raised to hold at
	// least one message.
	SendQueue int
	// Window is how many bytes of reliable messages may be under way or wait
	// at the receiver, while it holds them, before the sender's queue waits;
	// also, how many bytes wait there before unreliable ones are dropped.
	// A message longer than that goes when nothing else is under way. 0
	// means 256 KiB.
	Window int
	// Linger is how long after Close reliable messages are still sent. 0
	// means 2 s; a negative value drops them.
	Linger time.Duration
}

// Overhead is what a message counts towards Config.SendQueue beyond its length.
const Overhead = 32

func (c Config) withDefaults() Config {
	c.MaxReliable = cmp.Or(c.MaxReliable, 65_535)
	c.MaxUnreliable = cmp.Or(c.MaxUnreliable, 1200)
	c.SendQueue = max(cmp.Or(c.SendQueue, 1<<20), max(c.MaxReliable, c.MaxUnreliable)+Overhead)
	c.Window = cmp.Or(c.Window, 256<<10)
	c.Linger = cmp.Or(c.Linger, 2*time.Second)
	c.Up.Latency = max(c.Up.Latency, time.Microsecond)
	c.Down.Latency = max(c.Down.Latency, time.Microsecond)
	return c
}

// Network is a simulated network. Its methods may be called from any
// goroutine; Advance not from a handler.
type Network struct {
	cfg Config

	turn sync.Mutex // held during Advance, so that handlers are called by one

	mu        sync.Mutex // guards all below and all of the connections' state
	now       time.Duration
	events    events
	seq       uint64
	ready     []*Conn // have something to tell their handler
	listeners map[string]*Listener
	dialed    uint64
}

// New makes a network at time 0.
func New(cfg Config) *Network {
	return &Network{cfg: cfg.withDefaults(), listeners: make(map[string]*Listener)}
}

// Now is the network's time: how far it was advanced since New.
func (n *Network) Now() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

// Advance lets everything happen that is due up to the time to, in order. What
// handlers send meanwhile is part of that.
func (n *Network) Advance(to time.Duration) {
	n.turn.Lock()
	defer n.turn.Unlock()
	for {
		n.mu.Lock()
		if len(n.ready) == 0 && (len(n.events) == 0 || n.events[0].at > to) {
			n.now = max(n.now, to)
			n.mu.Unlock()
			return
		}
		if len(n.ready) == 0 {
			n.now = max(n.now, n.events[0].at)
		}
		for len(n.events) > 0 && n.events[0].at <= n.now {
			heap.Pop(&n.events).(event).do()
		}
		ready := n.ready
		n.ready = nil
		for _, c := range ready {
			c.isReady = false
		}
		n.mu.Unlock()
		for _, c := range ready {
			c.tell()
		}
	}
}

// Step advances the network by d.
func (n *Network) Step(d time.Duration) { n.Advance(n.Now() + d) }

// Run advances the network with the time of day, each millisecond, until ctx
// is done.
func (n *Network) Run(ctx context.Context) {
	began, offset := time.Now(), n.Now()
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			n.Advance(offset + time.Since(began))
		}
	}
}

// Listen makes a listener that is dialed by its name.
func (n *Network) Listen(name string) (*Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[name] != nil {
		return nil, fmt.Errorf("memory: somebody listens as %q already", name)
	}
	l := &Listener{n: n, addr: Addr(name), closed: make(chan struct{})}
	n.listeners[name] = l
	return l, nil
}

// Dial connects to the listener of that name. Messages may be sent on the
// connection at once; Opened and all else is called when the network advances.
func (n *Network) Dial(name string, h transport.Handler) (*Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[name]
	if l == nil {
		return nil, fmt.Errorf("memory: nobody listens as %q", name)
	}
	n.dialed++
	up := n.newConn(n.cfg.Up, l.addr, 2*n.dialed)
	down := n.newConn(n.cfg.Down, Addr(fmt.Sprintf("dialer-%d", n.dialed)), 2*n.dialed+1)
	up.peer, down.peer = down, up
	up.handler = h

	// Nothing arrives before the connection is up.
	accepted := n.now + n.cfg.Up.Latency
	opened := accepted + n.cfg.Down.Latency
	up.lastReliable, up.lastLoose = accepted, accepted
	down.lastReliable, down.lastLoose = opened, opened
	n.after(accepted, func() { l.offer(down) })
	n.after(opened, func() {
		up.up = true
		up.wake()
	})
	return up, nil
}

func (n *Network) newConn(link Link, peer Addr, stream uint64) *Conn {
	return &Conn{
		n:        n,
		link:     link,
		random:   rand.New(rand.NewPCG(n.cfg.Seed, stream)),
		identity: transport.Identity{Addr: peer},
	}
}

// in is the time in d from now, or the last one there is.
func (n *Network) in(d time.Duration) time.Duration {
	return n.now + min(d, math.MaxInt64-n.now)
}

// after makes do happen at the time at, with mu held.
func (n *Network) after(at time.Duration, do func()) {
	n.seq++
	heap.Push(&n.events, event{at: at, seq: n.seq, do: do})
}

type event struct {
	at  time.Duration
	seq uint64 // orders what happens at the same time
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return last
}
