package independent

import (
	"time"

	"github.com/culm-net/culm/transport"
)

// ackParts acknowledges parts, in its client's way.
func (c *Client) ackParts(now time.Duration) {
	x := &c.ext
	switch c.cfg.Acks {
	case AckHonest, AckWild:
		if c.ackable {
			c.ack(x.applied, x.at, now)
		}
		if c.cfg.Acks == AckWild && c.frames%3 == 0 {
			// None of these was sent, and nor was anything 256 before.
			last := []uint32{x.newest + 10000, x.newest + 1<<31 - 1000, x.newest - 1<<30}[c.rand.IntN(3)]
			c.sendAck(last, uint16(c.rand.Uint32()), c.mask(func(uint32) bool { return c.rand.IntN(2) == 0 }, last))
		}
		c.ackable = false
	case AckLate:
		if c.rand.IntN(8) == 0 {
			// As things were some time ago, though it has heard more since.
			then := now - time.Duration(c.rand.IntN(500))*time.Millisecond
			last, at := uint32(0), time.Duration(0)
			for number, p := range x.parts {
				if p.applied && p.at <= then && (last == 0 || newer(number, last)) {
					last, at = number, p.at
				}
			}
			if last != 0 {
				c.ack(last, at, now)
			}
		}
	case AckLie:
		last := max(x.newest+uint32(c.rand.IntN(20))-10, 1) // 0 is none, and malformed
		c.sendAck(last, 0, c.mask(func(uint32) bool { return c.rand.IntN(2) == 0 }, last))
	}
}

// ack says that last was applied, and what before it.
func (c *Client) ack(last uint32, at, now time.Duration) {
	if last == 0 {
		return
	}
	applied := func(number uint32) bool {
		p := c.ext.parts[number]
		return p != nil && p.applied
	}
	c.sendAck(last, uint16(min((now-at)/(100*time.Microsecond), 65535)), c.mask(applied, last))
}

// mask has a bit for each of the 256 parts before last, the nearest first,
// without zero bytes at the end.
func (c *Client) mask(applied func(uint32) bool, last uint32) []byte {
	mask := make([]byte, 32)
	n := 0
	for i := range uint32(256) {
		if applied(last - 1 - i) {
			mask[i/8] |= 1 << (i % 8)
			n = int(i/8) + 1
		}
	}
	return mask[:n]
}

func (c *Client) sendAck(last uint32, delay uint16, mask []byte) {
	w := start(typeExtAck)
	w.Uint32(last)
	w.Uint16(delay)
	w.Uint8(uint8(len(mask)))
	w.Bytes(mask)
	c.send(w, transport.Unreliable)
}
