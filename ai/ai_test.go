package ai_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/datagram"
)

const (
	loginID    = 4665
	districtID = 2000000
)

// district makes an AI with a district.
func (r *running) district(t testing.TB, leaveIDs uint32) (a *ai.AI, leave func()) {
	a, leave = r.join(t, ai.Config{Channel: 1000000, FirstID: districtID + leaveIDs, LastID: districtID + 100})
	inside(t, a, func() {
		_, err := a.Create(ai.Create{Class: "District", DoID: districtID, Fields: map[string]any{"setTitle": []any{"Home"}}})
		check(t, err)
	})
	r.there(t, a, districtID)
	return a, leave
}

// there waits until the state server has an object, and returns it. Nobody
// answers before.
func (r *running) there(t testing.TB, a *ai.AI, doID uint32) ai.Snapshot {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		o, err := ai.Await(ctx, a, func(done func(ai.Snapshot, error)) { a.GetAll(doID, done) })
		cancel()
		if err == nil {
			return o
		}
		if !errors.Is(err, context.DeadlineExceeded) || time.Now().After(end) {
			t.Fatalf("the object %d: %v", doID, err)
		}
	}
}

func TestObjects(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	a, _ := r.district(t, 1)
	seen := newStory()
	b, _ := r.join(t, ai.Config{Channel: 1000001})
	ready := make(chan error, 1)
	inside(t, b, func() {
		b.Watch(districtID, []uint32{7, 7, 8}, func(o *ai.Object) any {
			name, err := o.Get("setName")
			seen.say("%d %s %v in %v %v", o.ID(), o.Class().Name(), name, o.Location(), err)
			return seen
		}, func(err error) { ready <- err })
	})
	check(t, await(t, ready))

	told := newStory()
	var avatar *ai.Object
	inside(t, a, func() {
		var err error
		avatar, err = a.Create(ai.Create{
			Class: "Avatar", Parent: districtID, Zone: 7, Handler: told,
			Fields: map[string]any{"setName": []any{"Ann"}, "setHat": []any{3}},
		})
		check(t, err)
		check(t, avatar.Set("setXY", 1, -2))
		check(t, avatar.Set("wave", 9))
	})
	seen.expect(t,
		"2000001 Avatar [Ann] in {2000000 7}",
		"2000001.setXY(1, -2) from 1000000",
		"2000001.wave(9) from 1000000")

	// The other AI speaks to it.
	inside(t, b, func() { check(t, b.Object(avatar.ID()).Set("setPos", 4, 5)) })
	told.expect(t, "2000001.setPos(x = 4, y = 5) from 1000001")
	inside(t, a, func() {
		pos, err := avatar.Get("setPos")
		check(t, err)
		if !reflect.DeepEqual(pos, []any{int64(4), int64(5)}) {
			t.Errorf("setPos is %v", pos)
		}
		x, err := avatar.Get("setX")
		check(t, err)
		if !reflect.DeepEqual(x, []any{int64(1)}) {
			t.Errorf("setX is %v", x)
		}
		check(t, avatar.Move(districtID, 8))
		check(t, avatar.Set("wave", 1))
		check(t, avatar.Move(districtID, 9))
	})
	seen.expect(t,
		"2000001.setPos(x = 4, y = 5) from 1000001",
		"2000001 moved from {2000000 7} to {2000000 8}",
		"2000001.wave(1) from 1000000",
		"2000001 is gone")
	inside(t, a, func() {
		check(t, avatar.Delete())
		if err := avatar.Delete(); !errors.Is(err, ai.ErrGone) {
			t.Errorf("deleted twice: %v", err)
		}
		if err := avatar.Set("wave", 1); !errors.Is(err, ai.ErrGone) {
			t.Errorf("set when deleted: %v", err)
		}
	})
	told.expect(t, "2000001 is gone")
}

