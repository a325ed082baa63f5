// Package world is what a game server in Go uses: distributed objects of the
// classes in a DC file, in zones, with owners, simulated in ticks and shown to
// clients as snapshots.
//
//	w, err := world.New(world.Config{Schema: schema, Events: world.Events{Tick: simulate}})
//	ball, err := w.Spawn(world.Spawn{Class: "DistributedBall", Zone: 1})
//	err = ball.Set("x", 1.5)
//	err = w.Run(ctx)
//
// A world is a core: it does no I/O and knows no protocol. Servers of package
// pipes bring its clients to it; what they need for that begins in viewer.go.
//
// # One goroutine
//
// A World and everything that belongs to it (objects, clients, views) is owned
// by the goroutine that drives it, by [World.Step] or by [World.Run]. Nothing
// may be called from other goroutines except [World.Do], which has something
// done by the one that drives, [World.Stats], and what says so.
//
// # Fields
//
// A parameter field is state: [Object.Set] changes it, and clients that see the
// object's zone get the change with the next snapshot. An atomic field is a
// message: [Object.Send] calls it on clients at once. Atomic fields that are
// required or ram also keep the arguments of their last call; clients to whom the
// object is new get them with it: required ones always, with the default of the
// DC file if they never were set, ram ones once they were.
//
// Values that are not finite (NaN, infinities) are refused everywhere, since no
// client can do anything with them.
//
// # Callbacks
//
// Handlers and [Events] run on the world's goroutine, in the midst of the call
// that causes them, and may call everything but Step and Run: delete the object
// whose message it is, kick the client that sent it, spawn, move, call Do.
// What they cause happens at once, with callbacks of its own; only functions given
// to Do wait for the next Step.
package world
