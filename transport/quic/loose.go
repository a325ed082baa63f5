package quic

import (
	"sync"
	"sync/atomic"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/bufpool"
)

// looseCost is what an unreliable message counts towards the limit beyond its
// bytes: about what its place in the queue and its key take.
const looseCost = 96

// looseQueue holds the unreliable and latest messages that wait to be sent.
// What is over its limit drops the oldest. All methods may be called from any
// goroutine, more and take by the one writer only.
type looseQueue struct {
	mu      sync.Mutex
	limit   int // of pinned, in bytes
	closed  bool
	writing bool // there is a writer

	// Of msgs the first head have been taken. msgs[head+i] has the number
	// base+i, which keys refers to.
	msgs []looseMsg
	head int
	base uint64
	keys map[uint64]uint64 // number of the latest message with this key

	queued int // bytes that wait
	pinned int // bytes that wait, with looseCost each

	messages, bytes uint64 // taken by send, less what was dropped
	dropped         uint64
	sum             *atomic.Uint64 // of dropped, where a listener counts for all its connections
}

// looseMsg is one message. Its content is in buf, or in ref where buf is nil.
type looseMsg struct {
	buf   *bufpool.Buffer
	ref   []byte
	key   uint64
	keyed bool
}

func (m *looseMsg) data() []byte {
	if m.buf != nil {
		return m.buf.B
	}
	return m.ref
}

// release gives the message's buffer back.
func (m *looseMsg) release() {
	if m.buf != nil {
		bufpool.Put(m.buf)
	}
	*m = looseMsg{}
}

// set makes data the content.
func (m *looseMsg) set(data []byte, shared bool) {
	if shared {
		if m.buf != nil {
			bufpool.Put(m.buf)
			m.buf = nil
		}
		m.ref = data
		return
	}
	if m.buf != nil && cap(m.buf.B) < len(data) {
		bufpool.Put(m.buf)
		m.buf = nil
	}
	if m.buf == nil {
		m.ref = nil
		m.buf = bufpool.Get(len(data))
	}
	m.buf.B = append(m.buf.B[:0], data...)
}

// send queues a message whose length has been checked.
func (q *looseQueue) send(m transport.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return transport.ErrClosed
	}
	keyed := m.Mode == transport.Latest
	n := len(m.Data)
	if number, ok := q.keys[m.Key]; keyed && ok {
		old := &q.msgs[q.head+int(number-q.base)]
		q.count(-len(old.data()))
		q.countDrop(old)
		old.set(m.Data, m.Shared)
		q.count(n)
	} else {
		if len(q.msgs) == cap(q.msgs) && q.head > len(q.msgs)/2 {
			kept := copy(q.msgs, q.msgs[q.head:])
			clear(q.msgs[kept:])
			q.msgs, q.head = q.msgs[:kept], 0
		}
		q.msgs = append(q.msgs, looseMsg{key: m.Key, keyed: keyed})
		q.msgs[len(q.msgs)-1].set(m.Data, m.Shared)
		q.count(n + looseCost)
		q.queued -= looseCost
		if keyed {
			if q.keys == nil {
				q.keys = make(map[uint64]uint64)
			}
			q.keys[m.Key] = q.base + uint64(len(q.msgs)-q.head-1)
		}
	}
	q.messages++
	q.bytes += uint64(n)
	for q.pinned > q.limit {
		old := q.pop()
		q.drop(&old)
	}
	return nil
}

// count notes that n bytes more wait.
func (q *looseQueue) count(n int) {
	q.queued += n
	q.pinned += n
}

// pop takes the first message out.
func (q *looseQueue) pop() looseMsg {
	m := q.msgs[q.head]
	q.msgs[q.head] = looseMsg{}
	if m.keyed {
		delete(q.keys, m.key)
	}
	q.head++
	q.base++
	q.count(-len(m.data()))
	q.pinned -= looseCost
	return m
}

// drop counts a message that was queued and is not sent.
func (q *looseQueue) drop(m *looseMsg) {
	q.countDrop(m)
	m.release()
}

func (q *looseQueue) countDrop(m *looseMsg) {
	q.dropped++
	q.messages--
	q.bytes -= uint64(len(m.data()))
	if q.sum != nil {
		q.sum.Add(1)
	}
}

// start makes the caller the writer, if there is something to write and no
// writer.
func (q *looseQueue) start() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.writing || q.head == len(q.msgs) {
		return false
	}
	q.writing = true
	return true
}

// more reports whether something is queued. If not, who asks is the writer no
// longer.
func (q *looseQueue) more() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head < len(q.msgs) {
		return true
	}
	q.writing = false
	q.rest()
	return false
}

// take hands the first message to the writer. There is none if the queue was
// closed after more.
func (q *looseQueue) take() (m looseMsg, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.msgs) {
		return looseMsg{}, false
	}
	return q.pop(), true
}

// keepUpTo is the capacity up to which an empty queue keeps its memory, since it
// will be used again soon.
const keepUpTo = 8

func (q *looseQueue) rest() {
	if cap(q.msgs) > keepUpTo {
		q.msgs, q.keys = nil, nil
	}
	q.msgs, q.head = q.msgs[:0], 0
}

// gaveUp drops a message that take has handed out.
func (q *looseQueue) gaveUp(m *looseMsg) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(m)
}

// close drops what is queued; nothing more is.
func (q *looseQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for q.head < len(q.msgs) {
		m := q.pop()
		q.drop(&m)
	}
	q.msgs, q.keys, q.head = nil, nil, 0
}
