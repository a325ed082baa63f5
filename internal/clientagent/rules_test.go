package clientagent

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// What an EJECT for another version or other DC files says is for the client's
// developers, unless the configuration keeps it to itself.
func TestReasonsOfVersionAndHash(t *testing.T) {
	greeting := func(hash uint32, version string) []byte {
		var w datagram.Writer
		w.Uint16(uint16(Hello))
		w.Uint32(hash)
		w.String(version)
		return w.Buf
	}
	for _, c := range []struct {
		hideVersion, hideHash bool
		message               []byte
		code                  uint16
		tells                 []string
		hides                 string
	}{
		{false, true, greeting(1, "beta"), 124, []string{"beta", "dev"}, "~"},
		{true, false, greeting(1, "beta"), 124, []string{"version"}, "dev"},
		{true, false, greeting(0xabcdef, "dev"), 125, []string{"0xabcdef", "0x1"}, "~"},
		{false, true, greeting(0xabcdef, "dev"), 125, []string{"hash"}, "0x1"},
	} {
		config := testConfig(t)
		config.HideVersion, config.HideHash = c.hideVersion, c.hideHash
		th := newTheatre(t, md.New(md.Limits{}), config)
		client := th.connect()
		client.Send([][]byte{c.message})
		answers := client.Received()
		if len(answers) != 1 {
			t.Fatalf("%d answers", len(answers))
		}
		r := datagram.NewReader(answers[0])
		typ, code, reason := r.Uint16(), r.Uint16(), r.String()
		if Type(typ) != Eject || code != c.code || r.Done() != nil {
			t.Errorf("the answer is %x", answers[0])
		}
		for _, want := range c.tells {
			if !strings.Contains(reason, want) {
				t.Errorf("%d says %q, and not %q", code, reason, want)
			}
		}
		if strings.Contains(reason, c.hides) {
			t.Errorf("%d says %q", code, reason)
		}
	}
}

// TLVs that would not fit into an answer are none that can be asked for.
func TestTLVsTooLong(t *testing.T) {
	d := md.New(md.Limits{})
	th := newTheatre(t, d, testConfig(t))
	server := newPeer(d, 8)
	th.core.Opened(&fakeConn{tlvs: bytes.Repeat([]byte{1}, 65_530)})
	server.send(5000, md.ClientAgentGetTLVs, func(w *datagram.Writer) { w.Uint32(10) })
	if n := th.agent.Stats().Ignored; len(server.in) != 0 || n != 1 {
		t.Errorf("%d answers, %d ignored", len(server.in), n)
	}
}

// A post-remove that is no message is dropped when its time comes, and one that
// the director does not take does not count as one of the client's.
func TestPostRemoves(t *testing.T) {
	good := []byte("\x01\x08\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\xa0\x0f")
	for _, c := range []struct {
		room     int // for post-removes in the director
		messages [][]byte
		ignored  uint64
	}{
		{1 << 20, [][]byte{{}, {2, 8}, {255}, good}, 0},
		{512, [][]byte{bytes.Repeat([]byte{1}, 1000), good}, 1},
	} {
		d := md.New(md.Limits{PostRemoves: c.room})
		config := testConfig(t)
		config.Limits.PostRemoves = len(c.messages) - int(c.ignored)
		th := newTheatre(t, d, config)
		server := newPeer(d, 8)
		client := th.connect()
		for _, m := range c.messages {
			server.send(5000, md.ClientAgentAddPostRemove, func(w *datagram.Writer) { w.Blob(m) })
		}
		client.Leave()
		if n := th.agent.Stats().Ignored; n != c.ignored || len(server.in) != 1 || server.in[0].Type != 4000 {
			t.Errorf("%d ignored, and the post-removes are %v", n, server.in)
		}
	}
}

// Messages of clients are counted by what they are.
func TestReceivedCounted(t *testing.T) {
	d := md.New(md.Limits{})
	th := newTheatre(t, d, testConfig(t))
	server := newPeer(d, 8)
	client := th.connect()
	client.Send([][]byte{hello(), {5, 0}})
	server.send(5000, md.ClientAgentSetState, func(w *datagram.Writer) { w.Uint16(2) })
	message := func(t Type, numbers ...uint32) []byte {
		var w datagram.Writer
		w.Uint16(uint16(t))
		for _, n := range numbers {
			w.Uint32(n)
		}
		return w.Buf
	}
	client.Send([][]byte{{200, 0, 1, 0, 0, 0, 1, 0, 232, 3, 0, 0, 5, 0, 0, 0}})
	th.pass(time.Second)
	th.pass(time.Second)
	client.Send([][]byte{{203, 0, 2, 0, 0, 0, 1, 0}, {200, 0, 1, 0, 0, 0, 1, 0, 232, 3, 0, 0, 5, 0, 0, 0}, {5, 0}, message(ObjectLocation, 1, 2, 3)})
	st := th.agent.Stats()
	for name, want := range map[string]uint64{"hello": 1, "heartbeat": 2, "add_interest": 2, "remove_interest": 1, "location": 1, "update": 0, "other": 0} {
		if got := st.Received[name]; got != want {
			t.Errorf("%d messages %s were received, want %d", got, name, want)
		}
	}
	if st.Operations != 1 || st.OperationTime != time.Second {
		t.Errorf("%d operations took %v", st.Operations, st.OperationTime)
	}
}

