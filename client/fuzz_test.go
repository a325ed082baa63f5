package client_test

import (
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/pipes/wire"
)

// FuzzClient has a server say anything, a message or several per frame, to a
// client with two objects, views and variables: nothing panics, views are told in
// order, and each that was made is disabled in the end.
func FuzzClient(f *testing.F) {
	schema := schemaOf(f)
	script := func(msgs ...[]byte) {
		var data []byte
		for _, m := range msgs {
			data = append(append(data, byte(len(m))), m...)
		}
		f.Add(data, byte(1))
	}
	stamp := wire.Stamp{Structure: 3, Tick: 5}
	part := func(flags wire.PartFlags, number uint32, records ...byte) []byte {
		return append(wire.Part{Stamp: stamp, Number: number, Flags: flags, Count: 1}.Append(nil), records...)
	}
	p := &puppet{}
	script(part(wire.FirstPart|wire.LastPart, 1, p.record(nil, 1, 0, 2.5)...))
	script(part(wire.LastPart, 7, wire.AppendRecord(nil, 1, wire.AppendRecordZone(nil, 9))...))
	script(wire.Remove{Stamp: stamp, DoID: 2, Deleted: true}.Append(nil), part(wire.FirstPart, 2, p.record(nil, 1, 0, 1)...))
	f.Fuzz(func(t *testing.T, data []byte, perFrame byte) {
		p := newPuppet(t, client.Config{Schema: schema, MaxObjects: 8, MaxInbox: 1 << 10, ReconnectMin: -1, Events: client.Events{
			Generated: func(o *client.Object) {
				if o.Class().Name() == "Ball" {
					slide(o, client.Extrapolate(time.Second))
				}
			},
		}})
		all := watch(t, p.client)
		p.generate(schema.Class("Ball"))
		p.generate(schema.Class("Avatar"))
		for n := 0; len(data) > 0; n++ {
			length := min(int(data[0]), len(data)-1)
			p.receive(data[1 : 1+length])
			data = data[1+length:]
			if perFrame == 0 || n%int(perFrame) == 0 {
				p.step()
				p.client.Frame(p.now)
			}
		}
		p.step()
		p.client.Frame(p.now)
		p.close()
		for _, w := range all {
			if w.is != "disabled" && w.is != "deleted" {
				t.Errorf("%v is %s in the end", w.o, w.is)
			}
		}
	})
}
