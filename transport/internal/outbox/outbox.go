// Package outbox is the bounded send queue that stream transports share.
//
// Small messages are copied behind each other, each with its length in front,
// so that they leave in one system call. Large ones that their sender shares
// are kept by reference. The limit counts what the queue pins in memory, and
// an empty queue pins nothing.
package outbox

import (
	"encoding/binary"
	"sync"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/bufpool"
)

// ShareAbove is the length in bytes above which a shared message is kept by
// reference. Copying less than this costs less than another piece to write.
const ShareAbove = 4 << 10

// KeyCost is what a Latest message counts towards the limit beyond its bytes
// with their prefix: about what its piece and its key take.
const KeyCost = 128

// MaxPieces is the most pieces that [Box.Take] hands out at once.
const MaxPieces = 32

// Box is the queue. Set it up with Init. All methods may be called from any
// goroutine; Take and Wrote only as they say.
type Box struct {
	mu sync.Mutex

	limit  int // of pinned, in bytes
	header int // bytes of length before each message: 0, 2 or 4

	closed bool // nothing more is queued
	taken  bool // a writer is between Take and the Wrote that ends its turn

	// Of the pieces, the first head have left. pieces[head+i] has the number
	// base+i, which Latest keys refer to.
	pieces []piece
	head   int
	base   uint64
	held   int // how many pieces from head on the writer has in hand

	// fill is the buffer that messages are appended to, and run is true when
	// the last piece is a run of messages that ends where fill's content
	// ends, so that appending to fill makes it longer.
	fill *bufpool.Buffer
	run  bool

	// keys holds the piece number of each Latest message that is queued. It
	// is nil when there is none.
	keys map[uint64]uint64

	pinned int // capacity of the buffers, length of the references, KeyCost of the keys
	queued int // bytes that wait, with their length prefixes

	left            uint64 // bytes that have left, with their length prefixes
	messages, bytes uint64 // taken by Send, whether sent or dropped
	dropped         uint64
	droppedBytes    uint64

	inline [2]piece
}

// piece is a row of bytes that are next to each other in memory.
type piece struct {
	buf *bufpool.Buffer // where they are copied to, or nil
	ref []byte          // what is referenced, where buf is nil

	off, end int    // the bytes that wait, in buf.B or in ref
	room     int    // how far a keyed piece in buf may reach
	key      uint64 // what a Latest message is about
	keyed    bool   // this is one Latest message
	started  bool   // some of it has left
}

// Init sets up an empty box that pins at most limit bytes and puts a
// little-endian length of header bytes (0, 2 or 4) in front of each message.
// The longest message that an empty box takes has limit less header bytes, and
// KeyCost less if it is a Latest one.
func (b *Box) Init(limit, header int) {
	b.limit, b.header = limit, header
	b.pieces = b.inline[:0]
}

// Send queues m as transport.Conn.Send describes. The caller has checked that
// the length of m fits the header. A Latest message is always copied.
func (b *Box) Send(m transport.Message) error {
	n := len(m.Data)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return transport.ErrClosed
	}
	var err error
	switch {
	case m.Mode == transport.Latest:
		err = b.sendKeyed(m.Data, m.Key)
	case m.Shared && n > ShareAbove:
		err = b.sendShared(m.Data)
	case b.run && b.header+n <= cap(b.fill.B)-len(b.fill.B):
		b.extend(m.Data)
	default:
		err = b.sendCopied(m.Data)
	}
	if err == nil {
		b.messages++
		b.bytes += uint64(n)
	}
	b.mu.Unlock()
	return err
}

// extend appends a message to the run at the end of fill, which has room.
func (b *Box) extend(data []byte) {
	b.put(len(data), data)
	last := &b.pieces[len(b.pieces)-1]
	last.end = len(b.fill.B)
	b.queued += b.header + len(data)
}

// put appends the prefix for a message of n bytes, and data, to fill.
func (b *Box) put(n int, data []byte) {
	b.fill.B = append(b.prefix(b.fill.B, n), data...)
}

// prefix appends the prefix for a message of n bytes to to.
func (b *Box) prefix(to []byte, n int) []byte {
	switch b.header {
	case 2:
		return append(to, byte(n), byte(n>>8))
	case 4:
		return binary.LittleEndian.AppendUint32(to, uint32(n))
	}
	return to
}

func (b *Box) sendCopied(data []byte) error {
	need := b.header + len(data)
	if need == 0 {
		return nil // nothing of it would be seen
	}
	if !b.reserve(need, 0) {
		return transport.ErrFull
	}
	b.startRun()
	b.extend(data)
	return nil
}

func (b *Box) sendShared(data []byte) error {
	if !b.reserve(b.header, len(data)) {
		return b.sendCopied(data) // there may be room that is pinned already
	}
	if b.header > 0 {
		b.startRun()
		b.put(len(data), nil)
		b.pieces[len(b.pieces)-1].end = len(b.fill.B)
	}
	b.push(piece{ref: data, end: len(data)})
	b.run = false
	b.pinned += len(data)
	b.queued += b.header + len(data)
	return nil
}

