package clientsession

import (
	"bytes"

	"github.com/culm-net/culm/pipes/wire"
)

// heldSize is what the message counts while it waits for its object's state.
func (m *Message) heldSize() int { return heldOverhead + len(m.Args) }

// receiveMessage takes B_ObjectMessage of the plain dialect.
func (s *Session) receiveMessage(body []byte) error {
	m, err := wire.DecodeObjectMessage(body)
	if err != nil {
		return err
	}
	o := s.objects[m.DoID]
	if o == nil {
		s.stats.Unknown++
		return nil
	}
	f := o.class.Field(int(m.Field))
	if f == nil {
		s.stats.Unknown++
		return nil
	}
	args, err := m.Arguments(f)
	if err != nil {
		return err
	}
	s.events.Message(o, Message{Field: f, Args: args, Tick: s.tick, State: o.tick})
	return nil
}

// receiveTicked takes Ext_ObjectMessage.
func (s *Session) receiveTicked(body []byte) error {
	m, err := wire.DecodeTickedMessage(body)
	if err != nil {
		return err
	}
	o := s.objects[m.DoID]
	if o == nil || wire.Newer(o.made.Tick, m.Tick) {
		s.stats.Unknown++
		return nil
	}
	// Unreliable messages for an earlier object of that doId may come late in
	// the tick of the generate.
	f := o.class.Field(int(m.Field))
	if f == nil {
		s.stats.Unknown++
		return nil
	}
	args, err := m.Arguments(f)
	if err != nil {
		return err
	}
	h := Message{Field: f, Args: args, Tick: m.Tick, State: m.State}
	if len(o.held) == 0 && o.ready(&h) {
		s.events.Message(o, h)
		return nil
	}
	if s.heldSize+h.heldSize() > s.config.MaxHeld {
		if o.life == Fresh {
			s.discard(o)
			s.stats.Dropped++
			return nil
		}
		if s.deliver(o, true); s.phase != ended {
			s.deliverOne(o, &h)
		}
		return nil
	}
	h.Args = bytes.Clone(h.Args)
	o.held = append(o.held, h)
	s.heldSize += h.heldSize()
	s.stats.Held++
	return nil
}

// ready says whether the object's state is as new as a message wants it.
func (o *Object) ready(m *Message) bool {
	return o.life != Fresh && (!wire.Newer(m.State, o.tick) || o.state.Layout().Len() == 0)
}

// deliver delivers the messages of an object that waited: all, or up to the
// first one whose state has not come.
func (s *Session) deliver(o *Object, all bool) {
	for len(o.held) > 0 && s.phase != ended && (all || o.ready(&o.held[0])) {
		m := o.held[0]
		if o.held = o.held[1:]; len(o.held) == 0 {
			o.held = nil
		}
		s.heldSize -= m.heldSize()
		s.deliverOne(o, &m)
	}
}

func (s *Session) deliverOne(o *Object, m *Message) {
	if !o.ready(m) {
		s.stats.Early++
	}
	s.events.Message(o, *m)
}

// discard drops the messages of an object that was never shown.
func (s *Session) discard(o *Object) {
	for i := range o.held {
		s.heldSize -= o.held[i].heldSize()
		s.stats.Dropped++
	}
	o.held = nil
}
