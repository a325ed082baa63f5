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
	"github.com/culm-net/culm/dc"
)

const (
	loginID    = 4665      // as in culm.yml
	channel    = 2_000_000 // the UberDOG's own
	districtID = 3_000_001 // as in ../district
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
	a, err := ai.New(ai.Config{Schema: schema, Address: address, Channel: channel})
	if err != nil {
		return err
	}
	a.Do(func() { _, err = a.UberDOG(loginID, "Login", login{}) }) // nothing runs yet, so it happens here
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// login handles what clients say. It keeps nothing, so that it may be stopped
// and started at any time.
type login struct{}

// Update is called for each update that a client sends.
func (login) Update(o *ai.Object, client uint64, f *dc.Field, args []byte) {
	values, err := f.Unpack(args)
	if err == nil && f.Name() == "login" {
		err = enter(o.AI(), client, values[0].(string))
	}
	if err != nil {
		slog.Warn("login refused", "client", client, "err", err)
		_ = o.SendTo(client, "refused", err.Error())
	}
}

// enter has a client let in. A real game asks for more than a name here.
func enter(a *ai.AI, client uint64, name string) error {
	if name == "nobody" {
		return errors.New("everybody is somebody")
	}
	slog.Info("logged in", "client", client, "name", name)
	return a.Update(districtID, "District", "admit", client, name)
}
