package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
)

// The game of these tests. Fields are numbered from 0 on: login, setTitle,
// setName, setPos, setTag, setBlob.
const badInputGame = `
dclass Login { login(string) clsend; };
dclass Room { setTitle(string) required broadcast; };
dclass Avatar {
  setName(string) required broadcast;
  setPos(int16, int16) required broadcast ownsend airecv;
  setTag(string(0-5)) clsend;
  setBlob(blob) ram broadcast clsend airecv;
};`

const badInputConfig = `
messagedirector:
  bind: 127.0.0.1:0
  stall_bytes: 1MiB
  stall_timeout: 1s
  max_channels: 90000
  max_ranges: 100
  post_remove_bytes: 256KiB
  max_links: 100
uberdogs:
  - {id: 4665, class: Login, anonymous: true}
roles:
  - {type: stateserver, control: 4002}
  - type: clientagent
    bind: 127.0.0.1:0
    channels: {min: 100000, max: 109999}
    client: {hello_timeout: 2s, write_timeout_ms: 1000, relocate: true}
  - type: clientagent
    bind: 127.0.0.1:0
    channels: {min: 200000, max: 200999}
    client: {hello_timeout: 2s, write_buffer_size: 0, write_timeout_ms: 1000}
    limits: {max_zones: 0}
    tls: {certificate: one.pem, key: one.key}
`

const (
	u8, aiChannel  = uint8(1), uint64(3_000_000)
	room, parent   = uint32(1000), uint64(1000)
	mine, wanderer = uint32(2000), uint32(3000) // of the honest client, and what it watches
	victim         = uint64(4000)               // an object that nobody watches
)

// scene is a cluster with an honest AI and an honest client, who notice every
// message that they get.
type scene struct {
	*started
	t          *testing.T
	schema     *dc.Schema
	ai, honest *wire
	client     uint64 // the honest client's channel
	steps      int16
}

