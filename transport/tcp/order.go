package tcp

// Order makes listeners deliver what all their peers send in the order in
// which the system has got it, as far as it tells. It is for peers that rely
// on what one of them has sent before another; set Config.Pace to a negative
// value with it. One goroutine reads all of them then.
//
// Of several messages that one peer has sent since it was last read, only the
// first and the last have a place of their own in the order; the others are
// delivered with the last. Order is of no effect over TLS and on other systems
// than Linux, where each connection has a goroutine of its own.
//
// The zero value is ready. It must not be copied.
type Order struct{ pollers pollers }
