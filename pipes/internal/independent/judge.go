package independent

// judge holds a part against the description and against the parts before it.
// It reports whether the part is a new one; a network may double it.
func (c *Client) judge(m []byte, structure, tick, number uint32, flags uint8, n uint16) bool {
	x := &c.ext
	if number == 0 {
		c.fault(Broke, "part number 0")
	}
	if flags&^(flagFirst|flagLast|flagMore) != 0 || flags&flagMore != 0 && flags&flagLast == 0 {
		c.fault(Broke, "part %d has flags %d", number, flags)
	}
	if n == 0 && flags&(flagFirst|flagLast) != flagFirst|flagLast {
		c.fault(Broke, "part %d is empty, and not the only one of its snapshot: flags %d", number, flags)
	}
	if n > 1 && len(m) > c.conn.MaxUnreliable() {
		c.fault(Broke, "part %d has %d records in %d bytes", number, n, len(m))
	}
	if old := x.parts[number]; old != nil {
		if old.bytes != string(m) {
			c.fault(Broke, "part %d was sent twice with different contents", number)
		}
		return false
	}
	if len(x.parts) > 0 && newer(x.newest-partsKept, number) {
		return false // so late that it says nothing
	}
	p := &part{bytes: string(m), structure: structure, tick: tick, flags: flags}
	x.parts[number] = p
	if len(x.parts) == 1 || newer(number, x.newest) {
		for i := x.newest - partsKept; i != number-partsKept && len(x.parts) > 1; i++ {
			delete(x.parts, i)
		}
		x.newest = number
	}
	c.neighbours(p, number)
	return true
}

// neighbours compares a part with the nearest ones that have come.
func (c *Client) neighbours(p *part, number uint32) {
	x := &c.ext
	var before, after *part
	var first, last uint32 // their distances
	for d := uint32(1); d < partsKept && before == nil; d++ {
		before, first = x.parts[number-d], d
	}
	for d := uint32(1); d < partsKept && after == nil && !newer(number+d, x.newest); d++ {
		after, last = x.parts[number+d], d
	}
	if before != nil {
		c.ordered(before, p, number, first)
	}
	if after != nil {
		c.ordered(p, after, number+last, last)
	}
}

// ordered says what must hold of two parts, of which the second one has the
// number and is d after the first, with none known between them.
func (c *Client) ordered(a, b *part, number, d uint32) {
	if newer(a.structure, b.structure) {
		c.fault(Broke, "part %d builds on structure %d, an earlier one on %d", number, b.structure, a.structure)
	}
	if newer(a.tick, b.tick) {
		c.fault(Broke, "part %d is of tick %d, an earlier one of %d", number, b.tick, a.tick)
	}
	if a.tick == b.tick {
		// One snapshot: it begins not after a and ends not before b.
		if a.flags&flagLast != 0 || b.flags&flagFirst != 0 {
			c.fault(Broke, "parts %d and %d are of one snapshot, tick %d, with flags %d and %d", number-d, number, a.tick, a.flags, b.flags)
		}
	} else if d == 1 && (a.flags&flagLast == 0 || b.flags&flagFirst == 0) {
		c.fault(Broke, "parts %d and %d are of two snapshots, ticks %d and %d, with flags %d and %d", number-1, number, a.tick, b.tick, a.flags, b.flags)
	}
}
