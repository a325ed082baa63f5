package client

import (
	"errors"
	"strings"

	"github.com/culm-net/culm/pipes/clientsession"
	"github.com/culm-net/culm/transport"
)

// What [Client.Err], [Events].Lost and [Events].Ended tell wraps one of these, or
// an error of the transport.
var (
	// ErrRejected is the server's refusal of the client, with its reason: a
	// wrong password, other DC files, a full server.
	ErrRejected = clientsession.ErrRejected
	// ErrServer is a server that breaks the protocol.
	ErrServer = clientsession.ErrServer
	// ErrLimit is a server that shows more objects than Config allows.
	ErrLimit = clientsession.ErrLimit
	// ErrTimeout is a server that cannot be reached or says nothing.
	ErrTimeout = clientsession.ErrTimeout
	// ErrAuthentication is a server that wants authentication from a client
	// that has none.
	ErrAuthentication = clientsession.ErrAuthentication
	// ErrInbox is this program's failure to call Frame while the server sent.
	ErrInbox = errors.New("more has arrived than Config.MaxInbox allows: call Frame, which takes it in")
	// ErrClosed is the client's own Close.
	ErrClosed = errors.New("the client was closed")
)

// What can be wrong with a call.
var (
	// ErrNotConnected says that nothing can be sent, because the server has not
	// let the client in, or the connection is lost.
	ErrNotConnected = clientsession.ErrNotWelcomed
	// ErrGone says that the object has left the client's view.
	ErrGone = errors.New("client: the object has left the view")
	// ErrCommandRate says that the client sends more object messages than the
	// server allows: an unreliable one was not sent, for a reliable one too
	// many wait already.
	ErrCommandRate = clientsession.ErrCommandRate
)

// Codes with which servers of package pipes close connections for reasons that
// remain: what the client does will be refused again.
const (
	codeMalformed       transport.Code = 1100
	codeWrongState      transport.Code = 1101
	codeTooManyZones    transport.Code = 1102
	codeTooManyRequests transport.Code = 1103
	codeTooLarge        transport.Code = 1106
	codeKicked          transport.Code = 1109
)

// passing are the reasons for a rejection that pass, as servers of pipes and
// panda3d-pipes say them, in small letters. All others (a wrong password, DC files that differ,
// whatever a game's authenticator says) need somebody to do something. Somebody
// "already signed in" may be this client's own connection that was lost, and of
// which the server has not noticed yet.
var passing = []string{"server full", "server is full", "already signed in", "server is shutting down"}

// Temporary tells whether what ended a connection may pass, so that it is worth
// trying again: a full server, a lost connection, one that could not be made. Not
// temporary are other rejections, a kick, ErrServer, ErrLimit, ErrAuthentication,
// ErrClosed, transport.ErrUntrusted, and what the server told the client to have done
// wrong. Transports that carry no codes, such as tcp, cannot tell a kick from a lost connection.
func Temporary(err error) bool {
	var closed *transport.CloseError
	switch {
	case err == nil, errors.Is(err, ErrServer), errors.Is(err, ErrLimit), errors.Is(err, ErrAuthentication), errors.Is(err, ErrClosed),
		errors.Is(err, transport.ErrUntrusted):
		return false
	case errors.Is(err, ErrRejected):
		reason := strings.ToLower(err.Error())
		for _, p := range passing {
			if strings.Contains(reason, p) {
				return true
			}
		}
		return false
	case errors.As(err, &closed) && closed.Remote:
		switch closed.Code {
		case codeMalformed, codeWrongState, codeTooManyZones, codeTooManyRequests, codeTooLarge, codeKicked:
			return false
		}
	}
	return true
}
