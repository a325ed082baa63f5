package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
	"github.com/culm-net/culm/transport/tcp"
)

// deaf is a server's handler that does nothing.
type deaf struct{}

func (deaf) Opened(transport.Conn)             {}
func (deaf) Received(transport.Conn, [][]byte) {}
func (deaf) Closed(transport.Conn, error)      {}

// TestUntrusted meets servers that are not who they should be. To dial them again
// would only give whoever pretends to be the server another try.
func TestUntrusted(t *testing.T) {
	cert, err := quic.SelfSigned("127.0.0.1")
	check(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	serve := func(l transport.Listener) string {
		go func() { served <- l.Serve(ctx, deaf{}) }()
		return l.Addr().String()
	}
	config := &tls.Config{GetCertificate: cert.Get}
	onQUIC, err := quic.Listen("127.0.0.1:0", quic.Config{TLS: config})
	check(t, err)
	onTCP, err := tcp.Listen("127.0.0.1:0", tcp.Config{TLS: config})
	check(t, err)
	quicAddr, tcpAddr := serve(onQUIC), serve(onTCP)

	nobody := &tls.Config{RootCAs: x509.NewCertPool()}
	for _, c := range []struct {
		name string
		dial func(ctx context.Context, h transport.Handler) (transport.Conn, error)
		want string
	}{
		{"quic, another pin", func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			return quic.Dial(ctx, quicAddr, quic.Config{Pins: []quic.Fingerprint{{1}}}, h)
		}, "not the pinned one: it has " + cert.Fingerprint().String()},
		{"quic, nobody's certificate", func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			return quic.Dial(ctx, quicAddr, quic.Config{TLS: nobody}, h)
		}, "nobody known here has signed it"},
		{"tcp, nobody's certificate", func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			return tcp.Dial(ctx, tcpAddr, tcp.Config{TLS: nobody}, h)
		}, "signed by unknown authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl, err := client.New(client.Config{
				Schema: schemaOf(t), Dial: c.dial, Log: slog.New(slog.DiscardHandler), ReconnectMin: time.Millisecond, ReconnectMax: time.Millisecond,
				Events: client.Events{Lost: func(err error, _ time.Duration) { t.Errorf("tried again after: %v", err) }},
			})
			check(t, err)
			giveUp, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := cl.Run(giveUp); !errors.Is(err, transport.ErrUntrusted) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if n := cl.Stats().Attempts; n != 1 {
				t.Errorf("%d attempts", n)
			}
		})
	}
	stop()
	check(t, <-served)
	check(t, <-served)
}
