package messagedirector_test

import (
	"fmt"

	md "github.com/culm-net/culm/internal/messagedirector"
)

// door is an object that says who knocks, and answers.
type door struct {
	md   md.Participant
	dir  *md.Director
	doID uint32
}

func (o *door) Receive(m *md.Message) {
	r := m.Reader()
	context := r.Uint32()
	if r.Err() != nil || m.Type != md.StateServerObjectGetLocation {
		return
	}
	b := o.dir.Emit(&o.md)
	w := b.Begin(md.StateServerObjectGetLocationResp, uint64(o.doID), m.Sender)
	w.Uint32(context)
	w.Uint32(o.doID)
	w.Uint32(1000)
	w.Uint32(7)
	_ = b.End() // 16 bytes are never too long
}

type printer struct{ md md.Participant }

func (p *printer) Receive(m *md.Message) {
	r := m.Reader()
	fmt.Println(m.Type, "from", m.Sender, "context", r.Uint32())
}

func Example() {
	dir := md.New(md.Limits{})
	object := &door{dir: dir, doID: 2000}
	object.md.Receiver = object
	asker := &printer{}
	asker.md.Receiver = asker

	var b md.Batch
	b.From(&object.md)
	b.Subscribe(2000)
	b.From(&asker.md)
	b.Subscribe(5)
	b.Begin(md.StateServerObjectGetLocation, 5, 2000).Uint32(77)
	_ = b.End()
	dir.Post(&b)
	// Output: STATESERVER_OBJECT_GET_LOCATION_RESP from 2000 context 77
}
