// Package lanbots plays many clients against a LAN server: they walk avatars,
// check what they see of each other, and measure how long it takes.
package lanbots

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/gait"
	"github.com/culm-net/culm/internal/loadgen"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport"
)

// Config says what the bots do.
type Config struct {
	// Schema is the server's.
	Schema *dc.Schema
	// Class and Field say which avatars walk and by which field. Where a name
	// is empty, the bots choose.
	Class, Field string
	// Clients is how many bots there are.
	Clients int
	// Walkers is how many of them walk, the others stand and watch; 0 means
	// all.
	Walkers int
	// Rate is how many steps per second each walker makes.
	Rate float64
	// For is how long they walk, or are idle.
	For time.Duration
	// Zones is over how many zones they spread: 1 to Zones.
	Zones int
	// Idle bots connect and do nothing else.
	Idle bool
	// Dial connects a client to the server.
	Dial func(context.Context, transport.Handler) (transport.Conn, error)
	// ServerPID is the server's process, to be watched on Linux; 0 for none.
	ServerPID int
	// Progress gets a line every few seconds.
	Progress io.Writer

	settleWithin time.Duration // after the last step, and after half have left; 15 s unless a test says otherwise
}

const (
	dialers       = 32               // connections that are made at the same time
	connectWithin = 30 * time.Second // one client, from dialing to its doIds
	gatherWithin  = 60 * time.Second // until all see all
	progressEvery = 5 * time.Second
	remembered    = 1024 // steps whose time is remembered, for each bot
)

// run is the state that bots share.
type run struct {
	Config
	gait  *gait.Gait
	bots  []*bot
	began time.Time

	// names is nil until all bots have their doIds.
	names atomic.Pointer[names]

	gathered atomic.Bool
	latency  loadgen.Histogram
	faults   faults
	sent     []atomic.Int64 // when: by bot and step, window for each

	mu      sync.Mutex
	reasons []string // why clients were disconnected; the first few
}

// window is for how many steps of each bot it is remembered when they were
// made.
func (r *run) window() uint64 { return min(remembered, r.gait.Period()) }

func (r *run) sentAt(bot int, step uint64) *atomic.Int64 {
	return &r.sent[uint64(bot)*r.window()+step%r.gait.Period()%r.window()]
}

// clock is the time in nanoseconds since the run began, never 0.
func (r *run) clock() int64 { return int64(time.Since(r.began)) + 1 }

// names tells by which doIdBase which bot goes.
type names struct {
	doIDRange uint32
	slots     []int32 // the index of the bot with a doIdBase of slot·doIDRange + 1, or -1
}

// maxSlot bounds what a server can make names take.
const maxSlot = 1 << 20

func namesOf(bots []*bot) (*names, error) {
	n := new(names)
	for i, b := range bots {
		base, doIDRange := b.DoIDs()
		if n.doIDRange == 0 {
			n.doIDRange = doIDRange
		}
		slot := int((base - 1) / n.doIDRange)
		if slot > maxSlot {
			return nil, fmt.Errorf("client %d has the doIdBase %d, which is too high for a doId range of %d", i, base, n.doIDRange)
		}
		for len(n.slots) <= slot {
			n.slots = append(n.slots, -1)
		}
		n.slots[slot] = int32(i)
	}
	return n, nil
}

// peer returns the index of the bot with a doIdBase, or -1.
func (r *run) peer(base uint32) int {
	n := r.names.Load()
	if n == nil {
		return -1
	}
	if slot := (base - 1) / n.doIDRange; uint64(slot) < uint64(len(n.slots)) {
		return int(n.slots[slot])
	}
	return -1
}

