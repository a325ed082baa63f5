package session

import (
	"time"

	"github.com/culm-net/culm/transport"
)

// Stall finds out whether a connection takes nothing of what waits for it. The
// zero value is ready. It is not safe for concurrent use.
type Stall struct {
	left  uint64    // how many bytes had left when it was looked at
	since time.Time // when that was first seen, zero if nothing waits
}

// Look is called from time to time with the connection's counters, and returns
// for how long nothing of what waits has left.
func (s *Stall) Look(now time.Time, st transport.Stats) time.Duration {
	switch {
	case st.Queued == 0:
		*s = Stall{}
	case s.since.IsZero() || st.Left != s.left:
		*s = Stall{left: st.Left, since: now}
	default:
		return now.Sub(s.since)
	}
	return 0
}
