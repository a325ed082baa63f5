package pipes_test

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/pipes/internal/independent"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

var (
	modelSeed = flag.Uint64("model.seed", 0, "play only this world of TestModel, or this one in TestSoak")
	modelRuns = flag.Int("model.runs", 24, "how many worlds TestModel plays")
)

// modelDC has a class with all there is, one with state only, one without.
const modelDC = `
keyword unreliable;
struct Place { float64 x; float64 y; };
dclass Base {
  uint32 serial;
  setTeam(uint32 team) required broadcast;
};
dclass Avatar : Base {
  string note;
  Place place;
  uint8(0 - 100) hp = 100;
  setPos(int16 x, int16 y) ram broadcast;
  say(uint32 n) broadcast;
  died(uint32 n) broadcast;
  puff(uint32 n) broadcast unreliable;
  whisper(uint32 n) ownrecv;
  poke(uint32 n) clsend;
  steer(uint32 n) ownsend;
};
dclass Rock {
  int32/1000 x;
  uint8 spin[4];
};
dclass Bell {
  ring(uint32 n) broadcast;
  poke(uint32 n) clsend;
};
`

func modelSchema(tb testing.TB) *dc.Schema {
	tb.Helper()
	schema, err := dc.Parse(dc.Source{Name: "model.dc", Text: []byte(modelDC)})
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

// model is a server, what its world was at each past tick, and who watches it
// over bad networks. One goroutine does everything, in virtual time.
type model struct {
	t       testing.TB
	seed    uint64
	rand    *rand.Rand
	schema  *dc.Schema
	net     *memory.Network
	began   time.Time
	world   *world.World
	server  *pipes.Server
	history history
	live    []*thing
	players []*spectator
	// accepted is the server's ends of connections, by the number of who dialed.
	accepted map[int]*memory.Conn
	joined   int
	seats    map[*world.Client]*seat
	serial   uint32
	steps    int
	asked    map[uint32]*spectator // serials of reliable commands that should be heard
	counts   counts
	terms    terms
	told     []line
	// script is what happens in each tick; nil is act.
	script func()
	// calm is that nobody does anything of its own accord, nobody that objects
	// have no owner.
	calm, nobody bool
}

// counts says what a run has seen, so that it cannot pass by seeing nothing.
type counts map[string]int

func (c counts) add(d counts) {
	for what, n := range d {
		c[what] += n
	}
}

// terms are what differs from one run to the next.
type terms struct {
	net      memory.Config
	sendRate float64
	rate     netclock.Rate // of ticks; 0 is the default
	players  int
	most     int // objects
}

func randomTerms(r *rand.Rand) terms {
	link := func() memory.Link {
		l := memory.Link{Latency: time.Duration(r.IntN(80)) * time.Millisecond}
		if r.IntN(10) == 0 {
			l.Latency += 400 * time.Millisecond
		}
		if r.IntN(4) > 0 {
			l.Jitter = time.Duration(r.IntN(40)) * time.Millisecond
			l.Loss = []float64{0, 0.01, 0.05, 0.2}[r.IntN(4)]
			l.Duplicate = []float64{0, 0.05}[r.IntN(2)]
			l.Reorder = []float64{0, 0.05, 0.3}[r.IntN(3)]
		}
		return l
	}
	t := terms{net: memory.Config{Seed: r.Uint64(), Up: link(), Down: link()}, players: 2 + r.IntN(5), most: 5 + r.IntN(40)}
	t.net.Down.Bandwidth = []int{0, 0, 0, 20_000, 60_000}[r.IntN(5)]
	t.net.MaxUnreliable = []int{0, 0, 300}[r.IntN(3)]
	t.sendRate = []float64{0, 0, 3000, 10_000}[r.IntN(4)]
	if r.IntN(4) == 0 {
		t.rate = 20
	}
	return t
}

func newModel(t testing.TB, seed uint64, c terms) *model {
	m := &model{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), schema: modelSchema(t), net: memory.New(c.net),
		began: time.Now(), history: history{lives: map[uint32][]*life{}, ticks: map[uint32]bool{}},
		seats: map[*world.Client]*seat{}, asked: map[uint32]*spectator{}, counts: counts{}, accepted: map[int]*memory.Conn{}}
	m.terms = c
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if *modelSeed != 0 {
		log = slog.New(slog.NewTextHandler(teller{m}, nil))
	}
	var err error
	m.world, err = world.New(world.Config{
		Schema: m.schema, TickRate: c.rate, FirstID: 1, LastID: uint32(c.most + 10), ReuseDelay: -1, Log: log,
		Events: world.Events{Tick: m.tick, Joined: m.join, Left: m.leave, Message: m.heard},
	})
	m.must(err)
	m.server, err = pipes.NewServer(pipes.Config{World: m.world, SendRate: c.sendRate, Log: log, MaxClients: -1, MaxPerAddress: -1})
	m.must(err)
	l, err := m.net.Listen("server")
	m.must(err)
	m.must(l.Start(acceptor{m.server, m}))
	return m
}

