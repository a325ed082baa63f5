package snapshot_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/internal/snapshot"
)

const benchDC = `dclass Mover { float64 x; float64 y; float64 z; float64 h; };`

// load is the world of issue "Worlds and snapshots", Speed and memory: objects
// that move in three of four float64, and clients whose acknowledgements come
// 1 to 8 ticks late.
type load struct {
	index   *snapshot.Index
	objects []*snapshot.Object
	clients []*late
	tick    uint32
	plain   bool
	lossy   bool // one part of 20 gets lost
	bytes   int  // of all snapshots whose acknowledgements came
	value   [8]byte
	random  *rand.Rand
	emit    func(*snapshot.View, *snapshot.Snapshot)
}

// late is a client whose acknowledgements come late.
type late struct {
	view *snapshot.View
	lag  int
	sent [16]struct{ tick, seq, n, bytes uint32 } // by tick
}

func newLoad(t testing.TB, objects, clients, own, workers int, plain bool) *load {
	s, err := dc.Parse(dc.Source{Name: "bench.dc", Text: []byte(benchDC)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := object.NewLayout(s.Class("Mover"), parameters)
	if err != nil {
		t.Fatal(err)
	}
	b := &load{index: snapshot.New(snapshot.Config{Workers: workers}), plain: plain, random: rand.New(rand.NewPCG(1, 2))}
	const zones = 10
	for i := range objects {
		b.objects = append(b.objects, b.index.Add(uint32(1000+i), object.New(l, 1), uint32(i%zones)))
	}
	for i := range clients {
		c := &late{lag: 1 + i%8}
		c.view = b.index.NewView(snapshot.ViewConfig{Rate: 66, Plain: plain, Data: c})
		for z := range zones {
			c.view.Subscribe(uint32(z))
		}
		if i%3 == 0 && i/3 < own {
			c.view.Subscribe(uint32(100 + i)) // an interest of its own, with as many objects
		}
		b.clients = append(b.clients, c)
	}
	b.emit = b.send
	for range 64 { // until all is known and acknowledged
		b.move()
		b.produce(t)
	}
	return b
}

func (b *load) send(v *snapshot.View, s *snapshot.Snapshot) {
	n := 0
	for i := range s.Parts {
		n += len(s.Parts[i].Data)
	}
	v.Data().(*late).sent[s.Tick%16] = struct{ tick, seq, n, bytes uint32 }{s.Tick, s.Seq, uint32(len(s.Parts)), uint32(n)}
}

func (b *load) move() {
	for _, o := range b.objects {
		for k := range 3 {
			binary.LittleEndian.PutUint64(b.value[:], uint64(b.index.Stamp()))
			if _, err := b.index.Set(o, k, b.value[:]); err != nil {
				panic(err)
			}
		}
	}
}

func (b *load) produce(t testing.TB) {
	b.tick++
	for _, c := range b.clients {
		if b.tick <= uint32(c.lag) {
			continue
		}
		p := c.sent[(b.tick-uint32(c.lag))%16]
		if p.tick != b.tick-uint32(c.lag) {
			continue
		}
		b.bytes += int(p.bytes)
		if b.plain {
			c.view.AckTick(p.tick)
			continue
		}
		if !b.lossy {
			c.view.AckRun(p.seq, int(p.n))
			continue
		}
		for i := range p.n {
			if b.random.IntN(20) > 0 {
				c.view.Ack(p.seq + i)
			}
		}
	}
	if err := b.index.Produce(b.tick, b.emit); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkTakeIn is what a moved object costs, seen by somebody, before anybody
// is sent anything: three fields set, put in order, and encoded.
func BenchmarkTakeIn(b *testing.B) {
	l := newLoad(b, 1000, 1, 0, 1, false)
	l.clients[0].view.SetBudget(0)
	b.ReportAllocs()
	for b.Loop() {
		l.move()
		l.produce(b)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/object")
}

// BenchmarkMoving is one tick with the acknowledgements that arrive in it,
// without taking the movements in.
func BenchmarkMoving(b *testing.B) {
	for _, own := range []int{0, 33, 333} {
		clients := max(100, 3*own)
		for _, procs := range []int{1, 2} {
			b.Run(fmt.Sprintf("clients=%d/own=%d/procs=%d", clients, own, procs), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				l := newLoad(b, 1000, clients, own, 0, false)
				before := l.bytes
				b.ReportAllocs()
				b.ResetTimer()
				var spent time.Duration // StopTimer would stop all threads, too
				for range b.N {
					l.move()
					start := time.Now()
					l.produce(b)
					spent += time.Since(start)
				}
				if want := b.N * clients * 1000 * 30; l.bytes-before < want {
					b.Fatalf("only %d bytes were made, want %d at least", l.bytes-before, want)
				}
				b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/1000/float64(clients), "ns/object/client")
			})
		}
	}
}

// BenchmarkPlain is BenchmarkMoving with clients of panda3d-pipes.
func BenchmarkPlain(b *testing.B) {
	l := newLoad(b, 1000, 100, 33, 1, true)
	b.ReportAllocs()
	b.ResetTimer()
	var spent time.Duration
	for range b.N {
		l.move()
		start := time.Now()
		l.produce(b)
		spent += time.Since(start)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/1000/100, "ns/object/client")
}

// BenchmarkLoss is BenchmarkMoving when no two clients hold the same: each loses
// 5 % of its parts.
func BenchmarkLoss(b *testing.B) {
	l := newLoad(b, 1000, 100, 33, 0, false)
	l.lossy = true
	for range 64 {
		l.move()
		l.produce(b)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var spent time.Duration
	for range b.N {
		l.move()
		start := time.Now()
		l.produce(b)
		spent += time.Since(start)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/1000/100, "ns/object/client")
}

func BenchmarkNothingMoves(b *testing.B) {
	l := newLoad(b, 1000, 100, 33, 0, false)
	for range 64 {
		l.produce(b)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.produce(b)
	}
}

// BenchmarkMemory reports what a client costs: it sees 1,000 or 100 moving
// objects and acknowledges late.
func BenchmarkMemory(b *testing.B) {
	for _, objects := range []int{100, 1000} {
		b.Run(fmt.Sprintf("objects=%d", objects), func(b *testing.B) {
			var with, without runtime.MemStats
			clients := 100
			for b.Loop() {
				runtime.GC()
				none := newLoad(b, objects, 0, 0, 0, false)
				runtime.GC()
				runtime.ReadMemStats(&without)
				runtime.KeepAlive(none)
				none = nil
				runtime.GC()
				all := newLoad(b, objects, clients, 33, 0, false)
				runtime.GC()
				runtime.ReadMemStats(&with)
				runtime.KeepAlive(all)
			}
			b.ReportMetric((float64(with.HeapAlloc)-float64(without.HeapAlloc))/float64(clients), "B/client")
		})
	}
}
