package pipes

import (
	"log/slog"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

func TestConfig(t *testing.T) {
	w := must(world.New(world.Config{Schema: storySchema(), TickRate: 60}))
	for _, test := range []struct {
		config Config
		want   string // in the error
	}{
		{Config{}, "world.New"},
		{Config{World: w, MinUpdateRate: -1}, "negative"},
		{Config{World: w, MinUpdateRate: 61}, "at 60 ticks"},
		{Config{World: w, MinUpdateRate: 30, MaxUpdateRate: 20}, "lower Config.MinUpdateRate"},
		{Config{World: w, MaxCommandRate: 1 << 16}, "65535"},
		{Config{World: w, SendRate: math.NaN()}, "not a number"},
	} {
		if _, err := NewServer(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.config, err)
		}
	}
	s := must(Config{World: w}.complete())
	if s.MaxClients != 24 || s.MaxUpdateRate != 60 || s.MinUpdateRate != 1 || s.Log != slog.Default() || s.updateRate(0) != 1 || s.updateRate(500) != 60 || s.commandRate(0) != 1 || s.commandRate(9999) != 255 {
		t.Errorf("defaults: %+v", s)
	}
	s = must(Config{World: w, MaxClients: -1, MaxPerAddress: -1, MaxCommandRate: -1, SilentTimeout: -1, SendRate: -1, MessageRate: -1}.complete())
	if s.maxConnections() != 0 || s.MaxPerAddress != 0 || s.SilentTimeout != 0 || s.SendRate != 0 || !s.limits.Messages.Unlimited() || s.commandRate(9999) != 9999 {
		t.Errorf("without limits: %+v", s)
	}
}

// An infinite rate is one that limits nothing.
func TestInfiniteSendRate(t *testing.T) {
	st := newStage()
	st.config.SendRate = math.Inf(1)
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	c := st.connect("ann", net.IPv4(192, 0, 2, 1))
	st.send(c, must(c.encode("hello")))
	p, _ := st.server.peers.Load(c)
	if n := p.(*peer).budget(); n < 1000 {
		t.Errorf("a budget of %d bytes", n)
	}
}

// Reliable messages wait for a client that is slow to learn of their objects, but
// not more than so many.
func TestMessagesWaitForTheirObjectWithinBounds(t *testing.T) {
	st, c := sessionStage(t, "extension")
	st.send(c, must(c.encode("interest 1 7")))
	st.tick()
	c.budget = 0
	o := must(st.world.NewObject("Avatar", nil))
	if err := o.Generate(7, nil); err != nil {
		t.Fatal(err)
	}
	for i := range maxHolding + 10 {
		if err := o.Send("emote", i%256); err != nil {
			t.Fatal(err)
		}
	}
	st.tick()
	if n := st.server.Stats().Unknown; n != 10 {
		t.Errorf("%d messages are dropped, wanted the oldest 10", n)
	}
	c.got, c.budget = nil, 1<<20
	st.tick()
	texts := c.texts()
	if len(texts) < maxHolding+2 || !strings.HasPrefix(texts[0], "generate") || !strings.HasPrefix(texts[2], "message 1 emote(which = 10)") {
		t.Fatalf("%d messages, of which the first are %q", len(texts), texts[:min(3, len(texts))])
	}

	// By bytes.
	o = must(st.world.NewObject("Chat", nil))
	if err := o.Generate(7, nil); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := o.Send("chatMessage", "me", strings.Repeat("x", 20<<10)); err != nil {
			t.Fatal(err)
		}
	}
	st.tick()
	if n := st.server.Stats().Unknown; n != 10+2 {
		t.Errorf("%d messages are dropped, wanted 2 of 20 KiB more", n)
	}
}