func setScene(t *testing.T) *scene {
	t.Helper()
	game, err := dc.Parse(dc.Source{Name: "game.dc", Text: []byte(badInputGame)})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeCertificate(t, dir, "one")
	c, err := Parse(filepath.Join(dir, "cluster.yml"), []byte(badInputConfig))
	if err != nil {
		t.Fatal(err)
	}
	c.Daemon.DrainGrace = 0
	server, err := New(c, game, time.Second, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	s := &scene{started: &started{Server: server}, t: t, schema: game}

	s.ai = s.link()
	for _, ch := range []uint64{aiChannel, 4665} {
		s.ai.send(u8, uint64(1), uint16(9000), ch)
	}
	s.ai.send(u8, uint64(4002), aiChannel, uint16(2000), room, uint32(0), uint32(0), uint16(1), "Home")
	for _, o := range []struct {
		id, zone uint32
	}{{mine, 1}, {wanderer, 1}, {uint32(victim), 9}} {
		s.ai.send(u8, uint64(4002), aiChannel, uint16(2000), o.id, room, o.zone, uint16(2), "Ann", int16(0), int16(0))
		s.ai.send(u8, uint64(o.id), aiChannel, uint16(2050), aiChannel)
		s.ai.receive() // that it has become the object's AI
	}
	s.honest, s.client = s.guest("clientagent", nil)
	s.ai.send(u8, uint64(mine), aiChannel, uint16(2060), s.client)
	s.expect(s.honest, 172)
	s.honest.send(uint16(200), uint32(1), uint16(1), room, uint32(1))
	s.expect(s.honest, 142)
	s.expect(s.honest, 142)
	s.expect(s.honest, 204)
	return s
}

func (s *scene) link() *wire {
	s.t.Helper()
	return s.dial("messagedirector", nil)
}

func (s *scene) dial(part string, c *tls.Config) *wire {
	s.t.Helper()
	w := dial(s.t, s.addr(s.t, part), c)
	_ = w.SetDeadline(time.Now().Add(2 * time.Minute))
	return w
}

// guest is a client that the AI has let in. It may look into the zones of the
// room, and send to the victim.
func (s *scene) guest(part string, c *tls.Config) (*wire, uint64) {
	s.t.Helper()
	w := s.dial(part, c)
	w.send(uint16(1), s.schema.Hash(), "dev")
	s.expect(w, 2)
	w.send(uint16(120), uint32(4665), uint16(0), "me")
	m := s.ai.receive()
	channel := binary.LittleEndian.Uint64(m[9:])
	s.ai.send(u8, channel, aiChannel, uint16(1000), uint16(2))
	s.ai.send(u8, channel, aiChannel, uint16(1010), room, uint16(1))
	s.ai.send(u8, channel, aiChannel, uint16(1010), uint32(victim), uint16(2))
	// It has all of this when it has the answer to something later.
	s.ai.send(u8, channel, aiChannel, uint16(1002), "\x05\x00")
	s.expect(w, 5)
	return w, channel
}

// expect takes the next message, which must be of a type.
func (s *scene) expect(w *wire, typ uint16) []byte {
	s.t.Helper()
	m := w.receive()
	if got := binary.LittleEndian.Uint16(m); got != typ {
		s.t.Fatalf("got a message %d, %x, not %d", got, m, typ)
	}
	return m
}

// calm checks that the honest ones go on as if nothing had happened: what either
// sends is the next that the other gets.
func (s *scene) calm() {
	s.t.Helper()
	for range 3 {
		pos := s.step()
		s.honest.send(uint16(120), mine, pos)
		want := binary.LittleEndian.AppendUint64(nil, s.client)
		want = append(append(want, 0xe4, 7, 0xd0, 7, 0, 0), pos...) // behind those who get it
		if got := s.ai.receive(); !bytes.HasSuffix(got, want) {
			s.t.Fatalf("the honest AI got %x, not … %x", got, want)
		}
	}
}

// step lets the wanderer walk, and the honest client see it. It returns field and
// value.
func (s *scene) step() []byte {
	s.t.Helper()
	s.steps++
	pos := binary.LittleEndian.AppendUint16([]byte{3, 0}, uint16(s.steps))
	pos = append(pos, 7, 0)
	s.ai.send(u8, uint64(wanderer), aiChannel, uint16(2020), wanderer, pos)
	if got, want := s.honest.receive(), append([]byte{120, 0, 0xb8, 0x0b, 0, 0}, pos...); !bytes.Equal(got, want) {
		s.t.Fatalf("the honest client got %x, not %x", got, want)
	}
	return pos
}

// cut waits until the other side has ended the connection.
func (s *scene) cut(w *wire) {
	s.t.Helper()
	if _, err := io.Copy(io.Discard, w); err != nil && !isReset(err) {
		s.t.Errorf("it is not cut: %v", err)
	}
}

// isReset says that an error is that of a connection that was ended while
// something of ours was under way.
func isReset(err error) bool {
	return strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "aborted") || strings.Contains(err.Error(), "forcibly")
}

// heard waits until all that the link has sent has been routed: it hears a
// message to a channel of its own that comes behind.
func (s *scene) heard(w *wire) {
	s.t.Helper()
	other := s.link()
	other.send(u8, uint64(1), uint16(9000), uint64(99_999))
	other.send(u8, parent, uint64(99_999), uint16(2044), uint32(7)) // where is the room?
	other.receive()                                                 // the subscription stands
	w.send(u8, uint64(99_999), uint64(5), uint16(1))
	other.receive()
	_ = other.Close()
}

func raw(w *wire, parts ...[]byte) { _, _ = w.Write(bytes.Join(parts, nil)) }

func framed(m ...byte) []byte {
	return append(binary.LittleEndian.AppendUint16(nil, uint16(len(m))), m...)
}

// routed is a message from channel 5.
func routed(to uint64, typ uint16, payload ...byte) []byte {
	m := binary.LittleEndian.AppendUint64([]byte{1}, to)
	m = binary.LittleEndian.AppendUint64(m, 5)
	return append(binary.LittleEndian.AppendUint16(m, typ), payload...)
}

func u32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

