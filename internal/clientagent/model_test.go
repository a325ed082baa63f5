package clientagent

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/transport"
	"pgregory.net/rapid"
)

// TestInterestModel plays clients among objects that are created, moved,
// changed, given away and deleted at random, by servers that take their time.
// When all has come to rest, each client must see exactly the objects in its
// interest, as they are, and know what it owns; and on the way nothing may be
// told twice, or of objects that it does not see.
func TestInterestModel(t *testing.T) {
	schema := game(t)
	rapid.Check(t, func(t *rapid.T) { newWorld(t, schema).play() })
}

// world is objects on servers, and clients that look at them.
type world struct {
	t       *rapid.T
	room    *dc.Class
	title   *dc.Field
	th      *theatre
	servers []*server
	parents []*being
	objects map[uint32]*being
	next    uint32
	viewers []*viewer
}

// server is a state server in another process: what it is sent and what it
// sends takes as long as the test likes, but keeps its order.
type server struct {
	in  []letter
	out []func(*md.Batch)
}

type letter struct {
	to *being
	m  md.Message
}

// being is an object on a server, in as far as clients notice.
type being struct {
	w            *world
	server       *server
	p            md.Participant
	doID         uint32
	parent, zone uint32
	owner        uint64
	value        int
	synchronised bool
	gone         bool
	children     map[uint32]uint32 // of parents: zone by doId
}

func newWorld(t *rapid.T, schema *dc.Schema) *world {
	w := &world{t: t, objects: make(map[uint32]*being), next: 2000, room: schema.Class("Room")}
	w.title = w.room.FieldByName("setTitle")
	d := md.New(md.Limits{})
	a, err := New(d, Config{Schema: schema, Hash: 1, Version: "dev", MinChannel: 5000, MaxChannel: 5009, Interest: InterestEnabled})
	if err != nil {
		t.Fatal(err)
	}
	w.th = &theatre{agent: a}
	a.clock = func() time.Duration { return time.Duration(w.th.now.Load()) }
	w.th.core = a.newDoor(func([]transport.Conn) {})
	t.Cleanup(w.th.core.outlet.Close)
	for range 2 {
		w.servers = append(w.servers, new(server))
	}
	for i, id := range []uint32{1000, 1001} {
		p := w.being(w.servers[i], id)
		p.children = make(map[uint32]uint32)
		w.parents = append(w.parents, p)
	}
	w.deliver()
	for i := range 2 {
		w.viewers = append(w.viewers, w.view(uint64(5000+i)))
	}
	return w
}

func (w *world) being(s *server, id uint32) *being {
	b := &being{w: w, server: s, doID: id}
	b.p.Receiver = b
	b.do(func(o *md.Batch) { o.Subscribe(uint64(id)) })
	return b
}

// do puts something into the server's outbox.
func (b *being) do(f func(*md.Batch)) {
	b.server.out = append(b.server.out, func(o *md.Batch) {
		o.From(&b.p)
		f(o)
	})
}

func (b *being) send(t md.Type, sender uint64, payload func(*datagram.Writer), to ...uint64) {
	var w datagram.Writer
	payload(&w)
	b.do(func(o *md.Batch) {
		o.Begin(t, sender, to...).Bytes(w.Buf)
		_ = o.End()
	})
}

// Receive leaves a message in the server's inbox.
func (b *being) Receive(m *md.Message) {
	c := *m
	c.Raw, c.Payload = nil, bytes.Clone(m.Payload)
	b.server.in = append(b.server.in, letter{b, c})
}

// snapshot is what an object enters with.
func (b *being) snapshot(w *datagram.Writer) {
	w.Uint32(b.doID)
	w.Uint32(b.parent)
	w.Uint32(b.zone)
	w.Uint16(uint16(b.w.room.Number()))
	w.String(strconv.Itoa(b.value))
}

func (b *being) location() uint64 { return md.LocationChannel(b.parent, b.zone) }

const somebody = 77 // the sender of what servers do by themselves

func (b *being) move(parent, zone uint32) {
	oldParent, oldZone, old := b.parent, b.zone, b.location()
	if parent == oldParent && zone == oldZone {
		return
	}
	if parent != oldParent {
		b.do(func(o *md.Batch) {
			if oldParent != 0 {
				o.Unsubscribe(md.ParentChannel(oldParent))
			}
			o.Subscribe(md.ParentChannel(parent))
		})
	}
	b.parent, b.zone, b.synchronised = parent, zone, false
	to := []uint64{b.owner, uint64(parent)}
	if oldParent != 0 {
		to = append(to, uint64(oldParent), old)
	}
	b.changing(parent, zone, oldParent, oldZone, to...)
	b.send(md.StateServerObjectEnterLocationWithRequired, uint64(b.doID), b.snapshot, b.location())
}

