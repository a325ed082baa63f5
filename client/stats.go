package client

import (
	"time"

	"github.com/culm-net/culm/pipes/clientsession"
	"github.com/culm-net/culm/transport"
)

// Stats says how a client is connected.
type Stats struct {
	State State
	// Attempts is how often the client has dialed, Connects how often it was
	// let in.
	Attempts, Connects uint64

	// Of the present connection, 0 without one: RTT is the last round-trip
	// time, AverageRTT that of the last five, RTTJitter by how much they
	// differ. ClockOffset is by how much the clock is ahead of the snapshots,
	// averaged, ClockJitter by how much their delays differ, and ClockSnaps how
	// often the clock snapped to the server's.
	RTT, AverageRTT, RTTJitter time.Duration
	ClockOffset, ClockJitter   time.Duration
	ClockSnaps                 uint64
	// Session counts what happened on the present connection.
	Session clientsession.Stats
	// Objects is how many there are in view, and Moving how many of them have
	// interpolated variables in motion.
	Objects, Moving int

	// In the last second or so: snapshots per second, the share of packets
	// with snapshots that were lost (0 to 1; in the plain dialect what the
	// transport knows), and bytes of messages per second.
	SnapshotRate          float64
	Loss                  float64
	ReceiveRate, SendRate float64

	// Of all connections: messages and their bytes.
	MessagesReceived, BytesReceived uint64
	MessagesSent, BytesSent         uint64
	// InboxDropped is messages that Config.MaxInbox had no room for, and
	// InboxHolds how often the server was slowed down for that.
	InboxDropped, InboxHolds uint64
}

// Stats returns how the client is connected. Like everything it is only for the
// goroutine that owns the client.
func (c *Client) Stats() Stats {
	m := &c.meter
	total := m.total(c)
	s := Stats{
		State:            c.state,
		Attempts:         m.attempts,
		Connects:         m.connects,
		SnapshotRate:     m.snapshotRate,
		Loss:             m.loss,
		ReceiveRate:      m.receiveRate,
		SendRate:         m.sendRate,
		MessagesReceived: total.MessagesReceived,
		BytesReceived:    total.BytesReceived,
		MessagesSent:     total.MessagesSent,
		BytesSent:        total.BytesSent,
		InboxDropped:     m.dropped,
		InboxHolds:       m.holds,
		Moving:           len(c.active),
	}
	if c.session == nil {
		return s
	}
	rtt := c.session.RTT()
	s.RTT, s.AverageRTT, s.RTTJitter = rtt.Current(), rtt.Average(), rtt.Jitter()
	s.Session = c.session.Stats()
	for range c.session.Objects() {
		s.Objects++
	}
	if clock := c.session.Clock(); clock != nil {
		s.ClockOffset, s.ClockJitter, s.ClockSnaps = seconds(clock.Offset()), seconds(clock.Jitter()), clock.Snaps()
	}
	return s
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// meterInterval is how often rates are measured.
const meterInterval = time.Second

// meter counts what Stats tells beside what others count.
type meter struct {
	attempts, connects uint64
	dropped, holds     uint64
	past               transport.Stats // of connections before the present one

	snapshots uint64 // with different ticks
	tick      uint32 // of the last one

	// When rates were measured last, and what was counted by then.
	at   time.Time
	then struct {
		snapshots, applied, sent, received uint64
		part                               uint32
	}
	snapshotRate, loss, receiveRate, sendRate float64
}

// snapshot counts a snapshot, of which a part was applied.
func (m *meter) snapshot(tick uint32) {
	if m.snapshots == 0 || m.tick != tick {
		m.snapshots++
	}
	m.tick = tick
}

// total is what all connections have carried.
func (m *meter) total(c *Client) transport.Stats {
	s := m.past
	if c.out.Conn != nil {
		now := c.out.Stats()
		s.MessagesReceived += now.MessagesReceived
		s.BytesReceived += now.BytesReceived
		s.MessagesSent += now.MessagesSent
		s.BytesSent += now.BytesSent
		s.Loss = now.Loss
	}
	return s
}

// close notes what a connection has carried that is given up.
func (m *meter) close(c *Client) {
	m.past = m.total(c)
	m.past.Loss = 0
	m.at = time.Time{}
	m.snapshotRate, m.loss, m.receiveRate, m.sendRate = 0, 0, 0, 0
}

// measure measures the rates when it is time.
func (m *meter) measure(c *Client) {
	if c.session == nil || c.now.Sub(m.at) < meterInterval {
		return
	}
	passed := c.now.Sub(m.at).Seconds()
	total, applied, part := m.total(c), c.session.Stats().Snapshots, c.session.LastPart()
	if !m.at.IsZero() {
		m.snapshotRate = float64(m.snapshots-m.then.snapshots) / passed
		m.receiveRate = float64(total.BytesReceived-m.then.received) / passed
		m.sendRate = float64(total.BytesSent-m.then.sent) / passed
		m.loss = total.Loss
		if parts := part - m.then.part; c.session.Extended() && parts > 0 {
			m.loss = max(0, 1-float64(applied-m.then.applied)/float64(parts))
		}
	}
	m.at = c.now
	m.then.snapshots, m.then.applied, m.then.part = m.snapshots, applied, part
	m.then.received, m.then.sent = total.BytesReceived, total.BytesSent
}
