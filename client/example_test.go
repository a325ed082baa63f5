package client_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/interp"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
)

// A game that shows where balls roll, in a loop of its own.
func Example() {
	schema, err := dc.ParseFiles("game.dc")
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(client.Config{
		Schema: schema,
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			return quic.Dial(ctx, "game.example.org:27016", quic.Config{}, h)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	// The view of a ball is nothing but its place.
	err = c.Register("Ball", func(o *client.Object) any {
		return client.Interpolate(o, func(o *client.Object) float64 {
			x, err := o.Get("x")
			if err != nil {
				log.Fatal(err)
			}
			return x[0].(float64)
		})
	})
	if err != nil {
		log.Fatal(err)
	}
	c.AddInterest(func() { log.Print("all balls of zone 1 are there") }, 1)

	for c.State() != client.Ended {
		c.Frame(time.Now())
		for o := range c.Objects() {
			x := o.View().(*client.Variable[float64])
			fmt.Printf("%v is at %.2f\n", o, x.Value())
		}
		time.Sleep(time.Second / 60)
	}
	log.Fatal(c.Err())
}

// A bot without a loop of its own, which kicks each ball that it sees.
func ExampleClient_Run() {
	schema, err := dc.ParseFiles("game.dc")
	if err != nil {
		log.Fatal(err)
	}
	bot, err := client.New(client.Config{
		Schema: schema,
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			return quic.Dial(ctx, "game.example.org:27016", quic.Config{}, h)
		},
		Events: client.Events{
			Generated: func(o *client.Object) {
				if err := o.Send("kick", 2.5); err != nil {
					log.Print(err)
				}
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	bot.AddInterest(nil, 1)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bot.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// A place in space, which goes on for a while when the server falls silent.
func ExampleInterpolate() {
	place := func(o *client.Object) any {
		return client.Interpolate(o, func(o *client.Object) interp.Vec3 {
			pos, err := o.Get("pos")
			if err != nil {
				log.Fatal(err)
			}
			xyz := pos[0].([]any)
			return interp.Vec3{xyz[0].(float64), xyz[1].(float64), xyz[2].(float64)}
		}, client.Extrapolate(250*time.Millisecond))
	}
	var c *client.Client // from New
	if err := c.Register("Avatar", place); err != nil {
		log.Fatal(err)
	}
}
