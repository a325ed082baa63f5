package snapshot

// ackRun is parts that follow each other and were acknowledged.
type ackRun struct{ seq, n uint32 }

// maxAcks is how many of them wait until the next Produce at most.
const maxAcks = 64

// Ack tells that the client has the part of that number, and reports whether it
// was outstanding; if not, it has no effect.
func (v *View) Ack(seq uint32) bool {
	v.takeAcks()
	return v.ack(v.sent.acknowledge(seq, 1, &v.held))
}

// AckRun is Ack for n parts from that number on. A whole snapshot costs little
// more than a part, so it is for wire.Ack.Runs. If Produce uses several cores, it
// takes effect there, on the one that has the view in its cache.
func (v *View) AckRun(seq uint32, n int) {
	if v.index.crew <= 1 { // none waits
		v.ack(v.sent.acknowledge(seq, n, &v.held))
		return
	}
	if !v.acking {
		w := v.index.workers[v.home]
		w.acking = append(w.acking, v)
		v.acking = true
	}
	if len(v.acks) == maxAcks {
		v.takeAcks()
	}
	v.acks = append(v.acks, ackRun{seq, uint32(n)})
}

// takeAcks takes in what waits.
func (v *View) takeAcks() {
	for _, a := range v.acks {
		v.ack(v.sent.acknowledge(a.seq, int(a.n), &v.held))
	}
	v.acks = v.acks[:0]
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
