package lan

// Stats are a server's counters. Those that end in "_total" count from the
// server's start.
type Stats struct {
	Clients int `metric:"clients" help:"Clients that are connected."`
	Objects int `metric:"objects" help:"Distributed objects that exist."`
	Zones   int `metric:"zones" help:"Zones with an object or an interested client."`

	Connected    uint64            `metric:"connected_total" help:"Clients that were let in."`
	Rejected     map[string]uint64 `metric:"rejected_total" label:"reason" help:"Connections that were not let in."`
	Ejected      map[string]uint64 `metric:"ejected_total" label:"reason" help:"Clients that the server disconnected."`
	Disconnected uint64            `metric:"disconnected_total" help:"Clients that left, said so or were lost."`
	Held         uint64            `metric:"held_total" help:"Times that a client was over its rate and read later."`

	Received map[string]uint64 `metric:"received_total" label:"message" help:"Well-formed messages of clients."`
	Refused  map[string]uint64 `metric:"refused_total" label:"reason" help:"Well-formed messages that the rules gave no effect."`

	Sent      uint64 `metric:"sent_total" help:"Messages queued for clients, each recipient counted."`
	SentBytes uint64 `metric:"sent_bytes_total" help:"Bytes of these messages."`
	Flushes   uint64 `metric:"flushes_total" help:"Times that queued messages were given to the network."`
}

// Stats returns the server's counters. It is safe for concurrent use.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &s.core.counters
	st := Stats{
		Clients:      len(s.core.clients),
		Objects:      len(s.core.objects),
		Zones:        len(s.core.zones),
		Connected:    s.connected,
		Disconnected: s.disconnected,
		Held:         s.held.Load(),
		Rejected:     make(map[string]uint64),
		Ejected:      make(map[string]uint64),
		Received: map[string]uint64{
			"update": n.updates, "generate": n.generates, "delete": n.deletes, "set_zone": n.zoneChanges,
			"interest": n.interests, "heartbeat": n.heartbeats, "disconnect": n.disconnects,
		},
		Refused:   make(map[string]uint64),
		Sent:      n.sent,
		SentBytes: n.sentBytes,
	}
	if s.flusher != nil {
		st.Flushes = s.flusher.Count()
	}
	for reason, n := range s.rejected {
		st.Rejected[reason] = n
	}
	for code, n := range s.ejected {
		st.Ejected[codeName(code)] = n
	}
	for r, n := range n.refused {
		st.Refused[refusalNames[r]] = n
	}
	return st
}
