package snapshot

import "slices"

// maxOutstanding is how many parts a view remembers until they are
// acknowledged. Older ones count as lost.
const maxOutstanding = 2048

// sentPart is what the acknowledgement of a part means.
type sentPart struct {
	tick     uint32 // 0 when it was acknowledged already
	from, to uint32 // the slots it stands for
	list     int32  // 1 + the index in sent.lists of its slots; 0 when it stands for from … to-1
}

// sent is the parts on their way to a client: a ring by number. There is no part
// 0.
type sent struct {
	ring  []sentPart // a power of two, or none
	first uint32     // number of the oldest one; at the beginning 1
	n     uint32

	// lists are the slots of parts that do not stand for a range; free ones
	// are named by unused.
	lists  [][]uint32
	unused []int32
}

func (s *sent) part(i uint32) *sentPart { return &s.ring[(s.first+i)&uint32(len(s.ring)-1)] }

// next is the number of the next part, when n of them are to follow each other: it
// leaves out the last numbers before they wrap around, if there are too few.
func (s *sent) next(n int) uint32 {
	number := s.first + s.n
	if n > 0 && (number == 0 || number > -uint32(n)) {
		for ; number != 1; number++ {
			s.push(0, 0, 0, nil)
		}
	}
	return number
}

// push adds a part behind the others. slots is copied; nil for a range.
func (s *sent) push(tick, from, to uint32, slots []uint32) {
	if s.n == maxOutstanding {
		s.pop()
	}
	if int(s.n) == len(s.ring) {
		s.grow()
	}
	p := sentPart{tick: tick, from: from, to: to}
	if slots != nil {
		p.list = s.keep(slots)
	}
	s.n++
	*s.part(s.n - 1) = p
}

func (s *sent) grow() {
	bigger := make([]sentPart, max(8, 2*len(s.ring)))
	for i := range s.n {
		bigger[(s.first+i)&uint32(len(bigger)-1)] = *s.part(i)
	}
	s.ring = bigger
}

func (s *sent) keep(slots []uint32) int32 {
	if len(s.unused) == 0 {
		s.lists = append(s.lists, nil)
		s.unused = append(s.unused, int32(len(s.lists)))
	}
	last := len(s.unused) - 1
	list := s.unused[last]
	s.unused = s.unused[:last]
	s.lists[list-1] = append(s.lists[list-1][:0], slots...)
	return list
}

// pop forgets the oldest part.
func (s *sent) pop() {
	s.free(s.part(0))
	s.first++
	s.n--
}

// free gives the list of a part back that is forgotten.
func (s *sent) free(p *sentPart) {
	if p.list != 0 {
		s.unused = append(s.unused, p.list)
	}
}

// trim forgets what is done, or of no use since everything is held up to floor.
func (s *sent) trim(floor uint32) {
	n := uint32(0)
	for ; n < s.n; n++ {
		p := s.part(n)
		if p.tick > floor {
			break
		}
		s.free(p)
	}
	s.first += n
	s.n -= n
}

// acknowledge raises h by n parts from that number on, and reports whether any was
// outstanding. Neighbours that stand for neighbouring ranges raise it once.
func (s *sent) acknowledge(number uint32, n int, h *held) bool {
	var run sentPart // what is still to raise h
	for ; n > 0; n-- {
		i := number - s.first
		number++
		if i >= s.n {
			continue
		}
		p := s.part(i)
		if p.tick == 0 {
			continue
		}
		if p.tick == run.tick && p.from == run.to && p.list == 0 && run.list == 0 {
			run.to = p.to
		} else {
			s.raise(&run, h)
			run = *p
		}
		p.tick, p.list = 0, 0
	}
	s.raise(&run, h)
	s.trim(0)
	return run.tick != 0
}

// raise raises h by a part that is not done, and frees its list.
func (s *sent) raise(p *sentPart, h *held) {
	switch {
	case p.tick == 0:
		return
	case p.list == 0:
		h.raise(p.from, p.to, p.tick)
		return
	}
	slots := s.lists[p.list-1]
	slices.Sort(slots)
	h.raiseEach(slots, p.tick)
	s.unused = append(s.unused, p.list)
}

// acknowledgeTick raises h by all parts up to the given tick, if one of just
// that tick is outstanding.
func (s *sent) acknowledgeTick(tick uint32, h *held) bool {
	found := false
	for i := range s.n {
		found = found || s.part(i).tick == tick
	}
	if !found || tick == 0 {
		return false
	}
	for s.n > 0 && s.part(0).tick <= tick {
		s.raise(s.part(0), h)
		s.first++
		s.n--
	}
	return true
}
