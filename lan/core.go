package lan

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

// core is the protocol without sockets, goroutines or clocks: it takes decoded
// messages one after the other and queues what each client is to be sent. One
// goroutine at a time may be inside it; the order in which messages enter is
// the order in which every client sees their effects.
type core struct {
	doIDRange   uint32
	maxMessage  int                // bytes of the longest message that clients can be sent
	maxObjects  int                // per untrusted client; 0: no limit
	maxZones    int                // per untrusted client; 0: no limit
	trustedOnly map[*dc.Class]bool // classes that only trusted clients create

	slots   slots              // which doIdBases are free
	clients map[uint32]*client // by doIdBase
	objects map[uint32]*object // by doId
	zones   map[uint32]*zone   // those with an object or an interested client

	dirty   []*client // clients with something queued, for the shell to take and flush
	overrun []*client // clients whose queue is full, for the shell to eject

	period uint64  // counts the calls of nextPeriod, from 1
	due    []*zone // zones with newcomers that wait for the next period

	counters     counters
	interestMark uint64 // counts the calls of setInterest

	buf  []byte  // the message being made
	lost []*view // scratch space: the views that a client loses by a message

	// refused, if set, is told of each message that has no effect. It must not
	// come back into the core.
	refused func(*client, *message, refusal)
	// observe, if set, is told of each message and (nil) each disconnect in the
	// order in which they take effect. Tests set it.
	observe func(*client, *message)
}

// client is one connected client. An AI is a client like any other.
type client struct {
	conn    transport.Conn // where its messages go; the core only calls Send
	base    uint32         // its doIdBase, by which other clients know it
	trusted bool
	views   map[uint32]*view // its current interest, by zone
	// Its objects in order of creation, as a list through object.prev and
	// object.next: a client that leaves takes them with it in that order.
	first, last *object
	objects     int
	// added counts the zones that entered its interest, for the shell to
	// charge them: each may make every other client resend its objects.
	added   int
	dirty   bool // listed in core.dirty, or taken from there and not yet flushed
	overrun bool // listed in core.overrun
	gone    bool // disconnected
}

// view is the interest of one client in one zone. It lasts while the client
// asks for the zone or has an object there.
type view struct {
	client   *client
	zone     *zone
	index    int    // of the view in zone.views
	mark     uint64 // the last setInterest that asked for the zone
	explicit bool   // the client asked for the zone
	objects  int    // how many objects it has there
}

// zone is a zone that somebody has an object or an interest in.
type zone struct {
	id      uint32
	views   []*view
	objects []*object

	asked    uint64  // the period in which its clients were last asked for generates
	due      bool    // listed in core.due
	newcomer *client // while due: who came, or nil when it is more than one
}

// object is a distributed object. The server keeps no field values: owners
// send them again when they are asked to.
type object struct {
	doID       uint32
	class      *dc.Class
	owner      *client
	zone       *zone
	index      int // of the object in zone.objects
	prev, next *object
}

func newCore(doIDRange uint32, maxMessage int) *core {
	return &core{
		doIDRange:  doIDRange,
		maxMessage: maxMessage,
		slots:      slots{n: uint64(1<<32) / uint64(doIDRange)},
		clients:    make(map[uint32]*client),
		objects:    make(map[uint32]*object),
		zones:      make(map[uint32]*zone),
		period:     1,
	}
}

// shareAbove is the size in bytes from which one copy of a message is shared
// by all its recipients, instead of being copied into each one's queue.
const shareAbove = 4 << 10

var errNoSlot = errors.New("all doId ranges are taken")

// connect adds a client and tells it its doIds.
func (k *core) connect(conn transport.Conn, trusted bool) (*client, error) {
	slot, ok := k.slots.take()
	if !ok {
		return nil, errNoSlot
	}
	c := &client{conn: conn, base: slot*k.doIDRange + 1, trusted: trusted}
	k.clients[c.base] = c
	k.begin(SetDoIDRange)
	k.uint32(c.base)
	k.uint32(k.doIDRange)
	k.send(c)
	return c, nil
}

// disconnect removes a client and its objects. It may be called again.
func (k *core) disconnect(c *client) {
	if c.gone {
		return
	}
	c.gone = true
	if k.observe != nil {
		k.observe(c, nil)
	}
	for _, v := range c.views {
		k.leaveZone(v)
	}
	c.views = nil
	for o := c.first; o != nil; o = o.next {
		k.sendDelete(o)
		delete(k.objects, o.doID)
		o.zone.remove(o)
		k.forgetZone(o.zone)
	}
	c.first, c.last, c.objects = nil, nil, 0
	delete(k.clients, c.base)
	k.slots.put((c.base - 1) / k.doIDRange)
}

