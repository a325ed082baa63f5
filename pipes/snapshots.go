package pipes

import (
	"math"

	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

// Snapshot implements [world.Viewer]: first what tells the client of objects, then
// the state of those that changed.
func (p *peer) Snapshot(s *snapshot.Snapshot) {
	if p.state.Load() != stateVerified {
		return
	}
	buf := p.server.buffers.Get().(*[]byte)
	p.sendSnapshot(s, buf)
	p.server.buffers.Put(buf)
}

func (p *peer) sendSnapshot(s *snapshot.Snapshot, buf *[]byte) {
	for i := range s.Events {
		structure := s.Structure - uint32(len(s.Events)-1-i)
		*buf = p.appendEvent((*buf)[:0], &s.Events[i], wire.Stamp{Structure: structure, Tick: s.Tick})
		if n, most := len(*buf), p.conn.MaxReliable(); n > most {
			p.eject(CodeTooLarge, "what it has to know of object %d are %d bytes, and its connection takes %d; give the object shorter fields", s.Events[i].ID, n, most)
			return
		}
		if !p.sendReliable(*buf) {
			return
		}
	}
	for i := range s.Parts {
		*buf = s.AppendPart((*buf)[:0], i)
		m := transport.Message{Data: *buf}
		if p.ext && !s.Parts[i].Reliable {
			// An older part that still waits says nothing that this snapshot
			// does not say again: it counts as lost.
			m.Mode, m.Key = transport.Latest, uint64(i)
		}
		if p.send(m) {
			p.sent.parts++
		} else if p.state.Load() != stateVerified {
			return
		}
	}
	if n := len(s.Parts); n > 0 {
		p.sent.snapshots++
		if p.ext {
			p.rtt.sends(s.Seq+uint32(n-1), p.server.sealed)
		}
	}
}

// appendEvent adds the message that says that the client sees an object from now
// on, or no more.
func (p *peer) appendEvent(b []byte, e *snapshot.Event, stamp wire.Stamp) []byte {
	if e.Object == nil {
		p.sent.removes++
		if p.ext {
			return wire.Remove{Stamp: stamp, DoID: e.ID, Deleted: e.Deleted}.Append(b)
		}
		// panda3d-pipes tells of both with a deletion, and its clients wait
		// for a new generate after either.
		return wire.ObjectGone{Type: wire.SVDeleteObject, DoID: e.ID}.Append(b)
	}
	p.sent.generates++
	t := wire.SVGenerateObject
	switch {
	case p.ext && e.Owned:
		t = wire.ExtGenerateOwner
	case p.ext:
		t = wire.ExtGenerate
	case e.Owned:
		t = wire.SVGenerateOwnerObject
	}
	return wire.AppendGenerate(b, t, stamp, p.server.world.Generate(e.Object, encodeGenerate))
}

// encodeGenerate makes what all clients are told alike of an object.
func encodeGenerate(g *world.Generate) []byte {
	m := wire.Generate{Class: g.Class, DoID: g.DoID, Zone: g.Zone, HasBaseline: true}
	snapshot.AddBaseline(&m.Baseline, g.Values)
	for index, args := range g.Calls() {
		m.Required.Add(index, args)
	}
	b, err := m.AppendContents(nil)
	if err != nil {
		return nil // a class of the schema has a number, and no more fields than it has
	}
	return b
}

// budget is how many bytes the client's next snapshot may have.
func (p *peer) budget() int {
	s := p.server.settings
	budget := math.MaxInt
	if s.SendRate > 0 {
		budget = int(min(max(s.SendRate/float64(p.updateRate), 1), math.MaxInt32)) // SendRate may be infinite
	}
	if !p.ext {
		// It is a single message, and the most urgent object may exceed the budget.
		budget = min(budget, p.conn.MaxReliable()/2)
	}
	return min(budget, p.conn.Budget())
}

// acknowledge takes what the client says to have of the snapshots. It is only
// believed as far as it names what was sent.
func (p *peer) acknowledge(m *message) {
	v := p.client.View()
	if !p.ext {
		if !v.AckTick(m.tick) {
			p.server.counters.refuse(refusedAck)
		}
		return
	}
	if wire.Newer(m.ack.Last, p.rtt.newest) {
		p.server.counters.refuse(refusedAck)
	}
	for part, n := range m.ack.Runs() {
		v.AckRun(part, n)
	}
	p.rtt.acknowledged(m.ack.Last, m.at, m.ack.Delay)
}
