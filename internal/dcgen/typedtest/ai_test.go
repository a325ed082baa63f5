package typedtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/dcgen/typed"
	"github.com/culm-net/culm/transport"
)

// goal is an UberDOG that clients kick balls at, in a cluster: it handles their
// messages by the interface that handlers in a world have, with the client's
// session in place of the *world.Client.
type goal struct {
	typed.NoDistributedBallToServer[ai.Session]
}

func (*goal) OnKick(from ai.Session, dx, dy float64) {
	fmt.Println(from.Channel(), "kicks", dx, dy)
}

// Update implements ai.UpdateHandler.
func (g *goal) Update(o *ai.Object, sender uint64, f *dc.Field, args []byte) {
	if !typed.DispatchDistributedBallToServer(g, o.AI().Session(sender), f, args) {
		fmt.Println("not for clients:", f)
	}
}

// Generated code on an AI of a cluster.
func Example_ai() {
	a, err := ai.New(ai.Config{
		Schema:  typed.Schema(),
		Channel: 1_000_000,
		Dial: func(context.Context, transport.Handler) (transport.Conn, error) {
			return nil, errors.New("what is here needs no cluster")
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	a.Do(func() {
		if _, err := a.UberDOG(4665, "DistributedBall", new(goal)); err != nil {
			fmt.Println(err)
		}
		// What a client would send, here from the AI itself.
		if err := a.Update(4665, "DistributedBall", "kick", 1.5, -2); err != nil {
			fmt.Println(err)
		}
		if err := a.Update(4665, "DistributedBall", "x", 7); err != nil {
			fmt.Println(err)
		}
	})

	// Typed the other way: what a field takes is packed by the generated code.
	a.Do(func() {
		team, err := typed.PackDistributedAvatarSetTeam(nil, 3)
		if err != nil {
			fmt.Println(err)
		}
		avatar, err := a.Create(ai.Create{Class: "DistributedAvatar", DoID: 1_000_000, Zone: 1})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := avatar.SetPacked(typed.Field(typed.FieldDistributedAvatarSetTeam), team); err != nil {
			fmt.Println(err)
		}
		fmt.Println("team", typed.ReadDistributedAvatarSetTeam(avatar.Packed(typed.Field(typed.FieldDistributedAvatarSetTeam))))
	})
	// Output:
	// 1000000 kicks 1.5 -2
	// not for clients: DistributedBall.x
	// team 3
}
