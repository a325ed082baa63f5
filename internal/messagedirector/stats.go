package messagedirector

// Stats are a director's counters. Those that end in "_total" count from its
// beginning.
type Stats struct {
	Participants int `metric:"participants" help:"Links, objects and clients that subscribe something."`
	Channels     int `metric:"channels" help:"Single channels with a subscriber."`
	Ranges       int `metric:"ranges" help:"Pieces that subscribed ranges form."`
	Backlog      int `metric:"backlog_bytes" help:"Bytes of messages that wait to be routed."`

	Routed      uint64 `metric:"routed_total" help:"Messages that were routed."`
	RoutedBytes uint64 `metric:"routed_bytes_total" help:"Bytes of these messages."`
	Delivered   uint64 `metric:"delivered_total" help:"Messages given to participants, each recipient counted."`
	Malformed   uint64 `metric:"malformed_total" help:"Messages whose list of recipients or control payload was cut short."`
}

// counters are those that only grow.
type counters struct {
	routed, routedBytes, delivered, malformed uint64
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
