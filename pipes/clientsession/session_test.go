package clientsession

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

func TestConfig(t *testing.T) {
	alone, err := dc.Options{NoMultipleInheritance: true}.Parse(dc.Source{Name: "a.dc", Text: []byte("dclass A { a(); }; dclass B { b(); };")})
	if err != nil {
		t.Fatal(err)
	}
	s := schema(t)
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{}, "Schema is missing"},
		{Config{Schema: alone}, "multiple inheritance"},
		{Config{Schema: s, Password: "\xff"}, "Password"},
		{Config{Schema: s, Password: strings.Repeat("x", 1<<16)}, "Password"},
		{Config{Schema: s, InterpRatio: math.NaN()}, "pipes-interp-ratio"},
		{Config{Schema: s, Interp: time.Hour}, "pipes-interp is 3600"},
		{Config{Schema: s, Clock: netclock.Settings{CatchUp: time.Second}}, "Config.Clock"},
	} {
		if _, err := New(c.config, sink{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want something of %s", c.config, err, c.want)
		}
	}
	none := Config{Schema: s, Interp: -1, InterpRatio: -1, PingInterval: -1, HelloTimeout: -1, SilentTimeout: -1, MaxObjects: -1, MaxBytes: -1, MaxHeld: -1, MaxCommands: -1}
	session, err := New(none, sink{})
	if err != nil {
		t.Fatal(err)
	}
	session.Start(epoch)
	session.Receive(epoch, [][]byte{accepted(t)})
	now := epoch
	for range 100 {
		now = now.Add(time.Second)
		session.Frame(now)
	}
	// Without any delay there is one tick still.
	if err := session.Err(); err != nil || session.InterpolationDelay() != 1/66.0 || session.pings.due != (time.Time{}) {
		t.Errorf("%v, delay %v", err, session.InterpolationDelay())
	}
}

// TestClock lets snapshots hold the clock to a server whose ticks are 3 % longer
// than it says, also when they wait in a queue of the caller's.
func TestClock(t *testing.T) {
	for _, extended := range []bool{false, true} {
		s, _ := play(t, extended, Config{})
		st := &stage{schema: schema(t), session: s}
		ticks, frames, before := 0, 0, s.Clock().Tick()
		interval := time.Second * 103 / 6600
		var waiting [][]byte
		var arrived []time.Time
		nextFrame := epoch
		for i := range 600 {
			now := epoch.Add(time.Duration(i) * interval)
			line := fmt.Sprintf("tick %d delta", 102+i)
			if extended {
				line = fmt.Sprintf("part 2 %d %d first last", 102+i, i+1)
			}
			waiting, arrived = append(waiting, encode(t, st, line)), append(arrived, now)
			if nextFrame.After(now) {
				continue
			}
			for k := range waiting {
				s.Receive(arrived[k], waiting[k:k+1])
			}
			waiting, arrived = nil, nil
			ticks += s.Frame(now)
			frames++
			nextFrame = nextFrame.Add(40 * time.Millisecond)
			if off := math.Abs(s.Clock().Offset()); i > 100 && off > 0.06 {
				t.Fatalf("extended %v: the clock is off by %v at tick %d", extended, off, i)
			}
		}
		if s.Err() != nil || s.Clock().Snaps() > 1 || s.stats.Snapshots < 590 {
			t.Errorf("extended %v: %v, %d snaps, %d snapshots", extended, s.Err(), s.Clock().Snaps(), s.stats.Snapshots)
		}
		if d := int(s.Clock().Tick()-before) - ticks; d < -11 || d > 11 {
			t.Errorf("extended %v: %d ticks in %d frames, the clock went by %d", extended, ticks, frames, s.Clock().Tick()-before)
		}
	}
}

