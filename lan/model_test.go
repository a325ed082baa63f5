package lan

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// model is the protocol written down as plainly as possible: one queue of
// messages, and sets that are computed anew from the objects and the interest
// whenever they are needed.
type model struct {
	schema  *dc.Schema
	clients []*modelClient // by doIdBase order of connecting
	objects []*modelObject // in order of creation
}

type modelClient struct {
	base     uint32
	explicit []uint32
	current  map[uint32]bool
	gone     bool
	got      [][]byte
}

type modelObject struct {
	doID, zone uint32
	class      *dc.Class
	owner      *modelClient
}

const modelRange = 1000

func (m *model) object(doID uint32) *modelObject {
	for _, o := range m.objects {
		if o.doID == doID {
			return o
		}
	}
	return nil
}

func (m *model) interested(zone uint32, except *modelClient) []*modelClient {
	var list []*modelClient
	for _, c := range m.clients {
		if !c.gone && c != except && c.current[zone] {
			list = append(list, c)
		}
	}
	return list
}

func (m *model) connect() *modelClient {
	c := &modelClient{base: uint32(len(m.clients))*modelRange + 1, current: map[uint32]bool{}}
	m.clients = append(m.clients, c)
	c.get(SetDoIDRange, c.base, modelRange)
	return c
}

func (c *modelClient) get(t Type, words ...uint32) {
	b := binary.LittleEndian.AppendUint16(nil, uint16(t))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	c.got = append(c.got, b)
}

// interestChanged computes c's interest anew and tells whom it concerns. asked
// says that c sent an interest message, which is always answered.
func (m *model) interestChanged(c *modelClient, asked bool) {
	zones := slices.Clone(c.explicit)
	for _, o := range m.objects {
		if o.owner == c {
			zones = append(zones, o.zone)
		}
	}
	now := make(map[uint32]bool)
	var disabled []uint32
	changed := asked
	var lost []uint32
	for _, z := range zones {
		if !c.current[z] && !now[z] {
			changed = true
			for _, other := range m.interested(z, c) {
				other.get(RequestGenerates, z)
			}
		}
		now[z] = true
	}
	for z := range c.current {
		if !now[z] {
			changed = true
			lost = append(lost, z)
		}
	}
	c.current = now
	slices.Sort(lost)
	for _, z := range lost {
		for _, o := range m.objects {
			if o.zone == z {
				disabled = append(disabled, o.doID)
			}
		}
	}
	if changed {
		c.get(ObjectDisable, disabled...)
	}
}

func (m *model) setZone(o *modelObject, zone uint32) {
	if o.zone == zone {
		return
	}
	from := o.zone
	o.zone = zone
	m.interestChanged(o.owner, false)
	for _, c := range m.interested(from, o.owner) {
		if !c.current[zone] {
			c.get(ObjectDisable, o.doID)
		}
	}
}

