package ai

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// UpdateHandler is told of the field updates of an object: of one that the AI
// manages those with airecv that others have sent, of an UberDOG all that are
// sent to it, and of one in an [Interest] those with broadcast. sender is the
// channel that the update is from; that of a client is good for [AI.Session].
// args are the packed arguments, checked and valid only during the call;
// f.Unpack(args) gives Go values.
type UpdateHandler interface {
	Update(o *Object, sender uint64, f *dc.Field, args []byte)
}

// MoveHandler is told that somebody else has moved an object.
type MoveHandler interface {
	Moved(o *Object, from Location)
}

// DeleteHandler is told that an object is gone: deleted, given to another AI, or
// no longer in an interest.
type DeleteHandler interface{ Delete(o *Object) }

// Location is where an object is. Parent 0 is nowhere.
type Location struct{ Parent, Zone uint32 }

func (l Location) channel() uint64 { return md.LocationChannel(l.Parent, l.Zone) }

type kind uint8

const (
	gone    kind = iota
	fresh        // not on a state server yet
	managed      // this AI is its AI
	uberdog      // has no place on a state server
	viewed       // of an interest
	remote       // of whom the AI knows nothing but the doId
)

// Object is a distributed object that the AI manages, an UberDOG, one that an
// interest of the AI shows, or one that [AI.Remote] names.
type Object struct {
	// Data is the game's own.
	Data any

	ai      *AI
	id      uint32
	class   *dc.Class
	kind    kind
	place   Location
	owner   uint64
	handler any
	values  map[int][]byte // packed, of required and ram fields, by number
	at      int            // in AI.order
	born    bool           // was created here
	tied    uint64         // the client of which it is a session object; 0 for none

	// self is the sender of what an UberDOG sends and the hearer of what is sent
	// to it, so that it can speak with objects of its own AI.
	self md.Participant
}

// Create says which object is made.
type Create struct {
	Class string // of the DC files
	// DoID is its number, 0 for the next one from FirstID on.
	DoID uint32
	// Parent and Zone are where it is; parent 0 is nowhere.
	Parent, Zone uint32
	// Owner is the channel of its owner, such as a client's session; 0 is
	// nobody.
	Owner uint64
	// Handler implements some of [UpdateHandler], [MoveHandler] and
	// [DeleteHandler], or is nil.
	Handler any
	// Fields are values to begin with, by name: a parameter field's value, or a
	// []any with the arguments of an atomic field that is required or ram.
	// Other required fields have the defaults of the DC files.
	Fields map[string]any
}

// Create makes an object. It is on its way to the state server when Create
// returns, and will be there before whatever is sent to it. A doId that another
// AI has given to an object is not noticed here: the state server logs it, and
// the object does not come to be.
func (a *AI) Create(c Create) (*Object, error) {
	o, err := a.NewObject(c.Class, c.Handler)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		args, ok := c.Fields[name].([]any)
		if f := o.class.FieldByName(name); !ok || f != nil && f.Kind() == dc.Parameter {
			args = []any{c.Fields[name]}
		}
		if err := o.Set(name, args...); err != nil {
			return nil, err
		}
	}
	if err := o.Generate(Generate{DoID: c.DoID, Parent: c.Parent, Zone: c.Zone, Owner: c.Owner}); err != nil {
		return nil, err
	}
	return o, nil
}

// NewObject makes an object that is on no state server until its Generate. Until
// then Set gives it values to begin with and sends nothing. handler is as in
// [Create].
func (a *AI) NewObject(class string, handler any) (*Object, error) {
	c, err := a.dclass(class)
	if err != nil {
		return nil, err
	}
	o := &Object{ai: a, class: c, kind: fresh, handler: handler, values: make(map[int][]byte), born: true}
	for _, f := range c.RequiredFields() {
		o.values[f.Number()] = f.AppendDefault(nil)
	}
	return o, nil
}

// Generate says as what an object is put on the state server; its fields are as
// in [Create].
type Generate struct {
	DoID         uint32
	Parent, Zone uint32
	Owner        uint64
}

