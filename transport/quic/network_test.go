package quic

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/internal/udplink"
	"github.com/culm-net/culm/transport"
)

// A client whose router gives it a new address stays connected, and the server
// knows its new address.
func TestMigration(t *testing.T) {
	s := serve(t, Config{})
	link := s.behind(t, udplink.Config{Latency: time.Millisecond})
	c, ch := s.dial(t, Config{}, link.Addr().String())
	sc := await(t, s.opened)
	works(t, c, ch, sc, s.recorder)
	before := sc.Identity().Addr.String()
	if err := link.Rebind(); err != nil {
		t.Fatal(err)
	}
	works(t, c, ch, sc, s.recorder)
	// Packets of the new path are small at first, and this does not fit.
	longer := strings.Repeat("x", 1200)
	for got := ""; got != longer; {
		send(t, sc, transport.Unreliable, 0, longer)
		select {
		case got = <-ch.msgs:
		case <-time.After(10 * time.Millisecond):
		}
	}
	for sc.Identity().Addr.String() == before {
		works(t, c, ch, sc, s.recorder)
	}
	if len(s.closed) > 0 {
		t.Error("the connection was closed")
	}
}

// A peer that vanishes is found by the idle timeout, on either side; others do
// not notice.
func TestPeerVanishes(t *testing.T) {
	s := serve(t, Config{IdleTimeout: 5 * time.Second})
	link := s.behind(t, udplink.Config{})
	c, ch := s.dial(t, Config{}, link.Addr().String())
	sc := await(t, s.opened)
	other, oh := s.dial(t, Config{}, "")
	so := await(t, s.opened)
	works(t, c, ch, sc, s.recorder)
	if err := link.Set(udplink.Config{Loss: 1}); err != nil {
		t.Fatal(err)
	}
	for range 100 { // all of this must not keep anybody
		for _, conn := range []transport.Conn{c, sc} {
			for mode := range transport.Mode(3) {
				_ = conn.Send(transport.Message{Data: make([]byte, 1000), Mode: mode, Key: 1})
			}
		}
		s.Flush([]transport.Conn{sc, so})
		c.Flush()
	}
	for len(s.closed) == 0 || len(ch.closed) == 0 {
		works(t, other, oh, so, s.recorder)
		time.Sleep(time.Millisecond) // or it takes the processor the others need
	}
	for _, closed := range []chan *transport.CloseError{s.closed, ch.closed} {
		if got := <-closed; got == nil || got.Remote || got.Code != transport.CodeTimeout {
			t.Errorf("Closed with %v", got)
		}
	}
}

// A server that was started anew with the same key tells clients at once that
// it does not know them.
func TestServerRestarts(t *testing.T) {
	cfg := Config{ResetKey: [32]byte{1}, Linger: -1}
	s := serve(t, cfg)
	link := s.behind(t, udplink.Config{})
	c, ch := s.dial(t, Config{}, link.Addr().String())
	sc := await(t, s.opened)
	for range 200 { // until the path's packet size is found, for which there are large packets
		works(t, c, ch, sc, s.recorder)
	}

	// The first server dies: what it says does not get through.
	if err := link.Set(udplink.Config{Loss: 1}); err != nil {
		t.Fatal(err)
	}
	sc.Close(transport.CodeShutdown, "")
	await(t, s.closed)
	if err := link.Rebind(); err != nil { // nor what is on its way
		t.Fatal(err)
	}
	addr := s.Addr().String()
	_ = s.Close()
	var second *Listener
	for { // until the socket is free
		var err error
		if second, err = Listen(addr, cfg); err == nil {
			break
		}
		if !strings.Contains(err.Error(), "in use") {
			t.Fatal(err)
		}
	}
	defer second.Close()
	if err := link.Set(udplink.Config{}); err != nil {
		t.Fatal(err)
	}
	for len(ch.closed) == 0 {
		// As small as messages are, one in a packet: who only pings notices too.
		before := link.Stats().Forwarded
		_ = c.Send(transport.Message{Data: make([]byte, 4), Mode: transport.Unreliable})
		c.Flush()
		for len(ch.closed) == 0 && link.Stats().Forwarded == before {
			time.Sleep(time.Millisecond)
		}
	}
	if got := await(t, ch.closed); !got.Remote || got.Code != transport.CodeUnknown || !strings.Contains(got.Reason, "restarted") {
		t.Errorf("Closed with %v", got)
	}
}

