package ai

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/transport"
)

// stage is an AI without a cluster: what a cluster would send comes from peer.
// It has the object 2000, the UberDOG 4665, and an interest in zone 7 of 1000.
type stage struct {
	t    testing.TB
	a    *AI
	peer md.Participant
	told []string
	log  bytes.Buffer
}

func (s *stage) tell(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf(format, args...))
}

// Receive drops what the AI sends.
func (s *stage) Receive(*md.Message) {}

func (s *stage) Update(o *Object, sender uint64, f *dc.Field, args []byte) {
	text, err := f.AppendText(nil, args)
	s.tell("%d.%s%s of %d", o.ID(), f.Name(), text, sender)
	if err != nil {
		s.t.Errorf("%v was not checked: %v", f, err)
	}
}
func (s *stage) Moved(o *Object, from Location) { s.tell("%d moved from %v", o.ID(), from) }
func (s *stage) Delete(o *Object)               { s.tell("%d is gone", o.ID()) }

var parsed = sync.OnceValues(func() (*dc.Schema, error) { return dc.ParseFiles("testdata/game.dc") })

func newStage(t testing.TB) *stage {
	t.Helper()
	schema, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t}
	s.peer.Receiver = s
	s.a, err = New(Config{
		Schema: schema, Channel: 1_000_000,
		Dial: func(context.Context, transport.Handler) (transport.Conn, error) {
			return nil, errors.New("there is none")
		},
		Events: Events{
			Adopted:      func(o *Object) any { s.tell("adopted %d", o.ID()); return s },
			Message:      func(typ uint16, sender uint64, payload []byte) { s.tell("%d of %d: %x", typ, sender, payload) },
			InterestDone: func(c Session, id uint16) { s.tell("%d has interest %d", c.Channel(), id) },
		},
		Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.a.Do(func() {
		s.a.up = true
		if _, err := s.a.Create(Create{Class: "Avatar", DoID: 2000, Parent: 1000, Zone: 1, Handler: s}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.a.UberDOG(4665, "Login", s); err != nil {
			t.Fatal(err)
		}
		s.a.Watch(1000, []uint32{7}, func(o *Object) any { s.tell("seen %d", o.ID()); return s }, nil)
		s.a.GetLocation(3000, func(l Location, err error) { s.tell("3000 is at %v, %v", l, err) })
	})
	t.Cleanup(func() { // no timers stay
		s.a.Do(func() {
			s.a.stopped.Store(true)
			s.a.failQueries(ErrStopped)
		})
	})
	return s
}

// send sends a message of channel 5.
func (s *stage) send(to uint64, t md.Type, payload []byte) {
	s.t.Helper()
	var b md.Batch
	b.From(&s.peer)
	b.Begin(t, 5, to).Bytes(payload)
	if err := b.End(); err != nil {
		s.t.Fatal(err)
	}
	s.a.director.Post(&b)
}

// pack makes a payload of numbers, and of strings for fields with a value.
func (s *stage) pack(parts ...any) []byte {
	s.t.Helper()
	var w datagram.Writer
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			name, value, _ := strings.Cut(p, "=")
			f := s.a.Schema().Class("Avatar").FieldByName(name)
			packed, err := f.ParseText(nil, value)
			if err != nil {
				s.t.Fatal(err)
			}
			w.Uint16(uint16(f.Number()))
			w.Bytes(packed)
		default:
			w.Buf, _ = binary.Append(w.Buf, binary.LittleEndian, p)
		}
	}
	return w.Buf
}

func (s *stage) expect(what string, want ...string) {
	s.t.Helper()
	if !slices.Equal(s.told, want) {
		s.t.Errorf("%s: told is\n\t%s\nwant\n\t%s\n%s", what, strings.Join(s.told, "\n\t"), strings.Join(want, "\n\t"), &s.log)
	}
	s.told = nil
}

const avatar = uint16(2) // its class number

