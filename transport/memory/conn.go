package memory

import (
	"bytes"
	"math/rand/v2"
	"time"

	"github.com/culm-net/culm/transport"
)

// Conn is one end of a connection. It implements [transport.Conn].
//
// The slices that its handler gets are overwritten when Received returns, so
// that who keeps them notices.
type Conn struct {
	n        *Network
	peer     *Conn
	identity transport.Identity
	link     Link // to the peer
	random   *rand.Rand
	handler  transport.Handler // nil until a listener gives one

	// Everything below is guarded by n.mu. n.turn is held too while the
	// handler is told something.

	// What waits to be sent. Reliable messages wait for the window too, so
	// they have a queue of their own; seq orders both.
	reliable, loose []*message
	keys            map[uint64]*message // the Latest ones in loose
	seq             uint64
	flushed         uint64 // messages up to this seq may leave
	queued          int    // bytes of both queues
	count           int    // messages in both queues

	free                    time.Duration // when the link has sent what it has
	lastReliable, lastLoose time.Duration // when the last one of these arrives
	pumping                 bool          // a pump is due at free
	unacked                 int           // bytes of reliable messages under way
	delivered               uint64

	// What has arrived.
	inbox     []*message
	inboxSize int
	holdUntil time.Duration

	isReady bool // in n.ready
	up      bool // Opened is due
	opened  bool // Opened was called
	over    bool // Closed is due
	closed  bool // Closed was called

	cause    *transport.CloseError // why it closed, set once
	farewell bool                  // the peer was told, or will not be

	stats transport.Stats
}

var _ transport.Conn = (*Conn)(nil)

type message struct {
	data     []byte
	mode     transport.Mode
	key      uint64
	seq      uint64
	left     time.Duration // when it was sent
	reliable bool
}

// size is what a message counts towards Config.Window.
func (m *message) size() int { return max(len(m.data), 1) }

// Send implements [transport.Conn].
func (c *Conn) Send(m transport.Message) error {
	limit := c.n.cfg.MaxUnreliable
	if m.Mode == transport.Reliable {
		limit = c.n.cfg.MaxReliable
	}
	if len(m.Data) > limit {
		return transport.ErrTooLarge
	}
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.cause != nil {
		return transport.ErrClosed
	}
	var old *message
	more := len(m.Data) + Overhead
	if m.Mode == transport.Latest {
		if old = c.keys[m.Key]; old != nil {
			more = len(m.Data) - len(old.data)
		}
	}
	if more > c.n.cfg.SendQueue-c.pinned() {
		return transport.ErrFull
	}
	data := m.Data
	if !m.Shared {
		data = bytes.Clone(data)
	}
	c.stats.MessagesSent++
	c.stats.BytesSent += uint64(len(data))
	if old != nil {
		c.drop(old)
		c.queued += len(data)
		c.count++
		old.data = data
		return nil
	}
	c.seq++
	msg := &message{data: data, mode: m.Mode, key: m.Key, seq: c.seq, reliable: m.Mode == transport.Reliable}
	if msg.reliable {
		c.reliable = append(c.reliable, msg)
	} else {
		c.loose = append(c.loose, msg)
	}
	if m.Mode == transport.Latest {
		if c.keys == nil {
			c.keys = make(map[uint64]*message)
		}
		c.keys[m.Key] = msg
	}
	c.queued += len(data)
	c.count++
	return nil
}

// pinned is what the queues count towards Config.SendQueue.
func (c *Conn) pinned() int { return c.queued + c.count*Overhead }

// drop takes a queued message out of the counters.
func (c *Conn) drop(m *message) {
	c.queued -= len(m.data)
	c.count--
	c.stats.MessagesSent--
	c.stats.BytesSent -= uint64(len(m.data))
	c.stats.Dropped++
}

// Flush implements [transport.Conn].
func (c *Conn) Flush() {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	c.flushed = c.seq
	c.pump()
}

// Budget implements [transport.Conn]: what the link sends in 10 ms, less what
// waits for that, and what Window leaves.
func (c *Conn) Budget() int {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if c.cause != nil {
		return 0
	}
	room := c.n.cfg.SendQueue - c.pinned() - Overhead
	room = min(room, c.n.cfg.Window-c.unacked-c.queued)
	if rate := c.link.Bandwidth; rate > 0 {
		ahead := max(0, c.free-c.n.now)
		room = min(room, int(float64(rate)*(10*time.Millisecond-ahead).Seconds())-c.queued)
	}
	return max(0, room)
}

// MaxReliable implements [transport.Conn]: Config.MaxReliable.
func (c *Conn) MaxReliable() int { return c.n.cfg.MaxReliable }

// MaxUnreliable implements [transport.Conn]: Config.MaxUnreliable.
func (c *Conn) MaxUnreliable() int { return c.n.cfg.MaxUnreliable }

// Delivered implements [transport.Conn]. A message is acknowledged when the
// peer's handler has it.
func (c *Conn) Delivered() (n uint64, ok bool) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	return c.delivered, true
}

// Hold implements [transport.Conn]. What arrives meanwhile waits; see
// Config.Window.
func (c *Conn) Hold(d time.Duration) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if d <= 0 {
		return
	}
	until := c.n.in(d)
	if until > c.holdUntil {
		c.holdUntil = until
		c.n.after(until, c.wake)
	}
}

// Close implements [transport.Conn].
func (c *Conn) Close(code transport.Code, reason string) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	c.holdUntil = 0
	c.wake()
	if c.cause != nil {
		return
	}
	c.cause = &transport.CloseError{Code: code, Reason: transport.CutReason(reason)}
	c.inbox, c.inboxSize = nil, 0
	c.flushed = c.seq
	if c.n.cfg.Linger < 0 {
		c.abandon()
		return
	}
	c.n.after(c.n.in(c.n.cfg.Linger), c.abandon)
	c.pump()
}

// Identity implements [transport.Conn].
func (c *Conn) Identity() transport.Identity { return c.identity }

// Stats implements [transport.Conn]. RTT is measured; Loss is that of the
// link.
func (c *Conn) Stats() transport.Stats {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	s := c.stats
	s.Queued = c.queued
	s.Loss = c.link.Loss
	return s
}

// SetLink changes how messages travel to the peer from now on.
func (c *Conn) SetLink(link Link) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	link.Latency = max(link.Latency, time.Microsecond)
	c.link = link
}

// wake makes the network tell the handler what is due. n.mu is held.
func (c *Conn) wake() {
	if !c.isReady {
		c.isReady = true
		c.n.ready = append(c.n.ready, c)
	}
}

// tell calls the handler for what is due. n.turn is held, n.mu is not.
func (c *Conn) tell() {
	c.n.mu.Lock()
	if !c.up || c.closed {
		c.n.mu.Unlock()
		return
	}
	if !c.opened {
		c.opened = true
		c.n.mu.Unlock()
		c.handler.Opened(c)
		c.n.mu.Lock()
	}
	if c.cause == nil || c.cause.Remote {
		if c.holdUntil > c.n.now {
			c.n.mu.Unlock()
			return // Hold has arranged for the rest
		}
		if msgs := c.take(); len(msgs) > 0 {
			c.n.mu.Unlock()
			c.handler.Received(c, msgs)
			for _, m := range msgs {
				for i := range m {
					m[i] = 0xdb
				}
			}
			c.n.mu.Lock()
		}
	}
	over := c.over
	c.closed = over
	cause := c.cause
	c.n.mu.Unlock()
	if over {
		c.handler.Closed(c, cause)
	}
}
