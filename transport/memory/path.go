package memory

import (
	"bytes"
	"time"

	"github.com/culm-net/culm/transport"
)

// This file is the way of a message from one queue to the other end. n.mu is
// held in all of it.

// pump sends what may leave now.
func (c *Conn) pump() {
	for m := c.next(); m != nil; m = c.next() {
		if c.free > c.n.now {
			if !c.pumping {
				c.pumping = true
				c.n.after(c.free, func() {
					c.pumping = false
					c.pump()
				})
			}
			return
		}
		c.send(m)
	}
	if c.cause != nil && c.count == 0 && !c.farewell {
		c.sayFarewell()
	}
}

// next returns the first message that may leave, or nil.
func (c *Conn) next() *message {
	var m *message
	if len(c.reliable) > 0 {
		m = c.reliable[0]
		if c.unacked > 0 && c.unacked+m.size() > c.n.cfg.Window {
			m = nil
		}
	}
	if len(c.loose) > 0 && (m == nil || c.loose[0].seq < m.seq) {
		m = c.loose[0]
	}
	if m == nil || m.seq > c.flushed {
		return nil
	}
	return m
}

// send puts m, the first of its queue, on its way.
func (c *Conn) send(m *message) {
	c.queued -= len(m.data)
	c.count--
	c.free = c.n.now
	if c.link.Bandwidth > 0 {
		c.free += time.Duration(float64(m.size()) / float64(c.link.Bandwidth) * float64(time.Second))
	}
	m.left = c.n.now
	if m.reliable {
		c.stats.Left += uint64(len(m.data))
		c.reliable = c.reliable[1:]
		c.unacked += m.size()
		if at, ok := c.arrival(); ok {
			c.n.after(at, func() { c.peer.arrive(m) })
		} else {
			c.n.after(at, c.fail)
		}
		return
	}
	c.loose = c.loose[1:]
	if m.mode == transport.Latest {
		delete(c.keys, m.key)
	}
	if c.chance(c.link.Loss) {
		return
	}
	at := max(c.free+c.link.Latency+c.jitter(), c.lastLoose)
	if c.chance(c.link.Reorder) {
		at += c.link.Latency/2 + c.link.Jitter + time.Millisecond
	} else {
		c.lastLoose = at
	}
	c.n.after(at, func() { c.peer.arrive(m) })
	if c.chance(c.link.Duplicate) {
		c.n.after(at+c.jitter(), func() { c.peer.arrive(m) })
	}
}

// arrival decides when something reliable arrives that leaves now, or when it
// is given up.
func (c *Conn) arrival() (at time.Duration, ok bool) {
	at = c.free + c.link.Latency + c.jitter()
	for try := 1; c.chance(c.link.Loss); try++ {
		at += c.link.Latency + c.peer.link.Latency + c.link.Jitter
		if try == MaxTries {
			return at, false
		}
	}
	c.lastReliable = max(c.lastReliable, at)
	return c.lastReliable, true
}

func (c *Conn) chance(p float64) bool { return p > 0 && c.random.Float64() < p }

func (c *Conn) jitter() time.Duration {
	if c.link.Jitter <= 0 {
		return 0
	}
	return time.Duration(c.random.Int64N(int64(c.link.Jitter) + 1))
}

// arrive takes a message from the peer.
func (c *Conn) arrive(m *message) {
	switch {
	case c.cause != nil:
		if m.reliable {
			c.acknowledge(m)
		}
		return
	case !m.reliable && c.inboxSize+m.size() > c.n.cfg.Window:
		return
	}
	c.inbox = append(c.inbox, m)
	c.inboxSize += m.size()
	c.wake()
}

// take empties the inbox, in copies that the handler may write to.
func (c *Conn) take() [][]byte {
	var msgs [][]byte
	for _, m := range c.inbox {
		msgs = append(msgs, bytes.Clone(m.data))
		c.stats.MessagesReceived++
		c.stats.BytesReceived += uint64(len(m.data))
		if m.reliable {
			c.acknowledge(m)
		}
	}
	c.inbox, c.inboxSize = nil, 0
	return msgs
}

// acknowledge tells the peer that its reliable message m was received.
func (c *Conn) acknowledge(m *message) {
	peer := c.peer
	c.n.after(c.n.now+c.link.Latency, func() {
		peer.unacked -= m.size()
		peer.delivered++
		rtt := c.n.now - m.left
		if peer.stats.RTT == 0 {
			peer.stats.RTT = rtt
		}
		peer.stats.RTT += (rtt - peer.stats.RTT) / 8
		peer.pump()
	})
}

// sayFarewell tells the peer code and reason, behind all reliable messages.
func (c *Conn) sayFarewell() {
	c.farewell = true
	at, ok := c.arrival()
	if !ok {
		c.n.after(at, c.fail)
		return
	}
	c.n.after(at, func() {
		p := c.peer
		if p.cause == nil {
			p.cause = &transport.CloseError{Remote: true, Code: c.cause.Code, Reason: c.cause.Reason}
		}
		p.end()
		c.n.after(c.n.now+p.link.Latency, c.end)
	})
}

// abandon ends the linger time.
func (c *Conn) abandon() {
	if c.over {
		return
	}
	c.clearQueues()
	if !c.farewell {
		c.sayFarewell()
	}
	c.end()
}

// fail ends both sides because the network does not carry between them.
func (c *Conn) fail() {
	for _, e := range []*Conn{c, c.peer} {
		if e.cause == nil {
			e.cause = &transport.CloseError{Code: transport.CodeTimeout, Reason: "nothing gets through"}
		}
		e.end()
	}
}

// refuse ends a connection that no handler will get.
func (c *Conn) refuse() {
	c.cause = &transport.CloseError{Code: transport.CodeRefused, Reason: "nobody accepts connections"}
	c.sayFarewell()
}

// end makes Closed due.
func (c *Conn) end() {
	if c.over {
		return
	}
	c.over = true
	c.farewell = true
	c.clearQueues()
	c.wake()
}

func (c *Conn) clearQueues() {
	for _, queue := range [][]*message{c.reliable, c.loose} {
		for _, m := range queue {
			c.drop(m)
		}
	}
	c.reliable, c.loose, c.keys = nil, nil, nil
}
