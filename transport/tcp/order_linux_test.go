package tcp

import (
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"github.com/culm-net/culm/transport"
)

// stopper is a recorder that reads nothing more from when it gets "stop" on
// until it is resumed.
type stopper struct {
	*recorder
	stopped, resume chan struct{}
	stamped         chan bool // whether the system says when messages have arrived
}

func (s *stopper) Received(c transport.Conn, msgs [][]byte) {
	switch string(msgs[0]) {
	case "stop":
		s.stopped <- struct{}{}
		<-s.resume
	case "stamp":
		s.stamped <- c.(*Conn).polled.stamp != 0
	default:
		s.recorder.Received(c, msgs)
	}
}

// While nothing is read, peers of two listeners write by turns. The first
// message of each and the last are delivered where they belong among all, and
// those between not before the first nor after the last.
func TestInOrder(t *testing.T) {
	const peers, rounds = 40, 30
	r := &stopper{newRecorder(), make(chan struct{}), make(chan struct{}), make(chan bool)}
	var listeners [2]*Listener
	order := new(Order)
	for i := range listeners {
		listeners[i] = serve(t, Config{Order: order, Pace: -1}, r)
	}
	boss := dialRaw(t, listeners[0])
	all := make([]*net.TCPConn, peers)
	for i := range all {
		all[i] = dialRaw(t, listeners[i%2])
		_, _ = all[i].Write([]byte{2, 0, 0, 0})
		r.wait(i + 1)
	}
	for stamped := false; !stamped; stamped = <-r.stamped { // it begins only after a while
		_, _ = boss.Write([]byte("\x05\x00stamp"))
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		r.msgs = nil
		_, _ = boss.Write([]byte("\x04\x00stop"))
		<-r.stopped
		n := byte(1 + rnd.IntN(100))
		first, last := make([]byte, peers), make([]byte, peers) // when each peer has written
		for at := byte(1); at <= n; at++ {
			i := rnd.IntN(peers)
			if first[i] == 0 {
				first[i] = at
			}
			last[i] = at
			if _, err := all[i].Write([]byte{2, 0, byte(i), at}); err != nil {
				t.Fatal(err)
			}
		}
		r.resume <- struct{}{}
		var firsts, lasts []byte
		for _, m := range r.wait(int(n)) {
			i, at := m[0], m[1]
			if at == first[i] {
				firsts = append(firsts, at)
			}
			if at == last[i] {
				lasts = append(lasts, at)
			}
		}
		if !slices.IsSorted(firsts) || !slices.IsSorted(lasts) {
			t.Fatalf("first messages: %d\nlast messages:  %d\nall: %d", firsts, lasts, r.msgs)
		}
	}
	for _, c := range append(all, boss) {
		_ = c.Close()
		<-r.closed
	}
}

// Who comes in is heard before those who speak after it, and after those who
// spoke before it did.
func TestNewcomersInOrder(t *testing.T) {
	r := &stopper{newRecorder(), make(chan struct{}), make(chan struct{}), make(chan bool)}
	l := serve(t, Config{Order: new(Order), Pace: -1}, r)
	boss, old := dialRaw(t, l), dialRaw(t, l)
	for stamped := false; !stamped; stamped = <-r.stamped {
		_, _ = boss.Write([]byte("\x05\x00stamp"))
	}
	for _, order := range []string{"no", "on", "noo", "nono", "nnoo"} { // the newcomer and the old one
		r.msgs = nil
		_, _ = boss.Write([]byte("\x04\x00stop"))
		<-r.stopped
		late := dialRaw(t, l)
		for _, who := range order {
			if _, err := map[rune]*net.TCPConn{'n': late, 'o': old}[who].Write([]byte{1, 0, byte(who)}); err != nil {
				t.Fatal(err)
			}
		}
		r.resume <- struct{}{}
		if got := r.wait(len(order)); string(got[0]) != order[:1] || string(got[len(got)-1]) != order[len(order)-1:] {
			t.Errorf("written as %s, delivered as %s", order, got)
		}
		_ = late.Close()
		<-r.closed
	}
	_ = boss.Close()
	_ = old.Close()
	<-r.closed
	<-r.closed
}