// What an AI is told by a cluster, message by message.
func TestReceive(t *testing.T) {
	s := newStage(t)
	me := s.a.Channel()
	s.send(me, md.StateServerObjectSetField, s.pack(uint32(2000), "setPos=(1, 2)"))
	s.expect("an update", "2000.setPos(x = 1, y = 2) of 5")
	s.send(me, md.StateServerObjectSetFields, s.pack(uint32(2000), uint16(3), "setPos=(3, 4)", "setHat=(5)", "setXY=(6, 7)"))
	s.expect("several", "2000.setPos(x = 3, y = 4) of 5", "2000.setHat(5) of 5", "2000.setXY(6, 7) of 5")
	o := s.a.Object(2000)
	for field, want := range map[string]string{"setPos": "[3 4]", "setHat": "[5]", "setX": "[6]", "setY": "[7]", "setName": "[]", "wave": "[]", "setMood": "[]"} {
		if got, err := o.Get(field); fmt.Sprint(got) != want || err != nil {
			t.Errorf("%s is %v, %v, want %s", field, got, err, want)
		}
	}
	if _, err := o.Get("setNose"); err == nil {
		t.Error("it has a field that it has not")
	}

	// The UberDOG keeps nothing, and hears everything that is for it.
	login := s.a.Schema().Class("Login")
	update := s.pack(uint32(4665), uint16(login.FieldByName("login").Number()), uint16(1), byte('a'))
	s.send(4665, md.StateServerObjectSetField, update)
	s.expect("to the UberDOG", `4665.login(name = "a") of 5`)
	s.send(4665, md.StateServerObjectSetField, s.pack(uint32(4666), uint16(0)))
	s.send(4665, 4711, []byte{1})
	s.expect("not for the UberDOG", "4711 of 5: 01")

	// Sight: in, changed, moved within, out; an object of this AI is not shown.
	place := md.LocationChannel(1000, 7)
	enter := append(s.pack(uint32(3000), uint32(1000), uint32(7), avatar), 1, 0, 'A', 1, 0, 2, 0)
	s.send(place, md.StateServerObjectEnterLocationWithRequired, enter)
	s.send(place, md.StateServerObjectEnterLocationWithRequired, enter)
	s.send(place, md.StateServerObjectEnterLocationWithRequired, append(s.pack(uint32(2000), uint32(1000), uint32(7), avatar), 1, 0, 'A', 1, 0, 2, 0))
	s.expect("entering", "seen 3000")
	if name, err := s.a.Object(3000).Get("setName"); fmt.Sprint(name) != "[A]" || err != nil {
		t.Errorf("its name is %v, %v", name, err)
	}
	s.send(place, md.StateServerObjectSetField, s.pack(uint32(3000), "wave=(3)"))
	s.send(place, md.StateServerObjectChangingLocation, s.pack(uint32(3000), uint32(1000), uint32(8), uint32(1000), uint32(7)))
	s.expect("leaving", "3000.wave(3) of 5", "3000 is gone")
	if s.a.Object(3000) != nil {
		t.Error("it is still seen")
	}
	s.send(place, md.StateServerObjectEnterLocationWithRequired, enter)
	s.send(place, md.StateServerObjectDeleteRAM, s.pack(uint32(3000)))
	s.expect("coming again", "seen 3000", "3000 is gone")

	// Its own object moved by others, and deleted, and taken away.
	s.send(me, md.StateServerObjectChangingLocation, s.pack(uint32(2000), uint32(1000), uint32(2), uint32(1000), uint32(1)))
	s.expect("moved", "2000 moved from {1000 1}")
	s.send(me, md.StateServerObjectChangingAI, s.pack(uint32(2000), me, uint64(0)))
	s.send(me, md.StateServerObjectChangingAI, s.pack(uint32(9), uint64(8), me))
	s.expect("given to itself")
	s.send(me, md.StateServerObjectChangingAI, s.pack(uint32(2000), uint64(8), me))
	s.expect("given away", "2000 is gone")
	if s.a.Object(2000) != nil {
		t.Error("it still has it")
	}
	s.send(me, md.StateServerObjectEnterAIWithRequiredOther,
		append(s.pack(uint32(2001), uint32(1000), uint32(2), avatar), append([]byte{1, 0, 'A', 1, 0, 2, 0}, s.pack(uint16(1), "setHat=(5)")...)...))
	s.expect("adopted", "adopted 2001")
	if hat, err := s.a.Object(2001).Get("setHat"); fmt.Sprint(hat) != "[5]" || err != nil {
		t.Errorf("its hat is %v, %v", hat, err)
	}
	s.send(me, md.StateServerObjectDeleteRAM, s.pack(uint32(2001)))
	s.expect("deleted", "2001 is gone")

	// Answers count once, for their context, and when they are what was asked for.
	s.send(me, md.StateServerObjectGetAIResp, s.pack(uint32(1), uint32(3000), uint64(9)))
	s.send(me, md.StateServerObjectGetLocationResp, s.pack(uint32(99), uint32(3000), uint32(5), uint32(6)))
	s.expect("other answers")
	s.send(me, md.StateServerObjectGetLocationResp, s.pack(uint32(2), uint32(3000), uint32(5), uint32(6)))
	s.send(me, md.StateServerObjectGetLocationResp, s.pack(uint32(2), uint32(3000), uint32(5), uint32(6)))
	s.expect("the answer", "3000 is at {5 6}, <nil>")
	s.send(me, md.ClientAgentDoneInterestResp, s.pack(uint64(77), uint16(3)))
	s.send(me, 4711, []byte{1, 2})
	s.expect("the rest", "77 has interest 3", "4711 of 5: 0102")
	if s.log.Len() > 0 && strings.Count(s.log.String(), "\n") != 1 { // what was for UberDOG 4666
		t.Errorf("the log is %s", &s.log)
	}
}

