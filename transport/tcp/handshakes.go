package tcp

import (
	"container/list"
	"errors"
	"io"
	"net"
	"os"
	"sync"
)

// ListenerStats are counters of a listener, tagged as package console wants
// them. Those that end in "_total" count from its beginning.
type ListenerStats struct {
	Handshakes int               `metric:"handshakes" help:"TLS handshakes and headers of proxies that are under way."`
	Failed     map[string]uint64 `metric:"handshakes_failed_total" label:"reason" help:"Connections that came no further than their TLS handshake or their proxy's header."`
}

// Stats returns a snapshot of the listener's counters. The reasons in Failed
// are always the same: "proxy" for a header that is none, or comes from where
// none may come from, "tls" for whatever TLS does not like, on either side,
// "timeout" after Config.HandshakeTimeout, "closed" by the peer, and "crowded"
// for the oldest beyond Config.MaxHandshakes.
func (l *Listener) Stats() ListenerStats { return l.handshakes.stats() }

// failure is why a handshake failed.
type failure int

const (
	failedProxy failure = iota
	failedTLS
	failedTimeout
	failedClosed
	failedCrowded
	failures
)

var failureNames = [failures]string{"proxy", "tls", "timeout", "closed", "crowded"}

// failureOf is what err of a handshake was, if it was not what was being done.
func failureOf(doing failure, err error) failure {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failedTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isReset(err):
		return failedClosed
	}
	return doing
}

// handshakes are those of TLS that are under way, and headers of proxies that
// are awaited, the oldest first.
type handshakes struct {
	mu     sync.Mutex
	max    int
	closed bool
	order  list.List // of net.Conn; nil in an element that was taken out
	failed [failures]uint64
}

// add notes a new handshake and cuts the oldest one if there are too many. It
// closes wire and returns nil after close.
func (s *handshakes) add(wire net.Conn) *list.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = wire.Close()
		return nil
	}
	if s.order.Len() >= s.max {
		s.cut()
		s.failed[failedCrowded]++
	}
	return s.order.PushBack(wire)
}

// succeed takes e, which add has returned, out. It reports whether it was still
// there.
func (s *handshakes) succeed(e *list.Element) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(e)
}

// fail is succeed for a handshake that has failed.
func (s *handshakes) fail(e *list.Element, why failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remove(e) {
		s.failed[why]++
	}
}

func (s *handshakes) remove(e *list.Element) bool {
	if e.Value == nil {
		return false
	}
	s.order.Remove(e)
	e.Value = nil
	return true
}

// cut takes the oldest out and closes it. The caller holds s.mu.
func (s *handshakes) cut() {
	e := s.order.Front()
	_ = s.order.Remove(e).(net.Conn).Close()
	e.Value = nil
}

func (s *handshakes) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.order.Len() > 0 {
		s.cut()
	}
}

func (s *handshakes) stats() ListenerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := ListenerStats{Handshakes: s.order.Len(), Failed: make(map[string]uint64, failures)}
	for why, n := range s.failed {
		st.Failed[failureNames[why]] = n
	}
	return st
}
