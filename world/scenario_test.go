package world_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/world"
)

// TestScenarios plays the stories in testdata/scenarios. README.md there says
// how they are written.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios found (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playScenario(t, file) })
	}
}

func parseSchema(t testing.TB) *dc.Schema {
	t.Helper()
	s, err := dc.ParseFiles("testdata/story.dc")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stage is where a scenario is played.
type stage struct {
	world   *world.World
	now     time.Time
	objects map[string]*world.Object
	names   map[uint32]string // of objects, by doId
	viewers map[string]*fakeViewer
	hears   map[string]bool
	refuses map[uint32]bool
	when    map[string][]string // what the game does when it hears a line
	game    []string            // what it heard
	failed  error               // of what it did then
}

func playScenario(t *testing.T, file string) {
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	st := &stage{
		now: time.Unix(0, 0), objects: make(map[string]*world.Object), names: make(map[uint32]string),
		viewers: make(map[string]*fakeViewer), hears: make(map[string]bool), refuses: make(map[uint32]bool),
		when: make(map[string][]string),
	}
	st.world, err = world.New(world.Config{
		Schema: parseSchema(t), TickRate: 10, CatchUp: time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Events: world.Events{
			Tick:   func(n uint32) { st.hear("ticks", "tick %d", n) },
			Joined: func(c *world.Client) { st.hear("clients", "%s joined", st.client(c)) },
			Left:   func(c *world.Client, err error) { st.hear("clients", "%s left: %v", st.client(c), err) },
			Interest: func(c *world.Client, zone uint32) bool {
				st.hear("interest", "%s asks for %d", st.client(c), zone)
				return !st.refuses[zone]
			},
			Message: func(c *world.Client, o *world.Object, f *dc.Field, args []byte) {
				st.hear("", "%s calls %s %s, which has no handler", st.client(c), st.names[o.ID()], text(f, args))
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	st.world.Step(st.now)
	for i, line := range strings.Split(string(script), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := st.play(line); err != nil {
			t.Fatalf("%s:%d: %s\n%v", file, i+1, line, err)
		}
	}
	if err := st.quiet(); err != nil {
		t.Fatalf("%s: at the end: %v", file, err)
	}
}

// hear notes what the game is told, if the story asked for that, and does what it
// does then.
func (st *stage) hear(what, format string, args ...any) {
	if what != "" && !st.hears[what] {
		return
	}
	line := fmt.Sprintf(format, args...)
	st.game = append(st.game, line)
	for _, command := range st.when[line] {
		st.failed = errors.Join(st.failed, st.try(command))
	}
}

func (st *stage) client(c *world.Client) string {
	for name, v := range st.viewers {
		if v.client == c {
			return name
		}
	}
	return "nobody"
}

// quiet reports what somebody was told and the story does not tell of.
func (st *stage) quiet() error {
	if len(st.game) > 0 {
		return fmt.Errorf("the game also hears %q", st.game[0])
	}
	for name, v := range st.viewers {
		if len(v.log) > 0 {
			return fmt.Errorf("%s also sees %q", name, v.log[0])
		}
	}
	return nil
}

// play plays a line: an expectation, or a command.
func (st *stage) play(line string) error {
	name, rest, _ := strings.Cut(line, " ")
	if want, ok := strings.CutPrefix(line, "game hears "); ok {
		return take(&st.game, want)
	}
	if want, ok := strings.CutPrefix(rest, "sees "); ok && st.viewers[name] != nil {
		return take(&st.viewers[name].log, want)
	}
	if err := st.quiet(); err != nil {
		return err
	}
	if event, command, ok := strings.Cut(rest, " do "); ok && name == "when" {
		st.when[event] = append(st.when[event], command)
		return nil
	}
	if err := st.try(line); err != nil {
		return err
	}
	err := st.failed
	st.failed = nil
	return err
}

func take(log *[]string, want string) error {
	if len(*log) == 0 {
		return fmt.Errorf("nothing was heard of")
	}
	got := (*log)[0]
	*log = (*log)[1:]
	if got != want {
		return fmt.Errorf("it is %q", got)
	}
	return nil
}

// try plays a command that fails if it ends in "!!" and an error's text.
func (st *stage) try(line string) error {
	command, want, fails := strings.Cut(line, "!!")
	err := st.command(strings.Fields(command), command)
	want = strings.TrimSpace(want)
	switch {
	case fails && err == nil:
		return fmt.Errorf("it did not fail")
	case fails && !strings.Contains(err.Error(), want):
		return fmt.Errorf("the error is: %w", err)
	case fails:
		return nil
	}
	return err
}

func (st *stage) command(words []string, line string) error {
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	v := st.viewers[arg(0)]
	switch {
	case arg(1) == "joins":
		v := newFakeViewer(func(id uint32) string { return st.names[id] })
		st.viewers[arg(0)] = v
		most, _ := strconv.Atoi(arg(2))
		st.world.OnSeal(nil, v.sealed)
		c, err := st.world.Join(v, world.JoinConfig{Account: arg(0), MaxZones: most, View: snapshot.ViewConfig{Rate: 10}})
		if err == nil && c != v.client {
			return fmt.Errorf("the viewer has another client")
		}
		return err
	case v == nil:
		return st.gameCommand(words, line, arg)
	case arg(1) == "leaves":
		var err error
		if len(words) > 2 {
			err = errors.New(strings.Join(words[2:], " "))
		}
		v.client.Leave(err)
		return nil
	case arg(1) == "wants":
		op := map[string]world.InterestOp{"set": world.SetInterest, "add": world.AddInterest, "remove": world.RemoveInterest}[arg(2)]
		return v.client.Interest(op, numbers(words[3:]))
	case arg(1) == "calls":
		class, id := st.world.Schema().Class("Avatar"), uint32(999)
		if o := st.objects[arg(2)]; o != nil {
			class, id = o.Class(), o.ID()
		}
		f, args, err := value(class, words[3:])
		if err != nil {
			return err
		}
		if r := st.world.Receive(v.client, id, f, args); r != world.Accepted {
			return errors.New(r.String())
		}
		return nil
	}
	return fmt.Errorf("unknown words")
}

// gameCommand is what the game does.
func (st *stage) gameCommand(words []string, line string, arg func(int) string) error {
	switch arg(0) {
	case "hear":
		for _, w := range words[1:] {
			st.hears[w] = true
		}
		return nil
	case "refuse":
		for _, z := range numbers(words[1:]) {
			st.refuses[z] = true
		}
		return nil
	case "tick":
		n := 1
		if len(words) > 1 {
			n, _ = strconv.Atoi(words[1])
		}
		st.now = st.now.Add(time.Duration(n)*100*time.Millisecond + time.Microsecond)
		if got := st.world.Step(st.now); got != n {
			return fmt.Errorf("there were %d ticks", got)
		}
		return nil
	case "stop":
		st.world.Stop()
		return nil
	case "step":
		if n := st.world.Step(st.now); n != 0 {
			return fmt.Errorf("there were %d ticks", n)
		}
		return nil
	case "do":
		st.world.Do(func() { st.failed = errors.Join(st.failed, st.try(strings.Join(words[1:], " "))) })
		return nil
	case "zones":
		c := st.viewers[arg(1)].client
		switch arg(2) {
		case "are":
			if got := fmt.Sprint(c.Zones()); got != "["+strings.Join(words[3:], " ")+"]" {
				return fmt.Errorf("they are %s", got)
			}
			return nil
		case "set":
			return c.SetZones(numbers(words[3:])...)
		case "add":
			return c.AddZones(numbers(words[3:])...)
		}
		return c.RemoveZones(numbers(words[3:])...)
	case "kick":
		st.viewers[arg(1)].client.Kick(strings.Join(words[2:], " "))
		return nil
	case "spawn":
		return st.spawn(line)
	case "new":
		o, err := st.world.NewObject(arg(2), &actor{st, arg(1)})
		st.objects[arg(1)] = o
		return err
	}
	o := st.objects[arg(1)]
	if arg(0) == "sendto" || arg(0) == "sendexcept" {
		o = st.objects[arg(2)]
	}
	if o == nil {
		return fmt.Errorf("unknown words")
	}
	return st.objectCommand(o, words, arg)
}

func (st *stage) objectCommand(o *world.Object, words []string, arg func(int) string) error {
	switch arg(0) {
	case "generate":
		return o.Generate(numbers(words[2:3])[0], st.owner(arg(3)))
	case "move":
		return o.Move(numbers(words[2:])[0])
	case "own":
		return o.SetOwner(st.owner(arg(2)))
	case "weight":
		return o.SetWeight(2)
	case "delete":
		return o.Delete()
	case "state":
		if o.State().String() != arg(2) {
			return fmt.Errorf("it is %v", o.State())
		}
		return nil
	case "value":
		f := o.Class().FieldByName(arg(2))
		if got, want := text(f, o.Value(f)), strings.Join(words[2:], " "); got != want {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	case "sendto", "sendexcept":
		f, args, err := value(o.Class(), words[3:])
		if err != nil {
			return err
		}
		if arg(0) == "sendto" {
			return o.SendPackedTo(st.owner(arg(1)), f, args)
		}
		var except []*world.Client
		for _, name := range strings.Split(arg(1), ",") {
			except = append(except, st.owner(name))
		}
		return o.SendPackedExcept(except, f, args)
	}
	f, args, err := value(o.Class(), words[2:])
	if err != nil {
		return err
	}
	switch arg(0) {
	case "set":
		return o.SetPacked(f, args)
	case "send":
		return o.SendPacked(f, args)
	}
	return fmt.Errorf("unknown words")
}

// spawn plays "spawn NAME CLASS ZONE [OWNER] ; FIELD VALUE ; …".
func (st *stage) spawn(line string) error {
	parts := strings.Split(line, ";")
	words := append(strings.Fields(parts[0]), "")
	s := world.Spawn{
		Class: words[2], Zone: numbers(words[3:4])[0], Owner: st.owner(words[4]),
		Fields: make(map[string]any), Handler: &actor{st, words[1]},
	}
	if words[2] == "Door" {
		s.Handler = nil
	}
	for _, p := range parts[1:] {
		f, packed, err := value(st.world.Schema().Class(s.Class), strings.Fields(p))
		if err != nil {
			return err
		}
		values, err := f.Unpack(packed)
		if err != nil {
			return err
		}
		if s.Fields[f.Name()] = any(values); f.Kind() == dc.Parameter {
			s.Fields[f.Name()] = values[0]
		}
	}
	o, err := st.world.Spawn(s)
	if err == nil {
		st.objects[words[1]], st.names[o.ID()] = o, words[1]
	}
	return err
}

func (st *stage) owner(name string) *world.Client {
	if v := st.viewers[name]; v != nil {
		return v.client
	}
	return nil
}

func numbers(words []string) []uint32 {
	var ns []uint32
	for _, w := range words {
		n, err := strconv.ParseUint(w, 10, 32)
		if err != nil {
			panic(err)
		}
		ns = append(ns, uint32(n))
	}
	return ns
}

// value reads a field's name and value in Panda3D's form.
func value(class *dc.Class, words []string) (*dc.Field, []byte, error) {
	f := class.FieldByName(words[0])
	if f == nil {
		return nil, nil, fmt.Errorf("no field %q", words[0])
	}
	b, err := f.ParseText(nil, strings.Join(words[1:], " "))
	return f, b, err
}

// actor is the handler of an object.
type actor struct {
	st   *stage
	name string
}

func (a *actor) Message(c *world.Client, o *world.Object, f *dc.Field, args []byte) {
	a.st.hear("", "%s calls %s %s", a.st.client(c), a.name, text(f, args))
}

func (a *actor) Generate(o *world.Object) {
	a.st.objects[a.name], a.st.names[o.ID()] = o, a.name
	a.st.hear("lifecycle", "%s generate", a.name)
}

func (a *actor) AnnounceGenerate(*world.Object) { a.st.hear("lifecycle", "%s announce", a.name) }
func (a *actor) Disable(*world.Object)          { a.st.hear("lifecycle", "%s disable", a.name) }
func (a *actor) Delete(*world.Object)           { a.st.hear("lifecycle", "%s delete", a.name) }
