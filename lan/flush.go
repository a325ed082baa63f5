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
		s.wake <- s.now() // has room: only the flush loop clears flushing, after taking this
	}
}

// flushLoop flushes clients until stop is closed. After a pause the first
// flush is immediate. A busy server makes few large writes: what comes first
// after a flush waits for the whole interval, so that as much as possible
// leaves with it.
func (s *Server) flushLoop(l transport.Listener, stop <-chan struct{}) {
	interval := s.settings.FlushInterval
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time // the end of the last flush
	var clients []*client
	var conns []transport.Conn
	for {
		var queued time.Time // when the first message was
		select {
		case queued = <-s.wake:
		case <-stop:
			return
		}
		if queued.Sub(last) < interval {
			timer.Reset(time.Until(queued.Add(interval)))
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
