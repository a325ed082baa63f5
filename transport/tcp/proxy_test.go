package tcp

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
)

const sigV2 = "\r\n\r\n\x00\r\nQUIT\n"

// headerV2 makes a header of version 2.
func headerV2(command, family byte, rest string) string {
	b := append([]byte(sigV2), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(rest)))
	return string(b) + rest
}

const (
	v4 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\x03\xe9\x1b\xde" // 192.0.2.1:1001 to 198.51.100.2:7134
	v6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x03\xe9\x1b\xde"
	tlvs = "\x04\x00\x03abc"
)

var proxyHeaders = []struct {
	name, header, remote, local, tlvs string // remote is empty if the socket's counts
	check, refused                    bool
}{
	{name: "version 1", header: "PROXY TCP4 192.0.2.1 198.51.100.2 1001 7134\r\n", remote: "192.0.2.1:1001", local: "198.51.100.2:7134"},
	{name: "version 1, IPv6", header: "PROXY TCP6 2001:db8::1 2001:db8::2 1001 7134\r\n", remote: "[2001:db8::1]:1001", local: "[2001:db8::2]:7134"},
	{name: "version 2", header: headerV2(0x21, 0x11, v4), remote: "192.0.2.1:1001", local: "198.51.100.2:7134"},
	{name: "version 2, IPv6, TLVs", header: headerV2(0x21, 0x21, v6+tlvs), remote: "[2001:db8::1]:1001", local: "[2001:db8::2]:7134", tlvs: tlvs},
	{name: "F22, version 1 UNKNOWN", header: "PROXY UNKNOWN\r\n"},
	{name: "F22, version 2 UNSPEC", header: headerV2(0x21, 0x00, "")},
	{name: "version 2 LOCAL", header: headerV2(0x20, 0x11, v4), check: true},
	{name: "F22, version 2 LOCAL UNSPEC", header: headerV2(0x20, 0x00, ""), check: true},
	{name: "no header", header: "\x02\x00hello, a message", refused: true},
	{name: "datagrams", header: headerV2(0x21, 0x12, v4), refused: true},
	{name: "addresses cut short", header: headerV2(0x21, 0x11, v4[:8]), refused: true},
	{name: "a line without end", header: "PROXY TCP4 " + strings.Repeat("1", 200), refused: true},
	{name: "a length lie", header: headerV2(0x21, 0x11, strings.Repeat("x", maxProxyHeader+1)), refused: true},
	{name: "version 3", header: headerV2(0x31, 0x11, v4), refused: true},
}

// F22: the headers of health checks are accepted as the specification says, and
// bad ones are refused.
func TestProxyHeader(t *testing.T) {
	l, err := Listen("127.0.0.1:0", Config{Proxy: true, Pace: -1})
	if err != nil {
		t.Fatal(err)
	}
	h := &proxied{opened: make(chan *Conn, 1), messages: make(chan string, 1), closed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- l.Serve(ctx, h) }()
	defer func() {
		cancel()
		<-served
	}()
	for _, c := range proxyHeaders {
		for _, whole := range []bool{true, false} {
			wire, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			all := c.header + "\x05\x00first"
			if whole {
				_, _ = io.WriteString(wire, all)
			} else {
				for i := range all {
					_, _ = io.WriteString(wire, all[i:i+1])
				}
			}
			if c.refused {
				if n, err := wire.Read(make([]byte, 1)); err == nil {
					t.Errorf("%s: %d bytes came instead of the end", c.name, n)
				}
				_ = wire.Close()
				continue
			}
			conn := <-h.opened
			if m := <-h.messages; m != "first" {
				t.Errorf("%s: the first message is %q", c.name, m)
			}
			remote, local := wire.LocalAddr().String(), wire.RemoteAddr().String()
			if c.remote != "" {
				remote, local = c.remote, c.local
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
			_ = wire.Close()
			<-h.closed
		}
	}
}

// proxied tells of one connection after the other.
type proxied struct {
	opened   chan *Conn
	messages chan string
	closed   chan struct{}
}

func (h *proxied) Opened(c transport.Conn) { h.opened <- c.(*Conn) }
func (h *proxied) Received(_ transport.Conn, m [][]byte) {
	for _, b := range m {
		h.messages <- string(b)
	}
}
func (h *proxied) Closed(transport.Conn, error) { h.closed <- struct{}{} }

func TestProxyAllow(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "[::ffff:127.0.0.1]:1": true, "192.0.2.1:1": false} {
		ap := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))
		if got := allowedProxy([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, ap); got != want {
			t.Errorf("%s is allowed: %v", addr, got)
		}
	}
	cfg := Config{ProxyAllow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, HandshakeTimeout: time.Hour}
	if _, err := readProxy(a, &cfg); err == nil {
		t.Error("a connection without an internet address was allowed")
	}
}

func FuzzProxyHeader(f *testing.F) {
	for _, c := range proxyHeaders {
		f.Add([]byte(c.header))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all := append(b[:len(b):len(b)], "rest"...)
		r := bytes.NewReader(all)
		h, err := proxyHeader(r)
		if err != nil {
			return
		}
		if read := len(all) - r.Len(); read != len(h) || !bytes.Equal(h, all[:read]) {
			t.Errorf("%d bytes were read for a header of %d", read, len(h))
		}
	})
}
