package quic

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport"
)

// bystander is a connection that must go on working whatever another peer does.
type bystander struct {
	t      *testing.T
	s      *server
	client *Conn
	ch     *recorder
	server transport.Conn
}

func (s *server) bystander(t *testing.T) *bystander {
	c, ch := s.dial(t, Config{}, "")
	b := &bystander{t, s, c, ch, await(t, s.opened)}
	b.works()
	return b
}

func (b *bystander) works() {
	b.t.Helper()
	works(b.t, b.client, b.ch, b.server, b.s.recorder)
}

// closedFor waits until a raw peer's connection is closed by the server and
// checks that the server says the peer broke the protocol.
func (s *server) closedFor(t *testing.T, q *quic.Conn, reason string) {
	t.Helper()
	got := await(t, s.closed)
	if got.Remote || got.Code != transport.CodeProtocol || !strings.Contains(got.Error(), reason) {
		t.Errorf("Closed with %v, want %q", got, reason)
	}
	select {
	case <-q.Context().Done():
	case <-time.After(30 * time.Second):
		t.Error("the peer is not told")
	}
	// The counter is set when the handler has been told.
	for s.Stats().Broken == 0 {
		time.Sleep(time.Millisecond)
	}
}

func reliable(t *testing.T, q *quic.Conn, data []byte) *quic.SendStream {
	t.Helper()
	out, err := q.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(data); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPeersThatBreakTheProtocol(t *testing.T) {
	tests := map[string]struct {
		reason string
		do     func(t *testing.T, q *quic.Conn)
	}{
		"an announcement of 4 GiB": {"4294967293 bytes", func(t *testing.T, q *quic.Conn) {
			reliable(t, q, []byte{0xfd, 0xff, 0xff, 0xff})
		}},
		"a reliable message that is too long": {"the longest is 5000", func(t *testing.T, q *quic.Conn) {
			reliable(t, q, binary.LittleEndian.AppendUint32(nil, 5001))
		}},
		"a welcome from a client": {"welcome", func(t *testing.T, q *quic.Conn) {
			reliable(t, q, welcome)
		}},
		"a long reason": {"reason", func(t *testing.T, q *quic.Conn) {
			reliable(t, q, appendFarewell(nil, 0, strings.Repeat("x", 257)))
		}},
		"an end in the middle": {"farewell", func(t *testing.T, q *quic.Conn) {
			_ = reliable(t, q, []byte{5, 0, 0, 0, 'a'}).Close()
		}},
		"a reset": {"farewell", func(t *testing.T, q *quic.Conn) {
			reliable(t, q, []byte{5, 0, 0, 0, 'a'}).CancelWrite(1)
		}},
		"an unreliable message that is too long": {"more than 2000 bytes", func(t *testing.T, q *quic.Conn) {
			reliable(t, q, []byte{0, 0, 0, 0})
			reliable(t, q, make([]byte, 2001))
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Config{MaxReliable: 5000, MaxUnreliable: 2000})
			b := s.bystander(t)
			q := s.raw(t, nil)
			await(t, s.opened)
			tt.do(t, q)
			s.closedFor(t, q, tt.reason)
			b.works()
		})
	}
}

