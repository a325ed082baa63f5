package independent

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// Config says what a client is like.
type Config struct {
	// Schema is what the client plays with. Required.
	Schema *dc.Schema
	// Now is the time. Required.
	Now func() time.Duration
	// Rand decides what a client does that misbehaves. It is required for
	// AckLate, AckWild and AckLie.
	Rand *rand.Rand
	// Extension offers Culm's own dialect in the hello.
	Extension bool
	// Password and Hash are what the hello says. Hash 0 means the schema's.
	Password string
	Hash     uint32
	// UpdateRate and CommandRate are asked for, a second. 0 means 20 and 100.
	// In the plain dialect they end at 255.
	UpdateRate, CommandRate uint16
	// Acks is how the client acknowledges.
	Acks Acks
	// HoldParts is how many parts the client keeps whose structure it lacks.
	// 0 drops them.
	HoldParts int
	// Answer answers a question of the server's authenticator. nil leaves it
	// unanswered.
	Answer func(question []byte) []byte
	// Watch hears of what happens.
	Watch Watch
}

// Watch is called as things happen, on whatever goroutine hands the client its
// messages. nil functions are not called.
type Watch struct {
	Welcome func()
	// Generated comes after the object has the state that the generate had.
	Generated func(*Object)
	// State comes after an object took state of a snapshot, Moved after it
	// was told another zone.
	State, Moved func(*Object)
	// Removed comes after the object left, at a tick and for everybody, as the
	// server said; in the plain dialect it says neither.
	Removed func(o *Object, tick uint32, deleted bool)
	// Message comes when an object message takes effect. forced says that it
	// could not be held for the state it belongs to.
	Message func(o *Object, f *dc.Field, args []byte, forced bool)
	// Complete comes when the server has answered an interest request.
	Complete func(r Request)
}

// Client is one client on one connection. It is a transport.Handler. It is not
// safe for concurrent use: whoever advances the network calls all of it.
type Client struct {
	cfg  Config
	conn transport.Conn
	rand *rand.Rand

	helloed, welcomed, ended bool
	extension                bool // agreed on
	reason                   string
	closed                   error

	id         uint32
	tickRate   uint16
	update     uint16 // granted
	command    uint16
	firstTick  uint32
	lastTick   uint32 // of the newest snapshot, while ticked
	ticked     bool
	snapshots  int
	objects    map[uint32]*Object
	disabled   map[uint32]bool
	lives      int
	requests   []Request
	nextHandle uint16

	frames   int
	ackable  bool // something came since the last acknowledgement
	pinged   bool
	pingAt   time.Duration
	pingWait time.Duration
	pings    uint16
	late     []uint32 // plain ticks whose acknowledgement waits

	ext extension

	faults []Fault
	story  []event
	told   int
}

// Request is an interest request that is under way.
type Request struct {
	Handle uint16
	// Kind is how it changes the interest.
	Kind  InterestKind
	Zones []uint32
	At    time.Duration // when it was sent
}

// InterestKind is one of the three interest messages.
type InterestKind uint16

// The values are the plain message types.
const (
	SetInterest InterestKind = 5 + iota
	AddInterest
	RemoveInterest
)

// New makes a client, to be given to a transport's dial.
func New(cfg Config) *Client {
	if cfg.UpdateRate == 0 {
		cfg.UpdateRate = 20
	}
	if cfg.CommandRate == 0 {
		cfg.CommandRate = 100
	}
	if cfg.Hash == 0 {
		cfg.Hash = cfg.Schema.Hash()
	}
	return &Client{cfg: cfg, rand: cfg.Rand, objects: map[uint32]*Object{}, disabled: map[uint32]bool{},
		nextHandle: 1, ext: newExtension()}
}

