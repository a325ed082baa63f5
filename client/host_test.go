package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/internal/udplink"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
	"github.com/culm-net/culm/world"
)

// host is a server on a real socket. It and its clients run by themselves, in real
// time.
type host struct {
	t        *testing.T
	world    *world.World
	pipes    *pipes.Server
	listener *quic.Listener
	pin      quic.Fingerprint
	joined   chan *world.Client
	stop     func() // the second time does nothing
}

// hostConfig says how a host differs from others.
type hostConfig struct {
	addr  string // default: a new one
	cert  *quic.Certificate
	quic  quic.Config
	pipes pipes.Config
	// tick is called in each tick.
	tick func(w *world.World, tick uint32)
}

func newHost(t *testing.T, c hostConfig) *host {
	t.Helper()
	h := &host{t: t, joined: make(chan *world.Client, 1000)}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	h.world, err = world.New(world.Config{Schema: schemaOf(t), Log: quiet, Events: world.Events{
		Tick: func(tick uint32) {
			if c.tick != nil {
				c.tick(h.world, tick)
			}
		},
		Joined: func(c *world.Client) { h.joined <- c },
	}})
	check(t, err)
	c.pipes.World, c.pipes.Log = h.world, quiet
	h.pipes, err = pipes.NewServer(c.pipes)
	check(t, err)
	if c.cert != nil {
		c.quic.TLS = &tls.Config{GetCertificate: c.cert.Get}
	}
	if c.addr == "" {
		c.addr = "127.0.0.1:0"
	}
	for { // until the socket of the host before is free
		if h.listener, err = quic.Listen(c.addr, c.quic); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	check(t, err)
	h.pin, err = h.listener.Fingerprint()
	check(t, err)
	serving, close := context.WithCancel(context.Background())
	ticking, stopWorld := context.WithCancel(context.Background())
	var served, ticked sync.WaitGroup
	served.Go(func() {
		if err := h.pipes.Serve(serving, h.listener); err != nil {
			t.Error(err)
		}
	})
	ticked.Go(func() {
		if err := h.world.Run(ticking); err != nil {
			t.Error(err)
		}
	})
	h.stop = func() {
		close()
		served.Wait()
		stopWorld()
		ticked.Wait()
	}
	t.Cleanup(h.stop)
	return h
}

func (h *host) addr() string { return h.listener.Addr().String() }

// behind puts a network between a host and its clients.
func (h *host) behind(c udplink.Config) *udplink.Link {
	h.t.Helper()
	l, err := udplink.New("127.0.0.1:0", h.addr(), c)
	check(h.t, err)
	h.t.Cleanup(func() { _ = l.Close() })
	return l
}

// guest is a client that plays by itself and tells what happens to it.
type guest struct {
	t *testing.T
	*client.Client
	connected chan uint32 // its numbers
	lost      chan error
	ended     chan error // once
	ticks     chan uint32
	// leave returns when it has left.
	leave func()
}

// visit makes a client of the host at addr, by default of h itself.
func (h *host) visit(addr string, c client.Config, interest ...uint32) *guest {
	h.t.Helper()
	if addr == "" {
		addr = h.addr()
	}
	g := &guest{t: h.t, connected: make(chan uint32, 100), lost: make(chan error, 10_000), ended: make(chan error, 1), ticks: make(chan uint32, 1)}
	if c.Schema == nil {
		c.Schema = schemaOf(h.t)
	}
	c.Log = slog.New(slog.DiscardHandler)
	if c.Dial == nil {
		c.Dial = dialer(addr, quic.Config{Pins: []quic.Fingerprint{h.pin}})
	}
	c.ReconnectMin, c.ReconnectMax = 10*time.Millisecond, 100*time.Millisecond
	c.Events.Connected = func() { g.connected <- g.ID() }
	c.Events.Lost = func(err error, _ time.Duration) { g.lost <- err }
	c.Events.Ended = func(err error) { g.ended <- err }
	c.Events.Snapshot = func(s client.Snapshot) {
		select {
		case g.ticks <- s.Tick:
		default:
		}
	}
	var err error
	g.Client, err = client.New(c)
	check(h.t, err)
	if len(interest) > 0 {
		g.AddInterest(nil, interest...)
	}
	playing, leave := context.WithCancel(context.Background())
	var ran sync.WaitGroup
	ran.Go(func() { _ = g.Run(playing) })
	g.leave = func() { leave(); ran.Wait() }
	h.t.Cleanup(g.leave)
	return g
}

func dialer(addr string, c quic.Config) func(context.Context, transport.Handler) (transport.Conn, error) {
	return func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		return quic.Dial(ctx, addr, c, h)
	}
}

