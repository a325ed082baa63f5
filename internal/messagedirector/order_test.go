package messagedirector

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// reactor is a role that answers each message to it with two others.
type reactor struct {
	Participant
	d *Director
}

func (r *reactor) Receive(m *Message) {
	for _, to := range []uint64{100, 102} {
		b := r.d.Emit(&r.Participant)
		b.Begin(2, m.Sender, to).Bytes(m.Payload)
		_ = b.End()
	}
}

// Links and goroutines send at once, and a role in the process reacts. All who
// listen must have seen the same row of messages, in which everybody's own are
// in order, and which could be that of a single queue.
func TestOrderWithConcurrentSenders(t *testing.T) {
	const links, posters, each = 3, 2, 500
	const senders = links + posters
	stage := newTCPStage(t, &stageConfig{}).(*tcpStage)
	d := stage.director
	re := &reactor{d: d}
	re.Receiver = re
	d.Do(func() { _ = d.Subscribe(&re.Participant, 50) })

	listen := func(acts ...string) *tcpPeer {
		p, _ := stage.join()
		for _, a := range acts {
			m, err := compose(a)
			if err != nil {
				t.Fatal(err)
			}
			p.send(m)
		}
		stage.settle()
		return p.(*tcpPeer)
	}
	all := []*tcpPeer{listen("add 100-103"), listen("add 100", "add 101", "add 102", "add 103"), listen("add 101", "add 102-103", "add 100")}
	some := listen("add 101", "add 102")

	// Message i of a sender goes to channel 101 or 103 or both, and every third
	// one afterwards to the reactor.
	message := func(sender, i int, to ...uint64) []byte {
		b := []byte{uint8(len(to))}
		for _, ch := range to {
			b = binary.LittleEndian.AppendUint64(b, ch)
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(sender))
		b = binary.LittleEndian.AppendUint16(b, 1)
		return binary.LittleEndian.AppendUint32(b, uint32(i))
	}
	messages := func(sender, i int) [][]byte {
		m := [][]byte{message(sender, i, [][]uint64{{101}, {103}, {101, 103}}[i%3]...)}
		if i%3 == 0 {
			m = append(m, message(sender, i, 50))
		}
		return m
	}
	var wg sync.WaitGroup
	for s := range senders {
		if s < links {
			p, _ := stage.join()
			wg.Go(func() {
				for i := range each {
					p.send(messages(s, i)...)
				}
			})
			continue
		}
		origin := &reactor{d: d}
		origin.Receiver = origin
		wg.Go(func() {
			var b Batch
			for i := range each {
				b.From(&origin.Participant)
				for _, m := range messages(s, i) {
					_ = b.Append(m)
				}
				d.Post(&b)
			}
		})
	}
	wg.Wait()

	reactions := (each + 2) / 3
	total := senders * (each + 2*reactions)
	var rows [][]string
	for _, p := range all {
		var row []string
		for range total {
			row = append(row, string(p.next()))
		}
		rows = append(rows, row)
	}
	for i, row := range rows[1:] {
		if !slices.Equal(row, rows[0]) {
			t.Errorf("listener %d saw another row", i+1)
		}
	}
	var part []string
	next := make([]int, senders)      // of each sender's own messages
	reacted := make([]int, senders)   // of what the reactor said to 100 because of it
	confirmed := make([]int, senders) // and to 102
	for at, raw := range rows[0] {
		m, err := ParseMessage([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		s, i := int(m.Sender), int(binary.LittleEndian.Uint32(m.Payload))
		what := fmt.Sprintf("at %d: message %d of sender %d to %d", at, i, s, m.Recipient(0))
		switch m.Recipient(0) {
		case 100:
			if i != reacted[s] || i >= next[s] {
				t.Fatalf("%s, reacted to %d of %d", what, reacted[s], next[s])
			}
			reacted[s] += 3
		case 102:
			if i != confirmed[s] || confirmed[s] >= reacted[s] {
				t.Fatalf("%s, confirmed %d of %d", what, confirmed[s], reacted[s])
			}
			confirmed[s] += 3
		default:
			if i != next[s] {
				t.Fatalf("%s, want %d", what, next[s])
			}
			next[s]++
		}
		for k := range m.Recipients() {
			if ch := m.Recipient(k); ch == 101 || ch == 102 {
				part = append(part, raw)
				break
			}
		}
	}
	for i, want := range part {
		if got := some.next(); !bytes.Equal(got, []byte(want)) {
			t.Fatalf("who listens to some saw %x as number %d, others %x", got, i, want)
		}
	}
}

// What roles send because of a message waits behind what was there before:
// emission is breadth-first.
func TestEmissionIsBreadthFirst(t *testing.T) {
	d := New(Limits{})
	var heard []string
	ear := &funcReceiver{f: func(m *Message) { heard = append(heard, string(m.Payload)) }}
	ear.Receiver = ear
	echo := &funcReceiver{}
	echo.Receiver = echo
	echo.f = func(m *Message) {
		if len(m.Payload) < 3 {
			for _, suffix := range []string{"x", "y"} {
				b := d.Emit(&echo.Participant)
				b.Begin(1, 5, 7, 8).Bytes(append(bytes.Clone(m.Payload), suffix...))
				_ = b.End()
				// To itself by way of another, for nobody hears himself.
				b.From(&ear.Participant)
				b.Begin(1, 5, 8).Bytes(append(bytes.Clone(m.Payload), suffix...))
				_ = b.End()
			}
		}
	}
	var b Batch
	b.From(&ear.Participant)
	b.Subscribe(7)
	b.From(&echo.Participant)
	b.Subscribe(8)
	b.From(new(Participant))
	for _, s := range []string{"a", "b"} {
		b.Begin(1, 5, 7, 8).Bytes([]byte(s))
		_ = b.End()
	}
	d.Post(&b)
	want := []string{"a", "b", "ax", "ay", "bx", "by", "axx", "axy", "ayx", "ayy", "bxx", "bxy", "byx", "byy"}
	if !slices.Equal(heard, want) {
		t.Errorf("heard %v, want %v", heard, want)
	}
}

// funcReceiver is a participant made of a function.
type funcReceiver struct {
	Participant
	f func(*Message)
}

func (r *funcReceiver) Receive(m *Message) { r.f(m) }