func (r *run) disconnected(b *bot, err error) {
	r.faults.disconnected.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reasons) < 5 {
		r.reasons = append(r.reasons, fmt.Sprintf("client %d: %v", b.index, err))
	}
}

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.Progress, "%6.1f s  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// Run plays the bots. When ctx is done they stop early, and what they have seen
// until then is reported. The error says why they could not play; whether what
// they saw was right is in the summary.
func Run(ctx context.Context, c Config) (*Summary, error) {
	c.settleWithin = cmp.Or(c.settleWithin, 15*time.Second)
	c.Walkers = cmp.Or(c.Walkers, c.Clients)
	r := &run{Config: c, began: time.Now()}
	if !c.Idle {
		var err error
		if r.gait, err = gait.Choose(c.Schema, c.Class, c.Field); err != nil {
			return nil, err
		}
		r.sent = make([]atomic.Int64, uint64(c.Clients)*r.window())
	}
	before, err := loadgen.ReadUsage(c.ServerPID)
	if err != nil {
		return nil, err
	}
	defer r.leave(func(*bot) bool { return true })
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	after := before.Later(c.ServerPID)
	s := &Summary{Clients: c.Clients}
	if c.ServerPID != 0 {
		s.ServerRSSPerClient = (after.RSS - before.RSS) / int64(c.Clients)
		r.say("the server has %d KiB resident, %.1f KiB per client more than before", after.RSS>>10, float64(s.ServerRSSPerClient)/1024)
	}
	if c.Idle {
		r.stay(ctx, s, before, after)
	} else if err := r.play(ctx, s, after); err != nil {
		return nil, err
	}
	r.mu.Lock()
	s.Reasons = r.reasons
	r.mu.Unlock()
	s.Faults = r.faults.snapshot()
	return s, nil
}

// connect connects all bots and waits for their doIds.
func (r *run) connect(ctx context.Context) error {
	r.bots = make([]*bot, r.Clients)
	for i := range r.bots {
		b := &bot{run: r, index: i, zone: 1 + uint32(i%r.Zones)}
		if !r.Idle {
			b.sight = make([]sight, (r.Clients+r.Zones-1)/r.Zones)
		}
		config := lan.ClientConfig{Schema: r.Schema, Events: b}
		if r.Idle {
			config.Events = idler{bot: b}
		}
		var err error
		if b.Client, err = lan.NewClient(config); err != nil {
			return err
		}
		r.bots[i] = b
	}
	var up atomic.Int64
	stop := loadgen.Every(progressEvery, func() { r.say("%d of %d clients connected", up.Load(), r.Clients) })
	err := loadgen.Each(ctx, len(r.bots), dialers, func(ctx context.Context, i int) error {
		if err := r.connectOne(ctx, r.bots[i]); err != nil {
			return fmt.Errorf("client %d of %d cannot connect: %w", i+1, r.Clients, err)
		}
		up.Add(1)
		return nil
	})
	stop()
	if err != nil {
		return err
	}
	r.say("%d clients connected", r.Clients)
	return nil
}

func (r *run) connectOne(ctx context.Context, b *bot) error {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	var h transport.Handler = b
	if r.Idle {
		h = b.Client
	}
	if _, err := r.Dial(ctx, h); err != nil {
		return err
	}
	b.dialed.Store(true)
	return b.Ready(ctx)
}

// idler is the events of an idle bot.
type idler struct {
	lan.NoEvents
	bot *bot
}

func (i idler) Disconnected(c *lan.Client, err error) { i.bot.Disconnected(c, err) }

// stay has idle bots stay connected. before and start are what the server had
// used before they connected, and now.
func (r *run) stay(ctx context.Context, s *Summary, before, start loadgen.Usage) {
	began := time.Now()
	stop := loadgen.Every(progressEvery, func() {
		r.say("%d clients idle, %d disconnected", r.Clients, r.faults.disconnected.Load())
	})
	defer stop()
	loadgen.Sleep(ctx, r.For)
	end := start.Later(r.ServerPID)
	s.Seconds = time.Since(began).Seconds()
	s.ServerCPUSeconds, s.BotsCPUSeconds = end.CPU-start.CPU, end.OwnCPU-start.OwnCPU
	s.ServerRSSPerClient = (end.RSS - before.RSS) / int64(r.Clients)
}

