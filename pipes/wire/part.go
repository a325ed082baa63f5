package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// PartFlags says where a part stands in its snapshot.
type PartFlags uint8

// A snapshot is the parts with one tick, from the first to the last; their
// numbers follow each other. A client that has applied them all, and the last
// one is not marked as partial, has all state of that tick.
const (
	FirstPart PartFlags = 1 << iota
	LastPart
	// PartialSnapshot, together with LastPart, says that state of objects that
	// the client knows did not fit into its budget and comes later. Objects that
	// it is still to learn of or to forget do not count.
	PartialSnapshot
	unknownFlags PartFlags = 0xf8
)

// Part is Ext_Snapshot, a part of a snapshot. Each is of use without the others:
// it is applied and acknowledged by itself. It fits into an unreliable message
// of the transport, unless it has a single record that does not; then it goes
// reliably.
type Part struct {
	Stamp
	// Number counts the parts on this connection, from 1. At the end it wraps
	// around to 1.
	Number  uint32
	Flags   PartFlags
	Count   uint16 // of records
	records []byte
}

// PartHeaderSize is how many bytes stand before the records, the type included.
// PartCountOffset is where Count stands in the message, for those who learn it
// last.
const (
	PartHeaderSize  = 17
	PartCountOffset = 15
)

// Append adds the beginning of the message. Exactly Count records are to follow;
// see AppendRecord.
func (m Part) Append(b []byte) []byte {
	w := datagram.Writer{Buf: ExtSnapshot.Append(b)}
	m.appendTo(&w)
	w.Uint32(m.Number)
	w.Uint8(uint8(m.Flags))
	w.Uint16(m.Count)
	return w.Buf
}

// DecodePart reads the beginning of Ext_Snapshot. The records are checked when
// they are passed over.
func DecodePart(body []byte) (Part, error) {
	r := datagram.NewReader(body)
	m := Part{Stamp: stamp(&r), Number: r.Uint32(), Flags: PartFlags(r.Uint8()), Count: r.Uint16(), records: r.Rest()}
	if err := r.Err(); err != nil {
		return Part{}, refuse(ExtSnapshot, err)
	}
	if m.Number == 0 {
		return Part{}, refuse(ExtSnapshot, errNoPart)
	}
	if m.Flags&unknownFlags != 0 || m.Flags&(LastPart|PartialSnapshot) == PartialSnapshot {
		return Part{}, refusef(ExtSnapshot, "unknown flags %#02x", uint8(m.Flags))
	}
	return m, nil
}

// AppendRecord adds one object's record to a part. The contents are what
// AppendRecordZone and AppendRecordField made, not empty. A record is the same
// bytes wherever it stands, so that one encoding serves all parts that need it.
func AppendRecord(b []byte, doID uint32, contents []byte) []byte {
	b = binary.AppendUvarint(b, uint64(doID))
	b = binary.AppendUvarint(b, uint64(uint32(len(contents))))
	return append(b, contents...)
}

// BeginRecord and EndRecord do what AppendRecord does, for contents that are made
// where they stay: those that stand behind what BeginRecord returns, whose length
// is from.
func BeginRecord(b []byte, doID uint32) []byte {
	return append(binary.AppendUvarint(b, uint64(doID)), 0) // in place of the size
}

// EndRecord ends the record.
func EndRecord(b []byte, from int) []byte {
	size := len(b) - from
	if size < 0x80 {
		b[from-1] = byte(size)
		return b
	}
	var long [binary.MaxVarintLen32]byte
	n := binary.PutUvarint(long[:], uint64(uint32(size)))
	b = append(b, long[1:n]...) // whatever it is, it makes room
	copy(b[from+n-1:], b[from:from+size])
	copy(b[from-1:], long[:n])
	return b
}

// AppendRecordZone adds the object's zone to the contents of a record. It comes
// before all fields.
func AppendRecordZone(b []byte, zone uint32) []byte {
	return binary.LittleEndian.AppendUint32(append(b, 0), zone)
}

// AppendRecordField adds a parameter field to the contents of a record: its
// inherited index, from 0 to 65,535, which ascends within a record, and its
// packed value.
func AppendRecordField(b []byte, index int, value []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(uint32(index))+1), value...)
}

// Record is what a part says of one object: all that changed since what the
// client is known to have of it, taken at the part's tick. It is applied whole,
// if the part's tick is newer than that of what the client has of the object,
// and passed over if the part's structure sequence is older than that of the
// object's generate: then it is about an earlier object of that doId.
type Record struct {
	DoID uint32
	// Zone is where the object is now. It stands there when the client is not
	// known to have it, so that a zone and a position in it change together.
	HasZone bool
	Zone    uint32
	fields  []byte
}

// Fields passes over the record's state. class is that of the object that the
// record is about.
func (m Record) Fields(class *dc.Class) Fields {
	return Fields{in: ExtSnapshot, class: class.Fields(), kind: dc.Parameter, rest: m.fields, record: true, index: -1}
}

// Records passes over the records of a part. Use it like [Fields].
func (m Part) Records() Records { return Records{left: int(m.Count), rest: m.records} }

// Records passes over the records of a part. It can pass over those of objects
// that are not known.
type Records struct {
	rest   []byte
	left   int
	record Record
	err    error
}

// Next goes to the next record.
func (m *Records) Next() bool {
	if m.err != nil {
		return false
	}
	if m.left == 0 {
		if len(m.rest) > 0 {
			m.err = fmt.Errorf("%d bytes behind the last record", len(m.rest))
		}
		return false
	}
	m.left--
	if m.rest, m.err = m.record.read(m.rest); m.err != nil {
		m.record = Record{}
		return false
	}
	return true
}

var errRecord = errors.New("a record is cut short or empty")

// read takes a record off the start of b.
func (m *Record) read(b []byte) (rest []byte, err error) {
	doID, n := uvarint(b)
	if n == 0 {
		return nil, errKey
	}
	size, k := uvarint(b[n:])
	if k == 0 {
		return nil, errKey
	}
	b = b[n+k:]
	if size == 0 || size > math.MaxInt32 || int(size) > len(b) {
		return nil, errRecord
	}
	*m = Record{DoID: doID, fields: b[:size:size]}
	rest = b[size:]
	if b[0] == 0 {
		if size < 5 {
			return nil, errRecord
		}
		m.HasZone, m.Zone, m.fields = true, binary.LittleEndian.Uint32(b[1:]), m.fields[5:]
	}
	return rest, nil
}

// Record is the present record.
func (m *Records) Record() Record { return m.record }

// Err is why Next returned false: nil at the end, else an [*Error].
func (m *Records) Err() error {
	if m.err != nil {
		return refuse(ExtSnapshot, m.err)
	}
	return nil
}
