package pipes

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/world"
)

// follower is a client in tests that keeps the hp of the avatars that it sees.
type follower struct {
	ext    bool
	schema *dc.Schema

	mu      sync.Mutex
	hp      map[uint32]byte
	ticks   map[uint32]uint32 // of these
	classes map[uint32]*dc.Class
	born    map[uint32]uint32 // structure sequences of the generates
	last    uint32            // structure sequence
	in      bool
	ack     wire.Ack
	answer  string // what it was rejected with
	err     error  // why it is closed
	closed  chan struct{}
	welcome chan struct{}
}

func newFollower(ext bool) *follower {
	return &follower{
		ext: ext, schema: storySchema(), hp: map[uint32]byte{}, ticks: map[uint32]uint32{},
		classes: map[uint32]*dc.Class{}, born: map[uint32]uint32{},
		closed: make(chan struct{}), welcome: make(chan struct{}),
	}
}

func (f *follower) Opened(c transport.Conn) {
	h := wire.Hello{DCHash: f.schema.Hash(), UpdateRate: 50, CommandRate: 100}
	i := wire.Interest{Type: wire.CLSetInterest, Handle: 1, Zones: []uint32{7}}
	if f.ext {
		h.Extension = wire.Extension{Present: true, Features: wire.FeatureSnapshots}
		i.Type = wire.ExtSetInterest
	}
	_ = c.Send(transport.Message{Data: must(h.Append(nil))})
	_ = c.Send(transport.Message{Data: must(i.Append(nil))})
	c.Flush()
}

func (f *follower) Closed(_ transport.Conn, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	close(f.closed)
}

func (f *follower) Received(c transport.Conn, msgs [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range msgs {
		f.take(c, b)
	}
	c.Flush()
}

func (f *follower) take(c transport.Conn, b []byte) {
	t, body, err := wire.Split(b)
	if err != nil {
		panic(err)
	}
	switch t {
	case wire.SVHelloResp:
		m := must(wire.DecodeHelloResponse(body))
		if f.answer = m.Reason; m.Accepted && !m.WantAuth {
			f.in = true
			close(f.welcome)
		}
	case wire.SVGenerateObject, wire.SVGenerateOwnerObject, wire.ExtGenerate, wire.ExtGenerateOwner:
		m := must(wire.DecodeGenerate(f.schema, t, body))
		f.classes[m.DoID], f.born[m.DoID], f.last = m.Class, m.Stamp.Structure, m.Stamp.Structure
		f.apply(m.DoID, m.Stamp.Tick, m.BaselineFields())
	case wire.SVDeleteObject:
		f.forget(must(wire.DecodeObjectGone(t, body)).DoID)
	case wire.ExtRemove:
		m := must(wire.DecodeRemove(body))
		f.last = m.Structure
		f.forget(m.DoID)
	case wire.SVTick:
		m := must(wire.DecodeSnapshot(body))
		objects := m.Objects(func(id uint32) *dc.Class { return f.classes[id] })
		for objects.Next() {
			f.apply(objects.DoID(), m.Tick, *objects.Fields())
		}
		if err := objects.Err(); err != nil {
			panic(err) // a panda3d-pipes client's process ends
		}
		_ = c.Send(transport.Message{Data: must(wire.TickAck{Tick: int32(m.Tick)}.Append(nil))})
	case wire.ExtSnapshot:
		m := must(wire.DecodePart(body))
		if wire.Newer(m.Structure, f.last) {
			return
		}
		for records := m.Records(); records.Next(); {
			r := records.Record()
			class := f.classes[r.DoID]
			if class == nil || wire.Newer(f.born[r.DoID], m.Structure) || !wire.Newer(m.Tick, f.ticks[r.DoID]) {
				continue
			}
			f.apply(r.DoID, m.Tick, r.Fields(class))
		}
		f.ack.Add(m.Number)
		_ = c.Send(transport.Message{Data: must(f.ack.Append(nil, 32)), Mode: transport.Unreliable})
	}
}

func (f *follower) apply(id, tick uint32, fields wire.Fields) {
	for fields.Next() {
		if fields.Field().Name() == "hp" {
			f.hp[id] = fields.Value()[0]
		}
	}
	if err := fields.Err(); err != nil {
		panic(err)
	}
	f.ticks[id] = tick
}

func (f *follower) forget(id uint32) {
	delete(f.hp, id)
	delete(f.ticks, id)
	delete(f.classes, id)
}

// shows says whether the client shows just these.
func (f *follower) shows(want map[uint32]byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.hp) != len(want) {
		return false
	}
	for id, hp := range want {
		if f.hp[id] != hp {
			return false
		}
	}
	return true
}

// arena is a world with a server on a simulated network, all on one goroutine.
type arena struct {
	world  *world.World
	server *Server
	net    *memory.Network
	begin  time.Time
	left   map[uint32]error
}

