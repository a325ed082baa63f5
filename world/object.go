package world

import (
	"errors"
	"fmt"
	"math"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/internal/snapshot"
)

// State is where an object is in its lifecycle; the numbers are Panda3D's
// (pipes.md, "Lifecycle").
type State uint8

// An object goes through these states from Fresh to Deleted.
const (
	Deleted   State = 0 // gone; its values can still be read
	Disabled  State = 1 // Delete has begun; it can still send messages
	Fresh     State = 2 // made but not in the world: fields can be set, nobody is told
	Generated State = 3 // in the world, in the midst of Generate
	Alive     State = 4 // in the world
)

// String returns the state's name.
func (s State) String() string {
	switch s {
	case Deleted:
		return "Deleted"
	case Disabled:
		return "Disabled"
	case Fresh:
		return "Fresh"
	case Generated:
		return "Generated"
	case Alive:
		return "Alive"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// StateError says that something was asked of an object that it cannot do in its
// state.
type StateError struct {
	Call   string // what was called, such as "Send"
	Object string // the object's class and doId
	State  State
	Advice string // what to do
}

// Error says what was wrong and what to do.
func (e *StateError) Error() string {
	return fmt.Sprintf("world: %s on %s, which is %v: %s", e.Call, e.Object, e.State, e.Advice)
}

// Object is a distributed object. Make it with [World.Spawn] or [World.NewObject].
type Object struct {
	world   *World
	class   *class
	entry   *snapshot.Object // nil before Generate and when Deleted
	values  *object.State
	calls   *object.State // nil as long as no call was kept
	handler any
	owner   *Client
	ownedAt int // where it is in owner.owned
	id      uint32
	zone    uint32
	state   State
}

// Handlers are what a game attaches to an object: any value that implements some
// of these interfaces.
type (
	// MessageHandler gets the messages that clients send to the object.
	MessageHandler interface {
		// Message tells that the client c called the atomic field f, which it
		// may. args are the packed arguments, checked and only valid during
		// the call; f.Unpack(args) gives Go values.
		Message(c *Client, o *Object, f *dc.Field, args []byte)
	}

	// GenerateHandler is told that the object is in the world, but not yet
	// Alive.
	GenerateHandler interface{ Generate(o *Object) }

	// AnnounceGenerateHandler is told that the object is Alive. Clients learn of
	// it with the next snapshot, in the state that it has then.
	AnnounceGenerateHandler interface{ AnnounceGenerate(o *Object) }

	// DisableHandler is told that the object is about to be deleted: it is still
	// in its zone and can send its last messages, but is changed no more.
	DisableHandler interface{ Disable(o *Object) }

	// DeleteHandler is told that the object is gone.
	DeleteHandler interface{ Delete(o *Object) }
)

// Spawn says what object World.Spawn makes.
type Spawn struct {
	Class string // of the DC files
	Zone  uint32

	// Owner is the client to whom the object belongs, nil for none. It sees the
	// object's zone as long as it owns it.
	Owner *Client

	// Handler implements some of [MessageHandler], [GenerateHandler],
	// [AnnounceGenerateHandler], [DisableHandler] and [DeleteHandler], or is
	// nil.
	Handler any

	// Weight is the object's importance; see [Object.SetWeight]. 0 means 1.
	Weight float64

	// Fields are values to set, by name: a parameter field's value, or a []any
	// with the arguments of an atomic field that is required or ram. Other
	// fields have the defaults of the DC files.
	Fields map[string]any
}

// Spawn makes an object and generates it: NewObject, Set and Generate in one. On
// an error there is no object.
func (w *World) Spawn(s Spawn) (*Object, error) {
	if err := checkWeight(s.Weight); err != nil {
		return nil, err
	}
	o, err := w.NewObject(s.Class, s.Handler)
	if err != nil {
		return nil, err
	}
	for name, value := range s.Fields {
		args, ok := value.([]any)
		if f := o.class.dc.FieldByName(name); !ok || f != nil && f.Kind() == dc.Parameter {
			args = []any{value}
		}
		if err := o.Set(name, args...); err != nil {
			return nil, err
		}
	}
	if err := o.generate(s.Zone, s.Owner, s.Weight); err != nil {
		return nil, err
	}
	return o, nil
}

// NewObject makes an object that is Fresh: its fields can be set, but nobody is
// told of it, and it has no doId, until Generate. One that is not wanted after
// all can just be forgotten. handler is what [Spawn.Handler] says.
func (w *World) NewObject(className string, handler any) (*Object, error) {
	c, err := w.class(className)
	if err != nil {
		return nil, err
	}
	if err := checkHandler(handler); err != nil {
		return nil, err
	}
	return &Object{
		world: w, class: c, handler: handler, state: Fresh,
		values: object.New(c.state, w.index.Stamp()),
	}, nil
}

func checkHandler(h any) error {
	switch h.(type) {
	case nil, MessageHandler, GenerateHandler, AnnounceGenerateHandler, DisableHandler, DeleteHandler:
		return nil
	}
	return fmt.Errorf("world: the handler %T has none of the methods that are called; see world.Spawn.Handler for their signatures", h)
}

// Generate puts a Fresh object into a zone, with an owner or nil, and gives it a
// doId. The handler's Generate and AnnounceGenerate are called in between; if
// one of them deletes the object, it is Deleted afterwards and the error is nil.
func (o *Object) Generate(zone uint32, owner *Client) error { return o.generate(zone, owner, 0) }

func (o *Object) generate(zone uint32, owner *Client, weight float64) error {
	w := o.world
	if o.state != Fresh {
		return o.wrong("Generate", "an object is generated once; make another one")
	}
	if owner != nil {
		if err := owner.usable(w); err != nil {
			return err
		}
	}
	id, ok := w.ids.take(w.tick)
	if !ok {
		return fmt.Errorf("world: all doIds from %d to %d are in use or rest; delete objects, widen Config.FirstID … LastID, or shorten ReuseDelay", w.cfg.FirstID, w.cfg.LastID)
	}
	o.id, o.zone, o.state = id, zone, Generated
	w.objects[id] = o
	o.entry = w.index.Add(id, o.values, zone)
	if weight != 0 {
		w.index.SetWeight(o.entry, weight)
	}
	if owner != nil {
		w.index.SetOwner(o.entry, owner.view)
		owner.own(o)
	}
	w.counters.Spawned++
	if h, ok := o.handler.(GenerateHandler); ok {
		h.Generate(o)
	}
	if o.state != Generated {
		return nil
	}
	o.state = Alive
	if h, ok := o.handler.(AnnounceGenerateHandler); ok {
		h.AnnounceGenerate(o)
	}
	return nil
}

// Delete takes the object out of the world, for everybody. The handler's Disable
// is called before and its Delete after it. A Fresh object is Deleted without
// anybody being told. Deleting an object again, or in the midst of it, is an
// error.
func (o *Object) Delete() error {
	w := o.world
	switch o.state {
	case Fresh:
		o.state = Deleted
		return nil
	case Disabled, Deleted:
		return o.wrong("Delete", "it is deleted already")
	}
	o.state = Disabled
	if h, ok := o.handler.(DisableHandler); ok {
		h.Disable(o)
	}
	o.state = Deleted
	w.index.Remove(o.entry)
	o.entry = nil
	if o.owner != nil {
		o.owner.disown(o)
	}
	delete(w.objects, o.id)
	w.ids.release(o.id, w.tick)
	w.counters.Deleted++
	if h, ok := o.handler.(DeleteHandler); ok {
		h.Delete(o)
	}
	return nil
}

// ID returns the doId, 0 as long as the object is Fresh.
func (o *Object) ID() uint32 { return o.id }

// Class returns the object's dclass.
func (o *Object) Class() *dc.Class { return o.class.dc }

// Zone returns the zone that the object is in, or was in last.
func (o *Object) Zone() uint32 { return o.zone }

// Owner returns the client to whom the object belongs, or nil.
func (o *Object) Owner() *Client { return o.owner }

// State returns where the object is in its lifecycle.
func (o *Object) State() State { return o.state }

// Handler returns what the object was made with.
func (o *Object) Handler() any { return o.handler }

// World returns the object's world.
func (o *Object) World() *World { return o.world }

// String returns the class' name and the doId.
func (o *Object) String() string {
	if o.id == 0 {
		return o.class.dc.Name()
	}
	return fmt.Sprintf("%s %d", o.class.dc.Name(), o.id)
}

func (o *Object) wrong(call, advice string) error {
	return &StateError{Call: call, Object: o.String(), State: o.state, Advice: advice}
}

// live returns an error unless the object is in the world and can be changed.
func (o *Object) live(call string) error {
	switch o.state {
	case Generated, Alive:
		return nil
	case Fresh:
		return o.wrong(call, "call Generate first")
	}
	return o.wrong(call, "it cannot be changed any more")
}

// Move puts the object into another zone. Clients that see both zones keep it,
// others learn of it or forget it.
func (o *Object) Move(zone uint32) error {
	if err := o.live("Move"); err != nil {
		return err
	}
	from := o.zone
	if from == zone {
		return nil
	}
	// The owner sees both zones in between, so that it keeps the object.
	if o.owner != nil {
		o.owner.need(zone)
	}
	o.zone = zone
	o.world.index.Move(o.entry, zone)
	if o.owner != nil {
		o.owner.unneed(from)
	}
	return nil
}

// SetOwner gives the object to a client, or to nobody with nil. The two clients
// concerned are told of a deletion and an object anew, since no message tells
// of a change of owner (pipes.md, SV_SetObjectOwner).
func (o *Object) SetOwner(c *Client) error {
	if err := o.live("SetOwner"); err != nil {
		return err
	}
	if c == o.owner {
		return nil
	}
	if c != nil {
		if err := c.usable(o.world); err != nil {
			return err
		}
	}
	o.setOwner(c)
	return nil
}

func (o *Object) setOwner(c *Client) {
	before := o.owner
	var view *snapshot.View
	if c != nil {
		view = c.view
	}
	o.world.index.SetOwner(o.entry, view)
	if before != nil {
		before.disown(o)
	}
	if c != nil {
		c.own(o)
	}
}

// SetWeight says how important the object is when a client's bandwidth is too
// small for everything that changed: twice the weight, twice as often. It is 1
// at first; values are brought into 1/1024 … 1024, and NaN is an error. A
// client's own objects come first in any case.
func (o *Object) SetWeight(weight float64) error {
	if err := o.live("SetWeight"); err != nil {
		return err
	}
	if err := checkWeight(weight); err != nil {
		return err
	}
	o.world.index.SetWeight(o.entry, weight)
	return nil
}

func checkWeight(weight float64) error {
	if math.IsNaN(weight) {
		return errors.New("world: a weight is NaN; use a number above 0, or 1 for no preference")
	}
	return nil
}
