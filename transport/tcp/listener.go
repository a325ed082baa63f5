package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/proxy"
)

// Listener accepts TCP connections. It implements [transport.Listener].
type Listener struct {
	ln         net.Listener
	cfg        *Config
	serving    atomic.Bool
	handshakes handshakes
	pollers    *pollers                 // of its own, or of Config.Order
	acceptor   atomic.Pointer[acceptor] // where a poller accepts

	once   sync.Once
	closed chan struct{} // closed by Close
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
	if t := full.TLS; err == nil && t != nil &&
		len(t.Certificates) == 0 && t.GetCertificate == nil && t.GetConfigForClient == nil {
		err = errors.New("tcp: a listener needs a certificate for TLS; set Certificates or GetCertificate in Config.TLS")
	}
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	l := &Listener{ln: ln, cfg: &full, pollers: new(pollers), closed: make(chan struct{})}
	if full.Order != nil {
		l.pollers = &full.Order.pollers
	}
	l.handshakes.max = full.MaxHandshakes
	return l, nil
}

// Addr implements [transport.Listener].
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Close implements [transport.Listener]. TLS handshakes that are under way
// are cut.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	if a := l.acceptor.Load(); a != nil {
		a.close()
	}
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

	if a := l.polledAccept(h); a != nil {
		<-a.ended
		return nil
	}
	var pause time.Duration
	for {
		wire, err := l.ln.Accept()
		switch {
		case err == nil:
			if pause > 0 {
				l.acceptsAgain()
				pause = 0
			}
			l.accept(wire, h)
		case errors.Is(err, net.ErrClosed) || l.isClosed():
			return nil
		default:
			pause = l.acceptFailed(err, pause)
			select {
			case <-time.After(pause):
			case <-l.closed:
			}
		}
	}
}

// polledAccept lets a poller accept, where that is possible.
func (l *Listener) polledAccept(h transport.Handler) *acceptor {
	t, ok := l.ln.(*net.TCPListener)
	if !ok || l.cfg.TLS != nil || l.cfg.Proxy {
		return nil
	}
	a := l.pollers.accept(l, t, h)
	if a == nil {
		return nil
	}
	l.acceptor.Store(a)
	if l.isClosed() {
		a.close()
	}
	return a
}

// acceptFailed says so, the first time, and returns for how long to pause when
// the pause before was that long.
func (l *Listener) acceptFailed(err error, pause time.Duration) time.Duration {
	if pause == 0 {
		l.cfg.Log.Error("cannot accept connections, trying on", "addr", l.Addr(), "err", err)
	}
	return min(max(2*pause, 5*time.Millisecond), time.Second)
}

// acceptsAgain says that accepting works again.
func (l *Listener) acceptsAgain() {
	l.cfg.Log.Info("accepting connections again", "addr", l.Addr())
}

// isClosed tells apart what net.Listeners of others answer after Close.
func (l *Listener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

func (l *Listener) accept(wire net.Conn, h transport.Handler) {
	if t, ok := wire.(*net.TCPConn); ok {
		tune(t)
	}
	if l.cfg.TLS == nil && !l.cfg.Proxy {
		l.open(wire, nil, proxy.OriginOf(wire), h)
		return
	}
	under := l.handshakes.add(wire)
	if under == nil {
		return
	}
	go func() {
		secure, from, doing, err := l.greet(wire)
		if err != nil {
			l.handshakes.fail(under, failureOf(doing, err))
		}
		if err != nil || !l.handshakes.succeed(under) {
			_ = wire.Close()
			l.cfg.Log.Debug("handshake failed", "peer", wire.RemoteAddr(), "err", err)
			return
		}
		l.open(wire, secure, from, h)
	}()
}

// greet reads what stands before the messages: a proxy's header, and the
// handshake of TLS. When that fails, doing is which of them it was.
func (l *Listener) greet(wire net.Conn) (secure *tls.Conn, from proxy.Origin, doing failure, err error) {
	from = proxy.OriginOf(wire)
	if l.cfg.Proxy {
		if from, err = proxy.Read(wire, l.cfg.ProxyAllow, l.cfg.HandshakeTimeout); err != nil {
			return nil, from, failedProxy, err
		}
	}
	if l.cfg.TLS != nil {
		secure = tls.Server(wire, l.cfg.TLS)
		err = handshake(context.Background(), secure, l.cfg.HandshakeTimeout)
	}
	return secure, from, failedTLS, err
}

// open lets a connection begin.
func (l *Listener) open(wire net.Conn, secure *tls.Conn, from proxy.Origin, h transport.Handler) {
	if t, ok := wire.(*net.TCPConn); ok && secure == nil {
		// Another kind of listener may still have its uses for wire.
		if _, own := l.ln.(*net.TCPListener); own && l.pollers.open(l.cfg, t, from, h) != nil {
			return
		}
	}
	// On a goroutine of its own, whose stack has not grown.
	go newConn(l.cfg, wire, secure, from).run(h)
}

func handshake(ctx context.Context, secure *tls.Conn, limit time.Duration) error {
	_ = secure.SetDeadline(time.Now().Add(limit))
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	return secure.SetDeadline(time.Time{})
}

// parallelAbove is how many connections it takes until flushing them on
// several goroutines is worth starting these.
const parallelAbove = 128

// Flush implements [transport.Listener]. Large sets are flushed on several
// goroutines. Where Flush of a connection leaves writing to another goroutine,
// as over TLS, it does not wait for that.
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
