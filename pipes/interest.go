package pipes

import (
	"errors"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/world"
)

// completion is a change of interest that the client was not told the end of.
type completion struct {
	handle uint16
	mark   uint64 // of the client's view: what has to be sent before
}

// maxCompletions is how many changes of interest of a client may wait for their
// completion; one more disconnects it.
const maxCompletions = 256

// interest changes what the client sees.
func (p *peer) interest(m *message) {
	s := p.server
	op := world.SetInterest
	switch m.typ {
	case wire.CLAddInterest, wire.ExtAddInterest:
		op = world.AddInterest
	case wire.CLRemoveInterest, wire.ExtRemoveInterest:
		op = world.RemoveInterest
	}
	if len(p.completions) >= maxCompletions {
		p.eject(CodeTooManyRequests, "it has changed its interest %d times without waiting for the end of one", maxCompletions)
		return
	}
	if most := s.settings.MaxZones; most > 0 && op != world.RemoveInterest && len(m.zones) > most {
		// Before anything is done for it. Who repeats that many is no player.
		p.eject(CodeTooManyZones, "it asks for %d zones, the limit for one client is %d", len(m.zones), most)
		return
	}
	err := p.client.Interest(op, m.zones)
	if errors.Is(err, world.ErrLeft) {
		return // the game kicked it for its wish
	}
	if err != nil {
		if e := (*world.InterestError)(nil); errors.As(err, &e) && e.Max > 0 {
			p.eject(CodeTooManyZones, "it asks for more than %d zones, the limit for one client", e.Max)
			return
		}
		// It is answered all the same, or the client would wait for ever.
		s.counters.refuse(refusedZone)
	}
	if len(p.completions) == 0 {
		s.completing = append(s.completing, p)
	}
	p.completions = append(p.completions, completion{m.handle, p.client.View().Mark()})
}

// complete tells clients which of their changes of interest are complete, after
// the generates of a tick were sent.
func (s *Server) complete() {
	rest := s.completing[:0]
	for _, p := range s.completing {
		p.complete()
		if len(p.completions) > 0 {
			rest = append(rest, p)
		}
	}
	clear(s.completing[len(rest):])
	s.completing = rest
}

func (p *peer) complete() {
	done := 0
	for _, c := range p.completions {
		if p.state.Load() == stateClosing {
			p.completions = nil
			return
		}
		if !p.client.View().Passed(c.mark) {
			break
		}
		done++
		answer := wire.InterestComplete{Type: wire.SVInterestComplete, Handle: c.handle}
		if p.ext {
			answer.Type = wire.ExtInterestComplete
		}
		if b, err := answer.Append(nil); err == nil { // the handle is the client's own
			p.sendReliable(b)
		}
	}
	p.completions = p.completions[:copy(p.completions, p.completions[done:])]
	if len(p.completions) == 0 {
		p.completions = nil // it seldom changes
	}
}
