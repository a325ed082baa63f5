// Package astronbots plays many clients of Astron's protocol against a cluster,
// with AIs that let them in and have avatars of their own: they log in, open
// interests, walk and move avatars, go and come again, check what they see, and
// measure how long it takes.
package astronbots

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/gait"
	"github.com/culm-net/culm/internal/loadgen"
	"github.com/culm-net/culm/transport"
)

// Config says what the bots do.
type Config struct {
	// Schema is the cluster's.
	Schema *dc.Schema
	// Class and Field say which avatars walk and by which field. Where a name
	// is empty, the bots choose.
	Class, Field string
	// Version and Hash are what clients say in their hello.
	Version string
	Hash    uint32
	// Dial connects a client to the client agent, DialAI an AI to the message
	// director.
	Dial, DialAI func(context.Context, transport.Handler) (transport.Conn, error)
	// StateServer is the control channel of the state server that holds the
	// avatars.
	StateServer uint64
	// FirstID is the first of 100,000,000 doIds and channels that the AIs use.
	FirstID uint32
	// Login is the anonymous UberDOG of the cluster at which clients log in and
	// whose place the bots' AI takes. Without one (ID 0) it makes all clients
	// that there are established.
	Login Login

	// Guests are let in and given avatars by the game's own UberDOG Login, and
	// not by an AI of the bots. They tell the steps of other bots' avatars and
	// let all else be as it is. Objects, Moves and AIChurn are not for them.
	Guests bool

	// Clients is how many clients there are.
	Clients int
	// Walkers is how many of them walk; -1 means all.
	Walkers int
	// Rate is how many steps per second each walker makes.
	Rate float64
	// Objects is how many avatars an AI has, and ObjectRate how many steps per
	// second each of them makes.
	Objects    int
	ObjectRate float64
	// Zones is over how many zones they spread: 1 to Zones.
	Zones int
	// Moves is how often per second an avatar moves into another zone; that of a
	// client takes the client's interest with it.
	Moves float64
	// Relocate has clients move their avatars, and not the AI.
	Relocate bool
	// Churn is how often per second a client goes and comes again.
	Churn float64
	// AIChurn is how often the AI with avatars does; 0 means never.
	AIChurn time.Duration
	// Idle clients say hello and do nothing else.
	Idle bool
	// For is how long they play, or are idle.
	For time.Duration

	// ServerPID is the server's process, to be watched on Linux; 0 for none.
	ServerPID int
	// Progress gets a line every few seconds.
	Progress io.Writer
	// Log gets what happens to the AIs.
	Log *slog.Logger

	settleWithin time.Duration   // until all agree in the end; 15 s unless a test says otherwise
	enough       func(*run) bool // ends a test before For is over; nil never does
}

// Login is an UberDOG and the field by which clients log in.
type Login struct {
	ID           uint32
	Class, Field string
}

const (
	dialers        = 64               // connections that are made at the same time
	joinWithin     = 30 * time.Second // one client, from dialing to its first interest
	progressEvery  = 5 * time.Second
	heartbeatEvery = 15 * time.Second
	churners       = 16 // clients that come again at the same time
)

// run is the state that clients and AIs share.
type run struct {
	Config
	gait  *gait.Gait
	gate  *gate  // nil when idle
	crowd *crowd // nil when idle
	bots  []*bot
	began time.Time

	avatars sync.Map // of *avatar by doId: those that there are
	lastID  atomic.Uint32

	departed sync.Map // doIds of guests' avatars that are no more

	latency, logins, interests loadgen.Histogram
	relocations, rejoins       atomic.Uint64

	faults [kinds]atomic.Int64

	mu      sync.Mutex
	reasons []string // what some of the faults were
}

func (r *run) root() uint32   { return r.FirstID + rootOffset }
func (r *run) nextID() uint32 { return r.FirstID + firstAvatar + r.lastID.Add(1)%(idRange-firstAvatar) }
func (r *run) clock() int64   { return int64(time.Since(r.began)) + 1 } // in ns, never 0
func (r *run) otherZone(not uint32) uint32 {
	return 1 + (not+rand.Uint32N(uint32(r.Zones-1)))%uint32(r.Zones) // not is 1 to Zones
}

// zoneOf is where an avatar begins.
func (r *run) zoneOf(id uint32) uint32 { return 1 + id%uint32(r.Zones) }

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.Progress, "%6.1f s  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// newAI makes an AI that is to run until ctx is done. When it loses its link
// before, its objects come again, which the bots do not reckon with.
func (r *run) newAI(ctx context.Context, channel uint32, connected func()) (*ai.AI, error) {
	return ai.New(ai.Config{
		Schema: r.Schema, Dial: r.DialAI, StateServer: r.StateServer, Channel: uint64(channel), Log: r.Log,
		Events: ai.Events{Connected: connected, Lost: func() {
			if ctx.Err() == nil {
				r.fault(disconnected, 1, "an AI has lost its link")
			}
		}},
	})
}

