package lan

// Everybody in a zone answers a REQUEST_GENERATES with all objects it has
// there, and all others get the answers: n clients send n² messages for each
// newcomer. One who comes and goes could keep all others busy with that, and
// so could honest clients that all come back after a restart. Therefore the
// clients in a zone are asked at most once a period. The first newcomer does
// not wait; those who come later in the same period share one request at its
// end.

// requestGenerates has everybody else who is interested in v's zone asked to
// send the objects it has there again, for v's client.
func (k *core) requestGenerates(v *view) {
	c, z := v.client, v.zone
	c.added++
	switch {
	case len(z.views) == 1: // only c is there
	case z.asked != k.period:
		k.ask(z, c)
	case !z.due:
		z.due = true
		z.newcomer = c
		k.due = append(k.due, z)
	case z.newcomer != c:
		z.newcomer = nil
	}
}

// nextPeriod asks on behalf of those who had to wait.
func (k *core) nextPeriod() {
	k.period++
	for _, z := range k.due {
		k.ask(z, z.newcomer)
		z.due = false
		z.newcomer = nil
	}
	clear(k.due)
	k.due = k.due[:0]
}

// ask sends a REQUEST_GENERATES to everybody in a zone, except one client, if
// any.
func (k *core) ask(z *zone, except *client) {
	z.asked = k.period
	k.begin(RequestGenerates)
	k.uint32(z.id)
	k.sendZone(z, except)
}
