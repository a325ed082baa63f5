package eventlogger

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/vmihailenco/msgpack/v5"
)

// An Event is what a role tells the event logger. Names of details should
// differ from each other and from "type" and "sender".
type Event struct {
	Type    string // what happened, like "client-connected"
	Sender  string // to whom, like "Client:1000000000"
	Details []Detail
}

// Detail is a named value of an event. As in Astron values are texts.
type Detail struct{ Name, Value string }

// Packet returns the packet of an event, which is a MessagePack map of texts:
// type, sender, details.
func (e Event) Packet() []byte {
	var b bytes.Buffer
	enc := msgpack.NewEncoder(&b)
	// Writing to a buffer does not fail.
	_ = enc.EncodeMapLen(2 + len(e.Details))
	pair := func(name, value string) {
		_ = enc.EncodeString(name)
		_ = enc.EncodeString(value)
	}
	pair("type", e.Type)
	pair("sender", e.Sender)
	for _, d := range e.Details {
		pair(d.Name, d.Value)
	}
	return b.Bytes()
}

// The events of a client agent about the client whose allocated channel is
// given, as Astron sends them.

// ClientConnected says that a client is there.
func ClientConnected(channel uint64, remote, local netip.AddrPort) Event {
	return clientEvent("client-connected", channel, addresses(remote, local)...)
}

// ClientDisconnected says that a client went away in order.
func ClientDisconnected(channel uint64, remote, local netip.AddrPort) Event {
	return clientEvent("client-disconnected", channel, addresses(remote, local)...)
}

// ClientLost says that the connection to a client broke.
func ClientLost(channel uint64, remote, local netip.AddrPort, reason string) Event {
	return clientEvent("client-lost", channel, append(addresses(remote, local), Detail{"reason", reason})...)
}

// ClientEjected says that a client was thrown out. Security means that it
// broke a rule.
func ClientEjected(channel uint64, code uint16, reason string, security bool) Event {
	kind := "client-ejected"
	if security {
		kind = "client-ejected-security"
	}
	return clientEvent(kind, channel,
		Detail{"reason_code", strconv.Itoa(int(code))}, Detail{"reason_msg", reason})
}

func clientEvent(kind string, channel uint64, details ...Detail) Event {
	return Event{Type: kind, Sender: "Client:" + strconv.FormatUint(channel, 10), Details: details}
}

func addresses(remote, local netip.AddrPort) []Detail {
	return []Detail{{"remote_address", remote.String()}, {"local_address", local.String()}}
}
