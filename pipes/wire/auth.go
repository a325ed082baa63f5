package wire

import (
	"unicode/utf8"

	"github.com/culm-net/culm/datagram"
)

// panda3d-pipes reserves the three messages of authentication and leaves their
// bodies to the game. These bodies are ours, the same in both dialects.

// AuthenticateRequest is SV_AuthenticateRequest: the server asks for proof. A
// server may ask again after an answer.
type AuthenticateRequest struct {
	Data []byte // what the authenticator says, at most 65,535 bytes
}

// Append adds the message.
func (m AuthenticateRequest) Append(b []byte) ([]byte, error) {
	return appendBlob(SVAuthenticateRequest, b, m.Data)
}

// DecodeAuthenticateRequest reads the body of SV_AuthenticateRequest. Data is a
// part of body.
func DecodeAuthenticateRequest(body []byte) (AuthenticateRequest, error) {
	data, err := decodeBlob(SVAuthenticateRequest, body)
	return AuthenticateRequest{Data: data}, err
}

// AuthenticateAnswer is CL_AuthenticateResponse: the client's answer to one
// request.
type AuthenticateAnswer struct {
	Data []byte // at most 65,535 bytes. Do not log it.
}

// Append adds the message.
func (m AuthenticateAnswer) Append(b []byte) ([]byte, error) {
	return appendBlob(CLAuthenticateResponse, b, m.Data)
}

// DecodeAuthenticateAnswer reads the body of CL_AuthenticateResponse. Data is a
// part of body.
func DecodeAuthenticateAnswer(body []byte) (AuthenticateAnswer, error) {
	data, err := decodeBlob(CLAuthenticateResponse, body)
	return AuthenticateAnswer{Data: data}, err
}

func appendBlob(t Type, b, data []byte) ([]byte, error) {
	w := datagram.Writer{Buf: t.Append(b)}
	w.Blob(data)
	return finish(t, b, &w)
}

func decodeBlob(t Type, body []byte) ([]byte, error) {
	r := datagram.NewReader(body)
	data := r.Blob()
	if err := r.Err(); err != nil {
		return nil, refuse(t, err)
	}
	return data, nil
}

// AuthenticateResult is SV_AuthenticateResponse: how authentication ended.
type AuthenticateResult struct {
	Accepted  bool
	Reason    string    // when not accepted: UTF-8 of at most 65,535 bytes
	Welcome   Welcome   // when accepted
	Extension Extension // when accepted: what SV_Hello_Resp said, once more
}

// Append adds the message.
func (m AuthenticateResult) Append(b []byte) ([]byte, error) {
	w := datagram.Writer{Buf: SVAuthenticateResponse.Append(b)}
	w.Bool(m.Accepted)
	if !m.Accepted {
		if !utf8.ValidString(m.Reason) {
			return b, refuse(SVAuthenticateResponse, errText)
		}
		w.String(m.Reason)
	} else if err := m.Welcome.appendTo(&w, m.Extension); err != nil {
		return b, refuse(SVAuthenticateResponse, err)
	}
	return finish(SVAuthenticateResponse, b, &w)
}

// DecodeAuthenticateResult reads the body of SV_AuthenticateResponse.
func DecodeAuthenticateResult(body []byte) (AuthenticateResult, error) {
	r := datagram.NewReader(body)
	m := AuthenticateResult{Accepted: r.Bool()}
	var err error
	if m.Accepted {
		m.Welcome, m.Extension, err = welcome(&r)
	} else {
		m.Reason, err = text(&r)
	}
	if err != nil {
		return AuthenticateResult{}, refuse(SVAuthenticateResponse, err)
	}
	return m, nil
}
