package session

import (
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
)

func TestStall(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	// What was sent, with prefixes, and how much of it waits.
	stats := func(messages, queued int) transport.Stats {
		return transport.Stats{MessagesSent: uint64(messages), BytesSent: uint64(8 * messages), Queued: queued}
	}
	var s Stall
	for _, step := range []struct {
		at               int
		messages, queued int
		want             time.Duration
	}{
		{0, 10, 100, 0},
		{1, 10, 100, time.Second},
		{2, 15, 150, 2 * time.Second}, // more waits, nothing left
		{3, 15, 149, 0},               // a byte has left
		{9, 15, 149, 6 * time.Second},
		{10, 15, 0, 0},
		{20, 20, 50, 0},
		{21, 20, 50, time.Second},
	} {
		if got := s.Look(at(step.at), stats(step.messages, step.queued)); got != step.want {
			t.Errorf("at %d s: stalled for %v, want %v", step.at, got, step.want)
		}
	}
}
