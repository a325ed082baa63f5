package astronbots

import (
	"fmt"
	"maps"
)

// kind is what a client can see that must not be.
type kind int

const (
	lost kind = iota
	duplicated
	reordered
	unknown
	entered
	strayed
	misread
	vanished
	missing
	behind
	lingering
	unsent
	disconnected
	kinds
)

// faultNames are how a kind is named in JSON, and what it is for people.
var faultNames = [kinds]struct{ key, text string }{
	lost:         {"lost", "updates lost"},
	duplicated:   {"duplicated", "updates came twice"},
	reordered:    {"reordered", "updates came after later ones"},
	unknown:      {"unknown", "messages about avatars that are not in sight"},
	entered:      {"entered_twice", "avatars shown that were in sight"},
	strayed:      {"strayed", "avatars shown of a zone that was not asked for"},
	misread:      {"misread", "messages and values that nobody should send"},
	vanished:     {"vanished", "avatars lost that are still there"},
	missing:      {"missing", "avatars in interest not seen in the end"},
	behind:       {"behind", "avatars whose last step did not come"},
	lingering:    {"lingering", "avatars seen in the end that are not there"},
	unsent:       {"unsent", "messages that could not be sent"},
	disconnected: {"disconnected", "clients and AIs disconnected, or not let in again"},
}

// Faults is what the clients saw that must not be, by what it is.
type Faults map[string]int64

// Total returns how many faults there are.
func (f Faults) Total() int64 {
	var n int64
	for v := range maps.Values(f) {
		n += v
	}
	return n
}

// maxReasons is how many faults are told in words.
const maxReasons = 10

// fault counts what must not be, and remembers the first few in words.
func (r *run) fault(k kind, n int64, format string, args ...any) {
	r.faults[k].Add(n)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reasons) < maxReasons {
		r.reasons = append(r.reasons, fmt.Sprintf(format, args...))
	}
}

func (r *run) counted() Faults {
	f := make(Faults)
	for k := range kinds {
		if n := r.faults[k].Load(); n > 0 {
			f[faultNames[k].key] = n
		}
	}
	return f
}

func (r *run) deliveries() uint64 {
	var n uint64
	for _, b := range r.bots {
		n += b.delivered.Load()
	}
	return n
}

// compare tells found what each client sees otherwise than it is: nothing while
// messages are on their way would be too much to ask.
func (r *run) compare(found func(k kind, b *bot, a *avatar, id uint32)) {
	byZone := make(map[uint32][]*avatar)
	r.avatars.Range(func(_, v any) bool {
		a := v.(*avatar)
		byZone[a.zone.Load()] = append(byZone[a.zone.Load()], a)
		return true
	})
	for _, b := range r.bots {
		b.mu.Lock()
		if b.session != nil {
			b.compare(byZone[b.zone], found)
		}
		b.mu.Unlock()
	}
}

func (b *bot) compare(there []*avatar, found func(k kind, b *bot, a *avatar, id uint32)) {
	right := 0
	for _, a := range there {
		w := b.sights[a.id]
		if w == nil && a == b.avatar && b.run.Guests {
			continue // one that is a session object is never shown to its owner
		}
		if w == nil {
			found(missing, b, a, a.id)
			continue
		}
		right++
		if last := (a.walked.Load() + b.run.gait.Period() - 1) % b.run.gait.Period(); a != b.avatar && w.counted && w.avatar != nil && w.step != last {
			found(behind, b, a, a.id)
		}
	}
	if right == len(b.sights) {
		return
	}
	for id, w := range b.sights {
		if b.run.Guests {
			if _, gone := b.run.departed.Load(id); gone {
				found(lingering, b, nil, id)
			}
			continue
		}
		if a := b.run.avatar(id); a == nil || a != w.avatar || a.zone.Load() != b.zone {
			found(lingering, b, a, id)
		}
	}
}

// agree tells whether all see what is there, and no more.
func (r *run) agree() bool {
	ok := true
	r.compare(func(kind, *bot, *avatar, uint32) { ok = false })
	return ok
}

// judge counts what they see otherwise.
func (r *run) judge() {
	r.compare(func(k kind, b *bot, _ *avatar, id uint32) {
		r.fault(k, 1, "client %d in zone %d, avatar %d: %s", b.index, b.zone, id, faultNames[k].text)
	})
}
