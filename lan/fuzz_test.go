package lan

import (
	"bytes"
	"encoding/hex"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// fuzzSchema is the stories' schema, with what they have no use for.
func fuzzSchema(f *testing.F) *dc.Schema {
	s, err := dc.ParseFiles("testdata/story.dc", "testdata/fuzz.dc")
	if err != nil {
		f.Fatal(err)
	}
	return s
}

// storyMessages are the messages that clients send in the scenarios.
func storyMessages(f *testing.F, s *dc.Schema) [][]byte {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no scenarios found (%v)", err)
	}
	var messages [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(line, "#")
			if _, message, ok := strings.Cut(line, " sends "); ok {
				b, err := encode(s, strings.TrimSpace(message), false)
				if err != nil {
					f.Fatal(err)
				}
				messages = append(messages, b)
			}
		}
	}
	return messages
}

// FuzzDecoder decodes any bytes as a client's datagram. What is accepted must
// be what the core and the receivers take it for.
func FuzzDecoder(f *testing.F) {
	schema := fuzzSchema(f)
	for _, b := range storyMessages(f, schema) {
		f.Add(b)
	}
	f.Add(hexOf(f, "2a23 07000000 0300 01000000 05 0200 6869 0400 01000200 0500 01000900 0100 1200 0300"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d decoder
		// A message before, so that bodies do not start at the scratch's start.
		if err := d.decode(schema, hexOf(t, "2a23 07000000 0000 02000000 0000 2a000000 0000 0000 0000")); err != nil {
			t.Fatal(err)
		}
		first := bytes.Clone(d.messages[0].body)
		sent := bytes.Clone(b)
		if err := d.decode(schema, b); err != nil {
			if len(d.messages) != 1 || err.Error() == "" {
				t.Errorf("refused with %q, %d messages are left", err, len(d.messages))
			}
			return
		}
		if !bytes.Equal(b, sent) || !bytes.Equal(first, d.messages[0].body) {
			t.Error("decoding has changed the datagram, or the message before it")
		}
		m := d.messages[1]
		switch m.typ {
		case ClientObjectUpdateField, ClientObjectUpdateFieldTargeted:
			if _, err := m.field.Unpack(m.body); err != nil {
				t.Errorf("a value of %v that is none: %v", m.field, err)
			}
			if !bytes.HasSuffix(b, m.body) {
				t.Error("the value is not what was sent")
			}
		case ClientObjectGenerate:
			parseAsStock(t, m.class, m.body)
		case ClientSetInterest:
			if len(m.body)%4 != 0 {
				t.Errorf("%d bytes of zones", len(m.body))
			}
		case ObjectSetZone, ObjectDelete, ClientDisconnect, heartbeat:
			if m.body != nil {
				t.Errorf("%v has a body", m.typ)
			}
		default:
			t.Errorf("%v was accepted", m.typ)
		}
	})
}

// parseAsStock reads what follows the doId of an OBJECT_GENERATE_CMU as a
// stock client does: the required fields that are broadcast, the number of
// further fields, and these.
func parseAsStock(t *testing.T, class *dc.Class, b []byte) {
	t.Helper()
	for _, f := range class.RequiredFields() {
		if !f.Has(dc.Broadcast) {
			continue
		}
		n, err := f.CheckPrefix(b)
		if err != nil {
			t.Fatalf("the receiver misreads %v: %v", f, err)
		}
		b = b[n:]
	}
	r := datagram.NewReader(b)
	n := r.Uint16()
	if err := r.Err(); err != nil {
		t.Fatalf("the receiver finds no number of further fields: %v", err)
	}
	b = r.Rest()
	for range n {
		r := datagram.NewReader(b)
		f := class.Field(int(r.Uint16()))
		if f == nil {
			t.Fatal("the receiver finds a field that its class has not")
		}
		size, err := f.CheckPrefix(r.Rest())
		if err != nil {
			t.Fatalf("the receiver misreads %v: %v", f, err)
		}
		b = b[2+size:]
	}
	if len(b) > 0 {
		t.Fatalf("the receiver has %d bytes left over", len(b))
	}
}

