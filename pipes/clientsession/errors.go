package clientsession

import (
	"errors"

	"github.com/culm-net/culm/transport"
)

// How sessions end. Errors that [Session.Err] returns wrap one of them, or the
// transport's.
var (
	// ErrRejected is the server's refusal of the client, with its reason.
	ErrRejected = errors.New("the server rejected the client")
	// ErrServer is a server that breaks the protocol.
	ErrServer = errors.New("the server breaks the protocol")
	// ErrLimit is a server that shows more objects than Config allows.
	ErrLimit = errors.New("the server shows more than the client has room for")
	// ErrTimeout is a server that says nothing.
	ErrTimeout = errors.New("the server does not answer")
	// ErrAuthentication is a server that wants authentication from a client
	// that has none.
	ErrAuthentication = errors.New("the server wants authentication; set Config.Authenticate")
	// ErrDisconnected is the client's own Disconnect.
	ErrDisconnected = errors.New("the client has disconnected")
)

// errClosed is for transports that do not say why.
var errClosed = errors.New("the connection is closed")

// ErrNotWelcomed says that the session has not been welcomed, or has ended, so
// that nothing can be sent.
var ErrNotWelcomed = errors.New("clientsession: the server has not let the client in, or the session has ended")

// CloseCode is the code with which to close a connection whose session has ended
// with err.
func CloseCode(err error) transport.Code {
	switch {
	case errors.Is(err, ErrServer):
		return transport.CodeProtocol
	case errors.Is(err, ErrTimeout):
		return transport.CodeTimeout
	}
	return transport.CodeNormal
}
