package lan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// clientCore is the client's side of the protocol without sockets, goroutines
// or clocks. One goroutine at a time may be inside it.
type clientCore struct {
	schema   *dc.Schema
	maxKnown int
	conn     transport.Conn // the core only calls Send
	ready    bool           // base and ids are valid
	base     uint32         // the client's doIdBase
	count    uint32         // how many doIds follow each other from base
	ids      doIDs
	own      map[uint32]*ownObject   // by doId
	byZone   map[uint32][]*ownObject // own, in order of creation or arrival
	known    map[uint32]Object       // other clients' objects, at most maxKnown
	layouts  map[*dc.Class]*layout
	buf      []byte // the message being made
	queued   bool   // something was sent since the last flush
}

// ownObject is an object of this client, with the values that its generates
// have.
type ownObject struct {
	Object
	layout *layout
	values [][]byte // packed, by index in layout.fields
	// deleted says that its deletion is on its way to the server. Its doId is
	// free when the server has answered.
	deleted bool
}

// layout is what the generates of a class's objects are made of.
type layout struct {
	// The fields of a resent generate in order: the required ones, then what
	// stock clients list, the other fields that are broadcast and ram.
	fields   []*dc.Field
	required int // how many of them are required
	location int // the index of setLocation among them, or -1
}

// doIDs hands out a client's doIds: upwards first, then those that came back,
// the one that has been free for longest first.
type doIDs struct {
	next, end uint32 // those from next to before end were never taken
	free      []uint32
}

// first returns the doId that is next, or false when all are taken.
func (d *doIDs) first() (uint32, bool) {
	switch {
	case d.next != d.end:
		return d.next, true
	case len(d.free) > 0:
		return d.free[0], true
	}
	return 0, false
}

// take takes the doId that first returns.
func (d *doIDs) take() {
	if d.next != d.end {
		d.next++
	} else {
		d.free = d.free[1:]
	}
}

func (d *doIDs) put(id uint32) { d.free = append(d.free, id) }

var (
	// ErrNotReady says that a client has no doIds yet; see [Client.Ready].
	ErrNotReady = errors.New("lan: the server has not given this client its doIds yet")
	// ErrNoDoIDs says that all doIds of a client are taken.
	ErrNoDoIDs = errors.New("lan: all doIds of this client are taken: delete objects, or raise the server's doId range")
	// ErrUnknownObject says that a client neither has nor knows an object.
	ErrUnknownObject = errors.New("lan: this client does not know the object")
	// ErrNotOwner says that an object is another client's.
	ErrNotOwner = errors.New("lan: the object is not this client's")
)

func newClientCore(schema *dc.Schema, maxKnown int) *clientCore {
	return &clientCore{
		schema:   schema,
		maxKnown: maxKnown,
		own:      make(map[uint32]*ownObject),
		byZone:   make(map[uint32][]*ownObject),
		known:    make(map[uint32]Object),
		layouts:  make(map[*dc.Class]*layout),
	}
}

// setRange takes the doIds that the server gives to the client.
func (k *clientCore) setRange(m *serverMessage) error {
	if k.ready {
		return errors.New("the client has its doIds already")
	}
	if m.count < 2 || uint64(m.client)+uint64(m.count) > 1<<32 {
		return fmt.Errorf("%d doIds from %d on cannot be used", m.count, m.client)
	}
	k.ready = true
	k.base, k.count = m.client, m.count
	k.ids = doIDs{next: k.base, end: k.base + k.count - 1} // as inRange
	return nil
}

// inRange tells whether a doId is one that this client gives to its objects.
// The last of the doIds that the server tells is the next client's, as servers
// count: see core.baseOf.
func (k *clientCore) inRange(doID uint32) bool { return k.ready && doID-k.base < k.count-1 }

