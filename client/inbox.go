package client

import (
	"time"

	"github.com/culm-net/culm/pipes/wire"
)

// batch is what arrived, one message after the other.
type batch struct {
	bytes []byte
	items []item
}

type item struct {
	at  time.Time // of arrival
	end int       // in bytes; it begins where the one before ends
}

// keepInbox is how much memory an empty batch keeps.
const keepInbox = 256 << 10

func (b *batch) add(at time.Time, msg []byte) {
	b.bytes = append(b.bytes, msg...)
	b.items = append(b.items, item{at, len(b.bytes)})
}

// size is what a batch counts towards Config.MaxInbox.
func (b *batch) size() int { return len(b.bytes) + itemSize*len(b.items) }

const itemSize = 32

func (b *batch) reset() {
	b.bytes, b.items = b.bytes[:0], b.items[:0]
	if cap(b.bytes)+itemSize*cap(b.items) > keepInbox {
		b.bytes, b.items = nil, nil
	}
}

// next appends to msgs the messages from item i on that arrived at one time.
// They are valid until the reset.
func (b *batch) next(i int, msgs [][]byte) (time.Time, [][]byte) {
	at, start := b.items[i].at, 0
	if i > 0 {
		start = b.items[i-1].end
	}
	for ; i < len(b.items) && b.items[i].at.Equal(at); i++ {
		end := b.items[i].end
		msgs = append(msgs, b.bytes[start:end:end])
		start = end
	}
	return at, msgs
}

// superfluous tells whether a message can be dropped: the server sends its
// contents again when it is not acknowledged. Not so a snapshot of the plain
// dialect: whoever acknowledges a later one has this one too.
func superfluous(msg []byte) bool {
	t, _, err := wire.Split(msg)
	if err != nil {
		return false // the session says what is wrong with it
	}
	return t == wire.ExtSnapshot || t == wire.ExtPingResp
}
