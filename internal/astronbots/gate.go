package astronbots

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// What the bots use of the doIds from Config.FirstID on, and of the channels.
const (
	rootOffset  = 0 // the doId of what all avatars are in
	gateOffset  = 1 // the doId at which clients ask to be let in, without Config.Login
	gateChannel = 2
	firstAvatar = 10 // the first doId of avatars, and channel of AIs that come and go
	idRange     = 100_000_000
)

// allClients is the channel that all clients hear (astron.md section 2).
const allClients = 10

// openEvery is how often clients that wait are told that they may ask to be let
// in, when nothing but that tells them.
const openEvery = 100 * time.Millisecond

// openPatience is for how long at most nobody comes while they are told.
const openPatience = 2 * time.Second

// gate is the AI that lets clients in and gives each an avatar. Where the
// server's configuration has an anonymous UberDOG for that, it takes its place;
// else it makes all clients that there are established.
type gate struct {
	run    *run
	public bool // clients may speak to it by themselves
	id     uint32
	field  *dc.Field
	named  bool // clients say a name by it, and else its default

	ai      *ai.AI
	linked  chan struct{} // closed when the AI is connected for the first time
	waiting atomic.Int64  // clients that wait to be let in
	// greeting is held for reading by clients from their dialing until the
	// server has answered their hello, and told gets something when a client
	// hears that it may ask to be let in.
	greeting sync.RWMutex
	told     chan struct{}

	clients map[uint64]bool // that have an avatar; inside the AI
}

func newGate(ctx context.Context, r *run) (*gate, error) {
	g := &gate{run: r, id: r.FirstID + gateOffset, field: r.gait.Field, linked: make(chan struct{}), told: make(chan struct{}, 1), clients: make(map[uint64]bool)}
	class := r.gait.Class
	if r.Login.ID != 0 {
		g.public, g.id = true, r.Login.ID
		if class = r.Schema.Class(r.Login.Class); class == nil {
			return nil, fmt.Errorf("the schema has no dclass %q to log in with", r.Login.Class)
		}
		if g.field = class.FieldByName(r.Login.Field); g.field == nil || !g.field.Has(dc.ClSend) {
			return nil, fmt.Errorf("%s has no field %q with clsend to log in with", r.Login.Class, r.Login.Field)
		}
		params := g.field.Params()
		g.named = len(params) == 1 && params[0].Type().Kind() == dc.String
		if err := g.field.Check(g.words(0)); err != nil {
			return nil, fmt.Errorf("the bots do not know what to say by %s.%s: %w", r.Login.Class, r.Login.Field, err)
		}
	}
	if r.Guests {
		return g, nil
	}
	var err error
	linked := sync.OnceFunc(func() { close(g.linked) })
	if g.ai, err = r.newAI(ctx, r.FirstID+gateChannel, linked); err != nil {
		return nil, err
	}
	g.ai.Do(func() {
		if _, err = g.ai.Create(ai.Create{Class: r.gait.Class.Name(), DoID: r.root()}); err == nil {
			_, err = g.ai.UberDOG(g.id, class.Name(), g)
		}
	})
	return g, err
}

