package eventlogger

import "errors"

// Stats are a server's counters since it began, tagged for package console.
type Stats struct {
	Packets      uint64            `metric:"packets_received_total" help:"Packets that came, good and bad."`
	PacketBytes  uint64            `metric:"received_bytes_total" help:"Bytes in these packets."`
	Malformed    map[string]uint64 `metric:"packets_malformed_total" label:"reason" help:"Packets that were no events, by what is wrong with them."`
	Dropped      uint64            `metric:"events_dropped_total" help:"Events that were lost because files could not be written for too long."`
	Written      uint64            `metric:"written_bytes_total" help:"Bytes of events that are in files."`
	WriteErrors  uint64            `metric:"write_errors_total" help:"Files that could not be opened or written to."`
	FilesOpened  uint64            `metric:"files_opened_total" help:"Files that were opened, by rotation or because the last one was gone."`
	QueuedBytes  int               `metric:"queued_bytes" help:"Bytes of events that wait for being written."`
	SocketErrors uint64            `metric:"socket_errors_total" help:"Failures to receive."`
}

// EmitterStats are an emitter's counters, tagged for package console.
type EmitterStats struct {
	Sent    uint64 `metric:"events_sent_total" help:"Events that were handed to the network."`
	Dropped uint64 `metric:"events_dropped_total" help:"Events that were lost because too many waited, or were too long for a packet."`
	Failed  uint64 `metric:"events_failed_total" help:"Events that the network refused."`
}

// reasons are the names of malformed packets' faults in metrics.
var reasons = []struct {
	err  error
	name string
}{
	{ErrNotMap, "not_a_map"},
	{ErrTruncated, "truncated"},
	{ErrSurplus, "surplus"},
	{ErrInvalid, "invalid"},
	{ErrTooDeep, "too_deep"},
	{ErrTooLong, "too_long"},
}

// reasonOf is the name of an error of AppendLine.
func reasonOf(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return ""
}
