package client

import (
	"fmt"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/clientsession"
)

// Object is a distributed object that the server shows to the client. After it has
// left the view it stays as it was, and sends nothing any more.
type Object struct {
	object    *clientsession.Object
	client    *Client
	class     *class
	view      any
	gone      bool      // it has left the view
	life      Lifecycle // then
	variables []variable
	active    bool // it is in Client.active
}

// ID returns the doId. After the object has left the view, that may be the doId
// of another one.
func (o *Object) ID() uint32 { return o.object.ID() }

// Class returns the object's dclass.
func (o *Object) Class() *dc.Class { return o.class.dc }

// Zone returns the zone that the object was last said to be in.
func (o *Object) Zone() uint32 { return o.object.Zone() }

// Owned tells whether the client owns the object.
func (o *Object) Owned() bool { return o.object.Owned() }

// Client returns the client whose object it is.
func (o *Object) Client() *Client { return o.client }

// View returns what the function given to Register has made for the object, nil
// if there is none.
func (o *Object) View() any { return o.view }

// Lifecycle returns where the object stands.
func (o *Object) Lifecycle() Lifecycle {
	if o.gone {
		return o.life
	}
	return o.object.Lifecycle()
}

// Tick returns the tick of the server of which the state is.
func (o *Object) Tick() uint32 { return o.object.Tick() }

// String returns the class and the doId.
func (o *Object) String() string { return fmt.Sprintf("%s %d", o.class.dc.Name(), o.ID()) }

// Value returns the packed value of a parameter field, nil if the class has no
// such field. It must not be modified, and is valid until the next Frame or the
// end of the callback.
func (o *Object) Value(f *dc.Field) []byte {
	i, ok := o.class.index[f]
	if !ok {
		return nil
	}
	return o.object.Value(i)
}

// ValueAt is Value for the field of that inherited index: its index in
// Class().Fields().
func (o *Object) ValueAt(index int) []byte { return o.object.Value(index) }

// Get returns the Go value of a parameter field, by its name, as
// [dc.Field.Unpack] makes it: as the only element. Methods have no value.
func (o *Object) Get(field string) ([]any, error) {
	f, err := o.field(field)
	if err != nil {
		return nil, err
	}
	value := o.Value(f)
	if value == nil {
		return nil, fmt.Errorf("client: %s %s is a message, so it has no value", f.Kind(), f)
	}
	return f.Unpack(value)
}

func (o *Object) field(name string) (*dc.Field, error) {
	f := o.class.dc.FieldByName(name)
	if f == nil {
		return nil, fmt.Errorf("client: dclass %s has no field %q", o.class.dc.Name(), name)
	}
	return f, nil
}

// Send calls an atomic field of the object on the server, by its name. args are
// its arguments; [dc.Field.Pack] says which Go types fit. See SendPacked.
func (o *Object) Send(field string, args ...any) error {
	f, err := o.field(field)
	if err != nil {
		return err
	}
	b, err := f.Pack(o.client.scratch[:0], args...)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	o.client.scratch = b[:0]
	return o.SendPacked(f, b)
}

// SendPacked is Send with packed arguments. The field must be atomic, of the
// object's class, and clsend, or ownsend if the client owns the object. Numbers
// must be finite; servers pass over text that is not UTF-8. The message goes
// reliably and in order, unless the field has the keyword unreliable, and leaves
// at the end of the next Frame.
//
// Above the command rate that the server grants reliable messages wait; if too
// many do the error is [ErrCommandRate]. Unreliable ones are not sent then, which
// is ErrCommandRate too. Other errors are [ErrGone], [ErrNotConnected], the
// transport's, or say what is wrong with the call.
func (o *Object) SendPacked(f *dc.Field, args []byte) error {
	if o.gone {
		return fmt.Errorf("%w: %v", ErrGone, o)
	}
	return o.client.session.SendPacked(o.ID(), f, args)
}

// remove takes the object out of the view.
func (o *Object) remove(to Lifecycle) {
	o.gone, o.life = true, to
	o.left()
}

// left tells that the object has left the view.
func (o *Object) left() {
	if h, ok := o.view.(DisableHandler); ok {
		h.Disable(o)
	}
	if h, ok := o.view.(DeleteHandler); ok && o.life == Deleted {
		h.Delete(o)
	}
	if f := o.client.config.Events.Removed; f != nil {
		f(o)
	}
}
