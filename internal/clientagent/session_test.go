package clientagent

import (
	"encoding/binary"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/transport"
)

// peer is a participant that keeps what it gets.
type peer struct {
	md.Participant
	d  *md.Director
	in []md.Message
}

func newPeer(d *md.Director, channels ...uint64) *peer {
	p := &peer{d: d}
	p.Receiver = p
	d.Do(func() {
		for _, ch := range channels {
			_ = d.Subscribe(&p.Participant, ch)
		}
	})
	return p
}

func (p *peer) Receive(m *md.Message) {
	c := *m
	c.Payload = append([]byte(nil), m.Payload...)
	p.in = append(p.in, c)
}

// send sends a message from channel 8.
func (p *peer) send(to uint64, t md.Type, payload func(*datagram.Writer)) {
	var b md.Batch
	b.From(&p.Participant)
	payload(b.Begin(t, 8, to))
	if err := b.End(); err != nil {
		panic(err)
	}
	p.d.Post(&b)
}

func hello() []byte {
	var w datagram.Writer
	w.Uint16(uint16(Hello))
	w.Uint32(1)
	w.String("dev")
	return w.Buf
}

func nothing(*datagram.Writer) {}

// Where a client is from, and what its proxy adds, servers can ask for.
func TestNetworkAddress(t *testing.T) {
	d := md.New(md.Limits{})
	th := newTheatre(t, d, testConfig(t))
	server := newPeer(d, 8)
	conn := &fakeConn{
		remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1001},
		local:  &net.TCPAddr{IP: net.ParseIP("2001:db8::2"), Port: 7198},
		tlvs:   []byte("\x04\x00\x03abc"),
	}
	th.core.Opened(conn)
	server.send(5000, md.ClientAgentGetNetworkAddress, func(w *datagram.Writer) { w.Uint32(9) })
	server.send(5000, md.ClientAgentGetTLVs, func(w *datagram.Writer) { w.Uint32(10) })
	if len(server.in) != 2 {
		t.Fatalf("%d answers", len(server.in))
	}
	r := server.in[0].Reader()
	if server.in[0].Sender != 5000 || r.Uint32() != 9 || r.String() != "192.0.2.1" || r.Uint16() != 1001 || r.String() != "2001:db8::2" || r.Uint16() != 7198 || r.Done() != nil {
		t.Errorf("the addresses are %x", server.in[0].Payload)
	}
	r = server.in[1].Reader()
	if r.Uint32() != 10 || string(r.Blob()) != "\x04\x00\x03abc" || r.Done() != nil {
		t.Errorf("the TLVs are %x", server.in[1].Payload)
	}
	want := Event{Kind: ClientConnected, Channel: 5000, Remote: addrPort(conn.remote), Local: addrPort(conn.local)}
	if len(th.events) != 1 || th.events[0] != want {
		t.Errorf("events are %+v, want %+v", th.events, want)
	}
	// A transport without internet addresses.
	th.core.Opened(&fakeConn{remote: &net.UnixAddr{Name: "x"}})
	server.in = nil
	server.send(5001, md.ClientAgentGetNetworkAddress, func(w *datagram.Writer) { w.Uint32(9) })
	r = server.in[0].Reader()
	if r.Uint32() != 9 || r.String() != "" || r.Uint16() != 0 || r.String() != "" || r.Uint16() != 0 || r.Done() != nil {
		t.Errorf("the addresses are %x", server.in[0].Payload)
	}
}

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*theatre, *peer, *coreClient)
		want Event
	}{
		{"goodbye", func(_ *theatre, _ *peer, c *coreClient) { c.Send([][]byte{hello(), {3, 0}}) }, Event{Kind: ClientDisconnected}},
		{"lost", func(_ *theatre, _ *peer, c *coreClient) { c.Leave() }, Event{Kind: ClientLost, Reason: "EOF"}},
		{"dropped", func(_ *theatre, p *peer, _ *coreClient) { p.send(5000, md.ClientAgentDrop, nothing) }, Event{Kind: ClientDisconnected}},
		{"ejected by a server", func(_ *theatre, p *peer, _ *coreClient) {
			p.send(5000, md.ClientAgentEject, func(w *datagram.Writer) {
				w.Uint16(106)
				w.String("x")
			})
		}, Event{Kind: ClientEjected, Code: 106, Reason: "x"}},
		{"cut short", func(_ *theatre, _ *peer, c *coreClient) { c.Send([][]byte{{1}}) },
			Event{Kind: ClientEjected, Code: CodeTruncated, Reason: "A message of 1 bytes has no type."}},
		{"against a rule", func(_ *theatre, _ *peer, c *coreClient) { c.Send([][]byte{hello(), {99, 0}}) },
			Event{Kind: ClientEjected, Code: CodeInvalidType, Reason: "Message 99 is not allowed.", Security: true}},
	} {
		d := md.New(md.Limits{})
		th := newTheatre(t, d, testConfig(t))
		p := newPeer(d)
		client := th.connect()
		c.want.Channel, c.want.Remote = 5000, th.events[0].Remote
		c.do(th, p, client)
		client.Leave()
		if len(th.events) != 2 || th.events[1] != c.want {
			t.Errorf("%s: events are %+v, want %+v at the end", c.name, th.events, c.want)
		}
	}
	// A proxy that looks whether the server lives is no news, but when it
	// misbehaves.
	th := newTheatre(t, md.New(md.Limits{}), testConfig(t))
	for _, m := range [][]byte{nil, {1}} {
		conn := &fakeConn{check: true}
		th.core.Opened(conn)
		if m != nil {
			th.core.Received(conn, [][]byte{m})
		}
		th.core.Closed(conn, errors.New("closed"))
	}
	if len(th.events) != 1 || th.events[0].Kind != ClientEjected {
		t.Errorf("events are %+v", th.events)
	}
}