func (b *Box) sendKeyed(data []byte, key uint64) error {
	need := b.header + len(data)
	if need == 0 {
		return nil
	}
	if p := b.unsent(key); p != nil {
		return b.replace(p, data)
	}
	if !b.reserve(need, KeyCost) {
		return transport.ErrFull
	}
	b.pinned += KeyCost
	start := len(b.fill.B)
	b.put(len(data), data)
	end := len(b.fill.B)
	b.push(piece{buf: b.fill, off: start, end: end, room: end, key: key, keyed: true})
	b.fill.Refs++
	b.run = false
	b.queued += need
	if b.keys == nil {
		b.keys = getKeys()
	}
	b.keys[key] = b.base + uint64(len(b.pieces)-b.head-1)
	return nil
}

// unsent returns the piece of the queued Latest message with key, or nil when
// there is none or a writer has begun with it.
func (b *Box) unsent(key uint64) *piece {
	number, ok := b.keys[key]
	if !ok || number < b.base+uint64(b.held) {
		return nil
	}
	p := &b.pieces[b.head+int(number-b.base)]
	if p.started {
		return nil
	}
	return p
}

// replace puts a newer message into the place of p, which is unsent.
func (b *Box) replace(p *piece, data []byte) error {
	need, old := b.header+len(data), p.end-p.off
	if need > p.room-p.off {
		// Half as much again, so that a message which keeps growing leaves
		// behind no more than a small multiple of its size.
		room := need + need/2
		if !b.reserve(room, 0) {
			room = need
			if !b.reserve(room, 0) {
				return transport.ErrFull
			}
		}
		b.unref(p.buf)
		p.buf = b.fill
		p.buf.Refs++
		p.off = len(b.fill.B)
		p.room = p.off + room
		b.put(len(data), data)
		b.fill.B = b.fill.B[:p.room]
		b.run = false
	} else {
		to := b.prefix(p.buf.B[p.off:p.off:p.room], len(data))
		copy(to[len(to):cap(to)], data)
	}
	p.end = p.off + need
	b.queued += need - old
	b.dropped++
	b.droppedBytes += uint64(old - b.header)
	return nil
}

// startRun makes the last piece one that ends where fill ends.
func (b *Box) startRun() {
	if b.run {
		return
	}
	at := len(b.fill.B)
	b.push(piece{buf: b.fill, off: at, end: at})
	b.fill.Refs++
	b.run = true
}

// reserve makes sure that fill has room for need more bytes and that the
// limit allows for these and for extra bytes of reference.
func (b *Box) reserve(need, extra int) bool {
	free := b.limit - b.pinned - extra
	if b.fill != nil && need <= cap(b.fill.B)-len(b.fill.B) {
		return free >= 0
	}
	if need > free {
		return false
	}
	if need == 0 {
		return true
	}
	// Each buffer is of a larger size than the one before, so that a little
	// traffic pins little and much traffic makes few pieces.
	size := bufpool.Size(need)
	if b.fill != nil {
		size = max(size, min(bufpool.Size(cap(b.fill.B)+1), bufpool.Large))
	}
	for size > free && size > bufpool.Small && bufpool.Size(size/8) >= need {
		size = bufpool.Size(size / 8) // the size before
	}
	var next *bufpool.Buffer
	if size <= free {
		next = bufpool.Get(size)
	} else {
		next = bufpool.Exact(min(free, max(need, bufpool.Small)))
	}
	if b.fill != nil {
		b.unref(b.fill)
	}
	next.Refs = 1
	b.fill = next
	b.run = false
	b.pinned += cap(next.B)
	return true
}

func (b *Box) push(p piece) {
	if len(b.pieces) == cap(b.pieces) && b.head > len(b.pieces)/2 {
		b.compact()
	}
	b.pieces = append(b.pieces, p)
}

func (b *Box) compact() {
	n := copy(b.pieces, b.pieces[b.head:])
	clear(b.pieces[n:])
	b.pieces, b.head = b.pieces[:n], 0
}

func (b *Box) unref(buf *bufpool.Buffer) {
	buf.Refs--
	if buf.Refs == 0 {
		b.pinned -= cap(buf.B)
		bufpool.Put(buf)
	}
}

// Take makes the caller the writer if nobody is and something is queued, and
// returns the bytes to write next, appended to to as at most MaxPieces slices.
// It returns nothing otherwise. The slices are valid until Wrote, which the
// writer must call; until then the messages in them are not replaced.
func (b *Box) Take(to [][]byte) [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken || b.queued == 0 {
		return to[:0]
	}
	b.taken = true
	return b.hand(to)
}

// Again returns what to write next to the caller, who is the writer and whose
// Wrote has answered More.
func (b *Box) Again(to [][]byte) [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hand(to)
}

