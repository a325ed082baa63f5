package clientsession

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/culm-net/culm/pipes/wire"
)

// BenchmarkSnapshot applies snapshots in which 100 avatars have moved: position
// and heading, three float64 and an int16 each.
func BenchmarkSnapshot(b *testing.B) {
	const objects = 100
	class := schema(b).Class("DistributedAvatar")
	pos, h := index(class, class.FieldByName("pos")), index(class, class.FieldByName("h"))
	for _, extended := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "extended"}[extended], func(b *testing.B) {
			s, err := New(Config{Schema: schema(b)}, sink{})
			if err != nil {
				b.Fatal(err)
			}
			s.Start(epoch)
			st := &stage{schema: schema(b), session: s}
			line, typ := "accept 1 66 0", wire.SVGenerateObject
			if extended {
				line, typ = "accept 1 66 0 20 100 extended", wire.ExtGenerate
			}
			s.Receive(epoch, [][]byte{encode(b, st, line)})
			for i := range uint32(objects) {
				m, err := wire.Generate{Type: typ, Stamp: wire.Stamp{Structure: i + 1}, Class: class, DoID: 1000 + i, HasBaseline: true}.Append(nil)
				if err != nil {
					b.Fatal(err)
				}
				s.Receive(epoch, [][]byte{m})
			}
			// Two ticks' snapshots in turn, so that all values change each time.
			// The extension's come in parts that fit a packet.
			var turns [2][][]byte
			for turn := range turns {
				var position [24]byte
				binary.LittleEndian.PutUint64(position[:], uint64(turn+1)<<52)
				heading := []byte{byte(turn), 0}
				if !extended {
					msg := wire.Snapshot{Delta: true, Count: objects}.Append(nil)
					for i := range uint32(objects) {
						var l wire.FieldList
						l.Add(pos, position[:])
						l.Add(h, heading)
						if msg, err = wire.AppendSnapshotObject(msg, 1000+i, l); err != nil {
							b.Fatal(err)
						}
					}
					turns[turn] = append(turns[turn], msg)
					continue
				}
				contents := wire.AppendRecordField(wire.AppendRecordField(nil, pos, position[:]), h, heading)
				for first := uint32(0); first < objects; first += 38 {
					n := min(objects-first, 38)
					flags := wire.PartFlags(0)
					if first == 0 {
						flags |= wire.FirstPart
					}
					if first+n == objects {
						flags |= wire.LastPart
					}
					msg := wire.Part{Stamp: wire.Stamp{Structure: objects}, Flags: flags, Count: uint16(n)}.Append(nil)
					for i := range n {
						msg = wire.AppendRecord(msg, 1000+first+i, contents)
					}
					turns[turn] = append(turns[turn], msg)
				}
			}
			now, tick, part, size := epoch, uint32(0), uint32(0), 0
			b.ReportAllocs()
			for b.Loop() {
				tick++
				now = now.Add(15 * time.Millisecond)
				msgs := turns[tick%2]
				size = 0
				for _, m := range msgs {
					size += len(m)
					if extended {
						part++
						binary.LittleEndian.PutUint32(m[wire.StampOffset+4:], tick)
						binary.LittleEndian.PutUint32(m[wire.StampOffset+8:], part)
					} else {
						binary.LittleEndian.PutUint32(m[2:], tick)
					}
				}
				s.Receive(now, msgs)
				s.Frame(now)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/objects, "ns/object")
			b.ReportMetric(float64(size)/objects, "B/object")
			if n := len(turns[0]) * b.N; s.Err() != nil || s.stats.Snapshots != uint64(n) || s.stats.Passed > 0 {
				b.Fatal(fmt.Sprint(s.Err(), s.stats))
			}
		})
	}
}
