// Package client is what a game client in Go uses: it keeps a connection to a
// pipes server, knows the distributed objects that the server shows it, and shows
// what moves smoothly.
//
//	c, err := client.New(client.Config{Schema: schema, Dial: dial})
//	err = c.Register("DistributedAvatar", func(o *client.Object) any { return newAvatar(o) })
//	c.AddInterest(nil, 1)
//	for !window.Closed() {
//		c.Frame(time.Now())
//		draw()
//	}
//	c.Close()
//	c.Wait()
//
// It speaks both dialects of the protocol, so that it also plays on servers of
// panda3d-pipes, and has no part of a server in it. docs/go-client.md leads from
// an empty folder to moving avatars.
//
// # One goroutine
//
// A Client and all that belongs to it (objects, views, variables) is owned by the
// goroutine that calls [Client.Frame] once a frame, or by [Client.Run]. Callbacks
// are called by it, from within Frame and Close. Nothing may be called from other
// goroutines except [Client.Do], which has something done by the owner, and
// [Client.Wait].
// The network's goroutines only put what arrives into a bounded inbox.
//
// Callbacks may call everything but Frame, Run and Wait.
//
// # Objects and views
//
// For each object that comes into view, the function registered for its class
// makes a view: any value, the game's own picture of the object. Methods that it
// has are called: see [GenerateHandler] and its neighbours. The object has the
// packed state, and sends messages.
//
// When the connection is lost all objects are disabled. After a reconnect they
// come anew: the server may be another one.
//
// # Staying connected
//
// A Client dials in its first Frame. When it cannot connect, or the connection
// is lost, for a reason that may pass, it tries again, each time after a longer
// wait. Its interest is restored then. What will not pass, such as a wrong
// password, ends it: see [Temporary].
package client
