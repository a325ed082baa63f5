package messagedirector

import (
	"fmt"
	"slices"
	"testing"

	"github.com/culm-net/culm/transport"
)

func listener(f func(*Message)) *funcReceiver {
	r := &funcReceiver{f: f}
	r.Receiver = r
	return r
}

// A goroutine that posts is not kept for ever by what others post.
func TestPostHandsOver(t *testing.T) {
	d := New(Limits{})
	returned, done := make(chan struct{}), make(chan struct{})
	n := 0
	var next func()
	next = func() {
		switch n++; n {
		case 3 * maxTurns:
			close(done)
			return
		case 2 * maxTurns:
			<-returned
		}
		d.Do(next) // as others would
	}
	d.Do(next)
	close(returned)
	<-done
}

// Nor by participants that never stop talking to each other.
func TestPostHandsOverAnEndlessTalk(t *testing.T) {
	d := New(Limits{})
	returned, done := make(chan struct{}), make(chan struct{})
	n := 0
	talk := func(from *funcReceiver, to uint64) {
		d.Emit(&from.Participant).Begin(1, 5, to)
		_ = d.Emit(&from.Participant).End()
	}
	a, b := listener(nil), listener(nil)
	a.f = func(*Message) {
		if n++; n > maxRounds {
			<-returned
			close(done)
			return
		}
		talk(a, 8)
	}
	b.f = func(*Message) { talk(b, 7) }
	d.Do(func() {
		_ = d.Subscribe(&a.Participant, 7)
		_ = d.Subscribe(&b.Participant, 8)
		talk(b, 7)
	})
	close(returned)
	<-done
}

func TestDoKeepsItsPlace(t *testing.T) {
	d := New(Limits{})
	var log []string
	a := listener(func(m *Message) { log = append(log, string(m.Payload)) })
	say := func(b *Batch, s string) {
		b.Begin(1, 5, 7).Bytes([]byte(s))
		if err := b.End(); err != nil {
			t.Fatal(err)
		}
	}
	var b Batch
	b.From(&a.Participant)
	b.Subscribe(7)
	other := new(Participant)
	b.From(other)
	say(&b, "one")
	b.Do(func() { log = append(log, "do") })
	b.From(other)
	say(&b, "two")
	b.From(&a.Participant)
	b.Leave()
	b.From(other)
	say(&b, "three")
	b.From(&a.Participant)
	b.Subscribe(7)
	b.From(other)
	say(&b, "four")
	if b.Len() == 0 {
		t.Error("the batch is empty")
	}
	d.Post(&b)
	if want := []string{"one", "do", "two", "four"}; !slices.Equal(log, want) {
		t.Errorf("heard %v, want %v", log, want)
	}
	if b.Len() != 0 || !b.empty() {
		t.Error("the batch is not empty after Post")
	}
	d.Post(&b) // nothing
}

// A participant that is gone because of a message does not get it any more,
// and who comes because of it does not get it yet.
func TestLeavingWhileAMessageIsDelivered(t *testing.T) {
	d := New(Limits{})
	var log []string
	all := make([]*funcReceiver, 4)
	for i := range all {
		all[i] = listener(func(*Message) {
			log = append(log, fmt.Sprint(i))
			if i == 1 {
				d.Leave(&all[0].Participant)
				d.Leave(&all[2].Participant)
				_ = d.Subscribe(&all[3].Participant, 7)
			}
		})
	}
	d.Do(func() {
		for _, r := range all[:3] {
			_ = d.Subscribe(&r.Participant, 7)
		}
	})
	send := func() {
		var b Batch
		b.From(new(Participant))
		b.Begin(1, 5, 7)
		_ = b.End()
		d.Post(&b)
	}
	send()
	if want := []string{"0", "1"}; !slices.Equal(log, want) {
		t.Errorf("%v got it, want %v", log, want)
	}
	log = nil
	send()
	slices.Sort(log)
	if want := []string{"1", "3"}; !slices.Equal(log, want) {
		t.Errorf("%v got it, want %v", log, want)
	}
}

func TestAfterRound(t *testing.T) {
	d := New(Limits{})
	said, seen := 0, 0
	d.Do(func() { d.AfterRound(func() { seen = said }) })
	d.Do(func() { said = 1 })
	if seen != 1 {
		t.Error("not called after the round")
	}
}

func TestLinksAreHeldWhenMuchWaits(t *testing.T) {
	d := New(Limits{})
	s := NewServer(d, ServerConfig{MaxBacklog: 100})
	defer s.outlet.Close()
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		d.Do(func() {
			close(inside)
			<-leave
		})
		close(left)
	}()
	<-inside
	c := new(fakeConn)
	s.Opened(c)
	m, err := compose("5 -> 7 : 1 a message of some length")
	if err != nil {
		t.Fatal(err)
	}
	for c.held == 0 {
		s.Received(c, [][]byte{m})
	}
	if n := d.Backlog(); n < 100 || n > 200 {
		t.Errorf("held with %d bytes waiting", n)
	}
	close(leave)
	<-left
	if n := s.Stats().Held; n != 1 {
		t.Errorf("counted %d holds", n)
	}
	if n := d.Backlog(); n != 0 {
		t.Errorf("%d bytes wait at the end", n)
	}
	s.Closed(c, &transport.CloseError{Remote: true})
}
