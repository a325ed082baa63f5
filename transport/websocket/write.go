package websocket

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/culm-net/culm/transport/internal/outbox"
)

// maxFrame is what a frame adds to a message at most: head and mask.
const maxFrame = 14

// Flush implements [transport.Conn].
func (c *Conn) Flush() {
	row := rows.Get().(*[][]byte)
	*row = c.box.Take(*row)
	if len(*row) == 0 {
		rows.Put(row)
		return
	}
	go c.drain(row)
}

var rows = sync.Pool{New: func() any {
	row := make([][]byte, 0, outbox.MaxPieces)
	return &row
}}

// drain writes until nothing is queued, waiting for the network.
func (c *Conn) drain(row *[][]byte) {
	for {
		n, err := c.write(*row)
		if !c.more(n, err) {
			break
		}
		*row = c.box.Again(*row)
	}
	clear(*row)
	*row = (*row)[:0]
	rows.Put(row)
}

// write writes the messages in pieces of the queue, and returns how many bytes
// of the queue these were. A message whose end is not among the pieces is left.
func (c *Conn) write(pieces [][]byte) (n int, err error) {
	total := 0
	for _, p := range pieces {
		total += len(p) + maxFrame
	}
	c.wire.gather(total)
	for len(pieces) > 0 && err == nil {
		p := pieces[0]
		if len(p) == 0 {
			pieces = pieces[1:]
			continue
		}
		// A length is never apart from itself, and its message follows it at
		// once or is all of the next piece.
		size := int(binary.LittleEndian.Uint32(p))
		p = p[prefix:]
		if size > 0 && len(p) == 0 {
			if pieces = pieces[1:]; len(pieces) == 0 {
				break
			}
			p = pieces[0]
		}
		err = c.ws.Write(context.Background(), websocket.MessageBinary, p[:size])
		pieces[0] = p[size:]
		n += prefix + size
	}
	if failed := c.wire.release(); err == nil {
		err = failed
	}
	return n, err
}

// more takes note of what the writer has written, and reports whether it has
// to go on.
func (c *Conn) more(n int, err error) bool {
	if err == nil {
		switch c.box.Wrote(n) {
		case outbox.More:
			return true
		case outbox.Done:
			c.farewell()
		}
		return false
	}
	// What the peer has sent before may still be there to read. Reading also
	// finds out that the connection is dead, and if it does not, ends soon.
	c.mu.Lock()
	if c.cause == nil {
		_ = c.wire.SetReadDeadline(time.Now().Add(max(c.cfg.Linger, 0)))
	}
	c.mu.Unlock()
	c.box.Discard(true)
	return false
}
