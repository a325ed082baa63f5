// Package session is what all client protocols share between the transport
// and their own rules: how much a peer may send, how many peers may come from
// where, and how a peer is put out. Everything here but Flusher is arithmetic
// on a time that is given; sockets and goroutines are elsewhere.
package session
