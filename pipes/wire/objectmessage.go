package wire

import (
	"fmt"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// ObjectMessage is B_ObjectMessage: an atomic field of an object is called. With
// the extension only clients send it.
type ObjectMessage struct {
	DoID  uint32
	Field uint16 // the field's number in the schema: [dc.Field.Number]
	// Args is the packed arguments, and of a decoded message everything that
	// follows: use Arguments.
	Args []byte
}

// Append adds the message.
func (m ObjectMessage) Append(b []byte) []byte {
	w := datagram.Writer{Buf: BObjectMessage.Append(b)}
	m.appendTo(&w)
	return w.Buf
}

func (m ObjectMessage) appendTo(w *datagram.Writer) {
	w.Uint32(m.DoID)
	w.Uint16(m.Field)
	w.Bytes(m.Args)
}

func objectMessage(r *datagram.Reader) ObjectMessage {
	return ObjectMessage{DoID: r.Uint32(), Field: r.Uint16(), Args: r.Rest()}
}

// DecodeObjectMessage reads the body of B_ObjectMessage. Args is a part of body
// and not yet checked.
func DecodeObjectMessage(body []byte) (ObjectMessage, error) {
	r := datagram.NewReader(body)
	m := objectMessage(&r)
	if err := r.Err(); err != nil {
		return ObjectMessage{}, refuse(BObjectMessage, err)
	}
	return m, nil
}

// Arguments checks Args against the field of that number, which must be atomic,
// and returns them without what may stand behind them.
func (m ObjectMessage) Arguments(f *dc.Field) ([]byte, error) {
	n, err := m.check(f)
	if err != nil {
		return nil, refuse(BObjectMessage, err)
	}
	return m.Args[:n:n], nil
}

func (m ObjectMessage) check(f *dc.Field) (n int, err error) {
	if f.Kind() != dc.Atomic {
		return 0, fmt.Errorf("%v field %v; only atomic fields are messages", f.Kind(), f)
	}
	return f.CheckPrefix(m.Args)
}

// TickedMessage is Ext_ObjectMessage: an object message from the server that
// says where it belongs among the object's states. A client holds it until it
// has State, so that what a message announces is never seen after it.
type TickedMessage struct {
	Tick uint32 // in which it was sent
	// State is the tick of the object's last change, or of its generate, up to
	// and including Tick: what a client must have applied before. It is the
	// same for all clients, so that one encoding serves them all.
	State uint32
	ObjectMessage
}

// Append adds the message. It is an error if State is newer than Tick.
func (m TickedMessage) Append(b []byte) ([]byte, error) {
	if Newer(m.State, m.Tick) {
		return b, refuse(ExtObjectMessage, m.early())
	}
	w := datagram.Writer{Buf: ExtObjectMessage.Append(b)}
	w.Uint32(m.Tick)
	w.Uint32(m.State)
	m.appendTo(&w)
	return w.Buf, nil
}

// DecodeTickedMessage reads the body of Ext_ObjectMessage. Args is a part of
// body and not yet checked.
func DecodeTickedMessage(body []byte) (TickedMessage, error) {
	r := datagram.NewReader(body)
	m := TickedMessage{Tick: r.Uint32(), State: r.Uint32(), ObjectMessage: objectMessage(&r)}
	if err := r.Err(); err != nil {
		return TickedMessage{}, refuse(ExtObjectMessage, err)
	}
	if Newer(m.State, m.Tick) {
		return TickedMessage{}, refuse(ExtObjectMessage, m.early())
	}
	return m, nil
}

func (m TickedMessage) early() error {
	return fmt.Errorf("sent in tick %d, but needs the state of tick %d", m.Tick, m.State)
}

// Arguments checks Args against the field of that number, which must be atomic,
// and returns them. Nothing may stand behind them.
func (m TickedMessage) Arguments(f *dc.Field) ([]byte, error) {
	n, err := m.check(f)
	if err == nil && n < len(m.Args) {
		err = fmt.Errorf("%d bytes behind the arguments of %v", len(m.Args)-n, f)
	}
	if err != nil {
		return nil, refuse(ExtObjectMessage, err)
	}
	return m.Args, nil
}
