package snapshot

import (
	"runtime"
	"sync/atomic"
)

const (
	// batch is how many objects' pieces a worker makes at a time. Below that it is
	// faster that one makes all, whose core has what changed in its cache, while
	// the others wake up and see to the acknowledgements.
	batch = 1024

	// someViews is how many views' acknowledgements a worker takes in at a time.
	someViews = 16

	// enough is how many records are worth another worker, which first has to
	// wake up and to get the objects into its cache.
	enough = 1 << 14
)

// counter is counted by several workers, and alone in its cache line.
type counter struct {
	_ [64]byte
	atomic.Int64
	_ [56]byte
}

// take returns the first of the next n of all.
func (c *counter) take(n int) int { return int(c.Add(int64(n))) - n }

// worker is what one goroutine needs to make snapshots.
type worker struct {
	index  *Index
	number int    // of those of the Index
	run    func() // work; made once, since starting it must not allocate

	encoder
	slots   slotSet
	order   []uint32 // slots of the objects that may have something to send
	records []record
	data    []byte // the records, one after the other
	low     uint32 // the lowest tick that an object with a record is held up to

	parts []Part // of a whole snapshot
	choice
	snapshot Snapshot

	// What is at home here (View.home) and to be done in this tick. Other
	// workers take from it when they have nothing to do any more.
	acking           []*View // those that have acknowledged something
	jobs             []int   // indices in Index.jobs
	nextAck, nextJob counter
}

// record is where an object's changes are in worker.data.
type record struct {
	slot uint32
	end  uint32 // it begins where the one before ends
	held uint32 // it has what changed after this tick
}

func (x *Index) addWorker() {
	w := &worker{index: x, number: len(x.workers)}
	w.run = w.work
	x.workers = append(x.workers, w)
}

// rest leaves the worker as the next tick needs it.
func (w *worker) rest() {
	clear(w.acking)
	w.acking, w.jobs = w.acking[:0], w.jobs[:0]
	w.nextAck.Store(0)
	w.nextJob.Store(0)
}

// work has everything done that a tick takes. How many workers that is worth is
// judged by the ticks before, so that they can begin with the acknowledgements.
func (x *Index) work() {
	x.recent = max(len(x.touched), x.recent-x.recent/8)
	x.lately = max(x.busy, x.lately-x.lately/8)
	x.busy = 0
	n := x.cfg.Workers
	if n <= 0 {
		n = min(runtime.GOMAXPROCS(0), 1+x.lately*x.recent/enough)
	}
	n = max(1, min(n, x.lately))
	for len(x.workers) < n {
		x.addWorker()
	}
	x.crew, x.prepare = n, len(x.touched)
	for _, w := range x.workers {
		x.prepare += len(w.acking)
	}
	x.nextPiece.Store(0)
	x.prepared.Store(0)
	x.planned.Store(false)
	x.running.Add(n)
	if n == 1 {
		x.workers[0].run()
		return
	}
	// This one waits, so that the present thread goes on with the worker that was
	// started last: the scheduler keeps that for it, and would let another one have
	// it after some 100 µs only.
	for _, w := range x.workers[:n] {
		go w.run()
	}
	x.running.Wait()
}

// work takes its share of Produce: first pieces and acknowledgements, which
// snapshots need all of, then jobs. Waiting in between is short, since the others
// are at their last few and do not wait for anything there.
func (w *worker) work() {
	x := w.index
	defer x.running.Done()
	w.slots.grow(x.slots)
	if w.number < x.crew-1 {
		w.acknowledge()
		w.makeAllPieces()
		for !x.planned.Load() {
			runtime.Gosched()
		}
	} else { // what changed is in the cache of this one
		w.makeAllPieces()
		w.acknowledge()
		for x.prepared.Load() < int64(x.prepare) {
			runtime.Gosched()
		}
		for _, v := range x.views {
			x.plan(v)
		}
		x.planned.Store(true)
	}
	for k := range x.workers {
		from := x.workers[(w.number+k)%len(x.workers)]
		for {
			i := from.nextJob.take(1)
			if i >= len(from.jobs) {
				break
			}
			w.do(&x.jobs[from.jobs[i]])
		}
	}
}

// makeAllPieces has the pieces made of what changed.
func (w *worker) makeAllPieces() {
	x := w.index
	for {
		i := x.nextPiece.take(batch)
		if i >= len(x.touched) {
			return
		}
		some := x.touched[i:min(i+batch, len(x.touched))]
		for _, o := range some {
			if o.zone != nil && len(o.zone.subs) > 0 {
				w.makePieces(o, x.before, x.plain < len(x.views), x.plain > 0)
			} else {
				o.forgetPieces()
			}
		}
		x.prepared.Add(int64(len(some)))
	}
}

// acknowledge takes in what views have acknowledged.
func (w *worker) acknowledge() {
	x := w.index
	for k := range x.workers {
		from := x.workers[(w.number+k)%len(x.workers)]
		for {
			i := from.nextAck.take(someViews)
			if i >= len(from.acking) {
				break
			}
			some := from.acking[i:min(i+someViews, len(from.acking))]
			for _, v := range some {
				v.takeAcks()
				v.acking = false
			}
			x.prepared.Add(int64(len(some)))
		}
	}
}
