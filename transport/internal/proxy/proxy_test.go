package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
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

var headers = []struct {
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
	{name: "a length lie", header: headerV2(0x21, 0x11, strings.Repeat("x", maxHeader+1)), refused: true},
	{name: "version 3", header: headerV2(0x31, 0x11, v4), refused: true},
}

// F22: the headers of health checks are accepted as the specification says, and
// bad ones are refused.
func TestRead(t *testing.T) {
	for _, c := range headers {
		for _, whole := range []bool{true, false} {
			wire, peer := pair(t)
			all := c.header + "first"
			go func() {
				step := 1
				if whole {
					step = len(all)
				}
				for i := 0; i < len(all); i += step {
					_, _ = io.WriteString(peer, all[i:i+step])
				}
			}()
			o, err := Read(wire, nil, time.Minute)
			if c.refused {
				if err == nil {
					t.Errorf("%s: it is from %v", c.name, o.Remote)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			rest := make([]byte, len("first"))
			if _, err := io.ReadFull(wire, rest); err != nil || string(rest) != "first" {
				t.Errorf("%s: %q follows, %v", c.name, rest, err)
			}
			remote, local := peer.LocalAddr().String(), peer.RemoteAddr().String()
			if c.remote != "" {
				remote, local = c.remote, c.local
			}
			if got := o.Remote.String(); got != remote {
				t.Errorf("%s: it is from %s, want %s", c.name, got, remote)
			}
			if got := o.Local.String(); got != local {
				t.Errorf("%s: it is to %s, want %s", c.name, got, local)
			}
			if got := string(o.TLVs); got != c.tlvs {
				t.Errorf("%s: TLVs %q, want %q", c.name, got, c.tlvs)
			}
			if o.Check != c.check {
				t.Errorf("%s: a check: %v", c.name, o.Check)
			}
		}
	}
}

// Who begins and does not go on is waited for no longer than told.
func TestReadIsLimited(t *testing.T) {
	wire, peer := pair(t)
	_, _ = io.WriteString(peer, "PROXY TCP4 192.0.2.1")
	var timeout net.Error
	if _, err := Read(wire, nil, time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("half a header: %v", err)
	}
}

// pair is the two ends of a connection.
func pair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if there, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if here, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = here.Close(), there.Close() })
	return here, there
}

func TestAllow(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "[::ffff:127.0.0.1]:1": true, "192.0.2.1:1": false} {
		ap := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))
		if got := allowed([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, ap); got != want {
			t.Errorf("%s is allowed: %v", addr, got)
		}
	}
	if _, err := Read(a, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, time.Hour); err == nil {
		t.Error("a connection without an internet address was allowed")
	}
}

func FuzzHeader(f *testing.F) {
	for _, c := range headers {
		f.Add([]byte(c.header))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all := append(b[:len(b):len(b)], "rest"...)
		r := bytes.NewReader(all)
		h, err := header(r)
		if err != nil {
			return
		}
		if read := len(all) - r.Len(); read != len(h) || !bytes.Equal(h, all[:read]) {
			t.Errorf("%d bytes were read for a header of %d", read, len(h))
		}
	})
}
