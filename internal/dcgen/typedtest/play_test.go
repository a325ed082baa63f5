package typedtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/dcgen/typed"
	"github.com/culm-net/culm/internal/dcgen/typed/typedai"
	"github.com/culm-net/culm/internal/dcgen/typed/typedclient"
	"github.com/culm-net/culm/interp"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play is a game on a simulated network: what happens on either side stands in
// log.
type play struct {
	t      *testing.T
	world  *world.World
	client *client.Client
	log    []string
}

func (p *play) tell(format string, args ...any) { p.log = append(p.log, fmt.Sprintf(format, args...)) }

func (p *play) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// told checks what has happened since the last call, in any order.
func (p *play) told(want ...string) {
	p.t.Helper()
	got := slices.Clone(p.log)
	p.log = nil
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// frames lets some time pass.
func (p *play) frames(n int) {
	for range n {
		p.world.Step(time.Now())
		synctest.Wait()
		p.client.Frame(time.Now())
		synctest.Wait()
		time.Sleep(time.Second / 50)
	}
}

// start plays with a world whose client is in it.
func start(t *testing.T, game func(p *play, joined *world.Client)) {
	synctest.Test(t, func(t *testing.T) {
		p := &play{t: t}
		var err error
		p.world, err = world.New(world.Config{Schema: typed.Schema(), TickRate: 50})
		p.must(err)
		server, err := pipes.NewServer(pipes.Config{World: p.world})
		p.must(err)
		network := memory.New(memory.Config{})
		listener, err := network.Listen("server")
		p.must(err)
		ctx, cancel := context.WithCancel(t.Context())
		go network.Run(ctx)
		go server.Serve(ctx, listener)
		p.client, err = client.New(client.Config{Schema: typed.Schema(), UpdateRate: 50, Dial: func(_ context.Context, h transport.Handler) (transport.Conn, error) {
			return network.Dial("server", h)
		}})
		p.must(err)
		for range 50 {
			if p.frames(1); p.client.State() == client.Connected {
				break
			}
		}
		for c := range p.world.Clients() {
			game(p, c)
		}
		p.client.Close()
		p.client.Wait()
		p.world.Stop()
		cancel()
	})
}

// avatar is an avatar on the server: a handler that holds its object.
type avatar struct {
	typedai.NoDistributedAvatarHandler
	typedai.DistributedAvatar
	play *play
}

func (a *avatar) OnMove(from *world.Client, x, y, z, h float64) {
	a.play.tell("server: %v moves to %v %v %v %v", from, x, y, z, h)
	a.play.must(a.SetPos(typed.Vec3{X: x, Y: y, Z: z}))
	a.play.must(a.SetH(h))
}

func (a *avatar) OnEmote(from *world.Client, which uint8) {
	a.play.tell("server: %v emotes %d", from, which)
	a.play.must(a.SendEmoteExcept(nil, which))
}

func (a *avatar) AnnounceGenerate(o *world.Object) { a.play.tell("server: %v is there", o) }
func (a *avatar) Disable(o *world.Object)          { a.play.tell("server: %v goes", o) }

// picture is an avatar on the client.
type picture struct {
	typedclient.NoDistributedAvatarHandler
	typedclient.DistributedAvatar
	play *play
	pos  *client.Variable[interp.Vec3]
	h    *client.Variable[interp.Loop]
}

func (v *picture) OnEmote(which uint8)  { v.play.tell("client: emote %d", which) }
func (v *picture) OnSetTeam(team uint8) { v.play.tell("client: team %d", team) }
func (v *picture) HpChanged()           { v.play.tell("client: hp %d", v.Hp()) }
func (v *picture) PosChanged()          { v.play.tell("client: pos %v", v.Pos()) }
func (v *picture) AnnounceGenerate(*client.Object) {
	v.play.tell("client: %s is there with hp %d, owned %v", v.Name(), v.Hp(), v.Owned())
}
func (v *picture) Delete(*client.Object) { v.play.tell("client: %s is gone", v.Name()) }

// TestPlay has typed state and messages go both ways between a world and a client.
func TestPlay(t *testing.T) {
	start(t, func(p *play, joined *world.Client) {
		var pic *picture
		p.must(typedclient.RegisterDistributedAvatar(p.client, func(o typedclient.DistributedAvatar) typedclient.DistributedAvatarHandler {
			pic = &picture{DistributedAvatar: o, play: p, pos: o.InterpolatePos(), h: o.InterpolateH(client.Linear())}
			return pic
		}))

		a := &avatar{play: p}
		var err error
		a.DistributedAvatar, err = typedai.FreshDistributedAvatar(p.world, a)
		p.must(err)
		p.must(a.SetName("Ada"))
		p.must(a.KeepSetTeam(3))
		p.must(a.Generate(1, joined))
		p.frames(10)
		p.told("server: DistributedAvatar 1 is there", "client: team 3", "client: Ada is there with hp 100, owned true")
		if got := typedai.Handler(a.Object); got != a {
			t.Errorf("the object's handler is %v", got)
		}
		if got := typedclient.Handler(pic.Object); got != pic {
			t.Errorf("the view's handler is %v", got)
		}

		p.must(pic.SendMove(1.5, 2, -3, 365.04))
		p.must(pic.SendEmote(7))
		p.frames(30)
		p.told("server: client 1 moves to 1.5 2 -3 365.04", "server: client 1 emotes 7", "client: emote 7", "client: pos {1.5 2 -3}")
		if got, want := pic.pos.Value(), (interp.Vec3{1.5, 2, -3}); got != want {
			t.Errorf("shown is %v, want %v", got, want)
		}
		if got := float64(pic.h.Value()) * 360; got < 4.99 || got > 5.01 {
			t.Errorf("the heading shown is %v, want 5", got)
		}
		if got := a.H(); got != 5 {
			t.Errorf("the heading is %v, want 5 (365.04 modulo 360, in tenths)", got)
		}

		if err := a.SetHp(101); err == nil || err.Error() != "DistributedAvatar.hp: 101 is not in 0 - 100" {
			t.Errorf("hp 101: %v", err)
		}
		p.must(a.SetHp(99))
		p.must(a.SendSetTeam(4))
		p.must(a.SendSetTeamTo(joined, 5))
		p.frames(10)
		p.told("client: hp 99", "client: team 4", "client: team 5")
		if got := a.KeptSetTeam(); got != 4 {
			t.Errorf("the team kept is %d; what is sent to one client is not kept", got)
		}

		p.must(a.DistributedAvatar.Object.Delete())
		p.frames(10)
		p.told("server: DistributedAvatar 1 goes", "client: Ada is gone")
	})
}

// TestOthers checks objects of other kinds: without an owner, without handlers.
func TestOthers(t *testing.T) {
	start(t, func(p *play, joined *world.Client) {
		p.client.AddInterest(nil, 5)
		var view typedclient.DistributedBall
		p.must(typedclient.RegisterDistributedBall(p.client, func(o typedclient.DistributedBall) typedclient.DistributedBallHandler {
			view = o
			return nil
		}))
		ball, err := typedai.NewDistributedBall(p.world, 5, nil, nil)
		p.must(err)
		p.must(ball.SetX(-1.25))
		p.must(ball.SetSpin([4]uint8{1, 2, 3, 4}))
		p.frames(20)
		if view.X() != -1.25 || view.Spin() != [4]uint8{1, 2, 3, 4} {
			t.Errorf("the ball is at %v and spins %v", view.X(), view.Spin())
		}
		// Inherited methods, and objects as their ancestors.
		if _, ok := typedai.DistributedObjectOf(ball.Object); !ok {
			t.Error("a ball is no DistributedObject")
		}
		if _, ok := typedai.DistributedAvatarOf(ball.Object); ok {
			t.Error("a ball is a DistributedAvatar")
		}
		if b, ok := typedclient.DistributedBallOf(p.client.Object(ball.ID())); !ok || b.X() != -1.25 {
			t.Error("the client's ball is no DistributedBall")
		}
		if _, ok := typedclient.DistributedBallOf(p.client.Object(99)); ok {
			t.Error("no object is a DistributedBall")
		}
	})
}

// TestOtherSchema refuses worlds and clients whose fields are other ones.
func TestOtherSchema(t *testing.T) {
	schema, err := dc.Parse(dc.Source{Name: "other.dc", Text: []byte("dclass Base {};")})
	if err != nil {
		t.Fatal(err)
	}
	w, err := world.New(world.Config{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := typedai.NewBase(w, 1, nil, nil); err == nil || !strings.Contains(err.Error(), "typed.Schema()") {
		t.Errorf("world: %v", err)
	}
	c, err := client.New(client.Config{Schema: schema, Dial: func(context.Context, transport.Handler) (transport.Conn, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if err := typedclient.RegisterBase(c, nil); err == nil || !strings.Contains(err.Error(), "typed.Schema()") {
		t.Errorf("client: %v", err)
	}
}
