package main

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/examples/chat"
	"github.com/culm-net/culm/examples/chat/game"
	"github.com/culm-net/culm/examples/chat/game/gameclient"
	"github.com/culm-net/culm/interp"
)

const (
	size      = 10.0            // of the room: from -size to size
	walkEvery = 4 * time.Second // a new goal
	tellEvery = time.Second     // where everybody is
)

// visitor is what the client knows. The client's goroutine owns it.
type visitor struct {
	name string
	out  io.Writer

	people       map[uint32]*person // in view, by doId
	avatar       *gameclient.Avatar // its own, nil while it has none
	walks, tells time.Time          // next
}

// person is a character that the client sees: the panda or somebody's avatar. It
// gets what the server sends to it, and has the methods of its object.
type person struct {
	gameclient.NoAvatarHandler
	gameclient.Character
	visitor *visitor
	pos     *client.Variable[interp.Vec2]
	named   bool
}

func newVisitor(name string, out io.Writer) *visitor {
	return &visitor{name: name, out: out, people: make(map[uint32]*person)}
}

// register says what to make of the objects that come into view.
func (v *visitor) register(c *client.Client) error {
	meet := func(o gameclient.Character) *person {
		p := &person{Character: o, visitor: v, pos: o.InterpolatePos()}
		v.people[o.ID()] = p
		return p
	}
	if err := gameclient.RegisterCharacter(c, func(o gameclient.Character) gameclient.CharacterHandler {
		return meet(o)
	}); err != nil {
		return err
	}
	if err := gameclient.RegisterAvatar(c, func(o gameclient.Avatar) gameclient.AvatarHandler {
		return meet(o.Character)
	}); err != nil {
		return err
	}
	return gameclient.RegisterAvatarOwner(c, func(o gameclient.Avatar) gameclient.AvatarHandler {
		v.avatar = &o
		return meet(o.Character)
	})
}

// AnnounceGenerate is told that the character is fully known.
func (p *person) AnnounceGenerate(*client.Object) {
	if p.Owned() {
		v := p.visitor
		v.try(v.avatar.SendIntroduce(v.name))
		v.chat("Hello, I am " + v.name + ".")
	}
	p.NameChanged()
}

// NameChanged tells of somebody who has come and now has a name.
func (p *person) NameChanged() {
	if p.Name() != "" && !p.named {
		p.named = true
		p.visitor.print("%s is here", p.Name())
	}
}

// OnSay prints what somebody says.
func (p *person) OnSay(text string) { p.visitor.print("%s: %s", p.Name(), text) }

// Disable is told that the character has left the view.
func (p *person) Disable(*client.Object) {
	v := p.visitor
	delete(v.people, p.ID())
	if p.Owned() {
		v.avatar = nil
	}
}

// Delete is told that the character exists no more.
func (p *person) Delete(*client.Object) {
	if p.named {
		p.visitor.print("%s is gone", p.Name())
	}
}

// frame is called at the end of each frame.
func (v *visitor) frame(now time.Time) {
	if v.avatar == nil {
		return
	}
	if now.After(v.walks) {
		v.walks = now.Add(walkEvery)
		v.try(v.avatar.SendWalk(game.Point{X: (2*rand.Float64() - 1) * size, Y: (2*rand.Float64() - 1) * size}))
	}
	if now.After(v.tells) {
		v.tells = now.Add(tellEvery)
		v.tell()
	}
}

// tell prints where everybody is shown now, which is between two snapshots.
func (v *visitor) tell() {
	var all []string
	for _, id := range slices.Sorted(maps.Keys(v.people)) {
		if p := v.people[id]; p.named {
			at := p.pos.Value()
			all = append(all, fmt.Sprintf("%s (%.2f, %.2f)", p.Name(), at[0], at[1]))
		}
	}
	v.print("    %s", strings.Join(all, "  "))
}

func (v *visitor) chat(text string) {
	if v.avatar == nil {
		v.print("nobody hears you: there is no connection")
		return
	}
	v.try(v.avatar.SendChat(text))
}

func (v *visitor) connected() { v.print("connected") }

func (v *visitor) lost(err error, retry time.Duration) {
	v.print("no connection: %v; trying again in %v", err, retry.Round(100*time.Millisecond))
}

// try tells of what could not be sent.
func (v *visitor) try(err error) {
	if err != nil {
		v.print("not sent: %v", err)
	}
}

// print prints a line, in which there may be what others have written.
func (v *visitor) print(format string, args ...any) {
	fmt.Fprintln(v.out, chat.Printable(fmt.Sprintf(format, args...)))
}
