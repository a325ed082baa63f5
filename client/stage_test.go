package client_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage has a real server, of packages world and pipes, and clients on a simulated
// network, in the time of a synctest bubble. The test's goroutine drives them all:
// see play.
type stage struct {
	t       *testing.T
	schema  *dc.Schema
	net     *memory.Network
	server  *server // nil: nobody listens
	clients []*client.Client
	// each is called after each millisecond of play.
	each func()
}

// server is one that can be stopped.
type server struct {
	world *world.World
	pipes *pipes.Server
	close func()
}

// frame is the length of a client's frame.
const frame = 16 * time.Millisecond

// bubble runs a test in both dialects, on a stage of its own.
func bubble(t *testing.T, network memory.Config, test func(t *testing.T, st *stage, plain bool)) {
	for _, plain := range []bool{false, true} {
		t.Run(map[bool]string{false: "extended", true: "plain"}[plain], func(t *testing.T) {
			bubbleIn(t, network, func(t *testing.T, st *stage) { test(t, st, plain) })
		})
	}
}

// bubbleIn runs a test on a stage of its own.
func bubbleIn(t *testing.T, network memory.Config, test func(t *testing.T, st *stage)) {
	synctest.Test(t, func(t *testing.T) {
		st := &stage{t: t, schema: schemaOf(t), net: memory.New(network)}
		test(t, st)
		st.end()
	})
}

func schemaOf(t testing.TB) *dc.Schema {
	schema, err := dc.ParseFiles("testdata/arena.dc")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// serve starts a server.
func (st *stage) serve(pc pipes.Config, e world.Events) *server {
	st.t.Helper()
	w, err := world.New(world.Config{Schema: st.schema, Events: e, Log: slog.New(slog.DiscardHandler), Workers: 1})
	if err != nil {
		st.t.Fatal(err)
	}
	pc.World, pc.Log = w, slog.New(slog.DiscardHandler)
	p, err := pipes.NewServer(pc)
	if err != nil {
		st.t.Fatal(err)
	}
	l, err := st.net.Listen("server")
	if err != nil {
		st.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Serve(ctx, l); err != nil {
			st.t.Error(err)
		}
	}()
	synctest.Wait()
	sv := &server{world: w, pipes: p}
	sv.close = func() {
		st.server = nil
		cancel()
		synctest.Wait() // it stops to accept
		w.Stop()
		for open := true; open; {
			select {
			case <-done:
				open = false
			default:
				st.step()
			}
		}
	}
	st.server = sv
	return sv
}

// client makes a client of the server, in the dialect wanted.
func (st *stage) client(c client.Config) *client.Client {
	st.t.Helper()
	if c.Schema == nil {
		c.Schema = st.schema
	}
	if c.Dial == nil {
		c.Dial = st.dial
	}
	c.Log = slog.New(slog.DiscardHandler)
	cl, err := client.New(c)
	if err != nil {
		st.t.Fatal(err)
	}
	st.clients = append(st.clients, cl)
	return cl
}

func (st *stage) dial(_ context.Context, h transport.Handler) (transport.Conn, error) {
	conn, err := st.net.Dial("server", h)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// step is a millisecond of everything but the clients.
func (st *stage) step() {
	time.Sleep(time.Millisecond)
	if st.server != nil {
		st.server.world.Step(time.Now())
	}
	st.net.Step(time.Millisecond)
	synctest.Wait()
}

// play lets time pass. Each client has its frames at moments of its own.
func (st *stage) play(d time.Duration) {
	for ; d > 0; d -= time.Millisecond {
		st.step()
		for i, c := range st.clients {
			if (int(st.net.Now()/time.Millisecond)+5*i)%int(frame/time.Millisecond) == 0 {
				c.Frame(time.Now())
				synctest.Wait() // for the dialing
			}
		}
		if st.each != nil {
			st.each()
		}
	}
}

// until plays until something is so.
func (st *stage) until(what string, is func() bool) {
	st.t.Helper()
	for range 200 {
		if is() {
			return
		}
		st.play(frame)
	}
	st.t.Fatalf("it did not happen that %s", what)
}

// connected makes clients play until they are connected.
func (st *stage) connected(clients ...*client.Client) {
	st.t.Helper()
	for _, c := range clients {
		st.until("the client connects", func() bool { return c.State() == client.Connected })
	}
}

// end closes everything, and waits for it.
func (st *stage) end() {
	st.each = nil
	for _, c := range st.clients {
		c.Close()
		if f := c.Frame(time.Now()); f != 0 || c.State() != client.Ended || c.Err() == nil || c.Do(func() {}) {
			st.t.Errorf("after its end: %d ticks, %v, %v", f, c.State(), c.Err())
		}
	}
	if st.server != nil {
		st.server.close()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		st.net.Run(ctx)
	}()
	for _, c := range st.clients {
		c.Wait()
	}
	cancel()
	<-done
}

// spawn makes an object on the server.
func (sv *server) spawn(t *testing.T, s world.Spawn) *world.Object {
	t.Helper()
	o, err := sv.world.Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// indexOf returns the inherited index of a field.
func indexOf(class *dc.Class, field string) int {
	return slices.IndexFunc(class.Fields(), func(f *dc.Field) bool { return f.Name() == field })
}

// float reads a parameter field of one float64.
func float(o *client.Object, index int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(o.ValueAt(index)))
}

// nowhere is a network without a server.
func nowhere(context.Context, transport.Handler) (transport.Conn, error) {
	return nil, errors.New("nobody there")
}