func newArena(t *testing.T, cfg memory.Config, c Config) (*arena, context.CancelFunc, chan error) {
	t.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	a := &arena{net: memory.New(cfg), begin: time.Unix(1000, 0), left: map[uint32]error{}}
	a.world = must(world.New(world.Config{
		Schema: storySchema(), TickRate: 50, Log: quiet,
		Events: world.Events{Left: func(c *world.Client, err error) { a.left[c.ID()] = err }},
	}))
	c.World, c.Log = a.world, quiet
	a.server = must(NewServer(c))
	a.server.made = a.begin
	a.server.now = func() time.Time { return a.begin.Add(a.net.Now()) }
	a.server.every = time.Hour // of the day's time, which is another
	listener := &announced{must(a.net.Listen("arena")), make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(ctx, listener) }()
	<-listener.serving
	return a, cancel, served
}

// announced is a listener that tells when it serves.
type announced struct {
	*memory.Listener
	serving chan struct{}
}

func (l *announced) Serve(ctx context.Context, h transport.Handler) error {
	if err := l.Start(h); err != nil {
		return err
	}
	close(l.serving)
	<-ctx.Done()
	return l.Close()
}

// run lets time pass on the network and in the world.
func (a *arena) run(d time.Duration) {
	for end := a.net.Now() + d; a.net.Now() < end; {
		a.net.Step(5 * time.Millisecond)
		a.world.Step(a.begin.Add(a.net.Now()))
	}
}

// Clients of both dialects end up showing what there is, over a network that
// loses one message in ten, and one that vanishes costs them nothing.
func TestOverBadNetwork(t *testing.T) {
	link := memory.Link{Latency: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.1, Duplicate: 0.05, Reorder: 0.1}
	a, cancel, served := newArena(t, memory.Config{Seed: 1, Up: link, Down: link}, Config{SilentTimeout: 5 * time.Second})
	clients := []*follower{newFollower(true), newFollower(false), newFollower(true), newFollower(false)}
	for _, f := range clients {
		must(a.net.Dial("arena", f))
	}
	gone := newFollower(true)
	ghost := must(a.net.Dial("arena", gone))
	a.run(time.Second)
	if !gone.in {
		t.Fatal("nobody is in after a second")
	}
	ghost.SetLink(memory.Link{Loss: 1})

	want := map[uint32]byte{}
	var objects []*world.Object
	for i := range 400 {
		switch {
		case i%20 == 0 && len(objects) < 12:
			o := must(a.world.Spawn(world.Spawn{Class: "Avatar", Zone: 7}))
			objects = append(objects, o)
			want[o.ID()] = 100
		case i%50 == 49:
			o := objects[0]
			objects = objects[1:]
			delete(want, o.ID())
			if err := o.Delete(); err != nil {
				t.Fatal(err)
			}
		case i%9 == 4: // out of view, and in again
			o := objects[i%len(objects)]
			if zone := o.Zone(); zone == 7 {
				delete(want, o.ID())
			}
			if err := o.Move(15 - o.Zone()); err != nil {
				t.Fatal(err)
			}
		}
		for k, o := range objects {
			if (i+k)%3 == 0 {
				if err := o.Set("hp", (i*7+k)%101); err != nil {
					t.Fatal(err)
				}
			}
			if o.Zone() == 7 {
				want[o.ID()] = byte(must(o.Get("hp"))[0].(uint64))
			} else {
				delete(want, o.ID())
			}
		}
		a.run(20 * time.Millisecond)
	}
	a.run(2 * time.Second)
	for i, f := range clients {
		if !f.shows(want) {
			t.Errorf("client %d shows %v, there is %v", i, f.hp, want)
		}
	}
	a.server.tick(a.server.now())
	a.run(time.Second)
	if len(a.left) != 1 {
		t.Errorf("left: %v, wanted the one that vanished", a.left)
	}
	for c := range a.world.Clients() {
		if rtt := c.Info().AverageRTT; c.Info().Extension && (rtt < 40*time.Millisecond || rtt > 300*time.Millisecond) {
			t.Errorf("a round trip of 60 to 100 ms is measured as %v", rtt)
		}
	}
	a.shutDown(t, cancel, served)
	for i, f := range clients {
		var e *transport.CloseError
		if !errors.As(f.err, &e) || e.Code != transport.CodeShutdown {
			t.Errorf("client %d: %v", i, f.err)
		}
	}
}

// shutDown ends Serve, while time passes.
func (a *arena) shutDown(t *testing.T, cancel context.CancelFunc, served chan error) {
	t.Helper()
	cancel()
	for {
		select {
		case err := <-served:
			if err != nil {
				t.Error(err)
			}
			a.world.Step(a.begin.Add(a.net.Now()))
			// The server has nothing to do with the world any more.
			sealed := a.server.sealed
			if a.run(100 * time.Millisecond); a.server.sealed != sealed {
				t.Error("a server that has ended goes on with each tick")
			}
			return
		default:
			a.run(5 * time.Millisecond)
		}
	}
}