// What makes no sense has no effect but a line in the log.
func TestReceiveNonsense(t *testing.T) {
	s := newStage(t)
	me, place := s.a.Channel(), md.LocationChannel(1000, 7)
	values := []byte{1, 0, 'A', 1, 0, 2, 0}
	for _, m := range []struct {
		name    string
		to      uint64
		typ     md.Type
		payload []byte
	}{
		{"an update without doId", me, md.StateServerObjectSetField, []byte{1, 2, 3}},
		{"an update without field", me, md.StateServerObjectSetField, s.pack(uint32(2000))},
		{"an unknown field", me, md.StateServerObjectSetField, s.pack(uint32(2000), uint16(99), uint32(0))},
		{"a field of another class", me, md.StateServerObjectSetField, s.pack(uint32(2000), uint16(0), uint32(0))},
		{"a value cut short", me, md.StateServerObjectSetField, s.pack(uint32(2000), uint16(s.a.Schema().Class("Avatar").FieldByName("setPos").Number()), uint8(0))},
		{"several, and none is there", me, md.StateServerObjectSetFields, s.pack(uint32(2000), uint16(3))},
		{"an update of another UberDOG", 4665, md.StateServerObjectSetField, s.pack(uint32(4666), uint16(0))},
		{"an update of the UberDOG without doId", 4665, md.StateServerObjectSetField, []byte{1}},
		{"an update of the UberDOG, cut short", 4665, md.StateServerObjectSetField, s.pack(uint32(4665), uint16(0), uint8(9))},
		{"entering cut short", place, md.StateServerObjectEnterLocationWithRequired, s.pack(uint32(3000), uint32(1000))},
		{"entering without values", place, md.StateServerObjectEnterLocationWithRequired, s.pack(uint32(3000), uint32(1000), uint32(7), avatar)},
		{"entering of no class", place, md.StateServerObjectEnterLocationWithRequired, s.pack(uint32(3000), uint32(1000), uint32(7), uint16(99))},
		{"entering with a field that is none", place, md.StateServerObjectEnterLocationWithRequiredOther,
			append(append(s.pack(uint32(3000), uint32(1000), uint32(7), avatar), values...), 1, 0, 99, 0)},
		{"entering with a count that is a lie", place, md.StateServerObjectEnterLocationWithRequiredOther,
			append(append(s.pack(uint32(3000), uint32(1000), uint32(7), avatar), values...), 0xff, 0xff)},
		{"an interest's answer without context", me, md.StateServerObjectEnterInterestWithRequired, []byte{1}},
		{"adopting cut short", me, md.StateServerObjectEnterAIWithRequired, s.pack(uint32(3000), uint32(1000), uint32(7), avatar, uint8(1))},
		{"adopting of no class", me, md.StateServerObjectEnterAIWithRequired, s.pack(uint32(3000), uint32(1000), uint32(7), uint16(99))},
		{"deleting nothing", me, md.StateServerObjectDeleteRAM, []byte{1}},
		{"moving cut short", me, md.StateServerObjectChangingLocation, s.pack(uint32(2000), uint32(1))},
		{"another AI, cut short", me, md.StateServerObjectChangingAI, s.pack(uint32(2000), uint32(1))},
		{"an answer without context", me, md.StateServerObjectGetLocationResp, []byte{1}},
		{"the end of an interest, cut short", me, md.ClientAgentDoneInterestResp, []byte{1}},
	} {
		s.log.Reset()
		s.send(m.to, m.typ, m.payload)
		s.expect(m.name)
		if !strings.Contains(s.log.String(), "ignored a message") {
			t.Errorf("%s: the log says nothing", m.name)
		}
		if s.a.Object(3000) != nil || s.a.Object(2000) == nil || s.a.Object(2000).Location() != (Location{1000, 1}) {
			t.Errorf("%s: something has changed", m.name)
		}
	}
	// An answer that is cut short is one.
	s.send(me, md.StateServerObjectGetLocationResp, s.pack(uint32(2), uint32(3000)))
	if len(s.told) != 1 || !strings.Contains(s.told[0], "3000 is at {0 0}, ") || strings.HasSuffix(s.told[0], "<nil>") {
		t.Errorf("told is %v", s.told)
	}
}

