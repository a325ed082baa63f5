package wire

import (
	"unicode/utf8"

	"github.com/culm-net/culm/datagram"
)

// Hello is CL_Hello, the first message of a client.
type Hello struct {
	// Password is UTF-8 of at most 65,535 bytes. Do not log it.
	Password string
	DCHash   uint32 // of the client's DC files: [dc.Schema.Hash]
	// UpdateRate is how many snapshots the client wants and CommandRate how
	// many commands it wants to send, per second. Append takes 1 to 255, and
	// with the extension to 65,535; peers may send 0.
	UpdateRate, CommandRate uint16
	Interp                  float32 // the client's interpolation buffer in seconds, from 0
	Extension               Extension
}

// Append adds the message. A rate of 0 is an error, since a server of
// panda3d-pipes ends on it.
func (m Hello) Append(b []byte) ([]byte, error) {
	switch {
	case !utf8.ValidString(m.Password):
		return b, refuse(CLHello, errText)
	case m.UpdateRate == 0 || m.CommandRate == 0:
		return b, refuse(CLHello, errRate)
	case !m.Extension.Present && max(m.UpdateRate, m.CommandRate) > 0xff:
		return b, refusef(CLHello, "rates above 255 per second need the extension")
	}
	if err := seconds(CLHello, "the interpolation buffer", m.Interp); err != nil {
		return b, err
	}
	w := datagram.Writer{Buf: CLHello.Append(b)}
	w.String(m.Password)
	w.Uint32(m.DCHash)
	w.Uint8(uint8(min(m.UpdateRate, 0xff)))
	w.Uint8(uint8(min(m.CommandRate, 0xff)))
	w.Float32(m.Interp)
	if m.Extension.Present {
		m.Extension.appendTo(&w, m.UpdateRate, m.CommandRate)
	}
	return finish(CLHello, b, &w)
}

// DecodeHello reads the body of CL_Hello.
func DecodeHello(body []byte) (Hello, error) {
	r := datagram.NewReader(body)
	password, err := text(&r)
	if err != nil {
		return Hello{}, refuse(CLHello, err)
	}
	m := Hello{
		Password:    password,
		DCHash:      r.Uint32(),
		UpdateRate:  uint16(r.Uint8()),
		CommandRate: uint16(r.Uint8()),
		Interp:      r.Float32(),
	}
	if err := r.Err(); err != nil {
		return Hello{}, refuse(CLHello, err)
	}
	if err := seconds(CLHello, "the interpolation buffer", m.Interp); err != nil {
		return Hello{}, err
	}
	e, more, err := extension(&r)
	if e.Present {
		m.Extension = e
		m.UpdateRate, m.CommandRate = more.Uint16(), more.Uint16()
		if more.Err() != nil {
			err = errExtension
		}
	}
	if err != nil {
		return Hello{}, refuse(CLHello, err)
	}
	return m, nil
}

// HelloResponse is SV_Hello_Resp, the server's answer to CL_Hello. A client is
// rejected with a reason, asked to authenticate, or welcomed.
type HelloResponse struct {
	Accepted bool
	Reason   string  // when not accepted: UTF-8 of at most 65,535 bytes
	WantAuth bool    // when accepted: SV_AuthenticateRequest follows
	Welcome  Welcome // when accepted without authentication
	// Extension is not sent with a rejection. The rates and the client's id
	// come with the Welcome.
	Extension Extension
}

// Append adds the message.
func (m HelloResponse) Append(b []byte) ([]byte, error) {
	w := datagram.Writer{Buf: SVHelloResp.Append(b)}
	w.Bool(m.Accepted)
	switch {
	case !m.Accepted:
		if !utf8.ValidString(m.Reason) {
			return b, refuse(SVHelloResp, errText)
		}
		w.String(m.Reason)
	case m.WantAuth:
		w.Bool(true)
		if m.Extension.Present {
			m.Extension.appendTo(&w)
		}
	default:
		w.Bool(false)
		if err := m.Welcome.appendTo(&w, m.Extension); err != nil {
			return b, refuse(SVHelloResp, err)
		}
	}
	return finish(SVHelloResp, b, &w)
}

// DecodeHelloResponse reads the body of SV_Hello_Resp.
func DecodeHelloResponse(body []byte) (HelloResponse, error) {
	r := datagram.NewReader(body)
	m := HelloResponse{Accepted: r.Bool()}
	var err error
	if !m.Accepted {
		m.Reason, err = text(&r)
	} else if m.WantAuth = r.Bool(); m.WantAuth {
		m.Extension, _, err = extension(&r)
	} else {
		m.Welcome, m.Extension, err = welcome(&r)
	}
	if err != nil {
		return HelloResponse{}, refuse(SVHelloResp, err)
	}
	return m, nil
}
