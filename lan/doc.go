// Package lan is a drop-in replacement of the server side of Panda3D's own
// small network: what ServerRepository.py does, for unchanged games, clients
// and AI clients alike. It also has a client of that protocol, for tools and
// for AIs in Go.
//
// The server is [Server]. The protocol's messages are the constants of [Type];
// its rules, those of Panda3D's direct.distributed, are told story by story in
// testdata/scenarios.
//
// Every datagram of a client is decoded and checked against the schema on the
// goroutine that read it. Then it takes effect in one core, one message after
// the other, so that all clients see what happens in one order, and is encoded
// once for all recipients. What is queued for them leaves at the next flush.
package lan
