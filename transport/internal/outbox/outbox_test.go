package outbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/bufpool"
	"pgregory.net/rapid"
)

// entry is one message in the model: a plain list of what waits.
type entry struct {
	frame  []byte
	sent   int
	held   bool
	latest bool
	key    uint64
}

type model struct {
	box     Box
	header  int
	limit   int
	waiting []*entry
	dropped uint64
	hand    [][]byte
	writer  bool
}

func (m *model) frame(data []byte) []byte {
	var head [4]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(data)))
	return append(append([]byte{}, head[:m.header]...), data...)
}

func (m *model) queued() (n int) {
	for _, e := range m.waiting {
		n += len(e.frame) - e.sent
	}
	return n
}

func (m *model) send(t *rapid.T) {
	n := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 6000), rapid.IntRange(0, 30000)).Draw(t, "length")
	data := bytes.Repeat([]byte{rapid.Byte().Draw(t, "fill")}, n)
	msg := transport.Message{
		Data:   bytes.Clone(data),
		Mode:   transport.Mode(rapid.IntRange(0, 2).Draw(t, "mode")),
		Key:    uint64(rapid.IntRange(0, 4).Draw(t, "key")),
		Shared: rapid.Bool().Draw(t, "shared"),
	}
	room := m.box.Room()
	before := m.box.Counters()
	err := m.box.Send(msg)
	if !msg.Shared {
		clear(msg.Data) // the box must have its own copy
	}
	if err != nil {
		if !errors.Is(err, transport.ErrFull) {
			t.Fatalf("Send: %v", err)
		}
		if msg.Mode == transport.Latest {
			// What a key costs may not fit though the bytes do.
			room = 0
			if before.Pinned == 0 {
				room = m.limit - m.header - KeyCost
			}
		}
		if room > 0 && n <= room {
			t.Fatalf("Send of %d bytes is refused though Room says %d", n, room)
		}
		if got := m.box.Counters(); got.Messages != before.Messages || got.Queued != before.Queued || got.Dropped != before.Dropped {
			t.Fatalf("a refused Send changed %+v to %+v", before, got)
		}
		return
	}
	frame := m.frame(data)
	if len(frame) == 0 {
		return
	}
	if msg.Mode == transport.Latest {
		for i := len(m.waiting) - 1; i >= 0; i-- {
			e := m.waiting[i]
			if e.latest && e.key == msg.Key {
				if !e.held && e.sent == 0 {
					e.frame = frame
					m.dropped++
					return
				}
				break
			}
		}
	}
	m.waiting = append(m.waiting, &entry{frame: frame, latest: msg.Mode == transport.Latest, key: msg.Key})
}

func (m *model) take(t *rapid.T) {
	if m.writer {
		if got := m.box.Take(nil); len(got) > 0 {
			t.Fatal("Take made a second writer")
		}
		return
	}
	m.got(t, m.box.Take(nil))
}

func (m *model) got(t *rapid.T, bufs [][]byte) {
	m.hand = bufs
	m.writer = len(bufs) > 0
	if !m.writer {
		if m.queued() > 0 {
			t.Fatal("Take returned nothing though something is queued")
		}
		return
	}
	if len(bufs) > MaxPieces {
		t.Fatalf("Take returned %d pieces", len(bufs))
	}
	n := 0
	for _, b := range bufs {
		n += len(b)
	}
	for _, e := range m.waiting {
		if n <= 0 {
			break
		}
		e.held = true
		n -= len(e.frame) - e.sent
	}
}

func (m *model) wrote(t *rapid.T) {
	if !m.writer {
		return
	}
	all := bytes.Join(m.hand, nil)
	n := len(all)
	if rapid.Bool().Draw(t, "partial") {
		n = rapid.IntRange(0, n).Draw(t, "written")
	}
	for out := all[:n]; len(out) > 0; {
		e := m.waiting[0]
		k := min(len(out), len(e.frame)-e.sent)
		if !bytes.Equal(out[:k], e.frame[e.sent:e.sent+k]) {
			t.Fatalf("wrote %x, want %x", out[:k], e.frame[e.sent:e.sent+k])
		}
		out = out[k:]
		if e.sent += k; e.sent == len(e.frame) {
			m.waiting = m.waiting[1:]
		}
	}
	for _, e := range m.waiting {
		e.held = false
	}
	state := m.box.Wrote(n)
	if m.queued() == 0 {
		m.writer = false
		if state != Idle {
			t.Fatalf("Wrote of the last byte answers %v", state)
		}
		return
	}
	if state != More {
		t.Fatalf("Wrote answers %v though %d bytes wait", state, m.queued())
	}
	m.got(t, m.box.Again(nil))
}

func (m *model) check(t *rapid.T) {
	c := m.box.Counters()
	if c.Queued != m.queued() {
		t.Fatalf("Queued is %d, want %d", c.Queued, m.queued())
	}
	if c.Dropped != m.dropped {
		t.Fatalf("Dropped is %d, want %d", c.Dropped, m.dropped)
	}
	if c.Pinned > m.limit || c.Pinned < c.Queued {
		t.Fatalf("%d bytes are pinned for %d queued, limit %d", c.Pinned, c.Queued, m.limit)
	}
	if c.Queued == 0 && !m.writer && c.Pinned != 0 {
		t.Fatalf("an empty box pins %d bytes", c.Pinned)
	}
	if room := m.box.Room(); room > m.limit-c.Queued {
		t.Fatalf("Room is %d with %d of %d queued", room, c.Queued, m.limit)
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			header: rapid.SampledFrom([]int{0, 2, 4}).Draw(t, "header"),
			limit:  rapid.SampledFrom([]int{300, 1000, 5000, 40_000, 200_000}).Draw(t, "limit"),
		}
		m.box.Init(m.limit, m.header)
		t.Repeat(map[string]func(*rapid.T){
			"send":  m.send,
			"send2": m.send,
			"take":  m.take,
			"wrote": m.wrote,
			"":      m.check,
		})
	})
}

