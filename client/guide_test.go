package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/guidetest"
	"github.com/culm-net/culm/interp"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/transport/quic"
	"github.com/culm-net/culm/world"
)

// The code here is in docs/go-client.md; see TestGuide.

// The server.

func newServer(schema *dc.Schema) (*world.World, *pipes.Server, error) {
	w, err := world.New(world.Config{Schema: schema, Events: world.Events{
		Joined: func(c *world.Client) {
			_, err := c.World().Spawn(world.Spawn{
				Class:   "Avatar",
				Zone:    1,
				Owner:   c,
				Handler: walker{},
				Fields:  map[string]any{"name": fmt.Sprintf("guest %d", c.ID())},
			})
			must(err)
		},
		Left: func(c *world.Client, _ error) {
			for o := range c.Owned() {
				must(o.Delete())
			}
		},
	}})
	if err != nil {
		return nil, nil, err
	}
	s, err := pipes.NewServer(pipes.Config{World: w})
	return w, s, err
}

type walker struct{}

func (walker) Message(c *world.Client, o *world.Object, f *dc.Field, args []byte) {
	switch f.Name() {
	case "walk":
		to, err := f.Unpack(args)
		must(err)
		must(o.Set("pos", to))
	case "say":
		must(o.SendPacked(f, args))
	}
}

func serve() {
	schema, err := dc.ParseFiles("walk.dc")
	if err != nil {
		log.Fatal(err)
	}
	w, server, err := newServer(schema)
	if err != nil {
		log.Fatal(err)
	}
	l, err := quic.Listen(":27016", quic.Config{})
	if err != nil {
		log.Fatal(err)
	}
	pin, err := l.Fingerprint()
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("to play here: go run . %v", pin)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	go w.Run(context.Background())
	if err := server.Serve(ctx, l); err != nil {
		log.Fatal(err)
	}
}

func serveAgain() (transport.Listener, error) {
	cert, err := quic.LoadCertificate("cert.pem", "key.pem")
	if err != nil {
		log.Fatal(err)
	}
	l, err := quic.Listen(":27016", quic.Config{TLS: &tls.Config{GetCertificate: cert.Get}})
	return l, err
}

// The client.

type avatar struct {
	name string
	pos  *client.Variable[interp.Vec2]
}

func newAvatar(o *client.Object) any {
	name, err := o.Get("name")
	must(err)
	return &avatar{
		name: name[0].(string),
		pos:  client.Interpolate(o, position),
	}
}

func position(o *client.Object) interp.Vec2 {
	pos, err := o.Get("pos")
	must(err)
	xy := pos[0].([]any)
	return interp.Vec2{xy[0].(float64), xy[1].(float64)}
}

func (a *avatar) Message(o *client.Object, m client.Message) {
	if m.Field.Name() == "say" {
		text, err := m.Field.Unpack(m.Args)
		must(err)
		log.Printf("%s: %s", a.name, text[0])
	}
}

func (a *avatar) Disable(*client.Object) { log.Printf("%s has gone", a.name) }

type game struct {
	client *client.Client
	me     *client.Object // nil while there is no avatar of our own
}

func newGame(schema *dc.Schema, dial func(context.Context, transport.Handler) (transport.Conn, error)) (*game, error) {
	g := &game{}
	var err error
	g.client, err = client.New(client.Config{
		Schema: schema,
		Dial:   dial,
		Events: client.Events{
			Generated: g.generated,
			Removed:   g.removed,
			Lost: func(err error, retry time.Duration) {
				log.Printf("%v; next attempt in %v", err, retry.Round(time.Millisecond))
			},
		},
	})
	if err != nil {
		return nil, err
	}
	if err := g.client.Register("Avatar", newAvatar); err != nil {
		return nil, err
	}
	g.client.AddInterest(nil, 1)
	return g, nil
}

func (g *game) generated(o *client.Object) {
	if o.Owned() {
		g.me = o
		must(o.Send("say", "hello"))
	}
}