func (b *being) changing(parent, zone, oldParent, oldZone uint32, to ...uint64) {
	b.send(md.StateServerObjectChangingLocation, somebody, func(w *datagram.Writer) {
		for _, v := range []uint32{b.doID, parent, zone, oldParent, oldZone} {
			w.Uint32(v)
		}
	}, to...)
}

func (b *being) set(value int) {
	b.value = value
	b.send(md.StateServerObjectSetField, somebody, func(w *datagram.Writer) {
		w.Uint32(b.doID)
		w.Uint16(uint16(b.w.title.Number()))
		w.String(strconv.Itoa(value))
	}, b.location())
}

func (b *being) give(owner uint64) {
	if owner == b.owner {
		return
	}
	old := b.owner
	b.owner = owner
	b.send(md.StateServerObjectChangingOwner, somebody, func(w *datagram.Writer) {
		w.Uint32(b.doID)
		w.Uint64(owner)
		w.Uint64(old)
	}, old)
	b.send(md.StateServerObjectEnterOwnerWithRequired, uint64(b.doID), b.snapshot, owner)
}

func (b *being) delete() {
	b.changing(0, 0, b.parent, b.zone, uint64(b.parent))
	b.send(md.StateServerObjectDeleteRAM, somebody, func(w *datagram.Writer) { w.Uint32(b.doID) }, b.location(), b.owner)
	b.do((*md.Batch).Leave)
	b.gone = true
	delete(b.w.objects, b.doID)
}

// handle is what a state server does with a message to an object.
func (b *being) handle(m *md.Message) {
	if b.gone {
		return
	}
	r := m.Reader()
	switch m.Type {
	case md.StateServerObjectLocationAck:
		if parent, zone := r.Uint32(), r.Uint32(); parent == b.parent && zone == b.zone {
			b.synchronised = true
		}
	case md.StateServerObjectChangingLocation: // of a child
		doID, parent, zone := r.Uint32(), r.Uint32(), r.Uint32()
		if parent != b.doID {
			delete(b.children, doID)
			return
		}
		b.children[doID] = zone
		b.send(md.StateServerObjectLocationAck, uint64(b.doID), func(w *datagram.Writer) {
			w.Uint32(parent)
			w.Uint32(zone)
		}, uint64(doID))
	case md.StateServerObjectGetZonesObjects:
		ctx, parent, zones := r.Uint32(), r.Uint32(), readZones(&r)
		switch {
		case parent == b.doID:
			n := 0
			for _, z := range b.children {
				if slices.Contains(zones, z) {
					n++
				}
			}
			b.send(md.StateServerObjectGetZonesCountResp, uint64(b.doID), func(w *datagram.Writer) {
				w.Uint32(ctx)
				w.Uint32(uint32(n))
			}, m.Sender)
			if n > 0 {
				b.send(m.Type, m.Sender, func(w *datagram.Writer) { w.Bytes(m.Payload) }, md.ParentChannel(b.doID))
			}
		case parent != b.parent || !slices.Contains(zones, b.zone):
		case b.synchronised:
			b.send(md.StateServerObjectEnterInterestWithRequired, uint64(b.doID), func(w *datagram.Writer) {
				w.Uint32(ctx)
				b.snapshot(w)
			}, m.Sender)
		default:
			b.send(md.StateServerObjectEnterLocationWithRequired, uint64(b.doID), b.snapshot, m.Sender)
		}
	}
}

// read lets a server handle its next n messages.
func (s *server) read(n int) {
	for range min(n, len(s.in)) {
		l := s.in[0]
		s.in = s.in[1:]
		l.to.handle(&l.m)
	}
}

// write lets the next n messages of a server arrive.
func (w *world) write(s *server, n int) {
	for range min(n, len(s.out)) {
		var b md.Batch
		s.out[0](&b)
		s.out = s.out[1:]
		w.th.agent.director.Post(&b)
	}
}

// deliver lets everything arrive and be handled.
func (w *world) deliver() {
	for busy := true; busy; {
		busy = false
		for _, s := range w.servers {
			busy = busy || len(s.in)+len(s.out) > 0
			w.write(s, len(s.out))
			s.read(len(s.in))
		}
	}
}

// viewer is a client, and what it was told.
type viewer struct {
	w         *world
	c         *coreClient
	channel   uint64
	context   uint32
	interests map[uint16]interest
	seen      map[uint32]sight
	owned     map[uint32]bool
	waits     map[uint32]uint16 // interests whose end was not told, by context
}

