package messagedirector

import (
	"encoding/binary"
	"errors"

	"github.com/culm-net/culm/datagram"
)

// Batch is a row of what participants do: messages they send, and changes to
// their subscriptions and post-removes, which take effect in this order. It
// holds them as they would travel on a link, in memory that is used again, so
// that filling it allocates nothing. The zero value is empty. It is not safe
// for concurrent use.
//
//	b.From(&object.participant)
//	w := b.Begin(messagedirector.StateServerObjectGetLocationResp, doID, asker)
//	w.Uint32(context)
//	…
//	b.End()
type Batch struct {
	w     datagram.Writer // frames: uint16 length, message
	parts []part
	load  int // of calls, see DoWith

	// Of the message between Begin and End:
	start      int // where its frame begins
	recipients int
}

// part is a stretch of a batch with one origin.
type part struct {
	from  *Participant
	end   int    // of its frames in the batch's bytes
	do    func() // if set, the part is a call of it and has no frames
	leave bool   // the part is the leaving of its origin, and has no frames
}

// plain reports whether the part is one of frames.
func (p *part) plain() bool { return p.do == nil && !p.leave }

// What End and Append answer; nothing was appended then.
var (
	ErrTooLong           = errors.New("messagedirector: the message would have more than 65,535 bytes")
	ErrTooManyRecipients = errors.New("messagedirector: the message would have more than 255 recipients")
)

// frameHead is the length of what stands before a message.
const frameHead = 2

// From makes p the origin of what is appended from now on: messages are not
// delivered to p itself, and changes to subscriptions are p's. Nothing can be
// appended before it is called, and again after [Director.Post].
func (b *Batch) From(p *Participant) {
	if n := len(b.parts); n > 0 && b.parts[n-1].from == p && b.parts[n-1].plain() {
		return
	}
	b.parts = append(b.parts, part{from: p, end: len(b.w.Buf)})
}

// Begin starts a message from the channel sender and returns where to write
// its payload; End finishes it. The recipients are written in ascending order;
// channel 0, which is none, and repetitions are left out, and if nobody
// remains, End appends nothing and is content. The writer may not be used
// after End.
func (b *Batch) Begin(t Type, sender uint64, recipients ...uint64) *datagram.Writer {
	b.start = len(b.w.Buf)
	b.recipients = len(recipients)
	b.w.Uint16(0) // the length, known at End
	b.w.Uint8(0)  // the number of recipients
	if len(recipients) <= MaxRecipients {
		b.recipients = 0
		for _, r := range recipients {
			b.insert(r)
		}
		b.w.Buf[b.start+frameHead] = uint8(b.recipients)
	}
	b.w.Uint64(sender)
	b.w.Uint16(uint16(t))
	return &b.w
}

// insert adds a recipient where it belongs among those there are.
func (b *Batch) insert(r uint64) {
	if r == 0 {
		return
	}
	const size = 8
	first := b.start + frameHead + 1
	at := len(b.w.Buf)
	for ; at > first; at -= size {
		before := binary.LittleEndian.Uint64(b.w.Buf[at-size:])
		if before == r {
			return
		}
		if before < r {
			break
		}
	}
	b.w.Uint64(0)
	copy(b.w.Buf[at+size:], b.w.Buf[at:])
	binary.LittleEndian.PutUint64(b.w.Buf[at:], r)
	b.recipients++
}

// End finishes the message that Begin has started. On an error nothing of it
// remains: [ErrTooLong], [ErrTooManyRecipients], or what the writer could not
// write.
func (b *Batch) End() error {
	err := b.w.Err()
	n := len(b.w.Buf) - b.start - frameHead
	switch {
	case err != nil:
	case b.recipients > MaxRecipients:
		err = ErrTooManyRecipients
	case n > MaxMessage:
		err = ErrTooLong
	case b.recipients > 0:
		b.close(n)
		return nil
	}
	b.w = datagram.Writer{Buf: b.w.Buf[:b.start]}
	return err
}

