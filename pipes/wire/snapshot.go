package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// Snapshot is SV_Tick of the plain dialect: objects with fields by inherited
// index. It has no length for an object, so that a reader must know the class
// of each.
type Snapshot struct {
	Tick uint32
	// Delta says that fields are missing that the client is known to have.
	Delta   bool
	Count   uint16 // of objects
	objects []byte
}

// SnapshotCountOffset is where Count stands in a message, type included, for
// those who learn it last.
const SnapshotCountOffset = 7

// Append adds the beginning of the message. Exactly Count objects are to follow;
// see AppendSnapshotObject.
func (m Snapshot) Append(b []byte) []byte {
	w := datagram.Writer{Buf: SVTick.Append(b)}
	w.Uint32(m.Tick)
	w.Bool(m.Delta)
	w.Uint16(m.Count)
	return w.Buf
}

// AppendSnapshotObject adds one object to a snapshot. The fields must be
// parameter fields.
func AppendSnapshotObject(b []byte, doID uint32, fields FieldList) ([]byte, error) {
	out, err := fields.appendTo(binary.LittleEndian.AppendUint32(b, doID))
	if err != nil {
		return b, refuse(SVTick, err)
	}
	return out, nil
}

// DecodeSnapshot reads the beginning of SV_Tick. The objects are checked when
// they are passed over.
func DecodeSnapshot(body []byte) (Snapshot, error) {
	r := datagram.NewReader(body)
	m := Snapshot{Tick: r.Uint32(), Delta: r.Bool(), Count: r.Uint16(), objects: r.Rest()}
	if err := r.Err(); err != nil {
		return Snapshot{}, refuse(SVTick, err)
	}
	return m, nil
}

// Objects passes over the objects of a snapshot. classOf returns the class of an
// object that was generated, and nil for others, which end the snapshot with
// [ErrUnknownObject].
func (m Snapshot) Objects(classOf func(doID uint32) *dc.Class) Objects {
	return Objects{classOf: classOf, left: int(m.Count), fields: Fields{rest: m.objects}}
}

// Check passes over everything and returns the error it meets, for those who
// want to apply all or nothing.
func (m Snapshot) Check(classOf func(doID uint32) *dc.Class) error {
	o := m.Objects(classOf)
	for o.Next() {
	}
	return o.Err()
}

// Objects passes over the objects of a plain snapshot. Use it like [Fields].
type Objects struct {
	classOf func(doID uint32) *dc.Class
	left    int
	doID    uint32
	fields  Fields // of the present object; its rest is what follows them
	err     error
}

// Next goes to the next object, past the fields of the present one that were
// not looked at.
func (o *Objects) Next() bool {
	if o.err != nil {
		return false
	}
	for o.fields.Next() {
	}
	if o.fields.err != nil {
		o.err = fmt.Errorf("object %d: %w", o.doID, o.fields.err)
		return false
	}
	rest := o.fields.rest
	if o.left == 0 {
		return false
	}
	if len(rest) < 6 {
		o.err = errors.New("an object is cut short")
		return false
	}
	o.left--
	o.doID = binary.LittleEndian.Uint32(rest)
	class := o.classOf(o.doID)
	if class == nil {
		o.err = fmt.Errorf("object %d: %w", o.doID, ErrUnknownObject)
		return false
	}
	l := FieldList{count: int(binary.LittleEndian.Uint16(rest[4:])), bytes: rest[6:]}
	o.fields = l.fields(SVTick, class, dc.Parameter)
	return true
}

// DoID is the present object's.
func (o *Objects) DoID() uint32 { return o.doID }

// Fields are the present object's. They belong to o and go with its next
// object.
func (o *Objects) Fields() *Fields { return &o.fields }

// Err is why Next returned false: nil at the end, else an [*Error].
func (o *Objects) Err() error {
	if o.err != nil {
		return refuse(SVTick, o.err)
	}
	return nil
}
