package world

import (
	"errors"
	"time"

	"github.com/culm-net/culm/internal/snapshot"
)

// What the sessions of package pipes and a world have to do with each other is
// here, in interest.go, receive.go, message.go, generate.go and seal.go. Games need
// none of it.

// Viewer is a client's session as the world sees it. Its methods are called by
// the goroutine that drives the world, except Snapshot. They must return soon and
// must not call the world, except World.Do, Client.View and what says so.
type Viewer interface {
	// Joined gives the viewer its client, before anything else happens to it.
	Joined(c *Client)

	// Message is a message of an object that the client is to get. If
	// Client.Knows denies that the client knows the object, a session drops what
	// is not reliable, and what is Kept, since the generate says it; the rest it
	// holds back: after each seal it sends what the client knows now, in order, and
	// forgets what it does not await any more (Client.Awaits). What it holds it must
	// bound. The message must not be modified and stays valid.
	Message(m *Message)

	// Snapshot is what the client is to be sent in a tick. It is called by any
	// goroutine, several at a time, but for one viewer only once per tick. s is
	// valid until it returns. See World.Generate for the contents of generates.
	Snapshot(s *snapshot.Snapshot)

	// Kick has the connection closed with a reason for the person. The client
	// leaves at once; nothing of Viewer is called any more, but Info.
	Kick(reason string)

	// Stop is Kick when the world stops: the client has done nothing wrong, and
	// may come again when there is another one.
	Stop(reason string)

	// Info tells what is known about the connection.
	Info() ClientInfo
}

// ClientInfo is what a session knows about its connection. What it does not know
// is zero.
type ClientInfo struct {
	Address    string        // of the peer
	RTT        time.Duration // the last round-trip time
	AverageRTT time.Duration
	Jitter     time.Duration // by how much round-trip times differ
	UpdateRate float64       // snapshots per second
	Extension  bool          // whether the extension of the protocol is spoken
}

// JoinConfig says who joins.
type JoinConfig struct {
	Account any // for Client.Account
	// MaxZones is how many zones the client may ask for at a time, 0 for any
	// number.
	MaxZones int
	// View is what was negotiated. Data is overwritten.
	View snapshot.ViewConfig
}

// Why Join lets nobody in.
var (
	// ErrFull says that there are as many clients as numbers for them.
	ErrFull = errors.New("world: all 65,535 numbers of clients are in use")
	// ErrStopped says that the world has stopped.
	ErrStopped = errors.New("world: the world has stopped")
)

// Join lets a client in: v.Joined and Events.Joined are called before it
// returns. The game may have kicked the client meanwhile; then there is no
// error, but Client.Left is true. The error is ErrFull or ErrStopped.
func (w *World) Join(v Viewer, cfg JoinConfig) (*Client, error) {
	if w.stopped {
		return nil, ErrStopped
	}
	id, ok := w.clientIDs.take(w.tick)
	if !ok {
		return nil, ErrFull
	}
	c := &Client{
		world: w, id: id, account: cfg.Account, viewer: v, maxZones: cfg.MaxZones,
		zones: make(map[uint32]use),
	}
	cfg.View.Data = c
	c.view = w.index.NewView(cfg.View)
	w.clients[id] = c
	w.counters.Joined++
	v.Joined(c)
	if w.cfg.Events.Joined != nil {
		w.cfg.Events.Joined(c)
	}
	return c, nil
}

// Leave tells that the client's session has ended, and why; nil if the client
// said goodbye. Objects that belong to the client after Events.Left live on
// without an owner. The second Leave of a client does nothing.
func (c *Client) Leave(err error) {
	w := c.world
	if c.gone {
		return
	}
	c.gone = true
	delete(w.clients, c.id)
	if w.cfg.Events.Left != nil {
		w.cfg.Events.Left(c, err)
	}
	for _, o := range c.owned {
		w.index.SetOwner(o.entry, nil)
		o.owner = nil
	}
	c.owned = nil
	c.view.Close()
	clear(c.zones)
	w.clientIDs.release(c.id, w.tick)
	w.counters.Left++
}

// View returns what the client holds: sessions acknowledge there, and set rate
// and budget.
func (c *Client) View() *snapshot.View { return c.view }

// Knows tells whether the client was told of the object, so that it understands
// messages of it.
func (c *Client) Knows(o *Object) bool { return o.entry != nil && c.view.Knows(o.entry) }

// Awaits tells whether the client is to learn of the object, unless something
// changes before its bandwidth allows that.
func (c *Client) Awaits(o *Object) bool {
	return o.entry != nil && c.Sees(o.zone) && !c.view.Knows(o.entry)
}
