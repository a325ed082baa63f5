package world_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newWorld makes a world of 10 ticks per second that stands at the beginning of
// tick 0, and returns how to let time pass.
func newWorld(t testing.TB, cfg world.Config) (w *world.World, after func(time.Duration) (ticks int)) {
	t.Helper()
	cfg.Schema, cfg.TickRate = parseSchema(t), 10
	cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	w.Step(now)
	return w, func(d time.Duration) int {
		now = now.Add(d)
		return w.Step(now)
	}
}

func spawn(t testing.TB, w *world.World, s world.Spawn) *world.Object {
	t.Helper()
	o, err := w.Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func join(t testing.TB, w *world.World, zones ...uint32) (*world.Client, *fakeViewer) {
	t.Helper()
	v := newFakeViewer(func(id uint32) string { return fmt.Sprint(id) })
	c, err := w.Join(v, world.JoinConfig{Account: "ann", View: snapshot.ViewConfig{Rate: 10}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetZones(zones...); err != nil {
		t.Fatal(err)
	}
	return c, v
}

func TestBadSpawns(t *testing.T) {
	w, _ := newWorld(t, world.Config{LastID: 2})
	for name, c := range map[string]struct {
		spawn world.Spawn
		want  string
	}{
		"no class":            {world.Spawn{}, `no dclass ""`},
		"an unknown class":    {world.Spawn{Class: "Dragon"}, `no dclass "Dragon"`},
		"a struct":            {world.Spawn{Class: "Vec3"}, "Vec3 is a struct"},
		"no such field":       {world.Spawn{Class: "Avatar", Fields: map[string]any{"mp": 1}}, `dclass Avatar has no field "mp"`},
		"out of range":        {world.Spawn{Class: "Avatar", Fields: map[string]any{"hp": 101}}, "Avatar.hp"},
		"of another type":     {world.Spawn{Class: "Avatar", Fields: map[string]any{"name": 5}}, "Avatar.name"},
		"NaN":                 {world.Spawn{Class: "Avatar", Fields: map[string]any{"pos": []any{1, math.NaN(), 3}}}, "pos"},
		"too few arguments":   {world.Spawn{Class: "Avatar", Fields: map[string]any{"setTeam": []any{}}}, "setTeam"},
		"a message":           {world.Spawn{Class: "Avatar", Fields: map[string]any{"wave": []any{1}}}, "there is nothing to set"},
		"a weight of NaN":     {world.Spawn{Class: "Avatar", Weight: math.NaN()}, "weight"},
		"a useless handler":   {world.Spawn{Class: "Avatar", Handler: 5}, "the handler int has none of the methods"},
		"another world's own": {world.Spawn{Class: "Avatar", Owner: foreigner(t)}, "another world"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := w.Spawn(c.spawn)
			if o != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "world: ") {
				t.Errorf("got %v and the error %v, want one with %q", o, err, c.want)
			}
		})
	}
	if n := len(slices.Collect(w.Objects())); n != 0 {
		t.Errorf("%d objects are left", n)
	}

	spawn(t, w, world.Spawn{Class: "Avatar", Fields: map[string]any{"setTeam": []any{3}, "setSkin": 4}})
	spawn(t, w, world.Spawn{Class: "Door"})
	if _, err := w.Spawn(world.Spawn{Class: "Door"}); err == nil || !strings.Contains(err.Error(), "all doIds from 1 to 2") {
		t.Errorf("got error %v", err)
	}
}

func foreigner(t *testing.T) *world.Client {
	w, _ := newWorld(t, world.Config{})
	c, _ := join(t, w)
	return c
}

// Values that are not finite are refused wherever they may come in, and leave
// everything as it was.
func TestNotFinite(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	c, _ := join(t, w, 1)
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	pos, steer := o.Class().FieldByName("pos"), o.Class().FieldByName("steer")
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		packed, err := pos.Pack(nil, []any{0, 0, x})
		if err != nil {
			t.Fatal(err)
		}
		call, err := steer.Pack(nil, x, 0)
		if err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"Set":              o.Set("pos", []any{x, 0, 0}),
			"SetPacked":        o.SetPacked(pos, packed),
			"SendTo":           o.SendTo(c, "steer", 1, x),
			"SendPackedTo":     o.SendPackedTo(c, steer, call),
			"SendPacked":       o.SendPacked(steer, call),
			"SendPackedExcept": o.SendPackedExcept(nil, steer, call),
		} {
			if err == nil || !strings.Contains(err.Error(), "Avatar.") || !strings.Contains(err.Error(), "finite") {
				t.Errorf("%s with %v: %v", name, x, err)
			}
		}
	}
	if err := o.SetWeight(math.NaN()); err == nil {
		t.Error("a weight was NaN")
	}
	if got := text(pos, o.Value(pos)); got != "pos = {x = 0, y = 0, z = 0}" {
		t.Errorf("it is at %s", got)
	}
}