// A rejection's reason arrives, though the connection closes behind it and the
// network is bad: panda3d-pipes' seldom does.
func TestRejectionIsLingeredFor(t *testing.T) {
	link := memory.Link{Latency: 50 * time.Millisecond, Loss: 0.3}
	a, cancel, served := newArena(t, memory.Config{Seed: 3, Up: link, Down: link}, Config{Password: "x"})
	f := newFollower(false)
	must(a.net.Dial("arena", f))
	a.run(3 * time.Second)
	if f.answer != "wrong password" {
		t.Errorf("the answer is %q, and it was closed with %v", f.answer, f.err)
	}
	a.shutDown(t, cancel, served)
}

// A server on real connections, whose transports and world run at once: nothing
// is shared that may not be.
func TestServe(t *testing.T) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	var o *world.Object
	w := must(world.New(world.Config{Schema: storySchema(), Log: quiet}))
	check := func(ctx context.Context, l *Login, answer []byte) (any, error) { return string(answer), ctx.Err() }
	s := must(NewServer(Config{World: w, Log: quiet, Authenticator: CheckLogin([]byte("name?"), check)}))
	w.Do(func() { o = must(w.Spawn(world.Spawn{Class: "Avatar", Zone: 7})) })
	l := must(tcp.Listen("127.0.0.1:0", tcp.Config{}))
	ctx, cancel := context.WithCancel(context.Background())
	worldCtx, stopWorld := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(worldCtx); err != nil {
			t.Error(err)
		}
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()

	const n = 6
	clients := make([]*player, n)
	for i := range clients {
		clients[i] = &player{follower: newFollower(i%2 == 0), name: string(rune('a' + i)), hp: make(chan byte, 100)}
		must(tcp.Dial(ctx, l.Addr().String(), tcp.Config{}, clients[i]))
	}
	for _, c := range clients {
		<-c.welcome
	}
	for hp := byte(1); hp < 20; hp++ {
		w.Do(func() {
			if err := o.Set("hp", int(hp)); err != nil {
				t.Error(err)
			}
			if err := o.Send("emote", int(hp)); err != nil {
				t.Error(err)
			}
		})
		for _, c := range clients {
			for <-c.hp != hp { // until it comes
			}
		}
	}
	_ = s.Stats()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	for _, c := range clients {
		<-c.closed
	}
	stopWorld()
	running.Wait()
	if st := s.Stats(); st.Connected != n || st.Connections != 0 {
		t.Errorf("%d clients were let in, %d connections are left", st.Connected, st.Connections)
	}
}

// player is a follower that authenticates itself, pings and calls methods all
// the time, and tells each hp.
type player struct {
	*follower
	name string
	hp   chan byte
}

func (p *player) Received(c transport.Conn, msgs [][]byte) {
	for _, b := range msgs {
		t, body, _ := wire.Split(b)
		switch t {
		case wire.SVAuthenticateRequest:
			_ = c.Send(transport.Message{Data: must(wire.AuthenticateAnswer{Data: []byte(p.name)}.Append(nil))})
		case wire.SVAuthenticateResponse:
			if m := must(wire.DecodeAuthenticateResult(body)); !m.Accepted {
				panic(m.Reason)
			}
			i := wire.Interest{Type: wire.CLSetInterest, Handle: 1, Zones: []uint32{7}}
			if p.ext {
				i.Type = wire.ExtSetInterest
			}
			_ = c.Send(transport.Message{Data: must(i.Append(nil))})
			close(p.welcome)
		case wire.SVTick, wire.ExtSnapshot:
			ping := wire.CLPing.Append(nil)
			if p.ext {
				ping = wire.Ping{Type: wire.ExtPing}.Append(nil)
			}
			_ = c.Send(transport.Message{Data: ping})
			_ = c.Send(transport.Message{Data: wire.ObjectMessage{DoID: 1, Field: uint16(p.schema.Class("Avatar").FieldByName("emote").Number()), Args: []byte{1}}.Append(nil)})
		}
	}
	p.follower.Received(c, msgs)
	p.mu.Lock()
	hp, ok := p.follower.hp[1]
	p.mu.Unlock()
	if ok {
		select {
		case p.hp <- hp:
		default:
		}
	}
}

// Opened sends the hello; the interest comes when the server has let it in.
func (p *player) Opened(c transport.Conn) {
	h := wire.Hello{DCHash: p.schema.Hash(), UpdateRate: 60, CommandRate: 100}
	if p.ext {
		h.Extension = wire.Extension{Present: true, Features: wire.FeatureSnapshots}
	}
	_ = c.Send(transport.Message{Data: must(h.Append(nil))})
	c.Flush()
}