// Objects keep the order of their creation, whichever of them go.
func TestOrder(t *testing.T) {
	s := newStage(t)
	s.a.Do(func() {
		for i := range uint32(40) {
			if _, err := s.a.Create(Create{Class: "District", DoID: 5000 + i}); err != nil {
				t.Fatal(err)
			}
		}
		want := []uint32{2000, 4665}
		for i := range uint32(40) {
			if i%4 == 1 {
				want = append(want, 5000+i)
			} else if err := s.a.Object(5000 + i).Delete(); err != nil {
				t.Fatal(err)
			}
		}
		o := s.a.Object(5001)
		if err := o.Delete(); err != nil || o.Delete() == nil || !o.Gone() {
			t.Errorf("deleting: %v", err)
		}
		want = slices.DeleteFunc(want, func(id uint32) bool { return id == 5001 })
		var got []uint32
		for o := range s.a.Objects() {
			got = append(got, o.ID())
		}
		if !slices.Equal(got, want) || len(s.a.order) > 30 {
			t.Errorf("the objects are %v of %d, want %v", got, len(s.a.order), want)
		}
	})
}

// spy keeps what the AI sends to a state server.
type spy struct {
	md.Participant
	got []string
}

func (p *spy) Receive(m *md.Message) { p.got = append(p.got, fmt.Sprintf("%v %x", m.Type, m.Payload)) }

// An object is made with its required fields, in their order, and the others that
// have a value.
func TestCreateMessages(t *testing.T) {
	s, p := newStage(t), new(spy)
	p.Receiver = p
	s.a.Do(func() {
		for _, ch := range []uint64{DefaultStateServer, 5000} {
			if err := s.a.director.Subscribe(&p.Participant, ch); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.a.Create(Create{Class: "Avatar", DoID: 5000, Parent: 1000, Zone: 7, Owner: 9, Fields: map[string]any{"setPos": []any{1, 2}, "setHat": 3}})
		if err != nil {
			t.Fatal(err)
		}
	})
	hat := s.pack("setHat=(3)")
	want := []string{
		fmt.Sprintf("STATESERVER_CREATE_OBJECT_WITH_REQUIRED_OTHER %x", append(append(s.pack(uint32(5000), uint32(1000), uint32(7), avatar), 0, 0, 1, 0, 2, 0, 1, 0), hat...)),
		fmt.Sprintf("STATESERVER_OBJECT_SET_AI %x", s.pack(s.a.Channel())),
		fmt.Sprintf("STATESERVER_OBJECT_SET_OWNER %x", s.pack(uint64(9))),
	}
	if !slices.Equal(p.got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(p.got, "\n"), strings.Join(want, "\n"))
	}
}

