package client_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/interp"
	"github.com/culm-net/culm/pipes/wire"
)

// BenchmarkFrame plays frames at 66 per second with 100 avatars that move all the
// time, a Vec2 each. Each frame takes in a snapshot of all of them ("each"), or
// every third does, as at 22 per second ("third"), and samples them. The making of
// the snapshots is in it.
func BenchmarkFrame(b *testing.B) {
	b.Run("each", func(b *testing.B) { benchmarkFrame(b, 1) })
	b.Run("third", func(b *testing.B) { benchmarkFrame(b, 3) })
}

func benchmarkFrame(b *testing.B, every uint32) {
	const objects, half = 100, 50
	schema := schemaOf(b)
	class := schema.Class("Avatar")
	pos := indexOf(class, "pos")
	p := newPuppet(b, client.Config{Schema: schema})
	var views []*client.Variable[interp.Vec2]
	err := p.client.Register("Avatar", func(o *client.Object) any {
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
	for range objects {
		p.generate(class)
	}
	var parts [2][]byte
	var records []byte
	step := func() {
		if p.step(); p.tick%every == 0 {
			for i, flags := range []wire.PartFlags{wire.FirstPart, wire.LastPart} {
				records = records[:0]
				for doID := uint32(i*half + 1); doID <= uint32(i*half+half); doID++ {
					// Avatars walk in circles.
					x, y := math.Sincos(float64(p.tick)/66 + float64(doID))
					records = p.record(records, doID, pos, x, y)
				}
				parts[i] = p.snapshot(parts[i][:0], flags, records, half)
			}
			p.handler.Received(sink{}, parts[:])
		}
		p.client.Frame(p.now)
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
	if s := p.client.Stats(); s.Moving != objects || s.State != client.Connected || len(views) != objects {
		b.Fatalf("%+v", s)
	}
	if b.N > 10 && views[7].Value() == before {
		b.Fatal("the avatars do not move")
	}
	p.close()
}