// Objects that have left are forgotten after their time, also by the memory.
func TestHistoryForgets(t *testing.T) {
	var h history
	for i := range 1000 {
		h.add(uint32(i), time.Duration(i), 10, 0)
	}
	if len(h.left) != 10 || len(h.order) != 10 || h.has(989, 999, 10) || !h.has(990, 999, 10) {
		t.Errorf("%d objects are remembered, in a list of %d", len(h.left), len(h.order))
	}
	h = history{}
	for i := range 1000 {
		h.add(7, time.Duration(i), 0, 100)
	}
	if len(h.left) != 1 || len(h.order) != 100 || !h.has(7, 1e9, 0) {
		t.Errorf("%d objects are remembered, in a list of %d", len(h.left), len(h.order))
	}
	h = history{}
	for i := range 1000 {
		h.add(uint32(i%10), time.Duration(i), 0, 0)
	}
	if len(h.left) != 10 || len(h.order) != 0 {
		t.Errorf("for ever: %d objects are remembered, in a list of %d", len(h.left), len(h.order))
	}
}

// Who is thrown out is counted by the code, and in the log with the reason.
func TestEjectedCounted(t *testing.T) {
	var log bytes.Buffer
	config := testConfig(t)
	config.Log = slog.New(slog.NewTextHandler(&log, nil))
	th := newTheatre(t, md.New(md.Limits{}), config)
	th.connect().Send([][]byte{{99, 0}})
	th.connect().Send([][]byte{hello(), {99, 0}})
	th.connect().Send([][]byte{hello(), {99, 0}})
	for code, n := range th.agent.Stats().Ejected {
		if want := map[string]uint64{"107": 1, "108": 2}[code]; n != want {
			t.Errorf("%d are ejected with %s, want %d", n, code, want)
		}
	}
	if !strings.Contains(log.String(), `msg="client ejected"`) || !strings.Contains(log.String(), `reason="Message 99 is not allowed."`) {
		t.Errorf("the log is %s", &log)
	}
}

// Closing zones counts like opening them.
func TestZoneRateOfClosing(t *testing.T) {
	d := md.New(md.Limits{})
	th := newTheatre(t, d, testConfig(t))
	client, p := th.connect(), newPeer(d)
	client.Send([][]byte{hello()})
	p.send(5000, md.ClientAgentSetState, func(w *datagram.Writer) { w.Uint16(uint16(StateEstablished)) })
	var open, closing datagram.Writer
	open.Uint16(uint16(AddInterestMultiple))
	open.Uint32(1)
	open.Uint16(1)
	open.Uint32(1000)
	open.Uint16(9000)
	for z := range uint32(9000) {
		open.Uint32(z)
	}
	closing.Uint16(uint16(RemoveInterest))
	closing.Uint32(2)
	closing.Uint16(1)
	for i, m := range [][]byte{open.Buf, closing.Buf, open.Buf} {
		if client.conn.held > 0 {
			t.Errorf("held before change %d", i+1)
		}
		client.Send([][]byte{m})
	}
	if client.conn.held == 0 {
		t.Error("not held after 27,000 zones")
	}
}

// Events tell clients that break a rule from those that are mistaken, as
// Astron's do.
func TestSecurityEvents(t *testing.T) {
	rules := map[Code]bool{106: true, 108: true, 113: true, 115: true, 117: true, 118: true, 119: true, 127: true}
	for code := range Code(500) {
		if code.rule() != rules[code] {
			t.Errorf("ejecting with %d is against a rule: %v", code, code.rule())
		}
	}
	// 1 is, when a client has asked for it.
	d := md.New(md.Limits{})
	config := testConfig(t)
	config.HelloTimeout = time.Second
	th := newTheatre(t, d, config)
	server := newPeer(d, 8)
	client := th.connect()
	client.Send([][]byte{hello()})
	server.send(5000, md.ClientAgentSetState, func(w *datagram.Writer) { w.Uint16(2) })
	client.Send([][]byte{{203, 0, 1, 0, 0, 0, 7, 0}})
	th.connect()
	th.pass(time.Second)
	var got []Event
	for _, e := range th.events {
		if e.Kind == ClientEjected {
			got = append(got, e)
		}
	}
	if len(got) != 2 || got[0].Code != CodeOther || !got[0].Security || got[1].Code != CodeOther || got[1].Security {
		t.Errorf("events are %+v", got)
	}
}

// While too much waits to be routed, clients are read later.
func TestBacklogHoldsClients(t *testing.T) {
	d := md.New(md.Limits{})
	config := testConfig(t)
	config.MaxBacklog = 10
	th := newTheatre(t, d, config)
	client := th.connect()
	client.Send([][]byte{hello()})
	if client.conn.held > 0 {
		t.Fatal("held although nothing waits")
	}
	busy, free, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		d.Do(func() {
			close(busy)
			<-free
		})
	}()
	<-busy
	server := &peer{d: d}
	server.Receiver = server
	server.send(77, 4000, func(w *datagram.Writer) { w.Bytes(make([]byte, 100)) })
	client.Send([][]byte{{5, 0}})
	held := client.conn.held
	close(free)
	<-done
	if held == 0 {
		t.Error("not held while much waits")
	}
}

// What clients themselves have sent waits to be routed, too: while nobody gets
// to it, they are read later.
func TestClientsThatFillTheBacklogAreHeld(t *testing.T) {
	d := md.New(md.Limits{})
	config := testConfig(t)
	config.MaxBacklog = 10_000
	th := newTheatre(t, d, config)
	client := th.connect()
	client.Send([][]byte{hello()})
	busy, free, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		d.Do(func() {
			close(busy)
			<-free
		})
	}()
	<-busy
	for range 10_000 {
		client.Send([][]byte{{5, 0}})
		if client.conn.held > 0 {
			break
		}
	}
	held, backlog := client.conn.held, d.Backlog()
	close(free)
	<-done
	if held == 0 || backlog < 10_000 || backlog > 20_000 {
		t.Errorf("held for %v with %d bytes in the backlog", held, backlog)
	}
	if n := d.Backlog(); n != 0 {
		t.Errorf("%d bytes wait at the end", n)
	}
}