// A command rate of a few per second is kept to over a long time, whatever comes
// in between, and no reliable command is lost.
func TestCommandRateOverTime(t *testing.T) {
	st, c := sessionStage(t, "before the hello")
	st.send(c, must(c.encode("hello command=20")))
	if err := must(st.world.NewObject("Avatar", nil)).Generate(7, st.client("ann")); err != nil {
		t.Fatal(err)
	}
	calls := func() (n int) {
		for _, e := range st.events {
			if strings.Contains(e, "emote") {
				n++
			}
		}
		return n
	}
	sent := 0
	begin := st.now
	for tick := range 250 { // 5 s of 50 per second
		if tick%2 == 0 { // 25 per second
			st.send(c, must(c.encode("call 1 Avatar.emote (1)")))
			sent++
		}
		st.tick()
		if most := 20*st.now.Sub(begin).Seconds() + 10 + 1; float64(calls()) > most {
			t.Fatalf("%d commands after %v", calls(), st.now.Sub(begin))
		}
	}
	if calls() == sent {
		t.Error("nothing was delayed")
	}
	st.now = st.now.Add(2 * time.Second)
	st.tick()
	if calls() != sent {
		t.Errorf("%d of %d commands took effect", calls(), sent)
	}
	if c.closed {
		t.Errorf("closed: %s", c.reason)
	}
}

// A client that has gone leaves nothing behind that grows.
func TestNothingIsLeftOfClients(t *testing.T) {
	st, _ := sessionStage(t, "plain")
	s := st.server
	for i := range 50 {
		c := st.connect("x", net.IPv4(192, 0, 2, 3))
		c.budget = 0
		st.send(c, must(c.encode("hello command=1")), must(c.encode("interest 1 7")))
		o := must(st.world.NewObject("Avatar", nil))
		if err := o.Generate(7, nil); err != nil {
			t.Fatal(err)
		}
		call := must(c.encode("call 1 Avatar.emote (1)"))
		for range 12 {
			st.server.Received(c, [][]byte{call})
		}
		if err := o.Send("emote", 1); err != nil {
			t.Fatal(err)
		}
		st.tick()
		switch i % 3 {
		case 0:
			st.send(c, must(c.encode("goodbye")))
		case 1:
			st.send(c, must(c.encode("hello")))
		case 2:
			c.full = true
			if err := o.Send("emote", 1); err != nil {
				t.Fatal(err)
			}
			st.world.Client(uint32(i + 2)).Kick("bye")
		}
		s.Closed(c, nil)
		if err := o.Delete(); err != nil {
			t.Fatal(err)
		}
		st.conns = st.conns[:1]
	}
	st.tick()
	st.tick()
	left := 0
	s.peers.Range(func(any, any) bool { left++; return true })
	if left != 1 || len(s.delaying) != 0 || len(s.wishing) != 0 || len(s.completing) != 0 || len(s.holding) != 0 || s.admitted != 1 || s.admission.Total() != 1 {
		t.Errorf("left: %d peers, %d delaying, %d completing, %d holding, %d admitted, %d connections", left, len(s.delaying), len(s.completing), len(s.holding), s.admitted, s.admission.Total())
	}
}

// Commands that come too fast are delayed, but not more bytes of them than an inbox
// holds.
func TestDelayedCommandsAreBounded(t *testing.T) {
	st, c := sessionStage(t, "before the hello")
	st.send(c, must(c.encode("hello command=1")))
	if err := must(st.world.NewObject("Chat", nil)).Generate(7, nil); err != nil {
		t.Fatal(err)
	}
	upload := st.world.Schema().Class("Chat").FieldByName("upload")
	call := wire.ObjectMessage{DoID: 1, Field: uint16(upload.Number()), Args: must(upload.Pack(nil, make([]byte, 30<<10)))}.Append(nil)
	sent := 0
	for ; !c.closed && sent < 20; sent++ {
		st.send(c, call)
	}
	// Eight go at once.
	if c.code != CodeTooFast || sent != 8+8+1 {
		t.Errorf("closed after %d messages of 30 KiB: %s", sent, c.reason)
	}
}