// generate notes another client's object.
func (k *clientCore) generate(m *serverMessage) (o Object, known bool, err error) {
	if k.inRange(m.doID) {
		return o, false, fmt.Errorf("object %d has a doId of this client", m.doID)
	}
	o, known = k.known[m.doID]
	if known && o.Class != m.class {
		return o, known, fmt.Errorf("object %d is a %s, now it is a %s", m.doID, o.Class.Name(), m.class.Name())
	}
	if !known && len(k.known) >= k.maxKnown {
		return o, known, fmt.Errorf("there are more objects than the %d that ClientConfig.MaxObjects allows", k.maxKnown)
	}
	o = Object{DoID: m.doID, Class: m.class, Zone: m.zone, Owner: m.client}
	k.known[m.doID] = o
	return o, known, nil
}

// update looks up the object of an update, and keeps the value when the object
// is the client's own.
func (k *clientCore) update(m *serverMessage) (o Object, known bool, err error) {
	var own *ownObject
	if k.inRange(m.doID) {
		if own = k.own[m.doID]; own != nil {
			o, known = own.Object, true
		}
	} else {
		o, known = k.known[m.doID]
	}
	if !known {
		return o, false, nil
	}
	if o.Class.Field(m.field.Number()) != m.field {
		return o, true, fmt.Errorf("field %d is not a field of class %s", m.field.Number(), o.Class.Name())
	}
	if own != nil {
		own.keep(m.field, m.body)
	}
	return o, true, nil
}

// disable forgets another client's object.
func (k *clientCore) disable(doID uint32) (Object, bool) {
	o, ok := k.known[doID]
	delete(k.known, doID)
	return o, ok
}

// deleted forgets an object that is no more.
func (k *clientCore) deleted(doID uint32) (Object, bool) {
	o := k.own[doID]
	if o == nil {
		return k.disable(doID)
	}
	delete(k.own, doID)
	k.takeFromZone(o)
	k.ids.put(doID)
	return o.Object, true
}

// resend sends the state of the client's objects in a zone.
func (k *clientCore) resend(zone uint32) error {
	for _, o := range k.byZone[zone] {
		if !o.deleted {
			if err := k.sendState(o); err != nil {
				return fmt.Errorf("the state of object %d cannot be sent, of %d in zone %d: %w", o.DoID, len(k.byZone[zone]), zone, err)
			}
		}
	}
	return nil
}

// create makes an object and tells the server.
func (k *clientCore) create(className string, zone uint32, values []Value) (uint32, error) {
	if !k.ready {
		return 0, ErrNotReady
	}
	class := k.schema.Class(className)
	if class == nil || class.IsStruct() {
		return 0, fmt.Errorf("lan: the schema has no dclass %q", className)
	}
	l := k.layout(class)
	o := &ownObject{Object: Object{Class: class, Zone: zone, Owner: k.base}, layout: l, values: make([][]byte, len(l.fields))}
	listed, n, err := o.start(values)
	if err != nil {
		return 0, err
	}
	var ok bool
	if o.DoID, ok = k.ids.first(); !ok {
		return 0, ErrNoDoIDs
	}
	k.beginGenerate(o)
	k.buf = binary.LittleEndian.AppendUint16(k.buf, n)
	k.buf = append(k.buf, listed...)
	if err := k.send(); err != nil {
		return 0, err
	}
	k.ids.take()
	k.own[o.DoID] = o
	k.byZone[zone] = append(k.byZone[zone], o)
	return o.DoID, nil
}

// start gives the object its first values. It returns those that its first
// generate lists, packed, and how many they are.
func (o *ownObject) start(values []Value) (listed []byte, n uint16, err error) {
	for i, f := range o.layout.fields {
		o.values[i] = f.AppendDefault(nil)
	}
	for _, v := range values {
		f := o.Class.FieldByName(v.Field)
		if f == nil {
			return nil, 0, fmt.Errorf("lan: class %s has no field %q", o.Class.Name(), v.Field)
		}
		packed, err := f.Pack(nil, v.Args...)
		if err != nil {
			return nil, 0, fmt.Errorf("lan: %w", err)
		}
		o.keep(f, packed)
		if !f.Has(dc.Required) || f.Kind() == dc.Molecular {
			listed = binary.LittleEndian.AppendUint16(listed, uint16(f.Number()))
			listed = append(listed, packed...)
			n++
		}
	}
	o.locate()
	for i, f := range o.layout.fields {
		if err := f.Check(o.values[i]); err != nil {
			return nil, 0, fmt.Errorf("lan: the default is no valid value, so the field must be given one: %w", err)
		}
	}
	return listed, n, nil
}

