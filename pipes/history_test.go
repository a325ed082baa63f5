package pipes_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/culm-net/culm/dc"
)

// history is what the model's world was at each sealed tick. It is kept beside
// the world and never read out of it, so that both cannot be wrong alike.
type history struct {
	lives map[uint32][]*life // by doId, oldest first
	ticks map[uint32]bool    // that were sealed
}

// life is one object from its spawn to its delete.
type life struct {
	id    uint32
	class *dc.Class
	zone  uint32
	owner *seat
	state map[int]string // packed parameter fields by inherited index, as they are now
	// methods is what required and ram methods were called with last, and past
	// at which tick all methods were called last, by index and arguments.
	methods map[int]string
	past    map[string]uint32
	moments []moment
	changed bool // since the last seal
	dead    bool
	died    uint32 // the first sealed tick that it was not in, while dead
	over    bool   // its hp is 0 and stays that
	said    []call
	// restless is the tick of its last change of zone or owner, ownedSince
	// that of its last change of owner.
	restless, ownedSince uint32
	spawned              int // the model's step
}

// moment is how an object was from a sealed tick on.
type moment struct {
	tick  uint32
	state string
	zone  uint32
	owner *seat
}

// call is a reliable broadcast.
type call struct {
	serial uint32
	step   int // of the model
	tick   uint32
	to     []*seat // who was interested
}

func stateKey(state map[int]string) string {
	var buf [256]byte
	b := buf[:0]
	for i := 0; len(state) > 0 && i <= maxIndex; i++ {
		if v, ok := state[i]; ok {
			b = strconv.AppendInt(b, int64(i), 10)
			b = append(b, '=')
			b = hex.AppendEncode(b, []byte(v))
			b = append(b, ' ')
		}
	}
	return string(b)
}

// maxIndex is the highest inherited index in modelDC, and more.
const maxIndex = 20

// seal writes down how everything is at tick.
func (h *history) seal(tick uint32) {
	h.ticks[tick] = true
	for _, lives := range h.lives {
		for _, l := range slices.Backward(lives) {
			if !l.dead {
				if l.changed {
					l.seal(tick)
				}
			} else if l.died == 0 {
				l.died = tick
			} else {
				break
			}
		}
	}
}

// seal writes down how the object is at tick.
func (l *life) seal(tick uint32) {
	l.changed = false
	now := moment{tick, stateKey(l.state), l.zone, l.owner}
	if n := len(l.moments); n > 0 {
		last := l.moments[n-1]
		if last.tick = tick; last == now {
			return
		}
	}
	l.moments = append(l.moments, now)
}

// present is the object that has a doId now, or nil.
func (h *history) present(id uint32) *life {
	for _, l := range h.lives[id] {
		if !l.dead {
			return l
		}
	}
	return nil
}

// called notes what a method was called with at a tick.
func (l *life) called(index int, args []byte, tick uint32) {
	if l.past == nil {
		l.past = map[string]uint32{}
	}
	l.past[fmt.Sprint(index, args)] = tick
	if l.class.Fields()[index].HasAny(dc.Required | dc.RAM) {
		l.methods[index] = string(args)
	}
}

// called tells whether a method was called on what is shown, and if it is
// unreliable, not before its generate; what is reliable may have waited for that.
// In a world that gives doIds away again at once, it may also be what was called on
// an earlier object in the tick of the generate, or, if it has overtaken the
// removal, on a later object.
func (h *history) called(s *shown, index int, args []byte) bool {
	what := fmt.Sprint(index, args)
	loose := s.life.class.Fields()[index].Has(dc.Unreliable)
	for _, l := range h.lives[s.life.id] {
		tick, ok := l.past[what]
		if ok && l.class == s.life.class && (tick >= s.born && loose || !loose && l == s.life) {
			return true
		}
	}
	return false
}

// hadAll tells whether methods were called with these arguments ever.
func (l *life) hadAll(methods map[int]string) bool {
	for index, args := range methods {
		if _, ok := l.past[fmt.Sprint(index, []byte(args))]; !ok {
			return false
		}
	}
	return true
}

// forget drops what was before a tick, but for how things were then.
func (h *history) forget(before uint32, used map[*life]bool) {
	maps.DeleteFunc(h.ticks, func(tick uint32, _ bool) bool { return tick < before })
	for id, lives := range h.lives {
		lives = slices.DeleteFunc(lives, func(l *life) bool { return l.dead && l.died != 0 && l.died < before && !used[l] })
		if len(lives) == 0 {
			delete(h.lives, id)
			continue
		}
		h.lives[id] = lives
		for _, l := range lives {
			for len(l.moments) > 1 && l.moments[1].tick <= before {
				l.moments = l.moments[1:]
			}
			l.moments = slices.Clone(l.moments)
			l.said = slices.DeleteFunc(l.said, func(c call) bool { return c.tick < before })
			maps.DeleteFunc(l.past, func(what string, tick uint32) bool {
				for i, args := range l.methods {
					if what == fmt.Sprint(i, []byte(args)) {
						return false
					}
				}
				return tick < before
			})
		}
	}
}

// at is how the object was at a tick; ok is false when it was not there.
func (l *life) at(tick uint32) (m moment, ok bool) {
	if l.dead && l.died != 0 && tick >= l.died {
		return moment{}, false
	}
	for _, n := range slices.Backward(l.moments) {
		if n.tick <= tick {
			return n, true
		}
	}
	return moment{}, false
}

// first is the first tick from a tick on at which the object was as match
// says.
func (l *life) first(from uint32, match func(moment) bool) (tick uint32, ok bool) {
	for i, n := range l.moments {
		if i+1 < len(l.moments) && l.moments[i+1].tick <= from || l.died != 0 && from >= l.died {
			continue
		}
		if match(n) {
			return max(n.tick, from), true
		}
	}
	return 0, false
}

// wasIn tells whether the object was in a zone at a tick or after it.
func (l *life) wasIn(zone, tick uint32) bool {
	_, ok := l.first(tick, func(n moment) bool { return n.zone == zone })
	return ok
}

// tell says how the object was, for a report.
func (l *life) tell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %d", l.class, l.id)
	for _, m := range l.moments {
		fmt.Fprintf(&b, "\n  tick %d: zone %d, of %v: %s", m.tick, m.zone, m.owner, m.state)
	}
	if l.dead {
		fmt.Fprintf(&b, "\n  deleted before tick %d was sealed", l.died)
	}
	return b.String()
}
