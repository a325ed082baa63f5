package messagedirector

import (
	"errors"
	"iter"
	"math"
	"slices"
	"sync"
)

// Director routes messages between participants. The package's text says what
// may be called from where; [Director.Post], [Director.Do], [Director.Backlog],
// [Director.Above] and [Director.Stats] are for any goroutine, everything else
// is for inside.
type Director struct {
	limits Limits

	// Inside the order:
	table        channelTable
	ranges       rangeTable
	participants []*Participant            // by id; nil where an id is free
	freeIDs      []uint32                  // of participants
	posters      map[uint64][]*Participant // who has post-removes, by their sender
	upstream     Upstream                  // nil while there is none
	above        Participant               // the origin of what comes from there
	departed     Participant               // in whose name post-removes of others are cleared
	message      Message                   // the one being delivered
	targets      []*Participant            // scratch space: who gets it
	now, next    Batch                     // being worked off, and what comes of it
	taken        Batch                     // scratch space: what was waiting
	afterRound   []func()
	count        counters

	// Before the queue:
	mu        sync.Mutex
	waiting   Batch // posted and not yet taken
	busy      bool  // somebody is inside
	published Stats
}

// Limits bound what participants may make a director hold. A link that
// passes one is closed; calls inside the order answer with an error.
type Limits struct {
	// Channels is how many single channels a participant may subscribe.
	// 0 means 4,194,304.
	Channels int
	// Ranges is how many ranges a participant may have, those that touch
	// counted as one. 0 means 16,384.
	Ranges int
	// AllRanges bounds what ranges cost altogether: they cut the channels into
	// pieces, and for each piece each participant that covers it counts. Who
	// comes last is refused, like one with too many ranges of its own. 0 means
	// 1,048,576.
	AllRanges int
	// PostRemoves is how many bytes of post-removes a participant may have,
	// each counted with 64 bytes more than its message. 0 means 64 MiB.
	PostRemoves int
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	set(&l.Channels, 1<<22)
	set(&l.Ranges, 1<<14)
	set(&l.AllRanges, 1<<20)
	set(&l.PostRemoves, 64<<20)
	return l
}

// Why a participant cannot be given more.
var (
	ErrChannels    = errors.New("messagedirector: the participant has subscribed as many channels as one may")
	ErrRanges      = errors.New("messagedirector: the participant has subscribed as many ranges as one may")
	ErrAllRanges   = errors.New("messagedirector: all participants together have subscribed as many ranges, and parts of them, as they may")
	ErrPostRemoves = errors.New("messagedirector: the participant has as many bytes of post-removes as one may")
)

// New makes a director without participants.
func New(l Limits) *Director {
	return &Director{
		limits:       l.withDefaults(),
		table:        channelTable{entries: make(map[uint64]uint32)},
		participants: make([]*Participant, 1), // id 0 is nobody
		posters:      make(map[uint64][]*Participant),
		above:        Participant{up: true},
	}
}

// handle lets one message from p take effect.
func (d *Director) handle(p *Participant, b []byte) {
	if !p.up && isControl(b) {
		d.control(p, b)
		return
	}
	if err := d.message.parse(b); err != nil {
		d.count.malformed++
		return
	}
	d.route(p, &d.message)
}

// route delivers m, which p has sent.
func (d *Director) route(p *Participant, m *Message) {
	d.count.routed++
	d.count.routedBytes += uint64(len(m.Raw))
	m.Serial++
	p.mark = m.Serial // or it would get it back
	targets := d.targets[:0]
	for i := range m.Recipients() {
		ch := m.Recipient(i)
		if e, ok := d.table.entries[ch]; ok {
			if e&listBit == 0 {
				targets = d.target(targets, e)
			} else {
				for _, piece := range d.table.lists[e&^listBit] {
					for _, id := range piece {
						targets = d.target(targets, id)
					}
				}
			}
		}
		if len(d.ranges.spans) > 0 {
			for _, id := range d.ranges.at(ch) {
				targets = d.target(targets, id)
			}
		}
	}
	for _, t := range targets {
		if t.id == 0 {
			continue // it has left because of this message
		}
		d.count.delivered++
		t.Receiver.Receive(m)
	}
	clear(targets) // or they would keep in memory who has left
	d.targets = targets
	if d.upstream != nil && !p.up {
		d.upstream.Forward(m)
	}
}

// target adds a participant to those who get the message, once.
func (d *Director) target(to []*Participant, id uint32) []*Participant {
	t := d.participants[id]
	if t.mark == d.message.Serial {
		return to
	}
	t.mark = d.message.Serial
	return append(to, t)
}

// Subscribers yields the participants that have subscribed ch as a single
// channel. Nothing may be asked of the director meanwhile.
func (d *Director) Subscribers(ch uint64) iter.Seq[*Participant] {
	return func(yield func(*Participant) bool) {
		e, ok := d.table.entries[ch]
		if !ok {
			return
		}
		if e&listBit == 0 {
			yield(d.participants[e])
			return
		}
		for _, piece := range d.table.lists[e&^listBit] {
			for _, id := range piece {
				if !yield(d.participants[id]) {
					return
				}
			}
		}
	}
}