// handle lets one message of c take effect. It returns an ejection when c has
// passed a limit; what the rules refuse is counted, not punished, because
// honest clients race with each other.
func (k *core) handle(c *client, m *message) *session.Ejection {
	if k.observe != nil {
		k.observe(c, m)
	}
	k.counters.received(m.typ)
	switch m.typ {
	case ClientObjectUpdateField, ClientObjectUpdateFieldTargeted:
		k.update(c, m)
	case ClientObjectGenerate:
		return k.generate(c, m)
	case ObjectSetZone:
		if o := k.objects[m.doID]; o == nil || o.owner != c {
			k.refuse(c, m, refusedUnknownObject)
		} else {
			return k.setZone(o, m.zone)
		}
	case ObjectDelete:
		if o := k.objects[m.doID]; o == nil || o.owner != c {
			k.refuse(c, m, refusedUnknownObject)
		} else {
			k.delete(o)
		}
	case ClientSetInterest:
		return k.setInterest(c, m.body)
	}
	return nil
}

// update passes a field update on, to whom the field's keywords say.
func (k *core) update(c *client, m *message) {
	o := k.objects[m.doID]
	if o == nil {
		k.refuse(c, m, refusedUnknownObject)
		return
	}
	f := m.field
	if o.class.Field(f.Number()) != f {
		k.refuse(c, m, refusedOtherClass)
		return
	}
	if o.owner != c && !f.HasAny(dc.ClSend|dc.P2P) {
		k.refuse(c, m, refusedNotOwner)
		return
	}
	k.begin(ObjectUpdateField)
	k.uint32(c.base)
	k.uint32(m.doID)
	k.uint16(uint16(f.Number()))
	k.buf = append(k.buf, m.body...)
	if len(k.buf) > k.maxMessage {
		k.refuse(c, m, refusedTooLong)
		return
	}
	switch {
	case m.typ == ClientObjectUpdateFieldTargeted:
		target := k.clients[m.target]
		if target == nil {
			k.refuse(c, m, refusedNoTarget)
			return
		}
		k.send(target)
	case f.Has(dc.P2P):
		k.send(o.owner)
	case f.Has(dc.Broadcast):
		k.sendZone(o.zone, c)
	case f.Has(dc.Reflect):
		k.sendZone(o.zone, nil)
	default:
		k.refuse(c, m, refusedNotRouted)
	}
}

// generateHeader is the length of an OBJECT_GENERATE_CMU before its values,
// and shortestGenerate that of one without any.
const (
	generateHeader   = 2 + 4 + 4 + 2 + 4
	shortestGenerate = generateHeader + 2
)

// generate creates an object, or passes on the state of one that exists.
func (k *core) generate(c *client, m *message) *session.Ejection {
	if k.baseOf(m.doID) != c.base {
		k.refuse(c, m, refusedForeignDoID)
		return nil
	}
	if k.trustedOnly[m.class] && !c.trusted {
		k.refuse(c, m, refusedUntrusted)
		return nil
	}
	o := k.objects[m.doID]
	if o != nil && o.class != m.class {
		k.refuse(c, m, refusedOtherClass)
		return nil
	}
	if generateHeader+len(m.body) > k.maxMessage {
		k.refuse(c, m, refusedTooLong)
		return nil
	}
	if o != nil {
		if e := k.setZone(o, m.zone); e != nil {
			return e
		}
	} else {
		if k.maxObjects > 0 && !c.trusted && c.objects >= k.maxObjects {
			return session.Eject(CodeTooManyObjects, "it has %d objects, which is the limit for one client", c.objects)
		}
		v, added := k.view(c, m.zone)
		if e := k.tooManyZones(c); e != nil {
			return e
		}
		o = &object{doID: m.doID, class: m.class, owner: c}
		k.objects[m.doID] = o
		k.own(o)
		k.putIntoZone(o, v)
		if added {
			k.sendDisable(c, nil)
		}
	}
	k.begin(ObjectGenerate)
	k.uint32(c.base)
	k.uint32(m.zone)
	k.uint16(uint16(m.class.Number()))
	k.uint32(m.doID)
	k.buf = append(k.buf, m.body...)
	k.sendZone(o.zone, c)
	return nil
}

// setZone moves an object. Its owner sends a generate for those who are new
// to it; those who lose it are told here, also when the owner is ejected for
// it: its leaving is told to the new zone only.
func (k *core) setZone(o *object, id uint32) *session.Ejection {
	from, c := o.zone, o.owner
	if from.id == id {
		return nil
	}
	to, added := k.view(c, id)
	lost := k.takeFromZone(o)
	k.putIntoZone(o, to)
	if added || len(lost) > 0 {
		k.sendDisable(c, lost)
	}
	k.begin(ObjectDisable)
	k.uint32(o.doID)
	for _, v := range from.views {
		if v.client != c && v.client.views[id] == nil {
			k.send(v.client)
		}
	}
	return k.tooManyZones(c)
}