// Opened implements transport.Handler: it says hello.
func (c *Client) Opened(conn transport.Conn) {
	c.conn = conn
	w := start(typeHello)
	w.String(c.cfg.Password)
	w.Uint32(c.cfg.Hash)
	w.Uint8(uint8(min(c.cfg.UpdateRate, 255)))
	w.Uint8(uint8(min(c.cfg.CommandRate, 255)))
	w.Float32(0.1)
	if c.cfg.Extension {
		w.Bytes([]byte("CULM"))
		w.Uint16(8)
		w.Uint32(1)
		w.Uint16(c.cfg.UpdateRate)
		w.Uint16(c.cfg.CommandRate)
	}
	c.helloed = true
	c.send(w, transport.Reliable)
}

// Received implements transport.Handler.
func (c *Client) Received(_ transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		c.receive(m)
	}
}

// Closed implements transport.Handler.
func (c *Client) Closed(_ transport.Conn, err error) { c.ended, c.closed = true, err }

func (c *Client) receive(m []byte) {
	r := datagram.NewReader(m)
	t := r.Uint16()
	if r.Err() != nil {
		c.fault(Broke, "a message of %d bytes", len(m))
		return
	}
	if !c.helloed {
		c.fault(Broke, "message %#x before the hello", t)
		return
	}
	if c.reason != "" {
		c.fault(Broke, "message %#x after a rejection", t)
		return
	}
	switch t {
	case typeHelloResp:
		c.helloResp(&r)
		return
	case typeAuthRequest:
		if c.welcomed {
			c.fault(Broke, "SV_AuthenticateRequest after the welcome")
		}
		if q := r.Blob(); r.Done() != nil {
			c.fault(Broke, "SV_AuthenticateRequest: %v", r.Done())
		} else if c.cfg.Answer != nil {
			w := start(typeAuthAnswer)
			w.Blob(c.cfg.Answer(q))
			c.send(w, transport.Reliable)
		}
		return
	case typeAuthResp:
		c.accepted(&r, "SV_AuthenticateResponse")
		return
	}
	if !c.welcomed {
		if !c.overtakes(t, r) {
			c.fault(Broke, "message %#x before the welcome", t)
		}
		return
	}
	if c.extension {
		c.receiveExtension(t, &r, m)
	} else {
		c.receivePlain(t, &r)
	}
}

// overtakes tells whether a message may come before the welcome: only what goes
// unreliably.
func (c *Client) overtakes(t uint16, r datagram.Reader) bool {
	switch {
	case t == typeExtSnapshot && c.cfg.Extension:
		return true
	case t == typeExtObjectMessage && c.cfg.Extension:
		r.Skip(8)
	case t != typeObjectMessage:
		return false
	}
	r.Skip(4)
	f := c.cfg.Schema.FieldByNumber(int(r.Uint16()))
	return r.Err() == nil && f != nil && mode(f) == transport.Unreliable
}

func (c *Client) helloResp(r *datagram.Reader) {
	if c.welcomed {
		c.fault(Broke, "a second SV_Hello_Resp")
		return
	}
	peek := *r
	if peek.Uint8() == 0 {
		c.accepted(r, "SV_Hello_Resp")
		return
	}
	if peek.Uint8() == 0 {
		r.Uint8()
		r.Uint8()
		c.welcome(r, "SV_Hello_Resp")
		return
	}
	// An authentication follows; the block says only the features.
	if rest := peek.Rest(); len(rest) > 0 {
		c.block(rest, false)
	}
}

// accepted reads uint8 accepted and what follows it.
func (c *Client) accepted(r *datagram.Reader, what string) {
	if r.Uint8() != 0 {
		c.welcome(r, what)
		return
	}
	reason := r.String()
	if err := r.Done(); err != nil {
		c.fault(Died, "%s with a rejection: %v", what, err)
	}
	if reason == "" {
		reason = "no reason given"
		c.fault(Broke, "%s: a rejection without a reason", what)
	}
	c.reason = reason
}

