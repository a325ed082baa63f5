package lan

import (
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

// startFlushing makes scheduleFlush effective: until then, what is queued
// stays so.
func (s *Server) startFlushing(l transport.Listener) {
	var conns []transport.Conn // of one flush
	flusher := session.NewSteadyFlusher(s.settings.FlushInterval, func(clients []*client) {
		s.mu.Lock()
		for _, c := range clients {
			c.dirty = false
		}
		s.mu.Unlock()
		for _, c := range clients {
			conns = append(conns, c.conn)
		}
		l.Flush(conns)
		clear(conns)
		conns = conns[:0]
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flusher = flusher
	s.scheduleFlush()
}

// scheduleFlush sees to it that what is queued leaves within the flush
// interval. The caller holds s.mu.
func (s *Server) scheduleFlush() {
	if s.flusher == nil {
		return
	}
	s.flusher.Add(s.core.dirty)
	clear(s.core.dirty)
	s.core.dirty = s.core.dirty[:0]
}
