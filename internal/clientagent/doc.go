// Package clientagent speaks with the clients of a cluster and decides what
// they may do: sessions with their states, what each client sees (interest and
// visibility), what it owns, and what it may send. The protocol is Astron's;
// its rules are told story by story in testdata.
//
// # Who does what where
//
// An [Agent] is a role beside a message director. All state of sessions is
// touched inside the director's order only (see package messagedirector), so
// that what a client sees is what one queue would have shown it. What does not
// need the order is done outside: datagrams of clients are split, checked
// against the schema and measured against rates on the goroutines that read
// them, and what is queued for clients is written by a flusher. A message for
// many clients is encoded once.
package clientagent
