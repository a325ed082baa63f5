// Package pipes serves a [world.World] over the pipes protocol: distributed
// objects in ticks, whose state goes to clients as snapshots of what changed.
// It speaks both dialects, that of panda3d-pipes and the extension;
// docs/pipes.md says what the messages are and mean.
//
// # Who does what
//
// A transport's goroutine decodes what a client sends, checks it against the
// DC files, answers pings, holds the client to its rates, and puts the rest
// into the client's bounded inbox. Everything else of a client belongs to the
// world's goroutine, which empties the inboxes at the beginning of a step, in
// the order in which they began to fill. Snapshots are sent by the goroutines
// that make them. So the game sees one thing after the other, and a client that
// floods pays with its own goroutine's time.
//
// # What a client meets
//
// What cannot be decoded, and what does not belong into the state that the
// client is in, closes its connection with a reason. What honest clients get
// wrong because they race with others (a message to an object that is gone, to a
// zone that was left) has no effect and is counted. A value that is
// no finite number, or text that is not UTF-8, has no effect either: it is a
// game's mistake and no reason to throw a player out, but nobody else is to
// suffer from it.
package pipes
