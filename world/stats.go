package world

import (
	"time"

	"github.com/culm-net/culm/netclock"
)

// Stats are a world's counters, as of its last Step. Those that end in "_total"
// count from its beginning.
type Stats struct {
	Objects int    `metric:"objects" help:"Distributed objects that exist."`
	Clients int    `metric:"clients" help:"Clients in the world."`
	Zones   int    `metric:"zones" help:"Zones with an object or a client that sees them."`
	Tick    uint32 `metric:"tick" help:"The present tick."`

	Spawned uint64 `metric:"spawned_total" help:"Objects that were generated."`
	Deleted uint64 `metric:"deleted_total" help:"Objects that were deleted."`
	Joined  uint64 `metric:"joined_total" help:"Clients that joined."`
	Left    uint64 `metric:"left_total" help:"Clients that left, kicked ones included."`
	Kicked  uint64 `metric:"kicked_total" help:"Clients that the game kicked."`

	Sent      uint64            `metric:"messages_sent_total" help:"Object messages to clients, each recipient counted."`
	Received  uint64            `metric:"messages_received_total" help:"Object messages of clients that had an effect."`
	Unhandled uint64            `metric:"messages_unhandled_total" help:"Object messages of clients that no handler in the game was there for."`
	Refused   map[string]uint64 `metric:"messages_refused_total" label:"reason" help:"Object messages of clients that the rules gave no effect."`

	Ticks    uint64        `metric:"ticks_total" help:"Ticks that were simulated."`
	TickTime time.Duration `metric:"tick_seconds_total" help:"Time that Steps with ticks took."`
	LastTick time.Duration `metric:"last_tick_seconds" help:"Time that the last Step with ticks took."`
	Slow     uint64        `metric:"slow_ticks_total" help:"Steps that took longer than their ticks last."`
	Dropped  time.Duration `metric:"dropped_seconds_total" help:"Time that was not made good, since Steps came too late."`
}

// counters are Stats as the world's goroutine counts them.
type counters struct {
	Stats
	refused [refusals]uint64
}

// steps counts a Step.
func (n *counters) steps(start time.Time, ticks int, rate netclock.Rate) {
	if ticks == 0 {
		return
	}
	took := time.Since(start)
	n.Ticks += uint64(ticks)
	n.TickTime += took
	n.LastTick = took
	if took.Seconds() > rate.Seconds(int64(ticks)) {
		n.Slow++
	}
}

// publish makes the counters be seen by Stats.
func (w *World) publish() {
	s := w.counters.Stats
	s.Objects, s.Clients, s.Zones, s.Tick = len(w.objects), len(w.clients), w.index.Zones(), w.tick
	s.Dropped = time.Duration(w.clock.Dropped() * float64(time.Second))
	w.mu.Lock()
	w.stats, w.refusedStats = s, w.counters.refused
	w.mu.Unlock()
}

// Stats returns the world's counters. It is safe for concurrent use.
func (w *World) Stats() Stats {
	w.mu.Lock()
	s, refused := w.stats, w.refusedStats
	w.mu.Unlock()
	s.Received = refused[Accepted]
	s.Refused = make(map[string]uint64, refusals-1)
	for r := Accepted + 1; r < refusals; r++ {
		s.Refused[r.String()] = refused[r]
	}
	return s
}
