// Package transport is the contract of message connections: what every
// network under Culm promises to the protocols above it. A transport carries
// messages and knows nothing of what is in them.
//
// Implementations live below this package, each with its one library:
// [github.com/culm-net/culm/transport/memory] is a simulated network for
// tests, [github.com/culm-net/culm/transport/tcp] carries messages behind
// Panda3D's length prefix, [github.com/culm-net/culm/transport/quic] carries
// them over encrypted UDP. [github.com/culm-net/culm/transport/transporttest]
// holds each of them to the text on [Conn], [Handler] and [Listener].
package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Mode is the way in which a message is delivered.
type Mode uint8

const (
	// Reliable messages of a connection arrive exactly once and in the order
	// they were sent, or the connection closes.
	Reliable Mode = iota
	// Unreliable messages may be lost, doubled by the network or overtaken.
	// Over a stream transport they are as good as reliable ones.
	Unreliable
	// Latest messages are unreliable ones of which only the newest with the
	// same key matters: one that is still unsent may be dropped when a newer
	// one with its key is sent. The newer takes the older one's place in the
	// queue, so that a key that changes often is not starved.
	Latest
)

// Message is what [Conn.Send] takes.
type Message struct {
	// Data is the message. Send copies it before it returns unless Shared.
	Data []byte
	// Mode is the way of delivery; the zero value is Reliable.
	Mode Mode
	// Key names what a Latest message is about; other modes ignore it.
	Key uint64
	// Shared promises that Data is never written to again. The transport may
	// then keep a reference to it instead of a copy, which is what makes one
	// large message for many peers cheap. Its length still counts towards
	// every queue that holds it.
	Shared bool
}

// Conn is one peer. All methods may be called from any goroutine at any time,
// also after the connection has closed.
type Conn interface {
	// Send queues m for the peer and returns without waiting for the network.
	// What one goroutine sends reliably arrives in that order. Sent messages
	// leave at the next Flush at the latest; a transport may send earlier.
	//
	// Errors, all of them leaving nothing queued: [ErrClosed] after the
	// connection closed; [ErrTooLarge] for a reliable message longer than
	// MaxReliable or another one longer than MaxUnreliable; [ErrFull] when
	// the queue's limit would be passed. The connection stays usable after
	// ErrTooLarge and ErrFull; who sends decides whether to drop, to wait for
	// Budget, or to Close.
	Send(m Message) error

	// Flush starts sending what Send has queued and returns without waiting
	// for it. To flush many connections, Listener.Flush is cheaper.
	Flush()

	// Budget is how many bytes the peer and the path to it can take now
	// before messages begin to wait: 0 when the network pushes back. It is
	// advice, to be asked once per batch; it never exceeds the free room of
	// the queue.
	Budget() int

	// MaxReliable and MaxUnreliable are the longest messages in bytes that
	// Send takes in each mode. They do not change while the connection lives.
	MaxReliable() int
	MaxUnreliable() int

	// Delivered reports how many of the reliable messages sent on this
	// connection the peer's transport has acknowledged, counted from the
	// first and in order. ok is false where the transport cannot know.
	Delivered() (n uint64, ok bool)

	// Hold asks that nothing more is received from the peer for d, in order
	// to slow it down. A transport with flow control stops reading, so that
	// the peer's own sending stalls; others may instead drop unreliable
	// messages and delay reliable ones within their receive buffer. A later
	// end of two overlapping holds wins. Messages of the batch that is being
	// delivered are not affected. While a transport does not read, it may not
	// notice that the peer closes either. Close ends a hold.
	Hold(d time.Duration)

	// Close ends the connection. What was sent reliably before is given up
	// to the transport's linger time to leave, in the background and without
	// a Flush; then the peer learns code and reason where the transport can
	// say them. Nothing is received any more, but for a call of Received that
	// may be under way. Only the first Close counts, and Close returns at
	// once. The reason is for people and logs, at most [MaxReason] bytes of
	// UTF-8; longer ones are cut, see [CutReason].
	Close(code Code, reason string)

	// Identity says who the peer is. It does not change while the connection
	// lives, except for Addr on transports whose peers may migrate.
	Identity() Identity

	// Stats returns a snapshot of the connection's counters.
	Stats() Stats
}