// PassOn lets p receive m as if it had subscribed one of its recipients. It is
// for a [Receiver] that subscribes a channel for other participants, while m is
// delivered to it: who has sent m, or gets it anyway, does not get it again.
func (d *Director) PassOn(m *Message, p *Participant) {
	if p.mark == m.Serial {
		return
	}
	p.mark = m.Serial
	d.count.delivered++
	p.Receiver.Receive(m)
}

// control lets a control message of p take effect.
func (d *Director) control(p *Participant, b []byte) {
	c, err := parseControl(b)
	if err != nil {
		d.count.malformed++
		return
	}
	switch c.typ {
	case ControlAddChannel:
		err = d.Subscribe(p, c.low)
	case ControlRemoveChannel:
		d.Unsubscribe(p, c.low)
	case ControlAddRange:
		err = d.SubscribeRange(p, c.low, c.high)
	case ControlRemoveRange:
		err = d.UnsubscribeRange(p, c.low, c.high)
	case ControlAddPostRemove:
		err = d.AddPostRemove(p, c.low, c.contents)
	case ControlClearPostRemoves:
		d.ClearPostRemoves(p, c.low)
	}
	if err == nil {
		return
	}
	d.count.refused++
	if l, ok := p.Receiver.(overrunner); ok {
		l.overrun(err)
	}
}

// overrunner is a receiver that wants to know when its participant has reached
// a limit.
type overrunner interface{ overrun(err error) }

// Subscribe makes p a subscriber of a channel, if it is not one yet. A channel
// that p covers with a range is not subscribed again, and ends with the range.
// The error is [ErrChannels].
func (d *Director) Subscribe(p *Participant, ch uint64) error {
	if p.id != 0 && p.more != nil {
		if p.more.ranges.at(ch) != nil {
			return nil
		}
		if int(p.few)+len(p.more.channels) >= d.limits.Channels && !d.table.has(ch, p.id) {
			return ErrChannels
		}
	}
	d.enter(p)
	added, first := d.table.add(ch, p.id)
	if added {
		p.note(ch)
	}
	if first && d.upstream != nil {
		d.upstream.AddChannel(ch)
	}
	return nil
}

// Unsubscribe ends the subscription of a single channel by p. A range that
// covers it remains.
func (d *Director) Unsubscribe(p *Participant, ch uint64) {
	removed, last := d.table.remove(ch, p.id)
	if removed {
		p.forget(ch)
	}
	if last && d.upstream != nil {
		d.upstream.RemoveChannel(ch)
	}
}

// SubscribeRange makes p a subscriber of all channels from low to high, both
// included; of none if low is above high. The error is [ErrRanges] or
// [ErrAllRanges].
func (d *Director) SubscribeRange(p *Participant, low, high uint64) error {
	if low > high {
		return nil
	}
	own := &p.extra().ranges
	if len(own.spans) >= d.limits.Ranges {
		return ErrRanges
	}
	if d.ranges.size+d.ranges.growth(low, high) > d.limits.AllRanges {
		return ErrAllRanges
	}
	d.enter(p)
	own.add(p.id, low, high)
	if alone := d.ranges.add(p.id, low, high); alone && d.upstream != nil {
		d.upstream.AddRange(low, high)
	}
	return nil
}

// UnsubscribeRange ends all subscriptions of p from low to high, both included,
// those of single channels too. The error is [ErrRanges] or [ErrAllRanges]: a
// hole makes two pieces of one.
func (d *Director) UnsubscribeRange(p *Participant, low, high uint64) error {
	if low > high {
		return nil
	}
	if p.more != nil && len(p.more.ranges.spans) >= d.limits.Ranges {
		return ErrRanges
	}
	if p.more != nil && len(p.more.ranges.spans) > 0 && d.ranges.size+d.ranges.growth(low, high) > d.limits.AllRanges {
		return ErrAllRanges
	}
	d.unsubscribeRange(p, low, high)
	return nil
}

func (d *Director) unsubscribeRange(p *Participant, low, high uint64) {
	bounds, any := d.ranges.bounds()
	if p.more != nil {
		p.more.ranges.remove(p.id, low, high)
	}
	if p.id != 0 {
		d.ranges.remove(p.id, low, high)
	}
	var gone []interval
	if any && d.upstream != nil {
		// Astron tells of all that nobody covers any more, held or not.
		gone = d.ranges.gaps(low, high, bounds)
	}
	for _, g := range gone {
		d.upstream.RemoveRange(g.low, g.high)
	}
	for _, ch := range p.channels(low, high) {
		_, last := d.table.remove(ch, p.id)
		p.forget(ch)
		if last && d.upstream != nil && !within(gone, ch) {
			d.upstream.RemoveChannel(ch)
		}
	}
	for _, g := range gone {
		// RemoveRange has ended these too, which others here still hold.
		for _, ch := range d.table.within(g.low, g.high) {
			d.upstream.AddChannel(ch)
		}
	}
}

