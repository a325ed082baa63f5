package session

import (
	"sync"
	"time"
)

// Flusher gives what is queued on connections to the network: at once as long
// as there are not too many writes, so that all is seen quickly, and else with
// a pause between two times, so that a busy server makes few large writes. What
// is added while it writes leaves together next time, so that these grow larger
// by themselves where it is slower than those who add. At once and few are
// flushed on the goroutine that adds them, for to wake another costs more than
// their writes; all else has a goroutine of its own. A T is a connection, or what
// has one. Its methods are safe for concurrent use.
type Flusher[T any] struct {
	pause    time.Duration
	atOnce   Rate
	steady   bool // always pause, and never flush where something is added
	flush    func([]T)
	timer    *time.Timer
	running  sync.WaitGroup // a flush is scheduled or at work
	flushing []T

	mu        sync.Mutex
	waiting   []T
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
func NewFlusher[T any](pause time.Duration, atOnce Rate, flush func([]T)) *Flusher[T] {
	return start(&Flusher[T]{pause: pause, atOnce: atOnce, flush: flush})
}

// NewSteadyFlusher returns a flusher that leaves a pause between the end of one
// call of flush and the next; only after a longer one the next is immediate.
// flush always has a goroutine of its own, so that it may take a lock under which
// Add is called. For the rest it is as with [NewFlusher].
func NewSteadyFlusher[T any](pause time.Duration, flush func([]T)) *Flusher[T] {
	return start(&Flusher[T]{pause: pause, steady: true, flush: flush})
}

func start[T any](f *Flusher[T]) *Flusher[T] {
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
// may call flush, unless the flusher is a steady one.
func (f *Flusher[T]) Add(conns []T) {
	if len(conns) == 0 {
		return
	}
	f.mu.Lock()
	f.waiting = append(f.waiting, conns...)
	if f.steady || f.scheduled || f.closed || len(conns) > few || time.Until(f.next) > 0 {
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
func (f *Flusher[T]) schedule() {
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
func (f *Flusher[T]) run() {
	defer f.running.Done()
	f.mu.Lock()
	f.count++
	f.flushing, f.waiting = f.waiting, f.flushing[:0]
	f.mu.Unlock()

	f.flush(f.flushing)

	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	pause := f.pause
	if !f.steady {
		pause = min(pause, f.writes.Spend(now, f.atOnce, float64(len(f.flushing))))
		f.writes.debt = min(f.writes.debt, 2*f.atOnce.Burst) // a short rest makes up for any load
	}
	f.next = now.Add(pause)
	clear(f.flushing)
	f.scheduled = false
	f.schedule()
}

// Count is how often flush was called.
func (f *Flusher[T]) Count() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Close returns when flush is not at work, and will not be called any more.
func (f *Flusher[T]) Close() {
	f.mu.Lock()
	f.closed = true
	if f.scheduled && f.timer.Stop() {
		f.scheduled = false
		f.running.Done()
	}
	f.mu.Unlock()
	f.running.Wait()
}
