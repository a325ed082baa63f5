package world

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/internal/snapshot"
)

// This file is for protocols: what the sessions of package pipes and a world
// have to do with each other. Games need none of it.

// Viewer is a client's session as the world sees it. Its methods are called by
// the goroutine that drives the world, except Snapshot. They must return soon and
// must not call the world, except World.Do, Client.View and what says so.
type Viewer interface {
	// Joined gives the viewer its client, before anything else happens to it.
	Joined(c *Client)

	// Message is a message of an object that the client is to get. The client
	// may not know the object yet, or may be told only with the next snapshot:
	// a session holds back what is reliable until Client.Knows says so, and
	// drops it when Client.Sees denies the object's zone; what is not reliable
	// it drops. The message must not be modified and stays valid.
	Message(m *Message)

	// Snapshot is what the client is to be sent in a tick. It is called by any
	// goroutine, several at a time, but for one viewer only once per tick. s is
	// valid until it returns. See World.Generate for the contents of generates.
	Snapshot(s *snapshot.Snapshot)

	// Kick has the connection closed with a reason for the person. The client
	// leaves at once; nothing of Viewer is called any more, but Info.
	Kick(reason string)

	// Info tells what is known about the connection.
	Info() ClientInfo
}

// ClientInfo is what a session knows about its connection. What it does not know
// is zero.
type ClientInfo struct {
	Address    string        // of the peer
	RTT        time.Duration // the last round-trip time
	AverageRTT time.Duration
	Jitter     time.Duration // by how much round-trip times differ
	UpdateRate float64       // snapshots per second
	Extension  bool          // whether the extension of the protocol is spoken
}

// JoinConfig says who joins.
type JoinConfig struct {
	Account any // for Client.Account
	// MaxZones is how many zones the client may ask for at a time, 0 for any
	// number.
	MaxZones int
	// View is what was negotiated. Data is overwritten.
	View snapshot.ViewConfig
}

// Why Join lets nobody in.
var (
	// ErrFull says that there are as many clients as numbers for them.
	ErrFull = errors.New("world: all 65,535 numbers of clients are in use or rest")
	// ErrStopped says that the world has stopped.
	ErrStopped = errors.New("world: the world has stopped")
)

// Join lets a client in: v.Joined and Events.Joined are called before it
// returns. The game may have kicked the client meanwhile; then there is no
// error, but Client.Left is true. The error is ErrFull or ErrStopped.
func (w *World) Join(v Viewer, cfg JoinConfig) (*Client, error) {
	if w.stopped {
		return nil, ErrStopped
	}
	id, ok := w.clientIDs.take(w.tick)
	if !ok {
		return nil, ErrFull
	}
	c := &Client{
		world: w, id: id, account: cfg.Account, viewer: v, maxZones: cfg.MaxZones,
		zones: make(map[uint32]use),
	}
	cfg.View.Data = c
	c.view = w.index.NewView(cfg.View)
	w.clients[id] = c
	w.counters.Joined++
	v.Joined(c)
	if w.cfg.Events.Joined != nil {
		w.cfg.Events.Joined(c)
	}
	return c, nil
}

// Leave tells that the client's session has ended, and why; nil if the client
// said goodbye. Objects that belong to the client after Events.Left live on
// without an owner. The second Leave of a client does nothing.
func (c *Client) Leave(err error) {
	w := c.world
	if c.gone {
		return
	}
	c.gone = true
	delete(w.clients, c.id)
	if w.cfg.Events.Left != nil {
		w.cfg.Events.Left(c, err)
	}
	for len(c.owned) > 0 {
		c.owned[len(c.owned)-1].setOwner(nil)
	}
	c.view.Close()
	w.clientIDs.release(c.id, w.tick)
	w.counters.Left++
}

// View returns what the client holds: sessions acknowledge there, and set rate
// and budget.
func (c *Client) View() *snapshot.View { return c.view }

// Knows tells whether the client was told of the object, so that it understands
// messages of it.
func (c *Client) Knows(o *Object) bool { return o.entry != nil && c.view.Knows(o.entry) }

// InterestOp is what a client wants with zones.
type InterestOp uint8

