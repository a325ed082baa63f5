package client_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

// bad is a network that loses, doubles and reorders.
var bad = memory.Config{
	Seed: 7,
	Up:   memory.Link{Latency: 30 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.05, Duplicate: 0.03, Reorder: 0.1},
	Down: memory.Link{Latency: 30 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.05, Duplicate: 0.03, Reorder: 0.1},
}

// witness is a view that holds the client to the order of its calls.
type witness struct {
	t     *testing.T
	o     *client.Object
	is    string // new, generated, announced, disabled, deleted
	pre   bool   // PreDataUpdate was called
	value []byte
	calls []string
	moved []uint32
}

func (w *witness) step(o *client.Object, from, to string) {
	w.t.Helper()
	if o != w.o || w.is != from || o.View() != w {
		w.t.Errorf("%v becomes %s, was %s", o, to, w.is)
	}
	w.is = to
}

func (w *witness) Generate(o *client.Object) {
	w.step(o, "new", "generated")
	if o.Lifecycle() != client.Generated {
		w.t.Errorf("%v is %v", o, o.Lifecycle())
	}
}

func (w *witness) AnnounceGenerate(o *client.Object) {
	w.step(o, "generated", "announced")
	if o.Lifecycle() != client.Alive || o.Client().Object(o.ID()) != o {
		w.t.Errorf("%v is %v", o, o.Lifecycle())
	}
}

func (w *witness) PreDataUpdate(o *client.Object) {
	w.step(o, "announced", "announced")
	if w.pre {
		w.t.Errorf("%v: two updates at a time", o)
	}
	w.pre, w.value = true, slices.Clone(o.ValueAt(0))
}

func (w *witness) PostDataUpdate(o *client.Object, fields []int) {
	w.step(o, "announced", "announced")
	if !w.pre || len(fields) == 0 || slices.Contains(fields, 0) == (string(w.value) == string(o.ValueAt(0))) {
		w.t.Errorf("%v: update of %v", o, fields)
	}
	w.pre = false
}

func (w *witness) Message(o *client.Object, m client.Message) {
	if w.is != "generated" && w.is != "announced" {
		w.t.Errorf("%v: message while %s", o, w.is)
	}
	args, err := m.Field.Unpack(m.Args)
	w.calls = append(w.calls, fmt.Sprint(m.Field.Name(), args, err))
}

func (w *witness) ZoneChanged(o *client.Object, from uint32) {
	w.step(o, "announced", "announced")
	w.moved = append(w.moved, from, o.Zone())
}

func (w *witness) Disable(o *client.Object) {
	w.step(o, "announced", "disabled")
	if l := o.Lifecycle(); l != client.Disabled && l != client.Deleted || o.Client().Object(o.ID()) == o {
		w.t.Errorf("%v is %v", o, l)
	}
	method, arg := "kick", any(1.0)
	if o.Class().Name() == "Avatar" {
		method, arg = "emote", 1
	}
	if err := o.Send(method, arg); !errors.Is(err, client.ErrGone) {
		w.t.Errorf("%v sends after it has left: %v", o, err)
	}
}

func (w *witness) Delete(o *client.Object) {
	w.step(o, "disabled", "deleted")
	if o.Lifecycle() != client.Deleted {
		w.t.Errorf("%v is %v", o, o.Lifecycle())
	}
}

// watch registers witnesses and collects them by doId.
func watch(t *testing.T, c *client.Client) map[uint32]*witness {
	all := map[uint32]*witness{}
	for _, class := range []string{"Avatar", "Ball"} {
		check(t, c.Register(class, func(o *client.Object) any {
			w := &witness{t: t, o: o, is: "new"}
			all[o.ID()] = w
			return w
		}))
	}
	return all
}