// play lets the bots gather, walk, and leave. The server had used connected
// when they had connected.
func (r *run) play(ctx context.Context, s *Summary, connected loadgen.Usage) error {
	if err := r.gather(ctx); err != nil {
		return err
	}
	start := connected.Later(r.ServerPID)
	began := time.Now()
	r.walkAll(ctx)
	s.Seconds = time.Since(began).Seconds()
	r.await(ctx, r.settleWithin, r.allArrived)
	end := start.Later(r.ServerPID)
	for _, b := range r.bots {
		s.Updates += b.steps.Load()
		s.Deliveries += b.delivered.Load()
	}
	s.Class, s.Field, s.Zones, s.Walkers, s.Rate = r.gait.Class.Name(), r.gait.Field.Name(), r.Zones, r.Walkers, r.Rate
	s.LatencyP50, s.LatencyP99 = seconds(r.latency.Quantile(0.5)), seconds(r.latency.Quantile(0.99))
	s.LatencyMax = seconds(r.latency.Max())
	s.UpdatesPerSecond = float64(s.Updates) / s.Seconds
	s.DeliveriesPerSecond = float64(s.Deliveries) / s.Seconds
	s.ServerCPUSeconds, s.BotsCPUSeconds = end.CPU-start.CPU, end.OwnCPU-start.OwnCPU
	if r.ServerPID != 0 && s.Deliveries > 0 {
		s.ServerCPUMicrosPerDelivery = s.ServerCPUSeconds * 1e6 / float64(s.Deliveries)
	}

	r.countMissing()
	r.say("half of the clients leave")
	r.leave(func(b *bot) bool { return b.index%2 == 1 })
	if !r.await(ctx, r.settleWithin, r.allSeen) {
		r.countDisagreeing()
	}
	return nil
}

// gather gives each bot an avatar and waits until all see all in their zone.
func (r *run) gather(ctx context.Context) error {
	names, err := namesOf(r.bots)
	if err != nil {
		return err
	}
	r.names.Store(names)
	// First everybody listens, then the avatars come: the other way round
	// each newcomer would make all others send their state again.
	for _, b := range r.bots {
		if err := b.SetInterest(b.zone); err != nil {
			return fmt.Errorf("client %d: %w", b.index, err)
		}
		b.Flush()
	}
	for _, b := range r.bots {
		var err error
		b.avatar, err = b.Create(r.gait.Class.Name(), b.zone)
		if err != nil {
			return fmt.Errorf("client %d: %w", b.index, err)
		}
		b.Flush()
	}
	stop := loadgen.Every(progressEvery, func() { r.say("the clients gather: %d avatars in sight of %d", r.inSight(), r.expected()) })
	ok := r.await(ctx, gatherWithin, r.allSeen)
	stop()
	if err := context.Cause(ctx); err != nil && !ok {
		return err
	}
	if !ok {
		return fmt.Errorf("the clients do not see each other: after %v they see %d avatars of %d", gatherWithin, r.inSight(), r.expected())
	}
	r.gathered.Store(true)
	return nil
}

// walkAll has the bots walk in turn, so that their steps are spread evenly
// over the period, until the time is over or ctx is done.
func (r *run) walkAll(ctx context.Context) {
	r.say("%d clients walk by %s.%s, %g steps per second each", r.Walkers, r.gait.Class.Name(), r.gait.Field.Name(), r.Rate)
	last, lastAt := uint64(0), time.Now()
	stop := loadgen.Every(progressEvery, func() {
		now, total := time.Now(), r.deliveries()
		r.say("%.0f deliveries per second, latency p50 %v p99 %v max %v, %d faults", float64(total-last)/now.Sub(lastAt).Seconds(),
			loadgen.Round(r.latency.Quantile(0.5)), loadgen.Round(r.latency.Quantile(0.99)), loadgen.Round(r.latency.Max()), r.faults.total())
		last, lastAt = total, now
	})
	defer stop()
	loadgen.Pace(ctx, r.Rate*float64(r.Walkers), r.For, 0, func(turn int) {
		b := r.bots[turn%r.Walkers]
		if err := b.walk(); err != nil && !errors.Is(err, transport.ErrClosed) {
			r.faults.unsent.Add(1)
		}
	})
}

// await looks again and again whether ok, for a while. Once the bots have
// gathered it does so even when ctx is done: little is left to do then.
func (r *run) await(ctx context.Context, within time.Duration, ok func() bool) bool {
	for end := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		if ok() {
			return true
		}
		if time.Now().After(end) || ctx.Err() != nil && !r.gathered.Load() {
			return false
		}
	}
}

// leave disconnects those bots that are chosen and have not left yet, and
// waits until their connections are closed.
func (r *run) leave(chosen func(*bot) bool) {
	var leaving []*bot
	for _, b := range r.bots {
		if b != nil && b.Client != nil && chosen(b) && !b.left.Swap(true) {
			leaving = append(leaving, b)
		}
	}
	for _, b := range leaving {
		b.Disconnect()
	}
	for _, b := range leaving {
		if b.dialed.Load() {
			<-b.Done()
		}
	}
}
