package lan

import (
	"time"

	"github.com/culm-net/culm/transport"
)

// scheduleFlush sees to it that what is queued leaves within the flush
// interval. The caller holds s.mu.
func (s *Server) scheduleFlush() {
	if len(s.core.dirty) > 0 && !s.flushing {
		s.flushing = true
		s.wake <- struct{}{} // has room: only the flush loop clears flushing, after taking this
	}
}

// flushLoop flushes clients until stop is closed. Two flushes are at least a
// flush interval apart, so that a busy server makes few large writes; after a
// pause the first flush is immediate.
func (s *Server) flushLoop(l transport.Listener, stop <-chan struct{}) {
	interval := s.settings.FlushInterval
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time
	var clients []*client
	var conns []transport.Conn
	for {
		select {
		case <-s.wake:
		case <-stop:
			return
		}
		if wait := interval - time.Since(last); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-stop:
				return
			}
		}
		s.mu.Lock()
		s.flushing = false
		s.flushes++
		clients = s.core.takeDirty(clients[:0])
		s.mu.Unlock()
		for _, c := range clients {
			conns = append(conns, c.conn)
		}
		l.Flush(conns)
		last = time.Now()
		clear(clients)
		clear(conns)
		conns = conns[:0]
	}
}
