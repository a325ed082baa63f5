package stateserver_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/stateserver"
)

// TestModel lets random messages reach a state server and a naive model of one,
// which finds who hears a message by asking all objects, and compares all
// messages that are routed because of them: their order, recipients, senders,
// payloads.
func TestModel(t *testing.T) {
	schema := game(t)
	rapid.Check(t, func(t *rapid.T) {
		d := md.New(md.Limits{})
		s, err := stateserver.New(d, stateserver.Config{Control: control, Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		up := &recorder{}
		d.Do(func() { d.SetUpstream(up) })
		sender := &md.Participant{}
		m := &model{objects: make(map[uint32]*thing), liars: rapid.Bool().Draw(t, "liars")}
		for range rapid.IntRange(1, 60).Draw(t, "rounds") {
			var b md.Batch
			b.From(sender)
			for range rapid.IntRange(1, 3).Draw(t, "messages") {
				for _, msg := range draw(t, m.liars) {
					_ = b.Append(msg.bytes())
					m.queue = append(m.queue, event{msg: msg})
				}
			}
			compare(t, d, &b, m, up)
		}
		for _, id := range slices.Sorted(maps.Keys(m.objects)) {
			var b md.Batch
			b.From(sender)
			for _, q := range []message{
				ask(md.StateServerObjectGetAll, id, u32(1, id)), ask(md.StateServerObjectGetAI, id, u32(2)), ask(md.StateServerObjectGetOwner, id, u32(3)),
				ask(md.StateServerObjectGetActiveZones, id, u32(4)), ask(md.StateServerObjectGetChildren, id, u32(5, id)),
			} {
				_ = b.Append(q.bytes())
				m.queue = append(m.queue, event{msg: q})
			}
			compare(t, d, &b, m, up)
		}
		var b md.Batch
		b.From(sender)
		for _, id := range ids {
			q := ask(md.StateServerObjectDeleteRAM, id, u32(id))
			_ = b.Append(q.bytes())
			m.queue = append(m.queue, event{msg: q})
		}
		compare(t, d, &b, m, up)
		if n, st := s.Held(), d.Stats(); n != 0 || st.Participants != 1 || st.Channels != 2 {
			t.Fatalf("%d things are held though all objects are gone, and %d participants have %d channels", n, st.Participants, st.Channels)
		}
	})
}

func ask(t md.Type, id uint32, payload []byte) message {
	return message{typ: t, sender: 5, to: []uint64{uint64(id)}, payload: payload}
}

// compare plays a batch on both sides.
func compare(t *rapid.T, d *md.Director, b *md.Batch, m *model, up *recorder) {
	d.Post(b)
	m.run()
	if !slices.Equal(up.trace, m.trace) {
		var only []string
		for _, s := range up.trace {
			if !slices.Contains(m.trace, s) {
				only = append(only, "not expected: "+s)
			}
		}
		for _, s := range m.trace {
			if !slices.Contains(up.trace, s) {
				only = append(only, "missing:      "+s)
			}
		}
		if only == nil {
			only = append(append(up.trace, "in another order than:"), m.trace...)
		}
		t.Fatalf("%d messages, want %d\n%s", len(up.trace), len(m.trace), strings.Join(only, "\n"))
	}
	up.trace, m.trace = nil, nil
	m.check(t)
}

// recorder is an upstream that notes what is routed.
type recorder struct{ trace []string }

func (*recorder) AddChannel(uint64)            {}
func (*recorder) RemoveChannel(uint64)         {}
func (*recorder) AddRange(_, _ uint64)         {}
func (*recorder) RemoveRange(_, _ uint64)      {}
func (*recorder) AddPostRemove(uint64, []byte) {}
func (*recorder) ClearPostRemoves(uint64)      {}

func (r *recorder) Forward(m *md.Message) {
	msg := message{typ: m.Type, sender: m.Sender, payload: m.Payload}
	for i := range m.Recipients() {
		msg.to = append(msg.to, m.Recipient(i))
	}
	r.trace = append(r.trace, msg.String())
}

// message is one of the model.
type message struct {
	typ     md.Type
	sender  uint64
	to      []uint64
	payload []byte
}

func (m message) String() string {
	return fmt.Sprintf("%d -> %d : %s %x", m.sender, m.to, m.typ, m.payload)
}

func (m message) bytes() []byte {
	b := []byte{byte(len(m.to))}
	for _, ch := range m.to {
		b = binary.LittleEndian.AppendUint64(b, ch)
	}
	b = binary.LittleEndian.AppendUint64(b, m.sender)
	b = binary.LittleEndian.AppendUint16(b, uint16(m.typ))
	return append(b, m.payload...)
}

func u32(vs ...uint32) (b []byte) {
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func u64(vs ...uint64) (b []byte) {
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func u16(vs ...uint16) (b []byte) {
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// avatarFields are those of the class Avatar by their numbers: what keywords
// they have (R for required, r for ram, B for broadcast, C for clrecv, O for
// ownrecv, A for airecv), and some values, of which those behind a "!" are none.
var avatarFields = map[uint16]struct {
	keywords string
	values   []string
}{
	3:  {"RB", []string{"\x00\x00", "\x01\x00A", "\x03\x00BCD", "!\x01\x00\xe4"}},
	4:  {"RrB", []string{"\x00\x00\x00\x00", "\x01\x00\x02\x00"}},
	5:  {"RO", []string{"\x05\x00\x00\x00"}},
	6:  {"R", []string{"\x06\x00\x00\x00", "\x07\x00\x00\x00"}},
	7:  {"rB", []string{"\x00", "\x07"}},
	8:  {"r", []string{"\x00\x00", "\x04\x00glad"}},
	9:  {"rO", []string{"\x00", "\x64", "!\x65"}},
	10: {"rC", []string{"\x00\x00", "\x04\x00\x01\x00\x02\x00"}},
	11: {"B", []string{"\x01"}},
	12: {"A", []string{"\x02\x00me"}},
	13: {"O", []string{"\x03\x00you"}},
	14: {"BAO", []string{"\x03\x00all"}},
	15: {"C", []string{""}},
	16: {"rB", []string{"\x01\x00", "\x02\x00"}},
	17: {"rB", []string{"\x03\x00"}},
	19: {"rA", []string{"\x01\x00\xff"}},
}

const (
	xField, yField, xyField, noField = 16, 17, 18, 99
	required                         = "\x03\x04\x05\x06" // numbers of them, ascending
)

func keyword(f uint16, some string) bool { return strings.ContainsAny(avatarFields[f].keywords, some) }

var (
	ids      = []uint32{2000, 2001, 2002, 2003, 2004, 2005}
	zones    = []uint32{0, 1, 2, 3}
	channels = []uint64{0, 900, 901, 2000}
)

// draw draws what reaches the director at once: a message, or that a parent is
// deleted and made again with a child.
func draw(t *rapid.T, lie bool) []message {
	if rapid.IntRange(0, 9).Draw(t, "anew") > 0 {
		return []message{drawMessage(t, lie)}
	}
	id := rapid.SampledFrom(ids).Draw(t, "parent")
	create := func(id, parent, zone uint32) message {
		m := message{typ: md.StateServerCreateObjectWithRequired, sender: 5, to: []uint64{control}, payload: join(u32(id, parent, zone), u16(2))}
		for _, f := range required {
			m.payload = append(m.payload, avatarFields[uint16(f)].values[0]...)
		}
		return m
	}
	all := []message{ask(md.StateServerObjectDeleteRAM, id, u32(id)), create(id, 0, 0)}
	for range rapid.IntRange(0, 2).Draw(t, "children") {
		all = append(all, create(rapid.SampledFrom(ids).Draw(t, "child"), id, rapid.SampledFrom(zones).Draw(t, "zone")))
	}
	return all
}

// drawMessage draws something that an AI might send, or, if it may be a lie, what
// only parents and children should say.
func drawMessage(t *rapid.T, lie bool) message {
	id := func(what string) uint32 { return rapid.SampledFrom(ids).Draw(t, what) }
	zone := func() uint32 { return rapid.SampledFrom(zones).Draw(t, "zone") }
	channel := func() uint64 { return rapid.SampledFrom(channels).Draw(t, "channel") }
	parent := func() uint32 {
		if rapid.Bool().Draw(t, "parentless") {
			return 0
		}
		return id("parent")
	}
	stranger := func() uint32 { return rapid.SampledFrom(append([]uint32{3000, 3001}, ids...)).Draw(t, "child") }
	o := id("object")
	m := message{sender: rapid.SampledFrom([]uint64{5, 900, 901}).Draw(t, "sender"), to: []uint64{uint64(o)}}
	listed := func(head []byte, n int, entry func() []byte) []byte {
		b := join(head, u16(uint16(n)))
		for range n {
			b = append(b, entry()...)
		}
		return b
	}
	few := func() int { return rapid.IntRange(0, 3).Draw(t, "count") }
	entry := func() []byte {
		if rapid.IntRange(0, 5).Draw(t, "molecular") == 0 {
			return join(u16(xyField), []byte("\x09\x00\x08\x00"))
		}
		f := rapid.SampledFrom(slices.Sorted(maps.Keys(avatarFields))).Draw(t, "field")
		return join(u16(f), []byte(strings.TrimPrefix(rapid.SampledFrom(avatarFields[f].values).Draw(t, "value"), "!")))
	}
	number := func() []byte { return u16(uint16(rapid.IntRange(3, 20).Draw(t, "field"))) }
	kinds := 26
	if lie {
		kinds = 30
	}
	switch rapid.IntRange(0, kinds).Draw(t, "what") {
	case 0, 1, 2, 3:
		m.to = []uint64{rapid.SampledFrom([]uint64{control, 12}).Draw(t, "to")}
		m.payload = join(u32(o, parent(), zone()), u16(2))
		for _, f := range required {
			v := rapid.SampledFrom(avatarFields[uint16(f)].values).Draw(t, "value")
			m.payload = append(m.payload, strings.TrimPrefix(v, "!")...)
		}
		m.typ = md.StateServerCreateObjectWithRequired
		if rapid.Bool().Draw(t, "other") {
			m.typ++
			m.payload = listed(m.payload, few(), entry)
		}
	case 4, 5, 6:
		m.typ, m.payload = md.StateServerObjectSetLocation, u32(parent(), zone())
	case 7, 8:
		m.typ, m.payload = md.StateServerObjectSetAI, u64(channel())
	case 9:
		m.typ, m.payload = md.StateServerObjectSetOwner, u64(channel())
	case 10:
		m.typ, m.payload = md.StateServerObjectDeleteRAM, u32(o)
	case 11:
		m.typ, m.payload = md.StateServerDeleteAIObjects, u64(channel())
		if rapid.Bool().Draw(t, "all") {
			m.to = []uint64{12}
		}
	case 12, 13:
		m.typ, m.payload = md.StateServerObjectSetField, join(u32(o), entry())
	case 14, 15:
		m.typ, m.payload = md.StateServerObjectSetFields, listed(u32(o), few(), entry)
	case 16:
		m.typ, m.payload = md.StateServerObjectGetFields, listed(u32(7, o), few(), number)
	case 17:
		m.typ, m.payload = md.StateServerObjectGetField, join(u32(7, o), number())
	case 18:
		m.typ, m.payload = md.StateServerObjectDeleteFieldsRAM, listed(u32(o), few(), number)
	case 19:
		m.typ, m.payload = md.StateServerObjectGetZonesObjects, listed(u32(7, o), few(), func() []byte { return u32(zone()) })
	case 20:
		m.typ, m.payload = md.StateServerObjectGetZoneCount, u32(7, o, zone())
	case 21:
		m.typ, m.payload = md.StateServerObjectDeleteChildren, u32(o)
	case 22:
		m.typ, m.payload = md.StateServerObjectDeleteZones, listed(u32(o), few(), func() []byte { return u32(zone()) })
	case 23:
		m.typ, m.payload = md.StateServerObjectGetAll, u32(7, o)
	case 24:
		m.typ, m.payload = md.StateServerObjectGetLocation, u32(7)
		m.to = []uint64{uint64(o), uint64(id("another")), 1<<32 | uint64(id("parent"))}
	case 25:
		m.typ, m.payload = md.StateServerObjectSetLocation, u32(parent(), zone())
		m.to = []uint64{1<<32 | uint64(id("parent")), uint64(o), 1<<32 | uint64(id("parent"))}
	case 26:
		m.typ, m.payload = md.StateServerObjectGetZonesObjects, listed(u32(7, id("parent")), few(), func() []byte { return u32(zone()) })
		m.to = []uint64{1<<32 | uint64(id("listening")), uint64(o)}
	case 27, 28:
		m.typ, m.payload = md.StateServerObjectChangingLocation, u32(stranger(), parent(), zone(), parent(), zone())
	case 29:
		m.typ, m.payload = md.StateServerObjectGetLocationResp, u32(1001, stranger(), o, zone())
	case 30:
		m.typ, m.payload = md.StateServerObjectDeleteZones, listed(u32(id("parent")), few(), func() []byte { return u32(zone()) })
		m.to = []uint64{1<<32 | uint64(id("listening"))}
	}
	return m
}