// Bad input from participants. Those that break the framing or the control
// messages are cut; what makes no sense to a role is ignored there.
func TestBadParticipants(t *testing.T) {
	s := setScene(t)
	s.calm()
	control := func(typ uint16, payload ...byte) []byte {
		m := binary.LittleEndian.AppendUint64([]byte{1}, 1)
		return framed(append(binary.LittleEndian.AppendUint16(m, typ), payload...)...)
	}
	ranges := func(typ uint16, low, high uint64) []byte {
		return control(typ, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, low), high)...)
	}
	for _, bad := range []struct {
		name string
		cut  bool // by the other side
		do   func(w *wire)
		gone bool // by this side, or it hears too much to be asked
	}{
		{"a length that is a lie: no message", true, func(w *wire) { raw(w, []byte{0, 0}) }, false},
		{"a length that is a lie: more than comes", false, func(w *wire) {
			raw(w, []byte{0xff, 0xff}, routed(victim, 2032, u32(uint32(victim))...))
			_ = w.Close() // what has begun is no message
		}, true},
		{"unknown messages", false, func(w *wire) {
			for _, to := range []uint64{victim, 4002, 12, s.client, uint64(room), 4665 + 1} {
				for _, typ := range []uint16{0, 1, 120, 999, 1300, 2016 + 500, 2999, 3001, 9999, 65535} {
					raw(w, framed(routed(to, typ, 1, 2, 3)...))
				}
			}
		}, false},
		{"payloads cut short", false, func(w *wire) {
			for typ := uint16(2000); typ < 2300; typ++ {
				for n := range 4 {
					for _, to := range []uint64{victim, 4002, 12, uint64(wanderer)} {
						raw(w, framed(routed(to, typ, make([]byte, n)...)...))
					}
				}
			}
			for typ := uint16(1000); typ < 1300; typ++ {
				if typ != 1005 && typ != 1111 { // these have no payload
					raw(w, framed(routed(s.client, typ)...), framed(routed(s.client, typ, 1)...))
				}
			}
			create := routed(4002, 2000, bytes.Join([][]byte{u32(6000), u32(room), u32(1), {2, 0}, {3, 0}, []byte("Ann"), {1, 0, 2, 0}}, nil)...)
			for n := 19; n < len(create); n++ {
				raw(w, framed(create[:n]...))
			}
			update := routed(uint64(wanderer), 2020, append(u32(wanderer), 3, 0, 1, 0, 2, 0)...)
			for n := 19; n < len(update); n++ {
				raw(w, framed(update[:n]...))
			}
		}, false},
		{"surplus", false, func(w *wire) {
			raw(w, framed(routed(victim, 2020, append(u32(uint32(victim)), 3, 0, 1, 0, 2, 0, 9, 9, 9)...)...))
			if m := s.ai.receive(); !bytes.HasSuffix(m, []byte{3, 0, 1, 0, 2, 0}) {
				t.Errorf("the AI hears %x", m)
			}
		}, false},
		{"lengths in payloads that are lies", false, func(w *wire) {
			raw(w, framed(routed(victim, 2020, append(u32(uint32(victim)), 2, 0, 0xff, 0xff, 'x')...)...),
				framed(routed(victim, 2021, append(u32(uint32(victim)), 0xff, 0xff, 3, 0)...)...),
				framed(routed(uint64(room), 2102, append(u32(1), append(u32(room), 0xff, 0xff, 1)...)...)...),
				framed(routed(s.client, 1002, 0xff, 0xff, 2, 0)...),
				framed(routed(s.client, 1110, 0xff, 0xff, 1)...),
				framed(routed(s.client, 1014, append(u32(mine), 0xff, 0xff, 1)...)...),
				framed(routed(s.client, 1201, append([]byte{9, 0}, append(u32(room), 0xff, 0xff, 1)...)...)...))
		}, false},
		{"unknown classes, fields and objects", false, func(w *wire) {
			for _, class := range []uint16{3, 99, 65535} {
				raw(w, framed(routed(4002, 2000, append(append(u32(6000), make([]byte, 8)...), byte(class), byte(class>>8), 1, 0, 'x')...)...))
			}
			raw(w, framed(routed(victim, 2020, append(u32(uint32(victim)), 0, 0, 0, 0)...)...),
				framed(routed(victim, 2020, append(u32(uint32(victim)), 0xff, 0xff)...)...),
				framed(routed(6001, 2032, u32(6001)...)...),
				framed(routed(uint64(wanderer), 2032, u32(uint32(victim))...)...),
				framed(routed(s.client, 2020, append(u32(6001), 3, 0, 1, 0, 1, 0)...)...),
				framed(routed(s.client, 1010, append(u32(6001), 99, 0)...)...))
		}, false},
		{"recipients 0 and 255", false, func(w *wire) {
			none := []byte{0, 5, 0, 0, 0, 0, 0, 0, 0, 0xf0, 7}
			many := []byte{255}
			for range 255 {
				many = binary.LittleEndian.AppendUint64(many, 77_777)
			}
			raw(w, framed(none...), framed(append(many, none[1:]...)...), framed(many...), framed(255), framed(0))
		}, false},
		{"control messages cut short", true, func(w *wire) { raw(w, control(9010, 1, 2, 3)) }, false},
		{"a control message without its type", true, func(w *wire) { raw(w, framed(1, 1, 0, 0, 0, 0, 0, 0, 0, 40)) }, false},
		{"control messages with surplus, and unknown ones", false, func(w *wire) {
			raw(w, control(9000, make([]byte, 500)...), control(9012, 3, 0, 'a', 'b', 'c', 'd'), control(9099, 1, 2, 3), control(1))
		}, false},
		{"ranges reversed, and of one channel", false, func(w *wire) {
			raw(w, ranges(9002, 10, 5), ranges(9003, 10, 5), ranges(9002, 70_000, 70_000), ranges(9003, 0, 1<<64-1))
		}, false},
		{"all channels there are, read by nobody", false, func(w *wire) { raw(w, ranges(9002, 0, 1<<64-1)) }, true},
		{"ranges without end", true, func(w *wire) {
			for i := range uint64(200) {
				raw(w, ranges(9002, 1<<40+10*i, 1<<40+10*i+1))
			}
		}, false},
		{"channels without end", true, func(w *wire) {
			for i := range uint64(90_001) {
				raw(w, control(9000, binary.LittleEndian.AppendUint64(nil, 1<<40+i)...))
			}
		}, false},
		{"post-removes without end", true, func(w *wire) {
			post := append(make([]byte, 8), framed(routed(77_777, 1, make([]byte, 1000)...)...)...)
			for range 1000 {
				raw(w, control(9010, post...))
			}
		}, false},
		{"64 KiB messages", false, func(w *wire) {
			blob := make([]byte, 65_535-19-4-2-2)
			m := append(u32(uint32(victim)), 5, 0)
			m = append(binary.LittleEndian.AppendUint16(m, uint16(len(blob))), blob...)
			for range 20 {
				raw(w, framed(routed(77_777, 2020, m...)...), framed(routed(victim, 2020, m...)...), framed(routed(s.client, 1002, append([]byte{0xff, 0xff}, blob...)...)...))
			}
		}, false},
		{"an object that would outgrow its messages", false, func(w *wire) {
			title := make([]byte, 65_535-19-4-2-2)
			m := append(u32(room), 1, 0)
			m = append(binary.LittleEndian.AppendUint16(m, uint16(len(title))), title...)
			raw(w, framed(routed(uint64(room), 2020, m...)...))
		}, false},
		{"byte by byte", false, func(w *wire) {
			for _, b := range framed(routed(77_777, 1)...) {
				raw(w, []byte{b})
			}
		}, false},
		{"TLS", false, func(w *wire) {
			raw(w, []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+strings.Repeat("\xaa", 600)))
			_ = w.Close()
		}, true},
	} {
		w := s.link()
		bad.do(w)
		s.calm()
		switch {
		case bad.cut:
			s.cut(w)
		case !bad.gone:
			s.heard(w)
		}
		s.calm()
		if t.Failed() {
			t.Fatalf("%s: not as it should be", bad.name)
		}
		_ = w.Close()
	}
}