// hears waits until the cluster passes on to the gate what clients say: on one
// link all keeps its order, so when a question that was asked after the
// subscriptions is answered, they are made. Who knocked before would wait for
// ever.
func (g *gate) hears(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, joinWithin, fmt.Errorf("the AI that lets clients in is not served by the message director and the state server within %v", joinWithin))
	defer cancel()
	select {
	case <-g.linked:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		_, err := ai.Await(ctx, g.ai, func(answer func(ai.Location, error)) { g.ai.GetLocation(g.run.root(), answer) })
		if err == nil {
			return nil
		}
		if sleep(ctx, openEvery); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// words is what a client says to be let in.
func (g *gate) words(index int) []byte {
	if g.named {
		if packed, err := g.field.Pack(nil, fmt.Sprintf("Bot%d", index)); err == nil {
			return packed
		}
	}
	return g.field.AppendDefault(nil)
}

// open lets clients in that cannot ask for it, again and again until ctx is done.
// All clients that there are become established, and one that is, is not allowed
// to say hello: so nobody comes meanwhile.
func (g *gate) open(ctx context.Context) {
	var told datagram.Writer
	told.Uint16(clientSetField)
	told.Uint32(g.id)
	told.Uint16(uint16(g.field.Number()))
	told.Bytes(g.words(0))
	for ; ctx.Err() == nil; sleep(ctx, openEvery) {
		if g.waiting.Load() == 0 {
			continue
		}
		g.greeting.Lock()
		select {
		case <-g.told: // of an earlier time
		default:
		}
		g.ai.Do(func() {
			all := g.ai.Session(allClients)
			all.SetState(ai.StateEstablished)
			all.Declare(g.id, g.run.gait.Class)
			g.sent(all.SetFieldsSendable(g.id, g.field))
			g.sent(all.SendDatagram(told.Buf))
		})
		select {
		case <-g.told: // then all others are established too
		case <-time.After(openPatience): // who waited has left
		case <-ctx.Done():
		}
		g.greeting.Unlock()
	}
}

// hear notes that a client has been told.
func (g *gate) hear() {
	select {
	case g.told <- struct{}{}:
	default:
	}
}

// Update is called when a client asks to be let in.
func (g *gate) Update(_ *ai.Object, sender uint64, f *dc.Field, _ []byte) {
	if f != g.field || g.clients[sender] {
		return
	}
	g.clients[sender] = true
	r := g.run
	id := r.nextID()
	a := r.newAvatar(id, r.zoneOf(id))
	session := g.ai.Session(sender)
	session.SetState(ai.StateEstablished)
	session.Declare(r.root(), r.gait.Class) // so that it may open interests in it
	g.sent(session.DeleteWhenGone(id))
	if field := r.gait.Field; !field.HasAny(dc.ClSend | dc.OwnSend) {
		g.sent(session.SetFieldsSendable(id, field))
	}
	_, err := g.ai.Create(ai.Create{
		Class: r.gait.Class.Name(), DoID: id, Parent: r.root(), Zone: a.zone.Load(), Owner: sender,
		Handler: &owned{gate: g, client: sender},
	})
	g.sent(err)
}

// owned handles the avatar of a client.
type owned struct {
	gate   *gate
	client uint64
}

// Delete is called when the client has gone.
func (o *owned) Delete(*ai.Object) { delete(o.gate.clients, o.client) }

// move moves an avatar.
func (g *gate) move(id, zone uint32) {
	g.ai.Do(func() {
		if o := g.ai.Object(id); o != nil {
			g.sent(o.Move(g.run.root(), zone))
		}
	})
}

func (g *gate) sent(err error) {
	if err != nil {
		g.run.fault(unsent, 1, "the AI: %v", err)
	}
}

// crowd is an AI with avatars of its own, which it makes walk. It may go and come
// again, with other avatars and on another channel then: the cluster may notice
// late that a link is gone, and deletes what its channel has by then.
type crowd struct {
	run *run

	mu      sync.Mutex
	ai      *ai.AI
	avatars []*avatar
	stop    context.CancelFunc
	done    chan struct{}
}

// join starts the AI.
func (c *crowd) join() error {
	r := c.run
	connected := make(chan struct{})
	var once sync.Once
	ctx, stop := context.WithCancel(context.Background())
	a, err := r.newAI(ctx, r.nextID(), func() { once.Do(func() { close(connected) }) })
	if err != nil {
		stop()
		return err
	}
	avatars := make([]*avatar, r.Objects)
	a.Do(func() {
		for i := range avatars {
			id := r.nextID()
			avatars[i] = r.newAvatar(id, r.zoneOf(id))
			if _, err = a.Create(ai.Create{Class: r.gait.Class.Name(), DoID: id, Parent: r.root(), Zone: avatars[i].zone.Load()}); err != nil {
				return
			}
		}
	})
	if err != nil {
		stop()
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.keep(ctx, a)
	}()
	c.mu.Lock()
	c.ai, c.avatars, c.stop, c.done = a, avatars, stop, done
	c.mu.Unlock()
	select {
	case <-connected:
		return nil
	case <-time.After(joinWithin):
		return fmt.Errorf("the AI is not linked to the message director within %v", joinWithin)
	}
}

// leave cuts the AI's link; the cluster is to delete its avatars.
func (c *crowd) leave() {
	c.mu.Lock()
	avatars, stop, done := c.avatars, c.stop, c.done
	c.avatars, c.stop = nil, nil
	c.mu.Unlock()
	if stop == nil {
		return
	}
	for _, a := range avatars {
		c.run.forget(a)
	}
	stop()
	<-done
}

// act has f called inside for one of the avatars.
func (c *crowd) act(i int, f func(a *avatar, o *ai.Object) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.avatars) == 0 {
		return
	}
	a := c.avatars[i%len(c.avatars)]
	c.ai.Do(func() {
		if o := c.ai.Object(a.id); o != nil {
			if err := f(a, o); err != nil {
				c.run.fault(unsent, 1, "the AI: %v", err)
			}
		}
	})
}

func (c *crowd) walk(i int) {
	c.act(i, func(a *avatar, o *ai.Object) error {
		return c.run.step(a, func(value []byte) error { return o.SetPacked(c.run.gait.Field, value) })
	})
}

func (c *crowd) relocate(i int, zone uint32) {
	c.act(i, func(a *avatar, o *ai.Object) error {
		a.zone.Store(zone)
		return o.Move(c.run.root(), zone)
	})
}
