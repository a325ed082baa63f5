package tcp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/culm-net/culm/transport"
)

// Dial connects to addr, for example "127.0.0.1:4400", and with Config.TLS
// makes the handshake. What then happens on the connection goes to h, on
// another goroutine; Opened may be called before or after Dial returns. ctx
// bounds the dialing only.
func Dial(ctx context.Context, addr string, cfg Config, h transport.Handler) (*Conn, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{KeepAliveConfig: keepAlive}
	wire, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if t, ok := wire.(*net.TCPConn); ok {
		tune(t)
	}
	var secure *tls.Conn
	if full.TLS != nil {
		if full.TLS.ServerName == "" {
			// DialContext would have refused an address without a port.
			full.TLS.ServerName, _, _ = net.SplitHostPort(addr)
		}
		secure = tls.Client(wire, full.TLS)
		if err := handshake(ctx, secure, full.HandshakeTimeout); err != nil {
			_ = wire.Close()
			return nil, fmt.Errorf("tcp: TLS with %s: %w", addr, err)
		}
	}
	c := newConn(&full, wire, secure, originOf(wire))
	go c.run(h)
	return c, nil
}

// Attach makes a connection of something that is like a TCP connection, which
// it owns from now on. What happens on it goes to h, on another goroutine;
// Config.TLS and Proxy are of no effect. If wire has a method Secure() bool,
// that is what Identity says.
func Attach(wire net.Conn, cfg Config, h transport.Handler) (*Conn, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		_ = wire.Close()
		return nil, err
	}
	c := newConn(&full, wire, nil, originOf(wire))
	go c.run(h)
	return c, nil
}
