// Package pipesbots plays many clients against a server of the pipes protocol:
// they check what they see, each for itself and against each other, and measure
// how it comes. It also has a world to measure against.
package pipesbots

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/loadgen"
	"github.com/culm-net/culm/pipes/clientsession"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
)

// Config says what the bots do.
type Config struct {
	// Schema is the server's.
	Schema *dc.Schema
	// Clients is how many bots there are.
	Clients int
	// For is how long they play once all are there.
	For time.Duration
	// Zones are those that each of them asks for, or with Spread one of them,
	// in turn. Without any they are idle.
	Zones  []uint32
	Spread bool

	// Plain has them speak the plain dialect.
	Plain bool
	// Password is what they say to the server.
	Password string
	// UpdateRate and CommandRate are what they ask the server for; 0 is a
	// client's default.
	UpdateRate, CommandRate uint16
	// FrameRate is how many frames per second each of them has: in each it
	// acknowledges what has come. 0 means 60.
	FrameRate float64

	// Churn is how often per second one of them leaves and joins again.
	Churn float64
	// Say is a method that each of them calls, with its arguments in the text
	// form of DC values, "Avatar.setChat=(\"hello\")": on one object that it
	// may call it on. SayRate is how often per second, 0 means once.
	Say     string
	SayRate float64
	// Counter is a method, "Mover.count", whose uint32 is one more in each
	// message of an object, so that a lost or doubled one is seen.
	Counter string

	// Dial connects a client to the server.
	Dial func(context.Context, transport.Handler) (transport.Conn, error)
	// ServerPID is the server's process, to be watched on Linux; 0 for none.
	ServerPID int
	// Progress gets a line every few seconds.
	Progress io.Writer

	settleWithin time.Duration     // until all agree at the end; 15 s unless a test says otherwise
	enough       func(counts) bool // ends a test before For is over; nil never does
}

const (
	dialers       = 32               // connections that are made at the same time
	connectWithin = 30 * time.Second // one client, from dialing to seeing its zones
	dialAgain     = 100 * time.Millisecond
	progressEvery = 5 * time.Second
	maxReasons    = 5
)

// run is the state that clients share.
type run struct {
	Config
	session clientsession.Config
	say     call
	counter *dc.Field
	racy    bool // there are unreliable methods, whose messages may overtake a removal
	clients []atomic.Pointer[client]
	began   time.Time

	measuring atomic.Bool
	states    *states
	faults    faults
	// Since the beginning, of all clients:
	bytes, calls, said, unsaid, joins atomic.Uint64
	parts, applied, raced             atomic.Int64
	sights                            sights
	// While measuring:
	apply, rtt, lag loadgen.Histogram
	// earliest is the least that arrivals were behind their ticks, in ns, in
	// this interval of progress and in the one before: what it is over that is
	// lag. Both clocks drift apart over a long time.
	earliest [2]atomic.Int64

	mu      sync.Mutex
	reasons []string // what faults were; the first few
}

// call is what clients say.
type call struct {
	field *dc.Field
	args  []byte
}

// Run plays the bots. When ctx is done they stop early, and what they have seen
// until then is reported. The error says why they could not play; whether what
// they saw was right is in the summary.
func Run(ctx context.Context, c Config) (*Summary, error) {
	r, err := newRun(c)
	if err != nil {
		return nil, err
	}
	idle, err := loadgen.ReadUsage(c.ServerPID)
	if err != nil {
		return nil, err
	}
	// Frames go on until the last client has left.
	framing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { r.frames(framing) })
	defer running.Wait()
	defer stop()
	defer r.leave()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	s := &Summary{Clients: c.Clients, Zones: len(c.Zones)}
	if err := r.play(ctx, s, idle); err != nil {
		return nil, err
	}
	r.settle(ctx)
	r.leave()
	// Now, when what was held has been applied.
	s.PartsLost = max(0, r.counts().lost()-s.PartsLostEarly)
	s.Raced = r.raced.Load()
	s.Faults = r.faults.snapshot()
	r.mu.Lock()
	s.Reasons = r.reasons
	r.mu.Unlock()
	return s, nil
}

