package tcp

import (
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/culm-net/culm/transport/internal/outbox"
)

// maxRounds is how often Flush writes at most before it leaves the rest to
// another goroutine, so that who flushes is not kept by those who send.
const maxRounds = 8

// Flush implements [transport.Conn].
func (c *Conn) Flush() {
	a := attempts.Get().(*attempt)
	a.bufs = c.box.Take(a.bufs)
	switch {
	case len(a.bufs) == 0:
	case c.polled != nil:
		c.polled.write(a)
	case c.raw == nil || c.writeSome(a):
		go c.drain(a)
		return
	}
	a.release()
}

// writeSome writes without waiting. It reports whether there is more to write.
func (c *Conn) writeSome(a *attempt) bool {
	for range maxRounds {
		n, want, err := a.write(c.raw, nil)
		if !c.more(n, err) {
			return false
		}
		a.bufs = c.box.Again(a.bufs)
		if n < want {
			c.blocked.Store(true)
			break
		}
	}
	return true
}

// drain writes until nothing is queued, waiting for the network.
func (c *Conn) drain(a *attempt) {
	for {
		var n int
		var err error
		if c.raw != nil {
			n, _, err = a.write(c.raw, &c.blocked)
		} else {
			bufs := net.Buffers(a.bufs)
			if _, secure := c.nc.(*tls.Conn); secure {
				bufs = bufs[:1] // it writes each by itself: so it is known in between what has left
			}
			var k int64
			k, err = bufs.WriteTo(c.nc)
			n = int(k)
		}
		if !c.more(n, err) {
			a.release()
			return
		}
		a.bufs = c.box.Again(a.bufs)
	}
}

// more takes note of what the writer has written, and reports whether it has
// to go on.
func (c *Conn) more(n int, err error) bool {
	state := c.box.Wrote(n)
	switch {
	case state == outbox.Done:
		c.closeWrite()
		return false
	case state == outbox.Idle:
		return false
	case err == nil:
		return true
	}
	// What the peer has sent before may still be there to read. Reading also
	// finds out that the connection is dead, and if it does not, ends soon.
	c.mu.Lock()
	c.broken = err
	if c.cause == nil {
		_ = c.wire.SetReadDeadline(time.Now().Add(max(c.cfg.Linger, 0)))
	}
	c.mu.Unlock()
	c.box.Discard(true)
	return false
}

// attempt is what one writer needs. It is pooled because its function escapes.
type attempt struct {
	bufs [][]byte
	attemptOS
}

func (a *attempt) release() {
	clear(a.bufs)
	a.bufs = a.bufs[:0]
	attempts.Put(a)
}

var attempts = sync.Pool{New: func() any {
	a := &attempt{bufs: make([][]byte, 0, outbox.MaxPieces)}
	a.init()
	return a
}}
