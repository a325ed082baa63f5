package quic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/bufpool"
)

// deliver calls the handler when it is its turn and no hold is on. It reports
// whether the connection is still open; if it is not, the messages are dropped.
func (c *Conn) deliver(h transport.Handler, msgs [][]byte) bool {
	for {
		c.turn.Lock()
		select {
		case <-c.closing:
			c.turn.Unlock()
			return false
		default:
		}
		d := c.held()
		if d <= 0 {
			break
		}
		c.turn.Unlock()
		c.pause(d)
	}
	defer c.turn.Unlock()
	n := 0
	for _, m := range msgs {
		n += len(m)
	}
	c.messages.Add(uint64(len(msgs)))
	c.bytes.Add(uint64(n))
	h.Received(c, msgs)
	return true
}

// pause waits for d, or until the connection closes.
func (c *Conn) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.closing:
	case <-c.q.Context().Done():
	}
}

// readDatagrams delivers short unreliable messages until the connection ends.
func (c *Conn) readDatagrams(h transport.Handler) {
	var msgs [1][]byte
	for {
		data, err := c.q.ReceiveDatagram(context.Background())
		if err != nil {
			return
		}
		if len(data) > c.cfg.MaxUnreliable {
			c.fail(fmt.Errorf("the peer sends an unreliable message of %d bytes, the longest is %d", len(data), c.cfg.MaxUnreliable))
			return
		}
		msgs[0] = data
		if !c.deliver(h, msgs[:]) {
			return
		}
	}
}

// readStreams takes the peer's streams as they come: the first has its
// reliable messages, each other one long unreliable message.
func (c *Conn) readStreams(h transport.Handler, in *quic.ReceiveStream) {
	if in == nil {
		var err error
		if in, err = c.q.AcceptUniStream(context.Background()); err != nil {
			return
		}
	}
	c.readers.Go(func() { c.readReliable(h, in) })
	for {
		s, err := c.q.AcceptUniStream(context.Background())
		if err != nil {
			return
		}
		c.readers.Go(func() { c.readLong(h, s) })
	}
}

// firstRead is the size of the buffer that reading a stream begins with.
const firstRead = 4 << 10

// readReliable delivers reliable messages, until the peer says farewell or the
// connection ends. When this side has closed it goes on reading, for the
// peer's farewell.
func (c *Conn) readReliable(h transport.Handler, in *quic.ReceiveStream) {
	var buf *bufpool.Buffer // from the first byte that is not delivered
	defer func() {
		if buf != nil {
			bufpool.Put(buf)
		}
	}()
	var msgs [][]byte
	for {
		if buf == nil {
			// While it waits, no buffer is held.
			var one [1]byte
			if _, err := in.Peek(one[:]); err != nil {
				c.inputEnded(err)
				return
			}
			buf = bufpool.Get(firstRead)
		}
		n, err := in.Read(buf.B[len(buf.B):cap(buf.B)])
		buf.B = buf.B[:len(buf.B)+n]

		rest := buf.B
		msgs = msgs[:0]
		for {
			msg, farewell, size, perr := parseRecord(rest, c.cfg.MaxReliable)
			if perr != nil {
				c.fail(perr)
				return
			}
			if farewell != nil {
				if len(msgs) > 0 {
					c.deliver(h, msgs)
				}
				c.hearFarewell(farewell)
				return
			}
			if size > len(rest) {
				break
			}
			msgs = append(msgs, msg)
			rest = rest[size:]
		}
		if len(msgs) > 0 {
			c.deliver(h, msgs)
			clear(msgs)
			if cap(msgs) > maxKept {
				msgs = nil
			}
		}
		if err != nil {
			c.inputEnded(err)
			return
		}
		buf = keep(buf, rest, c.cfg.MaxReliable+farewellSize)
	}
}

// maxKept is how many messages the slice may hold that an idle reader keeps.
const maxKept = 64

// keep returns a buffer with rest at its beginning and room behind it, and no
// buffer if rest is empty. rest is the end of buf. The room doubles, so that a
// long message takes memory as it arrives, and not when it is announced.
func keep(buf *bufpool.Buffer, rest []byte, limit int) *bufpool.Buffer {
	if len(rest) == 0 {
		bufpool.Put(buf)
		return nil
	}
	if len(rest) <= cap(buf.B)/2 {
		buf.B = buf.B[:copy(buf.B, rest)]
		return buf
	}
	next := bufpool.Get(min(2*cap(buf.B), max(limit, len(rest)+1)))
	next.B = append(next.B, rest...)
	bufpool.Put(buf)
	return next
}

var errInputEnded = errors.New("the peer ended its reliable messages without a farewell")

// inputEnded notes that the stream of reliable messages ended with err. If the
// connection ended too, that is why; else the peer breaks the protocol.
func (c *Conn) inputEnded(err error) {
	var reset *quic.StreamError
	if errors.Is(err, io.EOF) || errors.As(err, &reset) {
		c.fail(errInputEnded)
	}
}

// hearFarewell closes after the last message of the peer, which so learns that
// it was read.
func (c *Conn) hearFarewell(farewell *transport.CloseError) {
	if c.setCause(farewell) {
		c.box.Close()
		c.loose.close()
	}
	c.cut(transport.CodeNormal, "")
}

// readLong reads a stream with one unreliable message. A stream that the peer
// resets was overtaken.
func (c *Conn) readLong(h transport.Handler, s *quic.ReceiveStream) {
	buf := bufpool.Get(firstRead)
	defer func() { bufpool.Put(buf) }()
	for {
		n, err := s.Read(buf.B[len(buf.B):cap(buf.B)])
		buf.B = buf.B[:len(buf.B)+n]
		if len(buf.B) > c.cfg.MaxUnreliable {
			c.fail(fmt.Errorf("the peer sends an unreliable message of more than %d bytes", c.cfg.MaxUnreliable))
			return
		}
		switch {
		case errors.Is(err, io.EOF):
			c.deliver(h, [][]byte{buf.B[:len(buf.B):len(buf.B)]})
			return
		case err != nil:
			return
		case len(buf.B) == cap(buf.B):
			buf = keep(buf, buf.B, c.cfg.MaxUnreliable+1)
		}
	}
}
