package wire

import (
	"errors"

	"github.com/culm-net/culm/datagram"
)

var errRate = errors.New("a rate of 0 per second; ask for at least 1")

// SetRate is CL_SetUpdateRate or CL_SetCMDRate of the plain dialect.
type SetRate struct {
	Type Type  // which of the two
	Rate uint8 // per second. Append takes 1 to 255; peers may send 0.
}

// Append adds the message. A rate of 0 is an error, since a server of
// panda3d-pipes ends on it.
func (m SetRate) Append(b []byte) ([]byte, error) {
	if m.Rate == 0 {
		return b, refuse(m.Type, errRate)
	}
	return append(m.Type.Append(b), m.Rate), nil
}

// DecodeSetRate reads the body of CL_SetUpdateRate or CL_SetCMDRate.
func DecodeSetRate(t Type, body []byte) (SetRate, error) {
	r := datagram.NewReader(body)
	m := SetRate{Type: t, Rate: r.Uint8()}
	if err := r.Err(); err != nil {
		return SetRate{}, refuse(t, err)
	}
	return m, nil
}

// Rates is Ext_SetRates, which a client asks with, or Ext_Rates, with which the
// server answers it and also tells a client of changes it did not ask for.
type Rates struct {
	Type            Type // which of the two
	Update, Command uint16
}

// Append adds the message. Rates are per second, from 1.
func (m Rates) Append(b []byte) ([]byte, error) {
	if m.Update == 0 || m.Command == 0 {
		return b, refuse(m.Type, errRate)
	}
	w := datagram.Writer{Buf: m.Type.Append(b)}
	w.Uint16(m.Update)
	w.Uint16(m.Command)
	return w.Buf, nil
}

// DecodeRates reads the body of Ext_SetRates or Ext_Rates. It refuses rates of
// 0.
func DecodeRates(t Type, body []byte) (Rates, error) {
	r := datagram.NewReader(body)
	m := Rates{Type: t, Update: r.Uint16(), Command: r.Uint16()}
	if err := r.Done(); err != nil {
		return Rates{}, refuse(t, err)
	}
	if m.Update == 0 || m.Command == 0 {
		return Rates{}, refuse(t, errRate)
	}
	return m, nil
}
