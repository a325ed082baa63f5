package tcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/bufpool"
)

const (
	// maxBatch bounds how many messages one Received gets, and with that
	// what a row of tiny messages makes the batch slice grow to.
	maxBatch = 1024
	// maxDiscard is how many bytes of a peer are thrown away after Close
	// while waiting for it to close too.
	maxDiscard = 1 << 20
)

var errHeld = errors.New("tcp: held")

// inbox is what the reading goroutine knows.
type inbox struct {
	// buf has the bytes of a message that is not complete, and in front of it
	// those that a hold has left over. It is nil when there are none, and
	// never larger than what the peer has sent asks for.
	buf  *bufpool.Buffer
	last int  // bytes of the last read
	full bool // it filled the buffer: there may be more

	// Result of once, which is made only once because it escapes.
	once func(fd uintptr) bool
	n    int
	err  error
}

// receive delivers messages until the connection ends, and returns how.
func (c *Conn) receive(h transport.Handler) error {
	defer c.release()
	for {
		c.wait()
		if c.isClosing() {
			return c.discard()
		}
		err := c.read()
		if err == errHeld {
			continue
		}
		if c.in.buf != nil && c.in.last > 0 {
			c.wait() // for a Hold that came while it read
			for !c.isClosing() && c.deliver(h, maxBatch) {
				c.wait()
			}
		}
		if err != nil {
			return c.ending(err)
		}
	}
}

// ending is the error that reading ended with, in view of what is left.
func (c *Conn) ending(err error) error {
	if err == io.EOF && c.in.buf != nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *Conn) isClosing() bool {
	select {
	case <-c.closing:
		return true
	default:
		return false
	}
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

// read adds to in.buf what the socket has, at least one byte, and says in
// in.last how many bytes that were.
func (c *Conn) read() error {
	if c.raw != nil {
		return c.readRaw()
	}
	in := &c.in
	// The buffer waits with the connection, so it is small unless the last
	// read has shown that there is more to come.
	size := bufpool.Small
	if in.full {
		size = 16 << 10
	}
	if in.buf == nil || cap(in.buf.B) < size {
		next := bufpool.Get(size)
		if in.buf != nil {
			next.B = append(next.B, in.buf.B...)
			bufpool.Put(in.buf)
		}
		in.buf = next
	}
	b := in.buf.B
	n, err := c.nc.Read(b[len(b):cap(b)])
	in.last, in.full = n, n == cap(b)-len(b)
	in.buf.B = b[:len(b)+n]
	if len(in.buf.B) == 0 {
		c.release()
	}
	return err
}

// deliver hands the complete messages in in.buf to h, at most most at once,
// and keeps the rest. It reports true when there may be more of them: h has
// asked for a Hold, or most is 1.
func (c *Conn) deliver(h transport.Handler, most int) (more bool) {
	in := &c.in
	rest := in.buf.B
	batch := batches.Get().(*[][]byte)
	msgs := (*batch)[:0]
	for {
		msg, frame, ok := c.next(rest)
		if ok {
			msgs = append(msgs, msg)
			rest = rest[frame:]
		}
		if len(msgs) > 0 && (!ok || len(msgs) == most) {
			c.count(msgs)
			h.Received(c, msgs)
			clear(msgs)
			msgs = msgs[:0]
			if c.isClosing() {
				rest = nil
				break
			}
			if ok && len(rest) > 0 && (most == 1 || c.held() > 0) {
				more = true
				c.keep(rest, len(rest)+1)
				break
			}
		}
		if ok {
			continue
		}
		if frame > c.cfg.Framing.size()+c.cfg.MaxMessage {
			c.Close(transport.CodeProtocol, fmt.Sprintf("a message of %d bytes was announced, %d are allowed",
				frame-c.cfg.Framing.size(), c.cfg.MaxMessage))
			rest = nil
		} else {
			c.keep(rest, frame)
		}
		break
	}
	*batch = msgs
	batches.Put(batch)
	if len(rest) == 0 {
		c.release()
	}
	return more
}

// next returns the first message in b and the length of its frame. When it is
// not complete, frame is the length that the frame will have, as far as known.
func (c *Conn) next(b []byte) (msg []byte, frame int, ok bool) {
	size := c.cfg.Framing.size()
	n := min(len(b), c.cfg.MaxMessage) // without a prefix
	switch {
	case len(b) == 0 || len(b) < size:
		return nil, size, false
	case size == 2:
		n = int(binary.LittleEndian.Uint16(b))
	case size == 4:
		n = int(min(binary.LittleEndian.Uint32(b), 1<<31-1-4))
	}
	if n > c.cfg.MaxMessage || len(b)-size < n {
		return nil, size + n, false
	}
	return b[size : size+n : size+n], size + n, true
}

// keep makes in.buf hold rest, the beginning of a frame, with room for more,
// in a buffer that is not much larger than rest: who announces a long message
// and sends little of it shall not make this side hold much.
func (c *Conn) keep(rest []byte, frame int) {
	if len(rest) == 0 {
		return
	}
	in := &c.in
	want := len(rest) + 1
	if want > bufpool.Large {
		want = len(rest) + min(len(rest), frame-len(rest))
	}
	if bufpool.Size(want) == cap(in.buf.B) || (want > bufpool.Large && len(rest) < cap(in.buf.B)) {
		n := copy(in.buf.B, rest)
		in.buf.B = in.buf.B[:n]
		return
	}
	next := bufpool.Get(want)
	next.B = append(next.B, rest...)
	bufpool.Put(in.buf)
	in.buf = next
}

func (c *Conn) release() {
	if c.in.buf != nil {
		bufpool.Put(c.in.buf)
		c.in.buf = nil
	}
}

func (c *Conn) count(msgs [][]byte) {
	n := 0
	for _, m := range msgs {
		n += len(m)
	}
	c.messages.Add(uint64(len(msgs)))
	c.bytes.Add(uint64(n))
}

// discard reads until the peer has closed too, the linger time is over, or it
// has sent too much.
func (c *Conn) discard() error {
	for n := 0; n <= maxDiscard; n += c.in.last {
		c.release()
		if err := c.read(); err != nil && err != errHeld {
			return err
		}
	}
	return nil
}

var batches = sync.Pool{New: func() any { return new([][]byte) }}
