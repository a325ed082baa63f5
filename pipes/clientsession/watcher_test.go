package clientsession

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// watcher is an owner of a session that holds it to its promises: an object is
// told of only between generate and removal, its tick never goes back, and a
// message does not come before its state unless the session counted it.
type watcher struct {
	session *Session
	shown   map[*Object]uint32 // tick of its state
	alive   map[*Object]bool
	wrong   []string
	closed  int
	// updating is the object that was said to be about to change, and old its
	// values by then.
	updating *Object
	old      map[int][]byte

	// If not nil, what a test wants to know besides.
	updated func(o *Object)
	message func(o *Object, m Message)
	removed func(o *Object)
}

func (w *watcher) fault(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// see is said for each event about an object.
func (w *watcher) see(o *Object, what string) {
	tick, ok := w.shown[o]
	switch {
	case w.closed > 0:
		w.fault("%s of %d after the end", what, o.ID())
	case !ok:
		w.fault("%s of %d, which is not shown", what, o.ID())
	case wire.Newer(tick, o.Tick()):
		w.fault("%s of %d: state of tick %d after %d", what, o.ID(), o.Tick(), tick)
	case w.session.Object(o.ID()) != o:
		w.fault("%s of %d, which the session does not have", what, o.ID())
	}
	w.shown[o] = o.Tick()
}

func (w *watcher) Welcomed() {
	if len(w.shown) > 0 {
		w.fault("objects before the welcome")
	}
}

func (w *watcher) Generated(o *Object) {
	if w.shown == nil {
		w.shown, w.alive = map[*Object]uint32{}, map[*Object]bool{}
	}
	for other := range w.shown {
		if other.ID() == o.ID() {
			w.fault("%d is generated twice", o.ID())
		}
	}
	if o.Lifecycle() != Generated {
		w.fault("%d is %v when generated", o.ID(), o.Lifecycle())
	}
	w.shown[o] = o.Tick()
	w.see(o, "generate")
}

func (w *watcher) Announced(o *Object) {
	w.see(o, "announce")
	if w.alive[o] || o.Lifecycle() != Alive {
		w.fault("%d is announced while %v", o.ID(), o.Lifecycle())
	}
	w.alive[o] = true
}

func (w *watcher) Updating(o *Object) {
	if w.see(o, "updating"); w.updating != nil {
		w.fault("%d is updating in the midst of an update", o.ID())
	}
	w.updating, w.old = o, map[int][]byte{}
	for i, value := range o.Values() {
		w.old[i] = bytes.Clone(value)
	}
}

func (w *watcher) Updated(o *Object, fields []int) {
	if w.updating != o {
		w.fault("update of %d without updating", o.ID())
	}
	w.updating = nil
	for _, i := range fields {
		if bytes.Equal(o.Value(i), w.old[i]) {
			w.fault("field %d of %d is what it was before", i, o.ID())
		}
	}
	w.see(o, "update")
	if !w.alive[o] || len(fields) == 0 {
		w.fault("update of %v, alive %v", fields, w.alive[o])
	}
	for _, i := range fields {
		if err := o.Class().Fields()[i].Check(o.Value(i)); err != nil || o.FieldTick(i) != o.Tick() {
			w.fault("field %d of %d has tick %d of %d, %v", i, o.ID(), o.FieldTick(i), o.Tick(), err)
		}
	}
	if w.updated != nil {
		w.updated(o)
	}
}

func (w *watcher) ZoneChanged(o *Object, from uint32) {
	w.see(o, "move")
	if from == o.Zone() {
		w.fault("%d moves from %d to itself", o.ID(), from)
	}
}

func (w *watcher) Message(o *Object, m Message) {
	w.see(o, "message")
	if err := m.Field.Check(m.Args); err != nil || o.Class().Field(m.Field.Number()) != m.Field {
		w.fault("message %v of %v: %v", m.Field, o.Class(), err)
	}
	if wire.Newer(m.State, o.Tick()) && w.session.stats.Early == 0 && o.state.Layout().Len() > 0 {
		w.fault("message of %d needs tick %d, it is %d", o.ID(), m.State, o.Tick())
	}
	if w.message != nil {
		w.message(o, m)
	}
}

func (w *watcher) Removed(o *Object) {
	if _, ok := w.shown[o]; !ok || o.Lifecycle() > Disabled {
		w.fault("%d is removed while %v", o.ID(), o.Lifecycle())
	}
	delete(w.shown, o)
	delete(w.alive, o)
	if w.removed != nil {
		w.removed(o)
	}
}

func (w *watcher) InterestComplete(uint32) {}

func (w *watcher) Snapshot(Snapshot) {}

func (w *watcher) RatesGranted(update, command uint16) {
	if update == 0 || command == 0 {
		w.fault("rates %d and %d", update, command)
	}
}

func (w *watcher) Ended(err error) {
	if w.closed++; w.closed > 1 || err == nil {
		w.fault("closed %d times, %v", w.closed, err)
	}
}

// check compares what was told with what the session has, and its sums with its
// parts.
func (w *watcher) check() error {
	s := w.session
	size, held := 0, 0
	for id, o := range s.objects {
		if _, shown := w.shown[o]; id != o.doID || shown != (o.life != Fresh) {
			return fmt.Errorf("object %d, by doId %d: %v, shown %v", o.doID, id, o.life, shown)
		}
		if o.size != o.state.Size()+len(o.generate) {
			return fmt.Errorf("object %d counts %d bytes", o.doID, o.size)
		}
		size += o.size
		for _, m := range o.held {
			held += m.heldSize()
		}
	}
	for o := range w.shown {
		if s.objects[o.doID] != o {
			return fmt.Errorf("object %d is shown, but not there", o.doID)
		}
	}
	parts := 0
	for i := range s.parts.list {
		parts += s.parts.list[i].size()
	}
	switch {
	case len(w.wrong) > 0:
		return errors.New(w.wrong[0])
	case (w.closed > 0) != (s.Err() != nil):
		return fmt.Errorf("told of %d ends, %v", w.closed, s.Err())
	case s.Err() == nil && (size != s.size || held != s.heldSize || parts != s.parts.size):
		return fmt.Errorf("%d bytes of objects counted as %d, %d of messages as %d, %d of parts as %d", size, s.size, held, s.heldSize, parts, s.parts.size)
	case s.Err() == nil && (size > s.config.MaxBytes || held > s.config.MaxHeld || parts > s.config.MaxHeld || len(s.objects) > s.config.MaxObjects):
		return fmt.Errorf("%d objects, %d bytes of them, %d of messages, %d of parts: too many", len(s.objects), size, held, parts)
	}
	return nil
}

// sink takes what a session sends, and keeps nothing.
type sink struct{}

func (sink) Send(transport.Message) error { return nil }
