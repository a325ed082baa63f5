package tcp

import (
	"io"
	"strings"
	"testing"

	"github.com/culm-net/culm/transport"
)

// What a proxy says of a connection takes the place of what its socket does.
func TestProxy(t *testing.T) {
	h := &proxied{opened: make(chan *Conn, 1), messages: make(chan string, 1), closed: make(chan struct{}, 1)}
	l := serve(t, Config{Proxy: true, Pace: -1}, h)
	const signature, v4 = "\r\n\r\n\x00\r\nQUIT\n", "\xc0\x00\x02\x01\xc6\x33\x64\x02\x03\xe9\x1b\xde"
	for _, c := range []struct {
		name, header, tlvs  string
		own, check, refused bool // own: the socket's addresses count
	}{
		{name: "version 1", header: "PROXY TCP4 192.0.2.1 198.51.100.2 1001 7134\r\n"},
		{name: "version 2", header: signature + "\x21\x11\x00\x12" + v4 + "\x04\x00\x03abc", tlvs: "\x04\x00\x03abc"},
		{name: "a check", header: signature + "\x20\x00\x00\x00", own: true, check: true},
		{name: "no header", header: "\x02\x00hello, a message", refused: true},
		{name: "a line without end", header: "PROXY TCP4 " + strings.Repeat("1", 200), refused: true},
	} {
		wire := dialRaw(t, l)
		_, _ = io.WriteString(wire, c.header+"\x05\x00first")
		if c.refused {
			if n, err := wire.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s: %d bytes came instead of the end", c.name, n)
			}
			continue
		}
		conn := <-h.opened
		if m := <-h.messages; m != "first" {
			t.Errorf("%s: the first message is %q", c.name, m)
		}
		remote, local := "192.0.2.1:1001", "198.51.100.2:7134"
		if c.own {
			remote, local = wire.LocalAddr().String(), wire.RemoteAddr().String()
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
