package snapshot_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/pipes/wire"
)

// shown is an object as somebody knows it.
type shown struct {
	class  *dc.Class
	values map[int]string // by inherited index
	zone   uint32
	tick   uint32 // of the client's: the state is of this tick
	birth  int    // tells objects apart that had the same id
	since  uint32 // the structure sequence of its Enter
	owned  bool
}

func (s *shown) String() string { return fmt.Sprint(s.class, s.values, s.zone) }

// message is what the network carries to a client: an event or a part.
type message struct {
	tick, structure, seq uint32
	event                *shown // an Enter; when it is nil and there is no data, a Leave
	id                   uint32
	data                 []byte // a part's message
}

// peer is a client and the network to it, written from docs/pipes.md.
type peer struct {
	view      *snapshot.View
	plain     bool
	structure uint32
	objects   map[uint32]*shown
	reliable  []message
	loose     []message         // in any order, may get lost
	acks      []uint32          // sequence numbers, or ticks of a plain client
	wholes    map[uint32]*whole // by tick
}

// whole is a snapshot of the extension that is not partial.
type whole struct {
	missing map[uint32]bool // its parts that have not come
	known   map[uint32]int  // births of the objects that the client knew, by id
}

// model is a world with its history.
type model struct {
	t       *rapid.T
	index   *snapshot.Index
	classes []*object.Layout
	objects []*snapshot.Object
	births  map[*snapshot.Object]int
	history map[int]map[uint32]string // by birth and tick
	peers   []*peer
	tick    uint32
	born    int
	wild    bool // the network loses and reorders
}

func (m *model) fail(format string, args ...any) { m.t.Fatalf(format, args...) }

func (m *model) draw(low, high int, what string) int {
	return rapid.IntRange(low, high).Draw(m.t, what)
}

func state(o *snapshot.Object, plain bool) *shown {
	l := o.State().Layout()
	s := &shown{class: l.Class(), values: map[int]string{}}
	if !plain {
		s.zone = o.Zone()
	}
	for k := range l.Len() {
		s.values[l.Index(k)] = string(o.State().At(k))
	}
	return s
}

const ids, zoneIDs = 12, 4

func (m *model) add() {
	id := uint32(m.draw(0, ids-1, "id"))
	for _, o := range m.objects {
		if o.ID() == id {
			return
		}
	}
	l := m.classes[m.draw(0, len(m.classes)-1, "class")]
	o := m.index.Add(id, object.New(l, m.index.Stamp()), uint32(m.draw(0, zoneIDs-1, "zone")))
	m.index.SetWeight(o, float64(m.draw(1, 4, "weight")))
	m.objects = append(m.objects, o)
	m.born++
	m.births[o] = m.born
}

func (m *model) change(o *snapshot.Object) {
	l := o.State().Layout()
	k := m.draw(0, l.Len()-1, "field")
	f := l.Class().Fields()[l.Index(k)]
	var v []byte
	if n, ok := f.Params()[0].Type().FixedSize(); ok {
		v = make([]byte, n)
		v[0] = byte(m.draw(0, 3, "value"))
	} else {
		n := m.draw(0, 3, "length")
		if m.draw(0, 9, "long") == 0 {
			n = 300
		}
		v = append(binary.LittleEndian.AppendUint16(nil, uint16(n)), make([]byte, n)...)
	}
	if _, err := m.index.Set(o, l.Index(k), v); err != nil {
		m.fail("%v", err)
	}
}

func (m *model) remove(i int) {
	delete(m.births, m.objects[i])
	m.index.Remove(m.objects[i])
	m.objects = slices.Delete(m.objects, i, i+1)
}

func (m *model) addPeer() {
	p := &peer{plain: m.draw(0, 2, "plain") == 0, objects: map[uint32]*shown{}, wholes: map[uint32]*whole{}}
	p.view = m.index.NewView(snapshot.ViewConfig{
		Plain: p.plain, PartSize: m.draw(20, 80, "part size"),
		Rate: []float64{66, 30}[m.draw(0, 1, "rate")], Window: m.draw(0, 1, "window") * 6,
	})
	m.peers = append(m.peers, p)
}

