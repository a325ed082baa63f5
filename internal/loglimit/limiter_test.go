package loglimit

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestAllow(t *testing.T) {
	l := NewLimiter(10*time.Second, 2)
	for i, step := range []struct {
		second  int
		key     string
		leftOut uint64
		ok      bool
	}{
		{0, "a", 0, true},
		{0, "a", 0, false},
		{1, "b", 0, true}, // keys are independent
		{9, "a", 0, false},
		{10, "a", 2, true}, // the interval is over
		{10, "a", 0, false},
		{10, "c", 0, true}, // no room: a is silent until 20, b until 11
		{10, "d", 0, false},
		{10, "e", 0, false},
		{11, "d", 0, true}, // b's silence is over: d takes its place
		{20, "f", 0, true}, // takes a's place, whose last message …
		{20, "g", 3, true}, // … is counted with those of d and e at 10
	} {
		leftOut, ok := l.Allow(start.Add(time.Duration(step.second)*time.Second), step.key)
		if leftOut != step.leftOut || ok != step.ok {
			t.Fatalf("step %d: Allow(%ds, %q) = %d, %v, want %d, %v",
				i, step.second, step.key, leftOut, ok, step.leftOut, step.ok)
		}
	}
}

func TestLongKeysAreCut(t *testing.T) {
	l := NewLimiter(time.Second, 10)
	long := strings.Repeat("x", MaxKey)
	l.Allow(start, long+"1")
	if _, ok := l.Allow(start, long+"2"); ok {
		t.Error("two keys that differ after MaxKey bytes are not taken for one")
	}
	for key := range l.entries {
		if len(key) > MaxKey {
			t.Errorf("a key of %d bytes is kept", len(key))
		}
	}
}

// Whatever comes, each message is either said or counted exactly once, no more
// than keys+1 are said per interval, and no more than keys are remembered.
func TestEveryMessageIsSaidOrCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const interval = 10 * time.Second
		keys := rapid.IntRange(1, 4).Draw(t, "keys")
		l := NewLimiter(interval, keys)
		now := start
		var said []time.Time
		var asked, counted uint64
		for range rapid.IntRange(0, 200).Draw(t, "messages") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "seconds")) * time.Second)
			leftOut, ok := l.Allow(now, strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "key")))
			asked++
			counted += leftOut
			if ok {
				counted++
				said = append(said, now)
			} else if leftOut != 0 {
				t.Fatal("a message that is not said reports others")
			}
			if len(l.entries) > keys {
				t.Fatalf("%d keys are remembered, the limit is %d", len(l.entries), keys)
			}
		}
		l.TakeLeftOut(func(_ string, n uint64) { counted += n })
		if counted != asked {
			t.Fatalf("%d messages came, %d are accounted for", asked, counted)
		}
		l.TakeLeftOut(func(key string, n uint64) { t.Fatalf("%q is counted twice: %d", key, n) })

		// Each message said keeps a place for an interval.
		for i := keys + 1; i < len(said); i++ {
			if said[i].Sub(said[i-keys-1]) < interval {
				t.Fatalf("more than %d messages within an interval", keys+1)
			}
		}
	})
}
