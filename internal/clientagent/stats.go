package clientagent

import (
	"time"

	"github.com/culm-net/culm/internal/session"
)

// Stats are an agent's counters. Those that end in "_total" count from its
// beginning.
type Stats struct {
	Clients      int `metric:"clients" help:"Clients that are connected."`
	Objects      int `metric:"objects" help:"Objects in the views of all clients, each counted for each of them."`
	Interests    int `metric:"interests" help:"Interests of all clients."`
	PendingBytes int `metric:"pending_bytes" help:"Bytes that are held back while interests open."`

	Connected    uint64            `metric:"connected_total" help:"Clients that were let in."`
	Refused      map[string]uint64 `metric:"refused_total" label:"reason" help:"Connections that were not let in."`
	Ejected      map[string]uint64 `metric:"ejected_total" label:"code" help:"Clients that were thrown out, by the code that they were told."`
	Disconnected uint64            `metric:"disconnected_total" help:"Clients that said goodbye, or that a server dropped."`
	Lost         uint64            `metric:"lost_total" help:"Clients whose connection broke or took too little."`
	Held         uint64            `metric:"held_total" help:"Times that a client was read later because it or all together sent too much."`

	Received  map[string]uint64 `metric:"received_total" label:"message" help:"Messages of clients."`
	Ignored   uint64            `metric:"ignored_total" help:"Messages of servers to clients that made no sense, or that a limit did not allow."`
	Sent      uint64            `metric:"sent_total" help:"Messages queued for clients."`
	SentBytes uint64            `metric:"sent_bytes_total" help:"Bytes of these messages."`

	Operations    uint64        `metric:"interest_operations_total" help:"Times that the objects of new zones were asked for."`
	Timeouts      uint64        `metric:"interest_timeouts_total" help:"Times that not all answered before the timeout, or too much was held back."`
	Late          uint64        `metric:"interest_late_total" help:"Objects that answered too late."`
	OperationTime time.Duration `metric:"interest_operations_seconds_total" help:"How long these took together."`
}

// counters are what Stats is made from, inside the order.
type counters struct {
	objects, interests, pendingBytes int
	connected, disconnected, lost    uint64
	ignored, sent, sentBytes         uint64
	operations, timeouts, late       uint64
	operationTime                    time.Duration
	ejected                          map[Code]uint64
	messages                         [messageKinds]uint64
}

// messageKinds are how messages of clients are told apart in counters.
const messageKinds = 8

var messageNames = [messageKinds]string{"other", "hello", "disconnect", "heartbeat", "update", "location", "add_interest", "remove_interest"}

func (n *counters) received(t Type) {
	kind := 0
	switch t {
	case Hello:
		kind = 1
	case Disconnect:
		kind = 2
	case Heartbeat:
		kind = 3
	case ObjectSetField:
		kind = 4
	case ObjectLocation:
		kind = 5
	case AddInterest, AddInterestMultiple:
		kind = 6
	case RemoveInterest:
		kind = 7
	}
	n.messages[kind]++
}

// refusal is why a connection is not let in.
type refusal int

const (
	refusedFull refusal = iota
	refusedAddress
	refusedDraining
	refusals
)

var refusalNames = [refusals]string{"full", "address_full", "draining"}

func refusalOf(err error) refusal {
	if err == session.ErrAddressFull {
		return refusedAddress
	}
	return refusedFull
}

// Stats returns the agent's counters. It waits for its turn in the director's
// order: it may be called from any goroutine, but not from inside.
func (a *Agent) Stats() Stats {
	var st Stats
	done := make(chan struct{})
	a.director.Do(func() {
		n := &a.count
		st = Stats{
			Clients: a.sessions, Objects: n.objects, Interests: n.interests, PendingBytes: n.pendingBytes,
			Connected: n.connected, Disconnected: n.disconnected, Lost: n.lost,
			Ignored: n.ignored, Sent: n.sent, SentBytes: n.sentBytes,
			Operations: n.operations, Timeouts: n.timeouts, Late: n.late, OperationTime: n.operationTime,
			Ejected:  make(map[string]uint64, len(codes)),
			Received: make(map[string]uint64, len(n.messages)),
		}
		for _, code := range codes {
			st.Ejected[code.label()] = 0 // who watches a counter must see it before the first time
		}
		for code, k := range n.ejected {
			st.Ejected[code.label()] = k
		}
		for kind, k := range n.messages {
			st.Received[messageNames[kind]] = k
		}
		close(done)
	})
	<-done
	st.Held = a.held.Load()
	st.Refused = make(map[string]uint64)
	a.mu.Lock()
	defer a.mu.Unlock()
	for r, k := range a.refused {
		st.Refused[refusalNames[r]] = k
	}
	return st
}
