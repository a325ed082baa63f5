package clientsession

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/culm-net/culm/pipes/wire"
)

var epoch = time.Unix(1000, 0)

// begin makes a session whose hello is sent.
func begin(tb testing.TB, c Config) (*Session, *watcher) {
	tb.Helper()
	w := &watcher{}
	c.Schema, c.Events = schema(tb), w
	c.Authenticate = func(s *Session, request []byte) { _ = s.Answer(request) }
	s, err := New(c, sink{})
	if err != nil {
		tb.Fatal(err)
	}
	w.session = s
	s.Start(epoch)
	return s, w
}

// play makes a session in either dialect with two objects: avatar 7, and ball 8
// which is the client's.
func play(tb testing.TB, extended bool, c Config) (*Session, *watcher) {
	tb.Helper()
	s, w := begin(tb, c)
	st := &stage{schema: s.config.Schema, session: s}
	lines := []string{"accept 1 66 100",
		`generate DistributedAvatar 7 1 ; DistributedAvatar.name "ann"`,
		"generate-owner DistributedBall 8 1 ; DistributedBall.x 2"}
	if extended {
		lines = []string{"accept 1 66 100 20 100 extended",
			`generate 1 101 DistributedAvatar 7 1 ; DistributedAvatar.name "ann"`,
			"generate-owner 2 101 DistributedBall 8 1 ; DistributedBall.x 2"}
	}
	for _, line := range lines {
		s.Receive(epoch, [][]byte{encode(tb, st, line)})
	}
	if s.Err() != nil || s.Object(7) == nil || s.Object(8) == nil {
		tb.Fatalf("the game does not begin: %v", s.Err())
	}
	return s, w
}

func encode(tb testing.TB, st *stage, line string) []byte {
	tb.Helper()
	b, err := st.encode(line)
	if err != nil {
		tb.Fatalf("%s: %v", line, err)
	}
	return b
}

// What a server says, in all kinds: before the welcome, while authenticating, and
// after the welcome in both dialects.
var (
	helloLines = []string{"accept 1 66 100 20 100 extended", "reject wrong password", "wants-proof extended"}
	authLines  = []string{"asks name", "accept-proven 1 66 100 20 100 extended", "reject-proven no"}
	plainLines = []string{
		`tick 101 ; 7 DistributedAvatar | hp 80 | name "bob" ; 8 DistributedBall | x 2`,
		`generate DistributedAvatar 9 2 ; DistributedAvatar.name "ann" ; calls ; DistributedAvatar.setTeam (2)`,
		`generate-owner DistributedChat 7 2`,
		`generate DistributedAvatar 9 2 bare ; calls ; DistributedAvatar.setTeam (2)`,
		"disable 7", "delete 8", "complete 1",
		`call 7 ; DistributedAvatar.emote (2)`,
		`call 7 ; DistributedAvatar.move (1, 2, 3, 4)`,
	}
	extendedLines = []string{
		`part 2 102 1 first last ; 7 DistributedAvatar zone 3 | name "bob" | hp 80 ; 8 DistributedBall | x 2 ; 99 DistributedBall | x 2`,
		`part 3 103 2 first last partial ; 9 DistributedAvatar zone 1 | name "bob"`,
		`generate 3 102 DistributedAvatar 9 2 ; DistributedAvatar.name "ann" ; calls ; DistributedAvatar.setTeam (2)`,
		`generate-owner 4 102 DistributedAvatar 10 2 bare ; calls ; DistributedAvatar.setTeam (2)`,
		"remove 5 102 7 deleted", "remove 6 102 8", "zone 7 102 7 4", "complete 1", "rates 20 30", "pong 1",
		`call tick 101 101 7 ; DistributedAvatar.emote (2)`,
		`call tick 109 108 7 ; DistributedAvatar.move (1, 2, 3, 4)`,
	}
)

