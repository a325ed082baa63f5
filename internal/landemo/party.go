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
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

//go:embed walkers.dc
var schemaText []byte

var names = []string{"Anna", "Bert", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hanna", "Ivo", "June", "Kurt", "Lou"}

// The world is a meadow and a forest beside it, each a zone of its own.
const (
	worldWidth  = 100.0
	worldHeight = 50.0
	border      = worldWidth / 2
	meadow      = 1
	forest      = 2
	speed       = 8.0 // per second
	stepsPerSec = 20  // of each walker
)

func zoneOf(x float64) uint32 {
	if x < border {
		return meadow
	}
	return forest
}

func zoneName(zone uint32) string {
	if zone == meadow {
		return "meadow"
	}
	return "forest"
}

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
	chat    []Line
	spoken  int // lines so far, of which chat has the last
	latency ring
	rate    rate
	closing bool
}

// Line is something that was said.
type Line struct {
	At   time.Duration // since the party began
	Name string
	Text string
}

const keptLines = 50

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
	p.watcher = &watcher{party: p, seen: make(map[uint32]*Walker)}
	err := p.connect(ctx, p.watcher, &p.watcher.client, func(c *lan.Client) transport.Handler { return c })
	if err != nil {
		return err
	}
	if err := p.watcher.client.SetInterest(meadow, forest); err != nil {
		return err
	}
	p.watcher.client.Flush()
	for i, name := range names {
		g := &guest{party: p, index: i, name: name, near: make(map[uint32]string)}
		g.x, g.y = p.random.Float64()*worldWidth, p.random.Float64()*worldHeight
		g.aimX, g.aimY = g.x, g.y
		g.zone = zoneOf(g.x)
		p.mu.Lock()
		p.guests = append(p.guests, g)
		p.mu.Unlock()
		if err := p.connect(ctx, g, &g.client, func(c *lan.Client) transport.Handler { return &clocked{c, g} }); err != nil {
			return err
		}
		if g.avatar, err = g.client.Create("Walker", g.zone, lan.Set("setName", name), lan.Set("setPos", g.x, g.y, 0)); err != nil {
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

// View is what the watcher sees.
type View struct {
	Addr    string
	Elapsed time.Duration
	Walkers []Walker // by name
	Chat    []Line   // the last ones
	Spoken  int      // lines so far
	// PerSecond is how many messages the server sent in the last second.
	PerSecond float64
	// P50 and P99 are of the latest steps, from one client to another.
	P50, P99 time.Duration
}

// Walker is an avatar.
type Walker struct {
	Name string
	Zone uint32
	X, Y float64
	Sees int // how many others its client sees
}

// View returns what the watcher sees now.
func (p *Party) View() View {
	sent := p.server.Stats().Sent
	p.mu.Lock()
	defer p.mu.Unlock()
	v := View{Addr: p.listener.Addr().String(), Elapsed: p.clock(), Chat: slices.Clone(p.chat), Spoken: p.spoken}
	for _, w := range p.watcher.seen {
		v.Walkers = append(v.Walkers, *w)
	}
	slices.SortFunc(v.Walkers, func(a, b Walker) int { return cmp.Compare(a.Name, b.Name) })
	for i := range v.Walkers {
		for _, g := range p.guests {
			if g.name == v.Walkers[i].Name {
				v.Walkers[i].Sees = len(g.near)
			}
		}
	}
	v.PerSecond = p.rate.of(v.Elapsed, sent)
	v.P50, v.P99 = p.latency.quantile(0.5), p.latency.quantile(0.99)
	return v
}

// ring has the latest latencies.
type ring struct {
	last []time.Duration
	next int
}

const ringSize = 2000

func (r *ring) add(d time.Duration) {
	if len(r.last) < ringSize {
		r.last = append(r.last, d)
		return
	}
	r.last[r.next] = d
	r.next = (r.next + 1) % ringSize
}

func (r *ring) quantile(q float64) time.Duration {
	if len(r.last) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(r.last))[int(q*float64(len(r.last)-1))]
}

// rate tells how fast a counter grew in about the last second.
type rate struct {
	samples []sample
}

type sample struct {
	at time.Duration
	n  uint64
}

func (r *rate) of(at time.Duration, n uint64) float64 {
	r.samples = append(r.samples, sample{at, n})
	for len(r.samples) > 2 && at-r.samples[1].at >= time.Second {
		r.samples = r.samples[1:]
	}
	first := r.samples[0]
	if at <= first.at {
		return 0
	}
	return float64(n-first.n) / (at - first.at).Seconds()
}
