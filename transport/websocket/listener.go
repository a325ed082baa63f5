package websocket

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"

	ws "github.com/coder/websocket"
)

// Config says how connections are made. The zero value listens without TLS on
// any path, to pages from the same host.
type Config struct {
	// Path is the path of the URL; empty is any.
	Path string
	// Origins are the hosts of the pages that may connect, as patterns of
	// path.Match, such as "*.game.example". The host that is connected to may
	// always, and so may who is no browser and names none.
	Origins []string
	// Conn is how package tcp treats the connections. Framing and Proxy are of
	// no effect, MaxMessage is at most 65,535; TLS makes it wss, and
	// HandshakeTimeout and MaxHandshakes are also about the request that
	// becomes a WebSocket: one too many is refused.
	Conn tcp.Config
}

// Listener accepts WebSockets. It implements [transport.Listener].
type Listener struct {
	*tcp.Listener
	front  *front
	server *http.Server
}

var _ transport.Listener = (*Listener)(nil)

// Listen listens on addr, for example ":7196".
func Listen(addr string, cfg Config) (*Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	secure := cfg.Conn.TLS
	inner := cfg.Conn
	inner.TLS, inner.Proxy, inner.Framing = nil, false, tcp.Prefix16
	f := &front{Listener: ln, cfg: cfg, accepted: make(chan net.Conn), closed: make(chan struct{}), max: cfg.Conn.MaxHandshakes}
	if f.max <= 0 {
		f.max = 256
	}
	l, err := tcp.NewListener(f, inner)
	if err != nil {
		return nil, err // it has closed ln
	}
	timeout := cfg.Conn.HandshakeTimeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	log := slog.DiscardHandler
	if cfg.Conn.Log != nil {
		log = cfg.Conn.Log.Handler()
	}
	s := &http.Server{
		Handler: f, ReadTimeout: timeout, MaxHeaderBytes: 16 << 10, ConnState: f.connState, TLSConfig: secure,
		ErrorLog: slog.NewLogLogger(log, slog.LevelDebug), // peers can cause as many as they like
	}
	s.SetKeepAlivesEnabled(false)
	return &Listener{Listener: l, front: f, server: s}, nil
}

// Serve implements [transport.Listener].
func (l *Listener) Serve(ctx context.Context, h transport.Handler) error {
	var serving sync.WaitGroup
	serving.Go(func() {
		var err error
		if l.server.TLSConfig != nil {
			err = l.server.ServeTLS(l.front.Listener, "", "")
		} else {
			err = l.server.Serve(l.front.Listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			l.front.fail(err)
		}
	})
	err := l.Listener.Serve(ctx, h)
	_ = l.server.Close()
	serving.Wait()
	return err
}

// front is where WebSockets are made of requests, and accepted.
type front struct {
	net.Listener
	cfg      Config
	accepted chan net.Conn
	max      int
	under    atomic.Int64 // requests that are no WebSockets yet
	once     sync.Once
	closed   chan struct{}
	err      error // set before closed is closed
}

// Accept returns the next WebSocket.
func (f *front) Accept() (net.Conn, error) {
	select {
	case c := <-f.accepted:
		return c, nil
	case <-f.closed:
		return nil, f.err
	}
}

// Close ends accepting.
func (f *front) Close() error {
	f.fail(net.ErrClosed)
	return f.Listener.Close()
}

func (f *front) fail(err error) {
	f.once.Do(func() {
		f.err = err
		close(f.closed)
	})
}

// connState counts the requests under way and cuts those that are too many.
func (f *front) connState(c net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		if f.under.Add(1) > int64(f.max) {
			_ = c.Close()
		}
	case http.StateHijacked, http.StateClosed:
		f.under.Add(-1)
	}
}

// ServeHTTP makes a WebSocket of a request.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.cfg.Path != "" && r.URL.Path != f.cfg.Path {
		http.NotFound(w, r)
		return
	}
	conn, err := ws.Accept(w, r, &ws.AcceptOptions{OriginPatterns: f.cfg.Origins})
	if err != nil {
		return // and the answer says so
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	s := newStream(conn, remoteAddr(r.RemoteAddr), local, r.TLS != nil)
	select {
	case f.accepted <- s:
	case <-f.closed:
		_ = s.Close()
	}
}

func remoteAddr(text string) net.Addr {
	ap, err := netip.ParseAddrPort(text)
	if err != nil {
		return &net.TCPAddr{} // net/http names all peers
	}
	return net.TCPAddrFromAddrPort(ap)
}

// Dial connects to a URL such as "ws://127.0.0.1:7196/". What then happens on
// the connection goes to h, on another goroutine. ctx bounds the dialing only;
// with cfg.TLS a wss URL uses it.
func Dial(ctx context.Context, url string, cfg tcp.Config, h transport.Handler) (*tcp.Conn, error) {
	t := &http.Transport{DisableKeepAlives: true}
	if cfg.TLS != nil {
		t.TLSClientConfig = cfg.TLS.Clone()
		t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	var local, remote net.Addr = &net.TCPAddr{}, &net.TCPAddr{}
	dialer := net.Dialer{}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, addr)
		if err == nil {
			local, remote = c.LocalAddr(), c.RemoteAddr()
		}
		return c, err
	}
	conn, _, err := ws.Dial(ctx, url, &ws.DialOptions{HTTPClient: &http.Client{Transport: t}})
	if err != nil {
		return nil, err
	}
	secure := cfg.TLS != nil
	cfg.TLS, cfg.Framing = nil, tcp.Prefix16
	return tcp.Attach(newStream(conn, remote, local, secure), cfg, h)
}