// layout returns how generates of a class are made.
func (k *clientCore) layout(class *dc.Class) *layout {
	l := k.layouts[class]
	if l == nil {
		l = &layout{location: -1}
		l.fields = slices.Clone(class.RequiredFields())
		l.required = len(l.fields)
		for _, f := range class.Fields() {
			if f.Has(dc.Broadcast|dc.RAM) && !f.Has(dc.Required) && f.Kind() != dc.Molecular {
				l.fields = append(l.fields, f)
			}
		}
		for i, f := range l.fields {
			if f.Name() == "setLocation" && isLocation(f) {
				l.location = i
			}
		}
		k.layouts[class] = l
	}
	return l
}

// isLocation tells whether a field has the parameters of Panda3D's
// DistributedObject.setLocation.
func isLocation(f *dc.Field) bool {
	p := f.Params()
	return f.Kind() == dc.Atomic && len(p) == 2 &&
		p[0].Type().Kind() == dc.Uint32 && p[1].Type().Kind() == dc.Uint32
}

// locate keeps setLocation at what Panda3D's objects have in it, parent 0 and
// the zone: stock clients believe it.
func (o *ownObject) locate() {
	if i := o.layout.location; i >= 0 {
		o.values[i] = binary.LittleEndian.AppendUint32(make([]byte, 4, 8), o.Zone)
	}
}

// keep notes a checked value of a field, or of the atomic fields of a
// molecular one, if it is one that generates have.
func (o *ownObject) keep(f *dc.Field, value []byte) {
	if f.Kind() == dc.Molecular {
		for _, atomic := range f.Atomics() {
			n, err := atomic.CheckPrefix(value)
			if err != nil {
				return
			}
			o.keep(atomic, value[:n])
			value = value[n:]
		}
		return
	}
	i := slices.Index(o.layout.fields, f)
	switch {
	case i < 0:
	case len(o.values[i]) == len(value):
		copy(o.values[i], value)
	default:
		o.values[i] = slices.Clone(value)
	}
}

// field looks up a field of an object that the client has or knows.
func (k *clientCore) field(doID uint32, name string) (*dc.Field, error) {
	o, ok := k.object(doID)
	if !ok {
		return nil, fmt.Errorf("%w: %d", ErrUnknownObject, doID)
	}
	f := o.Class.FieldByName(name)
	if f == nil {
		return nil, fmt.Errorf("lan: class %s has no field %q", o.Class.Name(), name)
	}
	return f, nil
}

// object returns an object that the client has or knows.
func (k *clientCore) object(doID uint32) (Object, bool) {
	if o := k.own[doID]; o != nil {
		return o.Object, !o.deleted
	}
	o, ok := k.known[doID]
	return o, ok
}

// sendUpdate sends a field's checked value, to one client if target is not 0.
func (k *clientCore) sendUpdate(target, doID uint32, f *dc.Field, value []byte) error {
	o, ok := k.object(doID)
	if !ok {
		return fmt.Errorf("%w: %d", ErrUnknownObject, doID)
	}
	if o.Class.Field(f.Number()) != f {
		return fmt.Errorf("lan: %v is not a field of class %s", f, o.Class.Name())
	}
	own := k.own[doID]
	switch {
	case own == nil && !f.HasAny(dc.ClSend|dc.P2P):
		return fmt.Errorf("%w, and the field %q is neither clsend nor p2p: the server would drop the update", ErrNotOwner, f.Name())
	case target == 0 && !f.HasAny(dc.P2P|dc.Broadcast|dc.Reflect):
		return fmt.Errorf("lan: the field %q is neither p2p nor broadcast nor reflect: the server would drop the update", f.Name())
	}
	if target == 0 {
		k.begin(ClientObjectUpdateField)
	} else {
		k.begin(ClientObjectUpdateFieldTargeted)
		k.uint32(target)
	}
	k.uint32(doID)
	k.buf = binary.LittleEndian.AppendUint16(k.buf, uint16(f.Number()))
	k.buf = append(k.buf, value...)
	if err := k.send(); err != nil {
		return err
	}
	if own != nil && target == 0 {
		own.keep(f, value)
	}
	return nil
}