type sight struct {
	location uint64
	value    string
}

func (w *world) view(channel uint64) *viewer {
	v := &viewer{w: w, c: w.th.connect(), channel: channel, interests: make(map[uint16]interest), seen: make(map[uint32]sight), owned: make(map[uint32]bool), waits: make(map[uint32]uint16)}
	v.send(Hello, func(d *datagram.Writer) {
		d.Uint32(1)
		d.String("dev")
	})
	v.serve(md.ClientAgentSetState, func(d *datagram.Writer) { d.Uint16(uint16(StateEstablished)) })
	return v
}

// send sends a message of the client.
func (v *viewer) send(t Type, payload func(*datagram.Writer)) {
	var d datagram.Writer
	d.Uint16(uint16(t))
	payload(&d)
	v.c.Send([][]byte{d.Buf})
}

// serve sends a message of a server to the client's session.
func (v *viewer) serve(t md.Type, payload func(*datagram.Writer)) {
	var p md.Participant
	var b md.Batch
	b.From(&p)
	payload(b.Begin(t, somebody, v.channel))
	if err := b.End(); err != nil {
		v.w.t.Fatal(err)
	}
	v.w.th.agent.director.Post(&b)
}

func (v *viewer) open(id uint16, parent uint32, zones []uint32) {
	v.context += 1_000_000 // far from those that the agent makes
	v.interests[id] = interest{parent, zones}
	v.waits[v.context] = id
	v.send(AddInterestMultiple, func(d *datagram.Writer) {
		d.Uint32(v.context)
		d.Uint16(id)
		d.Uint32(parent)
		d.Uint16(uint16(len(zones)))
		for _, z := range zones {
			d.Uint32(z)
		}
	})
}

func (v *viewer) close(id uint16) {
	if _, ok := v.interests[id]; !ok {
		return
	}
	v.context += 1_000_000
	v.forget(id)
	v.waits[v.context] = id
	v.send(RemoveInterest, func(d *datagram.Writer) {
		d.Uint32(v.context)
		d.Uint16(id)
	})
}

// forget ends waiting for an interest that is removed.
func (v *viewer) forget(id uint16) {
	delete(v.interests, id)
	maps.DeleteFunc(v.waits, func(_ uint32, w uint16) bool { return w == id })
}

// look takes what the client was told.
func (v *viewer) look() {
	for _, m := range v.c.Received() {
		r := datagram.NewReader(m)
		switch t := Type(r.Uint16()); t {
		case HelloResp:
		case EnterObjectRequired:
			e := readEntry(m[2:])
			r.Skip(14)
			if _, ok := v.seen[e.doID]; ok {
				v.w.t.Fatalf("%d enters twice", e.doID)
			}
			v.seen[e.doID] = sight{e.location, r.String()}
		case EnterObjectRequiredOwner:
			v.owned[r.Uint32()] = true
		case ObjectLeaving:
			doID := r.Uint32()
			if _, ok := v.seen[doID]; !ok {
				v.w.t.Fatalf("%d leaves and was not seen", doID)
			}
			delete(v.seen, doID)
		case ObjectLeavingOwner:
			doID := r.Uint32()
			if !v.owned[doID] {
				v.w.t.Fatalf("%d leaves its owner and was not owned", doID)
			}
			delete(v.owned, doID)
		case ObjectLocation:
			doID, parent, zone := r.Uint32(), r.Uint32(), r.Uint32()
			s, ok := v.seen[doID]
			if ok {
				s.location = md.LocationChannel(parent, zone)
				v.seen[doID] = s
			} else if !v.owned[doID] {
				v.w.t.Fatalf("%d moves and was not known", doID)
			}
		case ObjectSetField:
			doID := r.Uint32()
			s, ok := v.seen[doID]
			r.Skip(2)
			if ok {
				s.value = r.String()
				v.seen[doID] = s
			} else if !v.owned[doID] {
				v.w.t.Fatalf("%d changes and was not known", doID)
			}
		case AddInterest, AddInterestMultiple:
			ctx, id, parent := r.Uint32(), r.Uint16(), r.Uint32()
			zones := []uint32(nil)
			if t == AddInterest {
				zones = []uint32{r.Uint32()}
			} else {
				zones = readZones(&r)
			}
			v.interests[id] = interest{parent, zones}
			v.waits[ctx] = id
		case RemoveInterest:
			ctx, id := r.Uint32(), r.Uint16()
			v.forget(id)
			v.waits[ctx] = id
		case DoneInterestResp:
			ctx, id := r.Uint32(), r.Uint16()
			if want, ok := v.waits[ctx]; !ok || want != id {
				v.w.t.Fatalf("the end of interest %d, context %d, comes uncalled for", id, ctx)
			}
			delete(v.waits, ctx)
		default:
			v.w.t.Fatalf("it is told %x", m)
		}
	}
	if v.c.Gone() {
		v.w.t.Fatal("it was thrown out")
	}
}

