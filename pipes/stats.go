package pipes

import "github.com/culm-net/culm/transport"

// Stats are a server's counters, beside those of its world. Those that end in
// "_total" count from the server's start.
type Stats struct {
	Connections int `metric:"connections" help:"Connections that are open, let in or not."`

	Connected    uint64            `metric:"connected_total" help:"Clients that were let in."`
	Rejected     map[string]uint64 `metric:"rejected_total" label:"reason" help:"Clients that were not let in."`
	Ejected      map[string]uint64 `metric:"ejected_total" label:"reason" help:"Clients that the server disconnected."`
	Disconnected uint64            `metric:"disconnected_total" help:"Clients that left, said so or were lost."`

	Received map[string]uint64 `metric:"received_total" label:"message" help:"Well-formed messages of clients."`
	Refused  map[string]uint64 `metric:"refused_total" label:"reason" help:"Well-formed messages without effect, beside those that the world refuses."`
	Held     uint64            `metric:"held_total" help:"Times that a client was over its rate and read later."`
	Delayed  uint64            `metric:"delayed_commands_total" help:"Reliable object messages above the command rate that took effect later."`
	Pongs    uint64            `metric:"pongs_total" help:"Pings that were answered at once."`

	Snapshots uint64 `metric:"snapshots_total" help:"Snapshots queued for clients."`
	Parts     uint64 `metric:"snapshot_parts_total" help:"Messages of these snapshots."`
	Generates uint64 `metric:"generates_total" help:"Objects that clients were told of, each recipient counted."`
	Removes   uint64 `metric:"removes_total" help:"Objects that clients were told to forget, each recipient counted."`
	Messages  uint64 `metric:"object_messages_total" help:"Object messages queued for clients, each recipient counted."`
	SentBytes uint64 `metric:"sent_bytes_total" help:"Bytes of all messages queued for clients, but for pongs."`
	Flushes   uint64 `metric:"flushes_total" help:"Ticks after which something was given to the network."`

	Dropped  uint64 `metric:"dropped_total" help:"Unreliable messages that a client's send queue had no room for."`
	Unknown  uint64 `metric:"unknown_object_messages_total" help:"Object messages not sent, since the client did not learn of the object in time."`
	Oversize uint64 `metric:"oversize_messages_total" help:"Object messages not sent, since they are longer than the transport takes."`
}

// Stats returns the server's counters. It is safe for concurrent use.
func (s *Server) Stats() Stats {
	n := &s.counters
	st := Stats{
		Connections: s.admission.Total(),
		Rejected:    make(map[string]uint64),
		Ejected:     make(map[string]uint64),
		Received:    make(map[string]uint64),
		Refused:     make(map[string]uint64),
		Held:        n.held.Load(),
		Delayed:     n.delayed.Load(),
		Pongs:       n.pongs.Load(),
		Dropped:     n.dropped.Load(),
		Unknown:     n.unknown.Load(),
		Oversize:    n.oversize.Load(),
	}
	for i := range n.received {
		if v := n.received[i].Load(); v > 0 {
			st.Received[receivedName(i)] = v
		}
	}
	for r := refusedNot + 1; r < refusals; r++ {
		st.Refused[r.String()] = n.refused[r].Load()
	}
	// Who watches a counter must see it before the first time.
	for _, why := range rejections {
		st.Rejected[string(why)] = 0
	}
	for code := CodeMalformed; code <= CodeKicked; code++ {
		st.Ejected[codeName(code)] = 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	st.Connected, st.Disconnected, st.Flushes = n.connected, n.disconnected, n.flushes
	for why, v := range n.rejected {
		st.Rejected[string(why)] = v
	}
	for code, v := range n.ejected {
		st.Ejected[codeName(code)] = v
	}
	st.Snapshots, st.Parts = n.sent.snapshots, n.sent.parts
	st.Generates, st.Removes, st.Messages = n.sent.generates, n.sent.removes, n.sent.messages
	st.SentBytes = n.sent.bytes
	return st
}

// codeName is the name of a code in metrics and logs.
func codeName(c transport.Code) string {
	switch c {
	case CodeMalformed:
		return "malformed"
	case CodeWrongState:
		return "wrong_state"
	case CodeTooManyZones:
		return "too_many_zones"
	case CodeTooManyRequests:
		return "too_many_requests"
	case CodeTooFast:
		return "too_fast"
	case CodeTooSlow:
		return "too_slow"
	case CodeTooLarge:
		return "too_large"
	case CodeNoHello:
		return "no_hello"
	case CodeSilent:
		return "silent"
	case CodeKicked:
		return "kicked"
	}
	return c.String()
}