// setZone moves an own object, as stock clients do: the server first moves it,
// then learns its state for those who are new to it.
func (k *clientCore) setZone(doID, zone uint32) error {
	o, err := k.mine(doID)
	if err != nil {
		return err
	}
	k.begin(ObjectSetZone)
	k.uint32(doID)
	k.uint32(zone)
	if err := k.send(); err != nil {
		return err
	}
	k.takeFromZone(o)
	o.Zone = zone
	o.locate()
	k.byZone[zone] = append(k.byZone[zone], o)
	return k.sendState(o)
}

// remove deletes an own object. It is gone when the server says so.
func (k *clientCore) remove(doID uint32) error {
	o, err := k.mine(doID)
	if err != nil {
		return err
	}
	k.begin(ObjectDelete)
	k.uint32(doID)
	if err := k.send(); err != nil {
		return err
	}
	o.deleted = true
	return nil
}

func (k *clientCore) mine(doID uint32) (*ownObject, error) {
	o := k.own[doID]
	if o == nil || o.deleted {
		if _, ok := k.known[doID]; ok {
			return nil, fmt.Errorf("%w: %d", ErrNotOwner, doID)
		}
		return nil, fmt.Errorf("%w: %d", ErrUnknownObject, doID)
	}
	return o, nil
}

func (k *clientCore) takeFromZone(o *ownObject) {
	left := slices.DeleteFunc(k.byZone[o.Zone], func(x *ownObject) bool { return x == o })
	if len(left) == 0 {
		delete(k.byZone, o.Zone)
	} else {
		k.byZone[o.Zone] = left
	}
}

// setInterest asks for the objects of these zones, and no others.
func (k *clientCore) setInterest(zones []uint32) error {
	k.begin(ClientSetInterest)
	for _, z := range zones {
		k.uint32(z)
	}
	return k.send()
}

// sendState sends a generate with everything that others are to know of an
// object.
func (k *clientCore) sendState(o *ownObject) error {
	k.beginGenerate(o)
	k.buf = binary.LittleEndian.AppendUint16(k.buf, uint16(len(o.layout.fields)-o.layout.required))
	for i := o.layout.required; i < len(o.layout.fields); i++ {
		k.buf = binary.LittleEndian.AppendUint16(k.buf, uint16(o.layout.fields[i].Number()))
		k.buf = append(k.buf, o.values[i]...)
	}
	return k.send()
}

// beginGenerate starts a generate, up to the required values.
func (k *clientCore) beginGenerate(o *ownObject) {
	k.begin(ClientObjectGenerate)
	k.uint32(o.Zone)
	k.buf = binary.LittleEndian.AppendUint16(k.buf, uint16(o.Class.Number()))
	k.uint32(o.DoID)
	for _, v := range o.values[:o.layout.required] {
		k.buf = append(k.buf, v...)
	}
}

func (k *clientCore) begin(t Type)    { k.buf = binary.LittleEndian.AppendUint16(k.buf[:0], uint16(t)) }
func (k *clientCore) uint32(v uint32) { k.buf = binary.LittleEndian.AppendUint32(k.buf, v) }

// maxClientBuffer is how much space a client keeps for its next message.
const maxClientBuffer = 4 << 10

// send queues the message in k.buf.
func (k *clientCore) send() error {
	if k.conn == nil {
		return ErrNotReady
	}
	err := k.conn.Send(transport.Message{Data: k.buf})
	if cap(k.buf) > maxClientBuffer {
		k.buf = nil
	}
	if err == nil {
		k.queued = true
	}
	return err
}
