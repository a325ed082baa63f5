package messagedirector

import (
	"slices"
	"testing"
)

// One participant subscribes for others, and passes on to those who have not
// sent the message and do not get it anyway.
func TestPassOn(t *testing.T) {
	d := New(Limits{})
	var log []string
	named := func(name string) *funcReceiver {
		return listener(func(m *Message) { log = append(log, name+" "+string(m.Payload)) })
	}
	a, b, c := named("a"), named("b"), named("c")
	all := listener(func(m *Message) {
		log = append(log, "all "+string(m.Payload))
		for _, r := range []*funcReceiver{a, b, c, b} {
			d.PassOn(m, &r.Participant)
		}
	})
	d.Do(func() {
		_ = d.Subscribe(&all.Participant, 7)
		_ = d.Subscribe(&a.Participant, 8)
	})
	send := func(from *funcReceiver, what string, to ...uint64) {
		var q Batch
		q.From(&from.Participant)
		q.Begin(4000, 5, to...).Bytes([]byte(what))
		if err := q.End(); err != nil {
			t.Fatal(err)
		}
		d.Post(&q)
	}
	send(c, "1", 7)
	send(all, "2", 7, 8)
	send(named("d"), "3", 7, 8)
	want := []string{"all 1", "a 1", "b 1", "a 2", "all 3", "b 3", "c 3", "a 3"}
	if !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
	if n := d.Stats().Delivered; n != uint64(len(want)) {
		t.Errorf("%d were delivered, want %d", n, len(want))
	}
}

func TestSubscribers(t *testing.T) {
	d := New(Limits{})
	var all []*Participant
	for range 3 * pieceIDs {
		all = append(all, &listener(nil).Participant)
	}
	d.Do(func() {
		_ = d.SubscribeRange(all[0], 0, 99) // ranges are not asked
		for i, n := range []int{1, 2, len(all)} {
			for _, p := range all[:n] {
				_ = d.Subscribe(p, 100+uint64(i))
			}
		}
		for ch, n := range map[uint64]int{50: 0, 100: 1, 101: 2, 102: len(all), 103: 0} {
			if got := slices.Collect(d.Subscribers(ch)); len(got) != n || !slices.Equal(got, all[:n]) {
				t.Errorf("%d subscribers of %d, want %d", len(got), ch, n)
			}
		}
		for p := range d.Subscribers(102) {
			if p == all[pieceIDs/2] {
				break
			}
		}
	})
}
