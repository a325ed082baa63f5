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
	"github.com/culm-net/culm/dc"
)

const (
	loginID    = 4665      // as in culm.yml
	channel    = 1_000_000 // the AI's own; a second AI needs another one
	firstID    = 1_000_000 // the doIds of its objects, and those of a second AI others
	lastID     = 1_999_999
	districtID = firstID
	zone       = 1
)

func main() {
	address := flag.String("connect", "127.0.0.1:7199", "the message director")
	file := flag.String("dc", "game.dc", "the DC file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *address, *file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, file string) error {
	schema, err := dc.ParseFiles(file)
	if err != nil {
		return err
	}
	a, err := ai.New(ai.Config{Schema: schema, Address: address, Channel: channel, FirstID: firstID, LastID: lastID})
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
	_, err := a.Create(ai.Create{Class: "District", DoID: districtID, Fields: map[string]any{"setTitle": []any{"Home"}}})
	if err != nil {
		return err
	}
	if _, err := a.UberDOG(loginID, "Login", &login{avatars: make(map[uint64]*ai.Object)}); err != nil {
		return err
	}
	robot, err := a.Create(ai.Create{Class: "Avatar", Parent: districtID, Zone: zone, Fields: map[string]any{"setName": []any{"Robot"}}})
	if err != nil {
		return err
	}
	walk(robot, 0)
	return nil
}

// walk moves the robot in a circle.
func walk(robot *ai.Object, angle float64) {
	if err := robot.Set("setPos", 20*math.Cos(angle), 20*math.Sin(angle)); err != nil {
		slog.Error("the robot stands still", "err", err)
		return
	}
	robot.AI().After(100*time.Millisecond, func() { walk(robot, angle+0.05) })
}

// login is the UberDOG at which clients log in.
type login struct {
	avatars map[uint64]*ai.Object // by session
}

// Update is called for each update that a client sends.
func (l *login) Update(o *ai.Object, sender uint64, f *dc.Field, args []byte) {
	values, err := f.Unpack(args)
	if err == nil && f.Name() == "login" {
		err = l.enter(o, sender, values[0].(string))
	}
	if err != nil {
		slog.Warn("login refused", "client", sender, "err", err)
		_ = o.SendTo(sender, "refused", err.Error())
	}
}

// enter gives a client an avatar. A real game asks for more than a name here.
func (l *login) enter(o *ai.Object, client uint64, name string) error {
	if l.avatars[client] != nil {
		return errors.New("you have logged in already")
	}
	a := o.AI()
	avatar, err := a.Create(ai.Create{
		Class:   "Avatar",
		Parent:  districtID,
		Zone:    zone,
		Owner:   client,
		Handler: &avatar{login: l, client: client},
		Fields:  map[string]any{"setName": []any{name}},
	})
	if err != nil {
		return err
	}
	l.avatars[client] = avatar
	session := a.Session(client)
	session.SetState(ai.StateEstablished)
	session.AddSessionObject(avatar.ID()) // it is deleted when the client goes
	if err := session.AddInterest(1, districtID, zone); err != nil {
		return err
	}
	return o.SendTo(client, "accepted", avatar.ID())
}

// avatar handles what concerns a client's avatar.
type avatar struct {
	login  *login
	client uint64
}

// Delete is called when the avatar is gone.
func (v *avatar) Delete(*ai.Object) { delete(v.login.avatars, v.client) }
