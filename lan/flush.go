package lan

import (
	"sync"
	"time"

	"github.com/culm-net/culm/transport"
)

// flusher gives what is queued for clients to the network.
type flusher struct {
	listener transport.Listener
	interval time.Duration
	timer    *time.Timer
	running  sync.WaitGroup // a flush is scheduled or at work

	// Guarded by Server.mu:
	scheduled bool      // a flush is scheduled or at work
	last      time.Time // the end of the last one
	stopped   bool
	count     uint64 // of flushes

	// Of the flush at work:
	clients []*client
	conns   []transport.Conn
}

// startFlushing makes scheduleFlush effective: until then, what is queued
// stays so.
func (s *Server) startFlushing(l transport.Listener) {
	f := &flusher{listener: l, interval: s.settings.FlushInterval}
	f.timer = time.AfterFunc(time.Hour, s.flush)
	f.timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flusher = f
	s.scheduleFlush()
}

// stopFlushing returns when no flush is at work, and none will be.
func (s *Server) stopFlushing() {
	s.mu.Lock()
	f := s.flusher
	f.stopped = true
	if f.scheduled && f.timer.Stop() {
		f.running.Done()
	}
	s.mu.Unlock()
	f.running.Wait()
}

// scheduleFlush sees to it that what is queued leaves within the flush
// interval. Two flushes are at least an interval apart, so that a busy server
// makes few large writes; after a pause the first one is immediate. The caller
// holds s.mu.
func (s *Server) scheduleFlush() {
	f := s.flusher
	if f == nil || f.scheduled || f.stopped || len(s.core.dirty) == 0 {
		return
	}
	f.scheduled = true
	f.running.Add(1)
	f.timer.Reset(max(0, f.interval-time.Since(f.last)))
}

// flush is called by the timer.
func (s *Server) flush() {
	f := s.flusher
	defer f.running.Done()
	s.mu.Lock()
	f.count++
	f.clients = s.core.takeDirty(f.clients[:0])
	s.mu.Unlock()
	for _, c := range f.clients {
		f.conns = append(f.conns, c.conn)
	}
	f.listener.Flush(f.conns)
	clear(f.clients)
	clear(f.conns)
	f.conns = f.conns[:0]

	s.mu.Lock()
	defer s.mu.Unlock()
	f.last = time.Now()
	f.scheduled = false
	s.scheduleFlush()
}
