package stateserver

import (
	"fmt"

	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/object"
)

// Object is one distributed object. It is a participant: what is sent to its
// doId reaches it by itself, and what is sent to its parent's children by its
// [family]. Nothing in it is for
// other goroutines than the one inside the order.
type Object struct {
	md       md.Participant
	set      *objects
	class    *class
	values   object.State
	children brood  // those it knows as their parent, in objects.known
	ai       uint64 // 0 for none
	owner    uint64 // 0 for none

	doID, parent, zone uint32
	place              uint32 // in objects.here, while it has a parent
	known              uint32 // where a parent has it in objects.known; 0 if that is in objects.knownAt
	asked              uint32 // how often it has asked for its parent's AI
	others             uint16 // how many optional fields are set

	explicit     bool // the AI was set, and is not that of the parent
	synchronised bool // the parent counts it where it is
}

// Receive lets a message to the object take effect (astron.md section 4.2).
func (o *Object) Receive(m *md.Message) {
	o.set.count.message(m.Type)
	r := m.Reader()
	switch m.Type {
	case md.StateServerObjectGetField:
		o.getField(m, &r)
	case md.StateServerObjectGetFields:
		o.getFields(m, &r)
	case md.StateServerObjectGetAll:
		o.getAll(m, &r)
	case md.StateServerObjectGetClass:
		o.answer(m, &r, md.StateServerObjectGetClassResp, func(w *datagram.Writer) { w.Uint16(o.class.number) })
	case md.StateServerObjectSetField:
		o.setField(m, &r)
	case md.StateServerObjectSetFields:
		o.setFields(m, &r)
	case md.StateServerObjectDeleteFieldRAM:
		o.deleteFields(m, &r, 1)
	case md.StateServerObjectDeleteFieldsRAM:
		o.deleteFields(m, &r, -1)
	case md.StateServerObjectDeleteRAM:
		if o.own(m, &r) {
			o.delete(m.Sender, true)
		}
	case md.StateServerDeleteAIObjects:
		if ai := r.Uint64(); o.complete(m, &r) && ai == o.ai && ai != 0 {
			o.delete(m.Sender, true)
		}

	case md.StateServerObjectSetLocation:
		if parent, zone := r.Uint32(), r.Uint32(); o.complete(m, &r) {
			o.setLocation(m, parent, zone, m.Sender)
		}
	case md.StateServerObjectGetLocation:
		o.answer(m, &r, md.StateServerObjectGetLocationResp, func(w *datagram.Writer) {
			w.Uint32(o.parent)
			w.Uint32(o.zone)
		})
	case md.StateServerObjectLocationAck:
		if parent, zone := r.Uint32(), r.Uint32(); o.complete(m, &r) && parent == o.parent && zone == o.zone {
			o.synchronised = true
		}

	case md.StateServerObjectSetAI:
		if ai := r.Uint64(); o.complete(m, &r) {
			o.changeAI(ai, true, m.Sender)
		}
	case md.StateServerObjectGetAI:
		o.answer(m, &r, md.StateServerObjectGetAIResp, func(w *datagram.Writer) { w.Uint64(o.ai) })
	case md.StateServerObjectGetAIResp:
		r.Uint32() // context
		o.parentAI(m, &r)
	case md.StateServerObjectChangingAI:
		o.parentAI(m, &r)
	case md.StateServerObjectSetOwner:
		if owner := r.Uint64(); o.complete(m, &r) {
			o.setOwner(owner, m.Sender)
		}
	case md.StateServerObjectGetOwner:
		o.answer(m, &r, md.StateServerObjectGetOwnerResp, func(w *datagram.Writer) { w.Uint64(o.owner) })

	case md.StateServerObjectChangingLocation:
		o.childMoves(m, &r)
	case md.StateServerObjectGetLocationResp:
		o.childAnswers(m, &r)
	case md.StateServerObjectGetZoneObjects, md.StateServerObjectGetZonesObjects, md.StateServerObjectGetChildren,
		md.StateServerObjectGetZoneCount, md.StateServerObjectGetZonesCount, md.StateServerObjectGetChildCount:
		o.queried(m)
	case md.StateServerObjectGetActiveZones:
		o.getActiveZones(m, &r)
	case md.StateServerObjectDeleteZone, md.StateServerObjectDeleteZones, md.StateServerObjectDeleteChildren:
		o.deleteChildren(m)
	default:
		o.set.unknown(m, o.doID)
	}
}