func TestInterpolationDelay(t *testing.T) {
	s, _ := begin(t, Config{})
	if s.InterpolationDelay() != 0 {
		t.Error("a delay before the welcome")
	}
	st := &stage{schema: schema(t), session: s}
	s.Receive(epoch, [][]byte{encode(t, st, "accept 1 100 0 10 40 extended")})
	// Two intervals of 100 ms are more than 100 ms; and a tick.
	if d := s.InterpolationDelay(); math.Abs(d-0.21) > 1e-9 || s.UpdateRate() != 10 || s.CommandRate() != 40 {
		t.Errorf("delay %v at %d and %d per second", d, s.UpdateRate(), s.CommandRate())
	}
	s.Receive(epoch, [][]byte{encode(t, st, "rates 1 30")})
	if d := s.InterpolationDelay(); math.Abs(d-2.01) > 1e-9 {
		t.Errorf("delay %v at 1 per second", d)
	}
	s.config.InterpRatio = 100
	s.Receive(epoch, [][]byte{encode(t, st, "rates 1 30")})
	if d := s.InterpolationDelay(); d != 60 {
		t.Errorf("delay %v for 100 intervals of a second", d)
	}
	s.config.InterpRatio = 2
	s.Receive(epoch, [][]byte{encode(t, st, "rates 50 30")})
	if d := s.InterpolationDelay(); math.Abs(d-0.11) > 1e-9 || s.UpdateRate() != 50 || s.CommandRate() != 30 {
		t.Errorf("delay %v at %d and %d per second", d, s.UpdateRate(), s.CommandRate())
	}
}

// TestFullQueue lets acknowledgements and pings wait for a transport that takes
// nothing.
func TestFullQueue(t *testing.T) {
	for _, extended := range []bool{false, true} {
		s, _ := play(t, extended, Config{})
		st := &stage{schema: schema(t), session: s, full: true}
		s.out = ear{st}
		line, ack := "tick 110", "ack 110 frame 1s"
		if extended {
			line, ack = "part 2 110 1 first last", "ack delay 2s parts 1 latest"
		}
		s.Receive(epoch, [][]byte{encode(t, st, line)})
		s.Frame(epoch.Add(time.Second))
		st.full = false
		s.Frame(epoch.Add(2 * time.Second))
		if len(st.sent) != 2 || st.sent[0] != ack || !strings.HasPrefix(st.sent[1], "ping") {
			t.Errorf("extended %v: sent %q", extended, st.sent)
		}
	}
}

// TestInterestHalfSent has the transport refuse the second message of a change.
func TestInterestHalfSent(t *testing.T) {
	s, _ := play(t, false, Config{})
	st := &stage{schema: schema(t), session: s}
	s.out = &fewer{n: 1}
	zones := make([]uint32, 300)
	if id, err := s.AddZones(zones...); !errors.Is(err, transport.ErrFull) || id != 0 {
		t.Errorf("change %d, %v", id, err)
	}
	s.out = &fewer{n: 9}
	id, err := s.AddZones(zones...)
	if err != nil {
		t.Fatal(err)
	}
	st.seen = nil
	s.events = sight{st}
	for handle := range 5 {
		s.Receive(epoch, [][]byte{encode(t, st, fmt.Sprintf("complete %d", handle))})
	}
	if len(st.seen) != 1 || st.seen[0] != fmt.Sprintf("complete %d", id) || len(s.interests.byHandle) != 0 || len(s.interests.left) != 0 {
		t.Errorf("%q, %v, %v", st.seen, s.interests.byHandle, s.interests.left)
	}
}

// fewer takes so many messages and no more.
type fewer struct{ n int }

func (f *fewer) Send(transport.Message) error {
	if f.n--; f.n < 0 {
		return transport.ErrFull
	}
	return nil
}

func TestHandlesAdvance(t *testing.T) {
	k := interests{next: 1, byHandle: map[uint16]uint32{}}
	for want := range uint16(255) {
		if h := k.free(255); h != want+1 {
			t.Fatalf("handle %d, want %d", h, want+1)
		}
	}
	k.byHandle[1], k.byHandle[2] = 1, 1
	if h := k.free(255); h != 3 {
		t.Errorf("handle %d, where 1 and 2 are used", h)
	}
	k.next = 65535
	if a, b := k.free(65535), k.free(65535); a != 65535 || b != 3 {
		t.Errorf("handles %d and %d", a, b)
	}
}

