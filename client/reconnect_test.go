package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

// TestReconnect takes the server away and starts another one: the objects go and
// come anew, the waits grow, interest is restored, and who waits for it is told.
func TestReconnect(t *testing.T) {
	bubble(t, bad, func(t *testing.T, st *stage, plain bool) {
		secret := func(c *world.Client, zone uint32) bool { return zone != 13 }
		sv := st.serve(pipes.Config{}, world.Events{Interest: secret})
		for zone := range uint32(4) {
			sv.spawn(t, world.Spawn{Class: "Ball", Zone: zone})
		}
		connects := 0
		var waits []time.Duration
		var removed []uint32
		c := st.client(client.Config{Plain: plain, ReconnectMin: 100 * time.Millisecond, ReconnectMax: time.Second, Events: client.Events{
			Connected: func() { connects++ },
			Lost: func(err error, wait time.Duration) {
				if !client.Temporary(err) || !strings.HasPrefix(err.Error(), "client: ") {
					t.Errorf("%v", err)
				}
				waits = append(waits, wait)
			},
			Removed: func(o *client.Object) { removed = append(removed, o.ID()) },
		}})
		all := watch(t, c)
		// A zone that the server refuses, with others in its company.
		c.AddInterest(nil, 1, 2)
		c.AddInterest(nil, 3, 13)
		st.connected(c)
		st.play(time.Second)
		before := all[2]
		if len(all) != 2 || before == nil || connects != 1 {
			t.Fatalf("%d objects, %d connects", len(all), connects)
		}
		ball := c.Object(2)

		sv.close()
		c.AddInterest(nil, 0)
		c.RemoveInterest(nil, 0)
		st.play(10 * time.Second)
		if before.is != "disabled" || !slices.Equal(removed, []uint32{2, 3}) || c.Object(2) != nil || c.ID() != 0 || c.Clock() != nil || c.State() == client.Connected {
			t.Errorf("the object is %s, removed %v, %v", before.is, removed, c.State())
		}
		if err := ball.Send("kick", 1.0); !errors.Is(err, client.ErrGone) {
			t.Errorf("%v", err)
		}
		for i, w := range waits {
			most := min(100*time.Millisecond<<i, time.Second)
			if w > most || w < most/2 {
				t.Errorf("wait %d is %v, not half to all of %v", i, w, most)
			}
		}
		if len(waits) < 8 {
			t.Errorf("only %v", waits)
		}

		// The same DC files, other objects.
		sv = st.serve(pipes.Config{}, world.Events{Interest: secret})
		for zone := range uint32(4) {
			sv.spawn(t, world.Spawn{Class: "Ball", Zone: 3 - zone})
		}
		st.connected(c)
		st.play(time.Second)
		now := c.Object(2)
		if now == nil || now == ball || now.View() == before || c.Object(3) == nil || c.Object(1) != nil || c.Object(4) != nil {
			t.Errorf("%v %v %v %v", c.Object(1), now, c.Object(3), c.Object(4))
		}
		if s := c.Stats(); connects != 2 || s.Connects != 2 || s.Attempts != uint64(len(waits))+1 {
			t.Errorf("%d connects, %d waits, %+v", connects, len(waits), s)
		}
	})
}

// TestWaitsGrow lets a client in again and again and loses it soon after: it waits
// longer each time, until a connection has lasted.
func TestWaitsGrow(t *testing.T) {
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		const least, most = 100 * time.Millisecond, 5 * time.Second
		var waits []time.Duration
		c := st.client(client.Config{Plain: plain, ReconnectMin: least, ReconnectMax: most, Events: client.Events{
			Lost: func(_ error, wait time.Duration) { waits = append(waits, wait) },
		}})
		lose := func(after time.Duration) {
			t.Helper()
			sv := st.serve(pipes.Config{}, world.Events{})
			st.connected(c)
			st.play(after)
			waits = nil
			sv.close()
			st.until("it is lost", func() bool { return len(waits) > 0 })
		}
		for i := range 5 {
			lose(100 * time.Millisecond)
			if high := least << i; waits[0] > high || waits[0] < high/2 {
				t.Errorf("wait %d is %v, not half to all of %v", i, waits[0], high)
			}
		}
		lose(2 * most)
		if waits[0] > least {
			t.Errorf("after a connection that lasted it waits %v", waits[0])
		}
	})
}

// TestInterestWaits lets the connection end before a change of interest is
// complete.
func TestInterestWaits(t *testing.T) {
	bubble(t, bad, func(t *testing.T, st *stage, plain bool) {
		sv := st.serve(pipes.Config{}, world.Events{})
		c := st.client(client.Config{Plain: plain, ReconnectMin: 100 * time.Millisecond})
		st.connected(c)
		var complete []string
		for _, what := range []string{"a", "b"} {
			c.AddInterest(func() { complete = append(complete, what) }, uint32(what[0]))
		}
		c.RemoveInterest(func() { complete = append(complete, "c") }, 7)
		sv.close()
		st.play(time.Second)
		if len(complete) > 0 {
			t.Errorf("complete without a server: %v", complete)
		}
		st.serve(pipes.Config{}, world.Events{})
		st.connected(c)
		st.play(time.Second)
		slices.Sort(complete)
		if !slices.Equal(complete, []string{"a", "b", "c"}) {
			t.Errorf("complete: %v", complete)
		}
	})
}