// TestPlay lets clients follow a world over bad networks: when it comes to rest
// they have the state of all that they see, views were told in order, and no
// message was lost.
func TestPlay(t *testing.T) {
	bubble(t, bad, func(t *testing.T, st *stage, plain bool) {
		rnd := rand.New(rand.NewPCG(1, 2))
		var balls []*world.Object
		busy := true
		sv := st.serve(pipes.Config{}, world.Events{Tick: func(uint32) {
			if !busy {
				return
			}
			for _, b := range balls {
				if rnd.IntN(4) == 0 {
					check(t, b.Set("x", rnd.Float64()))
				}
			}
			b := balls[rnd.IntN(len(balls))]
			check(t, b.Move(1+b.Zone()%3))
		}})
		for i := range uint32(20) {
			balls = append(balls, sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1 + i%3}))
		}
		c := st.client(client.Config{Plain: plain, UpdateRate: 40})
		all := watch(t, c)
		// In the plain dialect nobody tells of moves between zones that are
		// seen, so that one of these is not.
		complete := 0
		c.SetInterest(func() { complete++ }, 1, 2)
		c.AddInterest(func() { complete++ }, 9)
		st.play(3 * time.Second)
		if complete != 2 || !slices.Equal(c.Interest(), []uint32{1, 2, 9}) {
			t.Errorf("%d changes of interest complete: %v", complete, c.Interest())
		}
		busy = false
		check(t, balls[0].Delete())
		st.play(time.Second)
		seen := 0
		for _, b := range balls[1:] {
			o := c.Object(b.ID())
			if (o != nil) != (b.Zone() != 3) {
				t.Errorf("%v: the client has %v", b, o)
			}
			if o == nil {
				continue
			}
			seen++
			f := b.Class().FieldByName("x")
			if string(o.Value(f)) != string(b.Value(f)) || o.View().(*witness).is != "announced" || !plain && o.Zone() != b.Zone() {
				t.Errorf("%v: %x in %d, the server %x in %d", o, o.Value(f), o.Zone(), b.Value(f), b.Zone())
			}
		}
		for id, w := range all {
			if gone := c.Object(id) == nil; gone != (w.is == "disabled" || w.is == "deleted") {
				t.Errorf("%v is %s", w.o, w.is)
			}
		}
		n := 0
		for o := range c.Objects() {
			if c.Object(o.ID()) != o {
				t.Errorf("Objects has %v", o)
			}
			n++
		}
		if s := c.Stats(); n != seen || s.Objects != n || seen == 0 {
			t.Errorf("%d objects of %d, %+v", n, seen, s)
		}
		if s := sv.world.Stats(); s.Clients != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestMessages lets both sides call methods.
func TestMessages(t *testing.T) {
	bubble(t, bad, func(t *testing.T, st *stage, plain bool) {
		var heard []string
		sv := st.serve(pipes.Config{}, world.Events{
			Joined: func(c *world.Client) { check(t, c.AddZones(1)) },
			Message: func(c *world.Client, o *world.Object, f *dc.Field, args []byte) {
				v, _ := f.Unpack(args)
				heard = append(heard, fmt.Sprint(o.ID(), f.Name(), v))
			},
		})
		ball := sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1})
		hero := sv.spawn(t, world.Spawn{Class: "Avatar", Zone: 1, Fields: map[string]any{"setTeam": []any{3}, "name": "Hero"}})
		c := st.client(client.Config{Plain: plain})
		all := watch(t, c)
		st.until("the hero is seen", func() bool { return all[hero.ID()] != nil && all[ball.ID()] != nil })
		for i := range 30 {
			check(t, hero.Send("setTeam", i))
			check(t, c.Object(ball.ID()).Send("kick", float64(i)))
		}
		st.play(2 * time.Second)
		want := []string{"setTeam[3] <nil>"}
		for i := range 30 {
			want = append(want, fmt.Sprintf("setTeam[%d] <nil>", i))
			if i >= len(heard) || heard[i] != fmt.Sprintf("%dkick[%d]", ball.ID(), i) {
				t.Fatalf("the server heard %v", heard)
			}
		}
		w := all[hero.ID()]
		if !slices.Equal(w.calls, want) {
			t.Errorf("the client heard %v", w.calls)
		}

		o := c.Object(hero.ID())
		if name, err := o.Get("name"); err != nil || fmt.Sprint(name) != "[Hero]" {
			t.Errorf("the name is %v, %v", name, err)
		}
		if o.String() != fmt.Sprintf("Avatar %d", hero.ID()) || o.Class() != st.schema.Class("Avatar") || o.Owned() || o.Zone() != 1 {
			t.Errorf("%v %v %v %d", o, o.Class(), o.Owned(), o.Zone())
		}
		if v := o.Value(st.schema.Class("Ball").FieldByName("x")); v != nil {
			t.Errorf("an avatar has a ball's field: %x", v)
		}
		for _, wrong := range []struct {
			err  error
			want string
		}{
			{o.Send("jump"), `dclass Avatar has no field "jump"`},
			{o.Send("emote", 300), "300"},
			{o.Send("hint", "x"), "neither clsend nor ownsend"},
			{o.Send("move", 1.0, 2.0), "does not own"},
			{o.Send("name", "x"), "only methods"},
			{second(o.Get("emote")), "is a message"},
			{second(o.Get("jump")), `no field "jump"`},
			{c.Register("Goal", nil), `no dclass "Goal"`},
			{c.RegisterOwner("Vec2", nil), `no dclass "Vec2"`},
			{c.SetRates(0, 1), "at least 1"},
		} {
			if wrong.err == nil || !strings.Contains(wrong.err.Error(), wrong.want) {
				t.Errorf("%v; want something of %s", wrong.err, wrong.want)
			}
		}
	})
}