func (m *model) handle(c *modelClient, b []byte) {
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	t := Type(binary.LittleEndian.Uint16(b))
	switch t {
	case ClientSetInterest:
		c.explicit = nil
		for i := 2; i < len(b); i += 4 {
			c.explicit = append(c.explicit, u32(i))
		}
		m.interestChanged(c, true)
	case ClientObjectGenerate:
		zone, class, doID := u32(2), m.schema.ClassByNumber(int(binary.LittleEndian.Uint16(b[6:]))), u32(8)
		o := m.object(doID)
		if doID/modelRange*modelRange+1 != c.base || o != nil && o.class != class {
			return
		}
		if o == nil {
			m.objects = append(m.objects, &modelObject{doID, zone, class, c})
			m.interestChanged(c, false)
		} else {
			m.setZone(o, zone)
		}
		for _, other := range m.interested(zone, c) {
			g := binary.LittleEndian.AppendUint16(nil, uint16(ObjectGenerate))
			g = binary.LittleEndian.AppendUint32(g, c.base)
			other.got = append(other.got, append(g, b[2:]...))
		}
	case ObjectSetZone:
		if o := m.object(u32(2)); o != nil && o.owner == c {
			m.setZone(o, u32(6))
		}
	case ObjectDelete:
		if o := m.object(u32(2)); o != nil && o.owner == c {
			m.delete(o)
			m.interestChanged(c, false)
		}
	case ClientObjectUpdateField, ClientObjectUpdateFieldTargeted:
		rest := b[2:]
		var target uint32
		if t == ClientObjectUpdateFieldTargeted {
			target, rest = u32(2), b[6:]
		}
		o := m.object(binary.LittleEndian.Uint32(rest))
		if o == nil {
			return
		}
		f := o.class.Field(int(binary.LittleEndian.Uint16(rest[4:])))
		if f == nil || c != o.owner && !f.HasKeyword("clsend") && !f.HasKeyword("p2p") {
			return
		}
		var to []*modelClient
		switch {
		case t == ClientObjectUpdateFieldTargeted:
			for _, other := range m.clients {
				if !other.gone && other.base == target {
					to = append(to, other)
				}
			}
		case f.HasKeyword("p2p"):
			to = append(to, o.owner)
		case f.HasKeyword("broadcast"):
			to = m.interested(o.zone, c)
		case f.HasKeyword("reflect"):
			to = m.interested(o.zone, nil)
		}
		for _, other := range to {
			g := binary.LittleEndian.AppendUint16(nil, uint16(ObjectUpdateField))
			g = binary.LittleEndian.AppendUint32(g, c.base)
			other.got = append(other.got, append(g, rest...))
		}
	}
}

func (m *model) delete(o *modelObject) {
	for _, c := range m.interested(o.zone, nil) {
		c.get(ObjectDelete, o.doID)
	}
	m.objects = slices.DeleteFunc(m.objects, func(x *modelObject) bool { return x == o })
}

func (m *model) disconnect(c *modelClient) {
	c.gone = true
	for _, o := range slices.Clone(m.objects) {
		if o.owner == c {
			m.delete(o)
		}
	}
}

// TestOneQueue has many clients send at once, from a goroutine each, and
// compares what each of them is sent with what one queue would have sent: the
// model, fed in the order in which the server let the messages take effect.
func TestOneQueue(t *testing.T) {
	schema, err := dc.ParseFiles("testdata/story.dc")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { oneQueue(t, schema, seed) })
	}
}

// event is one entry of the server's order: the next message of a client, or
// its end.
type event struct {
	client int
	end    bool
	typ    Type
	doID   uint32
	zone   uint32
}

func oneQueue(t *testing.T, schema *dc.Schema, seed uint64) {
	const clients, steps = 8, 300
	s, err := NewServer(Config{Schema: schema, DoIDRange: modelRange, MessageRate: -1, ByteRate: -1, ZoneRate: -1, MaxPerAddress: -1,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	var order []event // written inside the server's order
	m := &model{schema: schema}
	conns := make([]*fakeConn, clients)
	byBase := make(map[uint32]int)
	for i := range conns {
		conns[i] = &fakeConn{addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(i)), Port: 1}}
		s.Opened(conns[i])
		byBase[m.connect().base] = i
	}
	s.core.observe = func(c *client, m *message) {
		s.core.period++ // nobody has to wait for requests
		if m == nil {
			order = append(order, event{client: byBase[c.base], end: true})
		} else {
			order = append(order, event{client: byBase[c.base], typ: m.typ, doID: m.doID, zone: m.zone})
		}
	}
	sent := make([][][]byte, clients)
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for n := 0; n < steps; {
				var batch [][]byte
				for range 1 + r.IntN(5) {
					batch = append(batch, randomMessage(r, schema, uint32(i)))
				}
				n += len(batch)
				sent[i] = append(sent[i], batch...)
				s.Received(c, batch)
			}
			if i%4 == 3 {
				s.Closed(c, &transport.CloseError{Remote: true})
			}
		})
	}
	wg.Wait()
	if err := checkCore(s.core); err != nil {
		t.Fatal(err)
	}

	var check decoder
	for _, e := range order {
		if e.end {
			m.disconnect(m.clients[e.client])
			continue
		}
		// What one client sent takes effect in the order in which it sent it.
		b := sent[e.client][0]
		sent[e.client] = sent[e.client][1:]
		check.reset()
		if err := check.decode(schema, b); err != nil {
			t.Fatal(err)
		}
		if d := check.messages[0]; d.typ != e.typ || d.doID != e.doID || d.zone != e.zone {
			t.Fatalf("client %d: %+v took effect, its next message was %+v", e.client, e, d)
		}
		m.handle(m.clients[e.client], b)
	}
	for i := range clients {
		if len(sent[i]) > 0 {
			t.Fatalf("client %d: %d messages had no effect", i, len(sent[i]))
		}
		compareStreams(t, i, conns[i].got, m.clients[i].got)
	}
}

