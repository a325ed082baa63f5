package pipes

import (
	"errors"
	"slices"

	"github.com/culm-net/culm/internal/session"
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

// A change of interest goes through all objects of the zones that come and go, on
// the world's goroutine, at some 90 ns each. So whoever enters and leaves a large
// zone again and again is held to so many objects per second, and so many at
// once: its further changes take effect later. One change may exceed that.
const (
	interestRate  = 100_000
	interestBurst = 100_000
)

// wishes are a client's changes of interest that wait for its objects per second.
type wishes struct {
	messages []message // in order
	spent    session.Bucket
	due      int64 // when the next one may take effect, on the server's clock
}

// interest changes what the client sees, now or when it may.
func (p *peer) interest(m *message) {
	s, w := p.server, &p.wishes
	if len(p.completions)+len(w.messages) >= maxCompletions {
		p.eject(CodeTooManyRequests, "it has changed its interest %d times without waiting for the end of one", maxCompletions)
		return
	}
	if most := s.settings.MaxZones; most > 0 && m.typ != wire.CLRemoveInterest && m.typ != wire.ExtRemoveInterest && len(m.zones) > most {
		// Before anything is done for it. Who repeats that many is no player.
		p.eject(CodeTooManyZones, "it asks for %d zones, the limit for one client is %d", len(m.zones), most)
		return
	}
	if len(w.messages) == 0 && w.due <= s.clock(s.now()) {
		p.change(m)
		return
	}
	if len(w.messages) == 0 {
		s.wishing = append(s.wishing, p)
	}
	w.messages = append(w.messages, *m)
}

// releaseWishes lets the changes of interest take effect whose time has come.
func (s *Server) releaseWishes() {
	rest := s.wishing[:0]
	for _, p := range s.wishing {
		p.releaseWishes(s.sealed)
		if len(p.wishes.messages) > 0 {
			rest = append(rest, p)
		}
	}
	clear(s.wishing[len(rest):])
	s.wishing = rest
}

func (p *peer) releaseWishes(now int64) {
	w := &p.wishes
	done := 0
	for i := range w.messages {
		if p.state.Load() == stateClosing {
			w.messages = nil
			return
		}
		if w.due > now {
			break
		}
		p.change(&w.messages[i])
		done++
	}
	if w.messages = slices.Delete(w.messages, 0, done); len(w.messages) == 0 {
		w.messages = nil
	}
}

// change changes what the client sees.
func (p *peer) change(m *message) {
	s := p.server
	op := world.SetInterest
	switch m.typ {
	case wire.CLAddInterest, wire.ExtAddInterest:
		op = world.AddInterest
	case wire.CLRemoveInterest, wire.ExtRemoveInterest:
		op = world.RemoveInterest
	}
	before := p.client.View().Work()
	err := p.client.Interest(op, m.zones)
	work := float64(p.client.View().Work() - before)
	now := s.now()
	p.wishes.due = s.clock(now) + int64(p.wishes.spent.Spend(now, session.Rate{PerSecond: interestRate, Burst: interestBurst}, work))
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
