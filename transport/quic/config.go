// Package quic carries messages over QUIC (RFC 9000), encrypted with TLS 1.3,
// on github.com/quic-go/quic-go. This is how clients reach a server over the
// internet.
//
// # What is on the wire
//
// The application protocol is [ALPN]. An unreliable or latest message that fits
// goes as one datagram (RFC 9221) with nothing around it; one of up to
// [DatagramSize] bytes always fits. A longer one goes on a unidirectional
// stream of its own, which is reset when a newer message of its key is sent,
// but not before it has had time to arrive. When the peer lets no further
// stream be opened, such a message is dropped.
//
// The first unidirectional stream that each side opens carries its reliable
// messages, each behind its little-endian uint32 length. Two lengths that no
// message has mean something else: 0xffffffff is the first thing that a server
// writes and says that the client has been accepted; 0xfffffffe is the last
// thing that a side writes, and is followed by the code (uint32) and the length
// (uint16) and bytes of the reason of its Close. Who has read that closes the
// QUIC connection, from which the other side learns that all has arrived.
//
// # Goroutines
//
// Besides quic-go's own two, each connection has three goroutines that wait for
// the peer: for its reliable stream, its datagrams, and its further streams.
// They call the [transport.Handler] one at a time. Sending has no goroutine
// that waits: Flush starts one if there is something to send, and that ends
// when nothing is queued, so that a silent peer stalls nobody but itself.
package quic

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/quic-go/quic-go"
)

// ALPN is the application protocol that both sides must speak (RFC 7301).
const ALPN = "culm/1"

// DefaultPort is the UDP port of a Culm server. 27015 stays Steam's.
const DefaultPort = 27016

// DatagramSize is the length in bytes up to which an unreliable message always
// goes as a datagram. Most paths take 1,200 and more; but one whose packets
// have just been found to be small, or that a client has just migrated to, gets
// packets of 1,200 bytes including what QUIC puts around the message.
const DatagramSize = 1150

// Config says how connections are made. The zero value is of use for a
// listener; a dialer must at least say how it verifies the server. A Config may
// be used many times; it must not be changed after the first.
//
// Peers must agree on MaxReliable, MaxUnreliable and MaxStreams, or be content
// with the smaller ones.
type Config struct {
	// TLS holds certificates. A listener needs Certificates or GetCertificate
	// in it (see [Certificate]); nil makes a self-signed certificate at start.
	// A dialer verifies the server by RootCAs (nil: those of the system) and
	// ServerName, which is taken from the address when it is empty. The
	// version (1.3) and the application protocol are always ours, but for what
	// a GetConfigForClient in it returns: that must set NextProtos to ALPN.
	TLS *tls.Config

	// Pins makes a dialer accept a server with one of these certificates and
	// no other, whoever signed it.
	Pins []Fingerprint

	// Insecure makes a dialer accept any server. Somebody on the way can then
	// read and change everything. It is not possible together with Pins.
	Insecure bool

	// MaxReliable and MaxUnreliable are the longest messages in bytes, sent or
	// received. A peer that sends a longer one is closed with CodeProtocol
	// before anything is allocated for it. 0 means 1 MiB and 64 KiB; at most
	// 64 MiB and 1 MiB are possible.
	MaxReliable   int
	MaxUnreliable int

	// SendQueue is how many bytes of reliable messages may wait in one
	// connection before Send answers ErrFull. 0 means 1 MiB. It is raised to
	// hold at least one message of MaxReliable.
	SendQueue int

	// LooseQueue is how many bytes of unreliable and latest messages may wait
	// in one connection, where each counts 96 bytes more than it has. What is
	// over drops the oldest of them, so that Send of these never answers
	// ErrFull. As many bytes of long ones may be with quic-go besides; what is
	// over is dropped. 0 means 256 KiB. It is raised to hold at least one
	// message of MaxUnreliable.
	LooseQueue int

	// MaxStreams is how many streams with long unreliable messages a peer may
	// have open at once. Each holds at most MaxUnreliable bytes of memory. Of
	// this side's own, one more makes the oldest be given up, if it has not
	// arrived. 0 means 16, at most 1,000 are possible.
	MaxStreams int

	// Linger is how long a connection that was closed on this side may take to
	// send its reliable messages and to hear that they have arrived. 0 means
	// 2 s; a negative value cuts at once.
	Linger time.Duration

	// IdleTimeout is after how long without a packet from the peer a
	// connection is closed with CodeTimeout; the shorter one of both sides'
	// counts, but a peer's counts as at least 5 s. 0 means 30 s.
	IdleTimeout time.Duration

	// KeepAlive is after how long without a packet from the peer a dialer asks
	// whether it is there, which keeps the connection and the tables of
	// routers on the way alive. 0 means 10 s; a negative value never asks. A
	// listener never asks.
	KeepAlive time.Duration

	// HandshakeTimeout is how long a handshake may take; for a dialer with all
	// its tries, for a listener from the first packet. 0 means 10 s.
	HandshakeTimeout time.Duration

	// MaxHandshakes is how many handshakes a listener has under way at once,
	// and HandshakesPerAddress how many may begin from one address (IPv6: from
	// one /64) within 10 s. What is over is refused, and dialers try again a
	// few times. 0 means 512 and 100; a negative HandshakesPerAddress is no
	// limit, and there is none for loopback addresses.
	MaxHandshakes        int
	HandshakesPerAddress int

	// RetryAbove is how many handshakes may be under way before a client must
	// first prove that it receives what is sent to its address (a Retry, RFC
	// 9000 section 8.1.2), which costs it a round trip and nobody can do for
	// a false address. 0 means 64; a negative value always asks for it. A
	// quarter of HandshakesPerAddress makes its address prove itself too.
	RetryAbove int

	// ResetKey lets a listener that was started anew tell clients of the one
	// before at once that their connections are gone (RFC 9000 section 10.3),
	// if both have the same key. Who knows the key can cut connections. The
	// zero value makes a random key.
	ResetKey [32]byte

	// Log hears of what no connection can be told: socket buffers that the
	// system does not let be large enough. nil discards it.
	Log *slog.Logger
}