func within(all []interval, ch uint64) bool {
	return slices.ContainsFunc(all, func(i interval) bool { return i.low <= ch && ch <= i.high })
}

// AddPostRemove stores a message that is routed once p has left; sender is by
// what ClearPostRemoves finds it. The message is copied; a control message will
// not be sent, because p is not there then. The error is [ErrPostRemoves], or
// [ErrTooLong] for a message that does not fit into the one that tells of it.
func (d *Director) AddPostRemove(p *Participant, sender uint64, message []byte) error {
	if len(message) > maxPostRemove {
		return ErrTooLong
	}
	posts := &p.extra().posts
	if posts.bytes+len(message)+postRemoveCost > d.limits.PostRemoves {
		return ErrPostRemoves
	}
	if posts.add(sender, message) {
		d.posters[sender] = append(d.posters[sender], p)
	}
	if d.upstream != nil {
		d.upstream.AddPostRemove(sender, message)
	}
	return nil
}

// ClearPostRemoves forgets the post-removes of p of that sender.
func (d *Director) ClearPostRemoves(p *Participant, sender uint64) {
	if p.more != nil && p.more.posts.clear(sender) {
		d.forgetPoster(p, sender)
	}
	if d.upstream == nil {
		return
	}
	d.upstream.ClearPostRemoves(sender)
	// That has ended these too, which others here still want.
	for _, other := range d.posters[sender] {
		for _, m := range other.more.posts.of(sender) {
			d.upstream.AddPostRemove(sender, m)
		}
	}
}

func (d *Director) forgetPoster(p *Participant, sender uint64) {
	all := d.posters[sender]
	i := slices.Index(all, p)
	if all = slices.Delete(all, i, i+1); len(all) > 0 {
		d.posters[sender] = all
	} else {
		delete(d.posters, sender)
	}
}

// Leave ends all subscriptions of p, first of single channels and then of
// ranges, and puts its post-removes at the end of the queue. Messages that it
// has sent before are not affected. It may subscribe again afterwards.
func (d *Director) Leave(p *Participant) {
	for _, ch := range p.channels(0, math.MaxUint64) {
		d.Unsubscribe(p, ch)
	}
	m := p.more
	p.more = nil
	if m != nil {
		for _, r := range m.ranges.spans {
			d.unsubscribeRange(p, r.low, r.high)
		}
	}
	if p.id != 0 {
		d.participants[p.id] = nil
		d.freeIDs = append(d.freeIDs, p.id)
		p.id = 0
	}
	if m == nil {
		return
	}
	from := p
	if p.out {
		from = &d.departed
	}
	for _, s := range m.posts.senders {
		d.forgetPoster(p, s.channel)
		b := d.Emit(from)
		for _, message := range s.messages {
			if isControl(message) {
				d.count.malformed++ // p is not there to have subscriptions
				continue
			}
			_ = b.Append(message) // it came in a message that was longer
		}
		// Not from p, which may be back with new ones by then.
		d.Emit(&d.departed).ClearPostRemoves(s.channel)
	}
}

// Expel is Leave for one that may not come back. What it has sent and what is
// still in the queue is dropped: it would come behind the post-removes that
// clear up after it.
func (d *Director) Expel(p *Participant) {
	p.out = true
	d.Leave(p)
}

// enter gives p an id.
func (d *Director) enter(p *Participant) {
	if p.id != 0 {
		return
	}
	if n := len(d.freeIDs); n > 0 {
		p.id, d.freeIDs = d.freeIDs[n-1], d.freeIDs[:n-1]
		d.participants[p.id] = p
		return
	}
	p.id = uint32(len(d.participants))
	d.participants = append(d.participants, p)
}

// SetUpstream connects the director to the rest of the cluster, or with nil
// disconnects it. A new upstream is told all subscriptions and post-removes
// there are. Messages that are sent while there is none stay here.
func (d *Director) SetUpstream(u Upstream) {
	d.upstream = u
	if u == nil {
		return
	}
	for _, ch := range d.table.within(0, math.MaxUint64) {
		u.AddChannel(ch)
	}
	var last interval
	for i, s := range d.ranges.spans {
		if i > 0 && s.low == last.high+1 {
			last.high = s.high
			continue
		}
		if i > 0 {
			u.AddRange(last.low, last.high)
		}
		last = interval{s.low, s.high}
	}
	if len(d.ranges.spans) > 0 {
		u.AddRange(last.low, last.high)
	}
	senders := make([]uint64, 0, len(d.posters))
	for s := range d.posters {
		senders = append(senders, s)
	}
	slices.Sort(senders)
	for _, s := range senders {
		for _, p := range d.posters[s] {
			for _, m := range p.more.posts.of(s) {
				u.AddPostRemove(s, m)
			}
		}
	}
}

// Above is the origin of what comes from upstream, for [Batch.From]: messages
// that are routed here and not passed upstream again, and are never control
// messages. It may be used from any goroutine.
func (d *Director) Above() *Participant { return &d.above }
