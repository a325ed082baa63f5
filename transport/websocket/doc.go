// Package websocket carries messages over WebSocket, for builds of games that
// run in browsers: a binary message of WebSocket is a message, as in Ardos's
// client agent. Everything else (queue, lingering, holding) is that of package
// tcp, for which a WebSocket is dressed up as a stream of messages behind their
// lengths.
//
// Each connection has two goroutines that read it, and each message is a system
// call of its own. Close cannot tell the peer code and reason.
package websocket
