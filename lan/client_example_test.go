package lan_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport/tcp"
)

// trap is an AI: it hits every avatar that comes into its zone.
type trap struct{ lan.NoEvents }

func (trap) Generated(c *lan.Client, g *lan.Generate) {
	if g.Known || g.Class.Name() != "Avatar" {
		return
	}
	for f, value := range g.Values() {
		if f.Name() == "setName" {
			if args, err := f.Unpack(value); err == nil {
				fmt.Println("the trap sees", args[0])
			}
		}
	}
	if err := c.Update(g.DoID, "sendHit", 12); err != nil {
		fmt.Println(err)
	}
}

// hero is a player, who says what happens to the avatar.
type hero struct {
	lan.NoEvents
	hit chan struct{}
}

func (p hero) Updated(_ *lan.Client, u *lan.Update) {
	if args, err := u.Args(); err == nil {
		fmt.Println("the avatar hears", u.Field.Name(), args[0])
		close(p.hit)
	}
}

// A server, an AI and a player in one program.
func ExampleClient() {
	schema, err := dc.ParseFiles("testdata/story.dc")
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := lan.NewServer(lan.Config{Schema: schema, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	listener, err := tcp.Listen("127.0.0.1:0", tcp.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx, listener) })
	defer serving.Wait()
	defer cancel()

	join := func(events lan.Events) *lan.Client {
		c, err := lan.NewClient(lan.ClientConfig{Schema: schema, Events: events})
		if err == nil {
			_, err = tcp.Dial(ctx, listener.Addr().String(), tcp.Config{}, c)
		}
		if err == nil {
			err = c.Ready(ctx)
		}
		if err != nil {
			fmt.Println(err)
		}
		return c
	}
	ai := join(trap{})
	_ = ai.SetInterest(5)
	ai.Flush()

	p := hero{hit: make(chan struct{})}
	client := join(p)
	if _, err := client.Create("Avatar", 5, lan.Set("setName", "Anna"), lan.Set("setPos", 1.5, 2)); err != nil {
		fmt.Println(err)
	}
	client.Flush()
	<-p.hit

	client.Disconnect()
	ai.Disconnect()
	<-client.Done()
	<-ai.Done()
	// Output:
	// the trap sees Anna
	// the avatar hears sendHit 12
}