func newRun(c Config) (*run, error) {
	c.settleWithin = cmp.Or(c.settleWithin, 15*time.Second)
	c.FrameRate = cmp.Or(c.FrameRate, 60)
	c.SayRate = cmp.Or(c.SayRate, 1)
	r := &run{
		Config: c, began: time.Now(), states: newStates(), clients: make([]atomic.Pointer[client], c.Clients),
		session: clientsession.Config{
			Schema: c.Schema, Password: c.Password, Plain: c.Plain,
			UpdateRate: c.UpdateRate, CommandRate: c.CommandRate,
		},
	}
	if _, err := clientsession.New(r.session, nil); err != nil {
		return nil, err
	}
	for i := range r.earliest {
		r.earliest[i].Store(math.MaxInt64)
	}
	for _, class := range c.Schema.Classes() {
		for _, f := range class.Fields() {
			r.racy = r.racy || f.Has(dc.Unreliable)
		}
	}
	if c.Say != "" {
		name, value, ok := strings.Cut(c.Say, "=")
		if !ok {
			return nil, fmt.Errorf("%q says no value: write CLASS.FIELD=VALUE, as in 'Avatar.setChat=(\"hello\")'", c.Say)
		}
		var err error
		if r.say.field, err = method(c.Schema, name); err != nil {
			return nil, err
		}
		if !r.say.field.HasAny(dc.ClSend | dc.OwnSend) {
			return nil, fmt.Errorf("clients may not call %s: it is neither clsend nor ownsend", name)
		}
		if r.say.args, err = r.say.field.ParseText(nil, value); err != nil {
			return nil, fmt.Errorf("%s: the value is refused: %v", name, err)
		}
	}
	if c.Counter != "" {
		var err error
		if r.counter, err = method(c.Schema, c.Counter); err != nil {
			return nil, err
		}
		if err := r.counter.Check(make([]byte, 4)); err != nil {
			return nil, fmt.Errorf("%s does not count: it takes other arguments than one uint32", c.Counter)
		}
	}
	return r, nil
}

// method finds an atomic field by "CLASS.FIELD".
func method(schema *dc.Schema, name string) (*dc.Field, error) {
	className, fieldName, _ := strings.Cut(name, ".")
	class := schema.Class(className)
	if class == nil {
		return nil, fmt.Errorf("no dclass %q is declared", className)
	}
	f := class.FieldByName(fieldName)
	if f == nil {
		return nil, fmt.Errorf("dclass %s has no field %q", className, fieldName)
	}
	if f.Kind() != dc.Atomic {
		return nil, fmt.Errorf("%s is no method, so nobody calls it", name)
	}
	return f, nil
}

