package clientagent

import (
	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// request is a message of a client, taken apart and checked as far as that is
// possible without knowing the session.
type request struct {
	typ Type
	// cut says what is missing when the message ends before what is needed to
	// judge it; nothing else is set then.
	cut *ejection
	// fault is what else is wrong with its form. What the client may not do
	// at all is said first.
	fault *ejection

	hash    uint32 // Hello
	version string

	doID   uint32 // SetField, Location
	number uint16 // of the field
	field  *dc.Field
	value  []byte
	parent uint32 // Location and interest
	zone   uint32 // Location

	context  uint32 // interest
	interest uint16
	zones    []uint32
}

// decode takes a message apart. What it returns refers to b.
func decode(schema *dc.Schema, b []byte) request {
	r := datagram.NewReader(b)
	q := request{typ: Type(r.Uint16())}
	if r.Err() != nil {
		q.cut = because(CodeTruncated, "A message of %d bytes has no type.", len(b))
		return q
	}
	switch q.typ {
	case Hello:
		q.hash = r.Uint32()
		q.version = r.String()
	case ObjectSetField:
		q.doID, q.number = r.Uint32(), r.Uint16()
		if r.Err() != nil {
			break
		}
		q.decodeUpdate(schema, &r)
		return q
	case ObjectLocation:
		q.doID = r.Uint32()
		if r.Err() != nil {
			break
		}
		// Whether the client may move the object is said before the rest.
		q.parent, q.zone = r.Uint32(), r.Uint32()
		q.fault = q.rest(&r)
		return q
	case AddInterest:
		q.context, q.interest, q.parent = r.Uint32(), r.Uint16(), r.Uint32()
		q.zones = []uint32{r.Uint32()}
	case AddInterestMultiple:
		q.context, q.interest, q.parent = r.Uint32(), r.Uint16(), r.Uint32()
		q.zones = tidy(readZones(&r))
	case RemoveInterest:
		q.context, q.interest = r.Uint32(), r.Uint16()
	case Disconnect, Heartbeat:
	default:
		return q // not from clients: its payload does not matter
	}
	if q.fault = q.rest(&r); r.Err() != nil {
		q.cut, q.fault = q.fault, nil
	}
	return q
}

// rest says what is wrong with how a message ends.
func (q *request) rest(r *datagram.Reader) *ejection {
	if err := r.Err(); err != nil {
		return because(CodeTruncated, "Message %d ends too early: %v.", q.typ, err)
	}
	if n := r.Remaining(); n > 0 {
		return because(CodeOversized, "Message %d is followed by %d bytes too many.", q.typ, n)
	}
	return nil
}

// decodeUpdate finds the field, and reads and checks the value.
func (q *request) decodeUpdate(schema *dc.Schema, r *datagram.Reader) {
	q.field = schema.FieldByNumber(int(q.number))
	q.value = r.Rest()
	if q.field == nil {
		return
	}
	n, err := q.field.CheckPrefix(q.value)
	if err != nil {
		if _, short := q.field.Skip(q.value); short != nil {
			q.fault = because(CodeTruncated, "A value ends too early: %v.", err)
			return
		}
	} else {
		err = q.field.CheckASCII(q.value[:n])
	}
	switch {
	case err != nil:
		q.fault = because(CodeBadValue, "A value is not allowed: %v.", err)
	case n < len(q.value):
		q.fault = because(CodeOversized, "A value of %v is followed by %d bytes too many.", q.field, len(q.value)-n)
	}
}
