package independent

import (
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// extension is what a client of the extension remembers besides its objects.
type extension struct {
	structure  uint32 // the sequence of the newest structure message
	structTick uint32 // its tick
	structured bool   // there was one

	parts   map[uint32]*part // the newest ones by number
	newest  uint32           // the highest number seen
	applied uint32           // the newest part that was applied, 0 before
	at      time.Duration    // when that was
	held    [][]byte         // parts whose structure is not here yet
	waiting int              // messages held at objects

	partsWaited, messagesWaited int // ever
}

// part is what the client remembers of a part.
type part struct {
	bytes     string
	structure uint32
	tick      uint32
	flags     uint8
	applied   bool
	at        time.Duration // when it was applied
}

// partsKept is for how many numbers back the client judges parts by others.
const partsKept = 600

// The bits of a part's flags.
const (
	flagFirst = 1 << iota
	flagLast
	flagMore
)

// maxHeld is how many messages the client holds for one object. It is more
// than any test should need, so that one that waits for ever is seen.
const maxHeld = 1000

type heldMessage struct {
	f     *dc.Field
	args  []byte
	state uint32 // the tick that it waits for
}

func newExtension() extension { return extension{parts: map[uint32]*part{}} }

// Held is how many parts and messages wait for something.
func (c *Client) Held() (parts, messages int) { return len(c.ext.held), c.ext.waiting }

// Waited is how many parts and messages ever did.
func (c *Client) Waited() (parts, messages int) { return c.ext.partsWaited, c.ext.messagesWaited }

// Applied is the number of the newest part that was applied.
func (c *Client) Applied() uint32 { return c.ext.applied }

func (c *Client) receiveExtension(t uint16, r *datagram.Reader, m []byte) {
	switch t {
	case typeExtSnapshot:
		c.part(m, false)
	case typeExtGenerate, typeExtGenerateOwner:
		seq, tick, ok := c.stamp(r)
		if !ok {
			return
		}
		if o := c.generate(r, t == typeExtGenerateOwner); o != nil {
			o.generated, o.bornTick, o.ZoneTick = seq, tick, tick
			o.Tick, o.TickKnown = tick, true
			c.note("generate", o.ID, tick, seq)
			if c.cfg.Watch.Generated != nil {
				c.cfg.Watch.Generated(o)
			}
		}
		c.release()
	case typeExtRemove:
		seq, tick, ok := c.stamp(r)
		if !ok {
			return
		}
		id, deleted := r.Uint32(), r.Uint8()
		if err := r.Done(); err != nil || deleted > 1 {
			c.fault(Broke, "Ext_Remove: %v, deleted %d", err, deleted)
			return
		}
		c.note("remove", id, tick, seq)
		if o := c.objects[id]; o == nil {
			c.fault(Broke, "Ext_Remove of %d, which the client does not have", id)
		} else {
			c.deliverHeld(o, true)
			c.removed(o, tick, deleted == 1)
		}
		c.release()
	case typeExtZone:
		seq, tick, ok := c.stamp(r)
		if !ok {
			return
		}
		id, zone := r.Uint32(), r.Uint32()
		if err := r.Done(); err != nil {
			c.fault(Broke, "Ext_Zone: %v", err)
			return
		}
		c.note("zone", id, tick, seq)
		if o := c.objects[id]; o == nil {
			c.fault(Broke, "Ext_Zone of %d, which the client does not have", id)
		} else {
			c.moved(o, zone, tick)
		}
		c.release()
	case typeExtObjectMessage:
		c.extMessage(r)
	case typeExtInterestComplete:
		handle := r.Uint16()
		if err := r.Done(); err != nil {
			c.fault(Broke, "Ext_InterestComplete: %v", err)
		} else {
			c.completed(handle)
		}
	case typeExtRates:
		update, command := r.Uint16(), r.Uint16()
		if err := r.Done(); err != nil || update == 0 || command == 0 {
			c.fault(Broke, "Ext_Rates %d and %d: %v", update, command, err)
		}
		c.update, c.command = update, command
	case typeExtPingResp:
		number := r.Uint16()
		if err := r.Done(); err != nil {
			c.fault(Broke, "Ext_Ping_Resp: %v", err)
		} else {
			c.pong(number)
		}
	default:
		c.fault(Broke, "message %#x is none of the extension's", t)
	}
}

// stamp reads a structure sequence and a tick, which may not go back.
func (c *Client) stamp(r *datagram.Reader) (seq, tick uint32, ok bool) {
	seq, tick = r.Uint32(), r.Uint32()
	if r.Err() != nil {
		c.fault(Broke, "structure message: %v", r.Err())
		return 0, 0, false
	}
	x := &c.ext
	if !newer(seq, x.structure) {
		c.fault(Broke, "structure sequence %d after %d", seq, x.structure)
	}
	if x.structured && newer(x.structTick, tick) {
		c.fault(Broke, "structure of tick %d after that of tick %d", tick, x.structTick)
	}
	x.structure, x.structTick, x.structured = seq, tick, true
	return seq, tick, true
}

// moved takes a zone that the object had at a tick.
func (c *Client) moved(o *Object, zone, tick uint32) {
	switch {
	case newer(tick, o.ZoneTick):
		o.Zone, o.ZoneTick = zone, tick
		if c.cfg.Watch.Moved != nil {
			c.cfg.Watch.Moved(o)
		}
	case tick == o.ZoneTick && zone != o.Zone:
		c.fault(Broke, "object %d is in zone %d and in zone %d at tick %d", o.ID, o.Zone, zone, tick)
	}
}

// release tries the parts again that lacked structure.
func (c *Client) release() {
	held := c.ext.held
	c.ext.held = nil
	for _, m := range held {
		c.part(m, true)
	}
}

// part takes a part of a snapshot. again says that it was held.
func (c *Client) part(m []byte, again bool) {
	x := &c.ext
	r := datagram.NewReader(m[2:])
	structure, tick, number := r.Uint32(), r.Uint32(), r.Uint32()
	flags, n := r.Uint8(), r.Uint16()
	if r.Err() != nil {
		c.fault(Broke, "Ext_Snapshot: %v", r.Err())
		return
	}
	if !again {
		c.note("part", number, tick, structure)
		if !c.judge(m, structure, tick, number, flags, n) {
			return // had it
		}
	}
	if newer(structure, x.structure) {
		if len(x.held) < c.cfg.HoldParts {
			x.held = append(x.held, append([]byte(nil), m...))
			x.partsWaited++
		}
		return
	}
	if structure == x.structure && newer(x.structTick, tick) {
		c.fault(Broke, "part %d of tick %d builds on structure of tick %d", number, tick, x.structTick)
	}
	c.snapshots++
	if !c.ticked || newer(tick, c.lastTick) {
		c.lastTick, c.ticked = tick, true
	}
	seen := map[uint32]bool{}
	for range n {
		id, body, ok := c.record(&r)
		if !ok {
			return
		}
		if seen[id] {
			c.fault(Broke, "object %d stands twice in part %d", id, number)
		}
		seen[id] = true
		o := c.objects[id]
		if o == nil || newer(o.generated, structure) || o.HasState && !newer(tick, o.Tick) {
			continue
		}
		if !c.applyRecord(o, body, tick) {
			return
		}
	}
	if err := r.Done(); err != nil {
		c.fault(Broke, "part %d: %v", number, err)
	}
	p := x.parts[number]
	if p == nil || p.applied {
		return
	}
	p.applied, p.at = true, c.cfg.Now()
	c.ackable = true
	if x.applied == 0 || newer(number, x.applied) {
		x.applied, x.at = number, p.at
	}
}

// record takes a record off r: the doId, and what its length spans.
func (c *Client) record(r *datagram.Reader) (id uint32, body []byte, ok bool) {
	id, ok = c.varint(r)
	if !ok {
		return 0, nil, false
	}
	n, ok := c.varint(r)
	if !ok {
		return 0, nil, false
	}
	if n == 0 {
		c.fault(Broke, "an empty record for %d", id)
	}
	if body = r.Bytes(int(n)); r.Err() != nil {
		c.fault(Broke, "a record for %d of %d bytes: %v", id, n, r.Err())
		return 0, nil, false
	}
	return id, body, true
}

// varint takes a number of at most 32 bits in its shortest form.
func (c *Client) varint(r *datagram.Reader) (v uint32, ok bool) {
	var all uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.Uint8()
		if r.Err() != nil {
			c.fault(Broke, "varint: %v", r.Err())
			return 0, false
		}
		all |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			if b == 0 && shift > 0 || all > 1<<32-1 {
				c.fault(Broke, "varint %d is not in its shortest form, or too long", all)
			}
			return uint32(all), true
		}
	}
	c.fault(Broke, "a varint of more than 32 bits")
	return 0, false
}