// TestTruncated sends every message cut at every byte.
func TestTruncated(t *testing.T) {
	for _, group := range []struct {
		name  string
		lines []string
		begin func() (*Session, *watcher)
		// The mark of the extension, cut, is nobody's.
		mayGo func(cut []byte) bool
	}{
		{"hello", helloLines, func() (*Session, *watcher) { return begin(t, Config{}) },
			func(cut []byte) bool { return len(cut) >= 4 && len(cut) < 4+7+4 && cut[2] == 1 }},
		{"authentication", authLines, func() (*Session, *watcher) {
			s, w := begin(t, Config{})
			s.Receive(epoch, [][]byte{encode(t, &stage{session: s}, "wants-proof extended")})
			return s, w
		}, nil},
		{"plain", plainLines, func() (*Session, *watcher) { return play(t, false, Config{}) }, nil},
		{"extended", extendedLines, func() (*Session, *watcher) { return play(t, true, Config{}) }, nil},
	} {
		for _, line := range group.lines {
			s, w := group.begin()
			whole := encode(t, &stage{schema: schema(t), session: s}, line)
			s.Receive(epoch, [][]byte{whole})
			if errors.Is(s.Err(), ErrServer) || w.check() != nil {
				t.Errorf("%s: %s: %v, %v", group.name, line, s.Err(), w.check())
			}
			for n := range whole {
				s, w := group.begin()
				before := s.stats.Ignored
				s.Receive(epoch, [][]byte{whole[:n]})
				s.Frame(epoch.Add(time.Second))
				if err := w.check(); err != nil {
					t.Errorf("%s: %s, cut at %d: %v", group.name, line, n, err)
				}
				// A stamp that is newer hides what is behind it until then.
				held := s.stats.Held > 0
				if !errors.Is(s.Err(), ErrServer) && !held && (group.mayGo == nil || !group.mayGo(whole[:n])) {
					t.Errorf("%s: %s, cut at %d: %v, ignored %d", group.name, line, n, s.Err(), s.stats.Ignored-before)
				}
			}
		}
	}
}

// TestFloods sends what could make a session grow.
func TestFloods(t *testing.T) {
	const n = 5000
	for _, flood := range []struct {
		name string
		msg  func(i uint32) []byte
		end  error
	}{
		{"objects", func(i uint32) []byte {
			b, _ := wire.Generate{Type: wire.ExtGenerate, Stamp: wire.Stamp{Structure: i + 3}, Class: schema(t).Class("DistributedChat"), DoID: i + 9, HasBaseline: true}.Append(nil)
			return b
		}, ErrLimit},
		{"objects without state", func(i uint32) []byte {
			b, _ := wire.Generate{Type: wire.ExtGenerate, Stamp: wire.Stamp{Structure: i + 3}, Class: schema(t).Class("DistributedBall"), DoID: i + 9}.Append(nil)
			return b
		}, ErrLimit},
		{"parts of the future", func(i uint32) []byte {
			return wire.Part{Stamp: wire.Stamp{Structure: 1 << 20, Tick: i}, Number: i + 1}.Append(nil)
		}, nil},
		{"parts of the future, backwards", func(i uint32) []byte {
			return wire.Part{Stamp: wire.Stamp{Structure: 1 << 20, Tick: i}, Number: math.MaxUint32 - i}.Append(nil)
		}, nil},
		{"messages of the future", func(i uint32) []byte {
			b, _ := wire.TickedMessage{Tick: 1 << 20, State: 1 << 20, ObjectMessage: wire.ObjectMessage{DoID: 7,
				Field: uint16(schema(t).Class("DistributedAvatar").FieldByName("emote").Number()), Args: []byte{1}}}.Append(nil)
			return b
		}, nil},
		{"parts far apart", func(i uint32) []byte {
			return wire.Part{Stamp: wire.Stamp{Structure: 2, Tick: i << 20}, Number: i<<20 + 1}.Append(nil)
		}, nil},
	} {
		s, w := play(t, true, Config{MaxObjects: 1000, MaxHeld: 10 << 10})
		for i := range uint32(n) {
			s.Receive(epoch, [][]byte{flood.msg(i)})
			if i%500 == 0 {
				s.Frame(epoch)
				if err := w.check(); err != nil {
					t.Fatalf("%s: %v", flood.name, err)
				}
			}
		}
		if err := w.check(); err != nil || !errors.Is(s.Err(), flood.end) {
			t.Errorf("%s: %v, ended with %v", flood.name, err, s.Err())
		}
	}
}

