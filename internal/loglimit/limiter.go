// Package loglimit lets a message that a peer can provoke reach the log once
// per interval and key, with a count of those left out, instead of once per
// provocation.
package loglimit

import (
	"strings"
	"time"
)

// MaxKey is how many bytes of a key count; keys that agree so far are one.
const MaxKey = 128

// Limiter decides which messages are said. It keeps no clock and does nothing
// in the background. It is not safe for concurrent use; [Logger] is.
type Limiter struct {
	interval time.Duration
	keys     int
	entries  map[string]entry
	// rest stands for all keys that found no room, so that a peer who makes
	// up keys gets one message per interval for all of them.
	rest entry
	// No entry expires before nextSweep: looking for room earlier is in vain.
	nextSweep time.Time
}

type entry struct {
	until   time.Time // silent before this moment
	leftOut uint64
}

// NewLimiter returns a limiter that lets one message per interval through for
// each key, and remembers at most keys of them at a time. Both must be
// positive.
func NewLimiter(interval time.Duration, keys int) *Limiter {
	return &Limiter{interval: interval, keys: keys, entries: make(map[string]entry)}
}

// Allow reports whether a message of this key may be said now, and if so how
// many were left out since the last one that was. When the limiter is full of
// keys that are still silent, all further keys count as one.
func (l *Limiter) Allow(now time.Time, key string) (leftOut uint64, ok bool) {
	key = key[:min(len(key), MaxKey)]
	e, known := l.entries[key]
	if !known && len(l.entries) >= l.keys && !l.makeRoom(now) {
		return l.rest.allow(now, l.interval)
	}
	leftOut, ok = e.allow(now, l.interval)
	if !known {
		key = strings.Clone(key) // may be a piece of something large
	}
	l.entries[key] = e
	return leftOut, ok
}

func (e *entry) allow(now time.Time, interval time.Duration) (leftOut uint64, ok bool) {
	if now.Before(e.until) {
		e.leftOut++
		return 0, false
	}
	leftOut = e.leftOut
	*e = entry{until: now.Add(interval)}
	return leftOut, true
}

// makeRoom forgets the keys whose silence is over; what they left out is
// said with the next message of a key that finds no room, or by TakeLeftOut.
func (l *Limiter) makeRoom(now time.Time) bool {
	if now.Before(l.nextSweep) {
		return false
	}
	l.nextSweep = now.Add(l.interval)
	for key, e := range l.entries {
		if now.Before(e.until) {
			if e.until.Before(l.nextSweep) {
				l.nextSweep = e.until
			}
			continue
		}
		l.rest.leftOut += e.leftOut
		delete(l.entries, key)
	}
	return len(l.entries) < l.keys
}

// TakeLeftOut calls f for each key that has left messages out since its last
// one, in no particular order, and sets these counts to zero. The key is empty
// for those that found no room.
func (l *Limiter) TakeLeftOut(f func(key string, leftOut uint64)) {
	for key, e := range l.entries {
		if e.leftOut > 0 {
			f(key, e.leftOut)
			e.leftOut = 0
			l.entries[key] = e
		}
	}
	if l.rest.leftOut > 0 {
		f("", l.rest.leftOut)
		l.rest.leftOut = 0
	}
}
