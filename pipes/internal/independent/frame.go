package independent

import (
	"time"

	"github.com/culm-net/culm/transport"
)

// Acks is how a client acknowledges.
type Acks uint8

const (
	// AckHonest says in each frame what was applied.
	AckHonest Acks = iota
	// AckNever says nothing.
	AckNever
	// AckLate says it up to half a second later, and repeats itself.
	AckLate
	// AckWild does as AckHonest, and names besides what was never sent.
	AckWild
	// AckLie names what the server may well have sent and the client never
	// got. What such a client shows is its own fault.
	AckLie
)

// String returns the way's name.
func (a Acks) String() string {
	return [...]string{"acks honestly", "never acks", "acks late", "acks wildly", "lies in acks"}[a]
}

// PingInterval is the time from an answer to the next ping.
const PingInterval = 500 * time.Millisecond

// Frame is a frame of the client's game: it acknowledges and pings. dt is the
// time since the last one.
func (c *Client) Frame(dt time.Duration) {
	if !c.welcomed || c.ended {
		return
	}
	c.frames++
	now := c.cfg.Now()
	// An answer that is lost is waited for four intervals.
	if lost := c.extension && c.pinged && now-c.pingAt > 4*PingInterval; lost || !c.pinged && now >= c.pingWait {
		c.pinged, c.pingAt = true, now
		c.pings++
		if c.extension {
			w := start(typeExtPing)
			w.Uint16(c.pings)
			c.send(w, transport.Unreliable)
		} else {
			c.send(start(typePing), transport.Reliable)
		}
	}
	if c.extension {
		c.ackParts(now)
	} else {
		c.ackTick(dt)
	}
}

// pong takes the answer to the ping of that number.
func (c *Client) pong(number uint16) {
	now := c.cfg.Now()
	if !c.pinged || number != c.pings {
		// An extension's answer may be late or doubled, a plain one not.
		if !c.extension {
			c.fault(Broke, "an answer to no ping")
		} else if int16(number-c.pings) > 0 {
			c.fault(Broke, "an answer to ping %d, and the last was %d", number, c.pings)
		}
		return
	}
	c.pinged, c.pingWait = false, now+PingInterval
	w := start(typeInformPing)
	w.Uint32(uint32((now - c.pingAt).Milliseconds()))
	c.send(w, transport.Reliable)
}

func (c *Client) ackTick(dt time.Duration) {
	say := func(tick uint32) {
		w := start(typeTick)
		w.Uint32(tick)
		w.Float32(float32(dt.Seconds()))
		c.send(w, transport.Reliable)
	}
	switch c.cfg.Acks {
	case AckHonest:
		if c.ackable {
			say(c.lastTick)
		}
		c.late = c.late[:0]
	case AckNever:
		c.late = c.late[:0]
	case AckLate:
		// In any order, and at any time.
		if n := len(c.late); n > 0 && c.rand.IntN(8) == 0 {
			say(c.late[c.rand.IntN(n)])
			if n > 20 {
				c.late = append(c.late[:0], c.late[n-10:]...)
			}
		}
	case AckWild:
		if c.ackable {
			say(c.lastTick)
		}
		if c.frames%3 == 0 {
			say([]uint32{c.rand.Uint32(), c.lastTick + 10000, 0xffffffff, 0x80000000, c.lastTick - 5000}[c.rand.IntN(5)])
		}
		c.late = c.late[:0]
	case AckLie:
		say(c.lastTick + uint32(c.rand.IntN(20)) - 10)
		c.late = c.late[:0]
	}
	c.ackable = false
}