// check compares what the client was told with what is.
func (v *viewer) check() {
	want := make(map[uint32]sight)
	owned := make(map[uint32]bool)
	for id, b := range v.w.objects {
		for _, it := range v.interests {
			if it.parent == b.parent && slices.Contains(it.zones, b.zone) {
				want[id] = sight{b.location(), strconv.Itoa(b.value)}
			}
		}
		if b.owner == v.channel {
			owned[id] = true
		}
	}
	if !maps.Equal(v.seen, want) {
		v.w.t.Fatalf("client %d sees %v, and there is %v", v.channel, v.seen, want)
	}
	if !maps.Equal(v.owned, owned) {
		v.w.t.Fatalf("client %d owns %v, and should %v", v.channel, v.owned, owned)
	}
	if len(v.waits) > 0 {
		v.w.t.Fatalf("client %d waits for the ends of %v", v.channel, v.waits)
	}
}

// rest lets everything happen that is under way, and checks the views.
func (w *world) rest() {
	w.deliver()
	w.th.pass(time.Second)
	w.deliver()
	for _, v := range w.viewers {
		v.look()
		v.check()
	}
	st := w.th.agent.Stats()
	if st.PendingBytes != 0 {
		w.t.Fatalf("%d bytes are held back at rest", st.PendingBytes)
	}
	seen := 0
	for _, v := range w.viewers {
		seen += len(v.seen)
	}
	if st.Objects != seen {
		w.t.Fatalf("%d objects are counted, %d are seen", st.Objects, seen)
	}
}

func (w *world) play() {
	t := w.t
	draw := func(name string, n int) int { return rapid.IntRange(0, n-1).Draw(t, name) }
	place := func() (parent, zone uint32) { return w.parents[draw("parent", 2)].doID, uint32(1 + draw("zone", 3)) }
	some := func() *being {
		ids := sortedKeys(w.objects)
		if len(ids) == 0 {
			return nil
		}
		return w.objects[ids[draw("object", len(ids))]]
	}
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		v := w.viewers[draw("client", len(w.viewers))]
		switch what := draw("what", 14); what {
		case 0, 1:
			id := w.next
			if draw("reuse", 3) > 0 && w.objects[2000] == nil {
				id = 2000
			} else {
				w.next++
			}
			if w.objects[id] != nil {
				continue
			}
			// An id is used again on the same server only: between two, nothing
			// says which of them speaks of the newer object.
			b := w.being(w.servers[id%2], id)
			w.objects[id] = b
			b.move(place())
		case 2, 3:
			if b := some(); b != nil {
				b.move(place())
			}
		case 4:
			if b := some(); b != nil {
				b.set(b.value + 1)
			}
		case 5:
			if b := some(); b != nil {
				b.delete()
			}
		case 6:
			if b := some(); b != nil {
				b.give([]uint64{0, v.channel, 99}[draw("owner", 3)])
			}
		case 7, 8:
			parent, _ := place()
			v.open(uint16(draw("id", 3)), parent, tidy(rapid.SliceOfN(rapid.Uint32Range(1, 3), 0, 3).Draw(t, "zones")))
		case 9:
			v.close(uint16(draw("id", 3)))
		case 10:
			parent, zone := place()
			id := uint16(draw("id", 3))
			if draw("add", 2) == 0 {
				v.serve(md.ClientAgentAddInterest, func(d *datagram.Writer) {
					d.Uint16(id)
					d.Uint32(parent)
					d.Uint32(zone)
				})
			} else {
				v.serve(md.ClientAgentRemoveInterest, func(d *datagram.Writer) { d.Uint16(id) })
			}
		case 11:
			w.write(w.servers[draw("server", 2)], 1+draw("n", 4))
		case 12:
			w.servers[draw("server", 2)].read(1 + draw("n", 4))
		case 13:
			w.th.pass(time.Duration(draw("ms", 600)) * time.Millisecond)
		}
		for _, v := range w.viewers {
			v.look()
		}
		if draw("rest", 15) == 0 {
			w.rest()
		}
	}
	w.rest()
}

func (b *being) String() string { return fmt.Sprint(b.doID) }
