package clientsession

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
)

// scripted is a server in tests, after docs/pipes.md and without Culm's own. It
// has one client, which sees zones 1 and 2, and a world in which anything may
// happen at each tick.
type scripted struct {
	schema   *dc.Schema
	rnd      *rand.Rand
	conn     transport.Conn
	extended bool
	tick     uint32
	objects  map[uint32]*model
	history  map[uint32]map[uint32]string // by tick and doId: the class, the zone and all values
	client   map[uint32]*view             // what the client was told of
	quiet    bool                         // nothing happens any more

	structure, parts uint32
	sent             map[uint32][]given // by part, or tick in the plain dialect
	unacknowledged   []uint32           // ticks, in the plain dialect
	messages         map[uint32]uint8   // by doId: how many were sent
	err              error
}

// model is an object on the server.
type model struct {
	id, zone  uint32
	class     *dc.Class
	values    map[int][]byte // parameter fields
	stamps    map[int]uint32
	zoneStamp uint32
	changed   uint32
}

// view is what the client is known to have of an object.
type view struct {
	o     *model
	has   bool
	tick  uint32
	since uint32 // the first part, or tick, that counts
}

// given is an object in a part.
type given struct {
	v    *view
	tick uint32
}

func newScripted(s *dc.Schema, seed uint64, extended bool) *scripted {
	return &scripted{
		schema: s, rnd: rand.New(rand.NewPCG(seed, 1)), extended: extended,
		tick: 100, structure: 0, objects: map[uint32]*model{}, history: map[uint32]map[uint32]string{},
		client: map[uint32]*view{}, sent: map[uint32][]given{}, messages: map[uint32]uint8{},
	}
}

func (s *scripted) Opened(c transport.Conn) { s.conn = c }

func (s *scripted) Closed(_ transport.Conn, err error) { s.err = err }

func (s *scripted) Received(c transport.Conn, msgs [][]byte) {
	for _, msg := range msgs {
		t, body, _ := wire.Split(msg)
		switch t {
		case wire.CLHello:
			m := wire.HelloResponse{Accepted: true, Welcome: wire.Welcome{TickRate: 66, Tick: s.tick, UpdateRate: 20, CommandRate: 100}}
			m.Extension = wire.Extension{Present: s.extended, Features: wire.FeatureSnapshots}
			s.send(m.Append(nil))
			c.Flush()
		case wire.ExtAck:
			m, err := wire.DecodeAck(body)
			if err != nil {
				s.err = err
			}
			for part := range m.Parts() {
				s.acknowledged(part)
			}
		case wire.CLTick:
			m, err := wire.DecodeTickAck(body)
			if err != nil {
				s.err = err
			}
			for len(s.unacknowledged) > 0 && !wire.Newer(s.unacknowledged[0], uint32(m.Tick)) {
				s.acknowledged(s.unacknowledged[0])
				s.unacknowledged = s.unacknowledged[1:]
			}
		}
	}
}

func (s *scripted) acknowledged(part uint32) {
	for _, g := range s.sent[part] {
		if s.client[g.v.o.id] == g.v && part >= g.v.since && (!g.v.has || g.tick > g.v.tick) {
			g.v.has, g.v.tick = true, g.tick
		}
	}
	delete(s.sent, part)
}

func (s *scripted) send(b []byte, err error) { s.sendAs(b, err, transport.Reliable) }

func (s *scripted) sendAs(b []byte, err error, mode transport.Mode) {
	if err == nil {
		err = s.conn.Send(transport.Message{Data: b, Mode: mode})
	}
	if err != nil {
		s.err = err
	}
}

// sees says whether the client sees a zone.
func sees(zone uint32) bool { return zone == 1 || zone == 2 }

// step lets a tick happen.
func (s *scripted) step() {
	s.tick++
	if !s.quiet {
		for range s.rnd.IntN(6) {
			s.happen()
		}
	}
	now := map[uint32]string{}
	for id, o := range s.objects {
		now[id] = o.String()
	}
	s.history[s.tick] = now
	s.tellStructure()
	if s.extended {
		s.sendParts()
	} else if len(s.unacknowledged) < 3 {
		s.sendTick()
	}
	s.conn.Flush()
}