func (m *model) removePeer(i int) {
	v := m.peers[i].view
	for _, o := range m.objects {
		if o.Owner() == v {
			m.index.SetOwner(o, nil)
		}
	}
	v.Close()
	m.peers = slices.Delete(m.peers, i, i+1)
}

// act does something random to the world or its clients.
func (m *model) act() {
	what := m.draw(0, 19, "act")
	switch {
	case what <= 2:
		m.add()
		return
	case what == 3 && len(m.peers) < 4:
		m.addPeer()
		return
	}
	if len(m.objects) > 0 && what >= 8 {
		i := m.draw(0, len(m.objects)-1, "object")
		o := m.objects[i]
		switch what {
		case 8:
			m.remove(i)
		case 9, 10:
			m.index.Move(o, uint32(m.draw(0, zoneIDs-1, "zone")))
		case 11:
			if len(m.peers) > 0 {
				m.index.SetOwner(o, m.peers[m.draw(0, len(m.peers)-1, "owner")].view)
			}
		default:
			m.change(o)
		}
		return
	}
	if len(m.peers) == 0 {
		return
	}
	i := m.draw(0, len(m.peers)-1, "peer")
	switch v := m.peers[i].view; what {
	case 4, 5:
		v.Subscribe(uint32(m.draw(0, zoneIDs-1, "zone")))
	case 6:
		v.Unsubscribe(uint32(m.draw(0, zoneIDs-1, "zone")))
	case 7:
		switch m.draw(0, 5, "rare") {
		case 0:
			m.removePeer(i)
		case 1:
			v.SetBudget(1 << 20)
		default:
			v.SetBudget(m.draw(0, 200, "budget"))
		}
	}
}

// produce makes a tick and gives what it sends to the network.
func (m *model) produce() {
	m.tick += uint32(m.draw(1, 2, "ticks"))
	made := make([]*snapshot.Snapshot, len(m.peers)) // workers touch one each
	index := map[*snapshot.View]int{}
	for i, p := range m.peers {
		index[p.view] = i
	}
	if err := m.index.Produce(m.tick, func(v *snapshot.View, s *snapshot.Snapshot) {
		c := *s
		c.Events = slices.Clone(s.Events)
		c.Parts = slices.Clone(s.Parts)
		for i := range c.Parts {
			c.Parts[i].Data = slices.Clone(s.Parts[i].Data)
		}
		made[index[v]] = &c
	}); err != nil {
		m.fail("%v", err)
	}
	for _, o := range m.objects {
		b := m.births[o]
		if m.history[b] == nil {
			m.history[b] = map[uint32]string{}
		}
		m.history[b][m.tick] = state(o, false).String()
	}
	for i, p := range m.peers {
		if made[i] != nil {
			m.send(p, made[i])
		}
	}
}

func (m *model) send(p *peer, s *snapshot.Snapshot) {
	for i, e := range s.Events {
		msg := message{tick: s.Tick, structure: s.Structure - uint32(len(s.Events)-1-i), id: e.ID}
		if e.Object != nil {
			msg.event = state(e.Object, p.plain)
			msg.event.tick, msg.event.birth, msg.event.owned = s.Tick, m.births[e.Object], e.Owned
		}
		p.reliable = append(p.reliable, msg)
	}
	for i, part := range s.Parts {
		msg := message{tick: s.Tick, structure: s.Structure, seq: s.Seq + uint32(i), data: s.AppendPart(nil, i)}
		if p.plain || part.Reliable {
			p.reliable = append(p.reliable, msg)
		} else {
			p.loose = append(p.loose, msg)
		}
	}
	if p.plain || s.Partial || len(s.Parts) == 0 {
		return
	}
	w := &whole{missing: map[uint32]bool{}, known: map[uint32]int{}}
	for i := range s.Parts {
		w.missing[s.Seq+uint32(i)] = true
	}
	for _, o := range m.objects {
		if p.view.Knows(o) {
			w.known[o.ID()] = m.births[o]
		}
	}
	p.wholes[s.Tick] = w
}

