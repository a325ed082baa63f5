// Package eventlogger turns the events of a cluster into files of JSON lines,
// as Astron's event logger does. An event is one UDP packet with one
// MessagePack map; the sender waits for nothing and a lost packet is a lost
// event.
//
// [AppendLine] is the core: the bytes of a packet and the time become a line.
// [Server] is the shell around it, with a socket and files that rotate.
// [Emitter] is the other end, with which roles send events; [Event] says what
// they send.
//
// The event logger believes whoever reaches its port. It listens on
// loopback unless it is told otherwise.
package eventlogger