func TestBadCalls(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	c, _ := join(t, w, 1)
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	hp, push := o.Class().FieldByName("hp"), w.Schema().Class("Door").FieldByName("push")
	foreign := foreigner(t)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"set of nothing":           {o.Set("mp", 1), `no field "mp"`},
		"set of two values":        {o.Set("hp", 1, 2), "Avatar.hp"},
		"packed, of another class": {o.SetPacked(push, nil), "Door.push is no field of dclass Avatar"},
		"packed, no field":         {o.SetPacked(nil, nil), "no field"},
		"packed, too short":        {o.SetPacked(hp, nil), "Avatar.hp"},
		"packed, too long":         {o.SetPacked(hp, []byte{1, 2}), "Avatar.hp"},
		"packed, out of range":     {o.SetPacked(hp, []byte{101}), "Avatar.hp"},
		"send of nothing":          {o.Send("jump"), `no field "jump"`},
		"send to, of nothing":      {o.SendTo(c, "jump"), `no field "jump"`},
		"send except, of nothing":  {o.SendExcept(nil, "jump"), `no field "jump"`},
		"send of bad arguments":    {o.Send("wave", "left"), "Avatar.wave"},
		"send to a foreigner":      {o.SendTo(foreign, "wave", 1), "another world"},
		"send to nobody":           {o.SendTo(nil, "wave", 1), "there is no client"},
		"packed, to nobody":        {o.SendPackedTo(nil, push, nil), "Door.push is no field"},
		"owned by a foreigner":     {o.SetOwner(foreign), "another world"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) || !strings.HasPrefix(c.err.Error(), "world: ") {
			t.Errorf("%s: got error %v, want one with %q", name, c.err, c.want)
		}
	}
	for field, want := range map[string]string{"mp": "no field", "wave": "so it has no value"} {
		if _, err := o.Get(field); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Get(%q): %v", field, err)
		}
	}
	if o.Value(push) != nil || o.Value(o.Class().FieldByName("wave")) != nil {
		t.Error("a message has a value")
	}
	var state *world.StateError
	if err := o.Delete(); err != nil || !errors.As(o.Delete(), &state) || state.State != world.Deleted {
		t.Errorf("Delete: %v, then %v", err, state)
	}
	// A handler of foreign fields: receive does not look at what it is not given.
	if r := w.Receive(c, 1, nil, nil); r != world.NoObject {
		t.Errorf("a message for a deleted object was %v", r)
	}
	spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	if r := w.Receive(c, 2, push, nil); r != world.NoField {
		t.Errorf("a message of another class was %v", r)
	}
	if r := w.Receive(c, 2, nil, nil); r != world.NoField {
		t.Errorf("a message without a field was %v", r)
	}
}

