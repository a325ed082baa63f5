package pipes_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/culm-net/culm/dc"
)

// history is what the model's world was at each sealed tick. It is kept beside
// the world and never read out of it, so that both cannot be wrong alike.
type history struct {
	lives  map[uint32][]*life // by doId, oldest first
	sealed []uint32           // ascending
}

// life is one object from its spawn to its delete.
type life struct {
	id    uint32
	class *dc.Class
	zone  uint32
	owner *player
	state map[int]string // packed parameter fields by inherited index, as they are now
	// methods is what required and ram methods were called with last.
	methods map[int]string
	moments []moment
	dead    bool
	died    uint32 // the first sealed tick that it was not in, while dead
	over    bool   // its hp is 0 and stays that
	said    []call
}

// moment is how an object was from a sealed tick on.
type moment struct {
	tick  uint32
	state string
	zone  uint32
	owner *player
}

// call is a reliable broadcast.
type call struct {
	serial uint32
	step   int // of the model
	tick   uint32
	to     []*player // who was interested
}

func stateKey(state map[int]string) string {
	var b strings.Builder
	keys := make([]int, 0, len(state))
	for i := range state {
		keys = append(keys, i)
	}
	slices.Sort(keys)
	for _, i := range keys {
		fmt.Fprintf(&b, "%d=%x ", i, state[i])
	}
	return b.String()
}

// seal writes down how everything is at tick.
func (h *history) seal(tick uint32) {
	h.sealed = append(h.sealed, tick)
	for _, lives := range h.lives {
		l := lives[len(lives)-1]
		if l.dead {
			if l.died == 0 {
				l.died = tick
			}
			continue
		}
		now := moment{tick, stateKey(l.state), l.zone, l.owner}
		if n := len(l.moments); n > 0 {
			last := l.moments[n-1]
			if last.tick = tick; last == now {
				continue
			}
		}
		l.moments = append(l.moments, now)
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

// tell says how the object was, for a report.
func (l *life) tell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %d", l.class, l.id)
	for _, m := range l.moments {
		owner := "nobody"
		if m.owner != nil {
			owner = m.owner.name
		}
		fmt.Fprintf(&b, "\n  tick %d: zone %d, of %s: %s", m.tick, m.zone, owner, m.state)
	}
	if l.dead {
		fmt.Fprintf(&b, "\n  deleted before tick %d was sealed", l.died)
	}
	return b.String()
}
