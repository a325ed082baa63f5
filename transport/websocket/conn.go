package websocket

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	ws "github.com/coder/websocket"
)

// stream is a WebSocket as a stream in which each message stands behind its
// little-endian uint16 length, in both directions. It is a net.Conn as package
// tcp needs it: one goroutine reads, one writes, and when a deadline is over
// the connection is.
type stream struct {
	ws            *ws.Conn
	remote, local net.Addr
	secure        bool
	closing       sync.Once

	ctx    context.Context // done when the connection is closed, or its time over
	cancel context.CancelFunc

	mu      sync.Mutex
	more    sync.Cond // there is something in in, or err
	room    sync.Cond // there is less in in
	in      []byte    // messages with their lengths that were not read
	err     error     // how reading has ended
	over    bool      // Close was called
	timer   *time.Timer
	expired atomic.Bool

	// Of the goroutine that writes:
	out []byte // the beginning of a message whose end has not come
}

const (
	lengthSize = 2
	maxMessage = 1<<16 - 1
	// maxAhead is how many bytes of messages are taken from the network before
	// they are read, so that one reading gets many that are small.
	maxAhead = 16 << 10
	// keepBytes is how much memory for messages an idle connection keeps.
	keepBytes = 1 << 10
)

func newStream(conn *ws.Conn, remote, local net.Addr, secure bool) *stream {
	s := &stream{ws: conn, remote: remote, local: local, secure: secure}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.more.L, s.room.L = &s.mu, &s.mu
	conn.SetReadLimit(maxMessage)
	go s.pump()
	return s
}

var errText = errors.New("websocket: the peer has sent text, and messages are binary")

// Read reads from the messages that have come, or waits for one.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.in) == 0 && s.err == nil {
		s.more.Wait()
	}
	if len(s.in) == 0 {
		return 0, s.err
	}
	n := copy(p, s.in)
	if s.in = s.in[n:]; len(s.in) == 0 {
		s.in = nil
	}
	s.room.Signal()
	return n, nil
}

// pump takes messages from the network until that ends.
func (s *stream) pump() {
	var b []byte
	for {
		var err error
		b, err = s.receive(b[:0])
		s.mu.Lock()
		for err == nil && len(s.in) > maxAhead && !s.over {
			s.room.Wait()
		}
		if err != nil {
			s.err = s.explain(err)
			s.more.Signal()
			s.mu.Unlock()
			return
		}
		s.in = append(s.in, b...)
		s.more.Signal()
		s.mu.Unlock()
		if cap(b) > keepBytes {
			b = nil
		}
	}
}

// receive waits for a message and appends it with its length to b.
func (s *stream) receive(b []byte) ([]byte, error) {
	typ, r, err := s.ws.Reader(s.ctx)
	if err != nil {
		return b, err
	}
	if typ != ws.MessageBinary {
		go func() { _ = s.ws.Close(ws.StatusUnsupportedData, "messages are binary") }()
		return b, errText
	}
	b = append(b, 0, 0)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return b, err
		}
	}
	binary.LittleEndian.PutUint16(b, uint16(len(b)-lengthSize)) // the read limit sees to it that it fits
	return b, nil
}

// explain makes an error one of a stream.
func (s *stream) explain(err error) error {
	switch {
	case s.expired.Load():
		return os.ErrDeadlineExceeded
	case ws.CloseStatus(err) != -1:
		return io.EOF
	}
	return err
}

// Write sends the messages in p that are complete, and keeps the rest.
func (s *stream) Write(p []byte) (int, error) {
	b := p
	if len(s.out) > 0 {
		s.out = append(s.out, p...)
		b = s.out
	}
	for len(b) >= lengthSize {
		n := lengthSize + int(binary.LittleEndian.Uint16(b))
		if len(b) < n {
			break
		}
		if err := s.ws.Write(s.ctx, ws.MessageBinary, b[lengthSize:n]); err != nil {
			return 0, s.explain(err)
		}
		b = b[n:]
	}
	s.out = append(s.out[:0], b...)
	if len(b) == 0 && cap(s.out) > keepBytes {
		s.out = nil
	}
	return len(p), nil
}

// CloseWrite tells the peer that nothing more comes. What it still sends can be
// read, up to its answer.
func (s *stream) CloseWrite() error {
	s.closing.Do(func() { go func() { _ = s.ws.Close(ws.StatusNormalClosure, "") }() })
	return nil
}

// Close ends the connection at once.
func (s *stream) Close() error {
	s.cancel()
	s.mu.Lock()
	s.over = true
	s.room.Signal()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	return s.ws.CloseNow()
}

func (s *stream) LocalAddr() net.Addr  { return s.local }
func (s *stream) RemoteAddr() net.Addr { return s.remote }

// Secure reports whether the WebSocket is encrypted.
func (s *stream) Secure() bool { return s.secure }

// SetDeadline ends the connection at t.
func (s *stream) SetDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	if t.IsZero() {
		return nil
	}
	s.timer = time.AfterFunc(time.Until(t), func() {
		s.expired.Store(true)
		s.cancel()
	})
	return nil
}

// SetReadDeadline is SetDeadline: when it is set, writing has failed.
func (s *stream) SetReadDeadline(t time.Time) error { return s.SetDeadline(t) }

// SetWriteDeadline is SetDeadline.
func (s *stream) SetWriteDeadline(t time.Time) error { return s.SetDeadline(t) }
