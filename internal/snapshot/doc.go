// Package snapshot decides what changed for whom. It keeps the objects of one
// world by zone and recency, knows what each client holds of them, and makes
// the clients' snapshots tick by tick. It is a core without I/O: it neither
// reads a clock nor sends.
//
// # Ticks and stamps
//
// A change carries the number of the tick that is in the making: the last
// sealed one plus 1. [Index.Produce] seals a tick and makes its snapshots in one
// step, so a change that comes later has a later stamp, and a snapshot of tick
// T has exactly the state of T. Contents are not kept: of any tick T it is enough
// that fields with a stamp after T are sent to who holds T.
//
// # What a client holds
//
// A [View] is one client. Objects have slots, numbered as they come, and held
// says for every slot up to which tick the client has what changed there; it is
// a step function, nearly always constant. A snapshot has the objects that
// changed after that, by slot, cut into parts of a packet's size, so that a part
// stands for a range of slots: when it is acknowledged, held rises to its tick
// for the range, also for the objects that had nothing to send. A lost part leaves
// its range as it was. Only a snapshot that exceeds its byte budget lists what is
// in its parts.
//
// # Cost
//
// A zone's objects are in order of their last change, newest first, and each
// change moves one in O(1); a snapshot looks at those that changed after what
// the client holds of anything, and at no others. An object's changes are encoded
// when it changed, and copied to everybody who holds what came before; views
// with the same zones that hold the same share a whole snapshot. Workers take
// snapshots off a list; what a client gets does not depend on how many there are.
//
// # Dialects
//
// The bytes are those of docs/pipes.md, made by package wire. A client of the
// extension is sent parts. For a Plain one a snapshot is one SV_Tick, sent
// reliably; if it exceeds the budget, it has some of the objects, and the next
// ones have the others.
//
// That is also so for the full state that goes to a Plain client until its first
// acknowledgement: several messages with isDelta 0, none of which has
// everything. panda3d-pipes does not mind: it applies the objects that an SV_Tick
// names, whatever isDelta says, and forgets objects only at SV_DisableObject and
// SV_DeleteObject. Nor does it lack what such a message leaves out, since it has
// the baselines.
//
// # Structure
//
// Which objects a client knows is not state: entering and leaving are [Event]
// values that go reliably, in order, a bounded number of bytes at a time. What
// leaves and enters again before a tick is sealed is none. The snapshot tells how
// many of them came before it, and never has state of an object before its Enter or
// after its Leave.
package snapshot