func (r *run) tell(format string, args ...any) {
	fmt.Fprintf(r.Progress, "%6.1f s  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// explain remembers what a fault was, of the first few.
func (r *run) explain(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reasons) < maxReasons {
		r.reasons = append(r.reasons, fmt.Sprintf(format, args...))
	}
}

// connect connects all bots and waits until they see their zones.
func (r *run) connect(ctx context.Context) error {
	stop := loadgen.Every(progressEvery, func() { r.tell("%d of %d clients connected", r.joins.Load(), r.Clients) })
	defer stop()
	if err := loadgen.Each(ctx, r.Clients, dialers, r.join); err != nil {
		return err
	}
	r.tell("%d clients connected", r.Clients)
	return nil
}

// join connects a bot anew. A server that is too busy is asked again.
func (r *run) join(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	fail := func(err error) error {
		return fmt.Errorf("client %d of %d cannot connect: %w", i+1, r.Clients, err)
	}
	c := newClient(r, i)
	_, err := r.Dial(ctx, c)
	for errors.Is(err, quic.ErrRefused) && ctx.Err() == nil {
		loadgen.Sleep(ctx, dialAgain)
		c = newClient(r, i)
		_, err = r.Dial(ctx, c)
	}
	if err != nil {
		return fail(err)
	}
	r.clients[i].Store(c)
	select {
	case <-c.ready:
		r.joins.Add(1)
		return nil
	case <-c.ended:
		return fail(c.err)
	case <-ctx.Done():
		if context.Cause(ctx) == context.DeadlineExceeded {
			return fail(fmt.Errorf("it was not let in, or did not see its zones, within %v", connectWithin))
		}
		return fail(context.Cause(ctx))
	}
}

// frames calls the clients' frames in turn, so that they are spread evenly.
func (r *run) frames(ctx context.Context) {
	rate := r.FrameRate * float64(r.Clients)
	loadgen.Pace(ctx, rate, 0, time.Duration(float64(time.Second)/r.FrameRate), func(turn int) {
		if c := r.clients[turn%r.Clients].Load(); c != nil {
			c.frame(time.Now())
		}
	})
}

// late notes how late the snapshot of a tick has arrived, compared with the
// earliest lately.
func (r *run) late(tick uint32, s *clientsession.Session) {
	if !r.measuring.Load() {
		return
	}
	at := int64(time.Since(r.began)) - int64(s.Clock().Rate().Seconds(int64(tick))*float64(time.Second))
	for {
		old := r.earliest[0].Load()
		if at >= old || r.earliest[0].CompareAndSwap(old, at) {
			break
		}
	}
	r.lag.Add(time.Duration(at - min(r.earliest[0].Load(), r.earliest[1].Load())))
}

// play measures for some time, while bots leave and join.
func (r *run) play(ctx context.Context, s *Summary, idle loadgen.Usage) error {
	start := idle.Later(r.ServerPID)
	if r.ServerPID != 0 {
		s.ServerRSSPerClient = (start.RSS - idle.RSS) / int64(r.Clients)
		r.tell("the server has %d KiB resident, %.1f KiB per client more than before", start.RSS>>10, float64(s.ServerRSSPerClient)/1024)
	}
	began, first := time.Now(), r.counts()
	last, lastAt, lastUsage := first, began, start
	r.measuring.Store(true)
	stop := loadgen.Every(progressEvery, func() {
		now, counts := time.Now(), r.counts()
		usage := lastUsage.Later(r.ServerPID)
		server := ""
		if r.ServerPID != 0 {
			server = fmt.Sprintf("server %.1f %% of a core, %d KiB resident, ", 100*(usage.CPU-lastUsage.CPU)/now.Sub(lastAt).Seconds(), usage.RSS>>10)
		}
		per := now.Sub(lastAt).Seconds() * float64(r.Clients)
		r.tell("%.1f snapshots, %.0f bytes per second and client, lag p99 %v, RTT p50 %v, %d parts lost, %s%d faults",
			float64(counts.snapshots-last.snapshots)/per, float64(counts.bytes-last.bytes)/per,
			loadgen.Round(r.lag.Quantile(0.99)), loadgen.Round(r.rtt.Quantile(0.5)), max(0, counts.lost()-last.lost()),
			server, r.faults.total())
		last, lastAt, lastUsage = counts, now, usage
		r.earliest[1].Store(r.earliest[0].Swap(math.MaxInt64))
	})
	playing, cancel := context.WithTimeout(ctx, r.For)
	if r.enough != nil {
		defer loadgen.Every(10*time.Millisecond, func() {
			if r.enough(r.counts()) {
				cancel()
			}
		})()
	}
	var err error
	if r.Churn > 0 {
		err = r.churn(ctx, playing)
	} else {
		<-playing.Done()
	}
	cancel()
	stop()
	r.measuring.Store(false)
	if err != nil {
		return err
	}
	s.measured(time.Since(began), r, first, start, start.Later(r.ServerPID))
	return nil
}

// churn has bots leave and join again until playing is done.
func (r *run) churn(ctx, playing context.Context) error {
	var err error
	turns, stop := context.WithCancel(playing)
	defer stop()
	loadgen.Pace(turns, r.Churn, 0, time.Second, func(turn int) {
		i := turn % r.Clients
		old := r.clients[i].Load()
		old.leave()
		select {
		case <-old.done:
		case <-ctx.Done():
			return
		}
		if err = r.join(ctx, i); err != nil {
			stop()
		}
	})
	if context.Cause(ctx) != nil {
		return nil // interrupted
	}
	return err
}

// settle waits until all agree and each has got another snapshot, and counts
// where that does not come to be.
func (r *run) settle(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	r.mark()
	newest := r.newest()
	for end := time.Now().Add(r.settleWithin); ; time.Sleep(50 * time.Millisecond) {
		behind, disagreeing, silent := r.behind(newest), r.disagreeing(), r.silent()
		if behind == 0 && disagreeing == 0 && silent == 0 {
			return
		}
		if time.Now().After(end) {
			r.faults.behind.Add(int64(behind))
			r.faults.disagreeing.Add(int64(disagreeing))
			r.faults.silent.Add(int64(silent))
			return
		}
	}
}

// leave disconnects all clients and waits until their connections are closed.
func (r *run) leave() {
	for i := range r.clients {
		if c := r.clients[i].Load(); c != nil {
			c.leave()
		}
	}
	for i := range r.clients {
		if c := r.clients[i].Swap(nil); c != nil {
			<-c.done
		}
	}
}
