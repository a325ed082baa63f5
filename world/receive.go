package world

import (
	"fmt"

	"github.com/culm-net/culm/dc"
)

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
	} else {
		w.counters.Unhandled++
	}
	return Accepted
}
