package pipes

import (
	"sync"
	"sync/atomic"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// refusal is why a message has no effect, but for what the world refuses and
// counts itself.
type refusal uint8

const (
	refusedNot         refusal = iota // it has
	refusedNotFinite                  // an argument is NaN or infinite
	refusedNotText                    // an argument is text that is not UTF-8
	refusedTooFast                    // an unreliable command above the command rate
	refusedZone                       // the game refused the interest
	refusedUnknownType                // not a message that the server knows
	refusedAck                        // an acknowledgement of what was not sent, or was acknowledged before
	refusals
)

// refusalNames are the reasons' names in metrics.
var refusalNames = [refusals]string{
	refusedNotFinite:   "not_finite",
	refusedNotText:     "not_text",
	refusedTooFast:     "command_rate",
	refusedZone:        "zone",
	refusedUnknownType: "unknown_type",
	refusedAck:         "acknowledgement",
}

func (r refusal) String() string { return refusalNames[r] }

// counters count what many goroutines do.
type counters struct {
	held, delayed, oversize, unknown, dropped, pongs atomic.Uint64

	refused  [refusals]atomic.Uint64
	received [receivedTypes]atomic.Uint64

	mu                      sync.Mutex
	rejected                map[rejection]uint64
	ejected                 map[transport.Code]uint64
	connected, disconnected uint64
	sent                    sent
	flushes                 uint64
}

func (n *counters) refuse(r refusal) { n.refused[r].Add(1) }

func (n *counters) reject(why rejection) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rejected == nil {
		n.rejected = make(map[rejection]uint64)
	}
	n.rejected[why]++
}

func (n *counters) eject(code transport.Code) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ejected == nil {
		n.ejected = make(map[transport.Code]uint64)
	}
	n.ejected[code]++
}

func (n *counters) connect() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.connected++
}

func (n *counters) disconnect() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.disconnected++
}

// flushed counts what was queued for clients in a tick.
func (n *counters) flushed(m *sent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flushes++
	n.sent.add(m)
}

// receivedTypes is how many kinds of messages are counted: those of
// panda3d-pipes, those of the extension, and all others as one.
const (
	plainTypes    = int(wire.SVAuthenticateResponse) + 1
	extTypes      = int(wire.ExtPingResp-wire.ExtSnapshot) + 1
	receivedTypes = plainTypes + extTypes + 1
)

func (n *counters) receive(t wire.Type) {
	i := receivedTypes - 1
	switch {
	case t <= wire.SVAuthenticateResponse:
		i = int(t)
	case t >= wire.ExtSnapshot && t <= wire.ExtPingResp:
		i = plainTypes + int(t-wire.ExtSnapshot)
	}
	n.received[i].Add(1)
}

// receivedName is the name in metrics of the messages counted at i.
func receivedName(i int) string {
	switch {
	case i < plainTypes:
		return wire.Type(i).String()
	case i < plainTypes+extTypes:
		return (wire.ExtSnapshot + wire.Type(i-plainTypes)).String()
	}
	return "unknown"
}

// sent counts what clients are sent.
type sent struct {
	snapshots, parts, generates, removes, messages, bytes uint64
}

func (n *sent) add(m *sent) {
	n.snapshots += m.snapshots
	n.parts += m.parts
	n.generates += m.generates
	n.removes += m.removes
	n.messages += m.messages
	n.bytes += m.bytes
}