// delete removes an object and tells everybody who is interested, its owner
// included.
func (k *core) delete(o *object) {
	k.sendDelete(o)
	c := o.owner
	delete(k.objects, o.doID)
	k.disown(o)
	if lost := k.takeFromZone(o); len(lost) > 0 {
		k.sendDisable(c, lost)
	}
}

// setInterest replaces the zones that a client asks for by those in ids,
// packed uint32s. Zones that it has objects in stay in its interest.
func (k *core) setInterest(c *client, ids []byte) *session.Ejection {
	if n := len(ids) / 4; k.maxZones > 0 && !c.trusted && n > k.maxZones {
		// Before anything is done for it. Who repeats that many is no player.
		return session.Eject(CodeTooManyZones, "it asks for %d zones, the limit for one client is %d", n, k.maxZones)
	}
	k.interestMark++
	for b := ids; len(b) > 0; b = b[4:] {
		if v := c.views[binary.LittleEndian.Uint32(b)]; v != nil {
			v.explicit = true
			v.mark = k.interestMark
		}
	}
	k.lost = k.lost[:0]
	for _, v := range c.views {
		if v.explicit && v.mark != k.interestMark {
			v.explicit = false
			if v.objects == 0 {
				k.lost = append(k.lost, v)
			}
		}
	}
	// A map has no order, what a client is told should have one.
	slices.SortFunc(k.lost, func(a, b *view) int { return cmp.Compare(a.zone.id, b.zone.id) })
	for _, v := range k.lost {
		k.dropView(v)
	}
	k.sendDisable(c, k.lost)
	clear(k.lost) // or it would keep clients in memory that have left
	for b := ids; len(b) > 0; b = b[4:] {
		v, _ := k.view(c, binary.LittleEndian.Uint32(b))
		v.explicit = true
		if e := k.tooManyZones(c); e != nil {
			return e
		}
	}
	return nil
}

// sendDisable tells a client that its interest has changed, and which objects
// it thereby loses: all in the zones of the views that it lost.
func (k *core) sendDisable(c *client, lost []*view) {
	k.begin(ObjectDisable)
	for _, v := range lost {
		for _, o := range v.zone.objects {
			if len(k.buf)+4 > k.maxMessage {
				k.send(c)
				k.begin(ObjectDisable)
			}
			k.uint32(o.doID)
		}
	}
	k.send(c)
}

func (k *core) sendDelete(o *object) {
	k.begin(ObjectDelete)
	k.uint32(o.doID)
	k.sendZone(o.zone, nil)
}

// begin starts a message in k.buf.
func (k *core) begin(t Type) { k.buf = binary.LittleEndian.AppendUint16(k.buf[:0], uint16(t)) }

func (k *core) uint16(v uint16) { k.buf = binary.LittleEndian.AppendUint16(k.buf, v) }
func (k *core) uint32(v uint32) { k.buf = binary.LittleEndian.AppendUint32(k.buf, v) }

// send queues the message in k.buf for one client.
func (k *core) send(c *client) { k.deliver(c, transport.Message{Data: k.buf}) }

// sendZone queues the message in k.buf for everybody who is interested in z,
// except one client, if any.
func (k *core) sendZone(z *zone, except *client) {
	m := transport.Message{Data: k.buf}
	if len(k.buf) > shareAbove {
		m = transport.Message{Data: slices.Clone(k.buf), Shared: true}
	}
	for _, v := range z.views {
		if v.client != except {
			k.deliver(v.client, m)
		}
	}
}

func (k *core) deliver(c *client, m transport.Message) {
	if c.overrun {
		return
	}
	if err := c.conn.Send(m); err != nil {
		if errors.Is(err, transport.ErrFull) {
			c.overrun = true
			k.overrun = append(k.overrun, c)
		}
		return // else it is closed, and its disconnect on the way
	}
	k.counters.sent++
	k.counters.sentBytes += uint64(len(m.Data))
	if !c.dirty {
		c.dirty = true
		k.dirty = append(k.dirty, c)
	}
}

// refuse counts a message that has no effect.
func (k *core) refuse(c *client, m *message, r refusal) {
	k.counters.refused[r]++
	if k.refused != nil {
		k.refused(c, m, r)
	}
}

// baseOf is the doIdBase of the client that may create doID. As in
// ServerRepository, the last id that a client is told of is not among them.
func (k *core) baseOf(doID uint32) uint32 { return doID/k.doIDRange*k.doIDRange + 1 }
