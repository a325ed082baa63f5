// Package pipesdemo is a party: a world with a dozen clients that walk about and
// talk, on real UDP sockets, and what one more client sees of it.
package pipesdemo

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/udplink"
	"github.com/culm-net/culm/internal/walkers"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/pipes/settings"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
	"github.com/culm-net/culm/world"
)

//go:embed walkers.dc
var schemaText []byte

// framesPerSec is how often the clients live, and look.
const framesPerSec = 60

// linger is how long a connection may take to end when the party does.
const linger = 300 * time.Millisecond

// Config says how a party is.
type Config struct {
	Settings settings.Settings
	// Loss is the share of packets that are lost in each direction, 0 to 1, and
	// Lag how long a packet travels there and an answer back.
	Loss float64
	Lag  time.Duration
	// Seed makes the walkers want the same things.
	Seed uint64
}

// Party is a server with its clients. Its methods are safe for concurrent use.
type Party struct {
	config   Config
	title    string
	world    *world.World
	server   *pipes.Server
	listener *quic.Listener
	link     *udplink.Link // nil if there is none
	clients  []*client.Client
	guests   []*guest
	watcher  *watcher
	began    time.Time
	failed   chan error // has room for one
	closing  atomic.Bool

	stopServer, stopWorld, stopClients context.CancelFunc
	serving, ticking, playing          sync.WaitGroup

	mu          sync.Mutex   // guards all that follows
	shown       walkers.View // what the watcher and the guests saw in their last frame
	ticks       walkers.Ring // how long they took
	tickRate    walkers.Rate
	ticksPerSec float64
	sent        walkers.Rate // bytes to all clients
	snapshots   walkers.Rate // to all clients
	rtt         time.Duration
	loss        float64
}

// NewParty starts a server on the loopback interface and sends the clients
// there. They are not connected yet when it returns.
func NewParty(cfg Config) (*Party, error) {
	s := cfg.Settings
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if n := len(walkers.Names) + 1; s.MaxClients < n {
		return nil, fmt.Errorf("pipes-max-clients is %d, but the demo has %d clients: let in as many", s.MaxClients, n)
	}
	schema, err := dc.Parse(dc.Source{Name: "walkers.dc", Text: schemaText})
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	p := &Party{config: cfg, began: time.Now(), failed: make(chan error, 1)}
	game, err := newGame(world.Config{Schema: schema, TickRate: netclock.Rate(s.TickRate), Log: quiet}, cfg.Seed, p.fail)
	if err != nil {
		return nil, err
	}
	p.world = game.world
	p.world.OnSeal(nil, func(tick uint32) { p.ticked(tick, p.world.Stats().LastTick) })
	p.server, err = pipes.NewServer(pipes.Config{
		World:         p.world,
		Password:      s.Password,
		MaxClients:    s.MaxClients,
		MinUpdateRate: s.MinUpdateRate,
		MaxUpdateRate: s.MaxUpdateRate,
		Log:           quiet,
	})
	if err != nil {
		return nil, err
	}
	p.listener, err = quic.Listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)), quic.Config{Linger: linger})
	if err != nil {
		return nil, fmt.Errorf("%w; choose another port with --pipes-port", err)
	}
	if err := p.start(schema); err != nil {
		_ = p.listener.Close()
		return nil, err
	}
	return p, nil
}

// start lets the server and the clients run.
func (p *Party) start(schema *dc.Schema) error {
	addr := p.listener.Addr().String()
	p.title = fmt.Sprintf("world on %s (QUIC), %d clients", addr, len(walkers.Names)+1)
	if p.config.Loss > 0 || p.config.Lag > 0 {
		var err error
		p.link, err = udplink.New("127.0.0.1:0", addr, udplink.Config{Loss: p.config.Loss, Latency: p.config.Lag / 2, Seed: p.config.Seed})
		if err != nil {
			return err
		}
		addr = p.link.Addr().String()
		p.title += fmt.Sprintf(", %.3g%% loss, %v lag", 100*p.config.Loss, p.config.Lag)
	}
	dial, err := p.dialer(addr)
	if err == nil {
		err = p.invite(schema, dial)
	}
	if err != nil {
		if p.link != nil {
			_ = p.link.Close()
		}
		return err
	}

	var serveCtx, tickCtx, playCtx context.Context
	serveCtx, p.stopServer = context.WithCancel(context.Background())
	tickCtx, p.stopWorld = context.WithCancel(context.Background())
	playCtx, p.stopClients = context.WithCancel(context.Background())
	p.serving.Go(func() { p.fail(p.server.Serve(serveCtx, p.listener)) })
	p.ticking.Go(func() { p.fail(p.world.Run(tickCtx)) })
	p.playing.Go(func() { p.play(playCtx) })
	return nil
}

