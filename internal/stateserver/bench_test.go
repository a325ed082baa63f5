package stateserver_test

import (
	"runtime"
	"testing"

	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

const benchClasses = `
dclass Root { setNothing(uint8) broadcast; };
dclass Avatar {
  setName(string) required broadcast;
  setPos(float64, float64, float64) required broadcast ownsend;
};`

func benchHall(b *testing.B) *hall {
	s, err := dc.Parse(dc.Source{Name: "bench.dc", Text: []byte(benchClasses)})
	if err != nil {
		b.Fatal(err)
	}
	h := open(b, s)
	h.send(md.StateServerCreateObjectWithRequired, control, u32(10000, 0, 0), u16(0))
	return h
}

// batched fills and posts batches of a hundred messages, as a link does.
func (h *hall) batched(n int, fill func(i int)) {
	for i := range n {
		h.batch.From(&h.md)
		fill(i)
		_ = h.batch.End()
		if i%100 == 99 || i == n-1 {
			h.director.Post(&h.batch)
		}
	}
}

// create fills the batch with the creation of an avatar.
func (h *hall) create(id, parent, zone uint32) {
	w := h.batch.Begin(md.StateServerCreateObjectWithRequired, 5, control)
	w.Uint32(id)
	w.Uint32(parent)
	w.Uint32(zone)
	w.Uint16(1)
	w.String("avatar-name")
	w.Bytes(make([]byte, 24))
}

// BenchmarkCreate makes avatars with a name and a position, and says how much
// memory one takes: below one parent in a hundred or in three thousand zones,
// or each below the one before it but one, so that every other is a parent of
// one child.
func BenchmarkCreate(b *testing.B) {
	for name, create := range map[string]func(h *hall, i uint32){
		"zones=100":  func(h *hall, i uint32) { h.create(20000+i, 10000, 1+i%100) },
		"zones=3000": func(h *hall, i uint32) { h.create(20000+i, 10000, 1+i%3000) },
		"parents": func(h *hall, i uint32) {
			if i%2 == 0 {
				h.create(20000+i, 0, 0)
			} else {
				h.create(20000+i, 20000+i-1, 1)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			h := benchHall(b)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			b.ReportAllocs()
			b.ResetTimer()
			h.batched(b.N, func(i int) { create(h, uint32(i)) })
			b.StopTimer()
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(b.N), "heap-B/object")
			if n := h.server.Stats().Objects; n != b.N+1 {
				b.Fatal(n)
			}
		})
	}
}

// BenchmarkDeleteZone deletes and makes again the hundred of ten thousand
// children that are in a zone; its unit is one of them.
func BenchmarkDeleteZone(b *testing.B) {
	h := benchHall(b)
	h.batched(10000, func(i int) { h.create(uint32(20000+i), 10000, uint32(1+i%100)) })
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += 100 {
		zone := uint32(i / 100 % 100)
		h.batch.From(&h.md)
		w := h.batch.Begin(md.StateServerObjectDeleteZone, 5, 10000)
		w.Uint32(10000)
		w.Uint32(1 + zone)
		_ = h.batch.End()
		h.director.Post(&h.batch)
		h.batched(100, func(i int) { h.create(20000+zone+100*uint32(i), 10000, 1+zone) })
	}
	b.StopTimer()
	if n := h.server.Stats().Objects; n != 10001 {
		b.Fatal(n)
	}
}

// BenchmarkSetField moves avatars, which nobody, one or a hundred hear.
func BenchmarkSetField(b *testing.B) {
	for name, ears := range map[string]int{"nobody": 0, "one": 1, "hundred": 100} {
		b.Run(name, func(b *testing.B) {
			h := benchHall(b)
			const objects = 10000
			h.batched(objects, func(i int) { h.create(uint32(20000+i), 10000, 1) })
			for range ears {
				e := new(ear)
				e.md.Receiver = e
				h.director.Do(func() { _ = h.director.Subscribe(&e.md, md.LocationChannel(10000, 1)) })
			}
			b.ReportAllocs()
			b.ResetTimer()
			h.batched(b.N, func(i int) {
				id := uint32(20000 + i%objects)
				w := h.batch.Begin(md.StateServerObjectSetField, 5, uint64(id))
				w.Uint32(id)
				w.Uint16(2)
				w.Float64(float64(i))
				w.Bytes(make([]byte, 16))
			})
		})
	}
}

type ear struct{ md md.Participant }

func (*ear) Receive(*md.Message) {}

// BenchmarkMove moves avatars between the zones of one parent, all from one to the
// next: most moves find the new zone with others in it.
func BenchmarkMove(b *testing.B) {
	h := benchHall(b)
	const objects = 10000
	h.batched(objects, func(i int) { h.create(uint32(20000+i), 10000, 1) })
	b.ReportAllocs()
	b.ResetTimer()
	h.batched(b.N, func(i int) {
		w := h.batch.Begin(md.StateServerObjectSetLocation, 5, uint64(20000+i%objects))
		w.Uint32(10000)
		w.Uint32(uint32(2 + i/objects%100))
	})
}

// BenchmarkQuery asks for the objects of a zone in which a hundred of ten
// thousand are.
func BenchmarkQuery(b *testing.B) {
	h := benchHall(b)
	h.batched(10000, func(i int) { h.create(uint32(20000+i), 10000, uint32(1+i%100)) })
	b.ReportAllocs()
	b.ResetTimer()
	h.batched(b.N, func(i int) {
		w := h.batch.Begin(md.StateServerObjectGetZoneObjects, 5, 10000)
		w.Uint32(1)
		w.Uint32(10000)
		w.Uint32(uint32(1 + i%100))
	})
}
