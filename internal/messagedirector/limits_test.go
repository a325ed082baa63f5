package messagedirector

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// F14, for roles in this process: inside the order a call says that a limit is
// reached, and what a batch asks for beyond it is counted and left out.
func TestLimitsInside(t *testing.T) {
	d := New(Limits{Channels: 4, Ranges: 2, PostRemoves: 200})
	p := listener(nil)
	check := func(what string, got, want error) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	d.Do(func() {
		for ch := range uint64(4) {
			check("channel", d.Subscribe(&p.Participant, ch), nil)
		}
		check("a channel again", d.Subscribe(&p.Participant, 3), nil)
		other := listener(nil)
		check("a channel of another", d.Subscribe(&other.Participant, 3), nil)
		check("a channel again that another has too", d.Subscribe(&p.Participant, 3), nil)
		check("another has one more", d.Subscribe(&other.Participant, 9), nil)
		check("a channel that another has", d.Subscribe(&p.Participant, 9), ErrChannels)
		check("a new channel", d.Subscribe(&p.Participant, 10), ErrChannels)

		check("range", d.SubscribeRange(&p.Participant, 20, 29), nil)
		check("range", d.SubscribeRange(&p.Participant, 40, 49), nil)
		check("one more range", d.SubscribeRange(&p.Participant, 60, 69), ErrRanges)
		check("a hole", d.UnsubscribeRange(&p.Participant, 25, 26), ErrRanges)
		check("a channel in a range", d.Subscribe(&p.Participant, 25), nil)

		check("post-remove", d.AddPostRemove(&p.Participant, 1, make([]byte, 100)), nil)
		check("one more post-remove", d.AddPostRemove(&p.Participant, 1, make([]byte, 100)), ErrPostRemoves)
		check("a post-remove that does not fit", d.AddPostRemove(&p.Participant, 1, make([]byte, maxPostRemove+1)), ErrTooLong)
		d.ClearPostRemoves(&p.Participant, 2) // of nobody
		d.ClearPostRemoves(&p.Participant, 1)
		check("a post-remove after clearing", d.AddPostRemove(&p.Participant, 1, make([]byte, 100)), nil)
	})

	var b Batch
	b.From(&p.Participant)
	b.Subscribe(10)
	b.SubscribeRange(60, 69)
	b.UnsubscribeRange(25, 26)
	_ = b.AddPostRemove(1, make([]byte, 100))
	_ = b.Append([]byte{2, 0})
	_ = b.Append([]byte("\x01\x01\x00\x00\x00\x00\x00\x00\x00\x28\x23"))
	d.Post(&b)
	if s := d.Stats(); s.Refused != 4 || s.Malformed != 2 || s.Channels != 5 || s.Ranges != 2 {
		t.Errorf("counted %+v", s)
	}
}

// Ranges that cut each other into pieces cost by pieces and participants, and
// all of them together are bounded; the count is exact, also after holes.
func TestAllRangesLimit(t *testing.T) {
	d := New(Limits{AllRanges: 1000})
	rnd := rand.New(rand.NewPCG(3, 4))
	var all []*funcReceiver
	refused := 0
	d.Do(func() {
		for range 40 {
			p := listener(func(*Message) {})
			all = append(all, p)
			for range 20 {
				low := rnd.Uint64N(1000)
				if err := d.SubscribeRange(&p.Participant, low, low+rnd.Uint64N(200)); errors.Is(err, ErrAllRanges) {
					refused++
				} else if err != nil {
					t.Error(err)
				}
				if low%3 == 0 {
					_ = d.UnsubscribeRange(&p.Participant, low+5, low+rnd.Uint64N(50))
				}
				if n := sizeOf(d.ranges.spans); n != d.ranges.size || n > 1000 {
					t.Fatalf("%d ids, counted %d", n, d.ranges.size)
				}
			}
		}
		if refused == 0 {
			t.Error("none was refused")
		}
		for _, p := range all {
			d.Leave(&p.Participant)
		}
		if d.ranges.size != 0 {
			t.Errorf("%d are counted when all have left", d.ranges.size)
		}
	})
}