// A client that does not read is closed without a word, and its post-removes
// are sent.
func TestWriteBufferFull(t *testing.T) {
	for name, fill := range map[string]func(*theatre, *fakeConn, *peer){
		"full": func(_ *theatre, c *fakeConn, p *peer) {
			c.full = true
			p.send(5000, md.ClientAgentSendDatagram, func(w *datagram.Writer) { w.Blob([]byte{2, 0}) })
		},
		"full when it is to be thrown out": func(_ *theatre, c *fakeConn, p *peer) {
			c.full = true
			p.send(5000, md.ClientAgentEject, func(w *datagram.Writer) {
				w.Uint16(1)
				w.String("x")
			})
		},
		"stalled": func(th *theatre, c *fakeConn, _ *peer) {
			c.stats = transport.Stats{MessagesSent: 1, BytesSent: 10, Queued: 12}
			th.agent.findStalled(time.Unix(1000, 0))
			th.agent.findStalled(time.Unix(1004, 999))
			if c.closed {
				t.Error("closed too early")
			}
			c.budget = 1 // it takes something, and stalls again
			th.agent.findStalled(time.Unix(1005, 0))
			c.budget = 0
			th.agent.findStalled(time.Unix(1006, 0))
			if c.closed {
				t.Error("closed too early")
			}
			th.agent.findStalled(time.Unix(1011, 0))
		},
	} {
		d := md.New(md.Limits{})
		c := testConfig(t)
		c.WriteTimeout = 5 * time.Second
		th := newTheatre(t, d, c)
		p := newPeer(d, 8)
		client := th.connect()
		p.send(5000, md.ClientAgentAddPostRemove, func(w *datagram.Writer) {
			var m datagram.Writer
			m.Uint8(1)
			m.Uint64(8)
			m.Uint64(5)
			m.Uint16(4000)
			w.Blob(m.Buf)
		})
		fill(th, client.conn, p)
		st := th.agent.Stats()
		if !client.Gone() || st.Clients != 0 || st.Lost != 1 || len(client.Received()) > 0 {
			t.Errorf("%s: gone: %v, %+v", name, client.Gone(), st)
		}
		if len(p.in) != 1 || p.in[0].Type != 4000 {
			t.Errorf("%s: the post-removes are %v", name, p.in)
		}
		client.Leave()
	}
}

