package tcp

import (
	"net"
	"os"
	"syscall"
	"time"
)

// turn does for s what has become possible, events being what the system says
// of it: one read at most, so that no peer keeps the others waiting.
func (p *poller) turn(s *polled, events uint32) {
	if s.ended {
		return
	}
	if !s.opened {
		// What the system has said until now is lost: it is all to be found
		// out by reading, an end too.
		s.opened, s.unread, s.hup = true, true, true
		p.conns[int32(s.fd)] = s
		p.handler.Opened(s.conn)
	}
	const end = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	if events&(syscall.EPOLLOUT|end) != 0 {
		s.resume()
	}
	s.hup = s.hup || events&end != 0
	s.unread = s.unread || events&(syscall.EPOLLIN|end) != 0
	var err error
	switch {
	case s.expired.Load():
		err = os.ErrDeadlineExceeded
	case s.uses.Load() >= closed:
		err = net.ErrClosed
	case s.unread || s.more:
		err = p.read(s)
	}
	switch {
	case err == errHeld:
		p.waitForHold(s)
	case err != nil:
		p.end(s, err)
	case s.unread && !s.again:
		s.again = true
		p.again = append(p.again, s)
	}
}

// read reads once and delivers what it got, or what a hold has left over.
func (p *poller) read(s *polled) error {
	c := s.conn
	if s.more && !c.isClosing() {
		if c.held() <= 0 {
			s.more = c.deliver(p.handler)
		}
		if s.more {
			return errHeld
		}
		return nil
	}
	err := c.read()
	switch err {
	case errHeld:
		return err
	case syscall.EAGAIN:
		s.unread, s.hup = false, false
		return nil
	}
	// Less than there is room for is all that there was, but for an end: the
	// system announces that only once.
	s.unread = c.in.full || s.hup
	if c.isClosing() {
		c.release()
		s.discarded += c.in.last
		if s.discarded > maxDiscard {
			return net.ErrClosed
		}
		return err
	}
	if c.in.buf != nil && c.in.last > 0 {
		if s.more = c.deliver(p.handler); s.more {
			return errHeld
		}
	}
	return c.ending(err)
}

// waitForHold gives s another turn when it is no longer held.
func (p *poller) waitForHold(s *polled) {
	if s.holding.CompareAndSwap(false, true) {
		s.hold = time.AfterFunc(s.conn.held(), func() {
			s.holding.Store(false)
			p.post(s)
		})
	}
}

// end ends s, whose reading ended with err.
func (p *poller) end(s *polled, err error) {
	c := s.conn
	s.ended = true
	if s.hold != nil {
		s.hold.Stop()
	}
	c.release()
	cause := c.end(err)
	s.resume() // finds out that it cannot write any more
	s.mu.Lock()
	s.over = true
	if s.deadline != nil {
		s.deadline.Stop()
	}
	s.mu.Unlock()
	if p.conns[int32(s.fd)] == s {
		delete(p.conns, int32(s.fd))
	}
	p.handler.Closed(c, cause)
	p.leave()
}
