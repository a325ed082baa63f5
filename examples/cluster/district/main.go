// Command district is the AI of a district: it lets clients in and has avatars of
// its own that wander.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/dc"
)

const (
	channel    = 3_000_000 // the AI's own
	districtID = 3_000_001
	firstID    = 3_000_001 // the doIds of its objects
	lastID     = 3_999_999
	zone       = 1
)

func main() {
	address := flag.String("connect", "127.0.0.1:7199", "the message director")
	file := flag.String("dc", "game.dc", "the DC file")
	wanderers := flag.Int("wanderers", 10, "how many avatars wander")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *address, *file, *wanderers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, file string, wanderers int) error {
	schema, err := dc.ParseFiles(file)
	if err != nil {
		return err
	}
	a, err := ai.New(ai.Config{Schema: schema, Address: address, Channel: channel, FirstID: firstID, LastID: lastID})
	if err != nil {
		return err
	}
	a.Do(func() { err = start(a, wanderers) }) // nothing runs yet, so it happens here
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// start makes what is always there. When the link is lost, the cluster deletes
// it, and the AI makes it again as soon as it is back.
func start(a *ai.AI, wanderers int) error {
	_, err := a.Create(ai.Create{
		Class: "District", DoID: districtID, Handler: &district{avatars: make(map[uint64]*ai.Object)},
		Fields: map[string]any{"setTitle": []any{"Home"}},
	})
	for i := 0; i < wanderers && err == nil; i++ {
		var o *ai.Object
		o, err = a.Create(ai.Create{
			Class: "Avatar", Parent: districtID, Zone: zone,
			Fields: map[string]any{"setName": []any{fmt.Sprintf("Wanderer %d", i+1)}},
		})
		if err == nil {
			w := &wanderer{o: o, heading: rand.Float64() * 2 * math.Pi}
			w.step()
		}
	}
	return err
}

// wanderer is an avatar without a client.
type wanderer struct {
	o             *ai.Object
	x, y, heading float64
}

// step walks a bit, and again after a while.
func (w *wanderer) step() {
	w.heading += rand.Float64() - 0.5
	w.x = max(-100, min(100, w.x+math.Cos(w.heading)))
	w.y = max(-100, min(100, w.y+math.Sin(w.heading)))
	if err := w.o.Set("setPos", w.x, w.y); err != nil {
		slog.Error("a wanderer stands still", "err", err)
		return
	}
	w.o.AI().After(200*time.Millisecond, w.step)
}

// district lets clients in.
type district struct {
	avatars map[uint64]*ai.Object // by session
}

// Update is called when the login UberDOG wants somebody let in.
func (d *district) Update(o *ai.Object, _ uint64, f *dc.Field, args []byte) {
	values, err := f.Unpack(args)
	if err == nil && f.Name() == "admit" {
		err = d.admit(o.AI(), values[0].(uint64), values[1].(string))
	}
	if err != nil {
		slog.Warn("not let in", "err", err)
	}
}

// admit gives a client an avatar. From then on the client may look at the
// district's zones, and walk.
func (d *district) admit(a *ai.AI, client uint64, name string) error {
	if d.avatars[client] != nil {
		return fmt.Errorf("client %d has an avatar already", client)
	}
	session := a.Session(client)
	session.SetState(ai.StateEstablished)
	session.Declare(districtID, a.Object(districtID).Class())
	avatar, err := a.Create(ai.Create{
		Class: "Avatar", Parent: districtID, Zone: zone, Owner: client,
		Handler: &avatar{district: d, client: client},
		Fields:  map[string]any{"setName": []any{name}},
	})
	if err != nil {
		return err
	}
	d.avatars[client] = avatar
	session.AddSessionObject(avatar.ID()) // it is deleted when the client goes, and the client ejected when it is
	return nil
}

// avatar handles what concerns a client's avatar.
type avatar struct {
	district *district
	client   uint64
}

// Delete is called when the avatar is gone.
func (v *avatar) Delete(*ai.Object) { delete(v.district.avatars, v.client) }