func boxOf(limit int) *Box {
	b := new(Box)
	b.Init(limit, 2)
	return b
}

func TestSmallMessagesAreOnePiece(t *testing.T) {
	b := boxOf(1 << 20)
	for i := range 10 {
		if err := b.Send(transport.Message{Data: []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
		if err := b.Send(transport.Message{Data: []byte{byte(i)}, Mode: transport.Latest, Key: uint64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Take(nil); len(got) != 1 || len(got[0]) != 60 {
		t.Fatalf("%d pieces", len(got))
	}
}

func TestSharedIsKeptByReference(t *testing.T) {
	b := boxOf(1 << 20)
	data := make([]byte, ShareAbove+1)
	if err := b.Send(transport.Message{Data: data, Shared: true}); err != nil {
		t.Fatal(err)
	}
	bufs := b.Take(nil)
	if len(bufs) != 2 || &bufs[1][0] != &data[0] {
		t.Fatal("a shared message was copied")
	}
	if got, want := b.Counters().Pinned, len(data)+bufpool.Small; got != want {
		t.Fatalf("%d bytes pinned, want %d", got, want)
	}
}

func TestClose(t *testing.T) {
	msg := transport.Message{Data: []byte("x")}

	b := boxOf(1000)
	if got := b.Close(); got != Done {
		t.Errorf("Close of an empty box answers %v", got)
	}
	if got := b.Close(); got != Idle {
		t.Errorf("a second Close answers %v", got)
	}
	if err := b.Send(msg); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}

	b = boxOf(1000)
	_ = b.Send(msg)
	bufs := b.Take(nil)
	if got := b.Close(); got != Busy {
		t.Errorf("Close while a writer is at work answers %v", got)
	}
	if got := b.Wrote(len(bufs[0])); got != Done {
		t.Errorf("Wrote of the last byte after Close answers %v", got)
	}

	b = boxOf(1000)
	_ = b.Send(msg)
	b.Take(nil)
	b.Discard(false) // somebody else's: the writer still has the bytes
	if b.Counters().Pinned == 0 {
		t.Error("Discard gave back what a writer has in hand")
	}
	b.Discard(true)
	if got := b.Counters(); got.Pinned != 0 || got.Queued != 0 {
		t.Errorf("after Discard: %+v", got)
	}
	if len(b.Take(nil)) > 0 {
		t.Error("something to take after Discard")
	}
}

// Many senders and whoever comes first as the writer: each sender's messages
// stay in order and none is lost.
func TestConcurrentSenders(t *testing.T) {
	const senders, each = 4, 2000
	b := boxOf(1 << 24)
	var out []byte
	var outMu sync.Mutex
	flush := func() {
		bufs := b.Take(nil)
		for len(bufs) > 0 {
			n := 0
			outMu.Lock()
			for _, p := range bufs {
				out = append(out, p...)
				n += len(p)
			}
			outMu.Unlock()
			if b.Wrote(n) != More {
				return
			}
			bufs = b.Again(bufs)
		}
	}
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				msg := fmt.Appendf(nil, "%d %d", s, i)
				if err := b.Send(transport.Message{Data: msg}); err != nil {
					t.Error(err)
				}
				if i%10 == 0 {
					flush()
				}
			}
			flush()
		})
	}
	wg.Wait()
	var next [senders]int
	for len(out) > 0 {
		n := int(binary.LittleEndian.Uint16(out))
		var s, i int
		if _, err := fmt.Sscanf(string(out[2:2+n]), "%d %d", &s, &i); err != nil {
			t.Fatal(err)
		}
		if next[s] != i {
			t.Fatalf("sender %d: message %d, want %d", s, i, next[s])
		}
		next[s]++
		out = out[2+n:]
	}
	for s, n := range next {
		if n != each {
			t.Errorf("sender %d: %d messages of %d", s, n, each)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	msg := transport.Message{Data: make([]byte, 28)}
	box := boxOf(1 << 20)
	bufs := make([][]byte, 0, MaxPieces)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_ = box.Send(msg)
		if i++; i%64 == 0 {
			for s := More; s == More; {
				n := 0
				bufs = box.Again(bufs)
				for _, p := range bufs {
					n += len(p)
				}
				s = box.Wrote(n)
			}
		}
	}
}

func BenchmarkAppendFlushOne(b *testing.B) {
	msg := transport.Message{Data: make([]byte, 28)}
	box := boxOf(1 << 20)
	bufs := make([][]byte, 0, MaxPieces)
	b.ReportAllocs()
	for b.Loop() {
		_ = box.Send(msg)
		bufs = box.Take(bufs)
		box.Wrote(len(bufs[0]))
	}
}

func BenchmarkReplaceLatest(b *testing.B) {
	msg := transport.Message{Data: make([]byte, 28), Mode: transport.Latest}
	box := boxOf(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		msg.Key = (msg.Key + 1) % 16
		_ = box.Send(msg)
	}
}
