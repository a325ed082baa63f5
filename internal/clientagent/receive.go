package clientagent

import (
	"slices"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// Receive takes a message to a channel that the session hears.
func (c *client) Receive(m *md.Message) {
	if c.over {
		return
	}
	if m.Sender != c.id {
		c.handle(m)
	} else if m.Type == md.StateServerObjectChangingLocation {
		// Other messages that the client has caused it needs not to be told of,
		// nor this one; but where the object is must be known here.
		c.handle(m)
	}
}

// handle lets a message take effect, now or when it was held back.
func (c *client) handle(m *md.Message) {
	if len(c.pending) > 0 && c.holdBack(m) {
		return
	}
	switch m.Type {
	case md.StateServerObjectSetField, md.StateServerObjectSetFields:
		c.updated(m)
	case md.StateServerObjectEnterLocationWithRequired, md.StateServerObjectEnterLocationWithRequiredOther:
		c.entersLocation(m)
	case md.StateServerObjectEnterInterestWithRequired, md.StateServerObjectEnterInterestWithRequiredOther:
		c.entersInterest(m)
	case md.StateServerObjectEnterOwnerWithRequired, md.StateServerObjectEnterOwnerWithRequiredOther:
		c.entersOwned(m)
	case md.StateServerObjectChangingLocation:
		c.moved(m)
	case md.StateServerObjectChangingOwner:
		c.changingOwner(m)
	case md.StateServerObjectDeleteRAM:
		c.deleted(m)
	case md.StateServerObjectGetZonesCountResp:
		c.counted(m)
	case md.StateServerObjectGetZonesObjects, md.StateServerObjectGetLocation, md.StateServerObjectChangingAI,
		md.StateServerObjectDeleteChildren:
		// For objects, on a parent's channel, which a location channel of
		// doId 1 may be.
	default:
		c.control(m)
	}
}

// updated passes on what a field of an object is set to.
func (c *client) updated(m *md.Message) {
	const doIDSize = 4
	if len(m.Payload) < doIDSize {
		c.warn(m, "it ends too early")
		return
	}
	r := m.Reader()
	doID := r.Uint32()
	o, ok := c.lookup(doID)
	if !ok {
		return // it has left, or its zone was opened while this was under way
	}
	t := ObjectSetField
	if m.Type == md.StateServerObjectSetFields {
		t = ObjectSetFields
	}
	if c.agent.settings.StrictCLRecv {
		c.updatedStrictly(m, t, doID, o.ways&owned != 0)
		return
	}
	c.send(c.agent.encode(m, t, 0))
}

// updatedStrictly passes on only what is for clients by its own keyword.
func (c *client) updatedStrictly(m *md.Message, t Type, doID uint32, owner bool) {
	schema := c.agent.settings.Schema
	mayHear := func(f *dc.Field) bool {
		return f.Has(dc.ClRecv) || owner && f.Has(dc.OwnRecv)
	}
	r := m.Reader()
	r.Uint32()
	if t == ObjectSetField {
		if f := schema.FieldByNumber(int(r.Uint16())); r.Err() == nil && f != nil && mayHear(f) {
			c.send(c.agent.encode(m, t, 0))
		}
		return
	}
	var kept datagram.Writer
	n := uint16(0)
	for range r.Uint16() {
		number := r.Uint16()
		f := schema.FieldByNumber(int(number))
		if r.Err() != nil || f == nil {
			c.warn(m, "it has an unknown field, or ends too early")
			return
		}
		rest := r
		size, err := f.Skip(rest.Rest())
		if err != nil {
			c.warn(m, "a value in it ends too early")
			return
		}
		value := r.Bytes(size)
		if mayHear(f) {
			kept.Uint16(number)
			kept.Bytes(value)
			n++
		}
	}
	if n == 0 {
		return
	}
	w := c.agent.begin(t)
	w.Uint32(doID)
	w.Uint16(n)
	w.Bytes(kept.Buf)
	c.sendWritten()
}

// control does what a server of the game asks for.
func (c *client) control(m *md.Message) {
	limits := &c.agent.settings.Limits
	d := c.agent.director
	r := m.Reader()
	const short = "it ends too early"
	switch m.Type {
	case md.ClientAgentSetState:
		if state := State(r.Uint16()); r.Err() != nil || state > StateEstablished {
			c.warn(m, "there is no such state")
		} else {
			c.state = state
		}
	case md.ClientAgentSetClientID:
		if id := r.Uint64(); r.Err() != nil || id == 0 {
			c.warn(m, "there is no such channel")
		} else {
			c.setID(id)
		}
	case md.ClientAgentSendDatagram:
		blob := r.Blob()
		if r.Err() != nil {
			c.warn(m, short)
			return
		}
		const blobHead = 2
		c.sendDatagram(m, blob, blobHead)
	case md.ClientAgentEject:
		code, reason := Code(r.Uint16()), r.String()
		if r.Err() != nil {
			c.warn(m, short)
			return
		}
		c.ejectAs(&ejection{code, reason}, false)
	case md.ClientAgentDrop:
		c.leave("a server has dropped the client")
	case md.ClientAgentGetNetworkAddress:
		ctx := r.Uint32()
		if r.Err() != nil {
			c.warn(m, short)
			return
		}
		b := d.Emit(&c.participant)
		w := b.Begin(md.ClientAgentGetNetworkAddressResp, c.id, m.Sender)
		w.Uint32(ctx)
		w.String(ipText(c.remote))
		w.Uint16(c.remote.Port())
		w.String(ipText(c.local))
		w.Uint16(c.local.Port())
		_ = b.End() // it is short
	case md.ClientAgentGetTLVs:
		ctx := r.Uint32()
		if r.Err() != nil {
			c.warn(m, short)
			return
		}
		b := d.Emit(&c.participant)
		w := b.Begin(md.ClientAgentGetTLVsResp, c.id, m.Sender)
		w.Uint32(ctx)
		w.Blob(c.tlvs)
		if err := b.End(); err != nil {
			c.warn(m, "its answer would be too long")
		}
	case md.ClientAgentDeclareObject:
		doID, number := r.Uint32(), r.Uint16()
		class := c.agent.settings.Schema.ClassByNumber(int(number))
		switch o := c.objects[doID]; {
		case r.Err() != nil:
			c.warn(m, short)
		case class == nil:
			c.warn(m, "the object's class is not in the DC files")
		case o.ways&declared != 0:
			// Once is enough.
		case reached(c.declared, limits.Declared):
			c.warn(m, "the client has as many declared objects as it may")
		default:
			if o.class == nil {
				o.class = class
			}
			c.declared++
			c.know(doID, o, declared)
		}
	case md.ClientAgentUndeclareObject:
		doID := r.Uint32()
		if r.Err() != nil {
			c.warn(m, short)
			return
		}
		if c.objects[doID].ways&declared != 0 {
			c.declared--
			c.unknow(doID, declared)
		}
	case md.ClientAgentAddSessionObject:
		doID := r.Uint32()
		switch {
		case r.Err() != nil || doID == 0:
			c.warn(m, short)
		case reached(len(c.sessions), limits.Session):
			c.warn(m, "the client has as many session objects as it may")
		default:
			c.sessions = put(c.sessions, doID, struct{}{})
		}
	case md.ClientAgentRemoveSessionObject:
		if doID := r.Uint32(); r.Err() == nil {
			delete(c.sessions, doID)
		} else {
			c.warn(m, short)
		}
	case md.ClientAgentSetFieldsSendable:
		c.setSendable(m)
	case md.ClientAgentOpenChannel:
		switch ch := r.Uint64(); {
		case r.Err() != nil || ch == 0:
			c.warn(m, "there is no such channel")
		case reached(len(c.opened), limits.Channels):
			c.warn(m, "the client has as many channels as it may")
		default:
			c.opened = put(c.opened, ch, struct{}{})
			c.subscribe(ch)
		}
	case md.ClientAgentCloseChannel:
		ch := r.Uint64()
		if r.Err() != nil {
			c.warn(m, short)
			return
		}
		delete(c.opened, ch)
		if !c.sees(ch) {
			d.Unsubscribe(&c.participant, ch)
		}
	case md.ClientAgentAddPostRemove:
		message := r.Blob()
		switch {
		case r.Err() != nil:
			c.warn(m, short)
		case reached(c.posts, limits.PostRemoves):
			c.warn(m, "the client has as many post-removes as it may")
		default:
			if err := d.AddPostRemove(&c.participant, c.channel, message); err != nil {
				c.warn(m, err.Error())
				return
			}
			c.posts++
		}
	case md.ClientAgentClearPostRemoves:
		d.ClearPostRemoves(&c.participant, c.channel)
		c.posts = 0
	case md.ClientAgentAddInterest:
		id, parent, zone := r.Uint16(), r.Uint32(), r.Uint32()
		if r.Err() != nil {
			c.warn(m, short)
			return
		}
		c.serverInterest(m, id, parent, []uint32{zone})
	case md.ClientAgentAddInterestMultiple:
		id, parent, zones := r.Uint16(), r.Uint32(), readZones(&r)
		if r.Err() != nil {
			c.warn(m, short)
			return
		}
		c.serverInterest(m, id, parent, zones)
	case md.ClientAgentRemoveInterest:
		id := r.Uint16()
		if r.Err() != nil {
			c.warn(m, short)
			return
		}
		c.serverRemovesInterest(m, id)
	default:
		c.warn(m, "it is not for clients")
	}
}

// put sets a value in a map that may not have been made.
func put[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	if m == nil {
		m = make(map[K]V)
	}
	m[k] = v
	return m
}

// setID makes id the session channel.
func (c *client) setID(id uint64) {
	if id == c.id {
		return
	}
	old := c.id
	c.id = id
	c.subscribe(id)
	if _, ok := c.opened[old]; !ok && old != c.channel && !c.sees(old) {
		c.agent.director.Unsubscribe(&c.participant, old)
	}
}

// sendDatagram sends what a server has written as one message.
func (c *client) sendDatagram(m *md.Message, blob []byte, at int) {
	e := &c.agent.encoded
	if e.serial == 0 || e.serial != m.Serial {
		e.serial = m.Serial
		e.message.Data = append([]byte(nil), m.Payload[at:at+len(blob)]...)
		e.message.Shared = len(blob) > shareAbove
	}
	c.send(e.message)
}

// setSendable replaces the list of fields of an object that the client may
// send in addition.
func (c *client) setSendable(m *md.Message) {
	r := m.Reader()
	doID, n := r.Uint32(), int(r.Uint16())
	if r.Err() != nil || n > r.Remaining()/2 {
		c.warn(m, "it ends too early")
		return
	}
	fields := make([]uint16, 0, n)
	for range n {
		fields = append(fields, r.Uint16())
	}
	_, had := c.sendable[doID]
	switch {
	case n == 0:
		delete(c.sendable, doID)
	case !had && reached(len(c.sendable), c.agent.settings.Limits.Declared):
		c.warn(m, "the client may send additional fields to as many objects as it may")
	default:
		c.sendable = put(c.sendable, doID, fields)
	}
}

// serverInterest opens an interest that a server wants, and tells the client.
func (c *client) serverInterest(m *md.Message, id uint16, parent uint32, zones []uint32) {
	zones = tidy(zones)
	if problem := c.tooMuch(id, len(zones)); problem != "" {
		c.warn(m, problem)
		c.answer(m.Sender, id)
		return
	}
	ctx := c.nextContext()
	t := AddInterestMultiple
	if len(zones) == 1 {
		t = AddInterest
	}
	w := c.agent.begin(t)
	w.Uint32(ctx)
	w.Uint16(id)
	w.Uint32(parent)
	if t == AddInterestMultiple {
		w.Uint16(uint16(len(zones)))
	}
	for _, z := range zones {
		w.Uint32(z)
	}
	c.sendWritten()
	if !c.over {
		c.addInterest(id, parent, zones, ctx, m.Sender)
	}
}

// serverRemovesInterest closes an interest that a server does not want any
// more, and tells the client.
func (c *client) serverRemovesInterest(m *md.Message, id uint16) {
	if _, ok := c.interests[id]; !ok {
		c.answer(m.Sender, id)
		return
	}
	ctx := c.nextContext()
	w := c.agent.begin(RemoveInterest)
	w.Uint32(ctx)
	w.Uint16(id)
	c.sendWritten()
	if !c.over {
		c.removeInterest(id, ctx, m.Sender)
	}
}

// tooMuch says which limit an interest in n zones would pass, or nothing.
func (c *client) tooMuch(id uint16, n int) string {
	l := &c.agent.settings.Limits
	old, ok := c.interests[id]
	if !ok && reached(len(c.interests), l.Interests) {
		return "the client has as many interests as it may"
	}
	if l.Zones > 0 && c.zones-len(old.zones)+n > l.Zones {
		return "the client's interests would have more zones than they may"
	}
	return ""
}

// readZones reads a list of zones behind its length. When it is cut short, r
// has an error.
func readZones(r *datagram.Reader) []uint32 {
	const zoneSize = 4
	n := int(r.Uint16())
	if n > r.Remaining()/zoneSize {
		r.Skip(n * zoneSize) // makes the error
		return nil
	}
	zones := make([]uint32, n)
	for i := range zones {
		zones[i] = r.Uint32()
	}
	return zones
}

// maySend reports whether a server has listed a field as sendable.
func (c *client) maySend(doID uint32, field uint16) bool {
	return slices.Contains(c.sendable[doID], field)
}