// acceptor notes the server's ends of connections.
type acceptor struct {
	transport.Handler
	m *model
}

func (a acceptor) Opened(c transport.Conn) {
	var number int
	_, err := fmt.Sscanf(c.Identity().Addr.String(), "dialer-%d", &number)
	a.m.must(err)
	a.m.accepted[number] = c.(*memory.Conn)
	a.Handler.Opened(c)
}

func (a acceptor) Closed(c transport.Conn, err error) {
	for number, o := range a.m.accepted {
		if o == c {
			delete(a.m.accepted, number)
		}
	}
	a.Handler.Closed(c, err)
}

// teller puts the server's log into the story.
type teller struct{ m *model }

func (w teller) Write(b []byte) (int, error) {
	w.m.tell("%s", strings.TrimSpace(string(b)))
	return len(b), nil
}

func (m *model) must(err error) {
	m.t.Helper()
	if err != nil {
		m.fail(nil, "%v", err)
	}
}

// line is a line of the story, formatted only when it is told.
type line struct {
	at     time.Duration
	tick   uint32
	format string
	args   []any
}

// tell adds a line to the story of the world, whose end is told on failure.
func (m *model) tell(format string, args ...any) {
	if len(m.told) >= 400 {
		m.told = append(m.told[:0], m.told[200:]...)
	}
	var tick uint32
	if m.world != nil {
		tick = m.world.Tick()
	}
	m.told = append(m.told, line{m.net.Now(), tick, format, args})
}

func (m *model) fail(p *spectator, format string, args ...any) {
	m.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, format, args...)
	if p != nil {
		fmt.Fprintf(&b, "\n\n%v was shown:\n%s", p, p.story())
	}
	fmt.Fprintf(&b, "\nthe world (%+v):\n", m.terms)
	for _, l := range m.told {
		fmt.Fprintf(&b, "%12v tick %-5d %s\n", l.at, l.tick, fmt.Sprintf(l.format, l.args...))
	}
	fmt.Fprintf(&b, "\nplay it again with -run '^%s$' -model.seed %d", m.t.Name(), m.seed)
	m.t.Fatal(b.String())
}

// step plays d: the network carries what is due, the world makes ticks, and
// clients have a frame.
func (m *model) step(d time.Duration) {
	time.Sleep(d) // the bubble's time, not the day's
	m.net.Advance(m.net.Now() + d)
	m.steps++
	if m.world.Step(time.Now()) > 0 {
		m.history.seal(m.world.Tick())
	}
	for _, p := range m.players {
		p.frame(d)
	}
}

