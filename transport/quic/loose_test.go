package quic

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/culm-net/culm/transport"
)

// modelMsg is a queued message of the model.
type modelMsg struct {
	data  string
	key   uint64
	keyed bool
}

// TestLooseQueue compares the queue with a plain list: a latest message takes
// the place of the one of its key, the oldest give way at the limit.
func TestLooseQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 2000
		q := &looseQueue{limit: limit}
		var model []modelMsg
		var messages, dropped, size uint64
		pinned := func() int {
			n := 0
			for _, m := range model {
				n += len(m.data) + looseCost
			}
			return n
		}
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				data := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, rapid.SampledFrom([]int{0, 1, 30, 600, limit - looseCost}).Draw(t, "size"))
				m := transport.Message{
					Data: bytes.Clone(data), Mode: transport.Mode(rapid.IntRange(1, 2).Draw(t, "mode")),
					Key: rapid.Uint64Range(0, 3).Draw(t, "key"), Shared: rapid.Bool().Draw(t, "shared"),
				}
				if err := q.send(m); err != nil {
					t.Fatal(err)
				}
				if !m.Shared {
					clear(m.Data)
				}
				messages++
				size += uint64(len(data))
				keyed := m.Mode == transport.Latest
				for i := range model {
					if keyed && model[i].keyed && model[i].key == m.Key {
						size -= uint64(len(model[i].data))
						model[i].data = string(data)
						dropped++
						messages--
						keyed = false
						m.Key = 99 // it has its place
					}
				}
				if m.Key != 99 {
					model = append(model, modelMsg{string(data), m.Key, keyed})
				}
				for pinned() > limit {
					size -= uint64(len(model[0].data))
					model = model[1:]
					dropped++
					messages--
				}
			},
			"start": func(t *rapid.T) {
				want := !q.writing && len(model) > 0
				if got := q.start(); got != want {
					t.Fatalf("start is %v", got)
				}
			},
			"take": func(t *rapid.T) {
				if !q.writing {
					t.Skip("nobody writes")
				}
				more := q.more()
				if more != (len(model) > 0) || more != q.writing {
					t.Fatalf("more is %v with %d messages, writing %v", more, len(model), q.writing)
				}
				m, ok := q.take()
				if ok != more {
					t.Fatalf("take is %v with %d messages", ok, len(model))
				}
				if !ok {
					return
				}
				if string(m.data()) != model[0].data || m.keyed != model[0].keyed {
					t.Fatalf("got %q, want %q", m.data(), model[0].data)
				}
				model = model[1:]
				m.release()
			},
			"": func(t *rapid.T) {
				queued := 0
				for _, m := range model {
					queued += len(m.data)
				}
				if q.queued != queued || q.pinned != pinned() || q.pinned > limit {
					t.Fatalf("%d queued, %d pinned, want %d, %d", q.queued, q.pinned, queued, pinned())
				}
				if q.messages != messages || q.dropped != dropped || q.bytes != size {
					t.Fatalf("%d messages of %d bytes, %d dropped, want %d, %d, %d", q.messages, q.bytes, q.dropped, messages, size, dropped)
				}
				if len(q.keys) > len(model) {
					t.Fatalf("%d keys of %d messages", len(q.keys), len(model))
				}
			},
		})
		q.close()
		if q.queued != 0 || q.pinned != 0 || q.dropped != dropped+uint64(len(model)) {
			t.Fatalf("after close: %d queued, %d pinned, %d dropped", q.queued, q.pinned, q.dropped)
		}
		if err := q.send(transport.Message{Mode: transport.Latest}); !errors.Is(err, transport.ErrClosed) {
			t.Fatalf("send after close: %v", err)
		}
	})
}
