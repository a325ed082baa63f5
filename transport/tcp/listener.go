package tcp

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/transport"
)

// Listener accepts TCP connections. It implements [transport.Listener].
type Listener struct {
	ln         net.Listener
	cfg        *Config
	serving    atomic.Bool
	handshakes handshakes
	pollers    pollers
}

var _ transport.Listener = (*Listener)(nil)

// Listen listens on addr, for example ":4400" or "127.0.0.1:0".
func Listen(addr string, cfg Config) (*Listener, error) {
	if _, err := cfg.withDefaults(); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return NewListener(ln, cfg)
}

// NewListener accepts from ln, which it owns from now on. What ln accepts
// other than *net.TCPConn works too, but costs more.
func NewListener(ln net.Listener, cfg Config) (*Listener, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	l := &Listener{ln: ln, cfg: &full}
	l.handshakes.max = full.MaxHandshakes
	return l, nil
}

// Addr implements [transport.Listener].
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Close implements [transport.Listener]. TLS handshakes that are under way
// are cut.
func (l *Listener) Close() error {
	err := l.ln.Close()
	l.handshakes.close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Serve implements [transport.Listener]. When accepting fails, for example
// because no file descriptor is left, it waits up to a second and tries again.
// When ctx is done it closes the listener.
func (l *Listener) Serve(ctx context.Context, h transport.Handler) error {
	if !l.serving.CompareAndSwap(false, true) {
		return errors.New("tcp: Serve was called before")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()

	var pause time.Duration
	for {
		wire, err := l.ln.Accept()
		switch {
		case err == nil:
			if pause > 0 {
				l.cfg.Log.Info("accepting connections again", "addr", l.Addr())
				pause = 0
			}
			l.accept(wire, h)
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			if pause == 0 {
				l.cfg.Log.Error("cannot accept connections, trying on", "addr", l.Addr(), "err", err)
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			t := time.NewTimer(pause)
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
			}
		}
	}
}

func (l *Listener) accept(wire net.Conn, h transport.Handler) {
	t, ok := wire.(*net.TCPConn)
	if ok {
		tune(t)
	}
	if l.cfg.TLS == nil {
		// Another kind of listener may still have its uses for wire.
		if _, own := l.ln.(*net.TCPListener); own && ok && l.pollers.open(l.cfg, t, h) != nil {
			return
		}
		go newConn(l.cfg, wire, nil).run(h)
		return
	}
	if !l.handshakes.add(wire) {
		return
	}
	go func() {
		secure := tls.Server(wire, l.cfg.TLS)
		err := handshake(context.Background(), secure, l.cfg.HandshakeTimeout)
		if !l.handshakes.remove(wire) || err != nil {
			_ = wire.Close()
			l.cfg.Log.Debug("TLS handshake failed", "peer", wire.RemoteAddr(), "err", err)
			return
		}
		// On a goroutine of its own, whose stack has not grown.
		go newConn(l.cfg, wire, secure).run(h)
	}()
}

func handshake(ctx context.Context, secure *tls.Conn, limit time.Duration) error {
	_ = secure.SetDeadline(time.Now().Add(limit))
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	return secure.SetDeadline(time.Time{})
}

// handshakes are the TLS handshakes under way, the oldest first.
type handshakes struct {
	mu     sync.Mutex
	max    int
	closed bool
	order  list.List // of net.Conn
	at     map[net.Conn]*list.Element
}

// add notes a new handshake and cuts the oldest one if there are too many. It
// closes wire and reports false after close.
func (s *handshakes) add(wire net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = wire.Close()
		return false
	}
	if s.at == nil {
		s.at = make(map[net.Conn]*list.Element)
	}
	if s.order.Len() >= s.max {
		s.cut(s.order.Front())
	}
	s.at[wire] = s.order.PushBack(wire)
	return true
}

// remove reports whether wire was still there.
func (s *handshakes) remove(wire net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.at[wire]
	if e == nil {
		return false
	}
	s.order.Remove(e)
	delete(s.at, wire)
	return true
}

func (s *handshakes) cut(e *list.Element) {
	wire := s.order.Remove(e).(net.Conn)
	delete(s.at, wire)
	_ = wire.Close()
}

func (s *handshakes) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.order.Len() > 0 {
		s.cut(s.order.Front())
	}
}

// parallelAbove is how many connections it takes until flushing them on
// several goroutines is worth starting these.
const parallelAbove = 128

// Flush implements [transport.Listener]. Large sets are flushed on several
// goroutines.
func (l *Listener) Flush(conns []transport.Conn) {
	workers := min(runtime.GOMAXPROCS(0), len(conns)*2/parallelAbove)
	if workers < 2 {
		flush(conns)
		return
	}
	const chunk = 32
	var next atomic.Int64
	work := func() {
		for {
			end := int(next.Add(chunk))
			if end-chunk >= len(conns) {
				return
			}
			flush(conns[end-chunk : min(end, len(conns))])
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

func flush(conns []transport.Conn) {
	for _, c := range conns {
		c.Flush()
	}
}
