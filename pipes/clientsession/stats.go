package clientsession

import "github.com/culm-net/culm/netclock"

// Stats counts what happened in a session.
type Stats struct {
	Snapshots uint64 // applied; with the extension, parts of snapshots
	// Stale is snapshots of the plain dialect whose tick was older than that
	// of one before.
	Stale uint64
	// Passed is records of parts that were about an earlier object, or older
	// than what the client has. That is usual when packets are lost or
	// overtake each other.
	Passed uint64
	// Repeated is parts that came twice or too late to acknowledge them, and
	// in the plain dialect generates of objects that the client had.
	Repeated uint64
	// Held is parts and object messages that had to wait for what they build
	// on, Dropped those of them that were thrown away, Early the messages that
	// were delivered before that came.
	Held, Dropped, Early uint64
	// Unknown is what was about unknown objects, methods or classes.
	Unknown uint64
	// Ignored is messages of types that mean nothing to this client, and
	// answers to nothing.
	Ignored uint64
	// Commands is object messages sent, CommandsDelayed those that had to wait
	// for the command rate, CommandsRefused those that it did not let pass,
	// and those that proved too long for the transport after they had waited.
	Commands, CommandsDelayed, CommandsRefused uint64
}

// Stats returns the counters.
func (s *Session) Stats() Stats { return s.stats }

// LastPart returns the number of the newest part of a snapshot that was applied.
// Parts are numbered from 1, so that Stats.Snapshots of them were applied and the
// rest is lost or under way. It is 0 in the plain dialect.
func (s *Session) LastPart() uint32 { return s.ack.Last }

// Welcomed tells whether the server has let the client in and the session goes
// on.
func (s *Session) Welcomed() bool { return s.phase == welcomed }

// Extended tells whether the connection speaks the extension; false before the
// welcome.
func (s *Session) Extended() bool { return s.extended }

// ClientID returns the id that the server gave the client, 0 before the welcome;
// 0 is a valid id.
func (s *Session) ClientID() uint32 { return s.clientID }

// Clock returns the clock that follows the server's ticks, nil before the
// welcome. It belongs to the session, which moves it on in Receive and Frame;
// the caller only reads it.
func (s *Session) Clock() *netclock.Client { return s.clock }

// InterpolationDelay returns how far behind the present the client should show
// what moves, in seconds, by the settings and the rates that hold; 0 before the
// welcome.
func (s *Session) InterpolationDelay() float64 { return s.delay }