func (b *Box) hand(to [][]byte) [][]byte {
	clear(to) // or it would keep alive what has left
	to = to[:0]
	var last *piece
	b.held = 0
	for i := range b.pieces[b.head:] {
		p := &b.pieces[b.head+i]
		if last != nil && p.buf != nil && p.buf == last.buf && p.off == last.end {
			// Next to the one before: one slice for both.
			row := to[len(to)-1]
			to[len(to)-1] = row[:len(row)+p.end-p.off]
		} else {
			if len(to) == MaxPieces {
				break
			}
			if p.buf != nil {
				to = append(to, p.buf.B[p.off:p.end])
			} else {
				to = append(to, p.ref[p.off:p.end])
			}
		}
		last = p
		b.held++
	}
	return to
}

// State is what [Box.Wrote] and [Box.Close] answer.
type State int

const (
	// Idle: nothing is queued, and the caller is no longer the writer.
	Idle State = iota
	// More: something is queued, and the caller is still the writer. It must
	// call Again or Discard.
	More
	// Done: the box is closed and the last byte has left, or was discarded.
	// This is answered exactly once.
	Done
	// Busy: the box was closed while bytes were queued or a writer at work.
	// Done is for the writer.
	Busy
)

// Wrote tells that the first n bytes of what the writer has in hand have left.
func (b *Box) Wrote(n int) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = 0
	b.queued -= n
	b.left += uint64(n)
	for n > 0 {
		p := &b.pieces[b.head]
		if left := p.end - p.off; n < left {
			p.off += n
			p.started = true
			break
		}
		n -= p.end - p.off
		b.pop()
	}
	if b.queued > 0 {
		return More
	}
	b.taken = false
	b.empty()
	if b.closed {
		return Done
	}
	return Idle
}

// pop forgets the first piece.
func (b *Box) pop() {
	p := &b.pieces[b.head]
	if p.keyed {
		b.pinned -= KeyCost
		if b.keys[p.key] == b.base {
			delete(b.keys, p.key)
		}
	}
	if p.buf != nil {
		b.unref(p.buf)
	} else {
		b.pinned -= len(p.ref)
	}
	*p = piece{}
	b.head++
	b.base++
	b.run = b.run && b.head < len(b.pieces)
}

// empty gives everything back that an empty box needs not hold.
func (b *Box) empty() {
	if b.fill != nil {
		b.unref(b.fill)
		b.fill, b.run = nil, false
	}
	if b.keys != nil {
		// A map never shrinks, and this one never had more keys than there
		// was room for pieces.
		if cap(b.pieces) <= maxPooledKeys {
			keyPool.Put(b.keys)
		}
		b.keys = nil
	}
	if cap(b.pieces) > len(b.inline) {
		clear(b.inline[:]) // still what it was when pieces outgrew it
	}
	b.pieces, b.head = b.inline[:0], 0
}

// Close makes Send answer ErrClosed from now on. What is queued remains. It
// answers Done when nothing is queued, so that no writer will, and else Busy.
// The second and later calls answer Idle.
func (b *Box) Close() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return Idle
	}
	b.closed = true
	if b.taken || b.queued > 0 {
		return Busy
	}
	return Done
}

// Discard closes the box and drops what is queued. The caller is the writer,
// and is so no longer, or mine is false and what a writer has in hand at the
// moment is kept for it until it calls Wrote.
func (b *Box) Discard(mine bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.taken && !mine {
		return // its Wrote or Discard will follow
	}
	for b.head < len(b.pieces) {
		b.pop()
	}
	b.queued, b.held = 0, 0
	b.taken = false
	b.empty()
}

// Room is how many bytes the longest message may have that Send takes now
// without passing the limit, unless it is a Latest one of a new key.
func (b *Box) Room() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0
	}
	room := b.limit - b.pinned
	if b.fill != nil {
		room = max(room, cap(b.fill.B)-len(b.fill.B))
	}
	return max(0, room-b.header)
}

// Counters is a snapshot of a box.
type Counters struct {
	// Messages and Bytes are what Send has taken, less what was dropped.
	Messages, Bytes uint64
	// Dropped counts the messages that newer ones of their key replaced.
	Dropped uint64
	// Queued is how many bytes wait, with their length prefixes.
	Queued int
	// Left is how many bytes have left, with their length prefixes.
	Left uint64
	// Pinned is how many bytes of memory the queue holds for them.
	Pinned int
}

// Counters returns a snapshot.
func (b *Box) Counters() Counters {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Counters{
		Messages: b.messages - b.dropped,
		Bytes:    b.bytes - b.droppedBytes,
		Dropped:  b.dropped,
		Queued:   b.queued,
		Left:     b.left,
		Pinned:   b.pinned,
	}
}

// keyPool has empty maps that never had more than maxPooledKeys keys.
var keyPool sync.Pool

const maxPooledKeys = 64

func getKeys() map[uint64]uint64 {
	if m, _ := keyPool.Get().(map[uint64]uint64); m != nil {
		return m
	}
	return make(map[uint64]uint64)
}
