package wire

import (
	"fmt"
	"math"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// Generate is SV_GenerateObject or SV_GenerateOwnerObject, or Ext_Generate or
// Ext_GenerateOwner: the client sees an object from now on.
type Generate struct {
	Type       Type  // which of the four
	Stamp      Stamp // in the extension
	Class      *dc.Class
	DoID, Zone uint32
	// Baseline is the object's state by inherited index, parameter fields
	// only; HasBaseline tells an empty one from none. Without one the state
	// comes in a snapshot.
	HasBaseline bool
	Baseline    FieldList
	// Required is the last call of each atomic field that is required, or ram
	// and was set.
	Required FieldList
}

// Append adds the message.
func (m Generate) Append(b []byte) ([]byte, error) {
	out, err := m.AppendContents(appendGenerateHead(b, m.Type, m.Stamp))
	if err != nil {
		return b, err
	}
	return out, nil
}

// AppendContents adds what stands behind the type and the stamp. It is the same
// for all four types and all clients, so that a server can encode it once for
// each object and tick; see AppendGenerate.
func (m Generate) AppendContents(b []byte) ([]byte, error) {
	if n := m.Class.Number(); n < 0 || n > math.MaxUint16 {
		return b, refusef(m.Type, "%v has no number of 16 bits", m.Class)
	}
	w := datagram.Writer{Buf: b}
	w.Uint16(uint16(m.Class.Number()))
	w.Uint32(m.DoID)
	w.Uint32(m.Zone)
	w.Bool(m.HasBaseline)
	var err error
	if m.HasBaseline {
		if w.Buf, err = m.Baseline.appendTo(w.Buf); err != nil {
			return b, refuse(m.Type, err)
		}
	}
	if w.Buf, err = m.Required.appendTo(w.Buf); err != nil {
		return b, refuse(m.Type, err)
	}
	return w.Buf, nil
}

// AppendGenerate adds a message of one of the four types whose contents
// [Generate.AppendContents] made. The stamp is not used in the plain dialect.
func AppendGenerate(b []byte, t Type, s Stamp, contents []byte) []byte {
	return append(appendGenerateHead(b, t, s), contents...)
}

func appendGenerateHead(b []byte, t Type, s Stamp) []byte {
	w := datagram.Writer{Buf: t.Append(b)}
	if t.Extended() {
		s.appendTo(&w)
	}
	return w.Buf
}

// DecodeGenerate reads the body of any of the four and checks all values. The
// lists are parts of body. A class that the schema lacks is [ErrUnknownClass].
func DecodeGenerate(s *dc.Schema, t Type, body []byte) (Generate, error) {
	m, rest, err := generate(s, t, body)
	if err == nil && t.Extended() && len(rest) > 0 {
		err = &datagram.TrailingError{Offset: len(body) - len(rest), Surplus: len(rest)}
	}
	if err != nil {
		return Generate{}, refuse(t, err)
	}
	return m, nil
}

func generate(s *dc.Schema, t Type, body []byte) (m Generate, rest []byte, err error) {
	r := datagram.NewReader(body)
	m.Type = t
	if t.Extended() {
		m.Stamp = stamp(&r)
	}
	number := r.Uint16()
	m.DoID, m.Zone = r.Uint32(), r.Uint32()
	has := r.Uint8()
	rest = r.Rest()
	if err := r.Err(); err != nil {
		return m, nil, err
	}
	if m.Class = s.ClassByNumber(int(number)); m.Class == nil {
		return m, nil, fmt.Errorf("class %d: %w", number, ErrUnknownClass)
	}
	if t.Extended() && has > 1 {
		return m, nil, fmt.Errorf("the mark of a baseline is %d, neither 0 nor 1", has)
	}
	if m.HasBaseline = has != 0; m.HasBaseline {
		if m.Baseline, rest, err = fieldList(rest, m.Class, dc.Parameter); err != nil {
			return m, nil, fmt.Errorf("the baseline of %v %d: %w", m.Class, m.DoID, err)
		}
	}
	if m.Required, rest, err = fieldList(rest, m.Class, dc.Atomic); err != nil {
		return m, nil, fmt.Errorf("the required fields of %v %d: %w", m.Class, m.DoID, err)
	}
	return m, rest, nil
}

// BaselineFields passes over the baseline.
func (m *Generate) BaselineFields() Fields {
	return m.Baseline.fields(m.Type, m.Class, dc.Parameter)
}

// RequiredFields passes over the atomic fields.
func (m *Generate) RequiredFields() Fields {
	return m.Required.fields(m.Type, m.Class, dc.Atomic)
}
