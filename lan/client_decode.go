package lan

import (
	"fmt"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// serverMessage is one datagram of a server, decoded and checked against the
// schema. It points into the datagram.
type serverMessage struct {
	typ    Type
	client uint32    // SetDoIDRange, ObjectGenerate, ObjectUpdateField: a doIdBase
	count  uint32    // SetDoIDRange: how many doIds
	doID   uint32    // ObjectGenerate, ObjectUpdateField, ObjectDelete
	zone   uint32    // ObjectGenerate, RequestGenerates
	class  *dc.Class // ObjectGenerate
	field  *dc.Field // ObjectUpdateField
	// body is the packed value of an update, the values of a generate, and the
	// doIds of an OBJECT_DISABLE_CMU.
	body []byte
}

// decodeServer decodes what a server sends.
func decodeServer(s *dc.Schema, b []byte) (serverMessage, *MalformedError) {
	r := datagram.NewReader(b)
	m := serverMessage{typ: Type(r.Uint16())}
	if r.Err() != nil {
		return m, &MalformedError{Err: r.Err()}
	}
	var err error
	switch m.typ {
	case ObjectUpdateField:
		m.client = r.Uint32()
		m.doID = r.Uint32()
		m.field, m.body, err = readValue(s, &r)
	case ObjectGenerate:
		m.client = r.Uint32()
		m.zone = r.Uint32()
		number := r.Uint16()
		m.doID = r.Uint32()
		if r.Err() != nil {
			break
		}
		m.class = s.ClassByNumber(int(number))
		if m.class == nil {
			err = fmt.Errorf("class %d is not a dclass of the schema", number)
			break
		}
		m.body = r.Rest()
		err = checkGenerated(m.class, m.body)
	case ObjectDisable:
		m.body = r.Rest()
		if len(m.body)%4 != 0 {
			err = fmt.Errorf("%d bytes are no list of 4-byte doIds", len(m.body))
		}
	case ObjectDelete:
		m.doID = r.Uint32()
		err = r.Done()
	case RequestGenerates:
		m.zone = r.Uint32()
		err = r.Done()
	case SetDoIDRange:
		m.client = r.Uint32()
		m.count = r.Uint32()
		err = r.Done()
	default:
		err = fmt.Errorf("servers do not send %v", m.typ)
	}
	if r.Err() != nil {
		err = r.Err()
	}
	if err != nil {
		return m, &MalformedError{Type: m.typ, Err: err}
	}
	return m, nil
}

// checkGenerated checks what follows the doId of an OBJECT_GENERATE_CMU.
func checkGenerated(class *dc.Class, b []byte) error {
	for _, f := range class.RequiredFields() {
		if !f.Has(dc.Broadcast) {
			continue
		}
		n, err := f.CheckPrefix(b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return checkListed(class, b)
}