// keep runs an AI.
func (r *run) keep(ctx context.Context, a *ai.AI) {
	if err := a.Run(ctx); err != nil {
		r.fault(disconnected, 1, "an AI: %v", err)
	}
}

func sleep(ctx context.Context, d time.Duration) { loadgen.Sleep(ctx, d) }

// Run plays the bots. When ctx is done they stop early, and what they have seen
// until then is reported. The error says why they could not play; whether what
// they saw was right is in the summary.
func Run(ctx context.Context, c Config) (*Summary, error) {
	c.settleWithin = cmp.Or(c.settleWithin, 15*time.Second)
	if c.Walkers < 0 {
		c.Walkers = c.Clients
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Guests {
		c.Objects, c.Moves, c.AIChurn = 0, 0, 0
	}
	r := &run{Config: c, began: time.Now()}
	for i := range c.Clients {
		r.bots = append(r.bots, &bot{run: r, index: i})
	}
	s := &Summary{Clients: c.Clients}
	before, err := loadgen.ReadUsage(c.ServerPID)
	if err != nil {
		return nil, err
	}
	var ais sync.WaitGroup
	aiCtx, stopAIs := context.WithCancel(context.WithoutCancel(ctx))
	defer ais.Wait()
	defer stopAIs()
	if !c.Idle {
		if r.gait, err = gait.Choose(c.Schema, c.Class, c.Field); err != nil {
			return nil, err
		}
		if r.gate, err = newGate(aiCtx, r); err != nil {
			return nil, err
		}
	}
	if !c.Idle && !c.Guests {
		if err := c.probe(ctx); err != nil {
			return nil, err
		}
		ais.Go(func() { r.keep(aiCtx, r.gate.ai) })
		if err := r.gate.hears(ctx); err != nil {
			return nil, err
		}
		ais.Go(func() { r.gate.open(aiCtx) })
		r.crowd = &crowd{run: r}
		if err := r.crowd.join(); err != nil {
			r.crowd.leave()
			return nil, err
		}
		defer r.crowd.leave()
	}
	defer r.leave(func(*bot) bool { return true })
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	heartbeats := loadgen.Every(heartbeatEvery, func() {
		for _, b := range r.bots {
			b.heartbeat()
		}
	})
	defer heartbeats()
	after := before.Later(c.ServerPID)
	if c.ServerPID != 0 {
		s.ServerRSSPerClient = (after.RSS - before.RSS) / int64(c.Clients)
		s.ServerCPUMicrosPerLogin = (after.CPU - before.CPU) * 1e6 / float64(c.Clients)
		r.say("the server has %d KiB resident, %.1f KiB per client more than before, and used %.0f µs of CPU for each",
			after.RSS>>10, float64(s.ServerRSSPerClient)/1024, s.ServerCPUMicrosPerLogin)
	}
	r.play(ctx, s, before)
	r.mu.Lock()
	s.Reasons = r.reasons
	r.mu.Unlock()
	s.Faults = r.counted()
	return s, nil
}

// probe tells at once that there is no message director; AIs would try again and
// again.
func (c *Config) probe(ctx context.Context) error {
	done := make(chan struct{})
	conn, err := c.DialAI(ctx, prober(done))
	if err != nil {
		return fmt.Errorf("the bots' AIs cannot reach the message director: %w", err)
	}
	conn.Close(transport.CodeNormal, "")
	<-done
	return nil
}

// prober is closed when its connection is.
type prober chan struct{}

func (prober) Opened(transport.Conn)             {}
func (prober) Received(transport.Conn, [][]byte) {}
func (p prober) Closed(transport.Conn, error)    { close(p) }

// connect has all clients join.
func (r *run) connect(ctx context.Context) error {
	var up atomic.Int64
	stop := loadgen.Every(progressEvery, func() { r.say("%d of %d clients logged in", up.Load(), r.Clients) })
	defer stop()
	err := loadgen.Each(ctx, len(r.bots), dialers, func(ctx context.Context, i int) error {
		if err := r.bots[i].join(ctx); err != nil {
			return fmt.Errorf("client %d of %d cannot log in: %w", i+1, r.Clients, err)
		}
		up.Add(1)
		return nil
	})
	if err == nil {
		r.say("%d clients logged in", r.Clients)
	}
	return err
}

// play lets them do what they do, and then sees whether all agree.
func (r *run) play(ctx context.Context, s *Summary, before loadgen.Usage) {
	start := before.Later(r.ServerPID)
	began := time.Now()
	r.playAll(ctx)
	s.Seconds = time.Since(began).Seconds()
	if !r.Idle {
		r.await(r.agree)
	}
	end := start.Later(r.ServerPID)
	s.ServerCPUSeconds, s.BotsCPUSeconds = end.CPU-start.CPU, end.OwnCPU-start.OwnCPU
	s.ServerRSSGrowth = end.RSS - start.RSS
	if r.Idle {
		s.ServerRSSPerClient = (end.RSS - before.RSS) / int64(r.Clients)
		return
	}
	s.measured(r)
	r.judge()
	r.say("half of the clients leave")
	r.leave(func(b *bot) bool { return b.index%2 == 1 })
	r.await(r.agree)
	r.judge()
}

// playAll has everything happen until the time is over or ctx is done.
func (r *run) playAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.For)
	defer cancel()
	stop := r.progress()
	defer stop()
	if r.enough != nil {
		defer loadgen.Every(10*time.Millisecond, func() {
			if r.enough(r) {
				cancel()
			}
		})()
	}
	var playing sync.WaitGroup
	defer playing.Wait()
	pace := func(perSecond float64, f func(turn int)) {
		if perSecond > 0 {
			playing.Go(func() { loadgen.Pace(ctx, perSecond, r.For, 0, f) })
		}
	}
	defer sleep(ctx, r.For) // also where nobody does anything
	if r.Idle {
		return
	}
	r.say("%d clients walk by %s.%s, %g steps per second each; an AI has %d avatars, %g each", r.Walkers, r.gait.Class.Name(), r.gait.Field.Name(), r.Rate, r.Objects, r.ObjectRate)
	pace(r.Rate*float64(r.Walkers), func(turn int) { r.bots[turn%r.Walkers].walk() })
	pace(r.ObjectRate*float64(r.Objects), r.crowd.walk)
	if r.Zones > 1 {
		pace(r.Moves, func(int) { r.relocate() })
	}
	if r.Churn > 0 {
		going := make(chan *bot, churners)
		for range churners {
			playing.Go(func() {
				for b := range going {
					r.again(ctx, b)
				}
			})
		}
		playing.Go(func() {
			defer close(going)
			loadgen.Pace(ctx, r.Churn, r.For, time.Second, func(turn int) {
				select {
				case going <- r.bots[turn%len(r.bots)]:
				case <-ctx.Done():
				}
			})
		})
	}
	if r.AIChurn > 0 {
		pace(1/r.AIChurn.Seconds(), func(turn int) {
			if turn == 0 {
				return // it has only just come
			}
			r.crowd.leave()
			if err := r.crowd.join(); err != nil {
				r.fault(disconnected, 1, "%v", err)
			}
			r.rejoins.Add(1)
		})
	}
}

