package clientsession

import "github.com/culm-net/culm/dc"

// Events is told what happens in a session, inside Receive, Frame and
// Disconnect. It may call the session's methods except for those that the
// network's owner calls: Start, Receive, Frame and ConnectionClosed. Slices are
// valid until the call returns.
//
// Embed [NoEvents] to leave some out.
type Events interface {
	// Welcomed is called once, when the server has let the client in. From now
	// on it can ask for interest.
	Welcomed()
	// Generated is called when an object comes into view and has its state;
	// it is now [Generated]. Calls of Message for the required methods follow,
	// and ram ones that were set, and then Announced.
	Generated(o *Object)
	// Announced is called when the object is fully known, and [Alive].
	Announced(o *Object)
	// Updating is called before each Updated, while the object still has its old
	// state and tick.
	Updating(o *Object)
	// Updated is called when fields of an object have changed: their inherited
	// indices, as they stand in the message. The state is that of o.Tick().
	Updated(o *Object, fields []int)
	// ZoneChanged is called when an object has moved to another zone that the
	// client sees. If state came with it, Updated follows.
	ZoneChanged(o *Object, from uint32)
	// Message is called for each object message of the server.
	Message(o *Object, m Message)
	// Removed is called when an object leaves the view: it is now [Deleted],
	// or [Disabled] if it exists elsewhere. Servers of panda3d-pipes say
	// deleted of all that leaves the interest.
	Removed(o *Object)
	// InterestComplete is called when the server has sent all that a change
	// of interest brought and took; id is what the change returned.
	InterestComplete(id uint32)
	// Snapshot is called when a snapshot, or a part of one, has been applied,
	// after the calls that it caused.
	Snapshot(s Snapshot)
	// RatesGranted is called when the server says how many snapshots and
	// commands per second it grants. In the plain dialect it never does.
	RatesGranted(update, command uint16)
	// Ended is called once, last of all: the session has ended. Objects stay
	// as they are; Removed is not called for them.
	Ended(err error)
}

// Message is an object message: the server calls a method of an object.
type Message struct {
	Field *dc.Field // atomic, of the object's class
	Args  []byte    // packed and checked
	// Tick is that in which it was sent; in the plain dialect, which does not
	// say, that of the last snapshot.
	Tick uint32
	// State is the tick of the object's last change before; see docs/pipes.md.
	// The object's state is that new, or newer, except when too much waited,
	// or the object was removed before that state came. In the plain dialect,
	// where all comes in order, it is the object's tick.
	State uint32
}

// Snapshot is what was applied.
type Snapshot struct {
	Tick uint32
	// Whole says that the client has all state of that tick now: all parts of
	// the snapshot, of which the server did not put anything off. Objects that it
	// is still to learn of or to forget do not count; InterestComplete tells of
	// the former. It is true once per snapshot at most, and not if some part was
	// lost. The plain dialect does not tell what a server has put off; there it
	// is false.
	Whole bool
}

// NoEvents is an [Events] that does nothing.
type NoEvents struct{}

// Welcomed does nothing.
func (NoEvents) Welcomed() {}

// Generated does nothing.
func (NoEvents) Generated(*Object) {}

// Announced does nothing.
func (NoEvents) Announced(*Object) {}

// Updating does nothing.
func (NoEvents) Updating(*Object) {}

// Updated does nothing.
func (NoEvents) Updated(*Object, []int) {}

// ZoneChanged does nothing.
func (NoEvents) ZoneChanged(*Object, uint32) {}

// Message does nothing.
func (NoEvents) Message(*Object, Message) {}

// Removed does nothing.
func (NoEvents) Removed(*Object) {}

// InterestComplete does nothing.
func (NoEvents) InterestComplete(uint32) {}

// Snapshot does nothing.
func (NoEvents) Snapshot(Snapshot) {}

// RatesGranted does nothing.
func (NoEvents) RatesGranted(update, command uint16) {}

// Ended does nothing.
func (NoEvents) Ended(error) {}