// A client that sends too much is read later, and so are all when too much
// waits for being routed.
func TestRates(t *testing.T) {
	c := testConfig(t)
	c.Limits.Messages, c.Limits.Bytes = 10, 1000
	th := newTheatre(t, md.New(md.Limits{}), c)
	client := th.connect()
	client.Send([][]byte{hello()})
	if client.conn.held != 0 {
		t.Error("held at once")
	}
	for range 30 {
		client.Send([][]byte{{5, 0}})
	}
	if client.conn.held == 0 || th.agent.Stats().Held == 0 {
		t.Error("30 messages at once were not too much")
	}
	client.conn.held = 0
	long := make([]byte, 60_000)
	binary.LittleEndian.PutUint16(long, uint16(Heartbeat))
	client.Send([][]byte{long})
	if client.conn.held < 9*time.Second || client.conn.held > maxHold {
		t.Errorf("held for %v after 60,000 bytes", client.conn.held)
	}
}

// Who is held can still send its heartbeats in time.
func TestHeldHeartbeats(t *testing.T) {
	c := testConfig(t)
	c.Limits.Bytes = 100
	c.HeartbeatTimeout = time.Second
	client := newTheatre(t, md.New(md.Limits{}), c).connect()
	client.Send([][]byte{hello(), append([]byte{5, 0}, make([]byte, 60_000)...)})
	if client.conn.held == 0 || client.conn.held > c.HeartbeatTimeout/2 {
		t.Errorf("held for %v", client.conn.held)
	}
}

// A client that opens and closes very many zones is read later.
func TestZoneRate(t *testing.T) {
	d := md.New(md.Limits{})
	th := newTheatre(t, d, testConfig(t))
	client, p := th.connect(), newPeer(d)
	client.Send([][]byte{hello()})
	p.send(5000, md.ClientAgentSetState, func(w *datagram.Writer) { w.Uint16(uint16(StateEstablished)) })
	var w datagram.Writer
	w.Uint16(uint16(AddInterestMultiple))
	w.Uint32(1)
	w.Uint16(1)
	w.Uint32(1000)
	w.Uint16(9000)
	for z := range uint32(9000) {
		w.Uint32(z)
	}
	for i := range 4 {
		if held := client.conn.held > 0; held != (i > 2) {
			t.Errorf("held before 9,000 zones for the %dth time: %v", i+1, held)
		}
		client.Send([][]byte{w.Buf})
	}
}

// More zones than fit into a query are asked for in several, and their end is
// told once.
func TestManyZones(t *testing.T) {
	d := md.New(md.Limits{})
	th := newTheatre(t, d, testConfig(t))
	client, p := th.connect(), newPeer(d, 1000)
	const n = maxZonesOfQuery + 300
	p.send(5000, md.ClientAgentAddInterestMultiple, func(w *datagram.Writer) {
		w.Uint16(1)
		w.Uint32(1000)
		w.Uint16(n)
		for z := range uint32(n) {
			w.Uint32(z)
		}
	})
	if len(p.in) != 2 {
		t.Fatalf("%d queries", len(p.in))
	}
	client.Received()
	for i, q := range p.in {
		r := q.Reader()
		ctx := r.Uint32()
		p.send(5000, md.StateServerObjectGetZonesCountResp, func(w *datagram.Writer) {
			w.Uint32(ctx)
			w.Uint32(0)
		})
		if got := client.Received(); len(got) != i {
			t.Errorf("%d messages after %d answers", len(got), i+1)
		}
	}
}