// String is the class and all values, one after the other.
func (o *model) String() string {
	b := []byte(o.class.Name())
	for i := range o.class.Fields() {
		b = append(b, o.values[i]...)
	}
	return string(b)
}

// happen changes something in the world.
func (s *scripted) happen() {
	id := uint32(s.rnd.IntN(12))
	o := s.objects[id]
	if o == nil {
		class := s.schema.Class([]string{"DistributedAvatar", "DistributedBall", "DistributedChat"}[s.rnd.IntN(3)])
		o = &model{id: id, zone: uint32(1 + s.rnd.IntN(3)), class: class, values: map[int][]byte{}, stamps: map[int]uint32{}, zoneStamp: s.tick, changed: s.tick}
		for i, f := range class.Fields() {
			if f.Kind() == dc.Parameter {
				o.values[i], o.stamps[i] = f.AppendDefault(nil), s.tick
			}
		}
		s.objects[id] = o
		return
	}
	switch s.rnd.IntN(20) {
	case 0:
		delete(s.objects, id)
	case 1:
		o.zone, o.zoneStamp, o.changed = uint32(1+s.rnd.IntN(3)), s.tick, s.tick
	case 2, 3:
		s.call(o)
	default:
		for i, f := range o.class.Fields() {
			if v := o.values[i]; v != nil && s.rnd.IntN(2) == 0 {
				v = f.AppendDefault(nil)
				if f.Name() == "name" {
					v = append([]byte{byte(s.tick % 8), 0}, strings.Repeat("x", int(s.tick%8))...)
				} else {
					v[0] = byte(s.rnd.IntN(100))
				}
				o.values[i], o.stamps[i], o.changed = v, s.tick, s.tick
			}
		}
	}
}

// call sends a method call that carries its number, to a client that has the
// object already.
func (s *scripted) call(o *model) {
	f := o.class.FieldByName("emote")
	if v := s.client[o.id]; f == nil || v == nil || v.o != o {
		return
	}
	s.messages[o.id]++
	m := wire.ObjectMessage{DoID: o.id, Field: uint16(f.Number()), Args: []byte{s.messages[o.id]}}
	if s.extended {
		s.send(wire.TickedMessage{Tick: s.tick, State: o.changed, ObjectMessage: m}.Append(nil))
	} else {
		s.send(m.Append(nil), nil)
	}
}

// tellStructure tells what the client sees from now on, and what no more.
func (s *scripted) tellStructure() {
	for id := range uint32(12) {
		o, v := s.objects[id], s.client[id]
		if v != nil && (v.o != o || !sees(o.zone)) {
			delete(s.client, id)
			s.structure += 1 + uint32(s.rnd.IntN(3))
			if s.extended {
				s.send(wire.Remove{Stamp: wire.Stamp{Structure: s.structure, Tick: s.tick}, DoID: id, Deleted: v.o != o}.Append(nil), nil)
			} else {
				s.send(wire.ObjectGone{Type: wire.SVDeleteObject, DoID: id}.Append(nil), nil)
			}
			v = nil
		}
		if v != nil && s.extended && o.zoneStamp == s.tick && s.rnd.IntN(2) == 0 {
			// The zone besides goes with the state.
			s.structure++
			s.send(wire.ZoneChange{Stamp: wire.Stamp{Structure: s.structure, Tick: s.tick}, DoID: id, Zone: o.zone}.Append(nil), nil)
		}
		if o == nil || !sees(o.zone) || v != nil {
			continue
		}
		s.structure++
		v = &view{o: o, has: s.rnd.IntN(4) > 0 || !s.extended, tick: s.tick, since: s.parts + 1}
		m := wire.Generate{Type: wire.SVGenerateObject, Class: o.class, DoID: id, Zone: o.zone, HasBaseline: v.has}
		if s.extended {
			m.Type, m.Stamp = wire.ExtGenerate, wire.Stamp{Structure: s.structure, Tick: s.tick}
		} else {
			v.since = s.tick
		}
		if v.has {
			for i := range o.class.Fields() {
				if o.values[i] != nil {
					m.Baseline.Add(i, o.values[i])
				}
			}
		}
		if f := o.class.FieldByName("setTeam"); f != nil {
			m.Required.Add(index(o.class, f), []byte{1})
		}
		s.client[id] = v
		s.send(m.Append(nil))
	}
}