// whole checks that with the last part of a snapshot that is not partial, a client
// has everything of that tick of the objects that it knows.
func (m *model) whole(p *peer, msg message) {
	w := p.wholes[msg.tick]
	if w == nil {
		return
	}
	if delete(w.missing, msg.seq); len(w.missing) > 0 {
		return
	}
	delete(p.wholes, msg.tick)
	for id, birth := range w.known {
		o := p.objects[id]
		if o == nil || o.birth != birth || o.tick > msg.tick {
			continue // gone, or newer
		}
		if want := m.history[birth][msg.tick]; o.String() != want {
			m.fail("object %d is shown as %s after all of tick %d, where it was %s", id, o, msg.tick, want)
		}
	}
}

// deliver lets the network bring some of what was sent.
func (m *model) deliver(p *peer) {
	n := len(p.reliable)
	if m.wild {
		n = m.draw(0, n, "reliable")
	}
	before := m.wild && m.draw(0, 1, "loose first") == 0
	if before {
		m.deliverLoose(p)
	}
	for _, msg := range p.reliable[:n] {
		m.receive(p, msg)
	}
	p.reliable = p.reliable[n:]
	if !before {
		m.deliverLoose(p)
	}
	m.deliverAcks(p)
}

func (m *model) deliverLoose(p *peer) {
	if !m.wild {
		for _, msg := range p.loose {
			m.receive(p, msg)
		}
		p.loose = nil
		return
	}
	for range m.draw(0, len(p.loose), "loose") {
		i := m.draw(0, len(p.loose)-1, "which")
		fate := m.draw(0, 3, "fate")
		if fate > 0 {
			m.receive(p, p.loose[i])
		}
		if fate != 1 || len(p.loose) > 30 { // 1 comes twice, perhaps
			p.loose = slices.Delete(p.loose, i, i+1)
		}
		if len(p.loose) == 0 {
			break
		}
	}
}

func (m *model) deliverAcks(p *peer) {
	n := len(p.acks)
	if m.wild {
		n = m.draw(0, n, "acks")
	}
	for i, run := 0, 0; i < n; i += run {
		for run = 1; !p.plain && i+run < n && p.acks[i+run] == p.acks[i]+uint32(run); run++ {
		}
		if p.plain {
			p.view.AckTick(p.acks[i])
		} else if !m.wild || m.draw(0, 3, "acks lost") > 0 {
			p.view.AckRun(p.acks[i], run)
		}
	}
	p.acks = p.acks[n:]
}

// receive is the client.
func (m *model) receive(p *peer, msg message) {
	if msg.data == nil {
		p.structure++
		if p.structure != msg.structure {
			m.fail("event %d has structure %d", p.structure, msg.structure)
		}
		o := p.objects[msg.id]
		switch {
		case msg.event == nil && o == nil:
			m.fail("leave of %d, which is not known", msg.id)
		case msg.event == nil:
			delete(p.objects, msg.id)
		case o != nil:
			m.fail("enter of %d, which is known", msg.id)
		default:
			c := *msg.event
			c.values, c.since = maps.Clone(c.values), p.structure
			p.objects[msg.id] = &c
		}
		return
	}
	if msg.structure > p.structure {
		return
	}
	if p.plain {
		m.applyPlain(p, msg)
		p.acks = append(p.acks, msg.tick)
		return
	}
	m.applyPart(p, msg)
	m.whole(p, msg)
	p.acks = append(p.acks, msg.seq)
}

func (m *model) applyPart(p *peer, msg message) {
	typ, body, _ := wire.Split(msg.data)
	part, err := wire.DecodePart(body)
	if err != nil || typ != wire.ExtSnapshot {
		m.fail("%v: %v", typ, err)
	}
	if part.Tick != msg.tick || part.Structure != msg.structure || part.Number != msg.seq {
		m.fail("part %d of tick %d has the header %+v", msg.seq, msg.tick, part)
	}
	records := part.Records()
	for records.Next() {
		r := records.Record()
		o := p.objects[r.DoID]
		if o == nil && part.Structure == p.structure {
			m.fail("state of %d, which is not known", r.DoID)
		}
		if o == nil || wire.Newer(o.since, part.Structure) || o.tick >= part.Tick {
			continue
		}
		if r.HasZone {
			o.zone = r.Zone
		}
		fields := r.Fields(o.class)
		m.fields(o, &fields)
		o.tick = part.Tick
		if want := m.history[o.birth][o.tick]; o.String() != want {
			m.fail("object %d at tick %d is shown as %s, was %s", r.DoID, o.tick, o, want)
		}
	}
	if records.Err() != nil {
		m.fail("%v", records.Err())
	}
}

