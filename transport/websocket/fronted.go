package websocket

import (
	"crypto/tls"
	"io"
	"net"
	"sync"

	"github.com/culm-net/culm/transport/internal/proxy"
)

// fronted is a connection that begins with a proxy's header. The header is read
// by whoever first wants to read what follows, or to know whose the connection
// is, so that accepting does not wait for it.
type fronted struct {
	net.Conn
	cfg    *Config
	once   sync.Once
	origin proxy.Origin
	failed bool
}

// begin reads the header, the first time. A connection without a proper one is
// closed without a word.
func (f *fronted) begin() {
	f.once.Do(func() {
		var err error
		if f.origin, err = proxy.Read(f.Conn, f.cfg.ProxyAllow, f.cfg.HandshakeTimeout); err != nil {
			f.failed = true
			_ = f.Conn.Close()
			f.cfg.Log.Debug("no PROXY header", "peer", f.origin.Remote, "err", err)
		}
	})
}

// Read implements [io.Reader].
func (f *fronted) Read(p []byte) (int, error) {
	if f.begin(); f.failed {
		return 0, io.EOF
	}
	return f.Conn.Read(p)
}

// RemoteAddr is the peer's address, as the proxy says.
func (f *fronted) RemoteAddr() net.Addr {
	f.begin()
	return f.origin.Remote
}

// LocalAddr is the address that the peer has dialed, as the proxy says.
func (f *fronted) LocalAddr() net.Addr {
	f.begin()
	return f.origin.Local
}

// originOf is whom a connection is with, over TLS or not, by a proxy or not.
func originOf(nc net.Conn) proxy.Origin {
	if secure, ok := nc.(*tls.Conn); ok {
		nc = secure.NetConn()
	}
	if f, ok := nc.(*fronted); ok {
		f.begin()
		return f.origin
	}
	return proxy.OriginOf(nc)
}

// CloseWrite lets an answer that refuses a request arrive before the
// connection is closed.
func (f *fronted) CloseWrite() error {
	if w, ok := f.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