// applyRecord takes all fields of a record.
func (c *Client) applyRecord(o *Object, body []byte, tick uint32) bool {
	r := datagram.NewReader(body)
	zone, inZone := o.Zone, false
	if len(body) > 0 && body[0] == 0 {
		r.Uint8()
		zone, inZone = r.Uint32(), true
	}
	last := -1
	for r.Remaining() > 0 {
		key, ok := c.varint(&r)
		if !ok {
			return false
		}
		if key == 0 {
			c.fault(Broke, "record of %d: the zone is not first", o.ID)
			return false
		}
		i := int(key) - 1
		v, ok := c.value(&r, o.Class, i, dc.Parameter, "record")
		if !ok {
			return false
		}
		if i <= last {
			c.fault(Broke, "record of %d: field %d after %d", o.ID, i, last)
		}
		last = i
		o.State[i] = v
	}
	if r.Err() != nil {
		c.fault(Broke, "record of %d: %v", o.ID, r.Err())
		return false
	}
	if !o.HasState {
		c.whole(o)
	}
	o.Tick, o.TickKnown = tick, true
	if inZone {
		c.moved(o, zone, tick)
	}
	if c.cfg.Watch.State != nil {
		c.cfg.Watch.State(o)
	}
	c.deliverHeld(o, false)
	return true
}

// extMessage takes an object message with its ticks.
func (c *Client) extMessage(r *datagram.Reader) {
	tick, state := r.Uint32(), r.Uint32()
	o, f, args := c.message(r)
	if f == nil {
		return
	}
	if newer(state, tick) {
		c.fault(Broke, "%v of tick %d for %d is about the later state of tick %d", f, tick, o.ID, state)
	}
	if newer(o.bornTick, tick) {
		return // from before the generate
	}
	if len(o.held) == 0 && o.HasState && !newer(state, o.Tick) {
		c.deliver(o, f, args, false)
		return
	}
	o.held = append(o.held, heldMessage{f, append([]byte(nil), args...), state})
	c.ext.waiting++
	c.ext.messagesWaited++
	if len(o.held) > maxHeld {
		c.fault(Broke, "more than %d messages for %d wait for state", maxHeld, o.ID)
		c.deliverHeld(o, true)
	}
}

// deliverHeld delivers the messages that waited for the state which is here
// now, in order; all of them when they can wait no longer.
func (c *Client) deliverHeld(o *Object, all bool) {
	for len(o.held) > 0 {
		h := o.held[0]
		early := !o.HasState || newer(h.state, o.Tick)
		if early && !all {
			return
		}
		o.held = o.held[1:]
		c.ext.waiting--
		c.deliver(o, h.f, h.args, early)
	}
}