// Streams beyond the limit are not to be had, and each that is holds no more
// than one message's bytes.
func TestManyStreams(t *testing.T) {
	s := serve(t, Config{MaxStreams: 4})
	b := s.bystander(t)
	q := s.raw(t, nil)
	await(t, s.opened)
	reliable(t, q, []byte{0, 0, 0, 0})
	var open []*quic.SendStream
	for range 10_000 {
		o, err := q.OpenUniStream()
		if err != nil {
			var limit *quic.StreamLimitReachedError
			if !errors.As(err, &limit) {
				t.Fatal(err)
			}
			break
		}
		if err := o.TryWriteAll([]byte("unfinished")); err != nil {
			t.Fatal(err)
		}
		open = append(open, o)
	}
	if len(open) != 4 {
		t.Errorf("%d streams were to be had", len(open))
	}
	if _, err := q.OpenStream(); err == nil {
		t.Error("a stream in both directions was to be had")
	}
	b.works()
	// They are worth a message each when they end, and then there are others.
	for range 1000 {
		_ = open[0].Close()
		for got := ""; got != "unfinished"; {
			got = await(t, s.msgs)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		next, err := q.OpenUniStreamSync(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if err := next.TryWriteAll([]byte("unfinished")); err != nil {
			t.Fatal(err)
		}
		open = append(open[1:], next)
	}
	b.works()
}

// A peer that reads nothing makes its own queue full, and is cut when the
// linger time is over.
func TestSlowReader(t *testing.T) {
	s := serve(t, Config{SendQueue: 1 << 20, Linger: 50 * time.Millisecond})
	b := s.bystander(t)
	s.raw(t, nil)
	sc := await(t, s.opened)
	var err error
	for err == nil {
		err = sc.Send(transport.Message{Data: make([]byte, 10_000)})
		sc.Flush()
	}
	if !errors.Is(err, transport.ErrFull) {
		t.Fatal(err)
	}
	for range 100 {
		for range 10 {
			if err := sc.Send(transport.Message{Data: make([]byte, 20_000), Mode: transport.Unreliable}); err != nil {
				t.Fatal(err)
			}
		}
		s.Flush([]transport.Conn{sc, b.server})
		b.works()
	}
	if st := sc.Stats(); st.Queued > 2<<20 || st.Dropped == 0 {
		t.Errorf("%+v", st)
	}
	sc.Close(transport.CodeTimeout, "too slow")
	if got := await(t, s.closed); got.Remote || got.Code != transport.CodeTimeout {
		t.Errorf("Closed with %v", got)
	}
	b.works()
}

// A peer that stops the stream of reliable messages is closed when there is one
// for it.
func TestPeerStopsReliable(t *testing.T) {
	s := serve(t, Config{})
	b := s.bystander(t)
	q := s.raw(t, nil)
	sc := await(t, s.opened)
	in, err := q.AcceptUniStream(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	in.CancelRead(1)
	for len(s.closed) == 0 { // until it has heard of that
		_ = sc.Send(transport.Message{Data: []byte("listen")})
		sc.Flush()
		time.Sleep(time.Millisecond)
	}
	s.closedFor(t, q, "refuses reliable messages")
	b.works()
}

// A client that never allows the server a stream is not let in.
func TestNoStreamForTheServer(t *testing.T) {
	s := serve(t, Config{})
	b := s.bystander(t)
	q := s.raw(t, &quic.Config{MaxIncomingUniStreams: -1})
	select {
	case <-q.Context().Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the connection stays")
	}
	if len(s.opened) > 0 {
		t.Error("the client was let in")
	}
	b.works()
}

// Garbage and recorded packets are nobody's.
func TestGarbageAndReplays(t *testing.T) {
	s := serve(t, Config{})
	b := s.bystander(t)
	conn, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	recorded := record(t, s)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 5000 {
		data := make([]byte, random.IntN(1500))
		if i%100 == 0 {
			data = make([]byte, random.IntN(65_000))
		}
		for j := range data {
			data[j] = byte(random.Uint32())
		}
		switch {
		case i%3 == 0 && len(recorded) > 0:
			data = recorded[random.IntN(len(recorded))]
		case i%3 == 1 && len(recorded) > 0: // recorded and then changed
			data = append([]byte(nil), recorded[random.IntN(len(recorded))]...)
			data[random.IntN(len(data))]++
		case i%5 == 0 && len(data) > 20: // looks like a first packet
			copy(data, []byte{0xc3, 0, 0, 0, 1, 8})
		}
		_, _ = conn.Write(data)
		if i%500 == 0 {
			b.works()
		}
	}
	b.works()
	if len(s.opened) > 0 {
		t.Error("somebody was let in")
	}
}

// record returns what a client sends while it connects and says something.
func record(t *testing.T, s *server) [][]byte {
	t.Helper()
	tap, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := net.ResolveUDPAddr("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	done := make(chan struct{})
	go func() {
		defer close(done)
		var client net.Addr
		for {
			buf := make([]byte, 2000)
			n, from, err := tap.ReadFrom(buf)
			if err != nil {
				return
			}
			if from.String() == server.String() {
				_, _ = tap.WriteTo(buf[:n], client)
				continue
			}
			client = from
			packets = append(packets, buf[:n])
			_, _ = tap.WriteTo(buf[:n], server)
		}
	}()
	h := newRecorder()
	c, err := Dial(context.Background(), tap.LocalAddr().String(), Config{Pins: []Fingerprint{s.pin}}, h)
	if err != nil {
		t.Fatal(err)
	}
	sc := await(t, s.opened)
	works(t, c, h, sc, s.recorder)
	c.Close(transport.CodeNormal, "")
	await(t, h.closed)
	await(t, s.closed)
	_ = tap.Close()
	<-done
	return packets
}

// Handshakes that never end are limited, and above the limit of those that are
// under way everybody must prove an address, which honest clients do.
func TestHandshakeFlood(t *testing.T) {
	s := serve(t, Config{MaxHandshakes: 40, RetryAbove: 10, HandshakeTimeout: time.Minute})
	b := s.bystander(t)
	flood := firstPackets(t, s)
	var conns []net.Conn
	for range 30 {
		c, err := net.Dial("udp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	for i := range 300 {
		for _, p := range flood[i%len(flood)] {
			_, _ = conns[i%len(conns)].Write(p)
		}
	}
	for s.Stats().Retried == 0 {
		time.Sleep(time.Millisecond)
	}
	b.works()
	if st := s.Stats(); st.Handshakes > 12 {
		t.Errorf("%d handshakes are under way: %+v", st.Handshakes, st)
	}
	c, ch := s.dial(t, Config{}, "")
	works(t, c, ch, await(t, s.opened), s.recorder)
	b.works()
}

// firstPackets returns what different clients send before they hear anything.
func firstPackets(t *testing.T, s *server) (clients [][][]byte) {
	t.Helper()
	for range 60 {
		tap, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = Dial(ctx, tap.LocalAddr().String(), Config{Pins: []Fingerprint{s.pin}}, newRecorder())
		}()
		var packets [][]byte
		for len(packets) < 2 { // a ClientHello of today's length
			buf := make([]byte, 2000)
			n, _, err := tap.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			packets = append(packets, buf[:n])
		}
		clients = append(clients, packets)
		cancel()
		<-done
		_ = tap.Close()
	}
	return clients
}

func TestRetryAlways(t *testing.T) {
	s := serve(t, Config{RetryAbove: -1})
	s.bystander(t)
	if st := s.Stats(); st.Retried == 0 || st.Accepted != 1 || st.Handshakes != 0 {
		t.Errorf("%+v", st)
	}
}

// Limits for addresses do not count loopback, so this asks the counters.
func TestHandshakesPerAddress(t *testing.T) {
	now := time.Unix(1000, 0)
	s := newHandshakes(&Config{MaxHandshakes: 10, HandshakesPerAddress: 3, RetryAbove: 5})
	s.now = func() time.Time { return now }
	under := map[string]context.CancelFunc{}
	udp := func(addr string) net.Addr { return &net.UDPAddr{IP: net.ParseIP(addr), Port: 1} }
	begin := func(id, addr string) error {
		ctx, cancel := context.WithCancel(context.Background())
		under[id] = cancel
		_, err := s.begin(ctx, &quic.ClientInfo{RemoteAddr: udp(addr), AddrVerified: true})
		return err
	}
	for _, step := range []struct {
		id, addr string
		want     error
	}{
		{"a", "192.0.2.1", nil},
		{"b", "192.0.2.1", nil},
		{"c", "::ffff:192.0.2.1", nil},
		{"d", "192.0.2.1", errAddress},
		{"e", "192.0.2.2", nil},
		{"f", "2001:db8::1", nil},
		{"g", "2001:db8::2:1", nil},
		{"h", "2001:db8::3", nil},
		{"i", "2001:db8::4", errAddress},
		{"j", "127.0.0.1", nil},
		{"k", "127.0.0.1", nil},
		{"l", "127.0.0.1", nil},
		{"m", "127.0.0.1", errHandshakes},
	} {
		if err := begin(step.id, step.addr); err != step.want {
			t.Errorf("%s from %s: %v, want %v", step.id, step.addr, err, step.want)
		}
	}
	if !s.mustProve(udp("192.0.2.99")) {
		t.Error("nobody has to prove an address")
	}
	for _, cancel := range under {
		cancel()
	}
	for s.mustProve(udp("192.0.2.99")) { // a goroutine counts them out
		time.Sleep(time.Millisecond)
	}
	if err := begin("n", "192.0.2.1"); err != errAddress {
		t.Errorf("in the same window: %v", err)
	}
	now = now.Add(addressWindow)
	if err := begin("o", "192.0.2.1"); err != nil {
		t.Errorf("in the next window: %v", err)
	}
	under["o"]()
}

// Who sends with somebody else's address cannot use up that one's share.
func TestFalseAddresses(t *testing.T) {
	s := newHandshakes(&Config{MaxHandshakes: 1000, HandshakesPerAddress: 20, RetryAbove: 1000})
	victim := &net.UDPAddr{IP: net.ParseIP("192.0.2.1"), Port: 1}
	n := 0
	for ; !s.mustProve(victim); n++ {
		if _, err := s.begin(context.Background(), &quic.ClientInfo{RemoteAddr: victim}); err != nil {
			t.Fatal(err)
		}
	}
	if n != 5 {
		t.Errorf("%d handshakes begin without proof", n)
	}
	for range 20 {
		if _, err := s.begin(context.Background(), &quic.ClientInfo{RemoteAddr: victim, AddrVerified: true}); err != nil {
			t.Errorf("who has the address: %v", err)
		}
	}
	if _, err := s.begin(context.Background(), &quic.ClientInfo{RemoteAddr: victim, AddrVerified: true}); err != errAddress {
		t.Errorf("over the limit: %v", err)
	}
}

// The system's limit on buffers is told once.
func TestBufferWarning(t *testing.T) {
	var b syncBuffer
	log := logTo(&b)
	for range 3 {
		s, err := openSocket("udp4", nil, log)
		if err != nil {
			t.Fatal(err)
		}
		got, known := receiveBuffer(s.udp.UDPConn)
		s.release()
		lines := b.lines()
		if len(lines) > 1 || known && got >= wantedBuffer && lines[0] != "" {
			t.Errorf("with a buffer of %d it logs %q", got, lines)
		}
	}
}