// On a path that is too narrow, what arrives of a key is new: older versions
// are replaced in the queue and do not stand in line.
func TestLatestStaysFreshUnderLoss(t *testing.T) {
	s := serve(t, Config{})
	link := s.behind(t, udplink.Config{Loss: 0.2, Latency: 20 * time.Millisecond, Seed: 3})
	_, ch := s.dial(t, Config{}, link.Addr().String())
	sc := await(t, s.opened)
	const versions = 3000
	data := make([]byte, 1100)
	for i := range versions {
		for key := range uint64(2) {
			binary.LittleEndian.PutUint64(data, uint64(i))
			if err := sc.Send(transport.Message{Data: data, Mode: transport.Latest, Key: key}); err != nil {
				t.Fatal(err)
			}
		}
		sc.Flush()
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	send(t, sc, transport.Reliable, 0, "end")
	n := 0
	for await(t, ch.msgs) != "end" {
		n++
	}
	st := sc.Stats()
	if st.Dropped == 0 || n > versions {
		t.Errorf("%d messages arrived, %d were dropped", n, st.Dropped)
	}
	if all := s.Stats().Dropped; all != st.Dropped {
		t.Errorf("the listener counts %d that were dropped, the connection %d", all, st.Dropped)
	}
	if st.MessagesSent+st.Dropped != 2*versions+1 {
		t.Errorf("%d messages were sent and %d dropped, want %d in all", st.MessagesSent, st.Dropped, 2*versions+1)
	}
}

// A long message is overtaken by a newer one of its key: its stream is reset,
// and if it arrives, then whole.
func TestLongLatest(t *testing.T) {
	s := serve(t, Config{})
	link := s.behind(t, udplink.Config{Loss: 0.1, Latency: 5 * time.Millisecond, Seed: 5})
	_, ch := s.dial(t, Config{}, link.Addr().String())
	sc := await(t, s.opened)
	last := ""
	for i := range 200 {
		last = strings.Repeat(fmt.Sprintf("%03d ", i), 5000)
		send(t, sc, transport.Latest, 1, last)
		if i%10 == 0 {
			time.Sleep(2 * time.Millisecond)
		}
	}
	for got := ""; got != last; {
		select {
		case got = <-ch.msgs:
			if len(got) != len(last) || got != strings.Repeat(got[:4], 5000) {
				t.Fatalf("received %d bytes that are not one message", len(got))
			}
		case <-time.After(20 * time.Millisecond):
			send(t, sc, transport.Latest, 1, last) // it may have found no stream
		}
	}
}

// Reliable messages go on while unreliable ones flood, and the other way.
func TestModesDoNotBlockEachOther(t *testing.T) {
	s := serve(t, Config{})
	c, ch := s.dial(t, Config{}, "")
	sc := await(t, s.opened)
	big := strings.Repeat("r", 900_000)
	send(t, sc, transport.Reliable, 0, big)
	others := []transport.Message{
		{Data: []byte("quick"), Mode: transport.Unreliable},
		{Data: make([]byte, 30_000), Mode: transport.Latest, Key: 9},
	}
	got, again := map[int]bool{}, 0
	for _, m := range others {
		send(t, sc, m.Mode, m.Key, string(m.Data))
	}
	for len(got) < 3 {
		select {
		case m := <-ch.msgs:
			got[len(m)] = true
		case <-time.After(time.Second):
			// Sockets of a busy machine overflow, and these may be lost.
			if again++; again > 30 {
				t.Fatalf("of what was sent, there is %v", got)
			}
			for _, m := range others {
				if !got[len(m.Data)] {
					send(t, sc, m.Mode, m.Key, string(m.Data))
				}
			}
		}
	}
	if n, want := c.Stats().BytesReceived, uint64(len(big)+5+30_000); n != want && (again == 0 || n < want) {
		t.Errorf("%d bytes, want %d: %+v", n, want, c.Stats())
	}
}

func TestLossMeter(t *testing.T) {
	var m lossMeter
	for _, step := range []struct {
		at         time.Duration
		sent, lost uint64
		want       float64
	}{
		{0, 0, 0, 0},
		{time.Second, 100, 10, 0.1},
		{2 * time.Second, 200, 20, 0.1},
		{3 * time.Second, 300, 20, 20. / 300},
		{4 * time.Second, 400, 20, 0}, // since second 2
		{5 * time.Second, 400, 20, 0},
		{6 * time.Second, 500, 120, 1},
		{7 * time.Second, 500, 110, 0.9},
		{8 * time.Second, 600, 100, 0},
	} {
		if got := m.share(step.at, step.sent, step.lost); got != step.want {
			t.Errorf("at %v: %v, want %v", step.at, got, step.want)
		}
	}
}

// Statistics follow a real path.
func TestStatsOfABadPath(t *testing.T) {
	s := serve(t, Config{})
	const latency = 5 * time.Millisecond
	link := s.behind(t, udplink.Config{Loss: 0.1, Latency: latency, Seed: 7})
	c, ch := s.dial(t, Config{}, link.Addr().String())
	sc := await(t, s.opened)
	for sc.Stats().Loss == 0 {
		works(t, c, ch, sc, s.recorder)
	}
	if st := sc.Stats(); st.RTT < 2*latency || st.Loss > 1 {
		t.Errorf("%+v", st)
	}
}
