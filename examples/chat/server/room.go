package main

import (
	"fmt"
	"io"
	"log/slog"
	"math"

	"github.com/culm-net/culm/examples/chat"
	"github.com/culm-net/culm/examples/chat/game"
	"github.com/culm-net/culm/examples/chat/game/gameai"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/world"
)

const (
	zone  = 1    // where everybody is
	size  = 10.0 // the room reaches from -size to size in x and y
	speed = 2.0  // of avatars, per second
	orbit = 4.0  // radius of the panda's way
	round = 12.0 // seconds that it takes
)

// room is the game. The world's goroutine owns it.
type room struct {
	world *world.World
	panda gameai.Character
	out   io.Writer
	log   *slog.Logger
}

// avatar is a client's avatar. It handles what its client sends, and has the
// methods of its object.
type avatar struct {
	gameai.NoAvatarHandler
	gameai.Avatar
	room     *room
	at, goal game.Point // more exactly than the field pos, which has hundredths
}

func newRoom(rate netclock.Rate, out io.Writer, log *slog.Logger) (*room, error) {
	r := &room{out: out, log: log}
	var err error
	r.world, err = world.New(world.Config{
		Schema:   game.Schema(),
		TickRate: rate,
		Log:      log,
		Events:   world.Events{Tick: r.tick, Joined: r.joined, Left: r.left},
	})
	if err != nil {
		return nil, err
	}
	if r.panda, err = gameai.FreshCharacter(r.world, nil); err != nil {
		return nil, err
	}
	if err := r.panda.SetName("Panda"); err != nil {
		return nil, err
	}
	return r, r.panda.Generate(zone, nil)
}

// tick moves everybody. What has changed goes out with the next snapshots.
func (r *room) tick(uint32) {
	sin, cos := math.Sincos(r.world.Time() * 2 * math.Pi / round)
	r.check(r.panda.SetPos(game.Point{X: orbit * cos, Y: orbit * sin}))
	for o := range r.world.ObjectsIn(zone) {
		if a, ok := gameai.Handler(o).(*avatar); ok {
			a.step(speed * r.world.Rate().Interval())
		}
	}
}

// step moves an avatar towards its goal.
func (a *avatar) step(far float64) {
	if a.at == a.goal {
		return
	}
	dx, dy := a.goal.X-a.at.X, a.goal.Y-a.at.Y
	if left := math.Hypot(dx, dy); left > far {
		a.at = game.Point{X: a.at.X + dx/left*far, Y: a.at.Y + dy/left*far}
	} else {
		a.at = a.goal
	}
	a.room.check(a.SetPos(a.at))
}

// joined gives a client an avatar, whose zone it sees from then on.
func (r *room) joined(c *world.Client) {
	a := &avatar{room: r}
	var err error
	a.Avatar, err = gameai.NewAvatar(r.world, zone, c, a)
	r.check(err)
}

// left takes the client's avatar out of the room.
func (r *room) left(c *world.Client, err error) {
	for o := range c.Owned() {
		if a, ok := gameai.AvatarOf(o); ok {
			why := "said goodbye"
			if err != nil {
				why = err.Error()
			}
			r.print("%s has left: %s", a.Name(), why)
		}
		r.check(o.Delete())
	}
}

// OnIntroduce gives the avatar the name that its client wants.
func (a *avatar) OnIntroduce(_ *world.Client, name string) {
	a.room.check(a.SetName(name))
	a.room.print("%s has come", name)
	a.room.check(a.room.panda.SendSay(fmt.Sprintf("Welcome, %s!", name)))
}

// OnWalk is where the client wants to go. How fast it gets there the server
// decides.
func (a *avatar) OnWalk(_ *world.Client, goal game.Point) {
	a.goal = game.Point{X: min(max(goal.X, -size), size), Y: min(max(goal.Y, -size), size)}
}

// OnChat relays what the client says to everybody, itself included.
func (a *avatar) OnChat(_ *world.Client, text string) {
	a.room.print("%s: %s", a.Name(), text)
	a.room.check(a.SendSay(text))
}

// print prints a line, in which there may be what clients have written.
func (r *room) print(format string, args ...any) {
	fmt.Fprintln(r.out, chat.Printable(fmt.Sprintf(format, args...)))
}

// check is for what cannot fail unless chat.dc and this program differ.
func (r *room) check(err error) {
	if err != nil {
		r.log.Error("this should not happen", slog.Any("error", err))
	}
}