// A link that hears everything and reads nothing is dropped, and its post-removes
// are sent; nobody else waits for it.
func TestSlowParticipant(t *testing.T) {
	s := setScene(t)
	slow, talker := s.link(), s.link()
	_ = slow.Conn.(*net.TCPConn).SetReadBuffer(4096)
	slow.send(u8, uint64(1), uint16(9000), uint64(88_888))
	slow.send(u8, uint64(1), uint16(9010), uint64(5), string(routed(aiChannel, 4711)))
	s.heard(slow)
	m := framed(routed(88_888, 1, make([]byte, 60_000)...)...)
	for range 200 { // 12 MB, of which kernels take some
		raw(talker, m)
		s.steps++
	}
	gone := binary.LittleEndian.AppendUint64([]byte{1}, aiChannel)
	gone = append(gone, 5, 0, 0, 0, 0, 0, 0, 0, 0x67, 0x12)
	if got := s.ai.receive(); !bytes.Equal(got, gone) {
		t.Fatalf("the AI got %x", got)
	}
	s.calm()
}

// Bad input from clients: each has the code that astron.md names, and no other
// client notices.
func TestBadClients(t *testing.T) {
	s := setScene(t)
	s.calm()
	zones := func(id uint16, first, n uint32) []byte {
		m := binary.LittleEndian.AppendUint16(append([]byte{201, 0}, u32(1)...), id)
		m = binary.LittleEndian.AppendUint16(append(m, u32(room)...), uint16(n))
		for z := range n {
			m = binary.LittleEndian.AppendUint32(m, first+z)
		}
		return framed(m...)
	}
	update := func(field byte, value ...byte) []byte {
		return framed(append(append([]byte{120, 0}, u32(uint32(victim))...), append([]byte{field, 0}, value...)...)...)
	}
	for _, bad := range []struct {
		name  string
		guest bool // has logged in
		send  []byte
		code  uint16
	}{
		{"no message", false, framed(), 109},
		{"half a type", false, framed(1), 109},
		{"an unknown message for a hello", false, framed(99, 0), 107},
		{"a hello cut short", false, framed(1, 0, 1, 0), 109},
		{"a hello whose version's length is a lie", false, framed(append([]byte{1, 0}, append(u32(s.schema.Hash()), 0xff, 0xff, 'd')...)...), 109},
		{"a hello with surplus", false, framed(append([]byte{1, 0}, append(u32(s.schema.Hash()), 3, 0, 'd', 'e', 'v', 0)...)...), 106},
		{"another hash", false, framed(append([]byte{1, 0}, append(u32(s.schema.Hash()+1), 3, 0, 'd', 'e', 'v')...)...), 125},
		{"another version", false, framed(append([]byte{1, 0}, append(u32(s.schema.Hash()), 3, 0, 'd', 'e', 'w')...)...), 124},
		{"TLS where none is spoken", false, []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\xaa", 800)), 107},
		{"HTTP", false, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + strings.Repeat("x", 1<<15)), 107},
		{"64 KiB of nothing", false, framed(make([]byte, 65_535)...), 107},

		{"an unknown message", true, framed(99, 0), 108},
		{"a second hello", true, framed(append([]byte{1, 0}, append(u32(s.schema.Hash()), 3, 0, 'd', 'e', 'v')...)...), 108},
		{"a message of servers", true, framed(append([]byte{121, 0}, u32(uint32(victim))...)...), 108},
		{"an update cut short", true, framed(120, 0, 1), 109},
		{"a value cut short", true, update(4, 3, 0, 'x'), 109},
		{"a value whose length is a lie", true, update(5, 0xff, 0xff, 'x'), 109},
		{"a value with surplus", true, update(4, 1, 0, 'x', 'y'), 106},
		{"a value that is too long", true, update(4, 6, 0, 'x', 'x', 'x', 'x', 'x', 'x'), 127},
		{"a value beyond ASCII", true, update(4, 2, 0, 0xc3, 0xa9), 127},
		{"a field of another class", true, update(1, 1, 0, 'x'), 118},
		{"a field that is not for clients", true, update(2, 1, 0, 'x'), 118},
		{"an unknown field", true, update(99), 118},
		{"an unknown object", true, framed(append(append([]byte{120, 0}, u32(9_999_999)...), 4, 0, 0, 0)...), 117},
		{"a blob of 64 KiB, too long to be passed on", true, update(5, append([]byte{0xf0, 0xff}, make([]byte, 65_520)...)...), 106},
		{"a move of somebody else's object", true, framed(append([]byte{140, 0}, append(u32(wanderer), append(u32(room), u32(1)...)...)...)...), 117},
		{"a move cut short", true, framed(append([]byte{140, 0}, u32(wanderer)[:3]...)...), 109},
		{"a move cut short of somebody else's object", true, framed(append([]byte{140, 0}, u32(wanderer)...)...), 117},
		{"an interest cut short", true, framed(200, 0, 1, 0, 0, 0), 109},
		{"an interest whose count is a lie", true, framed(append([]byte{201, 0, 1, 0, 0, 0, 1, 0}, append(u32(room), 0xff, 0xff, 1, 0, 0, 0)...)...), 109},
		{"an interest with surplus", true, framed(append([]byte{200, 0, 1, 0, 0, 0, 1, 0}, append(u32(room), 1, 0, 0, 0, 9)...)...), 106},
		{"an interest below an unknown object", true, framed(append([]byte{200, 0, 1, 0, 0, 0, 1, 0}, append(u32(9_999_999), 1, 0, 0, 0)...)...), 115},
		{"an interest that is not there", true, framed(203, 0, 1, 0, 0, 0, 77, 0), 1},
		{"interest in 65,535 zones", true, bytes.Join([][]byte{zones(1, 0, 16_380), zones(2, 16_380, 16_380), zones(3, 32_760, 16_380), zones(4, 49_140, 16_380), zones(5, 65_520, 15)}, nil), 115},
	} {
		var w *wire
		if bad.guest {
			w, _ = s.guest("clientagent", nil)
		} else {
			w = s.dial("clientagent", nil)
		}
		// What comes behind has no effect any more: it would be heard by the AI.
		raw(w, bad.send, update(5, 1, 0, 'x'))
		m := w.receive()
		for binary.LittleEndian.Uint16(m) != 4 {
			m = w.receive()
		}
		if got := binary.LittleEndian.Uint16(m[2:]); got != bad.code || len(m) < 7 {
			t.Errorf("%s: ejected with %d (%s), not with %d", bad.name, got, m[6:], bad.code)
		}
		s.cut(w)
		s.calm()
	}
}

