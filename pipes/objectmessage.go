package pipes

import (
	"log/slog"
	"slices"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

// Dialects, for world.Message.Encoded.
const (
	plainDialect = iota
	extDialect
)

const (
	// maxHolding is how many messages wait for a client to learn of their
	// objects, and maxHoldingBytes how many bytes of arguments they have. The
	// oldest ones are dropped for newer ones.
	maxHolding      = 256
	maxHoldingBytes = 64 << 10
)

// holding is the reliable messages of objects that a client does not know yet.
type holding struct {
	messages []*world.Message
	bytes    int
}

// Message implements [world.Viewer].
func (p *peer) Message(m *world.Message) {
	s := p.server
	switch {
	case p.state.Load() != stateVerified:
	case p.client.Knows(m.Object):
		p.sendMessage(m, m.Tick)
	case m.Kept:
		// The generate says it, or what is newer: it may be called again out of
		// the client's sight before that.
	case !m.Reliable:
		s.counters.unknown.Add(1)
	default:
		h := &p.holding
		if len(h.messages) == 0 {
			s.holding = append(s.holding, p)
		}
		h.messages = append(h.messages, m)
		h.bytes += len(m.Args)
		for len(h.messages) > maxHolding || h.bytes > maxHoldingBytes && len(h.messages) > 1 {
			h.bytes -= len(h.messages[0].Args)
			h.messages = slices.Delete(h.messages, 0, 1)
			s.counters.unknown.Add(1)
		}
	}
}

// sendHolding sends the messages whose objects clients have learnt of in the tick
// that was sealed.
func (s *Server) sendHolding(tick uint32) {
	rest := s.holding[:0]
	for _, p := range s.holding {
		p.sendHolding(tick)
		if len(p.holding.messages) > 0 {
			rest = append(rest, p)
		}
	}
	clear(s.holding[len(rest):])
	s.holding = rest
}

func (p *peer) sendHolding(tick uint32) {
	h := &p.holding
	left := h.messages[:0]
	for _, m := range h.messages {
		switch {
		case p.state.Load() != stateVerified:
		case p.client.Knows(m.Object):
			// The client would drop what is older than the generate.
			p.sendMessage(m, tick)
		case p.client.Awaits(m.Object):
			left = append(left, m)
			continue
		}
		h.bytes -= len(m.Args)
	}
	clear(h.messages[len(left):])
	h.messages = left
	if len(left) == 0 {
		*h = holding{}
	}
}

// sendMessage sends a message that says that it was sent in a tick.
func (p *peer) sendMessage(m *world.Message, tick uint32) {
	var b []byte
	if p.ext {
		b = m.Encoded(extDialect, tick, encodeTicked)
	} else {
		b = m.Encoded(plainDialect, 0, encodePlain)
	}
	out := transport.Message{Data: b, Shared: true}
	if !m.Reliable && len(b) <= p.conn.MaxUnreliable() {
		out.Mode = transport.Unreliable
	} else if most := p.conn.MaxReliable(); len(b) > most {
		s := p.server
		s.counters.oversize.Add(1)
		s.log.Log(slog.LevelError, "oversize "+m.Field.String(), "object message dropped: it is longer than the client's connection can carry",
			slog.String("object", m.Object.String()), slog.String("field", m.Field.String()), slog.Int("bytes", len(b)), slog.Int("limit", most))
		return
	}
	if p.send(out) {
		p.sent.messages++
	}
}

func encodePlain(m *world.Message, _ uint32) []byte { return objectMessage(m).Append(nil) }

func encodeTicked(m *world.Message, tick uint32) []byte {
	t := wire.TickedMessage{Tick: tick, State: m.State, ObjectMessage: objectMessage(m)}
	b, err := t.Append(nil)
	if err != nil {
		return nil // the state is not newer than the tick
	}
	return b
}

func objectMessage(m *world.Message) wire.ObjectMessage {
	return wire.ObjectMessage{DoID: m.Object.ID(), Field: uint16(m.Field.Number()), Args: m.Args}
}
