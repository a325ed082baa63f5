package wire

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/culm-net/culm/datagram"
)

// InformPing is CL_InformPing, in both dialects: the round-trip time that the
// client measured. It is the client's word; nothing keeps it honest.
type InformPing struct {
	RTT time.Duration // in whole milliseconds, 0 to 1<<32-1 of them
}

// Append adds the message. The time is cut to milliseconds and to the range.
func (m InformPing) Append(b []byte) []byte {
	ms := min(max(m.RTT.Milliseconds(), 0), math.MaxUint32)
	return binary.LittleEndian.AppendUint32(CLInformPing.Append(b), uint32(ms))
}

// DecodeInformPing reads the body of CL_InformPing.
func DecodeInformPing(body []byte) (InformPing, error) {
	r := datagram.NewReader(body)
	ms := r.Uint32()
	if err := r.Err(); err != nil {
		return InformPing{}, refuse(CLInformPing, err)
	}
	return InformPing{RTT: time.Duration(ms) * time.Millisecond}, nil
}

// Ping is Ext_Ping and its answer Ext_Ping_Resp. They go unreliably, so that a
// lost packet does not count as a slow one; the number tells which is answered.
type Ping struct {
	Type   Type // which of the two
	Number uint16
}

// Append adds the message.
func (m Ping) Append(b []byte) []byte {
	return binary.LittleEndian.AppendUint16(m.Type.Append(b), m.Number)
}

// DecodePing reads the body of Ext_Ping or Ext_Ping_Resp.
func DecodePing(t Type, body []byte) (Ping, error) {
	r := datagram.NewReader(body)
	m := Ping{Type: t, Number: r.Uint16()}
	if err := r.Done(); err != nil {
		return Ping{}, refuse(t, err)
	}
	return m, nil
}
