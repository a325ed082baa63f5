package messagedirector

import (
	"cmp"
	"slices"
)

// idList is a set of participants' ids in ascending order, in pieces of up to
// pieceIDs, so that to add or remove one among a hundred thousand (the children
// of one object) does not move all others. No piece is empty.
type idList [][]uint32

const pieceIDs = 512

// find returns where id is, or belongs.
func (l idList) find(id uint32) (piece, i int, ok bool) {
	piece, ok = slices.BinarySearchFunc(l, id, func(p []uint32, id uint32) int { return cmp.Compare(p[0], id) })
	if ok || piece == 0 {
		return piece, 0, ok
	}
	piece--
	i, ok = slices.BinarySearch(l[piece], id)
	return piece, i, ok
}

// add reports whether id was not there before.
func (l *idList) add(id uint32) bool {
	piece, i, ok := l.find(id)
	switch {
	case ok:
		return false
	case len(*l) == 0:
		*l = idList{{id}}
		return true
	}
	p := (*l)[piece]
	if len(p) == pieceIDs {
		// Ids that come in ascending order fill their pieces.
		at := pieceIDs / 2
		if i == len(p) {
			at = i
		}
		rest := slices.Clone(p[at:])
		p = p[:at]
		if i >= at {
			rest = slices.Insert(rest, i-at, id)
		} else {
			p = slices.Insert(p, i, id)
		}
		(*l)[piece] = p
		*l = slices.Insert(*l, piece+1, rest)
		return true
	}
	(*l)[piece] = slices.Insert(p, i, id)
	return true
}

// remove reports whether id was there.
func (l *idList) remove(id uint32) bool {
	piece, i, ok := l.find(id)
	if !ok {
		return false
	}
	(*l)[piece] = slices.Delete((*l)[piece], i, i+1)
	if len((*l)[piece]) == 0 {
		*l = slices.Delete(*l, piece, piece+1)
	} else if next := piece + 1; next < len(*l) && len((*l)[piece])+len((*l)[next]) <= pieceIDs/4 {
		(*l)[piece] = append((*l)[piece], (*l)[next]...)
		*l = slices.Delete(*l, next, next+1)
	}
	return true
}

// only returns the id of a list that has no other.
func (l idList) only() (id uint32, ok bool) {
	if len(l) != 1 || len(l[0]) != 1 {
		return 0, false
	}
	return l[0][0], true
}
