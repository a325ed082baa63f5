package snapshot

import "math/bits"

// slotSet is a set of slots that is read in order. Taking it apart costs what
// was put in, and one word for 4,096 slots that exist.
type slotSet struct {
	words []uint64 // a bit per slot
	used  []uint64 // a bit per word that is not 0
}

// grow makes room for slots below n.
func (s *slotSet) grow(n uint32) {
	if need := int(n+63) / 64; need > len(s.words) {
		s.words = append(s.words, make([]uint64, need-len(s.words))...)
		s.used = append(s.used, make([]uint64, (need+63)/64-len(s.used))...)
	}
}

func (s *slotSet) add(slot uint32) {
	w := slot / 64
	s.words[w] |= 1 << (slot % 64)
	s.used[w/64] |= 1 << (w % 64)
}

// take appends the slots to dst in order and empties the set.
func (s *slotSet) take(dst []uint32) []uint32 {
	for i, u := range s.used {
		for ; u != 0; u &= u - 1 {
			w := i*64 + bits.TrailingZeros64(u)
			for b := s.words[w]; b != 0; b &= b - 1 {
				dst = append(dst, uint32(w*64+bits.TrailingZeros64(b)))
			}
			s.words[w] = 0
		}
		s.used[i] = 0
	}
	return dst
}
