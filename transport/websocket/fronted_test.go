package websocket

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/transport/transporttest"
)

const (
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"
	headerV1    = "PROXY TCP4 192.0.2.1 198.51.100.2 1001 443\r\n"
	headerV2    = signatureV2 + "\x21\x11\x00\x12\xc0\x00\x02\x01\xc6\x33\x64\x02\x03\xe9\x01\xbb\x04\x00\x03abc"
	checkV2     = signatureV2 + "\x20\x00\x00\x00"
)

// What a proxy says of a connection takes the place of what its socket does,
// before TLS and HTTP.
func TestProxy(t *testing.T) {
	pair, pool := transporttest.Certificate(t, t.Name())
	for _, secure := range []bool{false, true} {
		cfg := Config{Proxy: true}
		if secure {
			cfg.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		}
		h := newCollect(1)
		l := serve(t, cfg, h)
		for _, c := range []struct {
			name, header, tlvs string
			own, check         bool // own: the socket's addresses count
		}{
			{name: "version 1", header: headerV1},
			{name: "version 2", header: headerV2, tlvs: "\x04\x00\x03abc"},
			{name: "a check", header: checkV2, own: true, check: true},
		} {
			r := dialRaw(t, l.Addr())
			for i := range c.header { // not with what follows
				r.say(c.header[i : i+1])
			}
			var nc net.Conn = r
			if secure {
				nc = tls.Client(r.TCPConn, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
			}
			if _, err := io.WriteString(nc, request+"\r\n"+frame(opBinary, "first")); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("%s: %v, %v", c.name, answer, err)
			}
			conn := next(t, h.opened).(*Conn)
			if m := next(t, h.msgs); m != "first" {
				t.Errorf("%s: the first message is %q", c.name, m)
			}
			remote, local := "192.0.2.1:1001", "198.51.100.2:443"
			if c.own {
				remote, local = r.LocalAddr().String(), r.RemoteAddr().String()
			}
			if got := conn.Identity().Addr.String(); got != remote {
				t.Errorf("%s: it is from %s, want %s", c.name, got, remote)
			}
			if got := conn.LocalAddr().String(); got != local {
				t.Errorf("%s: it is to %s, want %s", c.name, got, local)
			}
			if got := string(conn.ProxyTLVs()); got != c.tlvs {
				t.Errorf("%s: TLVs %q, want %q", c.name, got, c.tlvs)
			}
			if conn.ProxyCheck() != c.check {
				t.Errorf("%s: a check: %v", c.name, conn.ProxyCheck())
			}
			_ = r.Close()
			next(t, h.closed)
		}
	}
}

// Who begins otherwise, or has no right to begin like this, is closed without a
// word, and keeps nobody waiting.
func TestNoProxy(t *testing.T) {
	elsewhere := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, c := range []struct {
		name, says string
		allow      []netip.Prefix
	}{
		{name: "no header", says: request + "\r\n"},
		{name: "nothing"},
		{name: "half a header", says: headerV2[:20]},
		{name: "a line without end", says: "PROXY TCP4 " + strings.Repeat("1", 200)},
		{name: "a length lie", says: signatureV2 + "\x21\x11\xff\xff" + strings.Repeat("x", 5000)},
		{name: "version 3", says: signatureV2 + "\x31\x11\x00\x00"},
		{name: "from elsewhere", says: headerV1 + request + "\r\n", allow: elsewhere},
	} {
		var h *collect
		var bad *raw
		for within := 300 * time.Millisecond; ; within *= 4 {
			h = newCollect(1)
			l := serve(t, Config{Proxy: true, ProxyAllow: c.allow, HandshakeTimeout: within}, h)
			bad = dialRaw(t, l.Addr())
			_, _ = io.WriteString(bad, c.says)
			if c.allow != nil {
				break
			}
			good := dialRaw(t, l.Addr())
			_, _ = io.WriteString(good, headerV1+request+"\r\n")
			if answer, err := http.ReadResponse(good.br, nil); err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
				if within < 10*time.Second { // the machine may be slower
					continue
				}
				t.Fatalf("%s: another is answered with %v, %v", c.name, answer, err)
			}
			if got := next(t, h.opened).Identity().Addr.String(); got != "192.0.2.1:1001" {
				t.Errorf("%s: %s was let in", c.name, got)
			}
			_ = good.Close()
			next(t, h.closed)
			break
		}
		if answer, _ := io.ReadAll(bad); len(answer) > 0 {
			t.Errorf("%s: it is answered with %q", c.name, answer)
		}
		if len(h.opened) > 0 {
			t.Errorf("%s: it is let in", c.name)
		}
	}
}

// A request that is refused hears why, behind a proxy too.
func TestRefusedBehindProxy(t *testing.T) {
	l := serve(t, Config{Proxy: true}, newCollect(1))
	r := dialRaw(t, l.Addr())
	r.say(headerV1)
	if a := r.ask("Origin: https://other.example\r\n"); a.StatusCode != http.StatusForbidden {
		t.Errorf("answered with %s", a.Status)
	}
}