// FuzzSession plays any sequence of datagrams of several clients to a server,
// and looks after each step whether its core contradicts itself.
//
// A step is a byte, three bits of which say who and the others what; most are
// followed by the length of a datagram and the datagram.
func FuzzSession(f *testing.F) {
	schema := fuzzSchema(f)
	var stories []byte
	for i, b := range storyMessages(f, schema) {
		if len(b) < 200 {
			stories = append(append(stories, byte(i%4), byte(len(b))), b...)
		}
	}
	f.Add(stories)
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 0))
		var steps []byte
		for range 100 {
			who := byte(r.IntN(4))
			b := randomMessage(r, schema, uint32(who))
			steps = append(append(steps, who, byte(len(b))), b...)
			if r.IntN(8) == 0 {
				steps = append(steps, byte(r.IntN(256)))
			}
		}
		f.Add(steps)
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		s, err := NewServer(Config{Schema: schema, DoIDRange: modelRange, MaxMessage: 64, MaxObjects: 4, MaxZones: 5,
			TrustedClasses: []string{"Referee"}, Trust: []netip.Prefix{netip.MustParsePrefix("192.0.2.3/32")},
			Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		var conns [8]*fakeConn
		connect := func(i int) {
			conns[i] = &fakeConn{addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(i)), Port: 1}}
			s.Opened(conns[i])
		}
		lose := func(i int) {
			s.Closed(conns[i], &transport.CloseError{Code: conns[i].code})
			conns[i] = nil
		}
		for i := range 4 {
			connect(i)
		}
		for len(steps) > 0 {
			i, what := int(steps[0]%8), steps[0]/8
			steps = steps[1:]
			switch {
			case conns[i] == nil:
				connect(i)
			case conns[i].closed || what == 1:
				lose(i)
			case what == 2:
				conns[i].full = !conns[i].full
			case what == 3:
				s.nextPeriod()
			case len(steps) > 0:
				n := min(int(steps[0]), len(steps)-1)
				s.Received(conns[i], [][]byte{bytes.Clone(steps[1 : 1+n])})
				steps = steps[1+n:]
			}
			if err := checkCore(s.core); err != nil {
				t.Fatal(err)
			}
			if n := len(s.core.overrun); n > 0 {
				t.Fatalf("%d clients with full queues are still there", n)
			}
			for _, c := range conns {
				if c != nil {
					checkSent(t, s, c)
				}
			}
		}
		for i, c := range conns {
			if c != nil {
				lose(i)
			}
		}
		if err := checkCore(s.core); err != nil {
			t.Fatal(err)
		}
		if st := s.Stats(); st.Clients+st.Objects+st.Zones > 0 || s.admission.Total() > 0 {
			t.Fatalf("nobody is there, but there are %+v", st)
		}
	})
}

// checkSent reads what a client was sent as a stock client does.
func checkSent(t *testing.T, s *Server, c *fakeConn) {
	t.Helper()
	var base uint32
	if p, ok := s.peers.Load(c); ok {
		base = p.(*peer).client.base
	}
	for _, b := range c.got {
		if len(b) > 64 {
			t.Fatalf("a message of %d bytes", len(b))
		}
		r := datagram.NewReader(b)
		switch typ := Type(r.Uint16()); typ {
		case SetDoIDRange:
			r.Uint32()
			r.Uint32()
		case ObjectGenerate:
			r.Uint32()
			r.Uint32()
			class := s.settings.Schema.ClassByNumber(int(r.Uint16()))
			r.Uint32()
			parseAsStock(t, class, r.Rest())
		case ObjectUpdateField:
			r.Uint32()
			r.Uint32()
			f := s.settings.Schema.FieldByNumber(int(r.Uint16()))
			if err := f.Check(r.Rest()); err != nil {
				t.Fatal(err)
			}
		case ObjectDisable:
			for r.Remaining() > 0 {
				if doID := r.Uint32(); s.core.baseOf(doID) == base {
					t.Fatalf("client %d shall disable its own object %d, which stock clients do not survive", base, doID)
				}
			}
		case ObjectDelete, RequestGenerates:
			r.Uint32()
		default:
			t.Fatalf("the server sent %v", typ)
		}
		if err := r.Done(); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
	}
	c.got = c.got[:0]
}

func hexOf(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
