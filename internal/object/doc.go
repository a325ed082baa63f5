// Package object keeps one distributed object's packed field values, compactly
// and with a stamp per field that says when its bytes changed last. Worlds keep
// the parameter fields of their objects in it, state servers the required and
// ram fields.
//
// A [Layout] is made once per class and says which fields are stored and where;
// a [State] is one object. Fields are named by inherited index: the index in
// the class's Fields, which is what snapshots and generates carry.
//
// Stamps are whatever the owner counts, in a world the tick. They must not go
// down from one Set to the next of the same object; nothing here compares them
// except to tell what changed after another.
package object
