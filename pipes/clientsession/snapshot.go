package clientsession

import (
	"errors"
	"time"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// receiveSnapshot takes SV_Tick.
func (s *Session) receiveSnapshot(body []byte) error {
	m, err := wire.DecodeSnapshot(body)
	if err != nil {
		return err
	}
	// Servers of panda3d-pipes send several of the same tick.
	if wire.Newer(s.tick, m.Tick) {
		s.stats.Stale++
		return nil
	}
	s.tick = m.Tick
	s.clock.ServerTick(m.Tick)
	objects := m.Objects(s.classOf)
	for objects.Next() {
		o := s.found
		if s.read(objects.Fields()) != nil {
			continue // Next says it with the object
		}
		if err := s.apply(o, m.Tick); err != nil {
			return err
		}
		if s.updated(o); s.phase == ended {
			return nil
		}
	}
	switch err := objects.Err(); {
	case errors.Is(err, wire.ErrUnknownObject):
		s.stats.Unknown++
		return nil
	case err != nil:
		return err
	}
	s.stats.Snapshots++
	s.tickDue = true
	s.events.Snapshot(Snapshot{Tick: m.Tick})
	return nil
}

// acknowledge says what was applied since it last did: in the plain dialect the
// newest snapshot, with the extension the parts.
func (s *Session) acknowledge(now time.Time, frame time.Duration) {
	if s.tickDue {
		m := wire.TickAck{Tick: int32(s.tick), Frame: float32(frame.Seconds())}
		// A frame's length can be written.
		s.buf, _ = m.Append(s.buf[:0])
		s.tickDue = s.send(transport.Message{Data: s.buf}) != nil
	}
	if s.ackDue {
		m := s.ack
		m.Delay = now.Sub(s.ackArrived)
		s.buf, _ = m.Append(s.buf[:0], ackBack) // it has parts
		err := s.send(transport.Message{Data: s.buf, Mode: transport.Latest, Key: uint64(wire.ExtAck)})
		s.ackDue = err != nil
	}
}

// ackBack is how many parts before the last one acknowledgements tell of. They
// go once a frame, so that a part is in several of them unless a frame brings
// as many parts.
const ackBack = 128