// A client that sends somewhat too fast for long is always behind, and only what waits
// counts.
func TestDelayedCommandsTakeTurns(t *testing.T) {
	st, c := sessionStage(t, "before the hello")
	st.send(c, must(c.encode("hello command=10")))
	if err := must(st.world.NewObject("Chat", nil)).Generate(7, nil); err != nil {
		t.Fatal(err)
	}
	upload := st.world.Schema().Class("Chat").FieldByName("upload")
	call := wire.ObjectMessage{DoID: 1, Field: uint16(upload.Number()), Args: must(upload.Pack(nil, make([]byte, 20<<10)))}.Append(nil)
	for range 10 { // of which eight go at once
		st.send(c, call)
	}
	for range 50 {
		st.send(c, call)
		for range 5 { // a tenth of a second
			st.tick()
		}
		if c.closed {
			t.Fatal(c.reason)
		}
	}
	if len(st.server.delaying) != 1 {
		t.Error("nothing is delayed")
	}
}

// A game that kicks a client for what it does, in the midst of what waits, is not
// told of the rest.
func TestKickedInTheMidst(t *testing.T) {
	for _, what := range []string{"interest", "command", "delayed command"} {
		t.Run(what, func(t *testing.T) {
			st := newStage()
			var told []string
			kick := func(c *world.Client) { told = append(told, what); c.Kick("no") }
			if err := st.open(); err != nil {
				t.Fatal(err)
			}
			o := must(st.world.NewObject("Avatar", kicker(kick)))
			if err := o.Generate(7, nil); err != nil {
				t.Fatal(err)
			}
			st.onInterest = func(c *world.Client, zone uint32) {
				if zone == 13 {
					kick(c)
				}
			}
			c := st.connect("ann", net.IPv4(192, 0, 2, 1))
			st.send(c, must(c.encode("hello command=1")), must(c.encode("interest 1 7")))
			emote := must(c.encode("call 1 Avatar.emote (1)"))
			switch what {
			case "interest":
				st.send(c, must(c.encode("interest 2 13")), must(c.encode("interest 3 13")))
			case "command":
				st.send(c, emote, emote)
			case "delayed command":
				p, _ := st.server.peers.Load(c)
				p.(*peer).commands.spend(st.now, 1, true)
				for range 8 {
					p.(*peer).commands.spend(st.now, 1, true)
				}
				st.send(c, emote, emote)
				if len(told) > 0 {
					t.Error("not delayed")
				}
				st.now = st.now.Add(10 * time.Second)
				st.tick()
			}
			st.tick()
			if len(told) != 1 || !c.closed || c.code != CodeKicked {
				t.Errorf("told %v, closed %v %s", told, c.closed, c.reason)
			}
		})
	}
}

// kicker is an object's handler that kicks who sends it a message.
type kicker func(*world.Client)

func (k kicker) Message(c *world.Client, _ *world.Object, _ *dc.Field, _ []byte) { k(c) }

// A world that stops sends its clients away as a server does that shuts down, and
// not as a game does that kicks them: they may come again.
func TestWorldStops(t *testing.T) {
	st := newStage()
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	c := st.connect("ann", net.IPv4(192, 0, 2, 1))
	st.send(c, must(c.encode("hello")))
	st.world.Stop()
	if !c.closed || c.code != transport.CodeShutdown || c.reason != shutdownText {
		t.Errorf("closed %v: %v %q", c.closed, c.code, c.reason)
	}
	if s := st.server.Stats(); ejected(s) > 0 || s.Disconnected != 1 || st.world.Stats().Kicked != 0 {
		t.Errorf("ejected %v, %d disconnected, %d kicked", s.Ejected, s.Disconnected, st.world.Stats().Kicked)
	}
	if want := []string{"client 1 joins, account <nil>", "client 1 leaves: " + world.ErrStopped.Error()}; !slices.Equal(st.events, want) {
		t.Errorf("the game hears %q", st.events)
	}
}
