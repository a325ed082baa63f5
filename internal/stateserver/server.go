package stateserver

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// Config is what a StateServer is told.
type Config struct {
	// Control is the channel on which the role is asked to create objects,
	// besides that of all state servers. It may not be 0, nor one of the
	// protocol's own (messagedirector.ReservedChannel).
	Control uint64
	// Schema has the classes of objects.
	Schema *dc.Schema
	// Limits bound what it holds. The zero value has defaults.
	Limits Limits
	// Log hears of messages that are ignored, at most once in 10 s for each
	// reason. nil discards it.
	Log *slog.Logger
}

// StateServer is the role of a state server. It lives inside the order of a
// messagedirector.Director, and ends with it.
type StateServer struct {
	md      md.Participant
	objects *objects
}

// New makes a state server, which takes part in d from the next message on. It
// may be called from any goroutine.
func New(d *md.Director, c Config) (*StateServer, error) {
	if md.ReservedChannel(c.Control) {
		return nil, fmt.Errorf("stateserver: the control channel %d is one of the protocol's own; give the role another", c.Control)
	}
	if c.Schema == nil {
		return nil, errors.New("stateserver: there is no schema to know classes from")
	}
	objects, err := newObjects(d, c.Schema, c.Limits, c.Log)
	if err != nil {
		return nil, err
	}
	s := &StateServer{objects: objects}
	s.md.Receiver = s
	d.Do(func() {
		_ = d.Subscribe(&s.md, c.Control) // two channels are never too many
		_ = d.Subscribe(&s.md, md.AllStateServers)
	})
	return s, nil
}

// Receive lets a message to the state server take effect (astron.md section
// 4.1). It is for the director to call.
func (s *StateServer) Receive(m *md.Message) {
	o := s.objects
	o.count.message(m.Type)
	switch m.Type {
	case md.StateServerCreateObjectWithRequired:
		o.create(m, false)
	case md.StateServerCreateObjectWithRequiredOther:
		o.create(m, true)
	case md.StateServerDeleteAIObjects:
		o.deleteOfAI(m)
	default:
		o.unknown(m, 0)
	}
}

// deleteOfAI deletes all objects to which the AI was given. Those that have it
// from their parent go when the parent does.
func (s *objects) deleteOfAI(m *md.Message) {
	r := m.Reader()
	ai := r.Uint64()
	if err := r.Err(); err != nil {
		s.ignore(m, 0, malformed, err.Error())
		return
	}
	if ai == 0 {
		return // that is having none
	}
	objects := s.byAI[ai]
	for _, doID := range slices.Sorted(maps.Keys(objects)) {
		objects[doID].delete(m.Sender, true)
	}
}
