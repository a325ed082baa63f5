// Command bot is a client of the game: it logs in, walks, and says what it sees.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/culm-net/culm/dc"
)

const loginID = 4665 // as in culm.yml

func main() {
	address := flag.String("connect", "127.0.0.1:7198", "the client agent")
	file := flag.String("dc", "game.dc", "the DC file")
	name := flag.String("name", fmt.Sprintf("Bot%d", rand.N(1000)), "its name")
	duration := flag.Duration("for", 0, "how long it plays; 0 is until it is stopped")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *duration > 0 {
		ctx, stop = context.WithTimeout(ctx, *duration)
		defer stop()
	}
	if err := run(ctx, *address, *file, *name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, file, name string) error {
	schema, err := dc.ParseFiles(file)
	if err != nil {
		return err
	}
	b := &bot{name: name}
	if b.client, err = dial(ctx, address, schema, b); err != nil {
		return err
	}
	defer b.client.close()
	steps := time.NewTicker(200 * time.Millisecond)
	defer steps.Stop()
	beats := time.NewTicker(10 * time.Second)
	defer beats.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.client.over:
			return b.client.err
		case m := <-b.client.received:
			if err := b.client.handle(m); err != nil {
				return err
			}
		case <-beats.C:
			b.client.heartbeat()
		case <-steps.C:
			if err := b.step(); err != nil {
				return err
			}
		}
	}
}

// bot plays.
type bot struct {
	client *client
	name   string
	avatar uint32 // 0 before it has one
	steps  int
	x, y   float64
}

// step walks a bit, or asks for an avatar; again from time to time, since the
// AI may not be there yet.
func (b *bot) step() error {
	if b.avatar == 0 {
		b.steps++
		if b.steps%10 != 1 {
			return nil
		}
		return b.client.send(loginID, "Login", "login", b.name)
	}
	walk := func(v float64) float64 { return max(-100, min(100, v+rand.Float64()*4-2)) }
	b.x, b.y = walk(b.x), walk(b.y)
	return b.client.send(b.avatar, "Avatar", "setPos", b.x, b.y)
}

// entered is called for each object that comes into sight, or becomes its own.
func (b *bot) entered(doID uint32, class *dc.Class, own bool, values map[string][]any) {
	if own {
		b.avatar = doID
		fmt.Printf("%s has the avatar %d\n", b.name, doID)
		return
	}
	fmt.Printf("%s sees %s %v\n", b.name, class.Name(), values["setName"])
}

// left is called when an object is gone.
func (b *bot) left(doID uint32) { fmt.Printf("%s sees %d no more\n", b.name, doID) }

// updated is called for each update.
func (b *bot) updated(doID uint32, f *dc.Field, args []any) {
	if doID == loginID || f.Name() == "wave" {
		fmt.Printf("%s hears %v%v of %d\n", b.name, f.Name(), args, doID)
	}
}
