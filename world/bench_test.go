package world_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/world"
)

// blindViewer is a session that costs nothing.
type blindViewer struct {
	client *world.Client
	seq    uint32
	parts  int
	sent   []byte
}

func (v *blindViewer) Joined(c *world.Client) { v.client = c }
func (v *blindViewer) Kick(string)            {}
func (v *blindViewer) Stop(string)            {}
func (v *blindViewer) Info() world.ClientInfo { return world.ClientInfo{} }

func (v *blindViewer) Snapshot(s *snapshot.Snapshot) { v.seq, v.parts = s.Seq, len(s.Parts) }

func (v *blindViewer) Message(m *world.Message) {
	v.sent = m.Encoded(0, m.Tick, func(m *world.Message, _ uint32) []byte { return append([]byte(nil), m.Args...) })
}

// benchWorld has 1,000 avatars in one zone and clients that see it.
func benchWorld(b *testing.B, clients int) (objects []*world.Object, viewers []*blindViewer, tick func()) {
	b.Helper()
	w, after := newWorld(b, world.Config{})
	for range 1000 {
		objects = append(objects, spawn(b, w, world.Spawn{Class: "Avatar", Zone: 1}))
	}
	for range clients {
		v := &blindViewer{}
		c, err := w.Join(v, world.JoinConfig{View: snapshot.ViewConfig{Rate: 10}})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.AddZones(1); err != nil {
			b.Fatal(err)
		}
		viewers = append(viewers, v)
	}
	tick = func() {
		if n := after(100 * time.Millisecond); n > 1 {
			b.Fatalf("%d ticks", n)
		}
		for _, v := range viewers {
			for i := range v.parts {
				v.client.View().Ack(v.seq + uint32(i))
			}
			v.parts = 0
		}
	}
	for range 30 {
		tick()
	}
	return objects, viewers, tick
}

// BenchmarkSet moves 1,000 objects in each tick.
func BenchmarkSet(b *testing.B) {
	run := func(name string, set func(o *world.Object, x float64) error) {
		b.Run(name, func(b *testing.B) {
			objects, _, tick := benchWorld(b, 0)
			x := 0.0
			b.ReportAllocs()
			for b.Loop() {
				x++
				for _, o := range objects {
					if err := set(o, x); err != nil {
						b.Fatal(err)
					}
				}
				tick()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(objects)), "ns/object")
		})
	}
	pos := []any{1.0, 2.0, 3.0}
	run("by=name", func(o *world.Object, x float64) error {
		pos[0] = x
		return o.Set("pos", pos)
	})
	f := parseSchema(b).Class("Avatar").FieldByName("pos")
	packed := make([]byte, 24)
	run("by=packed", func(o *world.Object, x float64) error {
		if f.Class() != o.Class() {
			f = o.Class().FieldByName("pos")
		}
		binary.LittleEndian.PutUint64(packed, math.Float64bits(x))
		return o.SetPacked(f, packed)
	})
}

// BenchmarkStep is a tick in which nothing happens to 1,000 objects.
func BenchmarkStep(b *testing.B) {
	for _, clients := range []int{0, 100} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			_, _, tick := benchWorld(b, clients)
			b.ReportAllocs()
			for b.Loop() {
				tick()
			}
		})
	}
}

// BenchmarkSend is a broadcast to 100 clients.
func BenchmarkSend(b *testing.B) {
	objects, _, _ := benchWorld(b, 100)
	b.ReportAllocs()
	for b.Loop() {
		if err := objects[0].Send("wave", 1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSpawn makes objects with a state of 29 bytes and more, and says what
// each takes on the heap.
func BenchmarkSpawn(b *testing.B) {
	w, after := newWorld(b, world.Config{})
	var before, now runtime.MemStats
	n := 0
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	for b.Loop() {
		spawn(b, w, world.Spawn{Class: "Avatar", Zone: uint32(n % 100)})
		if n++; n%1000 == 0 {
			after(100 * time.Millisecond)
		}
	}
	b.StopTimer()
	runtime.GC()
	runtime.ReadMemStats(&now)
	b.ReportMetric(float64(now.HeapAlloc-before.HeapAlloc)/float64(n), "heap-B/object")
	runtime.KeepAlive(w)
}