// FuzzReceive lets a cluster send an AI what it likes. Nothing may panic, handlers
// get only what was checked, and the AI's books agree with each other.
// Clients whose session objects went with the link are told when it is back, in
// case that the cluster could not: its state server may be a new one.
func TestSessionsEndWithTheirObjects(t *testing.T) {
	s := newStage(t)
	ear := &spy{}
	ear.Receiver = ear
	const client = 1_000_000_000
	s.a.Do(func() {
		if err := s.a.director.Subscribe(&ear.Participant, client); err != nil {
			t.Fatal(err)
		}
		if _, err := s.a.Create(Create{Class: "Avatar", DoID: 2001, Parent: 1000, Zone: 1}); err != nil {
			t.Fatal(err)
		}
		c := s.a.Session(client)
		c.AddSessionObject(2000)
		c.AddSessionObject(2001)
		c.RemoveSessionObject(2001)
	})
	ear.got = nil
	s.a.Do(func() {
		s.a.changed(false)
		s.a.changed(true)
		s.a.changed(false)
		s.a.changed(true)
	})
	if want := []string{"STATESERVER_OBJECT_DELETE_RAM d0070000"}; !slices.Equal(ear.got, want) {
		t.Errorf("the client's agent hears %q, want %q", ear.got, want)
	}
	if s.a.objects[2000] != nil || s.a.objects[2001] == nil {
		t.Error("the AI has other objects")
	}
}

func FuzzReceive(f *testing.F) {
	seeds := &stage{t: f}
	schema, err := parsed()
	if err != nil {
		f.Fatal(err)
	}
	seeds.a = &AI{config: Config{Schema: schema}}
	add := func(to byte, t md.Type, payload []byte) {
		f.Add(append(binary.LittleEndian.AppendUint16([]byte{to}, uint16(len(payload))), append(binary.LittleEndian.AppendUint16(nil, uint16(t)), payload...)...))
	}
	add(0, md.StateServerObjectSetFields, seeds.pack(uint32(2000), uint16(2), "setPos=(3, 4)", "setXY=(6, 7)"))
	add(1, md.StateServerObjectSetField, []byte{0x39, 0x12, 0, 0, 0, 0, 1, 0, 'a'})
	add(2, md.StateServerObjectEnterLocationWithRequiredOther, append(seeds.pack(uint32(3000), uint32(1000), uint32(7), avatar), append([]byte{1, 0, 'A', 1, 0, 2, 0}, seeds.pack(uint16(1), "setHat=(5)")...)...))
	add(0, md.StateServerObjectEnterInterestWithRequired, append(seeds.pack(uint32(1), uint32(3000), uint32(1000), uint32(7), avatar), 1, 0, 'A', 1, 0, 2, 0))
	add(0, md.StateServerObjectEnterAIWithRequired, append(seeds.pack(uint32(3001), uint32(1000), uint32(7), avatar), 1, 0, 'A', 1, 0, 2, 0))
	add(0, md.StateServerObjectChangingAI, seeds.pack(uint32(2000), uint64(8), uint64(0)))
	add(0, md.StateServerObjectChangingLocation, seeds.pack(uint32(2000), uint32(1000), uint32(7), uint32(1000), uint32(1)))
	add(0, md.StateServerObjectDeleteRAM, seeds.pack(uint32(2000)))
	add(0, md.StateServerObjectGetZonesCountResp, seeds.pack(uint32(1), uint32(0)))
	add(0, md.StateServerObjectGetLocationResp, seeds.pack(uint32(2), uint32(3000), uint32(5), uint32(6)))
	add(0, md.ClientAgentDoneInterestResp, seeds.pack(uint64(77), uint16(3)))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStage(t)
		for len(b) >= 5 {
			to := []uint64{s.a.Channel(), 4665, md.LocationChannel(1000, 7)}[b[0]%3]
			n := min(int(binary.LittleEndian.Uint16(b[1:])), len(b)-5)
			s.send(to, md.Type(binary.LittleEndian.Uint16(b[3:])), b[5:5+n])
			b = b[5+n:]
		}
		there := 0
		for o := range s.a.Objects() {
			there++
			if s.a.objects[o.ID()] != o || o.Gone() || s.a.order[o.at] != o {
				t.Errorf("the object %d is not where it should be", o.ID())
			}
		}
		if there != len(s.a.objects) {
			t.Errorf("%d objects in order, %d by doId", there, len(s.a.objects))
		}
		for id, o := range s.a.seen {
			if o.ID() != id || o.Gone() || o.Location() != (Location{1000, 7}) {
				t.Errorf("it sees %d at %v", id, o.Location())
			}
		}
	})
}