func TestQueries(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	a, _ := r.district(t, 1)
	var avatar *ai.Object
	inside(t, a, func() {
		var err error
		avatar, err = a.Create(ai.Create{Class: "Avatar", Parent: districtID, Zone: 7, Owner: 77, Fields: map[string]any{"setName": []any{"Ann"}, "setHat": []any{3}}})
		check(t, err)
	})
	r.there(t, a, avatar.ID())
	b, _ := r.join(t, ai.Config{Channel: 1000001})
	class := b.Schema().Class("Avatar")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	name, err := ai.Await(ctx, b, func(done func([]byte, error)) { b.GetField(avatar.ID(), class.FieldByName("setName"), done) })
	if err != nil || string(name) != "\x03\x00Ann" {
		t.Errorf("setName is %q, %v", name, err)
	}
	mood, err := ai.Await(ctx, b, func(done func([]byte, error)) { b.GetField(avatar.ID(), class.FieldByName("setMood"), done) })
	if err != nil || mood != nil {
		t.Errorf("setMood is %q, %v", mood, err)
	}
	values, err := ai.Await(ctx, b, func(done func(ai.Values, error)) {
		b.GetFields(avatar.ID(), class.Fields()[:4], done)
	})
	if err != nil || len(values) != 3 {
		t.Errorf("values are %v, %v", values, err)
	}
	all, err := ai.Await(ctx, b, func(done func(ai.Snapshot, error)) { b.GetAll(avatar.ID(), done) })
	if err != nil || all.ID != avatar.ID() || all.Class != class || all.Location != (ai.Location{Parent: districtID, Zone: 7}) || len(all.Values) != 3 {
		t.Errorf("all is %v, %v", all, err)
	}
	place, err := ai.Await(ctx, b, func(done func(ai.Location, error)) { b.GetLocation(avatar.ID(), done) })
	if err != nil || place != (ai.Location{Parent: districtID, Zone: 7}) {
		t.Errorf("it is at %v, %v", place, err)
	}
	for name, get := range map[string]struct {
		ask  func(uint32, func(uint64, error))
		want uint64
	}{"AI": {b.GetAI, 1000000}, "owner": {b.GetOwner, 77}} {
		channel, err := ai.Await(ctx, b, func(done func(uint64, error)) { get.ask(avatar.ID(), done) })
		if err != nil || channel != get.want {
			t.Errorf("its %s is %d, %v", name, channel, err)
		}
	}
	count, err := ai.Await(ctx, b, func(done func(uint32, error)) { b.GetChildCount(districtID, done) })
	if err != nil || count != 1 {
		t.Errorf("%d children, %v", count, err)
	}
	zones, err := ai.Await(ctx, b, func(done func([]uint32, error)) { b.GetActiveZones(districtID, done) })
	if err != nil || !reflect.DeepEqual(zones, []uint32{7}) {
		t.Errorf("zones are %v, %v", zones, err)
	}
	for _, zone := range []uint32{7, 8} {
		objects, err := ai.Await(ctx, b, func(done func([]ai.Snapshot, error)) { b.GetZoneObjects(districtID, []uint32{zone, 9}, done) })
		if want := int(8 - zone); err != nil || len(objects) != want {
			t.Errorf("in zone %d are %v, %v", zone, objects, err)
		}
	}
	hasty, _ := r.join(t, ai.Config{Channel: 1000002, QueryTimeout: 100 * time.Millisecond})
	if _, err := ai.Await(ctx, hasty, func(done func(ai.Location, error)) { hasty.GetLocation(12345, done) }); !errors.Is(err, ai.ErrTimeout) {
		t.Errorf("of nobody: %v", err)
	}
}

// A client logs in at an UberDOG, is given an avatar, and speaks to it.
func TestClients(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	told := newStory()
	a, _ := r.district(t, 1)
	var login *ai.Object
	inside(t, a, func() {
		var err error
		login, err = a.UberDOG(loginID, "Login", told)
		check(t, err)
		// In the same process, too.
		check(t, a.Update(loginID, "Login", "login", "itself"))
	})
	told.expect(t, `4665.login(name = "itself") from 1000000`)
	r.there(t, a, districtID) // so that the UberDOG is known there, too

	p := r.play(t)
	p.update(loginID, "Login", "login", "Ann")
	told.expect(t, `4665.login(name = "Ann") from 100000`)

	done := make(chan uint16, 10)
	b, _ := r.join(t, ai.Config{Channel: 1000001, Events: ai.Events{InterestDone: func(s ai.Session, id uint16) { done <- id }}})
	var avatar *ai.Object
	inside(t, b, func() {
		s := b.Session(100000)
		s.SetState(ai.StateEstablished)
		var err error
		avatar, err = b.Create(ai.Create{Class: "Avatar", DoID: 3000000, Parent: districtID, Zone: 7, Owner: s.Channel(), Handler: told, Fields: map[string]any{"setName": []any{"Ann"}}})
		check(t, err)
		s.AddSessionObject(avatar.ID())
	})
	inside(t, a, func() { check(t, login.SendTo(100000, "accepted", 3000000)) })
	// They come from two AIs, in any order.
	for range 2 {
		r := datagram.NewReader(await(t, p.received))
		if typ := r.Uint16(); typ != 172 && typ != 120 {
			t.Errorf("the client gets a message %d", typ)
		}
	}
	inside(t, b, func() { check(t, b.Session(100000).AddInterest(5, districtID, 7, 8)) })
	p.expect(201)
	p.expect(204) // it knows the avatar already
	if id := await(t, done); id != 5 {
		t.Errorf("interest %d is done", id)
	}
	p.update(avatar.ID(), "Avatar", "ask", "why?")
	told.expect(t, `3000000.ask("why?") from 100000`)

	network := make(chan ai.Network, 1)
	inside(t, b, func() {
		b.Session(100000).GetNetwork(func(n ai.Network, err error) {
			check(t, err)
			network <- n
		})
	})
	if n := await(t, network); !n.Remote.Addr().IsLoopback() {
		t.Errorf("the client comes from %v", n)
	}
	inside(t, b, func() { check(t, b.Session(100000).Eject(ai.LoginRefused, "no")) })
	e := p.expect(4)
	if code := e.Uint16(); code != ai.LoginRefused {
		t.Errorf("ejected with %d", code)
	}
	told.expect(t, "3000000 is gone") // with its session
}

