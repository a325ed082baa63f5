package clientagent

// channels hands out the channels of sessions: each once in ascending order,
// then those that were given back, the oldest first.
type channels struct {
	next, max uint64
	free      []uint64
}

// take returns a channel, or 0 when none is left.
func (c *channels) take() uint64 {
	switch {
	case c.next != 0 && c.next <= c.max:
		ch := c.next
		c.next++ // 0 after the highest there is
		return ch
	case len(c.free) > 0:
		ch := c.free[0]
		c.free = c.free[1:]
		return ch
	}
	return 0
}

func (c *channels) give(ch uint64) { c.free = append(c.free, ch) }
