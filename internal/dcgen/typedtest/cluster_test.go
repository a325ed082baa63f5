package typedtest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/cluster"
	"github.com/culm-net/culm/internal/dcgen/typed"
	"github.com/culm-net/culm/internal/dcgen/typed/typedai"
	"github.com/culm-net/culm/internal/dcgen/typed/typedcluster"
)

// named is what game code may want that is for worlds and clusters alike.
type named interface {
	ID() uint32
	KeptSetNick() string
	SendSetNick(string) error
	Mood() uint8
	SetMood(uint8) error
	SendWave(times uint8) error
}

var (
	_ named = (*typedai.Guest)(nil)
	_ named = (*typedcluster.Guest)(nil)
)

// clusterPlay is AIs on a cluster.
type clusterPlay struct {
	*play
	address string
	told    chan string
}

// must is for inside, too, where a test cannot end.
func (p *clusterPlay) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Error(err)
	}
}

// startCluster runs a message director and a state server.
func startCluster(t *testing.T) *clusterPlay {
	t.Helper()
	config, err := cluster.Parse("", []byte("messagedirector: {bind: '127.0.0.1:0'}\nroles: [{type: stateserver, control: 4002}]"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := cluster.New(config, typed.Schema(), time.Second, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p := &clusterPlay{&play{t: t}, server.Parts()[0].Addrs[0].String(), make(chan string, 100)}
	p.running(server.Serve)
	return p
}

// running runs something until the test ends.
func (p *clusterPlay) running(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := run(ctx); err != nil {
			p.t.Error(err)
		}
	})
	p.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func (p *clusterPlay) ai(channel uint64) *ai.AI {
	p.t.Helper()
	a, err := ai.New(ai.Config{Schema: typed.Schema(), Address: p.address, Channel: channel, Log: slog.New(slog.DiscardHandler)})
	p.must(err)
	p.running(a.Run)
	return a
}

func (p *clusterPlay) inside(a *ai.AI, f func()) {
	done := make(chan struct{})
	a.Do(func() { defer close(done); f() })
	<-done
}

// hears waits until it was told n times.
func (p *clusterPlay) hears(n int) {
	p.t.Helper()
	for range n {
		select {
		case line := <-p.told:
			p.log = append(p.log, line)
		case <-time.After(30 * time.Second):
			p.t.Fatalf("nothing more is told after %q", p.log)
		}
	}
}

// host manages guests, or is an UberDOG at which they knock.
type host struct {
	typedcluster.NoGuestHandler
	tell func(format string, args ...any)
}

func (h *host) OnSetPos(from ai.Session, x, y int16) {
	h.tell("position %d %d of %d", x, y, from.Channel())
}
func (h *host) OnSetH(from ai.Session, v int16) { h.tell("heading %v of %d", v, from.Channel()) }
func (h *host) OnAdmit(from ai.Session, key uint32, name string) {
	h.tell("admit %d %s of %d", key, name, from.Channel())
}
func (h *host) Update(o *ai.Object, sender uint64, f *dc.Field, args []byte) {
	h.tell("%v of %d", f, sender)
}
func (h *host) Moved(o *ai.Object, from ai.Location) { h.tell("moved from %v", from) }
func (h *host) Delete(o *ai.Object)                  { h.tell("gone") }

// gate is an UberDOG.
type gate struct {
	tell func(format string, args ...any)
}

func (g gate) OnEnter(from ai.Session, key uint32, name string) {
	g.tell("%d enters with %d, %s", from.Channel(), key, name)
}

// sight is what another AI sees of a guest.
type sight struct {
	typedcluster.NoVIPView
	typedcluster.VIP
	tell func(format string, args ...any)
}

func (s *sight) OnSetPos(x, y int16) { s.tell("seen at %d %d", x, y) }
func (s *sight) OnSetH(h int16)      { s.tell("seen to look at %v", h) }
func (s *sight) OnWave(times uint8)  { s.tell("seen to wave %d times", times) }
func (s *sight) MoodChanged()        { s.tell("seen with mood %d", s.Mood()) }
func (s *sight) Delete(o *ai.Object) { s.tell("unseen") }

// All that generated code does on a cluster: one AI manages a guest, another one
// sees it and speaks to it, and an UberDOG hears of both.
func TestCluster(t *testing.T) {
	p := startCluster(t)
	tell := func(format string, args ...any) {
		q := &play{}
		q.tell(format, args...)
		p.told <- q.log[0]
	}
	owner, watcher := p.ai(1_000_000), p.ai(2_000_000)
	seen := make(chan *sight, 1)
	p.inside(watcher, func() {
		_, err := typedcluster.GateUberDOG(watcher, 4665, gate{tell})
		p.must(err)
	})

	h := &host{tell: tell}
	var guest typedcluster.VIP
	p.inside(owner, func() {
		district, err := typedcluster.NewGuest(owner, ai.Generate{DoID: 5000}, nil)
		p.must(err)
		guest, err = typedcluster.FreshVIP(owner, h)
		p.must(err)
		p.must(guest.SendSetNick("Ada"))
		p.must(guest.SetRank(3))
		if guest.Mood() != 7 {
			t.Errorf("the default of mood is read as %d", guest.Mood())
		}
		if err := guest.SendWave(1); err == nil {
			t.Error("it waves before it is there")
		}
		p.must(guest.Generate(ai.Generate{DoID: 6000, Parent: district.ID(), Zone: 7}))
		if typedcluster.Handler(guest.Object) != any(h) {
			t.Error("its handler is another one")
		}
		if _, ok := typedcluster.VIPOf(district.Object); ok {
			t.Error("a guest is a VIP")
		}
		if g, ok := typedcluster.GuestOf(owner.Object(6000)); !ok || g.KeptSetNick() != "Ada" {
			t.Error("a VIP is no guest")
		}
	})
	p.inside(watcher, func() {
		watcher.Watch(5000, []uint32{7}, func(o *ai.Object) any {
			v, ok := typedcluster.VIPOf(o)
			if !ok {
				return nil
			}
			s := &sight{VIP: v, tell: tell}
			tell("seen: %s of rank %d at %v", s.KeptSetNick(), s.Rank(), o.Location())
			seen <- s
			return typedcluster.ViewVIP(s)
		}, nil)
	})
	p.hears(1)
	p.toldOf("seen: Ada of rank 3 at {5000 7}")
	view := <-seen

	p.inside(owner, func() {
		p.must(guest.SendWave(2))
		p.must(guest.SetMood(1))
		p.must(guest.SendSetPosH(4, -5, 90))
		gate, err := typedcluster.GateAt(owner, 4665)
		p.must(err)
		p.must(gate.SendEnter(8, "Ada"))
	})
	p.hears(5)
	p.toldOf("seen to wave 2 times", "seen with mood 1", "seen at 4 -5", "seen to look at 90", "1000000 enters with 8, Ada")

	p.inside(watcher, func() {
		p.must(view.SendSetPosH(6, 7, 180)) // airecv: the owner hears
		p.must(view.SendAdmit(9, "Bo"))
		p.must(view.SetMood(2))
	})
	p.hears(7)
	p.toldOf("position 6 7 of 2000000", "heading 180 of 2000000", "admit 9 Bo of 2000000", "Guest.mood of 2000000",
		"seen at 6 7", "seen to look at 180", "seen with mood 2")
}

// toldOf checks what was heard.
func (p *clusterPlay) toldOf(want ...string) { p.t.Helper(); p.play.told(want...) }

// An AI with other DC files is refused, and says what to do.
func TestClusterOtherSchema(t *testing.T) {
	other, err := dc.Options{}.Parse(dc.Source{Name: "a.dc", Text: []byte("dclass Gate { enter(uint32 key, string name) clsend; refused(string why); };")})
	if err != nil {
		t.Fatal(err)
	}
	a, err := ai.New(ai.Config{Schema: other, Address: "127.0.0.1:1", Channel: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	for what, make := range map[string]func() error{
		"Fresh":   func() error { _, err := typedcluster.FreshGate(a, nil); return err },
		"New":     func() error { _, err := typedcluster.NewGate(a, ai.Generate{DoID: 5000}, nil); return err },
		"UberDOG": func() error { _, err := typedcluster.GateUberDOG(a, 4665, nil); return err },
		"At":      func() error { _, err := typedcluster.GateAt(a, 4665); return err },
	} {
		if err := make(); err == nil || !strings.Contains(err.Error(), "make it with Config.Schema: typed.Schema()") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
