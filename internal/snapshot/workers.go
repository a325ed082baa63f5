package snapshot

import (
	"runtime"
	"sync/atomic"

	"github.com/culm-net/culm/pipes/wire"
)

const (
	// batch is how many objects' pieces a worker makes at a time: some µs, so that
	// none waits for another for long.
	batch = 128

	// enough is how many records are worth another worker, which first has to
	// wake up and to get the objects into its cache.
	enough = 1 << 14

	// patience is how often Produce looks if the other workers are done before it
	// goes to sleep: for some 10 µs, as to sleep and be woken takes.
	patience = 1 << 14
)

// counter is counted by several workers, and alone in its cache line, so that
// nobody waits for it who only reads what stands beside it.
type counter struct {
	_ [64]byte
	atomic.Int64
	_ [56]byte
}

// take returns the first of the next n of all.
func (c *counter) take(n int) int { return int(c.Add(int64(n))) - n }

// worker is what one goroutine needs to make snapshots.
type worker struct {
	index *Index
	run   func() // help; made once, since starting it must not allocate

	fields  wire.FieldList // of an object in a Plain snapshot
	slots   slotSet
	order   []uint32 // slots of the objects that may have something to send
	records []record
	data    []byte // the records, one after the other
	low     uint32 // the lowest tick that an object with a record is held up to

	parts []Part // of a whole snapshot
	choice
	snapshot Snapshot
}

// record is where an object's changes are in worker.data.
type record struct {
	slot uint32
	end  uint32 // it begins where the one before ends
	held uint32 // it has what changed after this tick
}

// work has the pieces of what changed made, and then the jobs done.
func (x *Index) work() {
	x.recent = max(len(x.touched), x.recent-x.recent/8)
	n := x.cfg.Workers
	if n <= 0 {
		n = min(runtime.GOMAXPROCS(0), 1+x.busy*x.recent/enough)
	}
	n = max(1, min(n, x.busy))
	for len(x.workers) < n {
		w := &worker{index: x}
		w.run = w.help
		x.workers = append(x.workers, w)
	}
	x.nextPiece.Store(0)
	x.pieces.Store(0)
	x.jobsTaken.Store(0)
	x.jobsBehind.Store(0)
	// The first worker is this goroutine, which stays on the core that has what
	// changed in its cache.
	x.call(x.workers[1:n])
	x.workers[0].work()
	x.await()
}

// call starts the other workers.
func (x *Index) call(helpers []*worker) {
	if len(helpers) == 0 {
		return
	}
	x.helping.Store(int64(len(helpers)))
	x.running.Add(len(helpers))
	for _, w := range helpers {
		go w.run()
	}
	// The scheduler keeps what is started last for the present thread, and lets
	// another one have it after some 60 µs only.
	go func() {}()
}

// await waits for the other workers.
func (x *Index) await() {
	for range patience {
		if x.helping.Load() == 0 {
			break
		}
	}
	x.running.Wait()
}

// help is work for a worker that was called.
func (w *worker) help() {
	w.work()
	w.index.helping.Add(-1)
	w.index.running.Done()
}

// work takes its share of Produce: first pieces, then jobs.
func (w *worker) work() {
	x := w.index
	w.slots.grow(x.slots)
	for {
		from := x.nextPiece.take(batch)
		if from >= len(x.touched) {
			break
		}
		some := x.touched[from:min(from+batch, len(x.touched))]
		for _, o := range some {
			w.makePieces(o)
		}
		x.pieces.Add(int64(len(some)))
	}
	// Snapshots need all pieces. Another worker may be at its last few, and does
	// not wait for anything there, so this is short.
	for x.pieces.Load() < int64(len(x.touched)) {
		runtime.Gosched()
	}
	// Jobs are in the order of their views, so that most views are on the same core
	// in each tick when one worker takes jobs from the front and others from the back.
	front := 0
	for x.jobsTaken.take(1) < len(x.jobs) {
		i := front
		if w == x.workers[0] {
			front++
		} else {
			i = len(x.jobs) - 1 - x.jobsBehind.take(1)
		}
		w.do(&x.jobs[i])
	}
}