// An update that becomes too long by what is put before it is refused with the
// code for that.
func TestTooLongToPassOn(t *testing.T) {
	d := md.New(md.Limits{})
	th := newTheatre(t, d, testConfig(t))
	// What stands before the string: recipients, sender, type, doId, field and
	// the string's length. Before the client's there is less.
	const longest = 65535 - (1 + 8) - 8 - 2 - 4 - 2 - 2
	for n, want := range map[int]Code{longest: 0, longest + 1: CodeOversized} {
		uberdog := newPeer(d, 1234)
		client := th.connect()
		client.Send([][]byte{hello()})
		client.Received()
		var w datagram.Writer
		w.Uint16(uint16(ObjectSetField))
		w.Uint32(1234)
		w.Uint16(uint16(th.agent.settings.Schema.Class("Login").FieldByName("login").Number()))
		w.String(strings.Repeat("x", n))
		client.Send([][]byte{w.Buf})
		got := ejected(client)
		if got != want || (got == 0) != (len(uberdog.in) == 1) {
			t.Errorf("a string of %d bytes: code %d, %d messages", n, got, len(uberdog.in))
		}
		client.Leave()
		d.Do(func() { d.Leave(&uberdog.Participant) })
	}
}

// ejected is the code of the eject that a client got, or 0.
func ejected(c *coreClient) Code {
	for _, m := range c.Received() {
		r := datagram.NewReader(m)
		if Type(r.Uint16()) == Eject {
			return Code(r.Uint16())
		}
	}
	return 0
}

// A large message for many is encoded once and shared, a small one copied, and
// none takes the place of another.
func TestEncodedOnce(t *testing.T) {
	d := md.New(md.Limits{})
	th := newTheatre(t, d, testConfig(t))
	p := newPeer(d)
	a, b := th.connect(), th.connect()
	for _, n := range []int{10, 5000, 20, 6000, 7000} {
		want := strings.Repeat("y", n)
		p.send(md.AllClients, md.ClientAgentSendDatagram, func(w *datagram.Writer) { w.String(want) })
		for _, c := range []*coreClient{a, b} {
			if got := c.Received(); len(got) != 1 || string(got[0]) != want {
				t.Fatalf("%d bytes did not arrive", n)
			}
		}
	}
	var kept []transport.Message
	for _, n := range []int{3000, 10, 3000} {
		m := &md.Message{Serial: uint64(n) + uint64(len(kept)), Payload: []byte(strings.Repeat(string(rune('a'+len(kept))), n))}
		e := th.agent.encode(m, ObjectSetField, 0)
		if e.Shared != (n > shareAbove) {
			t.Errorf("%d bytes are shared: %v", n, e.Shared)
		}
		kept = append(kept, e)
	}
	if string(kept[0].Data[2:]) != strings.Repeat("a", 3000) {
		t.Error("a shared message was written to")
	}
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"Schema is missing":   func(c *Config) { c.Schema = nil },
		`class "Nobody" of U`: func(c *Config) { c.UberDOGs[0].Class = "Nobody" },
		`class "Item" of Ub`:  func(c *Config) { c.UberDOGs[0].Class = "Item" },
		"channel 0":           func(c *Config) { c.MinChannel = 0 },
	} {
		c := testConfig(t)
		change(&c)
		if _, err := New(md.New(md.Limits{}), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v instead of an error about %q", err, want)
		}
	}
	// The hash is that of the schema if none is given, for each agent (F7).
	c := testConfig(t)
	c.Hash = 0
	a, err := New(md.New(md.Limits{}), c)
	if err != nil || a.settings.Hash != c.Schema.Hash() {
		t.Errorf("%v", err)
	}
}

// F7: agents beside the same director want their own versions and hashes.
func TestF07HashPerAgent(t *testing.T) {
	d := md.New(md.Limits{})
	one := newTheatre(t, d, testConfig(t))
	c := testConfig(t)
	c.Hash, c.MinChannel, c.MaxChannel = 2, 6000, 6001
	two := newTheatre(t, d, c)
	for th, want := range map[*theatre]Code{one: 0, two: CodeBadHash} {
		client := th.connect()
		client.Send([][]byte{hello()})
		if got := ejected(client); got != want {
			t.Errorf("code %d, want %d", got, want)
		}
	}
}

