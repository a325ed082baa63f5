package tcp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// origin is whom a connection is with.
type origin struct {
	remote, local net.Addr
	tlvs          []byte // of a proxy's header
	secure        bool   // encrypted below what this package sees
	check         bool   // a proxy's own connection, to see whether the server lives
}

func originOf(wire net.Conn) origin {
	o := origin{remote: wire.RemoteAddr(), local: wire.LocalAddr()}
	if s, ok := wire.(interface{ Secure() bool }); ok {
		o.secure = s.Secure()
	}
	return o
}

// maxProxyHeader is the longest header of version 2 that is read, in bytes
// after its first 16. The certificate of a client is what can make one long.
const maxProxyHeader = 4096

// readProxy reads the header with which a proxy begins a connection, and
// nothing beyond it. Proxies' own connections, and those of which a proxy does
// not know whose they are, keep their socket's addresses, as the PROXY
// protocol's specification wants it.
func readProxy(wire net.Conn, cfg *Config) (origin, error) {
	o := originOf(wire)
	if cfg.ProxyAllow != nil && !allowedProxy(cfg.ProxyAllow, o.remote) {
		return o, fmt.Errorf("tcp: %v may not send a PROXY header", o.remote)
	}
	_ = wire.SetReadDeadline(time.Now().Add(cfg.HandshakeTimeout))
	raw, err := proxyHeader(wire)
	if err != nil {
		return o, err
	}
	if err := wire.SetReadDeadline(time.Time{}); err != nil {
		return o, err
	}
	if raw[0] == proxyproto.SIGV2[0] && raw[proxyFixed-3] == byte(proxyproto.UNSPEC) {
		switch proxyproto.ProtocolVersionAndCommand(raw[proxyFixed-4]) {
		case proxyproto.LOCAL:
			o.check = true
			return o, nil
		case proxyproto.PROXY: // which the library refuses
			o.tlvs = raw[proxyFixed:]
			return o, nil
		}
	}
	h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return o, err
	}
	o.check = h.Version == 2 && h.Command.IsLocal()
	if o.check || h.TransportProtocol.IsUnspec() {
		return o, nil
	}
	remote, local, ok := h.TCPAddrs()
	if !ok {
		return o, errors.New("tcp: a PROXY header is about something other than TCP")
	}
	o.remote, o.local = remote, local
	if h.Version == 2 {
		o.tlvs = raw[proxyFixed+addressBytes(h.TransportProtocol):]
	}
	return o, nil
}

const (
	proxyFixed  = 16  // bytes of a header of version 2 that are always there
	maxProxyV1  = 107 // bytes of a header of version 1, with CRLF
	proxyV1Sign = "PROXY"
)

func addressBytes(f proxyproto.AddressFamilyAndProtocol) int {
	if f.IsIPv4() {
		return 12
	}
	return 36
}

// proxyHeader reads the bytes of a header. Version 1 ends with its line and is
// read byte by byte, because what follows is not the proxy's.
func proxyHeader(r io.Reader) ([]byte, error) {
	b := make([]byte, len(proxyV1Sign), maxProxyV1)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	if string(b) == proxyV1Sign {
		for b[len(b)-1] != '\n' {
			if len(b) == maxProxyV1 {
				return nil, proxyproto.ErrVersion1HeaderTooLong
			}
			b = b[:len(b)+1]
			if _, err := io.ReadFull(r, b[len(b)-1:]); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	if !bytes.Equal(b, proxyproto.SIGV2[:len(b)]) {
		return nil, proxyproto.ErrNoProxyProtocol
	}
	n := len(b)
	b = b[:proxyFixed]
	if _, err := io.ReadFull(r, b[n:]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(b[proxyFixed-2:]))
	if length > maxProxyHeader {
		return nil, proxyproto.ErrInvalidLength
	}
	b = append(b, make([]byte, length)...)
	_, err := io.ReadFull(r, b[proxyFixed:])
	return b, err
}

func allowedProxy(allow []netip.Prefix, a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return false
	}
	addr := t.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range allow {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// LocalAddr is the address that the peer has dialed, as the proxy says if
// there is one.
func (c *Conn) LocalAddr() net.Addr { return c.origin.local }

// ProxyTLVs are the additional values of a header of the PROXY protocol's
// version 2, as they are on the wire. They must not be changed.
func (c *Conn) ProxyTLVs() []byte { return c.origin.tlvs }

// ProxyCheck reports whether a proxy has made the connection for itself, to
// see whether the server lives.
func (c *Conn) ProxyCheck() bool { return c.origin.check }