// relocate moves some avatar.
func (r *run) relocate() {
	r.relocations.Add(1)
	if i := rand.IntN(r.Clients + r.Objects); i >= r.Clients {
		r.crowd.relocate(i-r.Clients, 1+rand.Uint32N(uint32(r.Zones)))
	} else if b := r.bots[i]; b != nil {
		b.mu.Lock()
		zone := max(b.zone, 1)
		b.mu.Unlock()
		b.relocate(r.otherZone(zone))
	}
}

// again has a client go and come again, unless it is still coming since the last
// time: a slow server's clients go less often.
func (r *run) again(ctx context.Context, b *bot) {
	if !b.coming.TryLock() {
		return
	}
	defer b.coming.Unlock()
	b.leave()
	if err := b.join(context.WithoutCancel(ctx)); err != nil {
		r.fault(disconnected, 1, "client %d cannot come again: %v", b.index, err)
		return
	}
	r.rejoins.Add(1)
}

// progress says how it goes, until stop.
func (r *run) progress() (stop func()) {
	last, lastAt := r.deliveries(), time.Now()
	return loadgen.Every(progressEvery, func() {
		if r.Idle {
			r.say("%d clients idle, %d faults", r.Clients, r.counted().Total())
			return
		}
		now, total := time.Now(), r.deliveries()
		r.say("%.0f deliveries per second, latency p50 %v p99 %v max %v, %d moves, %d logins anew, %d faults",
			float64(total-last)/now.Sub(lastAt).Seconds(), loadgen.Round(r.latency.Quantile(0.5)), loadgen.Round(r.latency.Quantile(0.99)),
			loadgen.Round(r.latency.Max()), r.relocations.Load(), r.rejoins.Load(), r.counted().Total())
		last, lastAt = total, now
	})
}

// await looks again and again whether ok, for a while.
func (r *run) await(ok func() bool) {
	for end := time.Now().Add(r.settleWithin); !ok() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}

// leave has those clients leave that are chosen.
func (r *run) leave(chosen func(*bot) bool) {
	_ = loadgen.Each(context.Background(), len(r.bots), dialers, func(_ context.Context, i int) error {
		if chosen(r.bots[i]) {
			r.bots[i].leave()
		}
		return nil
	})
}