// Objects are deleted with their AI.
func TestAILeaves(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	_, leave := r.district(t, 1)
	b, _ := r.join(t, ai.Config{Channel: 5001, FirstID: 5000, LastID: 5001})
	seen := newStory()
	ready := make(chan error, 1)
	inside(t, b, func() {
		b.Watch(districtID, []uint32{7}, nil, func(err error) { ready <- err })
		o, err := b.Create(ai.Create{Class: "Avatar", Parent: districtID, Zone: 7, Handler: seen})
		check(t, err)
		if o.ID() != 5000 {
			t.Errorf("its doId is %d", o.ID())
		}
		if _, err := b.Create(ai.Create{Class: "Avatar"}); !errors.Is(err, ai.ErrNoID) {
			t.Errorf("a second one: %v", err)
		}
	})
	check(t, await(t, ready))
	r.there(t, b, 5000)
	leave()
	seen.expect(t, "5000 is gone") // with its parent
}

// Objects are deleted when their AI is killed.
func TestKill(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CULM_AI="+r.md)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill := sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	defer kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "there\n" {
		t.Fatalf("it says %q, %v", line, err)
	}
	b, _ := r.join(t, ai.Config{Channel: 1000001})
	told := newStory()
	ready := make(chan error, 1)
	inside(t, b, func() {
		_, err := b.Create(ai.Create{Class: "Avatar", DoID: 5000, Parent: districtID, Zone: 7, Handler: told})
		check(t, err)
		b.Watch(districtID, []uint32{7}, nil, func(err error) { ready <- err })
	})
	check(t, await(t, ready))
	kill()
	told.expect(t, "5000 is gone") // with its parent
}

// An AI that lost its link has its objects again when it is back.
func TestReconnect(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	events := newStory()
	a, _ := r.join(t, ai.Config{Channel: 1000000, FirstID: 5000, LastID: 6000, Events: ai.Events{
		Connected: func() { events.say("up") },
		Lost:      func() { events.say("down") },
	}})
	events.expect(t, "up")
	inside(t, a, func() {
		_, err := a.Create(ai.Create{Class: "District", DoID: districtID})
		check(t, err)
		o, err := a.Create(ai.Create{Class: "Avatar", Parent: districtID, Zone: 7, Fields: map[string]any{"setName": []any{"Ann"}}})
		check(t, err)
		check(t, o.Set("setHat", 1))
	})
	r.stop()
	events.expect(t, "down")
	inside(t, a, func() {
		check(t, a.Object(5000).Set("setHat", 2))
		a.GetLocation(5000, func(_ ai.Location, err error) { events.say("%v", err) })
	})
	events.expect(t, ai.ErrLost.Error())
	again := start(t, r.md)
	events.expect(t, "up")
	b, _ := again.join(t, ai.Config{Channel: 1000001})
	all := again.there(t, b, 5000)
	if hat := all.Values[all.Class.FieldByName("setHat")]; len(hat) != 1 || hat[0] != 2 || all.Zone != 7 {
		t.Errorf("it is %v", all)
	}
}

