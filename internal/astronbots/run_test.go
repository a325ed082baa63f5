package astronbots

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/cluster"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const walkers = `
dclass Login { login(string(1-32) name) clsend; };
dclass Walker { setPos(int16 / 10 x, int16 / 10 y, uint32 t) required broadcast ownsend; };
dclass Runner { setName(string) required; setSpeed(uint8) ram broadcast; setPos(uint32 x, uint32 y) ram broadcast; };
`

const configuration = `
messagedirector: {bind: "127.0.0.1:0"}
uberdogs: [{id: 4665, class: Login, anonymous: true}]
roles:
  - {type: stateserver, control: 4002}
  - type: clientagent
    bind: 127.0.0.1:0
    channels: {min: 1000000000, max: 1000009999}
    client: {relocate: true}
`

// serve runs a cluster until the test ends, and returns what bots need for it.
func serve(t *testing.T) Config {
	t.Helper()
	schema, err := dc.Parse(dc.Source{Name: "walkers.dc", Text: []byte(walkers)})
	if err != nil {
		t.Fatal(err)
	}
	config, err := cluster.Parse("", []byte(configuration))
	if err != nil {
		t.Fatal(err)
	}
	config.Daemon.DrainGrace = 0
	server, err := cluster.New(config, schema, time.Second, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
	})
	dial := make(map[string]func(context.Context, transport.Handler) (transport.Conn, error))
	for _, p := range server.Parts() {
		if len(p.Addrs) > 0 {
			dial[p.Name] = func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
				conn, err := tcp.Dial(ctx, p.Addrs[0].String(), tcp.Config{}, h)
				if err != nil {
					return nil, err
				}
				return conn, nil
			}
		}
	}
	return Config{
		Schema: schema, Version: "dev", Hash: schema.Hash(), Dial: dial["clientagent"], DialAI: dial["messagedirector"],
		StateServer: 4002, FirstID: 900_000_000, Class: "Walker", Clients: 8, Walkers: -1, Rate: 50, Objects: 4, ObjectRate: 50, Zones: 1,
		For: time.Minute, Progress: io.Discard, enough: enough,
	}
}

// enough is when all has happened that was to happen, for a while.
func enough(r *run) bool {
	return time.Since(r.began) > 500*time.Millisecond && (r.Idle || r.deliveries() > 0) &&
		(r.Moves == 0 || r.relocations.Load() > 0) && (r.Churn == 0 && r.AIChurn == 0 || r.rejoins.Load() > 0)
}

func text(s *Summary) string {
	var b strings.Builder
	s.WriteText(&b)
	return b.String()
}

func TestRunSeesNoFaults(t *testing.T) {
	login := Login{ID: 4665, Class: "Login", Field: "login"}
	for name, change := range map[string]func(c *Config){
		"one zone":        func(*Config) {},
		"by the UberDOG":  func(c *Config) { c.Login = login },
		"only the AI":     func(c *Config) { c.Walkers = 0 },
		"only clients":    func(c *Config) { c.Objects = 0 },
		"zones":           func(c *Config) { c.Zones, c.Moves = 3, 200 },
		"they move":       func(c *Config) { c.Zones, c.Moves, c.Relocate = 3, 200, true },
		"come and go":     func(c *Config) { c.Churn, c.Login = 50, login },
		"the AI too":      func(c *Config) { c.AIChurn = 50 * time.Millisecond },
		"lost late":       func(c *Config) { c.AIChurn, c.DialAI = 50*time.Millisecond, lostLate(c.DialAI) },
		"all of it":       func(c *Config) { c.Zones, c.Moves, c.Churn, c.AIChurn = 3, 200, 20, 100*time.Millisecond },
		"not owners only": func(c *Config) { c.Class, c.Zones, c.Moves = "Runner", 2, 50 },
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t)
			change(&c)
			s, err := Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if !s.OK() || s.Deliveries == 0 || s.LatencyP50 <= 0 || s.LatencyP50 > s.LatencyMax || s.LoginP50 <= 0 || s.InterestP50 <= 0 ||
				(s.Moves > 0) != (c.Moves > 0) || (s.Rejoins > 0) != (c.Churn > 0 || c.AIChurn > 0) {
				t.Errorf("%+v\n%s", s, text(s))
			}
		})
	}
}

// lostLate dials links of which the message director only learns that they are
// lost when the next one has sent something.
func lostLate(dial func(context.Context, transport.Handler) (transport.Conn, error)) func(context.Context, transport.Handler) (transport.Conn, error) {
	lost := make(chan transport.Conn, 1000)
	return func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		l := &lateLink{lost: lost}
		l.Handler, l.closed = h, sync.OnceFunc(func() { h.Closed(l, &transport.CloseError{}) })
		var err error
		l.Conn, err = dial(ctx, l)
		return l, err
	}
}

// lateLink is a link that seems closed here, and is so later.
type lateLink struct {
	transport.Conn
	transport.Handler
	closed func()
	lost   chan transport.Conn
}

func (l *lateLink) Closed(transport.Conn, error) { l.closed() }

func (l *lateLink) Close(transport.Code, string) {
	l.lost <- l.Conn
	go l.closed()
}

func (l *lateLink) Flush() {
	l.Conn.Flush()
	select {
	case lost := <-l.lost:
		lost.Close(transport.CodeNormal, "")
	default:
	}
}

// A client that has connected and says hello late is not let in before it does.
func TestLateHello(t *testing.T) {
	c := serve(t)
	c.Clients = 2
	told := make(chan struct{})
	var dials atomic.Int32
	tell := sync.OnceFunc(func() { close(told) })
	dial := c.Dial
	c.Dial = func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		if dials.Add(1) == 1 {
			return dial(ctx, &spoiler{h, func(_ transport.Conn, m [][]byte) [][]byte {
				if slices.ContainsFunc(m, func(b []byte) bool { return binary.LittleEndian.Uint16(b) == clientSetField }) {
					tell()
				}
				return m
			}})
		}
		conn, err := dial(ctx, h)
		// Long enough for the gate to open, if it did not wait.
		select {
		case <-told:
		case <-time.After(3 * openEvery):
		}
		return conn, err
	}
	s, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !s.OK() {
		t.Error(text(s))
	}
}

// A client whose turn comes while it is still coming is left alone.
func TestAgainOneAtATime(t *testing.T) {
	var r *run
	var b *bot
	dials := 0
	r = &run{Config: Config{Dial: func(ctx context.Context, _ transport.Handler) (transport.Conn, error) {
		if dials++; dials == 1 {
			r.again(ctx, b)
		}
		return nil, errors.New("nobody there")
	}}}
	b = &bot{run: r}
	r.again(t.Context(), b)
	if dials != 1 {
		t.Errorf("it came %d times at once", dials)
	}
	r.again(t.Context(), b)
	if dials != 2 {
		t.Error("it did not come once more")
	}
}

func TestRunIdle(t *testing.T) {
	c := serve(t)
	c.Idle, c.DialAI = true, nil
	s, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !s.OK() || s.Deliveries != 0 || !strings.Contains(text(s), "idle ") {
		t.Error(text(s))
	}
}

// spoiler changes what a client receives.
type spoiler struct {
	transport.Handler
	spoil func(conn transport.Conn, messages [][]byte) [][]byte
}

func (s *spoiler) Received(conn transport.Conn, messages [][]byte) {
	s.Handler.Received(conn, s.spoil(conn, messages))
}

// message composes what a server never sent.
func message(typ uint16, ids ...uint32) []byte {
	b := binary.LittleEndian.AppendUint16(nil, typ)
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, id)
	}
	return b
}

// TestRunSeesFaults spoils what the first client receives, once, after a few
// updates have come. The bots must see it.
func TestRunSeesFaults(t *testing.T) {
	type messages = [][]byte
	var kept []byte
	doID := func(update []byte) uint32 { return binary.LittleEndian.Uint32(update[2:]) }
	add := func(m messages, more ...[]byte) (messages, bool) { return append(slices.Clone(m), more...), true }
	enter := func(id, zone uint32) []byte { // a Walker with a setPos
		return append(message(clientEnterObject, id, 900_000_000, zone), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	for name, spoil := range map[string]func(conn transport.Conn, m messages, update int) (messages, bool){ // update is the index of one in m
		"lost": func(_ transport.Conn, m messages, i int) (messages, bool) { return slices.Delete(m, i, i+1), true },
		"duplicated": func(_ transport.Conn, m messages, i int) (messages, bool) {
			return slices.Insert(slices.Clone(m), i, m[i]), true
		},
		"reordered": func(_ transport.Conn, m messages, i int) (messages, bool) {
			if kept == nil {
				kept = bytes.Clone(m[i])
				return slices.Delete(m, i, i+1), false
			}
			if doID(kept) != doID(m[i]) {
				return m, false
			}
			return slices.Insert(slices.Clone(m), i+1, kept), true
		},
		"unknown": func(_ transport.Conn, m messages, i int) (messages, bool) {
			return add(m, message(clientLeaving, 900_000_999))
		},
		"entered_twice": func(_ transport.Conn, m messages, i int) (messages, bool) { return add(m, enter(doID(m[i]), 1)) },
		"strayed":       func(_ transport.Conn, m messages, i int) (messages, bool) { return add(m, enter(900_000_999, 7)) },
		"lingering":     func(_ transport.Conn, m messages, i int) (messages, bool) { return add(m, enter(900_000_999, 1)) },
		"misread":       func(_ transport.Conn, m messages, i int) (messages, bool) { return add(m, []byte{9}) },
		"vanished": func(_ transport.Conn, m messages, i int) (messages, bool) {
			return add(m, message(clientLeaving, doID(m[i])))
		},
		"missing": func(_ transport.Conn, m messages, i int) (messages, bool) {
			return add(m, message(clientLeaving, doID(m[i])))
		},
		"disconnected": func(conn transport.Conn, m messages, i int) (messages, bool) {
			conn.Close(transport.CodeNetwork, "test")
			return m, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept = nil
			c := serve(t)
			c.settleWithin = 500 * time.Millisecond
			c.enough = nil
			ctx, enough := context.WithCancel(t.Context())
			defer enough()
			var first sync.Once
			done, updates, after := false, 0, 0
			dial := c.Dial
			c.Dial = func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
				first.Do(func() {
					h = &spoiler{h, func(conn transport.Conn, m [][]byte) [][]byte { // of the receiving goroutine
						for i, b := range m {
							if len(b) < 6 || binary.LittleEndian.Uint16(b) != clientSetField || doID(b) < 900_000_000+firstAvatar {
								continue
							}
							if updates++; updates > 200 && !done {
								m, done = spoil(conn, m, i)
								if name == "disconnected" {
									enough()
								}
								break
							}
							if done {
								after++
							}
							if after > 200 {
								enough() // later updates of all have come
							}
						}
						return m
					}}
				})
				return dial(ctx, h)
			}
			s, err := Run(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			if !done {
				t.Fatal("nothing was spoiled")
			}
			if s.OK() || s.Faults[name] == 0 || !strings.Contains(text(s), "fault ") {
				t.Error(text(s))
			}
		})
	}
}

func TestRunCannot(t *testing.T) {
	refused := errors.New("nobody there")
	nobody := func(context.Context, transport.Handler) (transport.Conn, error) { return nil, refused }
	for name, test := range map[string]struct {
		change func(c *Config)
		want   string
	}{
		"no client agent":     {func(c *Config) { c.Dial = nobody }, "cannot log in: nobody there"},
		"no message director": {func(c *Config) { c.DialAI = nobody }, "cannot reach the message director: nobody there"},
		"other version":       {func(c *Config) { c.Version = "old" }, "ejected with code 124"},
		"other DC file":       {func(c *Config) { c.Hash++ }, "ejected with code 125"},
		"no such class":       {func(c *Config) { c.Class = "Swimmer" }, `no dclass "Swimmer"`},
		"no login class":      {func(c *Config) { c.Login = Login{4665, "Gate", "login"} }, `no dclass "Gate"`},
		"no login field":      {func(c *Config) { c.Login = Login{4665, "Walker", "setPos"} }, `no field "setPos" with clsend`},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t)
			test.change(&c)
			if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