// Interest in very many zones, where the configuration does not forbid it, costs
// the client that wants it and no other.
func TestInterestEverywhere(t *testing.T) {
	s := setScene(t)
	w, channel := s.guest("clientagent_2", &tls.Config{InsecureSkipVerify: true})
	s.calm()
	for i := range uint32(4) {
		m := binary.LittleEndian.AppendUint16(append([]byte{201, 0}, u32(1)...), uint16(i))
		m = binary.LittleEndian.AppendUint16(append(m, u32(room)...), 16_380)
		for z := range uint32(16_380) {
			m = binary.LittleEndian.AppendUint32(m, 10+i*16_380+z)
		}
		raw(w, framed(m...))
		s.calm()
	}
	s.expect(w, 204)
	// A server's request for as many is not delayed.
	m := append(binary.LittleEndian.AppendUint16(nil, 9), u32(room)...)
	m = binary.LittleEndian.AppendUint16(m, 16_370)
	for z := range uint32(16_370) {
		m = binary.LittleEndian.AppendUint32(m, 1_000_000+z)
	}
	s.ai.send(u8, channel, uint64(5), uint16(1201), m)
	s.calm()
	_ = w.Close()
	s.calm()
}

// Connections that say nothing, that stop in the midst of a message or of a TLS
// handshake, and those that say it byte by byte, keep nobody out and are ended
// when their time is over.
func TestHalfOpen(t *testing.T) {
	s := setScene(t)
	s.calm()
	const many = 1600 // both ends are here, and some systems allow 4,096 files
	var plain, secure []*wire
	for i := range many {
		w := s.dial("clientagent", nil)
		if i%2 == 0 {
			raw(w, []byte{11, 0, 1, 0}[:i%4+1])
		}
		plain = append(plain, w)
		if i%8 == 0 {
			w := s.dial("clientagent_2", nil)
			raw(w, []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc")[:i%9])
			secure = append(secure, w)
		}
		if i%500 == 0 {
			s.calm()
		}
	}
	late, _ := s.guest("clientagent", nil)
	lateTLS, _ := s.guest("clientagent_2", &tls.Config{InsecureSkipVerify: true})
	slow := s.dial("clientagent", nil)
	for _, b := range framed(append([]byte{1, 0}, append(u32(s.schema.Hash()), 3, 0, 'd', 'e', 'v')...)...) {
		raw(slow, []byte{b})
	}
	s.expect(slow, 2)
	s.calm()
	for _, w := range plain {
		if m := s.expect(w, 4); m[2] != 1 {
			t.Fatalf("ejected with %x", m)
		}
		s.cut(w)
	}
	for _, w := range secure {
		s.cut(w)
	}
	s.calm()
	for _, w := range []*wire{late, lateTLS} {
		w.send(uint16(203), uint32(1), uint16(77)) // they are still there
		s.expect(w, 4)
	}
}

// A client that does not read what it is sent is closed at its write buffer, or
// when its write timeout is over, and the others get everything meanwhile.
func TestSlowReaders(t *testing.T) {
	s := setScene(t)
	const slow = 4
	for i := range slow {
		part, config := "clientagent", (*tls.Config)(nil)
		if i == 0 { // has no limit but the timeout
			part, config = "clientagent_2", &tls.Config{InsecureSkipVerify: true}
		}
		w, channel := s.guest(part, config)
		w.send(uint16(200), uint32(1), uint16(1), room, uint32(9))
		s.expect(w, 142)
		s.expect(w, 204)
		s.ai.send(u8, channel, aiChannel, uint16(1110), string(routed(aiChannel, 4711)))
	}
	blob := strings.Repeat("x", 30_000)
	for range 500 { // 15 MB for each, of which kernels take some
		s.ai.send(u8, victim, aiChannel, uint16(2020), uint32(victim), uint16(5), blob)
		s.step()
	}
	for range slow { // their post-removes
		if m := s.ai.receive(); !bytes.HasSuffix(m, []byte{5, 0, 0, 0, 0, 0, 0, 0, 0x67, 0x12}) {
			t.Fatalf("the AI got %x", m)
		}
	}
	s.calm()
}

// TLS that is garbage ends its own connection, and that of no other.
func TestGarbageTLS(t *testing.T) {
	s := setScene(t)
	config := &tls.Config{InsecureSkipVerify: true}
	good, _ := s.guest("clientagent_2", config)
	for _, text := range []string{
		"GET / HTTP/1.1\r\n\r\n",
		"\x16\x03\x01\xff\xff" + strings.Repeat("\xaa", 70_000),
		"\x16\x03\x01\x00\x04\x01\x00\xff\xff",
		"\x15\x03\x03\x00\x02\x02\x28",
		"\x17\x03\x03\x00\x10" + strings.Repeat("\x00", 16),
		strings.Repeat("\x00", 100_000),
		fmt.Sprintf("\x0b\x00\x01\x00%s\x03\x00dev", u32(s.schema.Hash())),
	} {
		w := s.dial("clientagent_2", nil)
		raw(w, []byte(text))
		s.cut(w)
		s.calm()
	}
	// Garbage behind a handshake that was good.
	w, _ := s.guest("clientagent_2", config)
	raw(&wire{t, w.Conn.(*tls.Conn).NetConn()}, []byte("\x17\x03\x03\x00\x20"+strings.Repeat("\xaa", 32)))
	_, _ = io.Copy(io.Discard, w)
	s.calm()
	good.send(uint16(203), uint32(1), uint16(77))
	s.expect(good, 4)
}
