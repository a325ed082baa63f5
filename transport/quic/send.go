package quic

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport/internal/outbox"
)

// Flush implements [transport.Conn]. It starts goroutines for what is queued,
// which end when that has been given to quic-go.
func (c *Conn) Flush() {
	c.flushBox()
	if c.loose.start() {
		go c.writeLoose()
	}
}

// flushBox starts to send reliable messages.
func (c *Conn) flushBox() {
	bufs := pieces.Get().(*[][]byte)
	*bufs = c.box.Take(*bufs)
	if len(*bufs) == 0 {
		pieces.Put(bufs)
		return
	}
	go c.writeBox(bufs)
}

var pieces = sync.Pool{New: func() any {
	b := make([][]byte, 0, outbox.MaxPieces)
	return &b
}}

// writeBox writes reliable messages until none is queued. The stream makes it
// wait when the peer does not read.
func (c *Conn) writeBox(bufs *[][]byte) {
	defer func() {
		clear(*bufs)
		*bufs = (*bufs)[:0]
		pieces.Put(bufs)
	}()
	for {
		n := 0
		var err error
		for _, b := range *bufs {
			var k int
			k, err = c.out.Write(b)
			n += k
			if err != nil {
				break
			}
		}
		switch c.box.Wrote(n) {
		case outbox.Idle:
			return
		case outbox.Done:
			c.sayFarewell()
			return
		}
		if err != nil {
			// The connection has ended, or the peer does not want to hear.
			var reset *quic.StreamError
			if errors.As(err, &reset) {
				c.fail(errors.New("the peer refuses reliable messages"))
			}
			c.box.Discard(true)
			return
		}
		*bufs = c.box.Again(*bufs)
	}
}

// sayFarewell sends code and reason behind the last reliable message. The peer
// answers by closing the connection; else the linger time ends.
func (c *Conn) sayFarewell() {
	c.mu.Lock()
	code, reason, remote := c.cause.Code, c.cause.Reason, c.cause.Remote
	c.mu.Unlock()
	if remote {
		return // both closed, and the peer was first
	}
	_, _ = c.out.Write(appendFarewell(nil, code, reason))
	_ = c.out.Close()
}

// given estimates how many bytes of unreliable messages wait inside quic-go:
// those that it was given less the bytes of all packets that have left since.
// Datagrams leave before anything else, so for them this is seldom much too low;
// when it is, at worst SendDatagram waits.
type given struct {
	bytes atomic.Uint64 // since base
	base  atomic.Uint64 // quic-go's count of bytes sent, when it had none of ours
}

// waiting is the estimate, where quic-go has sent that many bytes.
func (g *given) waiting(sent uint64) uint64 {
	b, left := g.bytes.Load(), sent-g.base.Load()
	if left >= b {
		return 0
	}
	return b - left
}

// add notes that n bytes were given, when quic-go had sent that many. Only the
// writer calls it.
func (g *given) add(n int, sent uint64) {
	if g.waiting(sent) == 0 {
		g.bytes.Store(0)
		g.base.Store(sent)
	}
	g.bytes.Add(uint64(n))
}

// room is how many bytes of datagrams quic-go should be given now: so many
// that half a congestion window waits there. What waits there is not replaced
// by newer messages any more, and half a window is half a round trip.
func (c *Conn) room() int {
	s := c.q.ConnectionStats()
	half := max(s.CongestionWindow/2, minGiven)
	return int(half) - int(min(half, c.given.waiting(s.BytesSent)))
}

// minGiven is what quic-go may always have, in bytes.
const minGiven = 2 * 1280

// Budget implements [transport.Conn]: half a congestion window less what
// waits, 0 when that is more.
func (c *Conn) Budget() int {
	free := c.box.Room() // 0 after closing
	if free == 0 {
		return 0
	}
	c.loose.mu.Lock()
	queued := c.loose.queued
	c.loose.mu.Unlock()
	return max(0, min(free, c.room()-queued-c.box.Counters().Queued))
}

// How long the writer of datagrams waits until it looks again whether some have
// left: a part of the round trip, and longer each time it finds none. After
// maxWait it gives one more to quic-go all the same, which then makes it wait
// as long as it takes.
const (
	minPoll = time.Millisecond
	maxPoll = 20 * time.Millisecond
	maxWait = 100 * time.Millisecond
)

// awaitRoom waits until quic-go should be given more.
func (c *Conn) awaitRoom() {
	if c.room() > 0 {
		return
	}
	poll := min(max(c.q.ConnectionStats().SmoothedRTT/8, minPoll), maxPoll)
	for waited := time.Duration(0); waited < maxWait; waited += poll {
		t := time.NewTimer(poll)
		select {
		case <-t.C:
		case <-c.q.Context().Done():
			t.Stop()
			return
		}
		if c.room() > 0 {
			return
		}
		poll = min(2*poll, maxPoll)
	}
}

