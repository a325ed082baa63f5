package client_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/world"
)

// TestRun has all three, server, network and client, run by themselves.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &stage{t: t, schema: schemaOf(t), net: memory.New(bad)}
		left := make(chan error, 1)
		w, err := world.New(world.Config{Schema: st.schema, Log: slog.New(slog.DiscardHandler), Events: world.Events{
			Left: func(_ *world.Client, err error) { left <- err },
		}})
		check(t, err)
		p, err := pipes.NewServer(pipes.Config{World: w, Log: slog.New(slog.DiscardHandler)})
		check(t, err)
		l, err := st.net.Listen("server")
		check(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{}, 3)
		for _, run := range []func(){
			func() { st.net.Run(ctx) },
			func() { check(t, p.Serve(ctx, l)) },
			func() { check(t, w.Run(ctx)) },
		} {
			go func() { run(); done <- struct{}{} }()
		}

		frames, ticks := 0, 0
		var last uint32
		connected := make(chan struct{})
		c := st.client(client.Config{FrameRate: 50, Events: client.Events{
			Connected: func() { close(connected) },
			Frame:     func(time.Time) { frames++ },
			Tick: func(tick uint32) {
				if ticks > 0 && tick != last+1 {
					t.Errorf("tick %d after %d", tick, last)
				}
				last = tick
				ticks++
			},
		}})
		playing, leave := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Run(playing) }()
		<-connected
		time.Sleep(2 * time.Second)
		said := make(chan int)
		if !c.Do(func() { said <- frames }) {
			t.Error("the client has ended")
		}
		if n := <-said; n < 100 || n > 120 {
			t.Errorf("%d frames", n)
		}
		leave()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		// It has said goodbye by the time that Run returns. The connection's end
		// may overtake that on the server.
		if err, closed := <-left, (*transport.CloseError)(nil); err != nil && (!errors.As(err, &closed) || closed.Code != transport.CodeNormal) {
			t.Errorf("the client has left: %v", err)
		}
		if !errors.Is(c.Err(), client.ErrClosed) || ticks < 125 || ticks > 145 {
			t.Errorf("%v, %d ticks", c.Err(), ticks)
		}
		stop()
		for range cap(done) {
			<-done
		}
	})
}

// TestTCP plays over real sockets, in real time: the server comes, goes and comes
// back.
func TestTCP(t *testing.T) {
	schema := schemaOf(t)
	quiet := slog.New(slog.DiscardHandler)
	serve := func(at string) (addr string, stop func()) {
		w, err := world.New(world.Config{Schema: schema, Log: quiet})
		check(t, err)
		_, err = w.Spawn(world.Spawn{Class: "Ball", Zone: 1})
		check(t, err)
		p, err := pipes.NewServer(pipes.Config{World: w, Log: quiet})
		check(t, err)
		l, err := tcp.Listen(at, tcp.Config{})
		for errors.Is(err, syscall.EADDRINUSE) { // somebody else has got the port for a moment
			l, err = tcp.Listen(at, tcp.Config{})
		}
		check(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ticking, stopWorld := context.WithCancel(context.Background())
		served, ticked := make(chan error), make(chan error)
		go func() { served <- p.Serve(ctx, l) }()
		go func() { ticked <- w.Run(ticking) }()
		return l.Addr().String(), func() {
			cancel()
			check(t, <-served)
			stopWorld()
			check(t, <-ticked)
		}
	}
	addr, stop := serve("127.0.0.1:0")
	seen, gone, lost := make(chan bool, 1), make(chan bool, 1), make(chan error, 100)
	c, err := client.New(client.Config{
		Schema: schema,
		Log:    quiet,
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			return tcp.Dial(ctx, addr, tcp.Config{}, h)
		},
		ReconnectMin: 10 * time.Millisecond,
		Events: client.Events{
			Generated: func(*client.Object) { seen <- true },
			Removed:   func(*client.Object) { gone <- true },
			Lost:      func(err error, _ time.Duration) { lost <- err },
		},
	})
	check(t, err)
	c.AddInterest(nil, 1)
	playing, leave := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(playing) }()
	<-seen
	stop()
	<-gone
	// TCP does not tell the code and the reason.
	if err, closed := <-lost, (*transport.CloseError)(nil); !errors.As(err, &closed) || !closed.Remote {
		t.Errorf("lost: %v", err)
	}
	if err := <-lost; !strings.Contains(err.Error(), "client: cannot connect: ") {
		t.Errorf("no server: %v", err)
	}
	_, stop = serve(addr)
	<-seen
	leave()
	check(t, <-ended)
	stop()
}

// TestCloseInCallbacks closes the client in the n-th callback, for each n that
// there is. Nothing is called after Ended, and each view is disabled once.
func TestCloseInCallbacks(t *testing.T) {
	t.Parallel()
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		m := &motion{speed: 1}
		var sv *server
		sv = st.serve(pipes.Config{MaxClients: -1}, world.Events{Tick: func(tick uint32) {
			m.tick(t, sv.world)
			if m.ball.Zone() == 1 && tick%20 == 0 {
				check(t, m.ball.Move(2))
			} else if tick%40 == 0 {
				check(t, m.ball.Move(1))
			}
		}})
		for range 3 {
			m.ball = sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1})
		}
		for n := 1; ; n++ {
			q := &quitter{left: n, views: map[*client.Object]int{}}
			c := st.client(client.Config{Plain: plain, Events: client.Events{
				Connected: q.count,
				Ended: func(error) {
					if q.ended {
						t.Error("ended twice")
					}
					q.ended = true
				},
				Generated: func(*client.Object) { q.count() },
				Updated:   func(*client.Object, []int) { q.count() },
				Removed:   func(*client.Object) { q.count() },
				Snapshot:  func(client.Snapshot) { q.count() },
				Tick:      func(uint32) { q.count() },
				Frame:     func(time.Time) { q.count() },
			}})
			q.c = c
			check(t, c.Register("Ball", func(o *client.Object) any {
				q.views[o] = 0
				slide(o)
				q.count()
				return q
			}))
			c.AddInterest(q.count, 1)
			st.play(500 * time.Millisecond)
			if c.State() != client.Ended {
				if n < 30 {
					t.Errorf("there are only %d callbacks", n)
				}
				return
			}
			if !q.ended || q.late > 0 {
				t.Errorf("closed in callback %d: %d callbacks after the end", n, q.late)
			}
			for o, disabled := range q.views {
				// Closed while the view was made, it is not known.
				if disabled != 1 && o.Lifecycle() != client.Disabled {
					t.Errorf("closed in callback %d: %v is disabled %d times", n, o, disabled)
				}
			}
			if n > 200 {
				return
			}
		}
	})
}

// quitter is a view, and an owner, that closes the client in a callback.
type quitter struct {
	c     *client.Client
	left  int // callbacks until then
	ended bool
	late  int
	views map[*client.Object]int // how often it was disabled
}

func (q *quitter) count() {
	if q.ended {
		q.late++
	}
	if q.left--; q.left == 0 {
		q.c.Close()
	}
}

func (q *quitter) Generate(*client.Object)              { q.count() }
func (q *quitter) AnnounceGenerate(*client.Object)      { q.count() }
func (q *quitter) PreDataUpdate(*client.Object)         { q.count() }
func (q *quitter) PostDataUpdate(*client.Object, []int) { q.count() }
func (q *quitter) Interpolated(*client.Object)          { q.count() }
func (q *quitter) ZoneChanged(*client.Object, uint32)   { q.count() }
func (q *quitter) Disable(o *client.Object)             { q.views[o]++; q.count() }
func (q *quitter) Delete(*client.Object)                { q.count() }