// due passes over what the client lacks, in order.
func (s *scripted) due(yield func(v *view, fields []int)) {
	for id := range uint32(12) {
		v := s.client[id]
		if v == nil || v.has && v.tick >= v.o.changed || len(v.o.values) == 0 && v.o.zoneStamp <= v.tick {
			continue
		}
		var fields []int
		for i := range v.o.class.Fields() {
			if v.o.values[i] != nil && (!v.has || v.o.stamps[i] > v.tick) {
				fields = append(fields, i)
			}
		}
		yield(v, fields)
	}
}

// sendParts sends a snapshot in parts of a few objects, and sometimes leaves some
// out.
func (s *scripted) sendParts() {
	type part struct {
		records []byte
		given   []given
	}
	parts, partial := []part{{}}, false
	s.due(func(v *view, fields []int) {
		if !s.quiet && s.rnd.IntN(6) == 0 {
			partial = true
			return
		}
		var contents []byte
		if !v.has || v.o.zoneStamp > v.tick {
			contents = wire.AppendRecordZone(contents, v.o.zone)
		}
		for _, i := range fields {
			contents = wire.AppendRecordField(contents, i, v.o.values[i])
		}
		p := &parts[len(parts)-1]
		if len(p.given) == 3 {
			parts = append(parts, part{})
			p = &parts[len(parts)-1]
		}
		p.records = wire.AppendRecord(p.records, v.o.id, contents)
		p.given = append(p.given, given{v, s.tick})
	})
	for i, p := range parts {
		s.parts++
		s.sent[s.parts] = p.given
		m := wire.Part{Stamp: wire.Stamp{Structure: s.structure, Tick: s.tick}, Number: s.parts, Count: uint16(len(p.given))}
		if i == 0 {
			m.Flags |= wire.FirstPart
		}
		if i == len(parts)-1 {
			m.Flags |= wire.LastPart
			if partial {
				m.Flags |= wire.PartialSnapshot
			}
		}
		s.sendAs(append(m.Append(nil), p.records...), nil, transport.Unreliable)
	}
}

// sendTick sends a snapshot of the plain dialect.
func (s *scripted) sendTick() {
	m := wire.Snapshot{Tick: s.tick, Delta: true}
	var objects []byte
	var err error
	s.due(func(v *view, fields []int) {
		var l wire.FieldList
		for _, i := range fields {
			l.Add(i, v.o.values[i])
		}
		if objects, err = wire.AppendSnapshotObject(objects, v.o.id, l); err != nil {
			s.err = err
		}
		m.Count++
		s.sent[s.tick] = append(s.sent[s.tick], given{v, s.tick})
	})
	s.unacknowledged = append(s.unacknowledged, s.tick)
	s.send(append(m.Append(nil), objects...), nil)
}

var start = time.Unix(5000, 0)

// TestBadNetworks plays a random world to a client over random networks. What the
// client shows of an object is always what the server had at that tick, methods
// come once and in order, and when the world comes to rest, both have the same.
func TestBadNetworks(t *testing.T) {
	for seed := range uint64(8) {
		for _, extended := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d-%v", seed, extended), func(t *testing.T) { playBadNetwork(t, seed, extended) })
		}
	}
}

