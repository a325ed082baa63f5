package world

import (
	"github.com/culm-net/culm/dc"
)

// Message is a message of an object for clients. One that goes to many is the
// same for all of them.
type Message struct {
	Object   *Object
	Field    *dc.Field
	Args     []byte // packed
	Reliable bool
	// Kept says that generates carry the arguments from now on, or newer ones: the
	// field is required or ram, and they were not for one client only.
	Kept bool

	// Tick is the one in which it was sent, State that of the object's last
	// change up to then: what a client must have applied before. To a client
	// that learnt of the object later a session says the tick of the generate
	// instead of Tick, since what is older than that means nothing to it; the
	// state of the generate is not older than State.
	Tick, State uint32

	encoded []encoding
}

// encoding is what Encoded made.
type encoding struct {
	dialect int
	tick    uint32
	data    []byte
}

func (o *Object) message(f *field, args []byte, kept bool) *Message {
	w := o.world
	return &Message{
		Object: o, Field: f.Field, Args: args, Reliable: !f.Has(dc.Unreliable), Kept: kept,
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