func TestEnds(t *testing.T) {
	for err, code := range map[error]transport.Code{
		ErrServer: transport.CodeProtocol, ErrTimeout: transport.CodeTimeout, ErrDisconnected: transport.CodeNormal, ErrRejected: transport.CodeNormal,
	} {
		if got := CloseCode(fmt.Errorf("because: %w", err)); got != code {
			t.Errorf("%v: %v", err, got)
		}
	}
	// Nothing happens in a session that has ended.
	s, w := play(t, true, Config{})
	s.Disconnect()
	s.Disconnect()
	s.ConnectionClosed(errors.New("later"))
	s.Receive(epoch, [][]byte{{9, 0}})
	if s.Frame(epoch.Add(time.Second)) != 0 || !errors.Is(s.Err(), ErrDisconnected) || w.closed != 1 || s.Welcomed() {
		t.Errorf("%v, told of %d ends", s.Err(), w.closed)
	}
	if err := s.SetRates(1, 1); !errors.Is(err, ErrNotWelcomed) {
		t.Error(err)
	}
}

// TestTooLong has a transport that takes unreliable messages of 20 bytes and
// reliable ones of 50.
func TestTooLong(t *testing.T) {
	long, err := dc.Parse(dc.Source{Name: "a.dc", Text: []byte("keyword unreliable; dclass A { say(blob) clsend unreliable; tell(blob) clsend; };")})
	if err != nil {
		t.Fatal(err)
	}
	out := &short{}
	s, err := New(Config{Schema: long, CommandRate: 1}, out)
	if err != nil {
		t.Fatal(err)
	}
	s.Start(epoch)
	s.Receive(epoch, [][]byte{accepted(t), {13, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0}})
	send := func(method string, n int) error { return s.Send(9, method, make([]byte, n)) }
	for _, err := range []error{send("say", 1), send("say", 30), send("tell", 1), send("tell", 1)} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := send("say", 90); !errors.Is(err, transport.ErrTooLarge) {
		t.Error(err)
	}
	if err := send("tell", 1); err != nil {
		t.Error(err)
	}
	if err := send("tell", 90); err != nil {
		t.Errorf("it waits for the rate: %v", err)
	}
	s.Frame(epoch.Add(10 * time.Second))
	if fmt.Sprint(out.modes) != fmt.Sprint([]transport.Mode{transport.Unreliable, 0, 0, 0, 0}) || s.stats.CommandsRefused != 1 {
		t.Errorf("%v, %+v", out.modes, s.stats)
	}
}

// short takes short messages, and notes how the methods among them go.
type short struct{ modes []transport.Mode }

func (o *short) Send(m transport.Message) error {
	if m.Data[0] != byte(wire.BObjectMessage) {
		return nil
	}
	if len(m.Data) > 50 || m.Mode != transport.Reliable && len(m.Data) > 20 {
		return transport.ErrTooLarge
	}
	o.modes = append(o.modes, m.Mode)
	return nil
}

func TestSend(t *testing.T) {
	s, _ := play(t, true, Config{})
	st := &stage{schema: schema(t), session: s}
	s.out = ear{st}
	s.Object(7).owner = true
	for _, c := range []struct {
		err  string
		call error
	}{
		{"", s.Send(7, "emote", 3)},
		{"no object 9", s.Send(9, "emote", 3)},
		{`no field "dance"`, s.Send(7, "dance")},
		{"emote", s.Send(7, "emote", 300)},
		{"", s.SendPacked(8, s.Object(8).Class().FieldByName("kick"), []byte{1, 0, 2, 0})},
		{"kick", s.SendPacked(8, s.Object(8).Class().FieldByName("kick"), []byte{1, 0, 2})},
		{"no field", s.SendPacked(8, s.Object(8).Class().FieldByName("kik"), []byte{1, 0, 2, 0})},
		// Servers let it pass without effect, and nobody would know.
		{"finite", s.Send(7, "move", 0, math.NaN(), 0, 0)},
		{"finite", s.Send(7, "move", 0, 0, math.Inf(-1), 0)},
	} {
		if (c.call == nil) != (c.err == "") || c.call != nil && !strings.Contains(c.call.Error(), c.err) {
			t.Errorf("%v, want %q", c.call, c.err)
		}
	}
	want := []string{"call 7 DistributedAvatar.emote (which = 3)", "call 8 DistributedBall.kick (dx = 0.01, dy = 0.02)"}
	if fmt.Sprint(st.sent) != fmt.Sprint(want) {
		t.Errorf("%q", st.sent)
	}
}