// TestManyInterests changes the interest more often than may wait for an answer.
func TestManyInterests(t *testing.T) {
	bubble(t, bad, func(t *testing.T, st *stage, plain bool) {
		sv := st.serve(pipes.Config{ZoneRate: -1}, world.Events{})
		ball := sv.spawn(t, world.Spawn{Class: "Ball", Zone: 599})
		c := st.client(client.Config{Plain: plain})
		complete := 0
		add := func() {
			for zone := range uint32(600) {
				c.AddInterest(func() { complete++ }, zone)
			}
		}
		add() // before it is connected, each in a message of its own
		st.connected(c)
		st.play(time.Second)
		if complete != 600 || c.Object(ball.ID()) == nil {
			t.Errorf("%d complete", complete)
		}
		add()
		st.play(time.Second)
		if complete != 1200 || c.State() != client.Connected || c.Object(ball.ID()) == nil {
			t.Errorf("%d complete, %v", complete, c.State())
		}
	})
}

// TestFull waits until there is a place.
func TestFull(t *testing.T) {
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		st.serve(pipes.Config{MaxClients: 1}, world.Events{})
		first := st.client(client.Config{Plain: plain})
		st.connected(first)
		var errs []error
		second := st.client(client.Config{Plain: plain, Events: client.Events{Lost: func(err error, _ time.Duration) { errs = append(errs, err) }}})
		st.play(3 * time.Second)
		if len(errs) < 2 || !errors.Is(errs[0], client.ErrRejected) || !strings.Contains(errs[0].Error(), "the server is full") {
			t.Fatalf("%v", errs)
		}
		first.Close()
		st.play(3 * time.Second)
		st.connected(second)
	})
}

// TestNetworks meets networks on which nothing comes of an attempt.
func TestNetworks(t *testing.T) {
	listen := func(st *stage, h transport.Handler) {
		l, err := st.net.Listen("server")
		check(st.t, err)
		if h != nil {
			check(st.t, l.Start(h))
		}
	}
	for _, n := range []struct {
		name   string
		server func(st *stage)
		dial   func(context.Context, transport.Handler) (transport.Conn, error)
		want   error
	}{
		{name: "nobody accepts", server: func(st *stage) { listen(st, nil) }, want: client.ErrTimeout},
		{name: "says nothing", server: func(st *stage) { listen(st, mute{}) }, want: client.ErrTimeout},
		{name: "says nonsense", server: func(st *stage) { listen(st, mute{"?"}) }, want: client.ErrServer},
		{name: "Dial hangs", dial: func(ctx context.Context, _ transport.Handler) (transport.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, want: client.ErrTimeout},
		{name: "Dial forgets", dial: func(context.Context, transport.Handler) (transport.Conn, error) { return nil, nil }},
	} {
		t.Run(n.name, func(t *testing.T) {
			bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
				if n.server != nil {
					n.server(st)
				}
				var lost []error
				cl := st.client(client.Config{Plain: plain, Dial: n.dial, DialTimeout: time.Second, HelloTimeout: time.Second, Events: client.Events{
					Lost: func(err error, _ time.Duration) { lost = append(lost, err) },
				}})
				st.play(5 * time.Second)
				if n.want == client.ErrServer {
					if len(lost) > 0 || !errors.Is(cl.Err(), n.want) {
						t.Errorf("%v, %v", lost, cl.Err())
					}
				} else if len(lost) < 2 || n.want != nil && !errors.Is(lost[0], n.want) || cl.State() == client.Ended {
					t.Errorf("%v", lost)
				}
			})
		})
	}
}

// mute is a server that says at most one thing.
type mute struct{ say string }

func (m mute) Opened(c transport.Conn) {
	if m.say != "" {
		_ = c.Send(transport.Message{Data: []byte(m.say)})
		c.Flush()
	}
}
func (mute) Received(transport.Conn, [][]byte) {}
func (mute) Closed(transport.Conn, error)      {}

// TestRetry lets the game decide.
func TestRetry(t *testing.T) {
	bubbleIn(t, memory.Config{}, func(t *testing.T, st *stage) {
		attempts := 0
		c := st.client(client.Config{Retry: func(error) bool {
			attempts++
			return attempts < 3
		}})
		st.play(10 * time.Second)
		if attempts != 3 || c.State() != client.Ended {
			t.Errorf("%d attempts, %v", attempts, c.State())
		}
	})
}

// closedConn is a connection that the server has closed at once.
type closedConn struct{ sink }

func (closedConn) Send(transport.Message) error { return transport.ErrClosed }

// TestClosedBeforeTheHello has the server close the connection before the client
// could say anything. The client knows why.
func TestClosedBeforeTheHello(t *testing.T) {
	for name, between := range map[string]bool{"in one frame": false, "after the first frame": true} {
		t.Run(name, func(t *testing.T) {
			dialed := make(chan transport.Handler)
			c, err := client.New(client.Config{Schema: schemaOf(t), ReconnectMin: -1, Dial: func(_ context.Context, h transport.Handler) (transport.Conn, error) {
				dialed <- h
				return closedConn{}, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			c.Frame(time.Unix(1000, 0))
			h := <-dialed
			h.Opened(closedConn{})
			if between {
				c.Frame(time.Unix(1001, 0))
			}
			const kicked transport.Code = 1109
			h.Closed(closedConn{}, &transport.CloseError{Remote: true, Code: kicked, Reason: "banned"})
			c.Frame(time.Unix(1002, 0))
			var closed *transport.CloseError
			if c.State() != client.Ended || !errors.As(c.Err(), &closed) || closed.Code != kicked {
				t.Errorf("it is %v, %v", c.State(), c.Err())
			}
			c.Wait()
		})
	}
}