// Session objects are not made again: the cluster has deleted them, and ended the
// sessions with that. Their channels may be others' by now.
func TestReconnectWithoutSessionObjects(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	a, _ := r.district(t, 1)
	told := newStory()
	inside(t, a, func() {
		const client = 1000000000
		for range 3 {
			_, err := a.Create(ai.Create{Class: "Avatar", Parent: districtID, Zone: 7, Owner: client, Handler: told})
			check(t, err)
		}
		s := a.Session(client)
		s.AddSessionObject(2000001)
		s.AddSessionObject(2000003)
		s.RemoveSessionObject(2000003)
	})
	r.stop()
	told.expect(t, "2000001 is gone")
	again := start(t, r.md)
	b, _ := again.join(t, ai.Config{Channel: 1000001})
	again.there(t, b, 2000003)
	inside(t, a, func() {
		if a.Object(2000001) != nil || a.Object(2000002) == nil {
			t.Error("the AI has other objects")
		}
	})
	_, err := ai.Await(t.Context(), b, func(answer func([]ai.Snapshot, error)) {
		b.GetZoneObjects(districtID, []uint32{7}, func(all []ai.Snapshot, err error) {
			if len(all) != 2 || all[0].ID != 2000002 || all[1].ID != 2000003 {
				t.Errorf("there are %v", all)
			}
			answer(all, err)
		})
	})
	check(t, err)
}

// The cluster may notice late that a link was lost, and delete then what was
// created again on the next one.
func TestLatePostRemove(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	a, _ := r.district(t, 1)
	told := newStory()
	inside(t, a, func() {
		_, err := a.Create(ai.Create{Class: "Avatar", Parent: districtID, Zone: 7, Handler: told})
		check(t, err)
	})
	r.there(t, a, 2000001)
	b, _ := r.join(t, ai.Config{Channel: 1000001})
	seen := newStory()
	inside(t, b, func() {
		b.Watch(districtID, []uint32{7}, func(o *ai.Object) any {
			seen.say("%d is there", o.ID())
			return seen
		}, nil)
	})
	seen.expect(t, "2000001 is there")
	late, _ := r.join(t, ai.Config{Channel: ^a.Channel()})
	inside(t, late, func() {
		check(t, late.Send(4002, 2009, []byte{0x40, 0x42, 0x0f, 0, 0, 0, 0, 0})) // 1000000
	})
	seen.expect(t, "2000001 is gone", "2000001 is there")
	r.there(t, b, districtID)
	inside(t, a, func() { check(t, a.Object(2000001).Delete()) })
	told.expect(t, "2000001 is gone") // and nothing before it
}

// An object goes from one AI to another.
func TestAdopted(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	a, _ := r.district(t, 1)
	adopted := newStory()
	b, _ := r.join(t, ai.Config{Channel: 1000001, Events: ai.Events{Adopted: func(o *ai.Object) any {
		title, err := o.Get("setTitle")
		adopted.say("%d %v %v", o.ID(), title, err)
		return adopted
	}}})
	r.there(t, b, districtID) // so that its channel is known there, too
	inside(t, a, func() {
		o := a.Object(districtID)
		check(t, o.SetAI(b.Channel()))
		if !o.Gone() {
			t.Error("the first AI still has it")
		}
	})
	adopted.expect(t, "2000000 [Home]")
	inside(t, b, func() {
		if o := b.Object(districtID); o == nil || !o.Managed() {
			t.Error("the second AI does not have it")
			return
		}
		check(t, b.Object(districtID).Delete())
	})
	adopted.expect(t, "2000000 is gone")
}