// What an object's owner, AI and handler are changed to counts.
func TestChanges(t *testing.T) {
	s, p := newStage(t), new(spy)
	p.Receiver = p
	other := newStage(t)
	s.a.Do(func() {
		if err := s.a.director.Subscribe(&p.Participant, 2000); err != nil {
			t.Fatal(err)
		}
		o := s.a.Object(2000)
		for _, err := range []error{o.SetOwner(9), o.Move(1000, 3), o.SetAI(s.a.Channel())} {
			if err != nil {
				t.Error(err)
			}
		}
		if o.Owner() != 9 || o.Location() != (Location{1000, 3}) || !o.Managed() {
			t.Errorf("it is of %d at %v", o.Owner(), o.Location())
		}
		o.SetHandler(other)
		if err := o.SetAI(77); err != nil || o.Managed() || s.a.Object(2000) != nil {
			t.Errorf("given away: %v", err)
		}
	})
	want := []string{
		fmt.Sprintf("STATESERVER_OBJECT_SET_OWNER %x", s.pack(uint64(9))),
		fmt.Sprintf("STATESERVER_OBJECT_SET_LOCATION %x", s.pack(uint32(1000), uint32(3))),
		fmt.Sprintf("STATESERVER_OBJECT_SET_AI %x", s.pack(s.a.Channel())),
		fmt.Sprintf("STATESERVER_OBJECT_SET_AI %x", s.pack(uint64(77))),
	}
	if !slices.Equal(p.got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(p.got, "\n"), strings.Join(want, "\n"))
	}
	s.expect("the old handler")
	other.expect("the new one", "2000 is gone")

	s.a.Do(func() {
		for want, id := range map[string]uint32{"belongs to the protocol": 5, "is in use": 4665} {
			if _, err := s.a.UberDOG(id, "Login", nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("an UberDOG %d: %v", id, err)
			}
		}
		if _, err := s.a.UberDOG(4666, "Nothing", nil); err == nil {
			t.Error("an UberDOG of no class")
		}
		for o := range s.a.Objects() {
			if o.ID() != 4665 {
				t.Errorf("there is %d", o.ID())
			}
			break
		}
	})
}

// Interests may overlap, and what none of them has any more leaves; objects of
// the AI itself are not shown, and what it says of them does not come back.
func TestInterests(t *testing.T) {
	s := newStage(t)
	me := s.a.Channel()
	enter := func(id, zone uint32) {
		s.send(md.LocationChannel(1000, zone), md.StateServerObjectEnterLocationWithRequired,
			append(s.pack(id, uint32(1000), zone, avatar), 1, 0, 'A', 1, 0, 2, 0))
	}
	var i *Interest
	s.a.Do(func() {
		i = s.a.Watch(1000, []uint32{8, 7, 8}, func(o *Object) any { s.tell("seen %d, too", o.ID()); return nil }, nil)
		if !slices.Equal(i.Zones(), []uint32{7, 8}) || i.Parent() != 1000 {
			t.Errorf("it is in %v of %d", i.Zones(), i.Parent())
		}
	})
	enter(3000, 7)
	enter(3001, 8)
	s.expect("two interests", "seen 3000", "seen 3001, too")
	s.send(md.LocationChannel(1000, 8), md.StateServerObjectSetField, s.pack(uint32(3001), "wave=(1)")) // it has no handler
	s.send(me, md.StateServerObjectSetField, s.pack(uint32(9999), "wave=(1)"))
	s.expect("an update of nobody", fmt.Sprintf("%d of 5: %x", md.StateServerObjectSetField, s.pack(uint32(9999), "wave=(1)")))
	s.a.Do(func() {
		i.Close()
		i.Close()
	})
	if s.a.Object(3001) != nil || s.a.Object(3000) == nil {
		t.Error("the closed interest's object is there, or that of the other one is not")
	}
	enter(3002, 8)
	enter(3003, 7)
	s.expect("what is left", "seen 3003")

	// By the interest comes what the AI itself has sent.
	s.a.Do(func() {
		if err := s.a.Object(2000).Move(1000, 7); err != nil {
			t.Error(err)
		}
	})
	enter(2000, 7)
	var b md.Batch
	b.From(&s.peer)
	b.Begin(md.StateServerObjectSetField, me, md.LocationChannel(1000, 7)).Bytes(s.pack(uint32(2000), "setPos=(8, 8)"))
	_ = b.End()
	b.Begin(md.StateServerObjectChangingLocation, me, md.LocationChannel(1000, 7)).Bytes(s.pack(uint32(2000), uint32(1000), uint32(9), uint32(1000), uint32(7)))
	_ = b.End()
	s.a.director.Post(&b)
	s.expect("its own words")
}