// What clients can want.
const (
	SetInterest    InterestOp = iota // see these zones and no others
	AddInterest                      // see these zones too
	RemoveInterest                   // see these zones no more
)

// InterestError says that a client may not see a zone that it asked for.
type InterestError struct {
	Zone uint32
	Max  int // how many zones it may ask for, if that was the reason
}

// Error says which zone was refused and why.
func (e *InterestError) Error() string {
	if e.Max > 0 {
		return fmt.Sprintf("world: zone %d would be more than the %d zones that a client may ask for", e.Zone, e.Max)
	}
	return fmt.Sprintf("world: zone %d was refused", e.Zone)
}

// Interest changes the zones that a client sees as it asks for. Events.Interest
// decides on each that is new. All of it happens or nothing; the error is an
// [*InterestError] or ErrLeft. What has become of it is told by
// View.Mark and Passed.
func (c *Client) Interest(op InterestOp, zones []uint32) error {
	if c.gone {
		return ErrLeft
	}
	if op == RemoveInterest {
		return c.RemoveZones(zones...)
	}
	n := 0
	if op == AddInterest {
		n = c.explicit
	}
	seen := make(map[uint32]bool, len(zones))
	for _, z := range zones {
		had := c.zones[z].explicit
		if seen[z] {
			continue
		}
		seen[z] = true
		if op == SetInterest || !had {
			n++
		}
		if c.maxZones > 0 && n > c.maxZones {
			return &InterestError{Zone: z, Max: c.maxZones}
		}
		if had || c.world.cfg.Events.Interest == nil {
			continue
		}
		ok := c.world.cfg.Events.Interest(c, z)
		if c.gone {
			return ErrLeft
		}
		if !ok {
			return &InterestError{Zone: z}
		}
	}
	if op == SetInterest {
		return c.SetZones(zones...)
	}
	return c.AddZones(zones...)
}

// Refusal is why a client's message has no effect.
type Refusal uint8

// Reasons in the order in which they are looked for.
const (
	Accepted   Refusal = iota
	HasLeft            // the client has left
	NoObject           // there is no such object
	OutOfView          // the client does not see the object's zone
	NoField            // the field is not one of the object's class
	NoMessage          // the field is not atomic
	NotAllowed         // neither clsend, nor ownsend and the client's own object
	refusals
)

var refusalNames = [refusals]string{
	"accepted", "has_left", "no_object", "out_of_view", "no_field", "no_message", "not_allowed",
}

// String returns the name that metrics use.
func (r Refusal) String() string {
	if r < refusals {
		return refusalNames[r]
	}
	return fmt.Sprintf("Refusal(%d)", uint8(r))
}

// Receive takes a client's message for an object and calls the object's handler
// if the client may send it (pipes.md, "Object messages: who may send what").
// args are packed arguments of the field that were checked against the schema
// and are finite.
func (w *World) Receive(c *Client, doID uint32, f *dc.Field, args []byte) Refusal {
	r := w.receive(c, doID, f, args)
	w.counters.refused[r]++
	return r
}

func (w *World) receive(c *Client, doID uint32, f *dc.Field, args []byte) Refusal {
	o := w.objects[doID]
	switch {
	case c.gone:
		return HasLeft
	case o == nil:
		return NoObject
	case !c.Sees(o.zone):
		return OutOfView
	case f == nil || o.class.dc.Field(f.Number()) != f:
		return NoField
	case f.Kind() != dc.Atomic:
		return NoMessage
	case !f.Has(dc.ClSend) && !(f.Has(dc.OwnSend) && o.owner == c):
		return NotAllowed
	}
	if h, ok := o.handler.(MessageHandler); ok {
		h.Message(c, o, f, args)
	} else if w.cfg.Events.Message != nil {
		w.cfg.Events.Message(c, o, f, args)
	}
	return Accepted
}

// Message is a message of an object for clients. One that goes to many is the
// same for all of them.
type Message struct {
	Object   *Object
	Field    *dc.Field
	Args     []byte // packed
	Reliable bool

	// Tick is the one in which it was sent, State that of the object's last
	// change up to then: what a client must have applied before. A session
	// that held the message back until the client knew the object says the
	// tick of the generate for both, if that is newer.
	Tick, State uint32

	encoded []encoding
}

