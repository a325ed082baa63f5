// Command district is the AI of a district: it lets clients in and has avatars of
// its own that wander.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/culm-net/culm/ai"

	"github.com/culm-net/culm/examples/cluster/game"
	"github.com/culm-net/culm/examples/cluster/game/gamecluster"
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
	wanderers := flag.Int("wanderers", 10, "how many avatars wander")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *address, *wanderers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string, wanderers int) error {
	a, err := ai.New(ai.Config{Schema: game.Schema(), Address: address, Channel: channel, FirstID: firstID, LastID: lastID})
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
func start(a *ai.AI, wanderers int) (err error) {
	d := &district{avatars: make(map[uint64]*avatar)}
	if d.District, err = gamecluster.FreshDistrict(a, d); err != nil {
		return err
	}
	if err := d.SendSetTitle("Home"); err != nil {
		return err
	}
	if err := d.Generate(ai.Generate{DoID: districtID}); err != nil {
		return err
	}
	for i := range wanderers {
		w := &wanderer{heading: rand.Float64() * 2 * math.Pi}
		if w.Avatar, err = newAvatar(a, fmt.Sprintf("Wanderer %d", i+1), 0, nil); err != nil {
			return err
		}
		w.step()
	}
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

// wanderer is an avatar without a client.
type wanderer struct {
	gamecluster.Avatar
	x, y, heading float64
}

// step walks a bit, and again after a while.
func (w *wanderer) step() {
	w.heading += rand.Float64() - 0.5
	w.x = max(-100, min(100, w.x+math.Cos(w.heading)))
	w.y = max(-100, min(100, w.y+math.Sin(w.heading)))
	if err := w.SendSetPos(w.x, w.y); err != nil {
		slog.Error("a wanderer stands still", "err", err)
		return
	}
	w.AI().After(200*time.Millisecond, w.step)
}

// district lets clients in.
type district struct {
	gamecluster.District
	avatars map[uint64]*avatar // by session
}

// OnAdmit is called when the login UberDOG wants somebody let in.
func (d *district) OnAdmit(_ ai.Session, client uint64, name string) {
	if err := d.admit(d.AI().Session(client), name); err != nil {
		slog.Warn("not let in", "client", client, "err", err)
	}
}

// admit gives a client an avatar. From then on the client may look at the
// district's zones, and walk.
func (d *district) admit(client ai.Session, name string) error {
	if d.avatars[client.Channel()] != nil {
		return errors.New("it has an avatar already")
	}
	client.SetState(ai.StateEstablished)
	client.Declare(districtID, d.Class())
	v := &avatar{district: d, client: client.Channel()}
	var err error
	if v.Avatar, err = newAvatar(d.AI(), name, client.Channel(), v); err != nil {
		return err
	}
	d.avatars[client.Channel()] = v
	client.AddSessionObject(v.ID()) // it is deleted when the client goes, and the client ejected when it is
	// A client agent that is killed cannot delete it; the director above it can.
	return client.DeleteWhenGone(v.ID())
}

// avatar is a client's avatar.
type avatar struct {
	gamecluster.NoAvatarHandler // its client says where it is, and nobody else cares
	gamecluster.Avatar
	district *district
	client   uint64
}

// Delete is called when the avatar is gone.
func (v *avatar) Delete(*ai.Object) { delete(v.district.avatars, v.client) }
