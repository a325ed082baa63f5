// Package tcp carries messages over TCP as Panda3D does, each behind its
// little-endian length, and optionally over TLS.
//
// On Linux, connections that a [Listener] from [Listen] accepts without TLS
// are accepted and read by few goroutines, one for each two processors, at a
// pace that keeps a busy server from waking for each message; see Config.Pace.
// With Config.Proxy they come to these goroutines after their header. They
// call the [transport.Handler]: a call that takes long delays what the other
// connections of its goroutine receive, and one that waits for something that
// another connection is to receive may wait for ever. Every other connection
// has a goroutine that reads it.
//
// Sending has no goroutine of its own: Flush writes on the caller's goroutine
// as far as the socket takes it without waiting, and only what is left is
// for the connection's poller, or handed to a goroutine, which ends when the
// queue is empty. Over TLS, and where the system has no such writes, that
// goroutine does all the writing. An idle connection holds no buffers (over
// TLS, those of crypto/tls and 512 bytes).
package tcp

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"time"

	"github.com/culm-net/culm/transport/internal/outbox"
)

// Framing is how messages are told apart in the stream.
type Framing uint8

const (
	// Prefix16 puts a little-endian uint16 length before each message:
	// Panda3D's tcp-header-size 2, its default.
	Prefix16 Framing = iota
	// Prefix32 puts a little-endian uint32 length before each message:
	// tcp-header-size 4.
	Prefix32
	// NoPrefix sends messages behind each other with nothing between them,
	// and delivers what each read returns as one message: tcp-header-size 0
	// as Panda3D writes it, and as its ConnectionReader reads it in raw mode.
	// (Without raw mode, Panda3D with header size 0 delivers empty datagrams
	// and never reads.) TCP does not keep the messages' bounds, so this is
	// only for protocols that find them in the bytes.
	NoPrefix
)

// FramingOf returns the framing of Panda3D's tcp-header-size, which is 0, 2
// or 4.
func FramingOf(headerSize int) (Framing, error) {
	switch headerSize {
	case 0:
		return NoPrefix, nil
	case 2:
		return Prefix16, nil
	case 4:
		return Prefix32, nil
	}
	return 0, fmt.Errorf("tcp: there is no header size %d; use 2, 4 or 0", headerSize)
}

func (f Framing) size() int {
	switch f {
	case Prefix16:
		return 2
	case Prefix32:
		return 4
	}
	return 0
}

// Config says how connections are made. The zero value is what stock Panda3D
// speaks, without TLS. A Config may be used many times; it must not be changed
// after the first.
type Config struct {
	// Framing is the kind of length prefix; the zero value is Prefix16.
	Framing Framing

	// MaxMessage is the longest message in bytes, sent or received. A peer
	// that announces a longer one is closed with CodeProtocol before anything
	// is allocated for it. 0 means 65,535, which is also the most that
	// Prefix16 can carry; Prefix32 can carry up to 1 GiB.
	MaxMessage int

	// SendQueue is how many bytes of memory the send queue of one connection
	// may hold before Send answers ErrFull; a Latest message counts 128 bytes
	// more than it has, for its key. 0 means 1 MiB. It is raised to hold at
	// least one message of MaxMessage.
	SendQueue int

	// Linger is how long a connection that was closed on this side may take
	// to send what is queued and to hear the peer close too, before it is
	// cut. 0 means 2 s; a negative value cuts at once.
	Linger time.Duration

	// Pace is the time between two rounds in which a listener reads what its
	// peers have sent, as long as there is something to read in less than
	// twice that time, so that a busy server wakes some hundred times a
	// second and not for each message. A message is read at most so much
	// later than at once; after a pause it is read at once. 0 means 2 ms; a
	// negative value always reads at once. Where each connection has a
	// goroutine of its own, Pace is of no effect.
	Pace time.Duration

	// Order, if it is not nil, makes the peers of all listeners that share it
	// be heard in one order.
	Order *Order

	// TLS makes connections use TLS 1.2 or 1.3. A listener needs
	// Certificates or GetCertificate in it (see
	// [github.com/culm-net/culm/transport.Certificate]); a dialer's ServerName
	// is taken from the address when it is empty.
	TLS *tls.Config

	// Proxy makes a listener expect a header of the PROXY protocol, version 1
	// or 2, before everything else; what it says takes the place of the
	// socket's addresses. ProxyAllow is from where such connections may come;
	// nil is from anywhere: who can send a header can be anybody.
	Proxy      bool
	ProxyAllow []netip.Prefix

	// HandshakeTimeout is how long a TLS handshake may take, and how long a
	// proxy's header. 0 means 10 s.
	HandshakeTimeout time.Duration

	// MaxHandshakes is how many of either a listener has under way at
	// once. When one more peer comes, the oldest of them is cut, so that
	// silent peers cannot keep others out. 0 means 256.
	MaxHandshakes int

	// Log hears of what no connection can be told: accepting that fails,
	// once when it begins and once when it works again. nil discards it.
	Log *slog.Logger
}

// Dead peers are found by keep-alive after at most idle + count·interval =
// 80 s without a sign of life, and while bytes wait to be acknowledged after
// userTimeout where the system has such a limit.
var keepAlive = net.KeepAliveConfig{
	Enable:   true,
	Idle:     30 * time.Second,
	Interval: 10 * time.Second,
	Count:    5,
}

const userTimeout = 80 * time.Second

func (c Config) withDefaults() (Config, error) {
	if c.Framing > NoPrefix {
		return c, fmt.Errorf("tcp: unknown framing %d", c.Framing)
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = math.MaxUint16
	}
	if c.MaxMessage < 0 || c.MaxMessage > 1<<30 {
		return c, fmt.Errorf("tcp: a longest message of %d bytes is not possible; use 1 to %d", c.MaxMessage, 1<<30)
	}
	if c.Framing == Prefix16 && c.MaxMessage > math.MaxUint16 {
		return c, fmt.Errorf("tcp: a 2-byte length cannot announce %d bytes; use at most %d, or header size 4", c.MaxMessage, math.MaxUint16)
	}
	if c.SendQueue == 0 {
		c.SendQueue = 1 << 20
	}
	c.SendQueue = max(c.SendQueue, c.MaxMessage+c.Framing.size()+outbox.KeyCost)
	if c.Linger == 0 {
		c.Linger = 2 * time.Second
	}
	if c.Pace == 0 {
		c.Pace = 2 * time.Millisecond
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
	}
	return c, nil
}
