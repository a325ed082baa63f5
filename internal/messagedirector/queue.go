package messagedirector

// Post puts all that b holds into the queue, at once and in its order, and
// leaves b empty, to be filled again. It may be called from any goroutine.
// When nobody is inside the order, the caller works the queue off; it must not
// hold a lock that a role takes inside.
func (d *Director) Post(b *Batch) {
	if b.empty() {
		return
	}
	d.mu.Lock()
	if d.waiting.empty() {
		d.waiting, *b = *b, d.waiting
	} else {
		d.waiting.take(b)
	}
	idle := !d.busy
	d.busy = true
	d.mu.Unlock()
	if idle {
		d.work()
	}
}

// Do calls f inside the order, behind everything that was posted before. It
// may be called from any goroutine, like Post, and from inside.
func (d *Director) Do(f func()) {
	var b Batch
	b.Do(f)
	d.Post(&b)
}

// Emit returns where p appends what it sends from inside the order; it comes
// behind all that waits. The batch is the director's: it must not be posted,
// and after any other call of the director Emit must be called again.
func (d *Director) Emit(p *Participant) *Batch {
	d.next.From(p)
	return &d.next
}

// AfterRound lets f be called inside the order each time that everything was
// handled that the queue held a moment ago, for example to see to what was
// queued for clients. It is called from inside, and f cannot be taken back.
func (d *Director) AfterRound(f func()) { d.afterRound = append(d.afterRound, f) }

// DefaultBacklog is how many bytes of messages should wait at most before peers
// are read more slowly.
const DefaultBacklog = 16 << 20

// Backlog is how many bytes of messages wait before the queue, and of what
// [Batch.DoWith] has them call. Who reads from peers should slow them down when
// it grows. It may be called from any goroutine.
func (d *Director) Backlog() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting.Len()
}

// The goroutine of one Post takes maxTurns times what others have posted
// meanwhile, and works for maxRounds rounds, before it leaves the rest to a
// goroutine made for that: it has other things to do.
const (
	maxTurns  = 64
	maxRounds = 1 << 16
)

// work works the queue off. The caller has set d.busy.
func (d *Director) work() {
	for turns, rounds := 0, 0; ; rounds++ {
		d.mu.Lock()
		d.published = d.count.stats(d)
		foreign := !d.waiting.empty()
		if !foreign && d.next.empty() {
			d.busy = false
			d.mu.Unlock()
			return
		}
		d.taken, d.waiting = d.waiting, d.taken
		d.mu.Unlock()

		switch {
		case d.next.empty():
			d.next, d.taken = d.taken, d.next
		case foreign:
			d.next.take(&d.taken)
		}
		d.now, d.next = d.next, d.now
		d.round()
		for _, f := range d.afterRound {
			f()
		}
		if foreign {
			turns++
		}
		if turns > maxTurns || rounds > maxRounds {
			go d.work()
			return
		}
	}
}

// round handles what the queue holds. What comes of it waits for the next one.
func (d *Director) round() {
	b := &d.now
	bytes := b.w.Buf
	at := 0
	for i := range b.parts {
		p := &b.parts[i]
		switch {
		case p.do != nil:
			p.do()
		case p.leave:
			d.Leave(p.from)
		}
		for at < p.end {
			n := int(bytes[at]) | int(bytes[at+1])<<8
			at += frameHead
			if !p.from.out { // which a message before may have made it
				d.handle(p.from, bytes[at:at+n:at+n])
			}
			at += n
		}
	}
	b.reset()
}