// TestModel plays random worlds for clients of all kinds on random networks, and
// judges everything that a client shows by what the world was.
func TestModel(t *testing.T) {
	first, n := uint64(1), *modelRuns
	if *modelSeed != 0 {
		first, n = *modelSeed, 1
	}
	all := counts{}
	for seed := first; seed < first+uint64(n); seed++ {
		synctest.Test(t, func(t *testing.T) { all.add(playModel(t, seed)) })
	}
	t.Log(all)
	if n <= 10 {
		return
	}
	for _, what := range []string{
		"generates", "states", "moves", "removals", "messages", "messages held", "messages forced", "calls before generates", "parts held",
		"interests", "commands", "deaths", "plain clients", "extended clients", "clients with a session", "closed", "doIds reused",
	} {
		if all[what] == 0 {
			t.Errorf("no %s", what)
		}
	}
}

const modelFrame = 15 * time.Millisecond

func playModel(t *testing.T, seed uint64) counts {
	r := rand.New(rand.NewPCG(seed, 0))
	c := randomTerms(r)
	m := newModel(t, seed, c)
	for range c.players {
		m.dial(m.randomRole())
	}
	for range 400 {
		m.step(time.Duration(1+m.rand.IntN(30)) * time.Millisecond)
		m.disturb()
	}
	m.settle()
	m.still()
	m.ask()
	m.end()
	return m.counts
}

// settle lets nothing happen any more until every client shows the world as it
// is, and fails when that takes too long.
func (m *model) settle() {
	m.quiet()
	var open string
	for range 4000 {
		m.step(modelFrame)
		if open = m.open(); open == "" {
			return
		}
	}
	m.fail(nil, "the world has been quiet for a minute, and still\n%s", open)
}

// still checks what acknowledgements are good for: nothing is sent twice to who
// has it, and snapshots, though empty, come at the full rate.
func (m *model) still() {
	pass := func(frames int) {
		for range frames {
			m.step(modelFrame)
		}
	}
	m.alike() // also those who were let in since
	pass(300) // acknowledgements are under way, and may get lost
	before := map[*spectator]int{}
	for _, p := range m.players {
		p.states, before[p] = 0, p.client.Snapshots()
	}
	pass(100)
	for _, p := range m.players {
		if p.left || p.broken || p.liar || p.ended() || p.acks == independent.AckNever || p.acks == independent.AckLate {
			continue
		}
		if p.states > 0 {
			m.fail(p, "%v: state of %d objects came, though it acknowledged all and nothing changes", p, p.states)
		}
		if n := p.client.Snapshots() - before[p]; n < 5 && !p.plain { // a plain one waits for what is lost
			m.fail(p, "%v: %d snapshots in 1.5 s, though it acknowledges them", p, n)
		}
	}
}

// ask has each client call something, more than its rate allows at once, and
// the game has to hear all of it.
func (m *model) ask() {
	for _, p := range m.players {
		if p.left || p.broken || p.liar || p.ended() || !p.welcomed {
			continue
		}
		for _, o := range p.client.Objects() {
			if t := m.history.present(o.ID); o.Class.FieldByName("poke") == nil || t == nil || !p.seat.client.Sees(t.zone) {
				continue
			}
			for range 80 {
				m.serial++
				m.asked[m.serial] = p
				m.must(p.client.Send(o, "poke", m.serial))
			}
			break
		}
	}
	for i := 0; len(m.asked) > 0; i++ {
		if i == 1000 {
			m.fail(nil, "the game has not heard %d commands", len(m.asked))
		}
		m.step(modelFrame)
		maps.DeleteFunc(m.asked, func(_ uint32, p *spectator) bool { return p.ended() })
	}
}

// count adds what a client knows by itself.
func (m *model) count(p *spectator) {
	parts, messages := p.client.Waited()
	m.counts["parts held"] += parts
	m.counts["messages held"] += messages
}

// end lets everybody leave.
func (m *model) end() {
	for _, p := range m.players {
		p.close()
	}
	m.world.Stop()
	m.net.Step(time.Minute)
	for _, p := range m.players {
		p.faults()
		m.count(p)
		if !p.ended() {
			m.fail(p, "%v: the connection is still open", p)
		}
	}
}
