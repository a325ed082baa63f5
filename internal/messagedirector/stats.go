package messagedirector

import "sync/atomic"

// Stats are a director's counters. Those that end in "_total" count from its
// beginning.
type Stats struct {
	Participants int `metric:"participants" help:"Links, objects, clients and parents with children that subscribe something."`
	Channels     int `metric:"channels" help:"Single channels with a subscriber."`
	Ranges       int `metric:"ranges" help:"Pieces that subscribed ranges form."`
	Backlog      int `metric:"backlog_bytes" help:"Bytes of messages that wait to be routed, and of what clients have sent."`

	Routed      uint64 `metric:"routed_total" help:"Messages that were routed."`
	RoutedBytes uint64 `metric:"routed_bytes_total" help:"Bytes of these messages."`
	Delivered   uint64 `metric:"delivered_total" help:"Messages given to participants, each recipient counted."`
	Malformed   uint64 `metric:"malformed_total" help:"Messages whose list of recipients or control payload was cut short."`
	Refused     uint64 `metric:"refused_total" help:"Changes to subscriptions and post-removes that a limit did not allow."`
}

// counters are those that only grow.
type counters struct {
	routed, routedBytes, delivered, malformed, refused uint64
}

func (c *counters) stats(d *Director) Stats {
	return Stats{
		Participants: len(d.participants) - 1 - len(d.freeIDs),
		Channels:     len(d.table.entries),
		Ranges:       len(d.ranges.spans),
		Routed:       c.routed,
		RoutedBytes:  c.routedBytes,
		Delivered:    c.delivered,
		Malformed:    c.malformed,
		Refused:      c.refused,
	}
}

// Stats returns the director's counters as they were when the queue was last
// looked at. It is safe for concurrent use.
func (d *Director) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.published
	s.Backlog = d.waiting.Len()
	return s
}

// LinkStats are the counters of a [Server].
type LinkStats struct {
	Links int `metric:"links" help:"Links from other processes."`

	Opened    uint64            `metric:"links_opened_total" help:"Links that were let in."`
	Refused   uint64            `metric:"links_refused_total" help:"Links that were not let in: their address is not allowed, or there are too many."`
	Closed    uint64            `metric:"links_closed_total" help:"Links that are gone."`
	Dropped   map[string]uint64 `metric:"links_dropped_total" label:"reason" help:"Links that this side has closed."`
	Malformed uint64            `metric:"link_malformed_total" help:"Messages of links that were dropped for their form."`
	Held      uint64            `metric:"links_held_total" help:"Times that a link was read later because too much waits to be routed."`
	Flushes   uint64            `metric:"link_flushes_total" help:"Times that queued messages were given to the network."`
}

type linkCounters struct {
	opened, closed, refused, malformed, held atomic.Uint64
	dropped                                  [dropReasons]atomic.Uint64
}

// dropReason is why this side closes a link.
type dropReason int

const (
	dropMalformed dropReason = iota
	dropStalled
	dropOverrun
	dropLimit
	dropReasons
)

var dropNames = [dropReasons]string{"malformed", "stalled", "overrun", "limit"}

// Stats returns the server's counters. It is safe for concurrent use.
func (s *Server) Stats() LinkStats {
	n := &s.count
	st := LinkStats{
		Opened:    n.opened.Load(),
		Refused:   n.refused.Load(),
		Closed:    n.closed.Load(),
		Dropped:   make(map[string]uint64),
		Malformed: n.malformed.Load(),
		Held:      n.held.Load(),
		Flushes:   s.outlet.flusher.Count(),
	}
	st.Links = int(st.Opened) - int(st.Closed)
	for r := range n.dropped {
		st.Dropped[dropNames[r]] = n.dropped[r].Load()
	}
	return st
}

// UplinkStats are the counters of an [Uplink].
type UplinkStats struct {
	Opened    uint64 `metric:"upstream_opened_total" help:"Times that the upstream link was made."`
	Lost      uint64 `metric:"upstream_lost_total" help:"Times that it was lost."`
	Malformed uint64 `metric:"upstream_malformed_total" help:"Messages from upstream that were dropped for their form."`
	Held      uint64 `metric:"upstream_held_total" help:"Times that it was read later because too much waits to be routed."`
	GivenUp   uint64 `metric:"upstream_given_up_total" help:"Times that this side closed it because it took nothing."`
}

type uplinkCounters struct {
	opened, lost, malformed, held, givenUp atomic.Uint64
}

// Stats returns the link's counters. It is safe for concurrent use.
func (u *Uplink) Stats() UplinkStats {
	n := &u.count
	return UplinkStats{n.opened.Load(), n.lost.Load(), n.malformed.Load(), n.held.Load(), n.givenUp.Load()}
}
