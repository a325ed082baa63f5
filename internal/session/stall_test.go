package session

import (
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
)

// Transports put nothing, 2 or 4 bytes before each message in their queues, and
// count them.
func TestStall(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	for _, prefix := range []int{0, 2, 4} {
		// How many messages of 8 bytes were sent, and how many bytes have left.
		stats := func(messages, left int) transport.Stats {
			return transport.Stats{MessagesSent: uint64(messages), BytesSent: uint64(8 * messages), Queued: (8+prefix)*messages - left, Left: uint64(left)}
		}
		var s Stall
		for _, step := range []struct {
			at             int
			messages, left int
			want           time.Duration
		}{
			{0, 10, 3, 0},
			{1, 10, 3, time.Second},
			{2, 15, 3, 2 * time.Second}, // more waits, nothing left
			{3, 15, 4, 0},               // a byte has left
			{9, 15, 4, 6 * time.Second},
			{10, 15, 15 * (8 + prefix), 0},
			{20, 20, 15 * (8 + prefix), 0},
			{21, 20, 15 * (8 + prefix), time.Second},
		} {
			if got := s.Look(at(step.at), stats(step.messages, step.left)); got != step.want {
				t.Errorf("%d bytes before each message, at %d s: stalled for %v, want %v", prefix, step.at, got, step.want)
			}
		}
	}
}