func (g *game) removed(o *client.Object) {
	if o == g.me {
		g.me = nil
	}
}

func (g *game) draw() {
	for o := range g.client.Objects() {
		a := o.View().(*avatar)
		pos := a.pos.Value()
		fmt.Printf("%s at %.1f, %.1f\n", a.name, pos[0], pos[1])
	}
}

func play() {
	if len(os.Args) != 2 {
		log.Fatal("say the fingerprint that the server prints")
	}
	pin, err := quic.ParseFingerprint(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	schema, err := dc.ParseFiles("walk.dc")
	if err != nil {
		log.Fatal(err)
	}
	g, err := newGame(schema, func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		return quic.Dial(ctx, "127.0.0.1:27016", quic.Config{Pins: []quic.Fingerprint{pin}}, h)
	})
	if err != nil {
		log.Fatal(err)
	}
	for start := time.Now(); g.client.State() != client.Ended; time.Sleep(time.Second / 60) {
		g.client.Frame(time.Now())
		if g.me != nil {
			must(g.me.Send("walk", time.Since(start).Seconds(), 0))
		}
		g.draw()
	}
	log.Fatal(g.client.Err())
}

func run(ctx context.Context, g *game) {
	err := g.client.Run(ctx)
	log.Print(err)
}

func must(err error) {
	if err != nil {
		log.Print(err)
	}
}

// TestGuide holds the code in docs/go-client.md to what is compiled and run here.
func TestGuide(t *testing.T) {
	guidetest.Check(t, "../docs/go-client.md", "guide_test.go", "testdata/walk.dc")
}

// TestGuideGame plays the guide's game: two clients see each other walk and hear
// each other.
func TestGuideGame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		log.SetOutput(&said)
		defer log.SetOutput(os.Stderr)
		schema, err := dc.ParseFiles("testdata/walk.dc")
		check(t, err)
		w, s, err := newServer(schema)
		check(t, err)
		net := memory.New(memory.Config{})
		l, err := net.Listen("server")
		check(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{}, 4)
		start := func(run func()) { go func() { run(); done <- struct{}{} }() }
		start(func() { net.Run(ctx) })
		start(func() { check(t, s.Serve(ctx, l)) })
		start(func() { check(t, w.Run(ctx)) })
		dial := func(_ context.Context, h transport.Handler) (transport.Conn, error) { return net.Dial("server", h) }
		ann, err := newGame(schema, dial)
		check(t, err)
		bob, err := newGame(schema, dial)
		check(t, err)
		playing, leave := context.WithCancel(t.Context())
		start(func() { run(playing, bob) })
		at := time.Now()
		for range 120 {
			ann.client.Frame(time.Now())
			if ann.me != nil {
				check(t, ann.me.Send("walk", time.Since(at).Seconds(), 0))
			}
			time.Sleep(time.Second / 60)
		}
		seen := make(chan interp.Vec2)
		bob.client.Do(func() {
			for o := range bob.client.Objects() {
				if a := o.View().(*avatar); a.name == ann.me.View().(*avatar).name {
					seen <- a.pos.Value()
				}
			}
			close(seen)
		})
		if pos := <-seen; pos[0] < 1.7 || pos[0] > 2 {
			t.Errorf("ann is seen at %v", pos)
		}
		leave()
		<-done
		time.Sleep(time.Second)
		ann.client.Frame(time.Now())
		if ann.client.State() != client.Connected || bob.me != nil {
			t.Errorf("%v, %v", ann.client.State(), bob.me)
		}
		ann.client.Close()
		ann.client.Wait()
		stop()
		for range 3 {
			<-done
		}
		for _, line := range []string{"guest 1: hello", "guest 2: hello", "guest 2 has gone"} {
			if !strings.Contains(said.String(), line) {
				t.Errorf("nobody said %q: %s", line, said.String())
			}
		}
	})
}

var (
	_ = serve
	_ = serveAgain
	_ = play
)