// close makes the last n bytes a frame.
func (b *Batch) close(n int) {
	binary.LittleEndian.PutUint16(b.w.Buf[len(b.w.Buf)-n-frameHead:], uint16(n))
	b.parts[len(b.parts)-1].end = len(b.w.Buf)
}

// Append appends a message that is complete, without a length before it, as it
// is. It may be a control message, and is checked when it takes effect. The
// error is ErrTooLong.
func (b *Batch) Append(message []byte) error {
	if len(message) > MaxMessage {
		return ErrTooLong
	}
	b.w.Uint16(0)
	b.w.Bytes(message)
	b.close(len(message))
	return nil
}

// Subscribe makes the origin a subscriber of a channel.
func (b *Batch) Subscribe(channel uint64) { b.control(ControlAddChannel, channel) }

// Unsubscribe ends a subscription.
func (b *Batch) Unsubscribe(channel uint64) { b.control(ControlRemoveChannel, channel) }

// SubscribeRange makes the origin a subscriber of all channels from low to
// high, both included.
func (b *Batch) SubscribeRange(low, high uint64) { b.control(ControlAddRange, low, high) }

// UnsubscribeRange ends all subscriptions of the origin from low to high, both
// included.
func (b *Batch) UnsubscribeRange(low, high uint64) { b.control(ControlRemoveRange, low, high) }

// AddPostRemove stores a message that is sent when the origin leaves; sender is
// by what ClearPostRemoves finds it. The error is ErrTooLong.
func (b *Batch) AddPostRemove(sender uint64, message []byte) error {
	if len(message) > maxPostRemove {
		return ErrTooLong
	}
	n := len(b.w.Buf) + frameHead
	b.w.Uint16(0)
	b.w.Buf = appendPostRemove(b.w.Buf, sender, message)
	b.close(len(b.w.Buf) - n)
	return nil
}

// ClearPostRemoves forgets the origin's post-removes of that sender.
func (b *Batch) ClearPostRemoves(sender uint64) { b.control(ControlClearPostRemoves, sender) }

// Leave ends all subscriptions of the origin and sends its post-removes. It
// may subscribe again afterwards.
func (b *Batch) Leave() {
	p := b.parts[len(b.parts)-1].from
	b.parts = append(b.parts, part{from: p, end: len(b.w.Buf), leave: true})
	b.From(p)
}

// Do lets f be called inside the order, where it stands in the batch. From
// must be called before more is appended.
func (b *Batch) Do(f func()) { b.DoWith(0, f) }

// DoWith is Do for a call that keeps bytes in memory until it is made. They
// count in [Director.Backlog] like those of messages.
func (b *Batch) DoWith(bytes int, f func()) {
	b.parts = append(b.parts, part{end: len(b.w.Buf), do: f})
	b.load += bytes
}

// Len is how many bytes the batch holds, those of its calls included.
func (b *Batch) Len() int { return len(b.w.Buf) + b.load }

func (b *Batch) control(t Type, channels ...uint64) {
	n := len(b.w.Buf) + frameHead
	b.w.Uint16(0)
	b.w.Buf = appendControl(b.w.Buf, t, channels...)
	b.close(len(b.w.Buf) - n)
}

func (b *Batch) empty() bool { return len(b.parts) == 0 }

// take appends what other holds and empties it.
func (b *Batch) take(other *Batch) {
	base := len(b.w.Buf)
	b.w.Bytes(other.w.Buf)
	for _, p := range other.parts {
		p.end += base
		b.parts = append(b.parts, p)
	}
	b.load += other.load
	other.reset()
}

// reset empties the batch and keeps its memory, if that is not too much.
func (b *Batch) reset() {
	clear(b.parts) // or they would keep what has left in memory
	if cap(b.parts) > keepParts {
		b.parts = nil
	}
	b.parts, b.load = b.parts[:0], 0
	if cap(b.w.Buf) > keepBytes {
		b.w.Buf = nil
	}
	b.w = datagram.Writer{Buf: b.w.Buf[:0]}
}

// An empty batch keeps at most so much memory, and parts.
const (
	keepBytes = 1 << 20
	keepParts = 1 << 15
)