// TestLeavesInside ends the session from inside of each kind of event; nothing is
// told after that.
func TestLeavesInside(t *testing.T) {
	part := `part 2 102 1 first last ; 7 DistributedAvatar zone 3 | name "bob" ; 8 DistributedBall | x 3`
	for _, lines := range [][]string{
		extendedLines, {part}, {extendedLines[1], part, extendedLines[2]}, {extendedLines[11], extendedLines[11], part},
	} {
		for after := range 12 {
			s, w := begin(t, Config{})
			q := &quitter{watcher: w, after: after}
			s.events = q
			st := &stage{schema: s.config.Schema, session: s}
			for _, line := range append([]string{"accept 1 66 100 20 100 extended", `generate 1 101 DistributedAvatar 7 1`, "generate 2 101 DistributedBall 8 1"}, lines...) {
				if s.phase == greeted || s.phase == welcomed {
					s.Receive(epoch, [][]byte{encode(t, st, line)})
				}
			}
			if err := w.check(); err != nil {
				t.Errorf("%v, left in event %d: %v", lines, after, err)
			}
		}
	}
}

// quitter leaves in one of the events.
type quitter struct {
	*watcher
	after int
}

func (q *quitter) count() {
	if q.after--; q.after < 0 {
		q.session.Disconnect()
	}
}

func (q *quitter) Generated(o *Object)             { q.watcher.Generated(o); q.count() }
func (q *quitter) Announced(o *Object)             { q.watcher.Announced(o); q.count() }
func (q *quitter) Updating(o *Object)              { q.watcher.Updating(o); q.count() }
func (q *quitter) Updated(o *Object, fields []int) { q.watcher.Updated(o, fields); q.count() }
func (q *quitter) ZoneChanged(o *Object, f uint32) { q.watcher.ZoneChanged(o, f); q.count() }
func (q *quitter) Message(o *Object, m Message)    { q.watcher.Message(o, m); q.count() }
func (q *quitter) Removed(o *Object)               { q.watcher.Removed(o); q.count() }
func (q *quitter) Snapshot(s Snapshot) {
	if q.closed > 0 {
		q.fault("a snapshot after the end")
	}
	q.count()
}

// TestEarlyMessage gets an unreliable object message before the welcome, which it has
// overtaken: a server may show the client an object from the beginning.
func TestEarlyMessage(t *testing.T) {
	for _, plain := range []bool{true, false} {
		for _, authenticate := range []bool{true, false} {
			s, w := begin(t, Config{Plain: plain})
			st := &stage{schema: s.config.Schema, session: s}
			lines := []string{"call 7 ; DistributedAvatar.move (1, 2, 3, 4)", "accept 1 66 100", "generate DistributedAvatar 7 1"}
			if authenticate {
				lines = []string{"wants-proof", lines[0], "accept-proven 1 66 100", lines[2]}
			}
			for _, line := range lines {
				s.Receive(epoch, [][]byte{encode(t, st, line)})
			}
			if s.Err() != nil || s.Object(7) == nil || s.Stats().Ignored != 1 {
				t.Errorf("plain %v, authenticating %v: %v, %+v, %v", plain, authenticate, s.Err(), s.Stats(), w)
			}
		}
	}
}

// TestSilentAuthentication has a server ask for proof and then say nothing more.
func TestSilentAuthentication(t *testing.T) {
	s, _ := begin(t, Config{AuthTimeout: time.Minute})
	st := &stage{schema: s.config.Schema, session: s}
	s.Receive(epoch, [][]byte{encode(t, st, "wants-proof")})
	now := epoch
	for range 59 {
		now = now.Add(time.Second)
		s.Frame(now)
	}
	if s.Err() != nil {
		t.Fatalf("too soon: %v", s.Err())
	}
	s.Receive(now, [][]byte{encode(t, st, "asks name")})
	for range 60 {
		now = now.Add(time.Second)
		s.Frame(now)
	}
	if s.Err() != nil {
		t.Fatalf("too soon after a question: %v", s.Err())
	}
	s.Frame(now.Add(time.Second))
	if !errors.Is(s.Err(), ErrTimeout) {
		t.Errorf("after two minutes: %v", s.Err())
	}
}
