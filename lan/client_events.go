package lan

import (
	"encoding/binary"
	"iter"

	"github.com/culm-net/culm/dc"
)

// Object is what a client knows of a distributed object, its own or another
// client's.
type Object struct {
	DoID  uint32
	Class *dc.Class
	Zone  uint32 // as its owner's last generate said
	Owner uint32 // the doIdBase of the client that created it
}

// Generate tells that an object came into sight, or came again.
type Generate struct {
	Object
	// Known says that the client has seen the object already: its owner sent
	// the object's state again, for somebody who is new to it, or moved it.
	Known bool

	values []byte // checked
}

// Values returns the fields that the generate has, with their packed values:
// those that are required and broadcast, then whatever else the owner listed.
func (g *Generate) Values() iter.Seq2[*dc.Field, []byte] {
	return func(yield func(*dc.Field, []byte) bool) {
		b := g.values
		for _, f := range g.Class.RequiredFields() {
			if !f.Has(dc.Broadcast) {
				continue
			}
			n, err := f.CheckPrefix(b)
			if err != nil || !yield(f, b[:n:n]) {
				return
			}
			b = b[n:]
		}
		for b = b[2:]; len(b) > 0; {
			f := g.Class.Field(int(binary.LittleEndian.Uint16(b)))
			n, err := f.CheckPrefix(b[2:])
			if err != nil || !yield(f, b[2:2+n:2+n]) {
				return
			}
			b = b[2+n:]
		}
	}
}

// Update tells that somebody set a field of an object.
type Update struct {
	Object
	Sender uint32    // the doIdBase of the client that sent the update
	Field  *dc.Field // of the object's class
	Value  []byte    // packed, and checked
}

// Args returns the field's arguments as Go values, as [dc.Field.Unpack] does.
func (u *Update) Args() ([]any, error) { return u.Field.Unpack(u.Value) }

// Events is told what the server tells a [Client]. The calls of one client
// come one after the other, on the goroutine that its transport receives on;
// they may call the client's methods, and should return soon. What a pointer
// leads to is valid until the call returns, values of fields included.
//
// Embed [NoEvents] to leave some out.
type Events interface {
	// Generated is called for each generate of another client's object.
	Generated(c *Client, g *Generate)
	// Updated is called for each update of an object that the client has or
	// knows. Updates of own objects come from other clients; the client has
	// noted the value already where it keeps one.
	Updated(c *Client, u *Update)
	// Disabled is called when an object goes out of sight but may exist
	// elsewhere.
	Disabled(c *Client, o Object)
	// Deleted is called when an object is no more, own ones included.
	Deleted(c *Client, o Object)
	// Unknown is called instead of Updated for an object that the client does
	// not know. This is usual for a moment after a zone was added to the
	// interest, before the owners have sent their generates.
	Unknown(c *Client, sender, doID uint32)
	// Disconnected is called once, last of all, when the connection is closed,
	// with the transport's reason.
	Disconnected(c *Client, err error)
}

// NoEvents is an [Events] that does nothing.
type NoEvents struct{}

// Generated does nothing.
func (NoEvents) Generated(*Client, *Generate) {}

// Updated does nothing.
func (NoEvents) Updated(*Client, *Update) {}

// Disabled does nothing.
func (NoEvents) Disabled(*Client, Object) {}

// Deleted does nothing.
func (NoEvents) Deleted(*Client, Object) {}

// Unknown does nothing.
func (NoEvents) Unknown(*Client, uint32, uint32) {}

// Disconnected does nothing.
func (NoEvents) Disconnected(*Client, error) {}