func second(_ []any, err error) error { return err }

// TestOwner gives the client an object, and takes it away again.
func TestOwner(t *testing.T) {
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		var ann *world.Client
		var moved []string
		sv := st.serve(pipes.Config{}, world.Events{
			Joined: func(c *world.Client) { ann = c },
			Message: func(c *world.Client, o *world.Object, f *dc.Field, args []byte) {
				v, _ := f.Unpack(args)
				moved = append(moved, fmt.Sprint(f.Name(), v))
			},
		})
		c := st.client(client.Config{Plain: plain})
		var log []string
		note := func(kind string) func(o *client.Object) any {
			return func(o *client.Object) any {
				log = append(log, kind)
				return nil
			}
		}
		check(t, c.Register("Avatar", note("view")))
		check(t, c.RegisterOwner("Avatar", note("owner view")))
		c.AddInterest(nil, 1)
		st.connected(c)
		if c.ID() != ann.ID() || c.Extended() == plain {
			t.Errorf("client %d, extended %v", c.ID(), c.Extended())
		}
		hero := sv.spawn(t, world.Spawn{Class: "Avatar", Zone: 1})
		st.play(100 * time.Millisecond)
		check(t, hero.SetOwner(ann))
		st.play(100 * time.Millisecond)
		o := c.Object(hero.ID())
		if o == nil || !o.Owned() {
			t.Fatalf("%v", o)
		}
		check(t, o.Send("move", 3.0, 4.0))
		st.play(100 * time.Millisecond)
		check(t, hero.SetOwner(nil))
		st.play(100 * time.Millisecond)
		if want := []string{"view", "owner view", "view"}; !slices.Equal(log, want) {
			t.Errorf("views: %v", log)
		}
		if !slices.Equal(moved, []string{"move[3 4]"}) {
			t.Errorf("the server heard %v", moved)
		}
	})
}

// TestRejected meets servers that will not have the client, for reasons that
// somebody has to do something about.
func TestRejected(t *testing.T) {
	other, err := dc.Parse(dc.Source{Name: "other.dc", Text: []byte("dclass Ball { float32 x; };")})
	if err != nil {
		t.Fatal(err)
	}
	ask := pipes.CheckLogin([]byte("who?"), nil)
	for _, c := range []struct {
		name   string
		server pipes.Config
		client client.Config
		want   string
		is     error
	}{
		{"password", pipes.Config{Password: "secret"}, client.Config{Password: "wrong"}, "client: the server rejected the client: wrong password", client.ErrRejected},
		{"files", pipes.Config{}, client.Config{Schema: other}, "both sides need the same files", client.ErrRejected},
		{"authentication", pipes.Config{Authenticator: ask}, client.Config{}, "set Config.Authenticate", client.ErrAuthentication},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, bad, func(t *testing.T, st *stage, plain bool) {
				st.serve(c.server, world.Events{})
				var ended []error
				c.client.Plain = plain
				c.client.Events = client.Events{
					Connected: func() { st.t.Error("connected") },
					Lost:      func(err error, _ time.Duration) { st.t.Error(err) },
					Ended:     func(err error) { ended = append(ended, err) },
				}
				cl := st.client(c.client)
				st.play(2 * time.Second)
				if len(ended) != 1 || ended[0] != cl.Err() || !errors.Is(cl.Err(), c.is) || !strings.Contains(cl.Err().Error(), c.want) {
					st.t.Errorf("%v, %v", ended, cl.Err())
				}
				if n := cl.Stats().Attempts; n != 1 || cl.State() != client.Ended {
					st.t.Errorf("%d attempts, %v", n, cl.State())
				}
			})
		})
	}
}

