package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"github.com/culm-net/culm/transport"
)

// Dial connects to url, for example "ws://127.0.0.1:7196/" or
// "wss://game.example/play". What then happens on the connection goes to h, on
// another goroutine; Opened may be called before or after Dial returns. ctx
// bounds the dialing only. Proxies of the environment are not used and
// redirects not followed. A certificate that cannot be verified is
// [transport.ErrUntrusted].
func Dial(ctx context.Context, url string, cfg Config, h transport.Handler) (*Conn, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, full.HandshakeTimeout)
	defer cancel()

	var w *wire
	var secure *tls.ConnectionState
	t := &http.Transport{
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxHeader,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			w = newWire(nc)
			return w, nil
		},
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			// The method and not a function: it takes the name from addr.
			d := tls.Dialer{Config: full.TLS}
			nc, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			state := nc.(*tls.Conn).ConnectionState()
			w, secure = newWire(nc), &state
			return w, nil
		},
	}
	c := newConn(&full)
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     t,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		CompressionMode: websocket.CompressionDisabled,
		OnPingReceived:  c.pinged,
	})
	if err != nil {
		var invalid *tls.CertificateVerificationError
		if errors.As(err, &invalid) {
			err = fmt.Errorf("%w: %w", transport.ErrUntrusted, err)
		}
		return nil, fmt.Errorf("websocket: %s: %w", url, err)
	}
	c.start(ws, w, nil, secure, h)
	return c, nil
}