// F4: a keyword of the game's own is a part of the hash, and no client's hello
// does harm with it.
func TestF04CustomKeyword(t *testing.T) {
	plain, custom := "dclass A { set(uint8) broadcast; };", "keyword mine; dclass A { set(uint8) broadcast mine; };"
	hashes := make(map[uint32]bool)
	for _, text := range []string{plain, custom} {
		schema, err := dc.Parse(dc.Source{Name: "a.dc", Text: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		c := testConfig(t)
		c.Schema, c.Hash, c.UberDOGs = schema, 0, nil
		th := newTheatre(t, md.New(md.Limits{}), c)
		client := th.connect()
		m := binary.LittleEndian.AppendUint32([]byte{byte(Hello), 0}, schema.Hash())
		client.Send([][]byte{append(m, 3, 0, 'd', 'e', 'v')})
		if got := client.Received(); len(got) != 1 || Type(binary.LittleEndian.Uint16(got[0])) != HelloResp {
			t.Errorf("%s: the hello is answered with %x", text, got)
		}
		hashes[schema.Hash()] = true
	}
	if len(hashes) != 2 {
		t.Error("the keyword makes no difference to the hash")
	}
}

func TestChannels(t *testing.T) {
	c := channels{next: 1<<64 - 2, max: 1<<64 - 1}
	var got []uint64
	for range 3 {
		got = append(got, c.take())
	}
	c.give(1<<64 - 1)
	c.give(1<<64 - 2)
	got = append(got, c.take(), c.take(), c.take())
	want := []uint64{1<<64 - 2, 1<<64 - 1, 0, 1<<64 - 1, 1<<64 - 2, 0}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if none := (channels{next: 7, max: 6}); none.take() != 0 {
		t.Error("a range that is reversed has a channel")
	}
}

func TestZonePolicy(t *testing.T) {
	for _, c := range []struct {
		p    *ZonePolicy
		zone uint32
		want bool
	}{
		{nil, 5, true},
		{&ZonePolicy{}, 5, false},
		{&ZonePolicy{Blacklist: true}, 5, true},
		{&ZonePolicy{Zones: []ZoneRange{{1, 1}, {5, 9}}}, 9, true},
		{&ZonePolicy{Zones: []ZoneRange{{1, 1}, {5, 9}}}, 10, false},
		{&ZonePolicy{Blacklist: true, Zones: []ZoneRange{{5, 9}}}, 5, false},
	} {
		if got := c.p.allows(c.zone); got != c.want {
			t.Errorf("%+v allows %d: %v", c.p, c.zone, got)
		}
	}
}

// Who comes while the agent shuts down, or when it is full, is told so.
func TestRefused(t *testing.T) {
	c := testConfig(t)
	c.Limits.Clients, c.Limits.PerAddress = 2, 1
	th := newTheatre(t, md.New(md.Limits{}), c)
	from := func(last byte) Code {
		conn := &fakeConn{remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, last), Port: 7}}
		th.core.Opened(conn)
		if m := conn.take(); len(m) == 1 {
			return Code(binary.LittleEndian.Uint16(m[0][2:]))
		}
		return 0
	}
	got := []Code{from(1), from(1), from(2), from(3)}
	th.agent.mu.Lock()
	th.agent.draining = true
	th.agent.mu.Unlock()
	got = append(got, from(4))
	if want := []Code{0, 1, 0, 1, CodeMaintenance}; !reflect.DeepEqual(got, want) {
		t.Errorf("codes %v, want %v", got, want)
	}
	if want := map[string]uint64{"full": 1, "address_full": 1, "draining": 1}; !reflect.DeepEqual(th.agent.Stats().Refused, want) {
		t.Errorf("%v, want %v", th.agent.Stats().Refused, want)
	}
}
