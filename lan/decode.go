package lan

import (
	"encoding/binary"
	"fmt"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// A message is one datagram of a client, decoded and checked against the
// schema. What it cannot be checked for without knowing the objects (does the
// object exist, is the sender allowed to) is the core's to judge.
type message struct {
	typ    Type
	doID   uint32
	zone   uint32    // ClientObjectGenerate, ObjectSetZone
	target uint32    // ClientObjectUpdateFieldTargeted: a doIdBase
	class  *dc.Class // ClientObjectGenerate
	field  *dc.Field // updates
	// body is the field's packed value in updates, what follows the doId of an
	// OBJECT_GENERATE_CMU in generates, and the packed zones in interest. It
	// points into the datagram or into the decoder's scratch space.
	body []byte
}

// heartbeat is the decoded form of an empty 9011.
const heartbeat Type = 0

// MalformedError says why a datagram cannot be decoded. Its sender is
// disconnected.
type MalformedError struct {
	Type Type // 0 when the datagram is too short to have one
	Err  error
}

// Error names the message and what is wrong with it.
func (e *MalformedError) Error() string {
	if e.Type == 0 {
		return "malformed datagram: " + e.Err.Error()
	}
	return fmt.Sprintf("malformed %v: %v", e.Type, e.Err)
}

// Unwrap returns what is wrong with the message's body.
func (e *MalformedError) Unwrap() error { return e.Err }

// A decoder turns a batch of datagrams into messages, which stay valid until
// reset and as long as the datagrams do. It is used by one goroutine at a time.
type decoder struct {
	messages []message
	scratch  []byte // bodies that had to be rewritten
}

// maxScratch is how much space a decoder keeps for the next batch.
const maxScratch = 64 << 10

func (d *decoder) reset() {
	clear(d.messages)
	d.messages = d.messages[:0]
	if cap(d.scratch) > maxScratch {
		d.scratch = nil
	}
	d.scratch = d.scratch[:0]
}

// decode appends one datagram to the batch.
func (d *decoder) decode(s *dc.Schema, b []byte) *MalformedError {
	r := datagram.NewReader(b)
	t := Type(r.Uint16())
	if r.Err() != nil {
		return &MalformedError{Err: r.Err()}
	}
	m := message{typ: t}
	var err error
	switch t {
	case ClientObjectUpdateField:
		m.doID = r.Uint32()
		m.field, m.body, err = readValue(s, &r)
	case ClientObjectUpdateFieldTargeted:
		if r.Remaining() == 0 {
			m.typ = heartbeat
			break
		}
		m.target = r.Uint32()
		m.doID = r.Uint32()
		m.field, m.body, err = readValue(s, &r)
	case ClientObjectGenerate:
		m.zone = r.Uint32()
		class := r.Uint16()
		m.doID = r.Uint32()
		if r.Err() != nil {
			break
		}
		m.class = s.ClassByNumber(int(class))
		if m.class == nil {
			err = fmt.Errorf("class %d is not a dclass of the schema", class)
			break
		}
		err = d.generate(&m, r.Rest())
	case ClientSetInterest:
		m.body = r.Rest()
		if len(m.body)%4 != 0 {
			err = fmt.Errorf("%d bytes are no list of 4-byte zones", len(m.body))
		}
	case ObjectSetZone:
		m.doID = r.Uint32()
		m.zone = r.Uint32()
		err = r.Done()
	case ObjectDelete:
		m.doID = r.Uint32()
		err = r.Done()
	case ClientDisconnect:
		err = r.Done()
	default:
		err = fmt.Errorf("clients do not send %v", t)
	}
	if r.Err() != nil {
		err = r.Err()
	}
	if err != nil {
		return &MalformedError{Type: t, Err: err}
	}
	d.messages = append(d.messages, m)
	return nil
}

// readValue reads the rest of an update: a field of the schema, and exactly
// one value of it.
func readValue(s *dc.Schema, r *datagram.Reader) (*dc.Field, []byte, error) {
	number := r.Uint16()
	if r.Err() != nil {
		return nil, nil, r.Err()
	}
	f := s.FieldByNumber(int(number))
	if f == nil {
		return nil, nil, fmt.Errorf("field %d is not in the schema", number)
	}
	value := r.Rest()
	return f, value, f.Check(value)
}

// generate checks the values of a generate and leaves in m.body what other
// clients get: they parse only the required fields that are broadcast, so the
// others must not be in their way.
func (d *decoder) generate(m *message, b []byte) error {
	start := len(d.scratch)
	rewritten := false // d.scratch[start:] holds what goes on, b[:off] apart from the fields left out
	off := 0
	for _, f := range m.class.RequiredFields() {
		n, err := f.CheckPrefix(b[off:])
		if err != nil {
			return err
		}
		switch {
		case !f.Has(dc.Broadcast):
			if !rewritten {
				d.scratch = append(d.scratch, b[:off]...)
				rewritten = true
			}
		case rewritten:
			d.scratch = append(d.scratch, b[off:off+n]...)
		}
		off += n
	}
	listed := b[off:]
	if len(listed) == 0 {
		// ServerRepository passes this on, and its clients stumble over the
		// missing number. It can only mean one thing.
		listed = noneListed
		if !rewritten {
			d.scratch = append(d.scratch, b...)
			rewritten = true
		}
	}
	if err := checkListed(m.class, listed); err != nil {
		return err
	}
	if !rewritten {
		m.body = b
		return nil
	}
	d.scratch = append(d.scratch, listed...)
	m.body = d.scratch[start:len(d.scratch):len(d.scratch)]
	return nil
}

// noneListed is a generate's number of further fields: none.
var noneListed = []byte{0, 0}

// checkListed checks the fields that a generate lists behind the required
// ones: uint16 n, n × (uint16 field, value), and nothing behind them.
func checkListed(class *dc.Class, b []byte) error {
	r := datagram.NewReader(b)
	n := int(r.Uint16())
	if r.Err() != nil {
		return r.Err()
	}
	b = r.Rest()
	for range n {
		if len(b) < 2 {
			return fmt.Errorf("%d more fields are announced than there are", n)
		}
		number := binary.LittleEndian.Uint16(b)
		f := class.Field(int(number))
		if f == nil {
			return fmt.Errorf("field %d is not a field of class %s", number, class.Name())
		}
		size, err := f.CheckPrefix(b[2:])
		if err != nil {
			return err
		}
		b = b[2+size:]
	}
	if len(b) != 0 {
		return fmt.Errorf("%d bytes too many", len(b))
	}
	return nil
}