func TestRefused(t *testing.T) {
	schema := game(t)
	good := ai.Config{Schema: schema, Address: "127.0.0.1:1", Channel: 1000000}
	for want, change := range map[string]func(*ai.Config){
		"Schema is missing":                    func(c *ai.Config) { c.Schema = nil },
		"Channel is missing":                   func(c *ai.Config) { c.Channel = 0 },
		"Channel 999 belongs":                  func(c *ai.Config) { c.Channel = 999 },
		"FirstID 2 is more than LastID 1":      func(c *ai.Config) { c.FirstID, c.LastID = 2, 1 },
		"FirstID 1 belongs":                    func(c *ai.Config) { c.FirstID, c.LastID = 1, 2000 },
		"Address is missing: it is where the ": func(c *ai.Config) { c.Address = "" },
	} {
		c := good
		change(&c)
		if _, err := ai.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	a, err := ai.New(good)
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]ai.Create{
		"no dclass Nobody":        {Class: "Nobody", DoID: 5000},
		"no field setNose":        {Class: "Avatar", DoID: 5000, Fields: map[string]any{"setNose": 1}},
		"wave is not kept":        {Class: "Avatar", DoID: 5000, Fields: map[string]any{"wave": 1}},
		"setXY: 1 value, want 2":  {Class: "Avatar", DoID: 5000, Fields: map[string]any{"setXY": 1}},
		"setHat":                  {Class: "Avatar", DoID: 5000, Fields: map[string]any{"setHat": []any{300}}},
		"5 belongs":               {Class: "Avatar", DoID: 5},
		"the AI's own channel":    {Class: "Avatar", DoID: uint32(good.Channel)},
		"DoID is missing":         {Class: "Avatar"},
		"more than 65,535":        {Class: "Avatar", DoID: 5000, Fields: map[string]any{"setName": []any{strings.Repeat("a", 65530)}}},
		"6000 is in use":          {Class: "Avatar", DoID: 6000},
		"4665 is in use":          {Class: "Avatar", DoID: loginID},
		"no dclass  in":           {DoID: 5000},
		"setPos: 1 value, want 2": {Class: "Avatar", DoID: 5000, Fields: map[string]any{"setPos": []any{1}}},
	} {
		a.Do(func() {
			if a.Object(6000) == nil {
				_, err := a.Create(ai.Create{Class: "Avatar", DoID: 6000})
				check(t, err)
				_, err = a.UberDOG(loginID, "Login", nil)
				check(t, err)
			}
			if _, err := a.Create(c); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
			if a.Object(5000) != nil {
				t.Error("there is an object all the same")
			}
		})
	}
	a.Do(func() {
		if err := a.Object(loginID).Set("login", "x"); err == nil {
			t.Error("an UberDOG keeps a value")
		}
	})
}

// An object that is made before it is generated.
func TestFresh(t *testing.T) {
	r := start(t, "127.0.0.1:0")
	a, _ := r.district(t, 1)
	told := newStory()
	inside(t, a, func() {
		o, err := a.NewObject("Avatar", told)
		check(t, err)
		hat := o.Class().FieldByName("setHat")
		if o.ID() != 0 || o.Managed() || o.Packed(hat) != nil || string(o.Value(hat)) != "\x00" || o.Value(o.Class().FieldByName("wave")) != nil {
			t.Errorf("a new object is %d, its hat %v", o.ID(), o.Value(hat))
		}
		check(t, o.Set("setHat", 3))
		check(t, o.Set("setXY", 1, -2))
		if err := o.Set("wave", 1); err == nil || !strings.Contains(err.Error(), "wave is not kept") {
			t.Errorf("waving before it is there: %v", err)
		}
		for what, err := range map[string]error{
			"moved": o.Move(districtID, 8), "given away": o.SetAI(5), "owned": o.SetOwner(5), "deleted": o.Delete(), "sent": o.SendTo(5, "wave", 1),
		} {
			if err == nil || !strings.Contains(err.Error(), "call its Generate first") {
				t.Errorf("%s before it is there: %v", what, err)
			}
		}
		check(t, o.Generate(ai.Generate{Parent: districtID, Zone: 7}))
		if err := o.Generate(ai.Generate{}); err == nil || !strings.Contains(err.Error(), "has been generated already") {
			t.Errorf("generated twice: %v", err)
		}
		if a.Object(o.ID()) != o || !o.Managed() {
			t.Error("the AI does not have it")
		}
	})
	class := a.Schema().Class("Avatar")
	there := r.there(t, a, districtID+1)
	if got := string(there.Values[class.FieldByName("setHat")]); got != "\x03" {
		t.Errorf("its hat is %q", got)
	}
	if got := string(there.Values[class.FieldByName("setX")]); got != "\x01\x00" {
		t.Errorf("its x is %q", got)
	}

	// Another AI, by nothing but the doId.
	b, _ := r.join(t, ai.Config{Channel: 1000001})
	inside(t, b, func() {
		o, err := b.Remote(districtID+1, "Avatar")
		check(t, err)
		check(t, o.Set("setPos", 4, 5))
		if err := o.Delete(); !errors.Is(err, ai.ErrGone) {
			t.Errorf("deleted from afar: %v", err)
		}
		if _, err := b.Remote(districtID+1, "Nothing"); err == nil {
			t.Error("there is an object without a class")
		}
	})
	told.expect(t, "2000001.setPos(x = 4, y = 5) from 1000001")
}
