// Command ai is the game's AI: it logs clients in and moves a robot.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"time"

	"github.com/culm-net/culm/ai"

	"github.com/culm-net/culm/internal/newgame/template/game"
	"github.com/culm-net/culm/internal/newgame/template/game/gamecluster"
)

//go:generate culm dc gen go ../game.dc -o ../game --for cluster

const (
	loginID    = 4665      // as in culm.yml
	channel    = 1_000_000 // the AI's own; a second AI needs another one
	firstID    = 1_000_001 // the doIds of its objects, and those of a second AI others
	lastID     = 1_999_999
	districtID = firstID
	zone       = 1
)

func main() {
	address := flag.String("connect", "127.0.0.1:7199", "the message director")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *address); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string) error {
	a, err := ai.New(ai.Config{Schema: game.Schema(), Address: address, Channel: channel, FirstID: firstID, LastID: lastID})
	if err != nil {
		return err
	}
	a.Do(func() { err = start(a) }) // nothing runs yet, so it happens here
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// start makes what is always there.
func start(a *ai.AI) error {
	district, err := gamecluster.FreshDistrict(a, nil)
	if err != nil {
		return err
	}
	if err := district.SendSetTitle("Home"); err != nil {
		return err
	}
	if err := district.Generate(ai.Generate{DoID: districtID}); err != nil {
		return err
	}

	l := &login{avatars: make(map[uint64]*avatar)}
	if l.Login, err = gamecluster.LoginUberDOG(a, loginID, l); err != nil {
		return err
	}

	r := &robot{}
	if r.Avatar, err = newAvatar(a, "Robot", 0, nil); err != nil {
		return err
	}
	r.walk()
	return nil
}

// newAvatar makes an avatar in the district.
func newAvatar(a *ai.AI, name string, owner uint64, handler gamecluster.AvatarHandler) (gamecluster.Avatar, error) {
	o, err := gamecluster.FreshAvatar(a, handler)
	if err == nil {
		err = o.SendSetName(name)
	}
	if err == nil {
		err = o.Generate(ai.Generate{Parent: districtID, Zone: zone, Owner: owner})
	}
	return o, err
}

// robot is an avatar that walks in a circle.
type robot struct {
	gamecluster.Avatar
	angle float64
}

// walk walks a bit, and again after a while.
func (r *robot) walk() {
	if err := r.SendSetPos(20*math.Cos(r.angle), 20*math.Sin(r.angle)); err != nil {
		slog.Error("the robot stands still", "err", err)
		return
	}
	r.angle += 0.05
	r.AI().After(100*time.Millisecond, r.walk)
}

// login is the UberDOG at which clients log in.
type login struct {
	gamecluster.Login
	avatars map[uint64]*avatar // by session
}

// OnLogin is called when a client logs in.
func (l *login) OnLogin(client ai.Session, name string) {
	if err := l.enter(client, name); err != nil {
		slog.Warn("login refused", "client", client.Channel(), "err", err)
		_ = l.SendRefusedTo(client, err.Error())
	}
}

// enter gives a client an avatar. A real game asks for more than a name here.
func (l *login) enter(client ai.Session, name string) error {
	if l.avatars[client.Channel()] != nil {
		return errors.New("you have logged in already")
	}
	v := &avatar{login: l, client: client.Channel()}
	var err error
	if v.Avatar, err = newAvatar(l.AI(), name, client.Channel(), v); err != nil {
		return err
	}
	l.avatars[client.Channel()] = v
	client.SetState(ai.StateEstablished)
	client.AddSessionObject(v.ID()) // it is deleted when the client goes
	if err := client.AddInterest(1, districtID, zone); err != nil {
		return err
	}
	return l.SendAcceptedTo(client, v.ID())
}

// avatar is a client's avatar.
type avatar struct {
	gamecluster.NoAvatarHandler // its client says where it is: OnSetPos would hear of that
	gamecluster.Avatar
	login  *login
	client uint64
}

// Delete is called when the avatar is gone.
func (v *avatar) Delete(*ai.Object) { delete(v.login.avatars, v.client) }