func TestGet(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	o := spawn(t, w, world.Spawn{Class: "Avatar", Fields: map[string]any{"pos": []any{1, 2, 3}, "name": "ann"}})
	for _, c := range []struct {
		field string
		set   []any
		want  string
	}{
		{"hp", nil, "[100]"},
		{"pos", nil, "[[1 2 3]]"},
		{"name", nil, "[ann]"},
		{"setTeam", nil, "[0]"},
		{"setTeam", []any{7}, "[7]"},
		{"setSkin", nil, "[0]"},
		{"setPose", nil, "[0]"},
		{"name", []any{"a longer name"}, "[a longer name]"},
	} {
		if c.set != nil {
			if err := o.Set(c.field, c.set...); err != nil {
				t.Error(err)
			}
		}
		if got, err := o.Get(c.field); err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s is %v, %v, want %s", c.field, got, err, c.want)
		}
	}
}

// A doId comes back after its delay, and after all others.
func TestReuseOfDoIDs(t *testing.T) {
	w, after := newWorld(t, world.Config{FirstID: 10, LastID: 12, ReuseDelay: 300 * time.Millisecond})
	first := spawn(t, w, world.Spawn{Class: "Door"})
	if err := first.Delete(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		spawn(t, w, world.Spawn{Class: "Door"})
	}
	after(201 * time.Millisecond)
	if o, err := w.Spawn(world.Spawn{Class: "Door"}); err == nil {
		t.Errorf("%v came back after two ticks", o)
	}
	after(100 * time.Millisecond)
	if o := spawn(t, w, world.Spawn{Class: "Door"}); o.ID() != 10 || w.Object(10) != o {
		t.Errorf("%v came instead of the first", o)
	}
}