// TestAuthenticate answers a server's questions, at once and later.
func TestAuthenticate(t *testing.T) {
	bubble(t, bad, func(t *testing.T, st *stage, plain bool) {
		var joined []any
		st.serve(pipes.Config{Authenticator: asker{}}, world.Events{Joined: func(c *world.Client) { joined = append(joined, c.Account()) }})
		now := st.client(client.Config{Plain: plain, Authenticate: func(c *client.Client, question []byte) {
			check(t, c.Answer([]byte("ann "+string(question))))
		}})
		later := st.client(client.Config{Plain: plain, Authenticate: func(c *client.Client, question []byte) {
			answer := "bob " + string(question)
			go func() { // say, somebody types it
				time.Sleep(time.Second)
				c.Do(func() { check(t, c.Answer([]byte(answer))) })
			}()
		}})
		wrong := st.client(client.Config{Plain: plain, Authenticate: func(c *client.Client, _ []byte) { check(t, c.Answer([]byte("eve"))) }})
		if err := now.Answer(nil); !errors.Is(err, client.ErrNotConnected) {
			t.Errorf("%v", err)
		}
		st.play(3 * time.Second)
		if fmt.Sprint(joined) != "[ann who? bob who?]" || later.State() != client.Connected {
			t.Errorf("joined: %v", joined)
		}
		if err := wrong.Err(); !errors.Is(err, client.ErrRejected) || !strings.Contains(err.Error(), "nobody knows eve") {
			t.Errorf("%v", err)
		}
		if err := now.Answer(nil); err == nil {
			t.Error("an answer that nobody waits for")
		}
	})
}

type asker struct{}

func (asker) Start(l *pipes.Login) { l.Ask([]byte("who?")) }

func (asker) Answer(l *pipes.Login, data []byte) {
	if string(data) == "eve" {
		l.Reject("nobody knows eve")
		return
	}
	l.Accept(string(data))
}

// TestKicked is not let in again.
func TestKicked(t *testing.T) {
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		var ann *world.Client
		st.serve(pipes.Config{}, world.Events{Joined: func(c *world.Client) { ann = c }})
		c := st.client(client.Config{Plain: plain})
		st.connected(c)
		ann.Kick("no cheating")
		st.play(time.Second)
		if c.State() != client.Ended || !strings.Contains(c.Err().Error(), "no cheating") {
			t.Errorf("%v, %v", c.State(), c.Err())
		}
	})
}

// TestTemporary knows the codes of package pipes.
func TestTemporary(t *testing.T) {
	for code, want := range map[transport.Code]bool{
		pipes.CodeMalformed:       false,
		pipes.CodeWrongState:      false,
		pipes.CodeTooManyZones:    false,
		pipes.CodeTooManyRequests: false,
		pipes.CodeTooFast:         true,
		pipes.CodeTooSlow:         true,
		pipes.CodeTooLarge:        false,
		pipes.CodeNoHello:         true,
		pipes.CodeSilent:          true,
		pipes.CodeKicked:          false,
		transport.CodeShutdown:    true,
		transport.CodeNetwork:     true,
		transport.CodeRefused:     true,
	} {
		if got := client.Temporary(fmt.Errorf("client: %w", &transport.CloseError{Remote: true, Code: code})); got != want {
			t.Errorf("code %v: %v", code, got)
		}
	}
	for reason, want := range map[string]bool{
		"the server is full": true, "Server full": true, "already signed in": true, "the server is shutting down": true,
		"wrong password": false, "DC hash mismatch": false, "you are banned": false, "": false,
	} {
		if got := client.Temporary(fmt.Errorf("%w: %s", client.ErrRejected, reason)); got != want {
			t.Errorf("%q: %v", reason, got)
		}
	}
	for err, want := range map[error]bool{
		nil: false, client.ErrServer: false, client.ErrLimit: false, client.ErrClosed: false, client.ErrAuthentication: false,
		client.ErrTimeout: true, client.ErrInbox: true, errors.New("connection refused"): true,
	} {
		if got := client.Temporary(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// TestConfig refuses what cannot work.
func TestConfig(t *testing.T) {
	schema := schemaOf(t)
	for _, c := range []struct {
		config client.Config
		want   string
	}{
		{client.Config{Schema: schema}, "Config.Dial is missing"},
		{client.Config{Dial: nowhere}, "Schema is missing"},
		{client.Config{Schema: schema, Dial: nowhere, Password: "\xff"}, "Password"},
		{client.Config{Schema: schema, Dial: nowhere, ReconnectMin: time.Minute}, "ReconnectMax is 30s"},
		{client.Config{Schema: schema, Dial: nowhere, FrameRate: 2e9}, "FrameRate is 2000000000"},
	} {
		if _, err := client.New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want something of %s", err, c.want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		// Negative numbers are none.
		c, err := client.New(client.Config{Schema: schema, Dial: nowhere, ReconnectMin: -1, ReconnectMax: -1, MaxInbox: -1, DialTimeout: -1, FrameRate: -1})
		check(t, err)
		if err := c.Run(t.Context()); err == nil || err.Error() != "client: cannot connect: nobody there" {
			t.Errorf("%v", err)
		}
	})
}
