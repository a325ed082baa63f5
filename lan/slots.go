package lan

// slots hands out the numbers 0 to n-1, each to one holder at a time: upwards
// first, then those that came back, the one that has been free for longest
// first. A client's doIds are thus not used by another one soon after it
// left. It grows with how many numbers have come back, at most n.
type slots struct {
	n    uint64 // how many there are
	next uint64 // the lowest one never taken
	// free is a ring of the ones that came back: count of them from head.
	free        []uint32
	head, count int
}

// take returns a free number, or false when there is none.
func (s *slots) take() (uint32, bool) {
	if s.next < s.n {
		s.next++
		return uint32(s.next - 1), true
	}
	if s.count == 0 {
		return 0, false
	}
	v := s.free[s.head]
	s.head = (s.head + 1) % len(s.free)
	s.count--
	return v, true
}

// put gives a number back.
func (s *slots) put(v uint32) {
	if s.count == len(s.free) {
		grown := make([]uint32, max(16, 2*len(s.free)))
		for i := range s.count {
			grown[i] = s.free[(s.head+i)%len(s.free)]
		}
		s.free, s.head = grown, 0
	}
	s.free[(s.head+s.count)%len(s.free)] = v
	s.count++
}
