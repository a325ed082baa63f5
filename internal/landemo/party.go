// Package landemo is a party: a LAN server with a dozen clients that walk
// about and talk, and what one more client sees of it.
package landemo

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/walkers"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

//go:embed walkers.dc
var schemaText []byte

const stepsPerSec = 20 // of each walker

// Party is a server with its guests. Its methods are safe for concurrent use.
type Party struct {
	schema   *dc.Schema
	server   *lan.Server
	listener *tcp.Listener
	guests   []*guest
	watcher  *watcher
	began    time.Time
	failed   chan error // has room for one

	leaving context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex // guards all that follows, and the state of guests and watcher
	random  *rand.Rand
	chat    walkers.Chat
	latency walkers.Ring
	rate    walkers.Rate
	closing bool
}

// NewParty starts a server on a free port of the loopback interface and lets
// the guests in. The same seed makes them want the same things.
func NewParty(ctx context.Context, seed uint64) (*Party, error) {
	schema, err := dc.Parse(dc.Source{Name: "walkers.dc", Text: schemaText})
	if err != nil {
		return nil, err
	}
	server, err := lan.NewServer(lan.Config{Schema: schema, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	listener, err := tcp.Listen("127.0.0.1:0", tcp.Config{})
	if err != nil {
		return nil, err
	}
	p := &Party{schema: schema, server: server, listener: listener, began: time.Now(), failed: make(chan error, 1),
		random: rand.New(rand.NewPCG(seed, 0))}
	serveCtx, cancel := context.WithCancel(context.Background())
	p.leaving = cancel
	p.running.Go(func() {
		if err := server.Serve(serveCtx, listener); err != nil {
			p.fail(err)
		}
	})
	if err := p.invite(ctx); err != nil {
		p.Close()
		return nil, err
	}
	p.running.Go(func() { p.walk(serveCtx) })
	return p, nil
}

// invite connects the watcher and the guests.
func (p *Party) invite(ctx context.Context) error {
	p.watcher = &watcher{party: p, seen: make(map[uint32]*walkers.Walker)}
	err := p.connect(ctx, p.watcher, &p.watcher.client, func(c *lan.Client) transport.Handler { return c })
	if err != nil {
		return err
	}
	if err := p.watcher.client.SetInterest(walkers.Meadow, walkers.Forest); err != nil {
		return err
	}
	p.watcher.client.Flush()
	for i, name := range walkers.Names {
		at := walkers.Point{X: p.random.Float64() * walkers.Width, Y: p.random.Float64() * walkers.Height}
		g := &guest{party: p, index: i, name: name, at: at, zone: walkers.ZoneOf(at), near: make(map[uint32]string)}
		g.mind = walkers.NewMind(name, p.random, at)
		p.mu.Lock()
		p.guests = append(p.guests, g)
		p.mu.Unlock()
		if err := p.connect(ctx, g, &g.client, func(c *lan.Client) transport.Handler { return &clocked{c, g} }); err != nil {
			return err
		}
		if g.avatar, err = g.client.Create("Walker", g.zone, lan.Set("setName", name), lan.Set("setPos", at.X, at.Y, 0)); err != nil {
			return err
		}
		g.client.Flush()
	}
	return nil
}

// connect lets a client in. *to is set when it has a connection that will be
// closed some day.
func (p *Party) connect(ctx context.Context, e lan.Events, to **lan.Client, handler func(*lan.Client) transport.Handler) error {
	client, err := lan.NewClient(lan.ClientConfig{Schema: p.schema, Events: e})
	if err != nil {
		return err
	}
	if _, err := tcp.Dial(ctx, p.listener.Addr().String(), tcp.Config{}, handler(client)); err != nil {
		return err
	}
	*to = client
	return client.Ready(ctx)
}

// walk moves the guests in turn until ctx is done.
func (p *Party) walk(ctx context.Context) {
	interval := time.Second / stepsPerSec / time.Duration(len(p.guests))
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := p.clock()
	for turn := 0; ; turn++ {
		if wait := due - p.clock(); wait > 0 {
			timer.Reset(wait)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		} else if wait < -time.Second {
			due = p.clock() // the machine was asleep, or is too busy to catch up
		}
		if ctx.Err() != nil {
			return
		}
		due += interval
		g := p.guests[turn%len(p.guests)]
		p.mu.Lock()
		err := g.live(p.clock())
		closing := p.closing
		p.mu.Unlock()
		if err != nil && !closing {
			p.fail(fmt.Errorf("%s cannot go on: %w", g.name, err))
			return
		}
		g.client.Flush()
	}
}

func (p *Party) clock() time.Duration { return time.Since(p.began) }

func (p *Party) fail(err error) {
	select {
	case p.failed <- err:
	default:
	}
}

// Failed returns a channel that gets an error when the party cannot go on.
func (p *Party) Failed() <-chan error { return p.failed }

// disconnected is called for each client that is gone.
func (p *Party) disconnected(who string, err error) {
	p.mu.Lock()
	closing := p.closing
	p.mu.Unlock()
	if !closing {
		p.fail(fmt.Errorf("%s lost the connection: %w", who, err))
	}
}

// Close ends the party. All its goroutines have ended when it returns.
func (p *Party) Close() {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	p.leaving() // the server disconnects everybody
	p.running.Wait()
	_ = p.listener.Close()
	for _, g := range p.guests {
		if g.client != nil {
			<-g.client.Done()
		}
	}
	if p.watcher != nil && p.watcher.client != nil {
		<-p.watcher.client.Done()
	}
}

// View returns what the watcher sees now.
func (p *Party) View() walkers.View {
	sent := p.server.Stats().Sent
	p.mu.Lock()
	defer p.mu.Unlock()
	v := walkers.View{
		Title:   fmt.Sprintf("LAN server on %s, %d clients", p.listener.Addr(), len(p.guests)+1),
		Elapsed: p.clock(),
		Columns: "where   sees    ",
	}
	for _, w := range p.watcher.seen {
		shown := *w
		for _, g := range p.guests {
			if g.name == w.Name {
				shown.Note = fmt.Sprintf("%-7s %d others", walkers.ZoneName(w.Zone), len(g.near))
			}
		}
		v.Walkers = append(v.Walkers, shown)
	}
	slices.SortFunc(v.Walkers, func(a, b walkers.Walker) int { return cmp.Compare(a.Name, b.Name) })
	p.chat.Show(&v)
	v.Numbers = []string{fmt.Sprintf("%.0f messages/s, latency p50 %s p99 %s", p.rate.Of(v.Elapsed, sent),
		walkers.Millis(p.latency.Quantile(0.5)), walkers.Millis(p.latency.Quantile(0.99)))}
	return v
}
