package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/internal/proxy"
)

// Dial connects to addr, for example "127.0.0.1:4400", and with Config.TLS
// makes the handshake. What then happens on the connection goes to h, on
// another goroutine; Opened may be called before or after Dial returns. ctx
// bounds the dialing only. A certificate that cannot be verified is
// [transport.ErrUntrusted].
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
			var invalid *tls.CertificateVerificationError
			if errors.As(err, &invalid) {
				err = fmt.Errorf("%w: %w", transport.ErrUntrusted, err)
			}
			return nil, fmt.Errorf("tcp: TLS with %s: %w", addr, err)
		}
	}
	c := newConn(&full, wire, secure, proxy.OriginOf(wire))
	go c.run(h)
	return c, nil
}
