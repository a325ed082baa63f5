// Package clientsession is the client's end of the pipes protocol without
// sockets, goroutines or clocks: it takes the server's messages and the time,
// and sends the client's. Package client puts it on a network and into a game.
//
// It speaks both dialects. It offers the extension in its hello, and goes on in
// the plain dialect, that of panda3d-pipes, with servers that do not answer the
// offer. docs/pipes.md has the messages and what a client does with them; this
// package's comments say what is left to a client to decide.
//
// A [Session] knows the objects that the server shows it: their class, zone,
// ownership and packed state, which always is the object's state at one tick of
// the server ([Object.Tick]). It says what happens through [Events], from inside
// the calls of Receive, Frame and Disconnect.
//
// # What a server may do
//
// Whatever a server sends, a session neither panics nor grows beyond the limits
// of its [Config]; at those of objects it ends with [ErrLimit]. It ends with
// [ErrServer], and says why, on messages that cannot be read, on values that the
// DC files do not allow, and on what belongs to another state of the connection.
// These it passes over and counts (see [Stats]):
//
//   - types that it does not know, or that only clients send
//   - methods of objects that it does not have, or that their class does not
//     have: that is a race
//   - answers to what it did not ask: pings and interest
//   - parts of snapshots that come twice or too late to be acknowledged, and
//     all of the extension that overtakes the welcome
//
// With the extension both sides count the changes of what the client has, so a
// disagreement ends the session: a generate of an object that it has already or
// of an unknown class, a removal or a move of one that it has not. In the plain
// dialect it goes on, as clients of panda3d-pipes do: a second generate is a
// removal and a generate, and what it says of unknown objects and classes is
// passed over. A snapshot that says something of an unknown object is applied up
// to there, as it cannot be read further, and not acknowledged. One whose tick
// is older than what was applied is passed over.
package clientsession
