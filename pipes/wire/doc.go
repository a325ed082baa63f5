// Package wire encodes and decodes the messages of the pipes protocol; it is
// apart from package pipes so that a game client that imports it does not drag
// the server in.
//
// The protocol has two dialects. The plain one is that of panda3d-pipes, byte
// for byte. The extension is chosen in the hello (see [Extension]) and replaces
// the messages that carry state by ones with ticks, sequences and
// acknowledgements of their own. docs/pipes.md lists the layouts of both; what
// each message means is a session's business and not known here.
//
// [Split] takes the type off a message; the decoder for that type takes the
// rest. Decoders never panic, check every length before they use it, and
// return an [*Error]. Byte slices in what they return are parts of the body
// they were given; strings and lists of zones are copies, never longer than
// the body. Bytes behind the end of a plain message are ignored, as
// panda3d-pipes ignores them; a message of the extension has none.
//
// Methods named Append add a message, type included, to a slice and return the
// longer slice, or on error the slice as it was. Those of snapshots and parts
// add the beginning, to which objects and records are then added one by one.
// Nothing here is safe for concurrent use while one changes it.
package wire
