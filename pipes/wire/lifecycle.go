package wire

import (
	"encoding/binary"

	"github.com/culm-net/culm/datagram"
)

// ObjectGone is SV_DisableObject or SV_DeleteObject of the plain dialect.
type ObjectGone struct {
	Type Type // which of the two
	DoID uint32
}

// Append adds the message.
func (m ObjectGone) Append(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(m.Type.Append(b), m.DoID)
}

// DecodeObjectGone reads the body of SV_DisableObject or SV_DeleteObject.
func DecodeObjectGone(t Type, body []byte) (ObjectGone, error) {
	r := datagram.NewReader(body)
	m := ObjectGone{Type: t, DoID: r.Uint32()}
	if err := r.Err(); err != nil {
		return ObjectGone{}, refuse(t, err)
	}
	return m, nil
}

// Stamp is how the extension orders what goes reliably and what does not. It
// stands at the beginning of every message that says which objects there are,
// and of every part of a snapshot, so that it can be exchanged in an encoding
// that is otherwise the same for several clients.
type Stamp struct {
	// Structure counts what was generated, removed and moved on this
	// connection. It grows with each such message, by 1 or more, from 0 at the
	// beginning. In a part of a snapshot it is that of the last one before:
	// a client that has not got so far must not apply or acknowledge the part.
	Structure uint32
	// Tick is the sealed tick to which the contents belong.
	Tick uint32
}

// StampOffset is where the Stamp begins in a message, type included: Structure,
// then Tick, 4 bytes each.
const StampOffset = 2

func (s Stamp) appendTo(w *datagram.Writer) {
	w.Uint32(s.Structure)
	w.Uint32(s.Tick)
}

func stamp(r *datagram.Reader) Stamp { return Stamp{Structure: r.Uint32(), Tick: r.Uint32()} }

// Remove is Ext_Remove: an object leaves the client's view.
type Remove struct {
	Stamp
	DoID uint32
	// Deleted says that the object is gone for everybody. Else only the client
	// does not see it any more.
	Deleted bool
}

// Append adds the message.
func (m Remove) Append(b []byte) []byte {
	w := datagram.Writer{Buf: ExtRemove.Append(b)}
	m.appendTo(&w)
	w.Uint32(m.DoID)
	w.Bool(m.Deleted)
	return w.Buf
}

// DecodeRemove reads the body of Ext_Remove.
func DecodeRemove(body []byte) (Remove, error) {
	r := datagram.NewReader(body)
	m := Remove{Stamp: stamp(&r), DoID: r.Uint32()}
	deleted := r.Uint8()
	if err := r.Done(); err != nil {
		return Remove{}, refuse(ExtRemove, err)
	}
	if deleted > 1 {
		return Remove{}, refusef(ExtRemove, "unknown kind %d", deleted)
	}
	m.Deleted = deleted == 1
	return m, nil
}

// ZoneChange is Ext_Zone: an object moved to another zone that the client sees
// too. A zone also travels with state, see [Record].
type ZoneChange struct {
	Stamp
	DoID, Zone uint32
}

// Append adds the message.
func (m ZoneChange) Append(b []byte) []byte {
	w := datagram.Writer{Buf: ExtZone.Append(b)}
	m.appendTo(&w)
	w.Uint32(m.DoID)
	w.Uint32(m.Zone)
	return w.Buf
}

// DecodeZoneChange reads the body of Ext_Zone.
func DecodeZoneChange(body []byte) (ZoneChange, error) {
	r := datagram.NewReader(body)
	m := ZoneChange{Stamp: stamp(&r), DoID: r.Uint32(), Zone: r.Uint32()}
	if err := r.Done(); err != nil {
		return ZoneChange{}, refuse(ExtZone, err)
	}
	return m, nil
}
