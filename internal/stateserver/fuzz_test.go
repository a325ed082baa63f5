package stateserver_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/messagedirector/mdtest"
	"github.com/culm-net/culm/internal/stateserver"
)

// FuzzMessages lets anybody send anything to a state server and its objects. Its
// input is a row of uint16 lengths and messages. All objects that are there
// then must have values of their class, be above each other without a cycle, and
// leave nothing behind when they are deleted, and nothing may be sent to channel
// 0 or be malformed.
func FuzzMessages(f *testing.F) {
	schema := game(f)
	stories, err := mdtest.Sent("testdata/stories/*.txt", &mdtest.Codec{Schema: schema})
	if err != nil {
		f.Fatal(err)
	}
	for _, story := range stories {
		var seed []byte
		for _, m := range story {
			seed = append(binary.LittleEndian.AppendUint16(seed, uint16(len(m))), m...)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := md.New(md.Limits{})
		s, err := stateserver.New(d, stateserver.Config{Control: control, Schema: schema, Limits: stateserver.Limits{Objects: 50, Children: 20}})
		if err != nil {
			t.Fatal(err)
		}
		guard := &fuzzGuard{t: t, sent: make(map[string]bool)}
		d.Do(func() { d.SetUpstream(guard) })
		h := &hall{t: t, director: d, server: s}
		h.md.Receiver = h
		created := make(map[uint32]bool)
		for len(data) >= 2 {
			n := min(int(binary.LittleEndian.Uint16(data)), len(data)-2)
			m := data[2 : 2+n : 2+n]
			data = data[2+n:]
			guard.sent[string(m)] = true
			if later, ok := postRemove(m); ok {
				guard.sent[string(later)] = true
			}
			if p, err := md.ParseMessage(m); err == nil && len(p.Payload) >= 4 {
				created[word(p.Payload)] = true
			}
			h.batch.From(&h.md)
			_ = h.batch.Append(m)
			d.Post(&h.batch)
		}
		h.batch.From(&h.md)
		h.batch.Leave()
		h.batch.Subscribe(1 << 63)
		d.Post(&h.batch)
		parents := make(map[uint32]uint32)
		n := 0
		for id := range created {
			h.got = nil
			m := message{typ: md.StateServerObjectGetAll, sender: 1 << 63, to: []uint64{uint64(id)}, payload: u32(1, id)}.bytes()
			guard.sent[string(m)] = true
			h.batch.From(&h.md)
			_ = h.batch.Append(m)
			d.Post(&h.batch)
			for _, m := range h.got {
				if m.Type == md.StateServerObjectGetAllResp && m.Sender == uint64(id) {
					parents[id] = checkSnapshot(t, schema, m.Payload)
					n++
				}
			}
		}
		if got := s.Stats().Objects; got != n || n > 50 {
			t.Fatalf("%d objects answer, and %d are counted", n, got)
		}
		for id := range parents {
			for p, depth := parents[id], 0; p != 0; p = parents[p] {
				if depth++; depth > len(parents) {
					t.Fatalf("%d is below itself", id)
				}
			}
		}
		for id := range created {
			m := message{typ: md.StateServerObjectDeleteRAM, sender: 1 << 63, to: []uint64{uint64(id)}, payload: u32(id)}.bytes()
			guard.sent[string(m)] = true
			h.batch.From(&h.md)
			_ = h.batch.Append(m)
			d.Post(&h.batch)
		}
		if n := s.Held(); n != 0 {
			t.Fatalf("%d things are held though all objects are gone", n)
		}
	})
}

// postRemove returns the message that is sent when its sender has left, if m is
// one of those that store such messages.
func postRemove(m []byte) ([]byte, bool) {
	head, ok := bytes.CutPrefix(m, append([]byte{1}, u64(md.ControlChannel)...))
	r := datagram.NewReader(head)
	t := md.Type(r.Uint16())
	r.Skip(8) // by what it is cleared
	later := r.Blob()
	return later, ok && t == md.ControlAddPostRemove && r.Err() == nil
}

// checkSnapshot checks a GET_ALL_RESP and returns the parent in it.
func checkSnapshot(t *testing.T, schema *dc.Schema, payload []byte) (parent uint32) {
	r := datagram.NewReader(payload)
	r.Skip(8)
	parent = r.Uint32()
	r.Skip(4)
	c := schema.ClassByNumber(int(r.Uint16()))
	value := func(f *dc.Field) {
		rest := r
		b := rest.Rest()
		n, err := f.CheckPrefix(b)
		if err == nil {
			err = f.CheckASCII(b[:n])
		}
		if err != nil {
			t.Fatal(err)
		}
		r.Skip(n)
	}
	for _, f := range c.RequiredFields() {
		value(f)
	}
	last := -1
	for range r.Uint16() {
		f := c.Field(int(r.Uint16()))
		if f == nil || f.Number() <= last || !f.Has(dc.RAM) || f.Has(dc.Required) || f.Kind() == dc.Molecular {
			t.Fatalf("%v is among the other fields", f)
		}
		last = f.Number()
		value(f)
	}
	if err := r.Done(); err != nil {
		t.Fatal(err)
	}
	return parent
}

// fuzzGuard is an upstream that looks at what the objects send.
type fuzzGuard struct {
	recorder
	t    *testing.T
	sent map[string]bool // by others
}

func (g *fuzzGuard) Forward(m *md.Message) {
	if g.sent[string(m.Raw)] {
		return
	}
	if m.Recipients() == 0 {
		g.t.Fatalf("%s to nobody", m.Type)
	}
	for i := range m.Recipients() {
		if ch := m.Recipient(i); ch == 0 || i > 0 && ch <= m.Recipient(i-1) {
			g.t.Fatalf("%s to channel %d", m.Type, ch)
		}
	}
}
