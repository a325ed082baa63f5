// Package stateserver holds distributed objects for a cluster: where they are,
// whose AI and owner they have, their required and ram fields, and who hears
// what of it. The protocol is Astron's state server (astron.md section 4); its
// rules are told story by story in testdata.
//
// A [StateServer] creates objects. Each [Object] is a participant of the message
// director by itself: it subscribes the channel of its doId, and all those below
// one parent together the one on which the parent talks to its children.
// Everything after its creation happens in messages to these. All of it runs inside the director's order, so that
// nothing here locks or starts a goroutine, and objects of other processes are
// spoken with as those of this one are.
//
// # Against Astron
//
// What a state server is sent is never fatal: a value that breaks its constraint
// (Astron aborts), a message that is too long, one for something that does not
// exist are ignored, counted by reason in [Stats] and logged. Besides that:
//
//   - What Astron documents and does not do is done: GET_OWNER, GET_CHILDREN,
//     the counts, DELETE_ZONE(S), DELETE_FIELD(S)_RAM. GET_CLASS (2016, answered
//     with 2017) is Ardos's.
//   - SET_FIELDS sets all its fields or none. SET_AI with the AI that the object
//     has from its parent makes it the object's own.
//   - An object whose values would not fit into one message is not made, and an
//     update that makes it so is ignored, so that every snapshot can be sent.
//   - An object cannot be moved below itself, as far as this role can see.
//   - A parent's table of children is exact: deleted children are not counted,
//     and children found by a new parent are acknowledged.
//   - Nothing is sent to channel 0 or to nobody.
package stateserver
