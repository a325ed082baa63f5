package websocket

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/bufpool"
)

// readBuffer is the buffer in bytes that each accepted connection reads frames'
// heads and small messages into. Large messages go past it.
const readBuffer = 1 << 10

var errText = errors.New("a text message came; only binary ones are understood")

// inbox is what the reading goroutine knows.
type inbox struct {
	br *bufio.Reader // what the library reads from, or nil where unknown

	// buf has the messages of a batch behind each other, which end at ends. It
	// is nil while none is on its way.
	buf  *bufpool.Buffer
	ends []int

	pings      int // since pingsSince
	pingsSince time.Time
}

// receive delivers messages until the connection ends, and returns how.
func (c *Conn) receive(h transport.Handler) error {
	for {
		c.wait()
		if c.isClosing() {
			return c.discard()
		}
		err := c.read()
		if len(c.in.ends) > 0 {
			c.wait() // for a Hold that came while it read
			if !c.isClosing() {
				c.deliver(h)
			}
		}
		c.in.release()
		if err != nil {
			return err
		}
	}
}

// read reads one message, and with it all others that are there already.
func (c *Conn) read() error {
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		if kind != websocket.MessageBinary {
			return errText
		}
		if err := c.in.take(r, c.cfg.MaxMessage); err != nil {
			return err
		}
		if !c.another() {
			return nil
		}
	}
}

// another reports whether a whole message is there already. After Close it does not
// look: the goroutine that says goodbye may then read for the library.
func (c *Conn) another() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause == nil && c.in.br != nil && whole(c.in.br)
}

// whole reports whether br holds a whole message next, in one frame as clients
// send it (RFC 6455 section 5.2), so that reading it does not wait.
func whole(br *bufio.Reader) bool {
	const finBinary, masked, size16, size64 = 0x82, 0x80, 126, 127
	n := br.Buffered()
	if n < 6 {
		return false
	}
	head, _ := br.Peek(6)
	if head[0] != finBinary || head[1]&masked == 0 {
		return false
	}
	switch size := int(head[1] &^ masked); size {
	case size64: // no buffer here is as long
		return false
	case size16:
		return n >= 8+int(binary.BigEndian.Uint16(head[2:]))
	default:
		return n >= 6+size
	}
}

// take reads a message, of at most longest bytes, behind those in buf.
func (in *inbox) take(r io.Reader, longest int) error {
	if in.buf == nil {
		in.buf = bufpool.Get(bufpool.Small)
	}
	for {
		b := in.buf.B
		if len(b) == cap(b) {
			in.grow(longest)
			continue
		}
		n, err := r.Read(b[len(b):cap(b)])
		in.buf.B = b[:len(b)+n]
		if err == io.EOF {
			in.ends = append(in.ends, len(in.buf.B))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// grow makes more room in buf, in proportion to what is there: who announces a
// long message and sends little of it shall not make this side hold much.
func (in *inbox) grow(longest int) {
	have := cap(in.buf.B)
	want := have + 1
	if have >= bufpool.Large {
		want = 2 * have
		if have <= longest {
			want = min(want, longest+1) // one more, in which to find the end
		}
	}
	next := bufpool.Get(want)
	next.B = append(next.B, in.buf.B...)
	bufpool.Put(in.buf)
	in.buf = next
}

func (in *inbox) release() {
	if in.buf != nil {
		bufpool.Put(in.buf)
		in.buf = nil
	}
	in.ends = in.ends[:0]
}

func (c *Conn) deliver(h transport.Handler) {
	batch := batches.Get().(*[][]byte)
	msgs, start := (*batch)[:0], 0
	for _, end := range c.in.ends {
		msgs = append(msgs, c.in.buf.B[start:end:end])
		start = end
	}
	c.messages.Add(uint64(len(msgs)))
	c.bytes.Add(uint64(start))
	h.Received(c, msgs)
	clear(msgs)
	*batch = msgs[:0]
	batches.Put(batch)
}

var batches = sync.Pool{New: func() any { return new([][]byte) }}

// discard reads until the peer has closed too, the linger time is over, or it
// has sent too much.
func (c *Conn) discard() error {
	for {
		_, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
	}
}

func (c *Conn) isClosing() bool {
	select {
	case <-c.closing:
		return true
	default:
		return false
	}
}

// held is for how long nothing may be read, or not positive.
func (c *Conn) held() time.Duration {
	hold := c.hold.Load()
	if hold == 0 {
		return 0
	}
	return time.Duration(hold) - time.Since(c.opened)
}

// wait returns when nothing is held, or on Close.
func (c *Conn) wait() {
	for d := c.held(); d > 0; d = c.held() {
		t := time.NewTimer(d)
		select {
		case <-t.C:
		case <-c.closing:
			t.Stop()
			return
		}
	}
}
