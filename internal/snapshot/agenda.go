package snapshot

import "slices"

// agenda is what is to be done for some keys, in the order in which it was added,
// unless it is taken back meanwhile. It takes memory for what is to be done, and
// not for what was taken back.
type agenda[T any] struct {
	// order has what was added from head on, and of it what is in todo under its
	// number is to be done. Numbers rise.
	order []entry
	head  int
	todo  map[uint32]item[T]
	added uint64 // how many there ever were
}

type entry struct {
	key    uint32
	number uint64
}

type item[T any] struct {
	value  T // first, since behind the number nothing would take 8 bytes
	number uint64
}

// size is how many keys there are.
func (a *agenda[T]) size() int { return len(a.todo) }

func (a *agenda[T]) has(key uint32) bool {
	_, ok := a.todo[key]
	return ok
}

func (a *agenda[T]) get(key uint32) (value T, ok bool) {
	i, ok := a.todo[key]
	return i.value, ok
}

// add puts a key that is not there behind the others.
func (a *agenda[T]) add(key uint32, value T) {
	if a.todo == nil {
		a.todo = map[uint32]item[T]{}
	}
	if len(a.order) > 2*len(a.todo)+64 {
		a.order = slices.DeleteFunc(a.order, func(e entry) bool { return !a.stands(e) })
		a.head = 0
	}
	a.order = append(a.order, entry{key, a.added})
	a.todo[key] = item[T]{value, a.added}
	a.added++
}

// remove takes a key out, done or not, and tells whether it was there.
func (a *agenda[T]) remove(key uint32) bool {
	n := len(a.todo)
	if delete(a.todo, key); len(a.todo) == n {
		return false
	}
	if n == 1 {
		a.order, a.head = a.order[:0], 0
	}
	return true
}

// tidy gives the memory back that an empty agenda has when a whole zone came or
// went: it will not soon again.
func (a *agenda[T]) tidy() {
	if len(a.todo) == 0 && cap(a.order) > 256 {
		a.order, a.todo = nil, nil
	}
}

// first is the key that is next.
func (a *agenda[T]) first() (key uint32, ok bool) {
	if len(a.todo) == 0 {
		return 0, false
	}
	for !a.stands(a.order[a.head]) {
		a.head++
	}
	return a.order[a.head].key, true
}

// passed tells whether nothing is left of what was added when added was mark.
func (a *agenda[T]) passed(mark uint64) bool {
	_, ok := a.first()
	return !ok || a.order[a.head].number >= mark
}

// stands tells whether an entry is still to be done.
func (a *agenda[T]) stands(e entry) bool {
	i, ok := a.todo[e.key]
	return ok && i.number == e.number
}
