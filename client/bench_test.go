package client_test

import (
	"context"
	"encoding/binary"
	"math"
	"net"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/interp"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
)

// BenchmarkFrame plays frames at 66 per second with 100 avatars that move all the
// time, a Vec2 each. Each frame takes in a snapshot of all of them ("snapshots"),
// or every third does, as at 22 per second ("third"), and samples them.
func BenchmarkFrame(b *testing.B) {
	for name, every := range map[string]int{"snapshots": 1, "third": 3} {
		b.Run(name, func(b *testing.B) { benchmarkFrame(b, every) })
	}
}

func benchmarkFrame(b *testing.B, every int) {
	const objects = 100
	schema := schemaOf(b)
	class := schema.Class("Avatar")
	pos := 0
	for class.Fields()[pos].Name() != "pos" {
		pos++
	}
	now := time.Unix(1000, 0)
	server := make(chan transport.Handler, 1)
	c, err := client.New(client.Config{
		Schema: schema,
		Dial: func(_ context.Context, h transport.Handler) (transport.Conn, error) {
			server <- h
			return sink{}, nil
		},
		Now: func() time.Time { return now },
	})
	if err != nil {
		b.Fatal(err)
	}
	var views []*client.Variable[interp.Vec2]
	err = c.Register("Avatar", func(o *client.Object) any {
		v := client.Interpolate(o, func(o *client.Object) interp.Vec2 {
			value := o.ValueAt(pos)
			return interp.Vec2{
				math.Float64frombits(binary.LittleEndian.Uint64(value)),
				math.Float64frombits(binary.LittleEndian.Uint64(value[8:])),
			}
		})
		views = append(views, v)
		return v
	})
	if err != nil {
		b.Fatal(err)
	}

	c.Frame(now)
	h := <-server
	h.Opened(sink{})
	c.Frame(now)
	must := func(msg []byte, err error) []byte {
		if err != nil {
			b.Fatal(err)
		}
		return msg
	}
	hello := wire.HelloResponse{
		Accepted:  true,
		Welcome:   wire.Welcome{TickRate: 66, UpdateRate: 22, CommandRate: 100},
		Extension: wire.Extension{Present: true, Features: wire.FeatureSnapshots},
	}
	h.Received(sink{}, [][]byte{must(hello.Append(nil))})
	for i := range uint32(objects) {
		m := wire.Generate{Type: wire.ExtGenerate, Stamp: wire.Stamp{Structure: i + 1}, Class: class, DoID: 1000 + i, HasBaseline: true}
		h.Received(sink{}, [][]byte{must(m.Append(nil))})
	}
	c.Frame(now)

	tick, part, size := uint32(0), uint32(0), 0
	var value [16]byte
	var record []byte
	var parts [2][]byte
	snapshot := func() {
		size = 0
		for p := range parts {
			part++
			m := wire.Part{Stamp: wire.Stamp{Structure: objects, Tick: tick}, Number: part, Count: objects / 2}
			m.Flags = []wire.PartFlags{wire.FirstPart, wire.LastPart}[p]
			parts[p] = m.Append(parts[p][:0])
			for i := range uint32(objects / 2) {
				// Avatars walk in circles.
				x, y := math.Sincos(float64(tick)/66 + float64(i))
				binary.LittleEndian.PutUint64(value[:], math.Float64bits(x))
				binary.LittleEndian.PutUint64(value[8:], math.Float64bits(y))
				record = wire.AppendRecordField(record[:0], pos, value[:])
				parts[p] = wire.AppendRecord(parts[p], 1000+i+uint32(p)*objects/2, record)
			}
			size += len(parts[p])
		}
		h.Received(sink{}, parts[:])
	}
	step := func() {
		tick++
		now = now.Add(time.Second / 66)
		if tick%uint32(every) == 0 {
			snapshot()
		}
		c.Frame(now)
	}
	for range 100 {
		step()
	}
	before := views[7].Value()
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/objects, "ns/object")
	if s := c.Stats(); s.Moving != objects || s.State != client.Connected || len(views) != objects || size > 3000 {
		b.Fatalf("%+v", s)
	}
	if b.N > 10 && views[7].Value() == before {
		b.Fatal("the avatars do not move")
	}
	c.Close()
	h.Closed(sink{}, nil)
	c.Wait()
}

// sink is a connection to nobody.
type sink struct{}

func (sink) Send(transport.Message) error { return nil }
func (sink) Flush()                       {}
func (sink) Budget() int                  { return 1 << 20 }
func (sink) MaxReliable() int             { return 1 << 16 }
func (sink) MaxUnreliable() int           { return 1200 }
func (sink) Delivered() (uint64, bool)    { return 0, false }
func (sink) Hold(time.Duration)           {}
func (sink) Close(transport.Code, string) {}
func (sink) Identity() transport.Identity {
	return transport.Identity{Addr: net.Addr(memory.Addr("sink"))}
}
func (sink) Stats() transport.Stats { return transport.Stats{} }
