package pipes

import "sync"

// inboxCost is what may wait in a client's inbox, in the units of message.cost:
// about 4,000 messages without arguments, which a usual client sends in a
// minute. So it is no client's fault if the game stands still for some
// seconds. A client of whom half of that waits is read from less often.
const inboxCost = 256 << 10

// batch is messages with the memory that their data lies in.
type batch struct {
	messages []message
	data     []byte
}

// reset empties the batch and keeps its memory, unless that is much.
func (b *batch) reset() {
	if cap(b.messages) > 32 || cap(b.data) > 4<<10 {
		*b = batch{}
		return
	}
	clear(b.messages)
	b.messages, b.data = b.messages[:0], b.data[:0]
}

// inbox is what a client sent and the world's goroutine has not seen. It is safe
// for concurrent use.
type inbox struct {
	mu    sync.Mutex
	batch batch
	cost  int
}

// put adds a message. first says that nothing waited before it; room, that
// it found room, and half, that the inbox is more than half full.
func (i *inbox) put(m *message) (first, room, half bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cost+m.cost() > inboxCost {
		return false, false, true
	}
	i.cost += m.cost()
	first = len(i.batch.messages) == 0
	i.batch.messages = append(i.batch.messages, *m)
	if len(m.data) > 0 {
		// When data grows, earlier messages keep the array that they are in.
		i.batch.data = append(i.batch.data, m.data...)
		n := len(i.batch.data)
		i.batch.messages[len(i.batch.messages)-1].data = i.batch.data[n-len(m.data) : n : n]
	}
	return first, true, i.cost > inboxCost/2
}

// take exchanges what waits for an empty batch.
func (i *inbox) take(empty batch) batch {
	i.mu.Lock()
	defer i.mu.Unlock()
	full := i.batch
	i.batch, i.cost = empty, 0
	return full
}