func (m *model) fields(o *shown, f *wire.Fields) {
	for f.Next() {
		o.values[f.Index()] = string(f.Value())
	}
	if f.Err() != nil {
		m.fail("%v", f.Err())
	}
}

func (m *model) applyPlain(p *peer, msg message) {
	typ, body, _ := wire.Split(msg.data)
	s, err := wire.DecodeSnapshot(body)
	if err != nil || typ != wire.SVTick || s.Tick != msg.tick {
		m.fail("%v of tick %d in the snapshot of tick %d: %v", typ, s.Tick, msg.tick, err)
	}
	objects := s.Objects(func(id uint32) *dc.Class {
		if o := p.objects[id]; o != nil {
			return o.class
		}
		return nil
	})
	for objects.Next() {
		id := objects.DoID()
		o := p.objects[id]
		if o.tick > msg.tick {
			m.fail("state of %d at tick %d, which is known at tick %d", id, msg.tick, o.tick)
		}
		m.fields(o, objects.Fields())
		o.tick = msg.tick
		// The zone is not told to plain clients.
		was := m.history[o.birth][o.tick]
		if got := fmt.Sprint(o.class, o.values, " "); len(was) < len(got) || was[:len(got)] != got {
			m.fail("object %d at tick %d is shown as %s, was %s", id, o.tick, got, was)
		}
	}
	if objects.Err() != nil {
		m.fail("%v", objects.Err())
	}
}

// differs tells how a client differs from the world, "" when it does not.
func (m *model) differs(p *peer) string {
	n := 0
	for _, o := range m.objects {
		if !p.view.Sees(o.Zone()) {
			continue
		}
		n++
		c := p.objects[o.ID()]
		if c == nil {
			return fmt.Sprintf("%d is not known", o.ID())
		}
		if want := state(o, p.plain).String(); c.birth != m.births[o] || c.String() != want || c.owned != (o.Owner() == p.view) || !p.view.Knows(o) {
			return fmt.Sprintf("%d is shown as %s, is %s", o.ID(), c, want)
		}
	}
	if n != len(p.objects) {
		return fmt.Sprintf("%d objects are known, %d to be seen", len(p.objects), n)
	}
	return ""
}

// TestModel plays a random world over a random network: every object that a
// client shows is as it was at one sealed tick, which never goes back; it is
// shown between its Enter and its Leave only; and when the world and the network
// have calmed down, every client shows what there is.
func TestModel(t *testing.T) {
	dcs := schema(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			t: t, wild: true, births: map[*snapshot.Object]int{}, history: map[int]map[uint32]string{},
			index: snapshot.New(snapshot.Config{Workers: rapid.IntRange(1, 3).Draw(t, "workers"), MinRate: 5}),
		}
		for _, name := range []string{"DistributedAvatar", "DistributedBall"} {
			l, err := object.NewLayout(dcs.Class(name), parameters)
			if err != nil {
				t.Fatal(err)
			}
			m.classes = append(m.classes, l)
		}
		for range m.draw(10, 60, "ticks") {
			for range m.draw(0, 12, "acts") {
				m.act()
			}
			m.produce()
			for _, p := range m.peers {
				m.deliver(p)
			}
		}
		m.wild = false
		for _, p := range m.peers {
			p.view.SetBudget(m.draw(40, 400, "last budget"))
		}
		for range 1000 {
			m.produce()
			settled := true
			for _, p := range m.peers {
				m.deliver(p)
				settled = settled && m.differs(p) == ""
			}
			if settled {
				return
			}
		}
		for i, p := range m.peers {
			if d := m.differs(p); d != "" {
				m.fail("client %d: %s", i, d)
			}
		}
	})
}
