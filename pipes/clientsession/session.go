package clientsession

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// Sender is where a session sends to: a [transport.Conn], of which it uses
// nothing else. Who made the connection flushes it after each call of the
// session, and closes it when the session has ended.
type Sender interface {
	// Send is that of [transport.Conn].
	Send(m transport.Message) error
}

// Session is one client on one connection. Make it with [New], say when the
// connection is up with Start, hand what arrives to Receive, and call Frame once
// a frame.
//
// It is not safe for concurrent use: one goroutine at a time may call it.
type Session struct {
	config Config
	events Events
	out    Sender
	phase  phase
	err    error // why it has ended
	// features are those of the hello's answer, before the welcome; extended
	// says that the extension is in use.
	features wire.Features
	extended bool
	clientID uint32
	stats    Stats
	buf      []byte // the message being made

	clock     *netclock.Client // nil before the welcome
	now       time.Time        // what was last told
	framed    time.Time        // when the last frame was
	silent    time.Duration    // how long the server has said nothing
	ticks     int              // that began since the last frame
	delay     float64          // of interpolation, in seconds
	update    uint16           // snapshots per second
	rtt       netclock.RTT
	pings     pings
	interests interests
	commands  commands

	objects map[uint32]*Object
	size    int // bytes of all objects' values
	layouts map[*dc.Class]*object.Layout
	found   *Object                // by classOf, last
	classOf func(uint32) *dc.Class // made once: a method value costs an allocation
	// What is read of an object before any of it is applied, and what of it
	// has changed; memory that is used again.
	fields  []fieldValue
	changed []int

	// The plain dialect: the tick of the last snapshot, or else of the welcome.
	tick    uint32
	tickDue bool // it is to be acknowledged

	// The extension.
	structure  uint32   // the sequence that was reached
	ack        wire.Ack // parts applied
	ackArrived time.Time
	ackDue     bool
	parts      heldParts
	progress   progress
	heldSize   int // bytes of object messages that wait
}

// phase is how far a session has come.
type phase uint8

const (
	connecting     phase = iota // before Start
	greeted                     // the hello is sent
	authenticating              // the server wants proof
	welcomed
	ended
)

// New makes a session that sends to out.
func New(c Config, out Sender) (*Session, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	s := &Session{
		config:  c,
		events:  c.Events,
		out:     out,
		update:  c.UpdateRate,
		objects: make(map[uint32]*Object),
		layouts: make(map[*dc.Class]*object.Layout),
	}
	s.classOf = func(doID uint32) *dc.Class {
		if s.found = s.objects[doID]; s.found == nil {
			return nil
		}
		return s.found.class
	}
	s.commands.rate = c.CommandRate
	return s, nil
}

// Start sends the hello; the connection is up. It is called once.
func (s *Session) Start(now time.Time) {
	if s.phase != connecting {
		return
	}
	s.now, s.framed = now, now
	s.phase = greeted
	// ConnectionClosed tells why it has closed.
	if err := s.hello(); err != nil && !errors.Is(err, transport.ErrClosed) {
		s.end(err)
	}
}

// Receive takes messages of the server that arrived at now, in order. What has
// waited in a queue should be handed over with the time at which it arrived:
// acknowledgements and round-trip times tell it. The messages are only read, and
// not kept.
func (s *Session) Receive(now time.Time, msgs [][]byte) {
	s.advance(now)
	s.silent = 0
	for _, msg := range msgs {
		if s.phase == ended {
			return
		}
		err := s.receive(now, msg)
		if err != nil && !errors.Is(err, ErrLimit) {
			err = fmt.Errorf("%w: %w", ErrServer, err)
		}
		if err != nil {
			s.end(err)
		}
	}
}

// Frame is called once a frame, after Receive of what has arrived. It moves the
// clock on, sends what is due (acknowledgements, pings, commands that waited),
// and returns how many ticks began since the last frame.
func (s *Session) Frame(now time.Time) (ticks int) {
	s.advance(now)
	frame := max(now.Sub(s.framed), 0)
	s.framed = now
	switch s.phase {
	case connecting, ended:
		return 0
	case greeted:
		s.waited(frame, s.config.HelloTimeout, "the hello")
	case authenticating:
		s.waited(frame, s.config.AuthTimeout, "the authentication")
	case welcomed:
		s.sendCommands()
		s.acknowledge(now, frame)
		s.ping(now)
		s.waited(frame, s.config.SilentTimeout, "anything")
	}
	ticks, s.ticks = s.ticks, 0
	return ticks
}

// waited counts a frame in which the server may have been silent.
func (s *Session) waited(frame, limit time.Duration, what string) {
	if s.silent += min(frame, time.Second); s.silent > limit {
		s.end(fmt.Errorf("%w %s for %v", ErrTimeout, what, limit))
	}
}

// Disconnect says goodbye to the server and ends the session.
func (s *Session) Disconnect() {
	if s.phase == ended {
		return
	}
	if s.phase != connecting {
		s.buf = wire.CLDisconnect.Append(s.buf[:0])
		// If it cannot be sent, the closed connection says it.
		_ = s.send(transport.Message{Data: s.buf})
	}
	s.end(ErrDisconnected)
}

// ConnectionClosed ends the session: the connection has closed for the reason
// that the transport gave.
func (s *Session) ConnectionClosed(err error) { s.end(err) }

// Err is why the session has ended, nil if it has not.
func (s *Session) Err() error { return s.err }

// end ends the session for the first reason there is.
func (s *Session) end(err error) {
	if s.phase == ended {
		return
	}
	if err == nil {
		err = errClosed
	}
	s.phase, s.err = ended, err
	s.events.Ended(err)
}

// send sends a message, which transports copy.
func (s *Session) send(m transport.Message) error {
	err := s.out.Send(m)
	if cap(s.buf) > 4<<10 {
		s.buf = nil // one long message should not cost memory for ever
	}
	return err
}

// advance moves the time on, if that is not behind what was told before:
// messages that waited are older than the last frame.
func (s *Session) advance(now time.Time) {
	d := now.Sub(s.now)
	if d <= 0 {
		return
	}
	s.now = now
	if s.clock != nil {
		s.ticks = int(min(int64(s.ticks)+int64(s.clock.Advance(d.Seconds())), math.MaxInt32))
	}
}
