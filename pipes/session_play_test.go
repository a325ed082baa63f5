package pipes_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/pipes/clientsession"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

// TestPlay plays a random world to Culm's own client sessions over random bad
// networks, in both dialects. Objects are generated, change, move, are given to
// clients and deleted; clients change their interest; both sides call methods.
//
// What a client shows of an object is what the object was at that tick on the
// server, and that tick never goes back. Methods come in order, to objects that
// are shown, and with the extension not before the state that they were called
// in. When the world comes to rest, clients have what they are interested in.
func TestPlay(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playSeed(t, seed) })
	}
}

var playStart = time.Unix(5000, 0)

const playZones = 4 // from 1

type play struct {
	t       *testing.T
	rnd     *rand.Rand
	net     *memory.Network
	schema  *dc.Schema
	world   *world.World
	players []*player
	quiet   bool
	calls   map[uint32]uint8 // methods called, by doId
	// history is by tick and doId: class and state, as stateOf says it.
	history map[uint32]map[uint32]string
	heard   int // methods that clients called
	sent    int // by clients that have left
	left    int // clients that have left
}

func playSeed(t *testing.T, seed uint64) {
	schema, err := dc.ParseFiles("wire/testdata/pipes.dc")
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	link := memory.Link{
		Latency: time.Duration(rnd.IntN(80)) * time.Millisecond, Jitter: time.Duration(rnd.IntN(40)) * time.Millisecond,
		Loss: rnd.Float64() * 0.25, Duplicate: rnd.Float64() * 0.2, Reorder: rnd.Float64() * 0.3,
	}
	if seed%3 == 0 {
		link = memory.Link{} // a good network; what went wrong there has nothing to do with loss
	}
	p := &play{
		t: t, rnd: rnd, schema: schema,
		net:     memory.New(memory.Config{Seed: seed, Up: link, Down: link}),
		calls:   map[uint32]uint8{},
		history: map[uint32]map[uint32]string{},
	}
	p.world, err = world.New(world.Config{
		Schema: schema, TickRate: 50, LastID: 14, ReuseDelay: -1, Log: quiet,
		Events: world.Events{Tick: func(uint32) { p.happen() }, Message: p.called, Left: p.gone},
	})
	if err != nil {
		t.Fatal(err)
	}
	// Time is simulated, but for the server's own limits.
	server, err := pipes.NewServer(pipes.Config{
		World: p.world, MaxCommandRate: -1, MessageRate: -1, ByteRate: -1, ZoneRate: -1, HelloTimeout: -1, SilentTimeout: -1,
		SendRate: 4000 + 20000*rnd.Float64(), Log: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := p.net.Listen("server")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Start(server); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		p.dial(i%2 == 0, i > 1)
	}
	// A tick, or more than one, has gone by at each frame.
	interval := []time.Duration{20 * time.Millisecond, 35 * time.Millisecond}[rnd.IntN(2)]
	for frame := range 1500 {
		p.quiet = frame > 900
		if frame == 300 || frame == 600 {
			p.leave()
			p.dial(frame == 300, frame == 600)
		}
		p.frame(interval)
	}
	p.compare()
	messages := 0
	for i, c := range p.players {
		s := c.session.Stats()
		messages += c.messages
		if s.Snapshots < 100 || s.Stale > 0 || !c.session.Extended() && s.Unknown+s.Ignored > 0 {
			t.Errorf("client %d: %+v", i, s)
		}
	}
	if p.left != 2 {
		t.Errorf("%d clients have left", p.left)
	}
	// What clients called has arrived, or was refused for an object that had
	// just left them.
	sent, refused := p.sent, 0
	for _, c := range p.players {
		sent += int(c.session.Stats().Commands)
	}
	for _, n := range p.world.Stats().Refused {
		refused += int(n)
	}
	if messages == 0 || p.heard == 0 || p.heard+refused != sent {
		t.Errorf("of %d methods that clients called %d arrived and %d were refused; they heard %d", sent, p.heard, refused, messages)
	}
}

func (p *play) now() time.Time { return playStart.Add(p.net.Now()) }

// dial lets a client in.
func (p *play) dial(plain, narrow bool) {
	c := &player{play: p, emotes: map[uint32]uint8{}, ticks: map[*clientsession.Object]uint32{}}
	conn, err := p.net.Dial("server", c)
	if err != nil {
		p.t.Fatal(err)
	}
	config := clientsession.Config{Schema: p.schema, Events: c, Plain: plain, UpdateRate: uint16(10 + p.rnd.IntN(50))}
	if narrow {
		config.MaxHeld = 2000
	}
	if c.session, err = clientsession.New(config, conn); err != nil {
		p.t.Fatal(err)
	}
	c.conn = conn
	p.players = append(p.players, c)
}

// leave lets the client go that is there for the longest time. It says goodbye,
// and the server closes the connection then.
func (p *play) leave() {
	c := p.players[0]
	p.players = p.players[1:]
	c.session.Disconnect()
	p.sent += int(c.session.Stats().Commands)
	c.conn.Flush()
}

// frame lets some time pass.
func (p *play) frame(interval time.Duration) {
	p.net.Step(interval)
	if p.world.Step(p.now()) > 0 {
		now := map[uint32]string{}
		for o := range p.world.Objects() {
			b := []byte(o.Class().Name())
			for _, f := range o.Class().Fields() {
				if f.Kind() == dc.Parameter {
					b = append(b, o.Value(f)...)
				}
			}
			now[o.ID()] = string(b)
		}
		p.history[p.world.Tick()] = now
	}
	for i, c := range p.players {
		if c.session.Welcomed() && !p.quiet {
			c.act()
		}
		c.session.Frame(p.now())
		c.conn.Flush()
		if err := c.session.Err(); err != nil {
			p.t.Fatalf("client %d: %v", i, err)
		}
		if c.session.Extended() { // else a generate does not say of which tick it is
			for o := range c.session.Objects() {
				c.check(o, "in a frame")
			}
		}
	}
}

// happen changes something in the world.
func (p *play) happen() {
	if p.quiet {
		return
	}
	var objects []*world.Object
	for o := range p.world.Objects() {
		objects = append(objects, o)
	}
	slices.SortFunc(objects, func(a, b *world.Object) int { return int(a.ID()) - int(b.ID()) })
	var clients []*world.Client
	for c := range p.world.Clients() {
		clients = append(clients, c)
	}
	slices.SortFunc(clients, func(a, b *world.Client) int { return int(a.ID()) - int(b.ID()) })
	must := func(err error) {
		if err != nil {
			p.t.Error(err)
		}
	}
	for range p.rnd.IntN(4) {
		zone := uint32(1 + p.rnd.IntN(playZones))
		if len(objects) < 10 && p.rnd.IntN(4) == 0 {
			class := []string{"DistributedAvatar", "DistributedBall", "DistributedChat"}[p.rnd.IntN(3)]
			o, err := p.world.Spawn(world.Spawn{Class: class, Zone: zone})
			must(err)
			objects = append(objects, o)
			continue
		}
		if len(objects) == 0 {
			continue
		}
		i := p.rnd.IntN(len(objects))
		o := objects[i]
		switch n := p.rnd.IntN(24); {
		case n == 0:
			must(o.Delete())
			objects = slices.Delete(objects, i, i+1)
		case n == 1:
			must(o.Move(zone))
		case n == 2 && len(clients) > 0:
			must(o.SetOwner(clients[p.rnd.IntN(len(clients))]))
		case n == 3:
			must(o.SetOwner(nil))
		case n < 8 && o.Class().FieldByName("emote") != nil:
			p.calls[o.ID()]++
			must(o.Send("emote", p.calls[o.ID()]))
		case o.Class().FieldByName("hp") != nil:
			must(o.Set("hp", p.rnd.IntN(101)))
			if n%2 == 0 {
				must(o.Set("name", strings.Repeat("x", p.rnd.IntN(9))))
			}
			if n%3 == 0 {
				must(o.Set("pos", []any{p.rnd.Float64(), 2.0, p.rnd.Float64()}))
			}
		case o.Class().FieldByName("spin") != nil:
			must(o.Set("x", p.rnd.Float64()))
		}
	}
}

// called is said when a client calls a method.
func (p *play) called(c *world.Client, o *world.Object, f *dc.Field, args []byte) { p.heard++ }

// gone is said when a client has left.
func (p *play) gone(c *world.Client, err error) {
	p.left++
	if err != nil {
		p.t.Errorf("%v left: %v", c, err)
	}
}

// compare compares what clients have with what they are interested in.
func (p *play) compare() {
	for i, c := range p.players {
		client := p.world.Client(c.session.ClientID())
		if client == nil {
			p.t.Fatalf("client %d is not in the world", i)
		}
		describe := func(id uint32, owned bool, zone uint32, state string) string {
			if !c.session.Extended() {
				zone = 0 // nobody says it
			}
			return fmt.Sprintf("%d in %d, own %v: %q", id, zone, owned, state)
		}
		var got, want []string
		for o := range c.session.Objects() {
			got = append(got, describe(o.ID(), o.Owned(), o.Zone(), stateOf(o)))
		}
		for o := range p.world.Objects() {
			if client.Sees(o.Zone()) {
				want = append(want, describe(o.ID(), o.Owner() == client, o.Zone(), p.history[p.world.Tick()][o.ID()]))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			p.t.Errorf("at rest client %d, extended %v, has\n%s\nthe server\n%s", i, c.session.Extended(), strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if c.asked != c.completed {
			p.t.Errorf("client %d: %d changes of interest, %d complete", i, c.asked, c.completed)
		}
	}
}

// stateOf is the class and all values, one after the other.
func stateOf(o *clientsession.Object) string {
	b := []byte(o.Class().Name())
	for _, v := range o.Values() {
		b = append(b, v...)
	}
	return string(b)
}

// player is a client: its end of the network, and who watches its session.
type player struct {
	clientsession.NoEvents
	play             *play
	conn             *memory.Conn
	session          *clientsession.Session
	emotes           map[uint32]uint8
	ticks            map[*clientsession.Object]uint32 // of those that are shown
	messages         int
	asked, completed int
}

func (c *player) Opened(transport.Conn) { c.session.Start(c.play.now()) }

func (c *player) Received(_ transport.Conn, msgs [][]byte) { c.session.Receive(c.play.now(), msgs) }

func (c *player) Closed(_ transport.Conn, err error) { c.session.ConnectionClosed(err) }

// act lets the client do something.
func (c *player) act() {
	rnd := c.play.rnd
	zones := make([]uint32, rnd.IntN(3))
	for i := range zones {
		zones[i] = uint32(1 + rnd.IntN(playZones))
	}
	var err error
	switch n := rnd.IntN(60); {
	case n == 0 || c.asked == 0:
		_, err = c.session.SetZones(zones...)
		c.asked++
	case n == 1:
		_, err = c.session.AddZones(zones...)
		c.asked++
	case n == 2:
		_, err = c.session.RemoveZones(zones...)
		c.asked++
	case n < 10:
		for o := range c.session.Objects() {
			if o.Class().FieldByName("emote") != nil {
				err = c.session.Send(o.ID(), "emote", 1)
				break
			}
		}
	}
	if err != nil {
		c.play.t.Error(err)
	}
}

// check compares an object with what it was on the server.
func (c *player) check(o *clientsession.Object, when string) {
	if past, ok := c.play.history[o.Tick()][o.ID()]; !ok || past != stateOf(o) {
		c.play.t.Fatalf("%s object %d is %q\nbut was %q in tick %d", when, o.ID(), stateOf(o), past, o.Tick())
	}
	tick, ok := c.ticks[o]
	if !ok || wire.Newer(tick, o.Tick()) {
		c.play.t.Fatalf("%s object %d has tick %d after %d, shown %v", when, o.ID(), o.Tick(), tick, ok)
	}
	c.ticks[o] = o.Tick()
}

func (c *player) Generated(o *clientsession.Object) { c.ticks[o] = o.Tick() }

func (c *player) Updated(o *clientsession.Object, _ []int) { c.check(o, "when updated") }

func (c *player) Removed(o *clientsession.Object) { delete(c.ticks, o) }

func (c *player) InterestComplete(uint32) { c.completed++ }

func (c *player) Message(o *clientsession.Object, m clientsession.Message) {
	if _, ok := c.ticks[o]; !ok {
		c.play.t.Errorf("a message for object %d, which is not shown", o.ID())
	}
	if m.Field.Name() != "emote" {
		return
	}
	c.messages++
	if wire.Newer(m.State, o.Tick()) && c.session.Stats().Early == 0 {
		c.play.t.Errorf("a message of object %d needs the state of tick %d, it is of %d", o.ID(), m.State, o.Tick())
	}
	if before := c.emotes[o.ID()]; int8(m.Args[0]-before) <= 0 {
		c.play.t.Errorf("object %d calls %d after %d", o.ID(), m.Args[0], before)
	}
	c.emotes[o.ID()] = m.Args[0]
}
