package clientagent

import (
	"container/list"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"

	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

// client is a client's session: one connection and one participant. All of it
// is touched inside the order only, but for what is said to be elsewhere.
type client struct {
	agent       *Agent
	participant md.Participant
	conn        transport.Conn
	door        *door
	remote      netip.AddrPort
	local       netip.AddrPort
	tlvs        []byte // of the proxy's header
	quiet       bool   // it is a proxy's own connection, which is no event

	channel uint64 // the allocated one; 0 if there was none
	id      uint64 // the session channel: the sender of all that the client causes
	state   State
	over    bool // the session has ended; nothing is received or sent any more
	queued  bool // see md.Outlet.Queued

	hello, login, heartbeat *list.Element // deadlines

	objects  map[uint32]object
	sessions map[uint32]struct{} // session objects; they need not be known
	sendable map[uint32][]uint16 // fields that it may send in addition
	opened   map[uint64]struct{} // channels that servers have opened
	history  history
	posts    int // post-removes
	declared int // objects

	interests  map[uint16]interest
	places     map[uint64]place // by location channel
	zones      int              // in all interests
	operations map[uint32]*operation
	pending    map[uint32]*operation // by doId, which operation holds its messages back
	asking     int                   // operations whose answers are under way
	line       []*operation          // those that wait for them; some may have ended
	changes    session.Bucket        // of interest, by the client
	held       int                   // bytes of messages that are held back
	context    uint32                // the last one given out

	// Of the goroutine that receives from the client:
	meter session.Meter

	deaf  atomic.Bool // the session is over: what still comes need not be looked at
	stall session.Stall
}

// start begins the session.
func (c *client) start() {
	a := c.agent
	c.channel = a.channels.take()
	if c.channel == 0 {
		a.count.connected++
		a.sessions++
		c.eject(CodeOther, "The server is at capacity: no channel is left.")
		return
	}
	c.id = c.channel
	c.participant.Receiver = c
	c.subscribe(c.channel)
	c.subscribe(md.AllClients)
	a.sessions++
	a.count.connected++
	now := a.clock()
	c.heartbeat = a.heartbeats.add(now, func() {
		c.eject(CodeNoHeartbeat, "No heartbeat came for %v.", a.settings.HeartbeatTimeout)
	})
	c.hello = a.hellos.add(now, func() {
		if c.state == StateNew {
			c.eject(CodeOther, "No hello came within %v.", a.settings.HelloTimeout)
		}
	})
	c.login = a.logins.add(now, func() {
		if c.state != StateEstablished {
			c.eject(CodeOther, "The login took longer than %v.", a.settings.AuthTimeout)
		}
	})
	c.tell(Event{Kind: ClientConnected})
}

func (c *client) tell(e Event) {
	if c.quiet && e.Kind != ClientEjected {
		return
	}
	e.Channel, e.Remote, e.Local = c.channel, c.remote, c.local
	c.agent.settings.Event(e)
}

// subscribe makes the session hear a channel. What makes the director refuse
// is far beyond the limits of clients; a client without would see a world
// that stands still.
func (c *client) subscribe(ch uint64) {
	if c.over {
		return
	}
	if err := c.agent.director.Subscribe(&c.participant, ch); err != nil {
		c.eject(CodeOther, "The server cannot follow more channels for this client.")
	}
}

// send queues a message for the client.
func (c *client) send(m transport.Message) {
	if c.over {
		return
	}
	n := &c.agent.count
	if err := c.conn.Send(m); err != nil {
		switch {
		case errors.Is(err, transport.ErrFull):
			c.lose("it does not read what it is sent: its write buffer is full")
		case errors.Is(err, transport.ErrTooLarge):
			n.ignored++
		}
		return // else it is closed, and Closed on the way
	}
	n.sent++
	n.sentBytes += uint64(len(m.Data))
	c.door.outlet.Queued(c.conn, &c.queued)
}

// sendWritten sends what was written after Agent.begin.
func (c *client) sendWritten() { c.send(transport.Message{Data: c.agent.scratch.Buf}) }

// sendObject sends a message about an object without anything more.
func (c *client) sendObject(t Type, doID uint32) {
	c.agent.begin(t).Uint32(doID)
	c.sendWritten()
}

// ejection is why a client must go.
type ejection struct {
	code   Code
	reason string
}

func because(code Code, format string, args ...any) *ejection {
	return &ejection{code, fmt.Sprintf(format, args...)}
}

// eject throws the client out by a decision of the agent. It hears code and
// reason, and nothing that it has sent after what caused it counts.
func (c *client) eject(code Code, format string, args ...any) {
	c.ejectAs(because(code, format, args...), code.rule())
}

func (c *client) ejectAs(e *ejection, security bool) {
	if c.over {
		return
	}
	w := c.agent.begin(Eject)
	w.Uint16(uint16(e.code))
	w.String(e.reason)
	c.sendWritten()
	if c.over {
		return // the buffer was full
	}
	c.agent.count.ejected[e.code]++
	c.tell(Event{Kind: ClientEjected, Code: e.code, Reason: e.reason, Security: security})
	c.agent.log.Log(slog.LevelWarn, "eject "+e.code.label()+" "+c.remote.Addr().String(), "client ejected",
		slog.Any("address", c.remote), slog.Uint64("client", c.channel), slog.Int("code", int(e.code)), slog.String("reason", transport.CutReason(e.reason)))
	c.end()
	c.conn.Close(closeCode(e.code), e.reason)
}

// leave ends the session in order, without a word.
func (c *client) leave(reason string) {
	if c.over {
		return
	}
	c.agent.count.disconnected++
	c.tell(Event{Kind: ClientDisconnected})
	c.end()
	c.conn.Close(transport.CodeNormal, reason)
}

// lose ends the session because the connection is broken.
func (c *client) lose(reason string) {
	if c.over {
		return
	}
	c.agent.count.lost++
	c.tell(Event{Kind: ClientLost, Reason: reason})
	c.end()
	c.conn.Close(transport.CodeNetwork, reason)
}

// end takes the session apart: its objects go, those who wait for an interest
// are answered, and its post-removes are sent.
func (c *client) end() {
	a := c.agent
	c.over = true
	c.deaf.Store(true)
	a.sessions--
	a.hellos.remove(c.hello)
	a.logins.remove(c.login)
	a.heartbeats.remove(c.heartbeat)
	for _, doID := range sortedKeys(c.sessions) {
		a.director.Emit(&c.participant).Begin(md.StateServerObjectDeleteRAM, c.id, uint64(doID)).Uint32(doID)
		_ = a.director.Emit(&c.participant).End()
	}
	for _, ctx := range sortedKeys(c.operations) {
		op := c.operations[ctx]
		a.operations.remove(op.timer)
		a.count.pendingBytes -= op.bytes
		for _, w := range op.waiters {
			if w.left--; w.left == 0 && !w.cancelled {
				c.answer(w.caller, w.interest)
			}
		}
	}
	a.count.objects -= c.inView()
	a.count.interests -= len(c.interests)
	a.director.Leave(&c.participant)
	if c.channel != 0 {
		a.channels.give(c.channel)
	}
	c.hello, c.login, c.heartbeat = nil, nil, nil
	c.objects, c.sessions, c.sendable, c.opened, c.history = nil, nil, nil, nil, history{}
	c.interests, c.places, c.operations, c.pending, c.line = nil, nil, nil, nil, nil
}

func sortedKeys[K interface{ ~uint32 | ~uint64 }, V any](m map[K]V) []K {
	if len(m) == 0 {
		return nil
	}
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
