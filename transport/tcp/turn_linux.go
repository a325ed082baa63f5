package tcp

import (
	"net"
	"os"
	"syscall"
	"time"
)

// turn does for s what has become possible, events being what the system says
// of it: one read at most, so that no peer keeps the others waiting. In order,
// what was read is delivered by deliverRow.
func (p *poller) turn(s *polled, events uint32) {
	if s.ended {
		return
	}
	if !s.opened {
		// What the system has said until now is lost: it is all to be found
		// out by reading, an end too.
		s.opened, s.unread, s.hup = true, true, true
		p.conns[int32(s.fd)] = s
		if s.acceptor == nil {
			s.handler.Opened(s.conn)
		}
	}
	if s.acceptor != nil {
		p.admit(s.acceptor)
		return
	}
	const end = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	if events&(syscall.EPOLLOUT|end) != 0 {
		s.resume()
	}
	s.hup = s.hup || events&end != 0
	s.unread = s.unread || events&(syscall.EPOLLIN|end) != 0
	if p.inOrder {
		p.row.add(s)
		return
	}
	err := p.read(s)
	if err == nil {
		err = p.deliver(s, maxBatch)
	}
	p.finish(s, err)
}

// finish ends a turn that went so.
func (p *poller) finish(s *polled, err error) {
	switch {
	case err == errHeld:
		p.waitForHold(s)
	case err != nil:
		p.end(s, err)
	case s.unread:
		p.repeat(s)
	}
}

// repeat gives s another turn in the next round.
func (p *poller) repeat(s *polled) {
	if !s.again {
		s.again = true
		p.again = append(p.again, s)
	}
}

// read reads once, if there is something to read and nothing left over. The
// error says why there is nothing to deliver.
func (p *poller) read(s *polled) error {
	c := s.conn
	s.fresh = false
	switch {
	case s.expired.Load():
		return os.ErrDeadlineExceeded
	case s.uses.Load() >= closed:
		return net.ErrClosed
	case s.more && !c.isClosing() || !s.unread && !s.more:
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
		s.more = false
		s.discarded += c.in.last
		if s.discarded > maxDiscard {
			return net.ErrClosed
		}
		return err
	}
	s.fresh = err == nil
	return c.ending(err)
}

// deliver delivers what read got, or what was left over, at most most messages
// at once.
func (p *poller) deliver(s *polled, most int) error {
	c := s.conn
	switch {
	case !s.fresh && !s.more:
		return nil
	case c.isClosing():
		c.release()
		s.fresh, s.more = false, false
		return nil
	case s.more && c.held() > 0:
		return errHeld
	}
	s.fresh = false
	if s.more = c.deliver(s.handler, most); s.more && most > 1 {
		return errHeld
	}
	return nil
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
	s.handler.Closed(c, cause)
	p.leave()
}
