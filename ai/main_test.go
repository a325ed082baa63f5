package ai_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/cluster"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// With CULM_AI the test binary is an AI that connects there, with a district,
// and says so.
func TestMain(m *testing.M) {
	if address := os.Getenv("CULM_AI"); address != "" {
		fmt.Fprintln(os.Stderr, beDistrict(address))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func beDistrict(address string) error {
	schema, err := dc.ParseFiles("testdata/game.dc")
	if err != nil {
		return err
	}
	var a *ai.AI
	a, err = ai.New(ai.Config{Schema: schema, Address: address, Channel: 1000000, Events: ai.Events{Connected: func() {
		a.GetLocation(districtID, func(ai.Location, error) { fmt.Println("there") })
	}}})
	if err != nil {
		return err
	}
	a.Do(func() { _, err = a.Create(ai.Create{Class: "District", DoID: districtID}) })
	if err != nil {
		return err
	}
	return a.Run(context.Background())
}

// patience bounds how long something that must happen is waited for.
const patience = 30 * time.Second

func game(t testing.TB) *dc.Schema {
	t.Helper()
	s, err := dc.ParseFiles("testdata/game.dc")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running is a cluster with all roles.
type running struct {
	md, clients string // addresses
	stop        func()
}

// start starts a cluster whose message director listens on addr.
func start(t testing.TB, addr string) *running {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster.yml")
	config, err := cluster.Parse(path, fmt.Appendf(nil, `
messagedirector: {bind: %q}
daemon: {drain_grace: 0}
uberdogs:
  - {id: 4665, class: Login, anonymous: true}
roles:
  - {type: stateserver, control: 4002}
  - type: clientagent
    bind: 127.0.0.1:0
    channels: {min: 100000, max: 100009}
`, addr))
	if err != nil {
		t.Fatal(err)
	}
	server, err := cluster.New(config, game(t), time.Second, slog.New(slog.DiscardHandler))
	for err != nil && strings.Contains(err.Error(), "in use") { // somebody else has got the port for a moment
		server, err = cluster.New(config, game(t), time.Second, slog.New(slog.DiscardHandler))
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &running{}
	for _, p := range server.Parts() {
		switch p.Name {
		case "messagedirector":
			r.md = p.Addrs[0].String()
		case "clientagent":
			r.clients = p.Addrs[0].String()
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	r.stop = sync.OnceFunc(func() {
		cancel()
		serving.Wait()
	})
	t.Cleanup(r.stop)
	return r
}

// join runs an AI in a cluster and returns when it is connected.
func (r *running) join(t testing.TB, c ai.Config) (_ *ai.AI, leave func()) {
	t.Helper()
	if c.Schema == nil {
		c.Schema = game(t)
	}
	c.Address = r.md
	c.QueryTimeout = cmp.Or(c.QueryTimeout, patience)
	c.MinBackoff, c.MaxBackoff = 5*time.Millisecond, 20*time.Millisecond
	if testing.Verbose() {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	} else {
		c.Log = slog.New(slog.DiscardHandler)
	}
	up := make(chan struct{}, 1)
	connected := c.Events.Connected
	c.Events.Connected = func() {
		if connected != nil {
			connected()
		}
		select {
		case up <- struct{}{}:
		default:
		}
	}
	a, err := ai.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	leave = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(leave)
	await(t, up)
	return a, leave
}

// await waits for what must come.
func await[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("it does not come")
		panic("unreachable")
	}
}

// inside runs f inside an AI and waits for it.
func inside(t testing.TB, a *ai.AI, f func()) {
	t.Helper()
	done := make(chan struct{})
	a.Do(func() {
		f()
		close(done)
	})
	await(t, done)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// story collects what handlers are told.
type story struct{ lines chan string }

func newStory() *story { return &story{make(chan string, 100)} }

func (s *story) say(format string, args ...any) { s.lines <- fmt.Sprintf(format, args...) }

func (s *story) Update(o *ai.Object, sender uint64, f *dc.Field, args []byte) {
	text, err := f.AppendText(nil, args)
	s.say("%d.%s%s from %d %v", o.ID(), f.Name(), text, sender, err)
}

func (s *story) Moved(o *ai.Object, from ai.Location) {
	s.say("%d moved from %v to %v", o.ID(), from, o.Location())
}

func (s *story) Delete(o *ai.Object) { s.say("%d is gone", o.ID()) }

// expect waits for lines in their order.
func (s *story) expect(t testing.TB, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := strings.TrimSuffix(await(t, s.lines), " <nil>"); got != w {
			t.Fatalf("%q is told, not %q", got, w)
		}
	}
}

// player is a client of the game.
type player struct {
	t        testing.TB
	conn     *tcp.Conn
	received chan []byte
	closed   chan struct{}
}

func (r *running) play(t testing.TB) *player {
	t.Helper()
	p := &player{t: t, received: make(chan []byte, 100), closed: make(chan struct{})}
	conn, err := tcp.Dial(t.Context(), r.clients, tcp.Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	p.conn = conn
	t.Cleanup(p.leave)
	p.send(1, func(w *datagram.Writer) {
		w.Uint32(game(t).Hash())
		w.String("dev")
	})
	p.expect(2)
	return p
}

func (p *player) leave() {
	p.conn.Close(transport.CodeNormal, "")
	await(p.t, p.closed)
}

func (p *player) Opened(transport.Conn) {}

func (p *player) Received(_ transport.Conn, messages [][]byte) {
	for _, m := range messages {
		p.received <- append([]byte(nil), m...)
	}
}

func (p *player) Closed(transport.Conn, error) { close(p.closed) }

func (p *player) send(typ uint16, payload func(w *datagram.Writer)) {
	p.t.Helper()
	var w datagram.Writer
	w.Uint16(typ)
	payload(&w)
	check(p.t, p.conn.Send(transport.Message{Data: w.Buf}))
	p.conn.Flush()
}

// update sends an update of a field.
func (p *player) update(doID uint32, class, field string, args ...any) {
	p.t.Helper()
	f := game(p.t).Class(class).FieldByName(field)
	packed, err := f.Pack(nil, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(120, func(w *datagram.Writer) {
		w.Uint32(doID)
		w.Uint16(uint16(f.Number()))
		w.Bytes(packed)
	})
}

// expect waits for a message and returns its payload.
func (p *player) expect(typ uint16) datagram.Reader {
	p.t.Helper()
	r := datagram.NewReader(await(p.t, p.received))
	if got := r.Uint16(); got != typ {
		p.t.Fatalf("the client got a message %d %x, not %d", got, r.Rest(), typ)
	}
	return r
}
