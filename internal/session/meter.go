package session

import "time"

// Limits bound what one peer may send.
type Limits struct {
	Messages Rate // messages per second
	Bytes    Rate // bytes of messages per second
}

// Meter measures one peer against its [Limits]. It is not safe for concurrent
// use; the goroutine that receives from the peer owns it.
type Meter struct {
	messages, bytes Bucket
}

// Received counts messages of together n bytes that arrived at now, and
// returns how long the peer should be held: 0 while it is within its limits.
func (m *Meter) Received(now time.Time, l *Limits, messages, n int) time.Duration {
	return max(
		m.messages.Spend(now, l.Messages, float64(messages)),
		m.bytes.Spend(now, l.Bytes, float64(n)),
	)
}