// goesOn waits until a client has snapshots of later ticks than the present one,
// and checks that it did not lose its connection since it was asked last.
func (g *guest) goesOn(h *host) {
	g.t.Helper()
	for present := h.world.Stats().Tick; ; {
		select {
		case tick := <-g.ticks:
			if int32(tick-uint32(present)) > 3 {
				return
			}
		case err := <-g.lost:
			g.t.Fatalf("an honest client is lost: %v", err)
		case err := <-g.ended:
			g.t.Fatalf("an honest client has ended: %v", err)
		case <-time.After(patience):
			g.t.Fatal("an honest client gets no snapshots")
		}
	}
}

// patience is after how long a test gives up on an event, which it says rather than
// to hang.
const patience = 60 * time.Second

// next waits for what comes next.
func next[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("it did not happen: %s", what)
		panic("unreachable")
	}
}

// history is what the objects of a world were at each tick. It is written by what
// changes the world, and never read out of it.
type history struct {
	t      testing.TB
	random *rand.Rand
	last   uint32 // tick in which something changes; of the world's goroutine

	mu      sync.Mutex
	objects map[uint32]*world.Object
	now     map[uint32]state
	ticks   map[uint32]map[uint32]state
	over    bool
}

// state is what a client can know of an object.
type state struct {
	class, name string
	x, y        float64
	hp          uint64
	zone        uint32
}

// newHistory makes one without an end: see last.
func newHistory(t testing.TB, seed uint64) *history {
	return &history{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), last: math.MaxUint32,
		objects: map[uint32]*world.Object{}, now: map[uint32]state{}, ticks: map[uint32]map[uint32]state{},
	}
}

// tick lets something happen and writes it down. It is for hostConfig.tick.
func (h *history) tick(w *world.World, tick uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = tick > h.last
	if !h.over {
		h.spawn(w)
		for id, o := range h.objects {
			if h.random.IntN(3) == 0 {
				h.change(id, o)
			}
		}
	}
	seal := make(map[uint32]state, len(h.now))
	for id, s := range h.now {
		seal[id] = s
	}
	h.ticks[tick] = seal
}

func (h *history) spawn(w *world.World) {
	if len(h.objects) >= 30 {
		return
	}
	s := state{class: "Ball", zone: 1 + h.random.Uint32N(3), x: h.random.Float64()}
	fields := map[string]any{"x": s.x}
	if h.random.IntN(2) == 0 {
		s.class, s.name, s.hp = "Avatar", "somebody", 100
		fields = map[string]any{"name": s.name, "pos": []any{s.x, s.y}}
	}
	o, err := w.Spawn(world.Spawn{Class: s.class, Zone: s.zone, Fields: fields})
	if err != nil {
		h.t.Error(err)
		return
	}
	h.objects[o.ID()], h.now[o.ID()] = o, s
}

func (h *history) change(id uint32, o *world.Object) {
	s := h.now[id]
	var err error
	switch what := h.random.IntN(60); {
	case what == 0:
		err = o.Delete()
		delete(h.objects, id)
		delete(h.now, id)
		if err != nil {
			h.t.Error(err)
		}
		return
	case what < 4:
		s.zone = 1 + s.zone%3
		err = o.Move(s.zone)
	case s.class == "Ball":
		s.x++
		err = o.Set("x", s.x)
	case what < 20:
		s.hp = uint64(h.random.IntN(101))
		err = o.Set("hp", s.hp)
	default:
		s.x, s.y = s.x+1, s.y-1
		err = o.Set("pos", []any{s.x, s.y})
	}
	if err != nil {
		h.t.Error(err)
	}
	h.now[id] = s
}

// was checks that an object is to a client what it was at the tick that the client
// says. Where it is is told apart from what it is.
func (h *history) was(o *client.Object) {
	is := look(o)
	h.mu.Lock()
	defer h.mu.Unlock()
	was, ok := h.ticks[o.Tick()][o.ID()]
	was.zone = is.zone
	if !ok || is != was {
		h.t.Errorf("%v at tick %d is %+v; there it was %+v, %v", o, o.Tick(), is, was, ok)
	}
}

// shows tells whether the history is over and a client of the zones 1 and 2 shows
// how it ended. In the plain dialect nobody tells it that an object went from one to
// the other.
func (h *history) shows(c *client.Client) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for id, s := range h.now {
		if s.zone == 3 {
			continue
		}
		n++
		o := c.Object(id)
		if o == nil {
			return false
		}
		is := look(o)
		if !c.Extended() {
			is.zone = s.zone
		}
		if is != s {
			return false
		}
	}
	for range c.Objects() {
		n--
	}
	return h.over && n == 0
}

// look reads the state of a client's object.
func look(o *client.Object) state {
	get := func(field string) any {
		v, err := o.Get(field)
		if err != nil {
			panic(err)
		}
		return v[0]
	}
	s := state{class: o.Class().Name(), zone: o.Zone()}
	if s.class == "Ball" {
		s.x = get("x").(float64)
		return s
	}
	pos := get("pos").([]any)
	s.name, s.hp, s.x, s.y = get("name").(string), get("hp").(uint64), pos[0].(float64), pos[1].(float64)
	return s
}