// Numbers of clients come back late, too.
func TestClients(t *testing.T) {
	w, after := newWorld(t, world.Config{})
	ann, _ := join(t, w)
	if ann.ID() != 1 || ann.Account() != "ann" || ann.String() != "client 1" || ann.World() != w || ann.Info().Address != "192.0.2.1" {
		t.Errorf("the first client is %v, account %v", ann, ann.Account())
	}
	if w.Client(1) != ann || w.Client(2) != nil {
		t.Error("a client is not found by its number")
	}
	ann.Leave(nil)
	if !ann.Left() || w.Client(1) != nil {
		t.Error("a client is still there")
	}
	bob, _ := join(t, w)
	if bob.ID() != 2 {
		t.Errorf("the second client has the number %d", bob.ID())
	}
	for range 65_534 {
		c, err := w.Join(newFakeViewer(nil), world.JoinConfig{})
		if err != nil {
			break
		}
		c.Leave(nil)
	}
	if _, err := w.Join(newFakeViewer(nil), world.JoinConfig{}); !errors.Is(err, world.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	for range 700 { // ticks of the default delay, a minute, and some
		after(100 * time.Millisecond)
	}
	if c, _ := join(t, w); c.ID() != 1 {
		t.Errorf("the next client has the number %d", c.ID())
	}
}

// The deleted, the moved and the left may be among those that are passed over.
func TestIterators(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	ann, _ := join(t, w)
	for range 3 {
		join(t, w)
	}
	for i := range 10 {
		s := world.Spawn{Class: "Avatar", Zone: 1}
		if i%2 == 0 {
			s.Owner = ann
		}
		spawn(t, w, s)
	}
	n := 0
	for o := range w.ObjectsIn(1) {
		n++
		switch n {
		case 1:
			for other := range w.ObjectsIn(1) {
				if other != o && other.ID() > 5 {
					if err := other.Move(2); err != nil {
						t.Error(err)
					}
				}
			}
		case 2:
			if err := o.Delete(); err != nil {
				t.Error(err)
			}
		}
		if o.Zone() != 1 {
			t.Errorf("%v is in zone %d", o, o.Zone())
		}
	}
	if n < 5 || n > 6 {
		t.Errorf("%d objects in zone 1", n)
	}
	n = 0
	for o := range ann.Owned() {
		if n++; n == 1 {
			for other := range ann.Owned() {
				if other != o {
					if err := other.Delete(); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	if n != 1 {
		t.Errorf("%d objects are left to own", n)
	}
	for o := range w.Objects() {
		if err := o.Delete(); err != nil {
			t.Error(err)
		}
	}
	n = 0
	for c := range w.Clients() {
		n++
		c.Kick("")
	}
	if n != 4 || len(slices.Collect(w.Clients()))+len(slices.Collect(w.Objects())) != 0 {
		t.Errorf("%d clients were passed over, and not all is gone", n)
	}
	for range w.ObjectsIn(1) {
		t.Error("something is left in zone 1")
	}
}

func TestStepTime(t *testing.T) {
	var ticks []uint32
	w, after := newWorld(t, world.Config{CatchUp: 300 * time.Millisecond, Events: world.Events{
		Tick: func(n uint32) { ticks = append(ticks, n) },
	}})
	step := func(d time.Duration, want int) {
		t.Helper()
		if got := after(d); got != want {
			t.Errorf("after %v there were %d ticks, want %d", d, got, want)
		}
	}
	step(0, 0)
	step(60*time.Millisecond, 0)
	step(60*time.Millisecond, 1)
	// Back: no time passes until it is later than it was.
	step(-time.Second, 0)
	step(time.Second, 0)
	step(90*time.Millisecond, 1)
	// A long pause is made good by the catch-up only.
	step(time.Hour, 3)
	step(100*time.Millisecond, 1)
	if want := []uint32{1, 2, 3, 4, 5, 6}; !slices.Equal(ticks, want) || w.Tick() != 6 || w.Time() != 0.6 {
		t.Errorf("the ticks were %v; it is tick %d, second %v", ticks, w.Tick(), w.Time())
	}
	if d := w.Stats().Dropped; d.Round(time.Second) != time.Hour {
		t.Errorf("%v were dropped", d)
	}
}

// Functions of Do run in their order, also when they come from many goroutines.
func TestDo(t *testing.T) {
	w, after := newWorld(t, world.Config{})
	got := map[int][]int{}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 1000 {
				w.Do(func() { got[g] = append(got[g], i) })
			}
		})
	}
	for range 10 {
		after(0)
	}
	all.Wait()
	after(0)
	for g := range 4 {
		if len(got[g]) != 1000 || !slices.IsSorted(got[g]) {
			t.Errorf("of goroutine %d came %v", g, got[g])
		}
	}
	w.Stop()
	if w.Do(func() { t.Error("something is done in a stopped world") }) {
		t.Error("a stopped world takes something")
	}
	if after(time.Second) != 0 {
		t.Error("a stopped world makes ticks")
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		begin := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		var w *world.World
		w, err := world.New(world.Config{Schema: parseSchema(t), TickRate: 10, Events: world.Events{
			Tick: func(n uint32) {
				at = append(at, time.Since(begin).Round(time.Millisecond))
				if n == 3 {
					time.Sleep(250 * time.Millisecond) // a slow tick, which is made good
				}
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		c, v := join(t, w)
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		// What Do queues does not wait for the tick.
		time.Sleep(50 * time.Millisecond)
		w.Do(func() {
			if d := time.Since(begin); d != 50*time.Millisecond || w.Tick() != 0 {
				t.Errorf("it was done after %v, in tick %d", d, w.Tick())
			}
		})
		time.Sleep(760 * time.Millisecond)
		synctest.Wait()
		last := false
		w.Do(func() { last = true })
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		const ms = time.Millisecond
		if want := []time.Duration{100 * ms, 200 * ms, 300 * ms, 550 * ms, 550 * ms, 600 * ms, 700 * ms, 800 * ms}; !slices.Equal(at, want) {
			t.Errorf("ticks were at %v, want %v", at, want)
		}
		if !last || !c.Left() || !slices.Equal(v.log, []string{"kicked: the server is shutting down"}) {
			t.Errorf("at the end: %v, %v, %q", last, c.Left(), v.log)
		}
	})
}

// A world that stops ends its Run.
func TestRunEndsWithTheWorld(t *testing.T) {
	w, _ := newWorld(t, world.Config{})
	w.Do(w.Stop)
	if err := w.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// What many clients get alike is encoded once.
func TestEncodedOnce(t *testing.T) {
	w, after := newWorld(t, world.Config{Workers: 4})
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1, Fields: map[string]any{"name": "ann"}})
	e := &encoder{t: t, times: map[string]int{}}
	for i := range 100 {
		v := &encodingViewer{fakeViewer: newFakeViewer(func(uint32) string { return "ann" }), e: e, dialect: i % 2}
		c, err := w.Join(v, world.JoinConfig{View: snapshot.ViewConfig{Rate: 10}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddZones(1); err != nil {
			t.Fatal(err)
		}
	}
	after(101 * time.Millisecond)
	if err := o.Send("wave", 1); err != nil {
		t.Error(err)
	}
	want := map[string]int{"generate": 1, "wave for dialect 0": 1, "wave for dialect 1": 1}
	e.mu.Lock()
	defer e.mu.Unlock()
	// Two goroutines may meet at an object that is encoded by neither yet.
	if n := e.times["generate"]; n >= 1 && n <= 4 {
		e.times["generate"] = 1
	}
	if !maps.Equal(e.times, want) || e.generates != 100 {
		t.Errorf("it was encoded %v times, and generated for %d clients", e.times, e.generates)
	}
}

type encoder struct {
	t         *testing.T
	mu        sync.Mutex
	times     map[string]int
	generates int
	last      *byte
}

type encodingViewer struct {
	*fakeViewer
	e       *encoder
	dialect int
}

func (v *encodingViewer) Snapshot(s *snapshot.Snapshot) {
	for _, event := range s.Events {
		b := v.client.World().Generate(event.Object, func(*world.Generate) []byte {
			v.e.mu.Lock()
			defer v.e.mu.Unlock()
			v.e.times["generate"]++
			return []byte("an object")
		})
		v.e.mu.Lock()
		v.e.generates++
		if v.e.last == nil {
			v.e.last = &b[0]
		}
		if v.e.last != &b[0] {
			v.e.t.Error("two clients got different encodings")
		}
		v.e.mu.Unlock()
	}
}

func (v *encodingViewer) Message(m *world.Message) {
	m.Encoded(v.dialect, m.Tick, func(m *world.Message, tick uint32) []byte {
		if tick != m.Tick {
			v.e.t.Errorf("the tick is %d", tick)
		}
		v.e.times[fmt.Sprintf("%s for dialect %d", m.Field.Name(), v.dialect)]++
		return []byte("a message")
	})
}

// A message that is held back is encoded for the tick in which it is let go.
func TestEncodedForATick(t *testing.T) {
	m := &world.Message{Tick: 5}
	encode := func(_ *world.Message, tick uint32) []byte { return fmt.Append(nil, tick) }
	for _, c := range []struct {
		dialect int
		tick    uint32
	}{{1, 5}, {1, 7}, {2, 5}, {1, 7}, {1, 5}} {
		if got := string(m.Encoded(c.dialect, c.tick, encode)); got != fmt.Sprint(c.tick) {
			t.Errorf("for tick %d it is %s", c.tick, got)
		}
	}
}

// Messages say to which state of the object they belong.
func TestMessageTicks(t *testing.T) {
	w, after := newWorld(t, world.Config{})
	_, v := join(t, w, 1)
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	send := func(what string, tick, state uint32) {
		t.Helper()
		v.held = nil
		m := &messages{fakeViewer: v}
		c, err := w.Join(m, world.JoinConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Leave(nil)
		if err := errors.Join(c.AddZones(1), o.Send("wave", 1)); err != nil {
			t.Fatal(err)
		}
		if len(m.got) != 1 || m.got[0].Tick != tick || m.got[0].State != state || !m.got[0].Reliable {
			t.Errorf("%s: %+v, want tick %d and state %d", what, m.got[0], tick, state)
		}
	}
	send("before the first tick", 1, 1)
	after(101 * time.Millisecond)
	send("unchanged", 2, 1)
	if err := o.Set("hp", 3); err != nil {
		t.Fatal(err)
	}
	send("changed", 2, 2)
	after(200 * time.Millisecond) // ticks 2 and 3
	send("unchanged since", 4, 2)
	if err := o.Move(1); err != nil {
		t.Fatal(err)
	}
	send("moved to where it is", 4, 2)
}

type messages struct {
	*fakeViewer
	got []*world.Message
}

func (v *messages) Joined(*world.Client)     {}
func (v *messages) Message(m *world.Message) { v.got = append(v.got, m) }

func TestOnSeal(t *testing.T) {
	w, after := newWorld(t, world.Config{})
	var log []string
	note := func(what string) func(uint32) {
		return func(tick uint32) { log = append(log, fmt.Sprint(what, tick)) }
	}
	var removeSelf func()
	removeA := w.OnSeal(note("before a "), note("after a "))
	removeSelf = w.OnSeal(func(uint32) { removeSelf() }, note("after b "))
	w.OnSeal(nil, nil)
	after(101 * time.Millisecond)
	removeA()
	removeA()
	after(100 * time.Millisecond)
	if want := []string{"before a 1", "after a 1", "after b 1"}; !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
}

func TestStats(t *testing.T) {
	w, after := newWorld(t, world.Config{Events: world.Events{Tick: func(uint32) {}}})
	ann, _ := join(t, w, 1, 2)
	bob, _ := join(t, w, 1)
	o := spawn(t, w, world.Spawn{Class: "Avatar", Zone: 1})
	if err := spawn(t, w, world.Spawn{Class: "Door", Zone: 3}).Delete(); err != nil {
		t.Fatal(err)
	}
	wave, steer := o.Class().FieldByName("wave"), o.Class().FieldByName("steer")
	if err := o.Send("wave", 1); err != nil {
		t.Fatal(err)
	}
	w.Receive(ann, 1, wave, []byte{1})
	w.Receive(ann, 9, wave, []byte{1})
	w.Receive(ann, 1, steer, make([]byte, 16))
	w.Receive(ann, 1, steer, make([]byte, 16))
	bob.Kick("")
	if s := w.Stats(); s.Spawned != 0 {
		t.Error("counters are told before the Step is over")
	}
	after(101 * time.Millisecond)
	s := w.Stats()
	if s.TickTime <= 0 || s.LastTick != s.TickTime {
		t.Errorf("a tick took %v, all took %v", s.LastTick, s.TickTime)
	}
	s.TickTime, s.LastTick, s.Slow = 0, 0, 0
	want := world.Stats{
		Objects: 1, Clients: 1, Zones: 2, Tick: 1, Spawned: 2, Deleted: 1, Joined: 2, Left: 1, Kicked: 1,
		Sent: 2, Received: 1, Ticks: 1,
	}
	refused := map[string]uint64{
		"no_object": 1, "not_allowed": 2, "has_left": 0, "out_of_view": 0, "no_field": 0, "no_message": 0,
	}
	if !maps.Equal(s.Refused, refused) {
		t.Errorf("refused: %v", s.Refused)
	}
	if s.Refused = nil; fmt.Sprint(s) != fmt.Sprint(want) {
		t.Errorf("got %+v\nwant %+v", s, want)
	}
}

func TestStrings(t *testing.T) {
	for want, s := range map[string]fmt.Stringer{
		"Alive": world.Alive, "Fresh": world.Fresh, "Generated": world.Generated, "Disabled": world.Disabled,
		"Deleted": world.Deleted, "State(9)": world.State(9), "accepted": world.Accepted, "Refusal(99)": world.Refusal(99),
	} {
		if s.String() != want {
			t.Errorf("%s is called %s", want, s)
		}
	}
}