// writeLoose sends unreliable messages until none is queued.
func (c *Conn) writeLoose() {
	for c.loose.more() {
		c.awaitRoom()
		m, ok := c.loose.take()
		switch {
		case !ok:
		case c.sendLoose(&m):
			m.release()
		default:
			c.loose.gaveUp(&m)
		}
	}
}

// sendLoose reports whether quic-go has taken the message.
func (c *Conn) sendLoose(m *looseMsg) bool {
	data := m.data()
	sent := c.q.ConnectionStats().BytesSent
	if err := c.q.SendDatagram(data); err != nil {
		return isTooLarge(err) && c.sendLong(m)
	}
	c.given.add(len(data), sent)
	return true
}

func isTooLarge(err error) bool {
	var tooLarge *quic.DatagramTooLargeError
	return errors.As(err, &tooLarge)
}

// sendLong sends a message on a stream of its own, unless the peer allows no
// more streams or bytes, or too many are on their way. A peer may allow without
// end and acknowledge nothing.
func (c *Conn) sendLong(m *looseMsg) bool {
	if c.long == nil {
		c.long = new(longStreams) // few connections need it
	}
	n := len(m.data())
	if m.keyed {
		c.long.overtake(m.key, time.Now().Add(-c.grace(n)), c.q.ConnectionStats().BytesSent)
	}
	sent := c.q.ConnectionStats().BytesSent
	if c.long.given.waiting(sent)+uint64(n) > uint64(c.cfg.LooseQueue) {
		return false
	}
	s, err := c.q.OpenUniStream()
	if err != nil {
		return false
	}
	s.SetPriority(usualUrgency, false) // one after the other, not all at once
	if err := s.TryWriteAll(m.data()); err != nil {
		s.CancelWrite(0)
		return false
	}
	_ = s.Close()
	c.long.add(longStream{key: m.key, keyed: m.keyed, sent: time.Now(), n: n, s: s}, c.cfg.MaxStreams, sent)
	return true
}

// usualUrgency is that of reliable messages (RFC 9218 section 4.1).
const usualUrgency = 3

// grace is how long a message of n bytes has for its way before a newer one of
// its key stops it: twice what the congestion window takes to let it out, and
// two round trips for lost packets. Without that, a key that changes faster
// than its messages travel would never arrive.
func (c *Conn) grace(n int) time.Duration {
	s := c.q.ConnectionStats()
	windows := min(float64(n)/float64(max(s.CongestionWindow, minGiven)), maxWindows)
	return time.Duration((2+2*windows)*float64(s.SmoothedRTT)) + 20*time.Millisecond
}

const maxWindows = 100

// longStreams are the newest streams with long messages. quic-go does not tell
// which of them have arrived; to reset one that has is of no effect.
type longStreams struct {
	given   given // bytes on them
	streams []longStream
	next    int // the oldest one's place, where there are as many as may be
}

type longStream struct {
	key   uint64
	keyed bool
	sent  time.Time
	n     int    // bytes of the message
	end   uint64 // quic-go's count of bytes sent by which all of it will have left
	s     interface{ CancelWrite(quic.StreamErrorCode) }
}

// overtake resets the streams with messages of key that were sent before, where
// quic-go has sent so many bytes.
func (l *longStreams) overtake(key uint64, before time.Time, sent uint64) {
	for i := range l.streams {
		if o := &l.streams[i]; o.keyed && o.key == key && o.sent.Before(before) {
			l.reset(o, sent)
		}
	}
}

// reset stops a stream. What has not left of it never will: it does not wait any
// more, and others behind it will have left so much earlier.
func (l *longStreams) reset(o *longStream, sent uint64) {
	if o.s == nil {
		return
	}
	o.s.CancelWrite(0)
	end, saved := o.end, uint64(0)
	if end > sent {
		saved = min(end-sent, uint64(o.n))
	}
	*o = longStream{}
	l.given.bytes.Store(l.given.bytes.Load() - saved)
	for i := range l.streams {
		if behind := &l.streams[i]; behind.end > end {
			behind.end -= saved
		}
	}
}

// add remembers a stream. Where there are as many as a peer of this package may
// have open, the oldest has had its time: what is not acknowledged of it is given
// up, so that a peer that acknowledges nothing does not pile it up.
func (l *longStreams) add(s longStream, most int, sent uint64) {
	full := len(l.streams) >= most
	if full {
		l.reset(&l.streams[l.next], sent)
	}
	l.given.add(s.n, sent)
	s.end = l.given.base.Load() + l.given.bytes.Load()
	if !full {
		l.streams = append(l.streams, s)
		return
	}
	l.streams[l.next] = s
	l.next = (l.next + 1) % len(l.streams)
}
