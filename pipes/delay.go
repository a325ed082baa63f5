package pipes

import "slices"

// command lets an object message take effect, now or when the command rate
// allows it. Commands keep their order.
func (p *peer) command(m *message) {
	s := p.server
	if len(p.delayed) == 0 && (m.due == 0 || m.due <= s.clock(s.now())) {
		p.receive(m)
		return
	}
	p.delayedCost += m.cost()
	if p.delayedCost > inboxCost {
		p.eject(CodeTooFast, "it has sent more object messages beyond its rate of %d per second than the server delays", p.commandRate.Load())
		return
	}
	if len(p.delayed) == 0 {
		s.delaying = append(s.delaying, p)
	}
	m.keep()
	p.delayed = append(p.delayed, *m)
	s.counters.delayed.Add(1)
}

// receive hands an object message to the game, if the client may send it.
func (p *peer) receive(m *message) {
	if m.refused != refusedNot {
		p.server.counters.refuse(m.refused)
		return
	}
	// The world counts why not.
	p.server.world.Receive(p.client, m.doID, m.field, m.data)
}

// releaseDelayed lets the commands take effect whose time has come.
func (s *Server) releaseDelayed() {
	rest := s.delaying[:0]
	for _, p := range s.delaying {
		p.release(s.sealed)
		if len(p.delayed) > 0 {
			rest = append(rest, p)
		}
	}
	clear(s.delaying[len(rest):])
	s.delaying = rest
}

func (p *peer) release(now int64) {
	done := 0
	for i := range p.delayed {
		if p.state.Load() == stateClosing {
			p.delayed = nil
			return
		}
		m := &p.delayed[i]
		if m.due > now {
			break
		}
		p.delayedCost -= m.cost()
		p.receive(m)
		done++
	}
	p.delayed = slices.Delete(p.delayed, 0, done)
	if len(p.delayed) == 0 {
		p.delayed, p.delayedCost = nil, 0
	}
}
