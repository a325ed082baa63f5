package messagedirector

import "slices"

// channelTable tells who has subscribed single channels. Most channels have
// one subscriber, whose id is the entry; for others the entry is the number of
// a list. It holds no pointers that a garbage collector would have to follow
// for each channel.
type channelTable struct {
	entries map[uint64]uint32
	lists   []idList // of at least two ids each
	free    []uint32 // unused numbers of lists
}

// listBit marks an entry that is the number of a list.
const listBit = 1 << 31

// has reports whether id is a subscriber of ch.
func (t *channelTable) has(ch uint64, id uint32) bool {
	e, ok := t.entries[ch]
	if !ok || e&listBit == 0 {
		return ok && e == id
	}
	_, _, ok = t.lists[e&^listBit].find(id)
	return ok
}

// add makes id a subscriber of ch. added is false if it was one, first is true
// if nobody else is.
func (t *channelTable) add(ch uint64, id uint32) (added, first bool) {
	e, ok := t.entries[ch]
	switch {
	case !ok:
		t.entries[ch] = id
		return true, true
	case e&listBit != 0:
		return t.lists[e&^listBit].add(id), false
	case e == id:
		return false, false
	}
	var n uint32
	if k := len(t.free); k > 0 {
		n, t.free = t.free[k-1], t.free[:k-1]
	} else {
		n = uint32(len(t.lists))
		t.lists = append(t.lists, nil)
	}
	t.lists[n] = idList{{min(e, id), max(e, id)}}
	t.entries[ch] = n | listBit
	return true, false
}

// remove ends the subscription of ch by id. removed is false if there was
// none, last is true if nobody is left.
func (t *channelTable) remove(ch uint64, id uint32) (removed, last bool) {
	e, ok := t.entries[ch]
	switch {
	case !ok:
		return false, false
	case e == id:
		delete(t.entries, ch)
		return true, true
	case e&listBit == 0:
		return false, false
	}
	n := e &^ listBit
	list := &t.lists[n]
	if !list.remove(id) {
		return false, false
	}
	if id, ok := list.only(); ok {
		t.entries[ch] = id
		*list = nil
		t.free = append(t.free, n)
	}
	return true, false
}

// within returns the channels from low to high that somebody has subscribed,
// in ascending order.
func (t *channelTable) within(low, high uint64) (all []uint64) {
	if n := high - low; n < uint64(len(t.entries)) {
		for i := range n + 1 {
			if _, ok := t.entries[low+i]; ok {
				all = append(all, low+i)
			}
		}
		return all
	}
	for ch := range t.entries {
		if low <= ch && ch <= high {
			all = append(all, ch)
		}
	}
	slices.Sort(all)
	return all
}
