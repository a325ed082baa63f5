package tcp

import (
	"math"
	"slices"
	"syscall"
	"unsafe"
)

// row is what a poller that keeps the order has to do before it asks for
// events again. The connections stand in it in the order in which they have
// become ready, which is that of the first messages that they have to read.
// When the last of these had arrived the system says with what is read, but
// for the first while after it was asked to. Nothing says it of those between.
type row struct {
	turns   []*polled
	errs    []error   // what reading each of turns has ended with
	rests   []*polled // those of which something is to be delivered by stamp, in that order
	control [64]byte  // what recvmsg(2) says beside the bytes
	late    [maxRow]syscall.EpollEvent
}

// maxRow is how many connections become ready in a row at most, or little
// more: each has a buffer until all were read.
const maxRow = 32

func (r *row) add(s *polled) {
	if !s.placed {
		s.placed = true
		r.turns = append(r.turns, s)
	}
}

// rest puts s among those that are delivered by stamp, at their end where there
// is none.
func (r *row) rest(s *polled) {
	if s.stamp == 0 {
		s.stamp = math.MaxInt64 - 1
	}
	at, _ := slices.BinarySearchFunc(r.rests, s.stamp+1, byStamp)
	r.rests = slices.Insert(r.rests, at, s)
}

// deliverRow reads the connections of the row, and delivers the first message
// of each in its place, and the others where the last of them belongs.
func (p *poller) deliverRow() {
	r := &p.row
	several := p.readRow()
	if several {
		// Others may have sent something before the last of this arrived. They
		// have become ready by now.
		for _, e := range r.late[:pending(p.set, r.late[:])] {
			if s := p.conns[e.Fd]; s != nil {
				p.turn(s, e.Events)
			}
		}
		p.readRow()
	}
	for i, s := range r.turns {
		newcomer := s.newcomer
		s.placed, s.newcomer = false, false
		err := r.errs[i]
		switch {
		case err != nil:
			p.finish(s, err)
		case !s.fresh:
			p.finish(s, p.deliver(s, maxBatch))
		case newcomer && !several && s.stamp != 0:
			r.rest(s) // others may have spoken since it came
		case len(r.turns) > 1 && s.conn.several():
			_ = p.deliver(s, 1) // finds out again whether it is held
			r.rest(s)
		default:
			p.deliverRests(s.stamp)
			p.finish(s, p.deliver(s, maxBatch))
		}
	}
	p.deliverRests(math.MaxInt64)
	clear(r.turns)
	clear(r.errs)
	r.turns, r.errs = r.turns[:0], r.errs[:0]
}

// readRow reads those of the row that it has not read yet. It reports whether
// one of them has sent several messages.
func (p *poller) readRow() (several bool) {
	r := &p.row
	for _, s := range r.turns[len(r.errs):] {
		r.errs = append(r.errs, p.read(s))
		several = several || s.fresh && s.conn.several()
	}
	return several
}

// deliverRests delivers the rests that had arrived before a time.
func (p *poller) deliverRests(before int64) {
	r := &p.row
	n := 0
	for ; n < len(r.rests) && r.rests[n].stamp < before; n++ {
		s := r.rests[n]
		p.finish(s, p.deliver(s, maxBatch))
	}
	r.rests = slices.Delete(r.rests, 0, n)
}

func byStamp(s *polled, stamp int64) int {
	if s.stamp < stamp {
		return -1
	}
	return 1
}

// several reports whether there is more to deliver than one message.
func (c *Conn) several() bool {
	_, frame, ok := c.next(c.in.buf.B)
	return ok && frame < len(c.in.buf.B)
}

// recv reads as read(2) does, and notes when the last of it had arrived.
func (s *polled) recv(b []byte) (int, error) {
	control := s.poller.row.control[:]
	n, size, _, _, err := syscall.Recvmsg(s.fd, b, control, 0)
	s.stamp = 0
	if size >= syscall.CmsgSpace(int(unsafe.Sizeof(syscall.Timespec{}))) {
		head := (*syscall.Cmsghdr)(unsafe.Pointer(&control[0]))
		if head.Level == syscall.SOL_SOCKET && head.Type == syscall.SCM_TIMESTAMPNS {
			at := (*syscall.Timespec)(unsafe.Pointer(&control[syscall.CmsgLen(0)]))
			s.stamp = at.Nano()
		}
	}
	return n, err
}