// compareStreams checks that a client got what the model says. The doIds in one
// disable may come in any order.
func compareStreams(t *testing.T, client int, got, want [][]byte) {
	t.Helper()
	for i, w := range want {
		if i == len(got) || !sameMessage(got[i], w) {
			t.Fatalf("client %d, message %d: got %x, one queue sends %x", client, i, at(got, i), w)
		}
	}
	if n := len(got) - len(want); n > 0 {
		t.Fatalf("client %d got %d messages more than one queue sends, first %x", client, n, got[len(want)])
	}
}

func at(list [][]byte, i int) []byte {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func sameMessage(a, b []byte) bool {
	if t := Type(binary.LittleEndian.Uint16(a)); t == ObjectDisable && t == Type(binary.LittleEndian.Uint16(b)) {
		return slices.Equal(sortedWords(a), sortedWords(b))
	}
	return bytes.Equal(a, b)
}

func sortedWords(b []byte) []uint32 {
	var words []uint32
	for i := 2; i < len(b); i += 4 {
		words = append(words, binary.LittleEndian.Uint32(b[i:]))
	}
	slices.Sort(words)
	return words
}

// randomMessage is a well-formed message, that may or may not make sense now.
func randomMessage(r *rand.Rand, s *dc.Schema, slot uint32) []byte {
	u16 := binary.LittleEndian.AppendUint16
	u32 := binary.LittleEndian.AppendUint32
	doID := func(slot uint32) uint32 { return slot*modelRange + 1 + r.Uint32N(4) }
	anyID := func() uint32 { return doID(r.Uint32N(8)) }
	zone := func() uint32 { return r.Uint32N(5) }
	typ := func(t Type) []byte { return u16(nil, uint16(t)) }
	classes := []*dc.Class{s.Class("Door"), s.Class("Referee")} // all fields broadcast: forwarded as they are
	switch r.IntN(12) {
	case 0, 1:
		b := typ(ClientSetInterest)
		for range r.IntN(4) {
			b = u32(b, zone())
		}
		return b
	case 2, 3:
		b := u32(typ(ClientObjectGenerate), zone())
		b = u16(b, uint16(classes[r.IntN(2)].Number()))
		b = u32(b, doID(slot))
		return append(b, byte(r.IntN(2)), 0, 0)
	case 4:
		return u32(u32(typ(ObjectSetZone), doID(slot)), zone())
	case 5:
		return u32(typ(ObjectDelete), doID(slot))
	case 6:
		return u32(u32(typ(ObjectSetZone), anyID()), zone())
	case 7:
		f := s.Class("Door").FieldByName("setOpen")
		b := u32(u32(typ(ClientObjectUpdateFieldTargeted), r.Uint32N(8)*modelRange+1), anyID())
		return append(u16(b, uint16(f.Number())), 1)
	default:
		f := s.Class("Referee").FieldByName("setScore")
		b := u16(u32(typ(ClientObjectUpdateField), anyID()), uint16(f.Number()))
		return u16(b, uint16(r.Uint32()))
	}
}