// encoding is what Encoded made.
type encoding struct {
	dialect int
	tick    uint32
	data    []byte
}

func (o *Object) message(f *field, args []byte) *Message {
	w := o.world
	return &Message{
		Object: o, Field: f.Field, Args: args, Reliable: !f.Has(dc.Unreliable),
		Tick: max(w.tick, w.index.Stamp()), State: o.entry.Changed(),
	}
}

// Encoded returns what encode makes of the message, and calls it only the first
// time for each dialect and tick, so that a message to many clients is encoded
// once. Dialects are the caller's. tick is what the message is to say instead of
// Tick, for a client that learnt of the object later. The result must not be
// modified and stays valid.
func (m *Message) Encoded(dialect int, tick uint32, encode func(m *Message, tick uint32) []byte) []byte {
	for i := range m.encoded {
		if e := &m.encoded[i]; e.dialect == dialect {
			if e.tick != tick {
				e.tick, e.data = tick, encode(m, tick)
			}
			return e.data
		}
	}
	b := encode(m, tick)
	m.encoded = append(m.encoded, encoding{dialect, tick, b})
	return b
}

// Generate is what clients are told of an object that is new to them.
type Generate struct {
	Class      *dc.Class
	DoID, Zone uint32
	Values     *object.State // the baseline: all its fields

	object *Object
}

// Calls yields the last arguments of atomic fields, by inherited index: of all
// that are required, and of those that are ram and were set.
func (g *Generate) Calls() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		o := g.object
		fields := g.Class.Fields()
		l := o.class.calls
		for k := range l.Len() {
			index := l.Index(k)
			var args []byte
			switch {
			case o.calls != nil && (o.calls.StampAt(k) != unset || fields[index].Has(dc.Required)):
				args = o.calls.At(k)
			case fields[index].Has(dc.Required):
				args = fields[index].AppendDefault(nil)
			default:
				continue
			}
			if !yield(index, args) {
				return
			}
		}
	}
}

// Generate returns what encode makes of the object of a snapshot's event, and
// calls it only the first time in a tick (but by each goroutine that comes before
// the first is done), so that an object that many clients learn of is encoded
// once. It may be called by Viewer.Snapshot only, on several goroutines at a
// time; the result must not be modified and stays valid.
func (w *World) Generate(e *snapshot.Object, encode func(g *Generate) []byte) []byte {
	if b, ok := w.generates.Load(e.ID()); ok {
		return b.([]byte)
	}
	o := w.objects[e.ID()]
	b, _ := w.generates.LoadOrStore(e.ID(), encode(&Generate{
		Class: o.class.dc, DoID: o.id, Zone: o.zone, Values: o.values, object: o,
	}))
	w.generated.Store(true)
	return b.([]byte)
}

// sealHook is what somebody does before and after a tick is sealed.
type sealHook struct{ before, after func(tick uint32) }

// OnSeal has functions called before and after each tick's snapshots are made;
// either may be nil. Sessions set budgets before and flush after. It returns a
// function that takes them away again.
func (w *World) OnSeal(before, after func(tick uint32)) (remove func()) {
	h := &sealHook{before, after}
	w.hooks = append(w.hooks[:len(w.hooks):len(w.hooks)], h)
	return func() {
		hooks := make([]*sealHook, 0, len(w.hooks))
		for _, o := range w.hooks {
			if o != h {
				hooks = append(hooks, o)
			}
		}
		w.hooks = hooks
	}
}

// seal ends a tick and makes its snapshots.
func (w *World) seal(tick uint32) {
	hooks := w.hooks
	for _, h := range hooks {
		if h.before != nil {
			h.before(tick)
		}
	}
	// It fails only for a tick that is sealed already.
	if err := w.index.Produce(tick, emit); err != nil {
		w.cfg.Log.Error("no snapshots", "error", err)
	}
	if w.generated.Swap(false) {
		w.generates.Clear()
	}
	for _, h := range hooks {
		if h.after != nil {
			h.after(tick)
		}
	}
}

func emit(v *snapshot.View, s *snapshot.Snapshot) { v.Data().(*Client).viewer.Snapshot(s) }
