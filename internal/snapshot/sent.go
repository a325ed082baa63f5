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

// next is the number of the next part, when n of them follow. Before the numbers
// wrap around among these, it leaves out some, so that all follow each other.
func (s *sent) next(n int) uint32 {
	number := s.first + s.n
	if n > 0 && (number == 0 || number > -uint32(n)) {
		for ; number != 1; number++ {
			s.push(0, 0, 0, nil)
		}
	}
	return number
}

// none tells whether there was no part ever.
func (s *sent) none() bool { return s.first+s.n == 1 }

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

// finish marks a part as done.
func (s *sent) finish(p *sentPart) {
	if p.list != 0 {
		s.unused = append(s.unused, p.list)
	}
	*p = sentPart{}
}

func (s *sent) pop() {
	s.finish(s.part(0))
	s.first++
	s.n--
}

// trim forgets what is done, or of no use since everything is held up to floor.
func (s *sent) trim(floor uint32) {
	for s.n > 0 && s.part(0).tick <= floor {
		s.pop()
	}
}

// acknowledge raises h by the part of that sequence number and reports whether
// it was outstanding.
func (s *sent) acknowledge(seq uint32, h *held) bool {
	i := seq - s.first
	if i >= s.n || s.part(i).tick == 0 {
		return false
	}
	s.apply(s.part(i), h)
	s.trim(0)
	return true
}

func (s *sent) apply(p *sentPart, h *held) {
	if p.list == 0 {
		h.raise(p.from, p.to, p.tick)
	} else {
		slots := s.lists[p.list-1]
		slices.Sort(slots)
		h.raiseEach(slots, p.tick)
	}
	s.finish(p)
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
		if p := s.part(0); p.tick != 0 {
			s.apply(p, h)
		}
		s.first++
		s.n--
	}
	return true
}
