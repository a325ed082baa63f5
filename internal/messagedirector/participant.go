package messagedirector

import (
	"maps"
	"slices"
)

// Receiver is a participant's ear. An object of a state server and a client's
// session are a Receiver each.
type Receiver interface {
	// Receive is called inside the order with a message to a channel that the
	// participant has subscribed, once for each message however many of its
	// channels it names, and never for one that the participant sent. The
	// message and its bytes are valid only until the call returns.
	Receive(m *Message)
}

// Participant is whatever sends and subscribes: one object, one client, one
// link. It belongs into the struct of what it is a part of, as a field and not
// behind a pointer; one that has a few subscriptions costs no further memory
// but for their entries in the director's table. It needs no registration: it
// takes part from its first subscription or message on, and until
// [Director.Leave]. It must not be copied after its first use.
//
// All of it belongs to the director and is touched inside the order only.
type Participant struct {
	// Receiver gets the participant's messages. It is set before the first
	// subscription and not changed afterwards.
	Receiver Receiver

	id   uint32 // its place in the director's list; 0 while it has no subscription
	few  uint8  // how many of inline are in use
	up   bool   // it stands for what is upstream
	out  bool   // nothing that it has sent counts any more, see Director.Expel
	more *more
	mark uint64 // the last message for which it was found

	inline [2]uint64 // the first of its channels
}

// more is what few participants have.
type more struct {
	channels map[uint64]struct{} // those that are not inline
	ranges   rangeTable          // its own alone
	posts    postRemoves
}

func (p *Participant) extra() *more {
	if p.more == nil {
		p.more = new(more)
	}
	return p.more
}

// note adds a channel that it does not have.
func (p *Participant) note(ch uint64) {
	if int(p.few) < len(p.inline) {
		p.inline[p.few] = ch
		p.few++
		return
	}
	m := p.extra()
	if m.channels == nil {
		m.channels = make(map[uint64]struct{})
	}
	m.channels[ch] = struct{}{}
}

// forget takes out a channel that it has.
func (p *Participant) forget(ch uint64) {
	for i := range p.few {
		if p.inline[i] == ch {
			p.few--
			p.inline[i] = p.inline[p.few]
			return
		}
	}
	delete(p.more.channels, ch)
}

// channels returns its single channels between low and high in ascending
// order.
func (p *Participant) channels(low, high uint64) []uint64 {
	var all []uint64
	for _, ch := range p.inline[:p.few] {
		if low <= ch && ch <= high {
			all = append(all, ch)
		}
	}
	if p.more != nil {
		for ch := range maps.Keys(p.more.channels) {
			if low <= ch && ch <= high {
				all = append(all, ch)
			}
		}
	}
	slices.Sort(all)
	return all
}
