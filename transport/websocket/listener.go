package websocket

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/culm-net/culm/transport"
)

// Listener accepts WebSocket connections with an HTTP server of its own. It
// implements [transport.Listener].
type Listener struct {
	ln         net.Listener
	cfg        *Config
	server     http.Server
	serving    atomic.Bool
	handshakes handshakes
}

var _ transport.Listener = (*Listener)(nil)

// Listen listens on addr, for example ":7196" or "127.0.0.1:0".
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

// NewListener accepts from ln, which it owns from now on, and makes TLS of it
// with Config.TLS.
func NewListener(ln net.Listener, cfg Config) (*Listener, error) {
	full, err := cfg.withDefaults()
	if t := full.TLS; err == nil && t != nil &&
		len(t.Certificates) == 0 && t.GetCertificate == nil && t.GetConfigForClient == nil {
		err = errors.New("websocket: a listener needs a certificate for TLS; set Certificates or GetCertificate in Config.TLS")
	}
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	l := &Listener{ln: ln, cfg: &full}
	l.handshakes.max = full.MaxHandshakes
	l.handshakes.known = make(map[net.Conn]*list.Element)
	l.server = http.Server{
		ReadHeaderTimeout: full.HandshakeTimeout,
		ReadTimeout:       full.HandshakeTimeout, // of a body that nobody wants
		WriteTimeout:      full.HandshakeTimeout, // of a refusal
		MaxHeaderBytes:    maxHeader,
		Protocols:         new(http.Protocols),
		ConnState:         l.handshakes.state,
		// Peers can provoke what it says.
		ErrorLog:                     slog.NewLogLogger(full.Log.Handler(), slog.LevelDebug),
		DisableGeneralOptionsHandler: true,
	}
	l.server.Protocols.SetHTTP1(true)
	l.server.SetKeepAlivesEnabled(false)
	return l, nil
}

// Addr implements [transport.Listener].
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Close implements [transport.Listener]. What is not a WebSocket yet is cut.
func (l *Listener) Close() error {
	l.handshakes.close()
	err := l.server.Close()
	if own := l.ln.Close(); err == nil { // not served, the server does not know it
		err = own
	}
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
		return errors.New("websocket: Serve was called before")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()

	up := &upgrader{cfg: l.cfg, h: h}
	l.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != l.cfg.Path {
			http.NotFound(w, r)
			return
		}
		up.ServeHTTP(w, r)
	})
	err := l.server.Serve(&acceptor{Listener: l.ln, cfg: l.cfg})
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Flush implements [transport.Listener]. Writing is left to one goroutine for
// each connection that has something to send.
func (l *Listener) Flush(conns []transport.Conn) {
	for _, c := range conns {
		c.Flush()
	}
}

// acceptor makes TLS of what it accepts, behind a proxy's header if there is to
// be one, and says when accepting fails.
type acceptor struct {
	net.Listener
	cfg     *Config
	failing bool
}

// Accept implements [net.Listener]. The HTTP server does the handshake, and
// waits and calls again when accepting fails.
func (a *acceptor) Accept() (net.Conn, error) {
	wire, err := a.Listener.Accept()
	switch {
	case errors.Is(err, net.ErrClosed):
	case err != nil && !a.failing:
		a.failing = true
		a.cfg.Log.Error("cannot accept connections, trying on", "addr", a.Addr(), "err", err)
	case err == nil && a.failing:
		a.failing = false
		a.cfg.Log.Info("accepting connections again", "addr", a.Addr())
	}
	if err != nil {
		return nil, err
	}
	if a.cfg.Proxy {
		wire = &fronted{Conn: wire, cfg: a.cfg}
	}
	if a.cfg.TLS != nil {
		wire = tls.Server(wire, a.cfg.TLS)
	}
	return wire, nil
}

// handshakes are the connections that are no WebSockets yet, the oldest first.
type handshakes struct {
	mu     sync.Mutex
	max    int
	closed bool
	order  list.List // of net.Conn
	known  map[net.Conn]*list.Element
}

// state hears of each connection when it is new, and when it is a WebSocket or
// closed.
func (s *handshakes) state(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		if s.closed {
			_ = below(c).Close()
			return
		}
		if s.order.Len() >= s.max {
			s.cutOldest()
		}
		s.known[c] = s.order.PushBack(c)
	case http.StateHijacked, http.StateClosed:
		if e := s.known[c]; e != nil {
			s.order.Remove(e)
			delete(s.known, c)
		} else if state == http.StateHijacked {
			_ = below(c).Close() // it was meant to be
		}
	}
}

// cutOldest cuts the oldest. The caller holds s.mu.
func (s *handshakes) cutOldest() {
	c := s.order.Remove(s.order.Front()).(net.Conn)
	delete(s.known, c)
	_ = below(c).Close()
}

func (s *handshakes) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.order.Len() > 0 {
		s.cutOldest()
	}
}