// Generate puts an object of [AI.NewObject] on the state server, as [AI.Create]
// says.
func (o *Object) Generate(g Generate) (err error) {
	a := o.ai
	switch {
	case o.kind != fresh:
		return fmt.Errorf("ai: the %s %d has been generated already", o.class.Name(), o.id)
	case g.DoID == 0:
		if g.DoID, err = a.freeID(); err != nil {
			return err
		}
	case md.ReservedDoID(g.DoID):
		return fmt.Errorf("ai: the doId %d belongs to the protocol: choose one from 1000 on", g.DoID)
	case a.objects[g.DoID] != nil:
		return fmt.Errorf("ai: the doId %d is in use", g.DoID)
	case uint64(g.DoID) == a.config.Channel:
		return fmt.Errorf("ai: the doId %d is the AI's own channel, where the object would hear what is for the AI: choose another one", g.DoID)
	}
	o.id, o.place, o.owner = g.DoID, Location{g.Parent, g.Zone}, g.Owner
	if err := a.announce(o); err != nil {
		return err
	}
	o.kind = managed
	a.add(o)
	return nil
}

func (a *AI) dclass(name string) (*dc.Class, error) {
	class := a.config.Schema.Class(name)
	if class == nil || class.IsStruct() {
		return nil, fmt.Errorf("ai: there is no dclass %s in the DC files", name)
	}
	return class, nil
}

func (a *AI) add(o *Object) {
	o.at = len(a.order)
	a.order = append(a.order, o)
	a.objects[o.id] = o
}

// remove forgets an object and tells its handler.
func (a *AI) remove(o *Object) {
	if o.kind == gone {
		return
	}
	if o.kind == viewed {
		delete(a.seen, o.id)
	} else {
		delete(a.objects, o.id)
		a.order[o.at] = nil
		if a.gaps++; a.gaps > len(a.order)/2 {
			a.order = slices.DeleteFunc(a.order, func(o *Object) bool { return o == nil })
			for i, o := range a.order {
				o.at = i
			}
			a.gaps = 0
		}
	}
	o.kind = gone
	if h, ok := o.handler.(DeleteHandler); ok {
		h.Delete(o)
	}
}

// freeID returns the next doId that is not in use.
func (a *AI) freeID() (uint32, error) {
	if a.config.LastID == 0 {
		return 0, fmt.Errorf("ai: Create.DoID is missing, and so are Config.FirstID and LastID")
	}
	for range uint64(a.config.LastID-a.config.FirstID) + 1 {
		id := a.nextID
		if a.nextID++; id == a.config.LastID {
			a.nextID = a.config.FirstID
		}
		if a.objects[id] == nil && uint64(id) != a.config.Channel {
			return id, nil
		}
	}
	return 0, ErrNoID
}

// announce makes an object on the state server, and this AI its AI.
func (a *AI) announce(o *Object) error {
	t := md.StateServerCreateObjectWithRequired
	var others []*dc.Field
	for _, f := range o.class.Fields() {
		if _, ok := o.values[f.Number()]; ok && !f.Has(dc.Required) {
			others = append(others, f)
			t = md.StateServerCreateObjectWithRequiredOther
		}
	}
	err := a.send(&a.self, t, a.config.StateServer, func(w *datagram.Writer) {
		w.Uint32(o.id)
		w.Uint32(o.place.Parent)
		w.Uint32(o.place.Zone)
		w.Uint16(uint16(o.class.Number()))
		for _, f := range o.class.RequiredFields() {
			w.Bytes(o.values[f.Number()])
		}
		if len(others) > 0 {
			w.Uint16(uint16(len(others)))
		}
		for _, f := range others {
			w.Uint16(uint16(f.Number()))
			w.Bytes(o.values[f.Number()])
		}
	})
	if err != nil {
		return err
	}
	_ = a.send(&a.self, md.StateServerObjectSetAI, uint64(o.id), func(w *datagram.Writer) { w.Uint64(a.config.Channel) })
	if o.owner != 0 {
		_ = a.send(&a.self, md.StateServerObjectSetOwner, uint64(o.id), func(w *datagram.Writer) { w.Uint64(o.owner) })
	}
	return nil
}

// UberDOG makes the AI hear what is sent to a fixed doId, also by clients that
// have not logged in if the cluster's configuration says so. The object has no
// place on a state server and keeps no values.
func (a *AI) UberDOG(doID uint32, class string, handler any) (*Object, error) {
	c, err := a.dclass(class)
	if err != nil {
		return nil, err
	}
	switch {
	case md.ReservedDoID(doID):
		return nil, fmt.Errorf("ai: the doId %d belongs to the protocol: choose one from 1000 on", doID)
	case a.objects[doID] != nil:
		return nil, fmt.Errorf("ai: the doId %d is in use", doID)
	}
	o := &Object{ai: a, id: doID, class: c, kind: uberdog, handler: handler}
	o.self.Receiver = (*uberdogEar)(o)
	if err := a.director.Subscribe(&o.self, uint64(doID)); err != nil {
		return nil, err
	}
	a.add(o)
	return o, nil
}

