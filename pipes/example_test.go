package pipes_test

import (
	"context"
	"errors"
	"log"
	"os/signal"
	"syscall"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport/quic"
	"github.com/culm-net/culm/world"
)

// A server that lets clients in who know a token, gives each an avatar, and
// runs until it is told to end.
func Example() {
	schema, err := dc.ParseFiles("game.dc")
	if err != nil {
		log.Fatal(err)
	}
	w, err := world.New(world.Config{Schema: schema, Events: world.Events{
		Joined: func(c *world.Client) {
			if _, err := c.World().Spawn(world.Spawn{Class: "DistributedAvatar", Zone: 1, Owner: c}); err != nil {
				c.Kick("no avatar: " + err.Error())
			}
		},
		Left: func(c *world.Client, _ error) {
			for o := range c.Owned() {
				_ = o.Delete()
			}
		},
	}})
	if err != nil {
		log.Fatal(err)
	}
	server, err := pipes.NewServer(pipes.Config{
		World: w,
		Authenticator: pipes.CheckLogin([]byte("token?"), func(_ context.Context, _ *pipes.Login, answer []byte) (any, error) {
			if string(answer) != "open sesame" {
				return nil, errors.New("unknown token")
			}
			return nil, nil
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	l, err := quic.Listen(":27016", quic.Config{})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ticking, stopWorld := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ticking) }()
	if err := server.Serve(ctx, l); err != nil {
		log.Print(err)
	}
	stopWorld()
	if err := <-done; err != nil {
		log.Print(err)
	}
}
