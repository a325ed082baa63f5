// Package proxy reads the header of the PROXY protocol, version 1 or 2, with
// which a proxy begins a connection to say whose it is, before everything
// else.
package proxy

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

// Origin is whom a connection is with.
type Origin struct {
	// Remote and Local are the addresses of the peer and of what it dialed.
	Remote, Local net.Addr
	// TLVs are the additional values of a header of version 2, as they are on
	// the wire.
	TLVs []byte
	// Check says that a proxy has made the connection for itself, to see
	// whether the server lives.
	Check bool
}

// OriginOf is the origin of a connection as its socket has it.
func OriginOf(wire net.Conn) Origin {
	return Origin{Remote: wire.RemoteAddr(), Local: wire.LocalAddr()}
}

// maxHeader is the longest header of version 2 that is read, in bytes
// after its first 16. The certificate of a client is what can make one long.
const maxHeader = 4096

// Read reads the header of a connection, and nothing beyond it, for as long as
// limit at most. allow is from where one may come; nil is from anywhere.
// Proxies' own connections, and those of which a proxy does not know whose they
// are, keep their socket's addresses, as the protocol's specification wants it.
func Read(wire net.Conn, allow []netip.Prefix, limit time.Duration) (Origin, error) {
	o := OriginOf(wire)
	if allow != nil && !allowed(allow, o.Remote) {
		return o, fmt.Errorf("proxy: %v may not send a PROXY header", o.Remote)
	}
	_ = wire.SetReadDeadline(time.Now().Add(limit))
	raw, err := header(wire)
	if err != nil {
		return o, err
	}
	if err := wire.SetReadDeadline(time.Time{}); err != nil {
		return o, err
	}
	if raw[0] == proxyproto.SIGV2[0] && raw[fixed-3] == byte(proxyproto.UNSPEC) {
		switch proxyproto.ProtocolVersionAndCommand(raw[fixed-4]) {
		case proxyproto.LOCAL:
			o.Check = true
			return o, nil
		case proxyproto.PROXY: // which the library refuses
			o.TLVs = raw[fixed:]
			return o, nil
		}
	}
	h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return o, err
	}
	o.Check = h.Version == 2 && h.Command.IsLocal()
	if o.Check || h.TransportProtocol.IsUnspec() {
		return o, nil
	}
	remote, local, ok := h.TCPAddrs()
	if !ok {
		return o, errors.New("proxy: a PROXY header is about something other than TCP")
	}
	o.Remote, o.Local = remote, local
	if h.Version == 2 {
		o.TLVs = raw[fixed+addressBytes(h.TransportProtocol):]
	}
	return o, nil
}

const (
	fixed  = 16  // bytes of a header of version 2 that are always there
	maxV1  = 107 // bytes of a header of version 1, with CRLF
	signV1 = "PROXY"
)

func addressBytes(f proxyproto.AddressFamilyAndProtocol) int {
	if f.IsIPv4() {
		return 12
	}
	return 36
}

// header reads the bytes of a header. Version 1 ends with its line and is
// read byte by byte, because what follows is not the proxy's.
func header(r io.Reader) ([]byte, error) {
	b := make([]byte, len(signV1), maxV1)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	if string(b) == signV1 {
		for b[len(b)-1] != '\n' {
			if len(b) == maxV1 {
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
	b = b[:fixed]
	if _, err := io.ReadFull(r, b[n:]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(b[fixed-2:]))
	if length > maxHeader {
		return nil, proxyproto.ErrInvalidLength
	}
	b = append(b, make([]byte, length)...)
	_, err := io.ReadFull(r, b[fixed:])
	return b, err
}

func allowed(allow []netip.Prefix, a net.Addr) bool {
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
