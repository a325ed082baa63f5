package clientsession

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/pipes/wire"
)

// Lifecycle is where an object stands, by panda3d-pipes' names and numbers.
type Lifecycle uint8

// A client's objects go from Fresh to Alive, and then to Disabled or Deleted.
const (
	Deleted   Lifecycle = iota // it exists no more
	Disabled                   // it has left the client's view
	Fresh                      // its generate has come, but not its state; nobody was told of it
	Generated                  // it has its state; Events.Generated and the required methods
	Alive                      // it is fully known
)

// String returns the name.
func (l Lifecycle) String() string {
	return [...]string{"deleted", "disabled", "fresh", "generated", "alive"}[l]
}

// Object is a distributed object as the client knows it. It belongs to its
// session. After its removal it stays as it was; its doId may then be another
// object's.
type Object struct {
	// Data is the caller's.
	Data any

	doID     uint32
	class    *dc.Class
	zone     uint32
	owner    bool
	life     Lifecycle
	state    *object.State // of the parameter fields, with ticks as stamps
	tick     uint32        // of state
	has      bool          // state is the server's, not only the DC file's defaults
	zoneTick uint32        // of zone; extension only
	made     wire.Stamp    // of the generate; extension only
	generate []byte        // the generate's body, while Fresh
	size     int           // bytes that it counts in Session.size
	held     []Message     // that wait for newer state, in order
}

// ID returns the doId.
func (o *Object) ID() uint32 { return o.doID }

// Class returns the object's class.
func (o *Object) Class() *dc.Class { return o.class }

// Zone returns the zone that the object was last said to be in. In the plain
// dialect that is where it was generated.
func (o *Object) Zone() uint32 { return o.zone }

// Owned tells whether the client owns the object.
func (o *Object) Owned() bool { return o.owner }

// Lifecycle returns where the object stands.
func (o *Object) Lifecycle() Lifecycle { return o.life }

// Tick returns the tick of the server of which the state is: that of the last
// snapshot with something of the object, or of its generate. It never goes back
// in an object's life. Generates of the plain dialect tell none; then it is that of
// the last snapshot before.
func (o *Object) Tick() uint32 { return o.tick }

// Value returns the packed value of the parameter field of that inherited index
// (its index in Class().Fields()), nil if the class has no such field. It must
// not be modified, and is valid until the session's next call.
func (o *Object) Value(index int) []byte { return o.state.Value(index) }

// FieldTick returns the tick since when the parameter field of that inherited
// index is known to have its value, 0 if the class has no such field.
func (o *Object) FieldTick(index int) uint32 { return o.state.Stamp(index) }

// Values passes over the parameter fields, by inherited index with their packed
// values; see Value.
func (o *Object) Values() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		l := o.state.Layout()
		for k := range l.Len() {
			if !yield(l.Index(k), o.state.At(k)) {
				return
			}
		}
	}
}

// Object returns the object of that doId, nil if the client has none, or has not
// got its state yet.
func (s *Session) Object(doID uint32) *Object {
	if o := s.objects[doID]; o != nil && o.life != Fresh {
		return o
	}
	return nil
}

// Objects passes over all objects that the client has, in any order.
func (s *Session) Objects() iter.Seq[*Object] {
	return func(yield func(*Object) bool) {
		for _, o := range s.objects {
			if o.life != Fresh && !yield(o) {
				return
			}
		}
	}
}

// fieldValue is a checked field of a message that is to be applied.
type fieldValue struct {
	index int
	value []byte
}

// read passes over an object's fields and keeps them for apply, so that nothing
// is applied when one of them is wrong.
func (s *Session) read(f *wire.Fields) error {
	s.fields = s.fields[:0]
	for f.Next() {
		s.fields = append(s.fields, fieldValue{f.Index(), f.Value()})
	}
	return f.Err()
}

// apply gives an object the fields that were read, and notes which of them
// differ. With them its state is that of the tick.
func (s *Session) apply(o *Object, tick uint32) error {
	s.changed = s.changed[:0]
	told := o.life == Fresh // nobody knows it
	for _, f := range s.fields {
		if !told && !bytes.Equal(o.state.Value(f.index), f.value) {
			told = true
			if s.events.Updating(o); s.phase == ended {
				return s.err
			}
		}
		changed, err := o.state.Set(f.index, f.value, tick)
		if err != nil {
			return fmt.Errorf("object %d: %w", o.doID, err)
		}
		if changed {
			s.changed = append(s.changed, f.index)
		}
	}
	o.tick, o.has = tick, true
	return s.account(o)
}

// account counts an object's bytes.
func (s *Session) account(o *Object) error {
	size := o.state.Size() + len(o.generate)
	s.size += size - o.size
	o.size = size
	if s.size > s.config.MaxBytes {
		return fmt.Errorf("%w: values of over %d bytes, which Config.MaxBytes allows", ErrLimit, s.config.MaxBytes)
	}
	return nil
}

// updated tells of what apply did, and delivers what waited for it.
func (s *Session) updated(o *Object) {
	if len(s.changed) > 0 {
		s.events.Updated(o, s.changed)
	}
	s.deliver(o, false)
}

// add makes the object of a generate, with its baseline.
func (s *Session) add(m *wire.Generate, tick uint32) (*Object, error) {
	if len(s.objects) >= s.config.MaxObjects {
		return nil, fmt.Errorf("%w: over %d objects, which Config.MaxObjects allows", ErrLimit, s.config.MaxObjects)
	}
	l, err := s.layout(m.Class)
	if err != nil {
		return nil, err
	}
	o := &Object{
		doID:     m.DoID,
		class:    m.Class,
		zone:     m.Zone,
		owner:    m.Type == wire.SVGenerateOwnerObject || m.Type == wire.ExtGenerateOwner,
		life:     Fresh,
		state:    object.New(l, tick),
		tick:     tick,
		zoneTick: m.Stamp.Tick,
		made:     m.Stamp,
		// Without fields it has all the state that there will be.
		has: l.Len() == 0,
	}
	s.objects[m.DoID] = o
	if !m.HasBaseline {
		return o, s.account(o)
	}
	f := m.BaselineFields()
	if err := s.read(&f); err != nil {
		return nil, err
	}
	return o, s.apply(o, tick)
}

// layout returns how the state of a class's objects is kept.
func (s *Session) layout(class *dc.Class) (*object.Layout, error) {
	l := s.layouts[class]
	if l == nil {
		var err error
		l, err = object.NewLayout(class, func(f *dc.Field) bool { return f.Kind() == dc.Parameter })
		if err != nil {
			return nil, err
		}
		s.layouts[class] = l
	}
	return l, nil
}

// show tells of an object that has its state: it is generated, its required
// methods are called, it is announced.
func (s *Session) show(o *Object, required wire.Fields) {
	o.life = Generated
	s.events.Generated(o)
	for s.phase != ended && required.Next() {
		s.events.Message(o, Message{Field: required.Field(), Args: required.Value(), Tick: o.tick, State: o.tick})
	}
	if s.phase == ended {
		return
	}
	o.life = Alive
	s.events.Announced(o)
	s.deliver(o, false)
}

// drop forgets an object and tells of it.
func (s *Session) drop(o *Object, to Lifecycle) {
	shown := o.life != Fresh
	if shown {
		s.deliver(o, true)
	} else {
		s.discard(o)
	}
	delete(s.objects, o.doID)
	s.size -= o.size
	o.life = to
	if shown && s.phase != ended {
		s.events.Removed(o)
	}
}
