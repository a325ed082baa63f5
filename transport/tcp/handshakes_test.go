package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/culm-net/culm/transport/transporttest"
)

// What has been cut is told from what came to its end, and no connection that
// may be handed in is a reason to panic.
func TestHandshakesOfAnyConn(t *testing.T) {
	type odd struct {
		net.Conn
		_ []byte // cannot be a key
	}
	s := handshakes{max: 2}
	ends := func(c net.Conn) net.Conn { return odd{Conn: c} }
	a, b := net.Pipe()
	c, d := net.Pipe()
	first, second, third := s.add(ends(a)), s.add(ends(b)), s.add(ends(c))
	if s.succeed(first) || !s.succeed(second) || !s.succeed(third) || s.succeed(third) {
		t.Error("not just the oldest was cut")
	}
	if _, err := a.Read(nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("reading from what was cut: %v", err)
	}
	s.close()
	if s.add(ends(d)) != nil {
		t.Error("a handshake begins after close")
	}
	_, _ = b.Close(), c.Close()
}

// Each connection that comes no further than its handshake is counted, once and
// by what was wrong.
func TestFailedHandshakesAreCounted(t *testing.T) {
	pair, _ := transporttest.Certificate(t, t.Name())
	secure := &tls.Config{Certificates: []tls.Certificate{pair}}
	say := func(what string) func(*net.TCPConn) {
		return func(peer *net.TCPConn) { _, _ = io.WriteString(peer, what) }
	}
	const header = "PROXY TCP4 192.0.2.1 198.51.100.2 1001 7134\r\n"
	for _, c := range []struct {
		name   string
		config Config
		peer   func(*net.TCPConn)
		reason string
	}{
		{"no TLS", Config{TLS: secure}, say("garbage that TLS does not begin with"), "tls"},
		{"a certificate that the peer does not trust", Config{TLS: secure}, func(peer *net.TCPConn) {
			if tls.Client(peer, &tls.Config{ServerName: "127.0.0.1"}).Handshake() == nil {
				t.Error("the peer trusts it")
			}
		}, "tls"},
		{"silence before TLS", Config{TLS: secure, HandshakeTimeout: time.Nanosecond}, say(""), "timeout"},
		{"an end before TLS", Config{TLS: secure}, func(peer *net.TCPConn) { _ = peer.CloseWrite() }, "closed"},
		{"no header", Config{Proxy: true}, say("\x02\x00hello, a message"), "proxy"},
		{"a header from elsewhere", Config{Proxy: true, ProxyAllow: []netip.Prefix{}}, say(header), "proxy"},
		{"silence before a header", Config{Proxy: true, HandshakeTimeout: time.Nanosecond}, say(""), "timeout"},
		{"an end within a header", Config{Proxy: true}, func(peer *net.TCPConn) {
			_, _ = io.WriteString(peer, header[:9])
			_ = peer.CloseWrite()
		}, "closed"},
		{"no TLS behind a header", Config{Proxy: true, TLS: secure}, say(header + "garbage"), "tls"},
	} {
		failed := make(failedLog, 1)
		c.config.Log = slog.New(failed)
		h := newCollect(1)
		l := serve(t, c.config, h)
		c.peer(dialRaw(t, l))
		<-failed
		got := l.Stats()
		for reason, n := range got.Failed {
			if want := reason == c.reason; n > 1 || want != (n == 1) {
				t.Errorf("%s: %d of %s, want one of %s", c.name, n, reason, c.reason)
			}
		}
		if len(got.Failed) != int(failures) || got.Handshakes != 0 || len(h.opened) > 0 {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// failedLog takes what a listener says of handshakes that fail.
type failedLog chan string

func (l failedLog) Enabled(context.Context, slog.Level) bool { return true }
func (l failedLog) Handle(_ context.Context, r slog.Record) error {
	l <- r.Message
	return nil
}
func (l failedLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l failedLog) WithGroup(string) slog.Handler      { return l }
