package messagedirector

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/culm-net/culm/datagram"
)

// control is a control message, taken apart.
type control struct {
	typ      Type
	low      uint64 // the channel, or the sender of post-removes
	high     uint64 // of ranges
	contents []byte // the message, packet or text, a part of what was parsed
}

// isControl reports whether b, which came from downstream, is for the director
// itself: channel 1 is its only recipient.
func isControl(b []byte) bool {
	return len(b) >= 9 && b[0] == 1 && binary.LittleEndian.Uint64(b[1:]) == ControlChannel
}

// parseControl takes a control message apart. Unknown types are no error, and
// bytes behind the payload are ignored.
func parseControl(b []byte) (c control, err error) {
	r := datagram.NewReader(b[9:])
	c.typ = Type(r.Uint16())
	if r.Err() != nil {
		return c, errors.New("a control message ends before its type")
	}
	switch c.typ {
	case ControlAddChannel, ControlRemoveChannel, ControlClearPostRemoves:
		c.low = r.Uint64()
	case ControlAddRange, ControlRemoveRange:
		c.low, c.high = r.Uint64(), r.Uint64()
	case ControlAddPostRemove:
		c.low = r.Uint64()
		c.contents = r.Blob()
	case ControlSetConName, ControlSetConURL, ControlLogMessage:
		c.contents = r.Blob()
	}
	if err := r.Err(); err != nil {
		return c, fmt.Errorf("%v: %w", c.typ, err)
	}
	return c, nil
}

// controlHead is the length of a control message before its payload.
const controlHead = 1 + 8 + 2

// appendControl appends a control message about channels.
func appendControl(to []byte, t Type, channels ...uint64) []byte {
	w := datagram.Writer{Buf: to}
	w.Uint8(1)
	w.Uint64(ControlChannel)
	w.Uint16(uint16(t))
	for _, ch := range channels {
		w.Uint64(ch)
	}
	return w.Buf
}

// appendPostRemove appends the control message that stores a post-remove.
func appendPostRemove(to []byte, sender uint64, message []byte) []byte {
	w := datagram.Writer{Buf: appendControl(to, ControlAddPostRemove, sender)}
	w.Blob(message)
	return w.Buf
}
