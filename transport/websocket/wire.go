package websocket

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/transport/internal/bufpool"
)

// wire is the network below the library. It gathers the frames of many
// messages into one write, remembers what failed, and ends what lingers.
type wire struct {
	net.Conn
	raw   net.Conn // the connection below TLS, or the same
	early []byte   // what came together with the request

	sent atomic.Uint64 // bytes that the network has taken

	writing sync.Mutex
	out     *bufpool.Buffer // what was gathered, or nil while nothing is

	mu        sync.Mutex
	err       error // what reading or writing failed with first
	lingering bool
	left      int // bytes that are still read while lingering
}

func newWire(nc net.Conn) *wire {
	raw := below(nc)
	if t, ok := raw.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(keepAlive)
	}
	return &wire{Conn: nc, raw: raw}
}

// below is the connection that TLS runs on, or nc itself, without what a proxy
// says of it. Closing it does without TLS's farewell, which might wait.
func below(nc net.Conn) net.Conn {
	if secure, ok := nc.(*tls.Conn); ok {
		nc = secure.NetConn()
	}
	if f, ok := nc.(*fronted); ok {
		return f.Conn
	}
	return nc
}

// reset makes closing tell the peer's system that the connection was reset, and
// this system not to try on with what the peer does not take.
func (w *wire) reset() {
	if t, ok := w.raw.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
}

var errDiscarded = errors.New("websocket: the peer sent too much after this side closed")

// Read implements [io.Reader].
func (w *wire) Read(p []byte) (int, error) {
	if len(w.early) > 0 {
		n := copy(p, w.early)
		w.early = w.early[n:]
		return n, nil
	}
	n, err := w.Conn.Read(p)
	w.mu.Lock()
	if w.lingering {
		if w.left -= n; w.left < 0 && err == nil {
			err = errDiscarded
		}
	}
	if w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
	return n, err
}

// failed is what reading or writing has failed with, or nil.
func (w *wire) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// linger bounds what is still read and written from now on.
func (w *wire) linger(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lingering, w.left = true, maxDiscard
	_ = w.SetDeadline(time.Now().Add(d))
}

// gather makes Write keep what it is given until release, up to about n bytes
// at once.
func (w *wire) gather(n int) {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.out = bufpool.Get(min(n, bufpool.Large))
}

// release writes what was gathered.
func (w *wire) release() error {
	w.writing.Lock()
	defer w.writing.Unlock()
	err := w.flush()
	bufpool.Put(w.out)
	w.out = nil
	return err
}

// Write implements [io.Writer].
func (w *wire) Write(p []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if w.out == nil {
		return w.send(p)
	}
	if len(p) > cap(w.out.B)-len(w.out.B) {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) > cap(w.out.B) {
		return w.send(p)
	}
	w.out.B = append(w.out.B, p...)
	return len(p), nil
}

// flush writes what was gathered so far. The caller holds w.writing.
func (w *wire) flush() error {
	if len(w.out.B) == 0 {
		return nil
	}
	_, err := w.send(w.out.B)
	w.out.B = w.out.B[:0]
	return err
}

// send writes to the network. The caller holds w.writing.
func (w *wire) send(p []byte) (int, error) {
	w.mu.Lock()
	if !w.lingering {
		_ = w.SetWriteDeadline(time.Now().Add(stall))
	}
	w.mu.Unlock()
	n, err := w.Conn.Write(p)
	w.sent.Add(uint64(n))
	if err != nil {
		w.mu.Lock()
		if w.err == nil {
			w.err = err
		}
		w.mu.Unlock()
	}
	return n, err
}