// Handler receives what happens on connections. For one connection, the calls
// are Opened, then any number of Received, then Closed, each exactly as often
// as said and never two at a time; calls for different connections may run at
// once. Calls must return soon: a transport may read many peers on one
// goroutine, and it does not deliver anything else of this peer meanwhile. Use
// Conn.Hold to slow a peer down.
type Handler interface {
	// Opened is called once when a connection is up, before any message. To
	// refuse the peer, Close the connection here; Received is then not
	// called, Closed is.
	Opened(c Conn)

	// Received is called with one or more messages that arrived together, in
	// order; a transport bounds how many that can be. The slices belong to the
	// transport and are valid only until the call returns; the handler may
	// write into them meanwhile.
	Received(c Conn, msgs [][]byte)

	// Closed is called once, after the last Received: err is a [*CloseError]
	// and says which side closed and why. Nothing is sent after it, so that
	// on the side that closed it may come as late as the linger time ends.
	Closed(c Conn, err error)
}

// Listener accepts peers.
type Listener interface {
	// Serve accepts connections and hands them to h until ctx is done or the
	// listener is closed, in which case it returns nil, or until accepting
	// fails for good. Connections live on after Serve returns; closing them
	// is up to who holds them. Serve may be called once.
	Serve(ctx context.Context, h Handler) error

	// Flush flushes many connections of this listener at once and returns
	// when each has been given to the network as far as it would take it
	// without waiting, or to a goroutine that does that. Connections of
	// another listener are flushed one by one. It does not keep conns.
	Flush(conns []Conn)

	// Addr is the address that peers dial.
	Addr() net.Addr

	// Close stops accepting, at once. It does not close connections.
	Close() error
}

// Identity is what a transport knows of a peer.
type Identity struct {
	// Addr is where the peer's packets come from. It is never nil.
	Addr net.Addr
	// Secure reports that the connection is encrypted and cannot be altered
	// on the way.
	Secure bool
	// Name is the identity that the transport has verified, for example the
	// subject of a client certificate, and empty when there is none.
	Name string
}

// Stats are counters of one connection since it opened. Bytes are bytes of
// messages, without what the transport adds.
type Stats struct {
	// MessagesSent and BytesSent count what Send took, queued or not, less
	// what was dropped.
	MessagesSent     uint64
	BytesSent        uint64
	MessagesReceived uint64
	BytesReceived    uint64
	// Dropped counts messages that were queued but not sent: overtaken ones
	// of a key, and unreliable ones that gave way.
	Dropped uint64
	// Queued is how many bytes wait to be sent now, shared ones included. A
	// stream transport may count what it puts around messages too.
	Queued int
	// Left counts the bytes that have gone to the network of what was sent
	// reliably, with what the transport puts around messages. While it stands
	// still and something is queued, the peer takes nothing.
	Left uint64
	// RTT is the smoothed round-trip time, 0 where it is not known.
	RTT time.Duration
	// Loss is the share of packets lost lately, 0 to 1, and 0 where unknown.
	Loss float64
}

// Code says why a connection was closed. Values below 1000 are this
// package's; protocols define their own from 1000 up. A transport that
// cannot carry codes reports CodeUnknown to the other side.
type Code uint32

const (
	CodeUnknown  Code = iota // the peer went without saying why
	CodeNormal               // the conversation is over
	CodeShutdown             // this side is shutting down
	CodeTimeout              // the peer was not heard of for too long
	CodeRefused              // the peer was not let in
	CodeProtocol             // the peer broke the transport's protocol
	CodeNetwork              // the network failed
)

// String returns the code's name, or its number for a protocol's code.
func (c Code) String() string {
	names := [...]string{"unknown", "normal", "shutdown", "timeout", "refused", "protocol", "network"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("code %d", uint32(c))
}

// MaxReason is the longest reason in bytes that [Conn.Close] passes on.
const MaxReason = 256

// CloseError tells why a connection is closed.
type CloseError struct {
	// Remote is true when the peer closed, false when this side did or the
	// network failed.
	Remote bool
	Code   Code
	// Reason is for people. Bytes that a peer chose are valid UTF-8 here.
	Reason string
	// Err is the underlying error of the network, if there is one.
	Err error
}

// Error says who closed, why, and with which code.
func (e *CloseError) Error() string {
	who := "closed by this side"
	if e.Remote {
		who = "closed by the peer"
	}
	s := fmt.Sprintf("%s (%v)", who, e.Code)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the underlying error of the network, if any.
func (e *CloseError) Unwrap() error { return e.Err }

// ErrUntrusted is in the errors of all Dial functions that say that the peer is
// not who it should be: its certificate is not trusted, or another than the pinned
// one. It does not pass by waiting; somebody has to look into it.
var ErrUntrusted = errors.New("the peer is not who it should be")

// What Send can answer.
var (
	ErrClosed   = errors.New("transport: the connection is closed")
	ErrTooLarge = errors.New("transport: the message is longer than this connection can carry")
	ErrFull     = errors.New("transport: the send queue is full")
)
