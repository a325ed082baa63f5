package world

import "math/bits"

// ids hands out the numbers first … last. They go round: a number comes back
// after all others were handed out or passed over because they are in use, and
// not before it has rested.
//
// Memory is bounded by what is in use: a bit in a word for each number (one map
// entry for up to 64 neighbours), and 8 bytes for each that rests.
type ids struct {
	first, last uint32
	rest        uint32 // ticks that a released number rests
	next        uint32 // where the search goes on
	words       map[uint32]uint64
	taken       uint64 // how many are in use or rest
	resting     []rested
	rested      int // how many of resting rest no more
}

// rested is a number that was released.
type rested struct{ id, at uint32 }

func newIDs(first, last, rest uint32) *ids {
	return &ids{first: first, last: last, rest: rest, next: first, words: make(map[uint32]uint64)}
}

// take returns a number that nobody uses, false when there is none. now is the
// present tick and does not go back.
func (s *ids) take(now uint32) (uint32, bool) {
	s.wake(now)
	if s.taken > uint64(s.last-s.first) {
		return 0, false
	}
	for {
		// The numbers of the word from next on that are in use.
		word := s.words[s.next/64] | (1<<(s.next%64) - 1)
		free := uint64(s.next)/64*64 + uint64(bits.TrailingZeros64(^word))
		switch {
		case free > uint64(s.last):
			s.next = s.first
		case ^word == 0:
			s.next = uint32(free)
		default:
			id := uint32(free)
			s.words[id/64] |= 1 << (id % 64)
			s.taken++
			s.next = s.first
			if id < s.last {
				s.next = id + 1
			}
			return id, true
		}
	}
}

// release gives a number back that take returned.
func (s *ids) release(id, now uint32) {
	s.wake(now)
	if s.rest == 0 {
		s.free(id)
		return
	}
	s.resting = append(s.resting, rested{id, now})
}

// wake frees the numbers that have rested.
func (s *ids) wake(now uint32) {
	for ; s.rested < len(s.resting) && now-s.resting[s.rested].at >= s.rest; s.rested++ {
		s.free(s.resting[s.rested].id)
	}
	switch {
	case s.rested == len(s.resting):
		s.resting, s.rested = s.resting[:0], 0
		if cap(s.resting) > 1024 {
			s.resting = nil
		}
	case s.rested > len(s.resting)/2:
		s.resting = s.resting[:copy(s.resting, s.resting[s.rested:])]
		s.rested = 0
	}
}

func (s *ids) free(id uint32) {
	word := s.words[id/64] &^ (1 << (id % 64))
	if word == 0 {
		delete(s.words, id/64)
	} else {
		s.words[id/64] = word
	}
	s.taken--
}
