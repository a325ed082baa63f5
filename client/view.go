package client

import (
	"fmt"

	"github.com/culm-net/culm/dc"
)

// A view is the game's own picture of an object: whatever the function given to
// Register returns. Those of these methods that it has are called.
type (
	// GenerateHandler is told that the object has come into view and has its
	// state. Messages for its required fields follow, and ram ones that were
	// set.
	GenerateHandler interface{ Generate(o *Object) }
	// AnnounceGenerateHandler is told that the object is fully known.
	AnnounceGenerateHandler interface{ AnnounceGenerate(o *Object) }
	// PreDataUpdateHandler is told that a snapshot is about to change the
	// object, while it still has its old state.
	PreDataUpdateHandler interface{ PreDataUpdate(o *Object) }
	// PostDataUpdateHandler is told that a snapshot has changed the object,
	// and which fields of it, by inherited index. The variables of the object
	// have the new values; one that is not to slide there can be Reset. fields
	// is valid until it returns.
	PostDataUpdateHandler interface{ PostDataUpdate(o *Object, fields []int) }
	// InterpolateHandler is told, in each frame in which a variable of the
	// object was sampled, that all variables of all objects have the values to
	// show.
	InterpolateHandler interface{ Interpolated(o *Object) }
	// MessageHandler gets the messages that the server sends to the object.
	// m.Args is valid until it returns.
	MessageHandler interface{ Message(o *Object, m Message) }
	// ZoneHandler is told that the object has moved to another zone that the
	// client sees.
	ZoneHandler interface{ ZoneChanged(o *Object, from uint32) }
	// DisableHandler is told that the object has left the view for whatever
	// reason: it is deleted, in a zone that the client does not see, or the
	// connection was lost. It is called once for each view.
	DisableHandler interface{ Disable(o *Object) }
	// DeleteHandler is told, after Disable, that the object exists no more.
	// Servers of panda3d-pipes say that of all that leaves the interest.
	DeleteHandler interface{ Delete(o *Object) }
)

// class is what a client knows of a dclass.
type class struct {
	dc          *dc.Class
	index       map[*dc.Field]int // inherited indices
	view, owner func(o *Object) any
}

func (c *Client) class(of *dc.Class) *class {
	k := c.classes[of]
	if k == nil {
		k = &class{dc: of, index: make(map[*dc.Field]int)}
		for i, f := range of.Fields() {
			k.index[f] = i
		}
		c.classes[of] = k
	}
	return k
}

// factory returns what makes the view of an object, nil if nothing does.
func (k *class) factory(owned bool) func(o *Object) any {
	if owned && k.owner != nil {
		return k.owner
	}
	return k.view
}

// Register has view called for each object of a class that comes into view from
// now on; it returns the object's view, or nil if it shall have none. Classes that
// inherit from the class are not meant. The error says that there is no such
// class.
func (c *Client) Register(class string, view func(o *Object) any) error {
	k, err := c.named(class)
	if err == nil {
		k.view = view
	}
	return err
}

// RegisterOwner is Register for objects that the client owns, as Panda3D has
// classes with the suffix OV for them. Without it they get the view of all others.
func (c *Client) RegisterOwner(class string, view func(o *Object) any) error {
	k, err := c.named(class)
	if err == nil {
		k.owner = view
	}
	return err
}

func (c *Client) named(name string) (*class, error) {
	k := c.config.Schema.Class(name)
	if k == nil || k.IsStruct() {
		return nil, fmt.Errorf("client: the DC files have no dclass %q", name)
	}
	return c.class(k), nil
}
