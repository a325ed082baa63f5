package session

import (
	"sync"
	"time"

	"github.com/culm-net/culm/transport"
)

// Flusher gives what is queued on connections to the network: at once as long
// as there are not too many writes, so that all is seen quickly, and else with
// a pause between two times, so that a busy server makes few large writes. What
// is added while it writes leaves together next time, so that these grow larger
// by themselves where it is slower than those who add. At once and few are
// flushed on the goroutine that adds them, for to wake another costs more than
// their writes; all else has a goroutine of its own. Its methods are safe for
// concurrent use.
type Flusher struct {
	pause    time.Duration
	atOnce   Rate
	flush    func([]transport.Conn)
	timer    *time.Timer
	running  sync.WaitGroup // a flush is scheduled or at work
	flushing []transport.Conn

	mu        sync.Mutex
	waiting   []transport.Conn
	scheduled bool      // a flush is scheduled or at work
	next      time.Time // when the next one may be
	writes    Bucket
	closed    bool
	count     uint64
}

// NewFlusher returns a flusher that calls flush with connections that were
// added: without a pause as long as they are within atOnce, and else at most
// pause after the last time. A write costs some microseconds of a processor.
// flush does not wait for the network, does not call the flusher, and does not
// keep the slice.
func NewFlusher(pause time.Duration, atOnce Rate, flush func([]transport.Conn)) *Flusher {
	f := &Flusher{pause: pause, atOnce: atOnce, flush: flush}
	f.timer = time.AfterFunc(time.Hour, f.run)
	f.timer.Stop()
	return f
}

// few is how many connections are flushed where they are added: in about a
// tenth of a millisecond, in which the caller may keep others waiting. If that
// is too long for them, more is added together the next time, and flushed
// elsewhere.
const few = 32

// Add lets what is queued on conns leave soon. It does not keep the slice, and
// may call flush.
func (f *Flusher) Add(conns []transport.Conn) {
	if len(conns) == 0 {
		return
	}
	f.mu.Lock()
	f.waiting = append(f.waiting, conns...)
	if f.scheduled || f.closed || len(conns) > few || time.Until(f.next) > 0 {
		f.schedule()
		f.mu.Unlock()
		return
	}
	f.scheduled = true
	f.running.Add(1)
	f.mu.Unlock()
	f.run()
}

// schedule is called with f.mu held.
func (f *Flusher) schedule() {
	if f.scheduled || f.closed || len(f.waiting) == 0 {
		return
	}
	f.scheduled = true
	f.running.Add(1)
	if wait := time.Until(f.next); wait > 0 {
		f.timer.Reset(wait)
	} else {
		go f.run()
	}
}

// run flushes what waits. It was scheduled.
func (f *Flusher) run() {
	defer f.running.Done()
	f.mu.Lock()
	f.count++
	f.flushing, f.waiting = f.waiting, f.flushing[:0]
	f.mu.Unlock()

	f.flush(f.flushing)

	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.next = now.Add(min(f.pause, f.writes.Spend(now, f.atOnce, float64(len(f.flushing)))))
	f.writes.debt = min(f.writes.debt, 2*f.atOnce.Burst) // a short rest makes up for any load
	clear(f.flushing)
	f.scheduled = false
	f.schedule()
}

// Count is how often flush was called.
func (f *Flusher) Count() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Close returns when flush is not at work, and will not be called any more.
func (f *Flusher) Close() {
	f.mu.Lock()
	f.closed = true
	if f.scheduled && f.timer.Stop() {
		f.scheduled = false
		f.running.Done()
	}
	f.mu.Unlock()
	f.running.Wait()
}
