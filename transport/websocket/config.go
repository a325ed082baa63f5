// Package websocket carries messages over WebSocket (RFC 6455), which is how
// programs in web browsers reach a server, on github.com/coder/websocket. A
// binary message is one message, with no length in front of it. Text is
// refused, and so are messages that are longer than Config.MaxMessage.
//
// # Closing
//
// Code and reason travel in WebSocket's close frame; the reason is cut to
// [MaxReason] bytes. A page sees them in the CloseEvent:
//
//	transport.CodeNormal, CodeUnknown   1000
//	transport.CodeShutdown              1001
//	transport.CodeProtocol, CodeNetwork 1002
//	transport.CodeRefused               3003
//	transport.CodeTimeout               3008
//	a protocol's 1000 to 1999           4000 to 4999
//	a protocol's other codes            1008
//
// This side closes with 1003 for a text message, 1009 for one that is too long,
// and 1002 for whatever else breaks WebSocket, more than [MaxPings] pings in
// ten seconds included. A peer's 1013 counts as CodeRefused, 1003, 1007, 1009
// and 1010 as CodeProtocol, 1012 as CodeShutdown, and what is not listed as
// CodeUnknown.
//
// # What it costs
//
// A connection has one goroutine, which reads. Sending has no goroutine that
// waits: Flush starts one if there is something to send, and that ends when
// nothing is queued. An idle connection that was accepted holds a buffer of
// 1 KiB to read into and nothing to write from; one that was dialed holds the
// library's two buffers of 4 KiB.
//
// Pings are answered and never sent: that a peer is there is found out by TCP
// keep-alive, and by the protocol above where a proxy stands between. A peer
// that takes nothing for 80 s while something waits for it is closed with
// CodeTimeout, and one that pings and takes no answer for 5 s is cut.
//
// Compression (RFC 7692) is never agreed to. Game messages are packed and
// small, so there is little to win, and much to pay: a compressor's memory for
// each connection, its time on the way of each message, limits that a few bytes
// from the peer can grow to, and secrets that can be guessed from the length of
// messages in which they stand beside what somebody else chose.
package websocket

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/culm-net/culm/transport/internal/outbox"
)

// MaxReason is the longest reason in bytes that a close frame carries: 125
// bytes of a control frame less 2 for the code (RFC 6455 section 5.5).
const MaxReason = 123

// Config says how connections are made. The zero value is of use, without TLS.
// A Config may be used many times; it must not be changed after the first.
type Config struct {
	// Path is the path of the URL where a [Listener] accepts; "" is "/". All
	// others are answered with 404. A [NewHandler] leaves this to who mounts
	// it.
	Path string

	// Origins are the hosts of pages whose scripts may connect, besides pages
	// from the host that is connected to: "game.example", "*.game.example",
	// "localhost:8080" with a port that is not the scheme's own, or
	// "https://game.example"; "*" is every page. They are patterns as
	// path.Match has them. Others are answered with 403. This keeps browsers
	// from lending a page their user's place in the network; who is not a
	// browser sends what it likes, or no origin, and is let in.
	Origins []string

	// MaxMessage is the longest message in bytes, sent or received. A peer that
	// sends a longer one is closed, and what is held of a message stays in
	// proportion to what has arrived of it. 0 means 65,535; up to 1 GiB is
	// possible.
	MaxMessage int

	// SendQueue is how many bytes of memory the send queue of one connection
	// may hold before Send answers ErrFull; each message counts 4 bytes more
	// than it has, and a Latest one 128 more for its key. 0 means 1 MiB. It is
	// raised to hold at least one message of MaxMessage.
	SendQueue int

	// Linger is how long a connection that was closed on this side may take to
	// send what is queued and to hear the peer's close frame, before it is cut.
	// 0 means 2 s; a negative value cuts at once. The library waits at most 5 s
	// for the close frame.
	Linger time.Duration

	// TLS makes a listener accept TLS 1.2 and 1.3 (wss), for which it needs
	// Certificates or GetCertificate, like the method Get of a certificate that
	// can be reloaded. A dialer uses it for wss URLs; nil there verifies the
	// server by the system's authorities.
	TLS *tls.Config

	// Proxy makes a listener expect a header of the PROXY protocol, version 1
	// or 2, before everything else, TLS too; what it says takes the place of
	// the socket's addresses. ProxyAllow is from where such connections may
	// come; nil is from anywhere: who can send a header can be anybody.
	Proxy      bool
	ProxyAllow []netip.Prefix

	// HandshakeTimeout is how long a proxy's header may take, how long a TLS
	// handshake and how long the request after it, and for a dialer, the
	// latter two with connecting. 0 means 10 s.
	HandshakeTimeout time.Duration

	// MaxHandshakes is how many connections of a listener may be on their way
	// to a WebSocket at once. When one more peer comes, the oldest of them is
	// cut, so that silent peers cannot keep others out. 0 means 256.
	MaxHandshakes int

	// Log hears of what no connection can be told: accepting that fails, once
	// when it begins and once when it works again. nil discards it.
	Log *slog.Logger
}

const (
	// maxHeader is the longest request in bytes that a listener reads, and the
	// longest answer that a dialer does; net/http adds 4 KiB to the former.
	maxHeader = 16 << 10

	// MaxPings is how many pings a peer may send in ten seconds.
	MaxPings   = 100
	pingWindow = 10 * time.Second

	// stall is for how long a peer may take nothing of what is sent.
	stall = 80 * time.Second
	// maxDiscard is how many bytes of a peer are thrown away after Close while
	// waiting for it to close too.
	maxDiscard = 1 << 20
)

// Dead peers that nothing is sent to are found after at most
// idle + count·interval = 80 s without a sign of life.
var keepAlive = net.KeepAliveConfig{
	Enable:   true,
	Idle:     30 * time.Second,
	Interval: 10 * time.Second,
	Count:    5,
}

func (c Config) withDefaults() (Config, error) {
	if c.Path == "" {
		c.Path = "/"
	}
	if !strings.HasPrefix(c.Path, "/") {
		return c, fmt.Errorf("websocket: the path %q must begin with a slash", c.Path)
	}
	for _, o := range c.Origins {
		if _, err := path.Match(o, ""); err != nil {
			return c, fmt.Errorf("websocket: the origin %q is no pattern: %w", o, err)
		}
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = math.MaxUint16
	}
	if c.MaxMessage < 0 || c.MaxMessage > 1<<30 {
		return c, fmt.Errorf("websocket: a longest message of %d bytes is not possible; use 1 to %d", c.MaxMessage, 1<<30)
	}
	if c.SendQueue == 0 {
		c.SendQueue = 1 << 20
	}
	c.SendQueue = max(c.SendQueue, c.MaxMessage+prefix+outbox.KeyCost)
	if c.Linger == 0 {
		c.Linger = 2 * time.Second
	}
	if c.HandshakeTimeout <= 0 {
		c.HandshakeTimeout = 10 * time.Second
	}
	if c.MaxHandshakes <= 0 {
		c.MaxHandshakes = 256
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.TLS != nil {
		c.TLS = c.TLS.Clone()
		c.TLS.MinVersion = max(c.TLS.MinVersion, tls.VersionTLS12)
		c.TLS.NextProtos = []string{"http/1.1"} // WebSocket over HTTP/2 is another protocol (RFC 8441)
	}
	return c, nil
}