// Remote returns a name for an object that the AI need not know, such as an
// UberDOG of another process: what is set and sent to it goes to its doId. It has
// no values, and whether there is such an object is not known.
func (a *AI) Remote(doID uint32, class string) (*Object, error) {
	c, err := a.dclass(class)
	if err != nil {
		return nil, err
	}
	return &Object{ai: a, id: doID, class: c, kind: remote}, nil
}

// Object returns an object that the AI manages, an UberDOG of it, or one that it
// sees by an interest; nil if there is none.
func (a *AI) Object(doID uint32) *Object {
	if o := a.objects[doID]; o != nil {
		return o
	}
	return a.seen[doID]
}

// Objects yields the objects that the AI manages and its UberDOGs, in the order
// of their creation. They may be deleted meanwhile.
func (a *AI) Objects() iter.Seq[*Object] {
	return func(yield func(*Object) bool) {
		for _, o := range slices.Clone(a.order) {
			if o != nil && o.kind != gone && !yield(o) {
				return
			}
		}
	}
}

// ID returns the doId, 0 before Generate.
func (o *Object) ID() uint32 { return o.id }

// Class returns the object's dclass.
func (o *Object) Class() *dc.Class { return o.class }

// AI returns the AI that the object belongs to.
func (o *Object) AI() *AI { return o.ai }

// Location returns where the object is, as far as the AI knows.
func (o *Object) Location() Location { return o.place }

// Owner returns the channel of its owner, as this AI has set it, or 0.
func (o *Object) Owner() uint64 { return o.owner }

// Managed reports whether this AI is the object's AI.
func (o *Object) Managed() bool { return o.kind == managed }

// Gone reports whether the object is deleted, of another AI now, or no longer
// in an interest.
func (o *Object) Gone() bool { return o.kind == gone }

// Handler returns what the object was made with.
func (o *Object) Handler() any { return o.handler }

// SetHandler exchanges the handler.
func (o *Object) SetHandler(handler any) { o.handler = handler }

// mine returns an error if the object is not on a state server with this AI as
// its AI.
func (o *Object) mine() error {
	switch o.kind {
	case managed:
		return nil
	case fresh:
		return errFresh
	}
	return ErrGone
}

var errFresh = errors.New("ai: the object is on no state server yet: call its Generate first")

// Move puts the object elsewhere.
func (o *Object) Move(parent, zone uint32) error {
	if err := o.mine(); err != nil {
		return err
	}
	o.place = Location{parent, zone}
	return o.tell(md.StateServerObjectSetLocation, func(w *datagram.Writer) {
		w.Uint32(parent)
		w.Uint32(zone)
	})
}

// SetOwner gives the object to the owner of a channel, such as a client's
// session; 0 is nobody.
func (o *Object) SetOwner(channel uint64) error {
	if err := o.mine(); err != nil {
		return err
	}
	o.owner = channel
	return o.tell(md.StateServerObjectSetOwner, func(w *datagram.Writer) { w.Uint64(channel) })
}

// SetAI gives the object to another AI. It is gone from this one, but not
// deleted.
func (o *Object) SetAI(channel uint64) error {
	if err := o.mine(); err != nil {
		return err
	}
	err := o.tell(md.StateServerObjectSetAI, func(w *datagram.Writer) { w.Uint64(channel) })
	if channel != o.ai.config.Channel {
		o.ai.remove(o)
	}
	return err
}

// Delete deletes the object for everybody; its handler's Delete is called before
// it returns. An UberDOG is only no longer heard.
func (o *Object) Delete() error {
	switch o.kind {
	case uberdog:
		o.ai.director.Leave(&o.self)
	default:
		if err := o.mine(); err != nil {
			return err
		}
		_ = o.tell(md.StateServerObjectDeleteRAM, func(w *datagram.Writer) { w.Uint32(o.id) })
	}
	o.ai.remove(o)
	return nil
}

// tell sends something to the object.
func (o *Object) tell(t md.Type, payload func(w *datagram.Writer)) error {
	return o.ai.send(o.from(), t, uint64(o.id), payload)
}

// from is who speaks for the object.
func (o *Object) from() *md.Participant {
	if o.kind == uberdog {
		return &o.self
	}
	return &o.ai.self
}
