package messagedirector

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/culm-net/culm/datagram"
)

// MaxMessage is the length of the longest message in bytes, which is what the
// uint16 length before it on a link can say.
const MaxMessage = 1<<16 - 1

// MaxRecipients is how many recipients a message has at most.
const MaxRecipients = 255

// Message is a message to channels, as it travels (astron.md section 1): uint8
// n, n × uint64 recipient, uint64 sender, uint16 type, payload. Its bytes are
// parsed once and never changed.
type Message struct {
	// Raw is the whole message, as it was received and as it is passed on.
	Raw []byte
	// Sender is the channel that the message says it is from and that answers
	// go to. A sender may say what it likes.
	Sender uint64
	// Type says what Payload is. A message that ends before its type is
	// delivered like others, with Sender and Type 0 and no payload; no role
	// knows a type 0.
	Type Type
	// Payload is what follows the type, a part of Raw.
	Payload []byte
	// Serial tells messages apart: two calls of [Receiver.Receive] with the
	// same Serial are about the same message, so that what is made from it
	// for the first can be used for the second. It is never 0.
	Serial uint64

	copied []byte // made by copy
}

// ParseMessage splits a message, without a length before it, and keeps b. The
// error says how many bytes are missing in the list of recipients.
func ParseMessage(b []byte) (Message, error) {
	var m Message
	err := m.parse(b)
	return m, err
}

var errEmpty = errors.New("the message is empty")

// parse keeps m.Serial.
func (m *Message) parse(b []byte) error {
	if len(b) == 0 {
		return errEmpty
	}
	head := 1 + 8*int(b[0])
	if len(b) < head {
		return fmt.Errorf("the message names %d recipients, and ends %d bytes before the end of the last", b[0], head-len(b))
	}
	m.Raw, m.copied = b, nil
	if len(b) < head+10 {
		m.Sender, m.Type, m.Payload = 0, 0, nil
		return nil
	}
	m.Sender = binary.LittleEndian.Uint64(b[head:])
	m.Type = Type(binary.LittleEndian.Uint16(b[head+8:]))
	m.Payload = b[head+10:]
	return nil
}

// Recipients is how many recipients the message names; some may be equal.
func (m *Message) Recipients() int { return int(m.Raw[0]) }

// Recipient returns the recipient number i, from 0.
func (m *Message) Recipient(i int) uint64 { return binary.LittleEndian.Uint64(m.Raw[1+8*i:]) }

// copy returns a copy of Raw that is never changed, always the same one.
func (m *Message) copy() []byte {
	if m.copied == nil {
		m.copied = bytes.Clone(m.Raw)
	}
	return m.copied
}

// Reader reads the payload.
func (m *Message) Reader() datagram.Reader { return datagram.NewReader(m.Payload) }
