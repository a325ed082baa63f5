// Command login is the UberDOG at which clients log in. It looks at their names,
// and asks the district's AI to let them in.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"

	"github.com/culm-net/culm/ai"

	"github.com/culm-net/culm/examples/cluster/game"
	"github.com/culm-net/culm/examples/cluster/game/gamecluster"
)

const (
	loginID    = 4665      // as in culm.yml
	channel    = 2_000_000 // the UberDOG's own
	districtID = 3_000_001 // as in ../district
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
	a, err := ai.New(ai.Config{Schema: game.Schema(), Address: address, Channel: channel})
	if err != nil {
		return err
	}
	a.Do(func() { err = start(a) }) // nothing runs yet, so it happens here
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

func start(a *ai.AI) (err error) {
	l := &login{}
	if l.district, err = gamecluster.DistrictAt(a, districtID); err != nil {
		return err
	}
	l.Login, err = gamecluster.LoginUberDOG(a, loginID, l)
	return err
}

// login handles what clients say. It keeps nothing of them, so that it may be
// stopped and started at any time.
type login struct {
	gamecluster.Login
	district gamecluster.District
}

// OnLogin is called when a client logs in.
func (l *login) OnLogin(client ai.Session, name string) {
	if err := l.enter(client, name); err != nil {
		slog.Warn("login refused", "client", client.Channel(), "err", err)
		_ = l.SendRefusedTo(client, err.Error())
	}
}

// enter has a client let in. A real game asks for more than a name here.
func (l *login) enter(client ai.Session, name string) error {
	if name == "nobody" {
		return errors.New("everybody is somebody")
	}
	slog.Info("logged in", "client", client.Channel(), "name", name)
	return l.district.SendAdmit(client.Channel(), name)
}