// unknown ignores a message of a type that is not for state servers.
func (s *objects) unknown(m *md.Message, doID uint32) {
	why := unknownType
	if m.Type < 2000 || m.Type > 2999 {
		why = strayType
	}
	s.ignore(m, doID, why, "it is none for a state server")
}

// complete reports whether all fields that were read from the message are
// there, and ignores it otherwise.
func (o *Object) complete(m *md.Message, r *datagram.Reader) bool {
	if err := r.Err(); err != nil {
		o.ignore(m, malformed, err.Error())
		return false
	}
	return true
}

// own reads a doId and reports whether it is the object's.
func (o *Object) own(m *md.Message, r *datagram.Reader) bool {
	doID := r.Uint32()
	if !o.complete(m, r) {
		return false
	}
	if doID != o.doID {
		o.set.ignore(m, o.doID, notForMe, fmt.Sprintf("it is for object %d", doID))
		return false
	}
	return true
}

func (o *Object) ignore(m *md.Message, why reason, problem string) {
	o.set.ignore(m, o.doID, why, problem)
}

// begin starts a message of the object and returns where its payload goes; end
// finishes it. Nothing may be asked of the director in between.
func (o *Object) begin(t md.Type, sender uint64, to ...uint64) *datagram.Writer {
	return o.set.director.Emit(&o.md).Begin(t, sender, to...)
}

// end finishes a message that cannot be too long.
func (o *Object) end() { _ = o.tryEnd() }

func (o *Object) tryEnd() error { return o.set.director.Emit(&o.md).End() }

// answer sends back the context of a request, the doId, and what more appends.
func (o *Object) answer(m *md.Message, r *datagram.Reader, t md.Type, more func(w *datagram.Writer)) {
	context := r.Uint32()
	if !o.complete(m, r) {
		return
	}
	w := o.begin(t, uint64(o.doID), m.Sender)
	w.Uint32(context)
	w.Uint32(o.doID)
	more(w)
	o.end()
}

// enter sends a snapshot as an ENTER message: its plain form, or the one with
// OTHER, whose number is the next, as soon as the object has optional values.
func (o *Object) enter(plain md.Type, to uint64, who audience) {
	if to == 0 {
		return
	}
	if o.others > 0 {
		plain++
	}
	o.appendSnapshot(o.begin(plain, uint64(o.doID), to), who, o.others > 0)
	o.end()
}

// appendSnapshot appends what all snapshots have in common: ids, class, values.
func (o *Object) appendSnapshot(w *datagram.Writer, who audience, other bool) {
	w.Uint32(o.doID)
	w.Uint32(o.parent)
	w.Uint32(o.zone)
	w.Uint16(o.class.number)
	o.appendRequired(w, who)
	if other {
		o.appendOther(w, who)
	}
}

// delete tells of the object's end and ends it (astron.md section 4.4). A parent
// that has asked for it knows.
func (o *Object) delete(by uint64, tellParent bool) {
	location := uint64(0)
	if o.parent != 0 {
		location = md.LocationChannel(o.parent, o.zone)
		if tellParent {
			o.tellMove(by, 0, 0, uint64(o.parent))
		}
	}
	w := o.begin(md.StateServerObjectDeleteRAM, by, location, o.owner, o.ai)
	w.Uint32(o.doID)
	o.end()
	if o.children.n > 0 {
		w := o.begin(md.StateServerObjectDeleteChildren, by, md.ParentChannel(o.doID))
		w.Uint32(o.doID)
		o.end()
		o.forgetLater(&query{all: true})
	}
	o.set.remove(o)
}