func (c *Client) welcome(r *datagram.Reader, what string) {
	if c.welcomed {
		c.fault(Broke, "%s: a second welcome", what)
	}
	c.id, c.tickRate = uint32(r.Uint16()), uint16(r.Uint8())
	tick := r.Uint32()
	c.firstTick = tick
	if r.Err() != nil {
		c.fault(Died, "%s: %v", what, r.Err())
	}
	if c.tickRate == 0 {
		c.fault(Broke, "%s: a tick rate of 0", what)
	}
	c.update, c.command = c.cfg.UpdateRate, c.cfg.CommandRate
	if rest := r.Rest(); len(rest) > 0 {
		c.block(rest, true)
	}
	c.welcomed = true
	c.note("welcome", c.id, tick, uint32(c.tickRate))
	if c.cfg.Watch.Welcome != nil {
		c.cfg.Watch.Welcome()
	}
}

// block reads what the extension has behind an accepting answer.
func (c *Client) block(b []byte, welcome bool) {
	if !c.cfg.Extension {
		c.fault(Broke, "%d bytes behind an answer to a plain hello", len(b))
		return
	}
	r := datagram.NewReader(b)
	if string(r.Bytes(4)) != "CULM" {
		c.fault(Broke, "bytes behind the answer that are no extension: % x", b)
		return
	}
	in := datagram.NewReader(r.Blob())
	if r.Done() != nil {
		c.fault(Broke, "the extension's block: %v", r.Done())
	}
	features := in.Uint32()
	if features&^1 != 0 {
		c.fault(Broke, "features %#x were not offered", features)
	}
	c.extension = features&1 != 0
	if welcome {
		id, rate := in.Uint32(), in.Uint16()
		update, command := in.Uint16(), in.Uint16()
		if id&0xffff != c.id && c.id != 0xffff {
			c.fault(Broke, "client id %d, in the block %d", c.id, id)
		}
		if uint16(min(rate, 255)) != c.tickRate {
			c.fault(Broke, "tick rate %d, in the block %d", c.tickRate, rate)
		}
		c.id, c.tickRate, c.update, c.command = id, rate, update, command
		if update == 0 || command == 0 || rate == 0 {
			c.fault(Broke, "rates %d, %d and %d", rate, update, command)
		}
	}
	if in.Done() != nil {
		c.fault(Broke, "inside the extension's block: %v", in.Done())
	}
}

func (c *Client) send(w datagram.Writer, mode transport.Mode) {
	if w.Err() != nil {
		panic(w.Err()) // a test asked for what cannot be said
	}
	c.Raw(w.Buf, mode)
}

// Raw sends any bytes as a message. What cannot be sent is dropped, as on a
// network.
func (c *Client) Raw(m []byte, mode transport.Mode) {
	if c.ended || c.conn == nil {
		return
	}
	_ = c.conn.Send(transport.Message{Data: m, Mode: mode})
	c.conn.Flush()
}

// Close ends the connection as a panda3d-pipes client does: without a word in
// the protocol.
func (c *Client) Close() {
	if c.conn != nil {
		c.conn.Close(transport.CodeNormal, "goodbye")
	}
}

// Disconnect says that the client leaves. Closing is then up to the server.
func (c *Client) Disconnect() { c.send(start(typeDisconnect), transport.Reliable) }

// Interest sends an interest request and returns its handle. A plain client
// like panda3d-pipes' uses the handle 1 always; handles of this one advance.
func (c *Client) Interest(kind InterestKind, zones ...uint32) uint16 {
	r := Request{Handle: c.nextHandle, Kind: kind, Zones: slices.Clone(zones), At: c.cfg.Now()}
	var w datagram.Writer
	if c.extension {
		c.nextHandle++
		w = start(typeExtSetInterest + uint16(kind-SetInterest))
		w.Uint16(r.Handle)
		w.Uint16(uint16(len(zones)))
	} else {
		c.nextHandle = uint16(uint8(c.nextHandle + 1))
		w = start(uint16(kind))
		w.Uint8(uint8(r.Handle))
		w.Uint8(uint8(len(zones)))
	}
	for _, z := range zones {
		w.Uint32(z)
	}
	c.requests = append(c.requests, r)
	c.send(w, transport.Reliable)
	c.note("-> interest", uint32(r.Handle), uint32(kind), uint32(len(zones)))
	return r.Handle
}