const (
	maxReliable   = 64 << 20
	maxUnreliable = 1 << 20
	maxStreams    = 1000
)

func (c Config) withDefaults() (Config, error) {
	for _, v := range []struct {
		name       string
		value      *int
		usual, max int
	}{
		{"MaxReliable", &c.MaxReliable, 1 << 20, maxReliable},
		{"MaxUnreliable", &c.MaxUnreliable, 64 << 10, maxUnreliable},
		{"SendQueue", &c.SendQueue, 1 << 20, 1 << 30},
		{"LooseQueue", &c.LooseQueue, 256 << 10, 1 << 30},
		{"MaxStreams", &c.MaxStreams, 16, maxStreams},
		{"MaxHandshakes", &c.MaxHandshakes, 512, 1 << 20},
	} {
		if *v.value == 0 {
			*v.value = v.usual
		}
		if *v.value < 0 || *v.value > v.max {
			return c, fmt.Errorf("quic: %s is %d; use 1 to %d, or 0 for the default of %d", v.name, *v.value, v.max, v.usual)
		}
	}
	if c.MaxUnreliable < DatagramSize {
		return c, fmt.Errorf("quic: MaxUnreliable is %d; use %d to %d, or 0 for the default", c.MaxUnreliable, DatagramSize, maxUnreliable)
	}
	c.SendQueue = max(c.SendQueue, c.MaxReliable+recordHeader)
	c.LooseQueue = max(c.LooseQueue, c.MaxUnreliable+looseCost)
	for _, v := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&c.Linger, 2 * time.Second},
		{&c.IdleTimeout, 30 * time.Second},
		{&c.KeepAlive, 10 * time.Second},
		{&c.HandshakeTimeout, 10 * time.Second},
	} {
		if *v.value == 0 {
			*v.value = v.usual
		}
	}
	if c.IdleTimeout < 0 || c.HandshakeTimeout < 0 {
		return c, fmt.Errorf("quic: an IdleTimeout of %v with a HandshakeTimeout of %v is not possible; use 0 for the defaults", c.IdleTimeout, c.HandshakeTimeout)
	}
	if c.HandshakesPerAddress == 0 {
		c.HandshakesPerAddress = 100
	}
	if c.RetryAbove == 0 {
		c.RetryAbove = 64
	}
	if c.Insecure && len(c.Pins) > 0 {
		return c, fmt.Errorf("quic: Insecure makes Pins useless; set one of them")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Receive windows (RFC 9000 section 4) bound what a peer can make wait in
// memory while nobody reads. They grow as long as they limit the throughput.
const (
	streamWindow    = 128 << 10
	maxStreamWindow = 1 << 20
	connWindow      = 256 << 10
	maxConnWindow   = 2 << 20
)

// quicConfig is what quic-go needs to know. The listener needs no keep-alive:
// who has gone is found by IdleTimeout, and one side asking is enough.
func (c *Config) quicConfig(dialer bool) *quic.Config {
	// A stream with a long unreliable message is written at once or not.
	stream := max(streamWindow, uint64(c.MaxUnreliable))
	q := &quic.Config{
		Versions:                       []quic.Version{quic.Version1},
		HandshakeIdleTimeout:           c.HandshakeTimeout / 2, // quic-go's limit is twice this
		MaxIdleTimeout:                 c.IdleTimeout,
		InitialStreamReceiveWindow:     stream,
		MaxStreamReceiveWindow:         max(maxStreamWindow, stream),
		InitialConnectionReceiveWindow: connWindow + stream,
		MaxConnectionReceiveWindow:     maxConnWindow + stream,
		MaxIncomingStreams:             -1,
		MaxIncomingUniStreams:          int64(c.MaxStreams) + 1, // and the reliable one
		EnableDatagrams:                true,
	}
	if dialer {
		q.HandshakeIdleTimeout = c.HandshakeTimeout // Dial's context is the limit
		q.KeepAlivePeriod = max(0, c.KeepAlive)
	}
	return q
}
