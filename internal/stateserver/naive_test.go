package stateserver_test

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	md "github.com/culm-net/culm/internal/messagedirector"
)

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
	liars   bool // some tell parents what is not so
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
		var hear []*thing // who hears it is decided before anybody does
		for _, ch := range e.msg.to {
			for _, id := range ids {
				o := m.objects[id]
				if o == nil || o == e.from || slices.Contains(hear, o) {
					continue
				}
				direct := slices.Contains(e.msg.to, uint64(id)) // then not with its siblings
				if ch == uint64(id) || !direct && o.parent != 0 && ch == 1<<32|uint64(o.parent) {
					hear = append(hear, o)
				}
			}
		}
		if slices.Contains(e.msg.to, control) || slices.Contains(e.msg.to, 12) {
			m.toServer(e.msg)
		}
		for _, o := range hear {
			if m.objects[o.id] == o {
				m.toObject(o, e.msg)
			}
		}
	}
}

// check compares what parents know with what there is.
func (m *model) check(t *rapid.T) {
	if m.liars {
		return
	}
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
		m.forgetLater(o, true, nil)
	}
	delete(m.objects, o.id)
}

// forgetLater takes children from a parent, or from another of its doId, when
// those that the deletion has met have told of their coming.
func (m *model) forgetLater(o *thing, all bool, list []uint32) {
	forget := func() {
		if p := m.objects[o.id]; p != nil {
			maps.DeleteFunc(p.children, func(_, zone uint32) bool { return all || slices.Contains(list, zone) })
		}
	}
	m.queue = append(m.queue, event{do: func() { m.queue = append(m.queue, event{do: forget}) }})
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
		child, parent, zone, oldParent, oldZone := word(p), word(p[4:]), word(p[8:]), word(p[12:]), word(p[16:])
		if parent == oldParent && zone == oldZone {
			return
		}
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
			maps.DeleteFunc(o.children, func(_, zone uint32) bool { return all || slices.Contains(list, zone) })
			m.forgetLater(o, all, list)
		case o.parent:
			if all || slices.Contains(list, o.zone) {
				m.delete(o, msg.sender, false)
			}
		}
	}
}
