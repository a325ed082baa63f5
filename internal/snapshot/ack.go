package snapshot

// Ack tells that the client has the part of that number, and reports whether it
// was outstanding; if not, it has no effect.
func (v *View) Ack(seq uint32) bool { return v.AckRun(seq, 1) }

// AckRun is Ack for n parts from that number on, and reports whether any of them
// was outstanding. A whole snapshot costs little more than a part, so it is for
// wire.Ack.Runs.
func (v *View) AckRun(seq uint32, n int) bool {
	return v.ack(v.sent.acknowledge(seq, n, &v.held))
}

// AckTick tells that the client has all snapshots up to that of the given tick,
// and reports whether that one was outstanding; if not, it has no effect.
func (v *View) AckTick(tick uint32) bool {
	return v.ack(v.sent.acknowledgeTick(tick, &v.held))
}

func (v *View) ack(ok bool) bool {
	if ok {
		v.acked, v.hearing = true, true
	}
	return ok
}
