package client_test

import (
	"context"
	"fmt"
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

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		schema, err := dc.Parse(dc.Source{Name: "a.dc", Text: []byte("dclass Ball { float64 x; kick(float64 v) clsend broadcast; };")})
		if err != nil {
			t.Fatal(err)
		}
		w, _ := world.New(world.Config{Schema: schema})
		ball, err := w.Spawn(world.Spawn{Class: "Ball", Zone: 1})
		if err != nil {
			t.Fatal(err)
		}
		_ = ball
		s, err := pipes.NewServer(pipes.Config{World: w})
		if err != nil {
			t.Fatal(err)
		}
		net := memory.New(memory.Config{})
		l, _ := net.Listen("server")
		ctx, cancel := context.WithCancel(t.Context())
		go net.Run(ctx)
		go s.Serve(ctx, l)
		go w.Run(ctx)
		c, err := client.New(client.Config{Schema: schema, Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) { return net.Dial("server", h) }, Events: client.Events{
			Connected: func() { fmt.Println("connected") },
			Generated: func(o *client.Object) { fmt.Println(o.Get("x")); fmt.Println(o.Send("kick", 3.0)) },
			Lost:      func(err error, d time.Duration) { fmt.Println(err, d) },
			Ended:     func(err error) { fmt.Println(err) },
		}})
		if err != nil {
			t.Fatal(err)
		}
		c.AddInterest(func() { fmt.Println("complete") }, 1)
		for range 100 {
			c.Frame(time.Now())
			time.Sleep(16 * time.Millisecond)
		}
		fmt.Printf("%+v\n", c.Stats())
		c.Close()
		c.Wait()
		cancel()
	})
}