func playBadNetwork(t *testing.T, seed uint64, extended bool) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	link := memory.Link{
		Latency: time.Duration(rnd.IntN(80)) * time.Millisecond, Jitter: time.Duration(rnd.IntN(40)) * time.Millisecond,
		Loss: rnd.Float64() * 0.3, Duplicate: rnd.Float64() * 0.2, Reorder: rnd.Float64() * 0.3,
	}
	net := memory.New(memory.Config{Seed: seed, Up: link, Down: link})
	listener, err := net.Listen("server")
	if err != nil {
		t.Fatal(err)
	}
	server := newScripted(schema(t), seed, extended)
	if err := listener.Start(server); err != nil {
		t.Fatal(err)
	}

	w := &watcher{}
	c := &player{net: net}
	conn, err := net.Dial("server", c)
	if err != nil {
		t.Fatal(err)
	}
	// Little room, so that it is used up sometimes.
	session, err := New(Config{Schema: schema(t), Events: w, MaxHeld: 1500}, conn)
	if err != nil {
		t.Fatal(err)
	}
	c.session, w.session = session, session

	equal := func(o *Object) error {
		if past, ok := server.history[o.Tick()][o.ID()]; !ok || past != shown(o) {
			return fmt.Errorf("object %d is %q\nbut was %q in tick %d", o.ID(), shown(o), past, o.Tick())
		}
		return nil
	}
	check := func(o *Object) {
		if err := equal(o); err != nil {
			w.fault("%v", err)
		}
	}
	numbers := map[uint32]uint8{}
	messages := 0
	w.updated = check
	w.message = func(o *Object, m Message) {
		if m.Field.Name() != "emote" {
			return
		}
		messages++
		if int8(m.Args[0]-numbers[o.ID()]) <= 0 {
			w.fault("emote %d of %d after %d", m.Args[0], o.ID(), numbers[o.ID()])
		}
		numbers[o.ID()] = m.Args[0]
	}

	for frame := range 1200 {
		net.Step(15 * time.Millisecond)
		if server.conn != nil && session.Welcomed() {
			server.quiet = frame > 800
			server.step()
		}
		session.Frame(start.Add(net.Now()))
		conn.Flush()
		if err := w.check(); err != nil {
			t.Fatalf("frame %d: %v", frame, err)
		}
		if extended { // else a generate does not say of which tick it is
			for o := range session.Objects() {
				if err := equal(o); err != nil {
					t.Fatalf("frame %d: %v", frame, err)
				}
			}
		}
		if server.err != nil || session.Err() != nil {
			t.Fatalf("frame %d: %v, %v", frame, server.err, session.Err())
		}
	}
	var got, want []string
	for o := range session.Objects() {
		zone := o.Zone()
		if !extended {
			zone = 0 // nobody says it
		}
		got = append(got, fmt.Sprintf("%d in %d: %q", o.ID(), zone, shown(o)))
	}
	for id, o := range server.objects {
		if sees(o.zone) {
			zone := o.zone
			if !extended {
				zone = 0
			}
			want = append(want, fmt.Sprintf("%d in %d: %q", id, zone, o.String()))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("at rest the client has\n%s\nthe server\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	st := session.Stats()
	if st.Snapshots == 0 || messages == 0 {
		t.Errorf("%d snapshots, %d messages", st.Snapshots, messages)
	}
	if st.Unknown > 0 && !extended {
		t.Errorf("%d things unknown", st.Unknown)
	}
	t.Logf("%+v, %d messages, clock off by %v", st, messages, session.Clock().Offset())
}

// shown is an object on the client in the words of model.String.
func shown(o *Object) string {
	b := []byte(o.Class().Name())
	for _, v := range o.Values() {
		b = append(b, v...)
	}
	return string(b)
}

// player is the client's end of the network.
type player struct {
	net     *memory.Network
	session *Session
}

func (p *player) now() time.Time { return start.Add(p.net.Now()) }

func (p *player) Opened(transport.Conn) { p.session.Start(p.now()) }

func (p *player) Received(_ transport.Conn, msgs [][]byte) { p.session.Receive(p.now(), msgs) }

func (p *player) Closed(_ transport.Conn, err error) { p.session.ConnectionClosed(err) }
