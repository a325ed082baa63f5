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
// messages that are routed because of them: recipients, senders, payloads.
// Among the children of one parent the order of answers is free.
func TestModel(t *testing.T) {
	schema := game(t)
	rapid.Check(t, func(t *rapid.T) {
		d := md.New(md.Limits{})
		if _, err := stateserver.New(d, stateserver.Config{Control: control, Schema: schema}); err != nil {
			t.Fatal(err)
		}
		up := &recorder{}
		d.Do(func() { d.SetUpstream(up) })
		sender := &md.Participant{}
		m := &model{objects: make(map[uint32]*thing)}
		for range rapid.IntRange(1, 60).Draw(t, "rounds") {
			var b md.Batch
			b.From(sender)
			for range rapid.IntRange(1, 3).Draw(t, "messages") {
				msg := drawMessage(t)
				_ = b.Append(msg.bytes())
				m.queue = append(m.queue, event{msg: msg})
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
	})
}

func ask(t md.Type, id uint32, payload []byte) message {
	return message{typ: t, sender: 5, to: []uint64{uint64(id)}, payload: payload}
}

// compare plays a batch on both sides.
func compare(t *rapid.T, d *md.Director, b *md.Batch, m *model, up *recorder) {
	d.Post(b)
	m.run()
	slices.Sort(up.trace)
	slices.Sort(m.trace)
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

// drawMessage draws something that an AI might send.
func drawMessage(t *rapid.T) message {
	id := func(what string) uint32 { return rapid.SampledFrom(ids).Draw(t, what) }
	zone := func() uint32 { return rapid.SampledFrom(zones).Draw(t, "zone") }
	channel := func() uint64 { return rapid.SampledFrom(channels).Draw(t, "channel") }
	parent := func() uint32 {
		if rapid.Bool().Draw(t, "parentless") {
			return 0
		}
		return id("parent")
	}
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
	switch rapid.IntRange(0, 24).Draw(t, "what") {
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
	}
	return m
}

// thing is an object of the model.
type thing struct {
	id, parent, zone, asked uint32
	ai, owner               uint64
	explicit, acked         bool
	values                  map[uint16]string
	children                map[uint32]uint32 // zones by id
}

// event is a message on its way, or something that happens in between.
type event struct {
	msg  message
	from *thing
	do   func()
}

type model struct {
	objects map[uint32]*thing
	queue   []event
	trace   []string
}

func (m *model) run() {
	for len(m.queue) > 0 {
		e := m.queue[0]
		m.queue = m.queue[1:]
		if e.do != nil {
			e.do()
			continue
		}
		m.trace = append(m.trace, e.msg.String())
		if slices.Contains(e.msg.to, control) || slices.Contains(e.msg.to, 12) {
			m.toServer(e.msg)
		}
		for _, id := range ids {
			o := m.objects[id]
			if o != nil && o != e.from && (slices.Contains(e.msg.to, uint64(id)) || o.parent != 0 && slices.Contains(e.msg.to, 1<<32|uint64(o.parent))) {
				m.toObject(o, e.msg)
			}
		}
	}
}

// check compares what parents know with what there is.
func (m *model) check(t *rapid.T) {
	for _, p := range m.objects {
		want := make(map[uint32]uint32)
		for _, o := range m.objects {
			if o.parent == p.id {
				want[o.id] = o.zone
				if !o.acked {
					t.Fatalf("the parent %d of %d has not acknowledged it", p.id, o.id)
				}
			}
		}
		if !maps.Equal(p.children, want) {
			t.Fatalf("%d has the children %v, and knows %v", p.id, want, p.children)
		}
	}
}

func (m *model) send(o *thing, t md.Type, sender uint64, to []uint64, payload ...[]byte) {
	to = slices.Clone(to)
	slices.Sort(to)
	to = slices.Compact(to)
	to = slices.DeleteFunc(to, func(ch uint64) bool { return ch == 0 })
	if len(to) > 0 {
		m.queue = append(m.queue, event{msg: message{t, sender, to, join(payload...)}, from: o})
	}
}

func (m *model) answer(o *thing, q message, t md.Type, payload ...[]byte) {
	m.send(o, t, uint64(o.id), []uint64{q.sender}, payload...)
}

func (m *model) toServer(msg message) {
	p := msg.payload
	if msg.typ == md.StateServerDeleteAIObjects {
		ai := binary.LittleEndian.Uint64(p)
		for _, id := range ids {
			if o := m.objects[id]; o != nil && o.explicit && o.ai == ai && ai != 0 {
				m.delete(o, msg.sender, true)
			}
		}
		return
	}
	id, parent, zone := word(p), word(p[4:]), word(p[8:])
	o := &thing{id: id, values: make(map[uint16]string), children: make(map[uint32]uint32)}
	rest := string(p[14:])
	for _, f := range required {
		v, ok := value(uint16(f), &rest)
		if !ok {
			return
		}
		o.values[uint16(f)] = v
	}
	if msg.typ == md.StateServerCreateObjectWithRequiredOther {
		n := int(rest[0])
		rest = rest[2:]
		for range n {
			f := uint16(rest[0])
			rest = rest[2:]
			if f == xyField {
				o.values[xField], o.values[yField] = rest[:2], rest[2:4]
				rest = rest[4:]
				continue
			}
			v, ok := value(f, &rest)
			if !ok {
				return
			}
			if keyword(f, "r") {
				o.values[f] = v
			}
		}
	}
	if m.objects[id] != nil {
		return
	}
	m.objects[id] = o
	m.move(o, parent, zone, msg.sender)
	m.send(o, md.StateServerObjectGetLocation, uint64(id), []uint64{1<<32 | uint64(id)}, u32(1001))
}

func word(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// value takes one of the field's values off the text.
func value(f uint16, rest *string) (string, bool) {
	longest, ok := "", false
	for _, v := range avatarFields[f].values {
		v, bad := strings.CutPrefix(v, "!")
		if strings.HasPrefix(*rest, v) && len(v) >= len(longest) {
			longest, ok = v, !bad
		}
	}
	*rest = (*rest)[len(longest):]
	return longest, ok
}

func (o *thing) location() uint64 {
	if o.parent == 0 {
		return 0
	}
	return uint64(o.parent)<<32 | uint64(o.zone)
}

// snapshot is the object as those see it to whom fields of some keywords are
// shown, and whether it has other fields.
func (o *thing) snapshot(some string, other bool) []byte {
	b := join(u32(o.id, o.parent, o.zone), u16(2))
	var others []byte
	n := uint16(0)
	for _, f := range slices.Sorted(maps.Keys(o.values)) {
		switch {
		case some != "" && !keyword(f, some):
		case keyword(f, "R"):
			b = append(b, o.values[f]...)
		default:
			others = append(append(others, u16(f)...), o.values[f]...)
			n++
		}
	}
	if other {
		b = join(b, u16(n), others)
	}
	return b
}

func (o *thing) hasOther() bool {
	for f := range o.values {
		if !keyword(f, "R") {
			return true
		}
	}
	return false
}

func (m *model) enter(o *thing, t md.Type, to uint64, head []byte, some string) {
	if o.hasOther() {
		t++
	}
	m.send(o, t, uint64(o.id), []uint64{to}, head, o.snapshot(some, o.hasOther()))
}

func (m *model) move(o *thing, parent, zone uint32, by uint64) {
	if parent == o.parent && zone == o.zone {
		return
	}
	for p := parent; p != 0; {
		if p == o.id {
			return
		}
		if m.objects[p] == nil {
			break
		}
		p = m.objects[p].parent
	}
	to := []uint64{o.ai, o.owner, uint64(o.parent), o.location(), uint64(parent)}
	if parent != o.parent && !o.explicit {
		if parent == 0 {
			o.ai = 0
		} else {
			m.send(o, md.StateServerObjectGetAI, uint64(o.id), []uint64{uint64(parent)}, u32(o.asked))
			o.asked++
		}
	}
	m.send(o, md.StateServerObjectChangingLocation, by, to, u32(o.id, parent, zone, o.parent, o.zone))
	o.parent, o.zone, o.acked = parent, zone, false
	m.enter(o, md.StateServerObjectEnterLocationWithRequired, o.location(), nil, "BC")
}

func (m *model) changeAI(o *thing, ai uint64, explicit bool, by uint64) {
	old := o.ai
	o.ai, o.explicit = ai, explicit
	if ai == old {
		return
	}
	to := []uint64{old}
	if len(o.children) > 0 {
		to = append(to, 1<<32|uint64(o.id))
	}
	m.send(o, md.StateServerObjectChangingAI, by, to, u32(o.id), u64(ai, old))
	m.enter(o, md.StateServerObjectEnterAIWithRequired, ai, nil, "")
}

func (m *model) delete(o *thing, by uint64, tell bool) {
	if tell {
		m.send(o, md.StateServerObjectChangingLocation, by, []uint64{uint64(o.parent)}, u32(o.id, 0, 0, o.parent, o.zone))
	}
	m.send(o, md.StateServerObjectDeleteRAM, by, []uint64{o.location(), o.owner, o.ai}, u32(o.id))
	if len(o.children) > 0 {
		m.send(o, md.StateServerObjectDeleteChildren, by, []uint64{1<<32 | uint64(o.id)}, u32(o.id))
	}
	delete(m.objects, o.id)
}

func (m *model) tell(o *thing, t md.Type, f uint16, v string, by uint64) {
	var to []uint64
	if keyword(f, "B") || f == xyField {
		to = append(to, o.location())
	}
	if keyword(f, "A") && o.ai != by {
		to = append(to, o.ai)
	}
	if keyword(f, "O") && o.owner != by {
		to = append(to, o.owner)
	}
	m.send(o, t, by, to, u32(o.id), u16(f), []byte(v))
}

// entries reads fields with their values, all or none.
func entries(rest string, n int) (fields []uint16, values []string, ok bool) {
	for range n {
		f := uint16(rest[0])
		rest = rest[2:]
		var v string
		if f == xyField {
			v, rest = rest[:4], rest[4:]
		} else if v, ok = value(f, &rest); !ok {
			return nil, nil, false
		}
		fields, values = append(fields, f), append(values, v)
	}
	return fields, values, true
}

func (m *model) set(o *thing, f uint16, v string, by uint64) {
	if f == xyField {
		o.values[xField], o.values[yField] = v[:2], v[2:]
	} else if keyword(f, "Rr") {
		o.values[f] = v
	}
	m.tell(o, md.StateServerObjectSetField, f, v, by)
}

// get returns a field's value; known is false if Avatar has no such field.
func (o *thing) get(f uint16) (v string, set, known bool) {
	if f == xyField {
		x, hasX := o.values[xField]
		y, hasY := o.values[yField]
		return x + y, hasX && hasY, true
	}
	_, known = avatarFields[f]
	v, set = o.values[f]
	return v, set, known
}

func listedZones(p []byte) (all []uint32) {
	for i := 2; i < len(p); i += 4 {
		all = append(all, word(p[i:]))
	}
	return all
}

func (m *model) toObject(o *thing, msg message) {
	p := msg.payload
	own := len(p) >= 4 && word(p) == o.id
	switch msg.typ {
	case md.StateServerObjectSetLocation:
		m.move(o, word(p), word(p[4:]), msg.sender)
	case md.StateServerObjectChangingLocation:
		child, parent, zone, oldParent := word(p), word(p[4:]), word(p[8:]), word(p[12:])
		if parent == o.id {
			o.children[child] = zone
			m.send(o, md.StateServerObjectLocationAck, uint64(o.id), []uint64{uint64(child)}, u32(o.id, zone))
		} else if oldParent == o.id {
			delete(o.children, child)
		}
	case md.StateServerObjectLocationAck:
		o.acked = o.acked || word(p) == o.parent && word(p[4:]) == o.zone
	case md.StateServerObjectGetLocation:
		m.answer(o, msg, md.StateServerObjectGetLocationResp, p, u32(o.id, o.parent, o.zone))
	case md.StateServerObjectGetLocationResp:
		if word(p) == 1001 && word(p[8:]) == o.id {
			o.children[word(p[4:])] = word(p[12:])
			m.send(o, md.StateServerObjectLocationAck, uint64(o.id), []uint64{uint64(word(p[4:]))}, u32(o.id), p[12:])
		}
	case md.StateServerObjectSetAI:
		m.changeAI(o, binary.LittleEndian.Uint64(p), true, msg.sender)
	case md.StateServerObjectGetAI:
		m.answer(o, msg, md.StateServerObjectGetAIResp, p, u32(o.id), u64(o.ai))
	case md.StateServerObjectGetAIResp, md.StateServerObjectChangingAI:
		if msg.typ == md.StateServerObjectGetAIResp {
			p = p[4:]
		}
		if word(p) == o.parent && !o.explicit {
			m.changeAI(o, binary.LittleEndian.Uint64(p[4:]), false, msg.sender)
		}
	case md.StateServerObjectSetOwner:
		if owner := binary.LittleEndian.Uint64(p); owner != o.owner {
			old := o.owner
			o.owner = owner
			m.send(o, md.StateServerObjectChangingOwner, msg.sender, []uint64{old}, u32(o.id), u64(owner, old))
			m.enter(o, md.StateServerObjectEnterOwnerWithRequired, owner, nil, "BCO")
		}
	case md.StateServerObjectGetOwner:
		m.answer(o, msg, md.StateServerObjectGetOwnerResp, p, u32(o.id), u64(o.owner))
	case md.StateServerDeleteAIObjects:
		if ai := binary.LittleEndian.Uint64(p); ai == o.ai && ai != 0 {
			m.delete(o, msg.sender, true)
		}
	case md.StateServerObjectDeleteRAM:
		if own {
			m.delete(o, msg.sender, true)
		}
	case md.StateServerObjectSetField, md.StateServerObjectSetFields:
		n, rest := 1, string(p[4:])
		if msg.typ == md.StateServerObjectSetFields {
			n, rest = int(rest[0]), rest[2:]
		}
		if fields, values, ok := entries(rest, n); own && ok {
			for i, f := range fields {
				m.set(o, f, values[i], msg.sender)
			}
		}
	case md.StateServerObjectDeleteFieldsRAM:
		m.deleteFields(o, msg)
	case md.StateServerObjectGetField, md.StateServerObjectGetFields, md.StateServerObjectGetAll:
		if word(p[4:]) == o.id {
			m.get(o, msg)
		}
	default:
		m.asParent(o, msg)
	}
}

func (m *model) deleteFields(o *thing, msg message) {
	p := msg.payload
	if word(p) != o.id {
		return
	}
	for i := 6; i < len(p); i += 2 {
		if f := uint16(p[i]); !keyword(f, "r") && f != 6 || keyword(f, "R") && f != 6 {
			return
		}
	}
	for i := 6; i < len(p); i += 2 {
		f := uint16(p[i])
		_, isSet := o.values[f]
		delete(o.values, f)
		if f == 6 {
			o.values[f] = "\x07\x00\x00\x00"
		}
		if isSet {
			m.tell(o, md.StateServerObjectDeleteFieldRAM, f, "", msg.sender)
		}
	}
}

func (m *model) get(o *thing, msg message) {
	p := msg.payload
	switch msg.typ {
	case md.StateServerObjectGetAll:
		m.answer(o, msg, md.StateServerObjectGetAllResp, p[:4], o.snapshot("", true))
	case md.StateServerObjectGetField:
		f := uint16(p[8])
		if v, set, _ := o.get(f); set {
			m.answer(o, msg, md.StateServerObjectGetFieldResp, p[:4], []byte{1}, u16(f), []byte(v))
		} else {
			m.answer(o, msg, md.StateServerObjectGetFieldResp, p[:4], []byte{0})
		}
	default:
		var fields []uint16
		for i := 10; i < len(p); i += 2 {
			fields = append(fields, uint16(p[i]))
		}
		slices.Sort(fields)
		var list []byte
		n := uint16(0)
		for _, f := range slices.Compact(fields) {
			v, set, known := o.get(f)
			if !known {
				m.answer(o, msg, md.StateServerObjectGetFieldsResp, p[:4], []byte{0})
				return
			}
			if set {
				list = append(append(list, u16(f)...), v...)
				n++
			}
		}
		m.answer(o, msg, md.StateServerObjectGetFieldsResp, p[:4], []byte{1}, u16(n), list)
	}
}

// asParent handles what is about a parent and its zones.
func (m *model) asParent(o *thing, msg message) {
	p := msg.payload
	in := func(list []uint32, all bool) (n uint32) {
		for _, zone := range o.children {
			if all || slices.Contains(list, zone) {
				n++
			}
		}
		return n
	}
	show := func() {
		if o.acked {
			m.enter(o, md.StateServerObjectEnterInterestWithRequired, msg.sender, p[:4], "BC")
		} else {
			m.enter(o, md.StateServerObjectEnterLocationWithRequired, msg.sender, nil, "BC")
		}
	}
	switch msg.typ {
	case md.StateServerObjectGetActiveZones:
		all := slices.Sorted(maps.Values(o.children))
		all = slices.Compact(all)
		m.answer(o, msg, md.StateServerObjectGetActiveZonesResp, p, u16(uint16(len(all))), u32(all...))
	case md.StateServerObjectGetZoneCount:
		if word(p[4:]) == o.id {
			m.answer(o, msg, md.StateServerObjectGetZoneCountResp, p[:4], u32(in([]uint32{word(p[8:])}, false)))
		}
	case md.StateServerObjectGetZonesObjects, md.StateServerObjectGetChildren:
		all := msg.typ == md.StateServerObjectGetChildren
		answer := md.StateServerObjectGetChildCountResp
		var list []uint32
		if !all {
			answer = md.StateServerObjectGetZonesCountResp
			list = listedZones(p[8:])
		}
		switch word(p[4:]) {
		case o.id:
			n := in(list, all)
			m.answer(o, msg, answer, p[:4], u32(n))
			if n > 0 {
				m.send(o, msg.typ, msg.sender, []uint64{1<<32 | uint64(o.id)}, p)
			}
		case o.parent:
			if all || slices.Contains(list, o.zone) {
				show()
			}
		}
	case md.StateServerObjectDeleteChildren, md.StateServerObjectDeleteZones:
		all := msg.typ == md.StateServerObjectDeleteChildren
		var list []uint32
		if !all {
			list = listedZones(p[4:])
		}
		switch word(p) {
		case o.id:
			m.send(o, msg.typ, msg.sender, []uint64{1<<32 | uint64(o.id)}, p)
			forget := func() {
				maps.DeleteFunc(o.children, func(_, zone uint32) bool { return all || slices.Contains(list, zone) })
			}
			forget()
			m.queue = append(m.queue, event{do: func() { m.queue = append(m.queue, event{do: forget}) }})
		case o.parent:
			if all || slices.Contains(list, o.zone) {
				m.delete(o, msg.sender, false)
			}
		}
	}
}
