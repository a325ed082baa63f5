package clientagent

import (
	"net/netip"
)

// EventKind is what happened.
type EventKind int

// The events that a client agent tells (astron.md section 8).
const (
	ClientConnected    EventKind = iota // a session began
	ClientDisconnected                  // the client said goodbye, or a server dropped it
	ClientLost                          // the connection broke; Reason says how
	ClientEjected                       // the client was thrown out; Code and Reason are set
)

// Event is what an event logger is told about a session.
type Event struct {
	Kind EventKind
	// Channel is the session's allocated channel.
	Channel uint64
	// Remote and Local are the addresses of both ends, invalid where they are
	// not known.
	Remote, Local netip.AddrPort
	// Code and Reason are why the client was thrown out or lost.
	Code   Code
	Reason string
	// Security says that the client broke a rule.
	Security bool
}
