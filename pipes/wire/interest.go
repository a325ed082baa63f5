package wire

import (
	"github.com/culm-net/culm/datagram"
)

// Interest is CL_SetInterest, CL_AddInterest or CL_RemoveInterest, or their
// counterpart in the extension: the client replaces its explicit zones, adds to
// them, or removes from them.
type Interest struct {
	// Type is one of the six. In the plain dialect Handle and the number of
	// zones are at most 255, in the extension 65,535.
	Type   Type
	Handle uint16 // comes back in InterestComplete
	Zones  []uint32
}

// Append adds the message.
func (m Interest) Append(b []byte) ([]byte, error) {
	most := 0xff
	if m.Type.Extended() {
		most = 0xffff
	}
	if int(m.Handle) > most || len(m.Zones) > most {
		return b, refusef(m.Type, "handle %d with %d zones; at most %d of each can be sent", m.Handle, len(m.Zones), most)
	}
	w := datagram.Writer{Buf: m.Type.Append(b)}
	if m.Type.Extended() {
		w.Uint16(m.Handle)
		w.Uint16(uint16(len(m.Zones)))
	} else {
		w.Uint8(uint8(m.Handle))
		w.Uint8(uint8(len(m.Zones)))
	}
	for _, zone := range m.Zones {
		w.Uint32(zone)
	}
	return w.Buf, nil
}

// DecodeInterest reads the body of any of the six.
func DecodeInterest(t Type, body []byte) (Interest, error) {
	r := datagram.NewReader(body)
	m := Interest{Type: t}
	var n int
	if t.Extended() {
		m.Handle, n = r.Uint16(), int(r.Uint16())
	} else {
		m.Handle, n = uint16(r.Uint8()), int(r.Uint8())
	}
	zones := datagram.NewReader(r.Bytes(4 * n))
	err := r.Err()
	if t.Extended() {
		err = r.Done()
	}
	if err != nil {
		return Interest{}, refuse(t, err)
	}
	if n > 0 {
		m.Zones = make([]uint32, n)
	}
	for i := range m.Zones {
		m.Zones[i] = zones.Uint32()
	}
	return m, nil
}

// InterestComplete is SV_InterestComplete or Ext_InterestComplete: all generates
// and deletes that the change of that handle caused were sent before it.
type InterestComplete struct {
	Type   Type
	Handle uint16 // at most 255 in the plain dialect
}

// Append adds the message.
func (m InterestComplete) Append(b []byte) ([]byte, error) {
	if m.Type.Extended() {
		w := datagram.Writer{Buf: m.Type.Append(b)}
		w.Uint16(m.Handle)
		return w.Buf, nil
	}
	if m.Handle > 0xff {
		return b, refusef(m.Type, "handle %d; the plain dialect ends at 255", m.Handle)
	}
	return append(m.Type.Append(b), uint8(m.Handle)), nil
}

// DecodeInterestComplete reads the body of either.
func DecodeInterestComplete(t Type, body []byte) (InterestComplete, error) {
	r := datagram.NewReader(body)
	m := InterestComplete{Type: t}
	var err error
	if t.Extended() {
		m.Handle = r.Uint16()
		err = r.Done()
	} else {
		m.Handle = uint16(r.Uint8())
		err = r.Err()
	}
	if err != nil {
		return InterestComplete{}, refuse(t, err)
	}
	return m, nil
}