// completed takes the answer to an interest request. Requests are carried out
// one after the other, so they are answered in order.
func (c *Client) completed(handle uint16) {
	c.note("interest complete", 0, 0, uint32(handle))
	if len(c.requests) == 0 || c.requests[0].Handle != handle {
		c.fault(Broke, "interest %d complete, while waiting for %v", handle, c.requests)
		i := slices.IndexFunc(c.requests, func(r Request) bool { return r.Handle == handle })
		if i < 0 {
			return
		}
		c.requests = c.requests[i:]
	}
	r := c.requests[0]
	c.requests = c.requests[1:]
	if c.cfg.Watch.Complete != nil {
		c.cfg.Watch.Complete(r)
	}
}

// Pending returns the interest requests that were not answered yet.
func (c *Client) Pending() []Request { return c.requests }

// Send sends an object message. An error means that field or arguments do not
// fit the object's class.
func (c *Client) Send(o *Object, field string, args ...any) error {
	f := o.Class.FieldByName(field)
	if f == nil {
		return fmt.Errorf("%v has no field %q", o.Class, field)
	}
	w := start(typeObjectMessage)
	w.Uint32(o.ID)
	w.Uint16(uint16(f.Number()))
	b, err := f.Pack(w.Buf, args...)
	if err != nil {
		return err
	}
	c.Raw(b, mode(f))
	return nil
}

// SetRates asks for other rates, from 1.
func (c *Client) SetRates(update, command uint16) {
	if c.extension {
		w := start(typeExtSetRates)
		w.Uint16(update)
		w.Uint16(command)
		c.send(w, transport.Reliable)
		return
	}
	w := start(typeSetUpdateRate)
	w.Uint8(uint8(min(update, 255)))
	c.send(w, transport.Reliable)
	w = start(typeSetCommandRate)
	w.Uint8(uint8(min(command, 255)))
	c.send(w, transport.Reliable)
}

// SetAcks changes how the client acknowledges from now on.
func (c *Client) SetAcks(a Acks) { c.cfg.Acks = a }

// Welcomed tells whether the server has let the client in.
func (c *Client) Welcomed() bool { return c.welcomed }

// Extended tells whether the extension was agreed on.
func (c *Client) Extended() bool { return c.extension }

// Rejected is the reason that the server gave for not letting the client in.
func (c *Client) Rejected() string { return c.reason }

// Ended tells whether the connection is closed, and why.
func (c *Client) Ended() (bool, error) { return c.ended, c.closed }

// ID is the client's id; TickRate and Rates are ticks, snapshots and commands a
// second as the server said last.
func (c *Client) ID() uint32 { return c.id }

// TickRate is how many ticks a second the server has.
func (c *Client) TickRate() uint16 { return c.tickRate }

// Rates are the update rate and the command rate that count now. In the plain
// dialect they are what was asked for.
func (c *Client) Rates() (update, command uint16) { return c.update, c.command }

// Tick is that of the newest snapshot, or of the welcome before the first.
func (c *Client) Tick() uint32 {
	if c.ticked {
		return c.lastTick
	}
	return c.firstTick
}

// Snapshots is how many snapshots, or parts of some, the client was shown.
func (c *Client) Snapshots() int { return c.snapshots }

// Object returns the object of that id, nil when the client has none.
func (c *Client) Object(id uint32) *Object { return c.objects[id] }

// Objects returns all objects by id.
func (c *Client) Objects() []*Object {
	return slices.SortedFunc(maps.Values(c.objects), func(a, b *Object) int { return int(int64(a.ID) - int64(b.ID)) })
}
