package clientagent

import (
	"strconv"

	"github.com/culm-net/culm/transport"
)

// Type is the number of a message between client and client agent. A message
// is uint16 type, payload (astron.md sections 1 and 7.2).
type Type uint16

// What follows the type; ctx is a uint32 by which the asker knows the answer,
// doId, parent and zone are uint32, id is the uint16 of an interest. REQ and
// OTHER are an object's values as in astron.md section 1.1.
const (
	Hello                         Type = 1   // from clients: uint32 DC hash, string version
	HelloResp                     Type = 2   // to clients: nothing
	Disconnect                    Type = 3   // from clients: nothing
	Eject                         Type = 4   // to clients: uint16 code, string reason
	Heartbeat                     Type = 5   // from clients: nothing
	ObjectSetField                Type = 120 // both ways: doId, uint16 field, value
	ObjectSetFields               Type = 121 // to clients: doId, uint16 n, n × (uint16 field, value)
	ObjectLeaving                 Type = 132 // to clients: doId
	ObjectLocation                Type = 140 // both ways: doId, parent, zone
	EnterObjectRequired           Type = 142 // to clients: doId, parent, zone, uint16 class, REQ_C
	EnterObjectRequiredOther      Type = 143 // the same, OTHER_C
	ObjectLeavingOwner            Type = 161 // to clients: doId
	EnterObjectRequiredOwner      Type = 172 // to clients: doId, parent, zone, uint16 class, REQ_O
	EnterObjectRequiredOtherOwner Type = 173 // the same, OTHER_O
	AddInterest                   Type = 200 // both ways: ctx, id, parent, zone
	AddInterestMultiple           Type = 201 // both ways: ctx, id, parent, uint16 n, n × zone
	RemoveInterest                Type = 203 // both ways: ctx, id
	DoneInterestResp              Type = 204 // to clients: ctx, id
)

// Code is the number in a message Eject that says why a client is thrown out.
// Servers of a game may use others (astron.md section 7.4).
type Code uint16

// The codes that a client agent uses by itself.
const (
	CodeOther              Code = 1   // no channel is left, a deadline is over, a limit is reached, an interest to remove is not there
	CodeOversized          Code = 106 // bytes follow the message, or it is too long to be passed on
	CodeNoHello            Code = 107 // the first message was another than Hello
	CodeInvalidType        Code = 108 // the message is not allowed in the session's state
	CodeTruncated          Code = 109 // the message ends too early
	CodeAnonymousViolation Code = 113 // an update of an object that is only for those who are logged in
	CodeForbiddenInterest  Code = 115 // an interest that the client may not open or close
	CodeMissingObject      Code = 117 // an update of an object that the client does not know
	CodeForbiddenField     Code = 118 // a field that the client may not send
	CodeForbiddenRelocate  Code = 119 // a move that the client may not make
	CodeBadVersion         Code = 124 // the client's version is not the server's
	CodeBadHash            Code = 125 // the client's DC hash is not the server's
	CodeBadValue           Code = 127 // a value that the DC file does not allow
	CodeSessionObject      Code = 153 // a session object is gone
	CodeMaintenance        Code = 154 // the server is shutting down
	CodeNoHeartbeat        Code = 345 // no heartbeat came
)

// codes are all of them.
var codes = [...]Code{
	CodeOther, CodeOversized, CodeNoHello, CodeInvalidType, CodeTruncated, CodeAnonymousViolation, CodeForbiddenInterest, CodeMissingObject,
	CodeForbiddenField, CodeForbiddenRelocate, CodeBadVersion, CodeBadHash, CodeBadValue, CodeSessionObject, CodeMaintenance, CodeNoHeartbeat,
}

// closeCode is a code as the transport is told it.
func closeCode(c Code) transport.Code { return 1000 + transport.Code(c) }

func (c Code) label() string { return strconv.Itoa(int(c)) }

// rule reports whether a code says that the client broke a rule of the game,
// which is an event of its own in the event log.
func (c Code) rule() bool {
	switch c {
	case CodeOversized, CodeInvalidType, CodeAnonymousViolation, CodeForbiddenInterest, CodeMissingObject,
		CodeForbiddenField, CodeForbiddenRelocate, CodeBadValue:
		return true
	}
	return false
}

// State is how far a client's session has come.
type State uint16

// The numbers are those of CLIENTAGENT_SET_STATE.
const (
	StateNew         State = 0 // it has not said hello
	StateAnonymous   State = 1 // it may speak with anonymous UberDOGs
	StateEstablished State = 2 // a server of the game has let it in
)