// dialer returns how clients connect to the address: they know the server by its
// certificate's fingerprint.
func (p *Party) dialer(addr string) (func(context.Context, transport.Handler) (transport.Conn, error), error) {
	fingerprint, err := p.listener.Fingerprint()
	if err != nil {
		return nil, err
	}
	cfg := quic.Config{Pins: []quic.Fingerprint{fingerprint}, Linger: linger}
	return func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		c, err := quic.Dial(ctx, addr, cfg, h)
		if err != nil {
			return nil, err
		}
		return c, nil
	}, nil
}

// invite makes the guests and the watcher.
func (p *Party) invite(schema *dc.Schema, dial func(context.Context, transport.Handler) (transport.Conn, error)) error {
	s := p.config.Settings
	delay, ratio := s.Interpolation()
	connect := func(who string) (*client.Client, error) {
		c, err := client.New(client.Config{
			Schema:       schema,
			Dial:         dial,
			Password:     s.Password,
			UpdateRate:   uint16(s.UpdateRate),
			CommandRate:  uint16(s.CommandRate),
			Interp:       delay,
			InterpRatio:  ratio,
			PingInterval: s.Ping(),
			Clock:        s.Clock(),
			Log:          slog.New(slog.DiscardHandler),
			Events: client.Events{Ended: func(err error) {
				p.fail(fmt.Errorf("%s cannot go on: %w", who, err))
			}},
		})
		if err == nil {
			p.clients = append(p.clients, c)
		}
		return c, err
	}
	for i, name := range walkers.Names {
		c, err := connect(name)
		if err != nil {
			return err
		}
		g, err := newGuest(c, name, rand.New(rand.NewPCG(p.config.Seed, uint64(2+i))), p.clock)
		if err != nil {
			return err
		}
		p.guests = append(p.guests, g)
	}
	c, err := connect("the watcher")
	if err != nil {
		return err
	}
	p.watcher, err = newWatcher(c, p.clock)
	return err
}

// play drives the clients until ctx is done. All of them belong to its goroutine.
func (p *Party) play(ctx context.Context) {
	frame := time.NewTicker(time.Second / framesPerSec)
	defer frame.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		for _, c := range p.clients {
			c.Frame(now)
		}
		for _, g := range p.guests {
			if err := g.live(); err != nil {
				p.fail(fmt.Errorf("%s cannot go on: %w", g.name, err))
			}
		}
		p.look()
		select {
		case <-ctx.Done():
		case <-frame.C:
		}
	}
	for _, c := range p.clients {
		c.Close()
	}
	for _, c := range p.clients {
		c.Wait()
	}
}

func (p *Party) clock() time.Duration { return time.Since(p.began) }

// fail ends the party for a reason, if there is one.
func (p *Party) fail(err error) {
	if err == nil || p.closing.Load() {
		return
	}
	select {
	case p.failed <- err:
	default:
	}
}

// Failed returns a channel that gets an error when the party cannot go on.
func (p *Party) Failed() <-chan error { return p.failed }

// Close ends the party. All its goroutines have ended when it returns.
func (p *Party) Close() {
	p.closing.Store(true)
	p.stopClients()
	p.playing.Wait()
	p.stopServer()
	p.serving.Wait()
	p.stopWorld()
	p.ticking.Wait()
	_ = p.listener.Close()
	if p.link != nil {
		_ = p.link.Close()
	}
}
