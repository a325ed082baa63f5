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

	"github.com/culm-net/culm/internal/newgame/template/game"
)

const loginID = 4665 // as in culm.yml

func main() {
	address := flag.String("connect", "127.0.0.1:7198", "the client agent")
	name := flag.String("name", fmt.Sprintf("Bot%d", rand.N(1000)), "its name")
	duration := flag.Duration("for", 0, "how long it plays; 0 is until it is stopped")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *duration > 0 {
		ctx, stop = context.WithTimeout(ctx, *duration)
		defer stop()
	}
	if err := run(ctx, *address, *name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, name string) error {
	b := &bot{name: name}
	var err error
	if b.client, err = dial(ctx, address, b); err != nil {
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
		case m, ok := <-b.client.received:
			if !ok {
				return b.client.err
			}
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
		packed, err := game.PackLoginLogin(nil, b.name)
		if err == nil {
			b.client.send(loginID, game.FieldLoginLogin, packed)
		}
		return err
	}
	walk := func(v float64) float64 { return max(-100, min(100, v+rand.Float64()*4-2)) }
	b.x, b.y = walk(b.x), walk(b.y)
	packed, err := game.PackAvatarSetPos(nil, b.x, b.y)
	if err == nil {
		b.client.send(b.avatar, game.FieldAvatarSetPos, packed)
	}
	return err
}

// entered is called for each object that comes into sight, or becomes its own.
func (b *bot) entered(doID uint32, class *dc.Class, own bool, values map[int][]byte) {
	switch {
	case own:
		b.avatar = doID
		fmt.Printf("%s has the avatar %d\n", b.name, doID)
	case class.Name() == "Avatar":
		fmt.Printf("%s sees %s\n", b.name, game.ReadAvatarSetName(values[game.FieldAvatarSetName]))
	}
}

// left is called when an object is gone.
func (b *bot) left(doID uint32) { fmt.Printf("%s sees %d no more\n", b.name, doID) }

// updated is called for each update.
func (b *bot) updated(doID uint32, class *dc.Class, f *dc.Field, args []byte) {
	switch class.Name() {
	case "Login":
		game.DispatchLoginToClient(b, f, args)
	case "Avatar":
		game.DispatchAvatarToClient(sight{bot: b, doID: doID}, f, args)
	}
}

// OnAccepted and OnRefused are called when the AI has answered.
func (b *bot) OnAccepted(avatar uint32) { fmt.Printf("%s is let in\n", b.name) }
func (b *bot) OnRefused(why string)     { fmt.Printf("%s is refused: %s\n", b.name, why) }

// sight is an avatar that the bot sees.
type sight struct {
	game.NoAvatarToClient
	bot  *bot
	doID uint32
}

// OnWave is called when the avatar waves. OnSetPos would be when it walks.
func (s sight) OnWave() { fmt.Printf("%s sees %d wave\n", s.bot.name, s.doID) }
