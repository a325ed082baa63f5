package typedtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/internal/dcgen/typed"
	"github.com/culm-net/culm/internal/dcgen/typed/typedcluster"
	"github.com/culm-net/culm/transport"
)

// goal is an UberDOG that clients kick balls at, in a cluster: it handles their
// messages by the interface that handlers in a world have, with the client's
// session in place of the *world.Client.
type goal struct {
	typed.NoDistributedBallToServer[ai.Session]
}

func (goal) OnKick(from ai.Session, dx, dy float64) {
	fmt.Println(from.Channel(), "kicks", dx, dy)
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
		if _, err := typedcluster.DistributedBallUberDOG(a, 4665, goal{}); err != nil {
			fmt.Println(err)
		}
		// What a client would send, here from the AI itself.
		ball, err := typedcluster.DistributedBallAt(a, 4665)
		if err == nil {
			err = ball.SendKick(1.5, -2)
		}
		if err != nil {
			fmt.Println(err)
		}
	})
	a.Do(func() {
		avatar, err := typedcluster.NewDistributedAvatar(a, ai.Generate{DoID: 1_000_001, Zone: 1}, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := avatar.SendSetTeam(3); err != nil {
			fmt.Println(err)
		}
		fmt.Println("team", avatar.KeptSetTeam())
	})
	// Output:
	// 1000000 kicks 1.5 -2
	// team 3
}
