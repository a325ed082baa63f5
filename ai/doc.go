// Package ai is what an AI server or an UberDOG in Go uses: distributed objects
// of the classes in a DC file, on the state servers of a cluster.
//
//	a, err := ai.New(ai.Config{Schema: schema, Address: "127.0.0.1:7199", Channel: 1_000_000, FirstID: 1_000_001, LastID: 1_999_999})
//	a.Do(func() {
//		ball, err := a.Create(ai.Create{Class: "DistributedBall", Parent: 1000, Zone: 7, Handler: game})
//	})
//	err = a.Run(ctx)
//
// The protocol is Astron's, with `culm serve` or with astrond at the other end.
//
// # One at a time
//
// An AI and everything that belongs to it (objects, interests, sessions) may be
// used in its callbacks and in functions given to [AI.Do] or [AI.After], and
// nowhere else; only one of these runs at a time. Each must return soon: while
// one waits nothing is received, and after ten seconds the cluster gives the AI
// up. [Await] brings an answer to another goroutine.
//
// # What is lost with the link
//
// When the link to the cluster is lost the cluster deletes the AI's objects,
// also when the process was killed. [AI.Run] connects again, and then the
// objects are created again, parents before children in the order of their
// creation, with the values that the AI knows: those that it has set itself and
// those of fields with airecv. Objects that others have created (Events.Adopted)
// are for these to create again. Interests are opened again. Updates that were
// sent while there was no link reach nobody, but what objects keep of them they
// have when they are there again. Queries fail with [ErrLost].
package ai
