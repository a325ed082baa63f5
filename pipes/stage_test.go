package pipes

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write what happens in the scenarios into them")

// TestScenarios plays the stories in testdata/scenarios. README.md there says
// how they are written.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios found (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := play(string(text))
			if err != nil {
				t.Fatalf("%s:%v", file, err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			told, happened := strings.Split(string(text), "\n"), strings.Split(got, "\n")
			for i := range told {
				if i >= len(happened) || told[i] != happened[i] {
					t.Fatalf("%s:%d: the story says\n\t%s\nand what happens is\n\t%s", file, i+1, told[i], strings.Join(happened[min(i, len(happened)):min(i+3, len(happened))], "\n\t"))
				}
			}
			if len(happened) != len(told) {
				t.Fatalf("%s: at the end there is also\n\t%s", file, strings.Join(happened[len(told):], "\n\t"))
			}
		})
	}
}

// play does what a story says and returns it with what happens.
func play(text string) (string, error) {
	st := newStage()
	var out []string
	for i, line := range strings.Split(text, "\n") {
		if isOutcome(line) {
			continue
		}
		out = append(out, line)
		act, _, _ := strings.Cut(line, "#")
		if strings.TrimSpace(act) == "" {
			continue
		}
		if err := st.play(act); err != nil {
			return "", fmt.Errorf("%d: %s: %w", i+1, line, err)
		}
		out = append(out, st.outcome()...)
	}
	return strings.Join(out, "\n"), nil
}

// isOutcome tells lines that say what happens from those that make it happen.
func isOutcome(line string) bool { return strings.HasPrefix(line, "    ") }

// stage is where a scenario is played: a world, a server, and clients that are
// told what to send. Time passes only as told.
type stage struct {
	worldConfig world.Config
	config      Config
	world       *world.World
	server      *Server
	conns       []*fakeConn
	now         time.Time
	events      []string // what the game is told
	refuse      map[uint32]bool
	fate        func(*world.Client) // what the game does with who joins
	onInterest  func(*world.Client, uint32)
	logins      map[string]*Login
}

func newStage() *stage {
	return &stage{now: time.Unix(1000, 0), refuse: map[uint32]bool{}, logins: map[string]*Login{}}
}

// fail is for what a story or a test cannot get wrong.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func storySchema() *dc.Schema { return must(dc.ParseFiles("testdata/story.dc")) }

// open makes the world and the server, once.
func (st *stage) open() error {
	if st.server != nil {
		return nil
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	w := &st.worldConfig
	if w.Schema == nil {
		w.Schema = storySchema()
	}
	if w.TickRate == 0 {
		w.TickRate = 50
	}
	w.Log = quiet
	w.Events = world.Events{
		Joined: func(c *world.Client) {
			st.tell("%v joins, account %v", c, c.Account())
			if st.fate != nil {
				st.fate(c)
			}
		},
		Left: func(c *world.Client, err error) { st.tell("%v leaves: %v", c, leftText(err)) },
		Interest: func(c *world.Client, zone uint32) bool {
			if st.onInterest != nil {
				st.onInterest(c, zone)
			}
			return !st.refuse[zone]
		},
		Message: func(c *world.Client, o *world.Object, f *dc.Field, args []byte) {
			st.tell("%v calls %d %s%s", c, o.ID(), f.Name(), must(f.AppendText(nil, args)))
		},
	}
	var err error
	if st.world, err = world.New(*w); err != nil {
		return err
	}
	st.config.World = st.world
	st.config.Log = quiet
	if st.server, err = NewServer(st.config); err != nil {
		return err
	}
	st.server.made = st.now
	st.server.now = func() time.Time { return st.now }
	st.world.Step(st.now)
	return nil
}

func leftText(err error) string {
	var e *session.Ejection
	var kick *world.KickError
	switch {
	case err == nil:
		return "goodbye"
	case errors.As(err, &e):
		return codeName(e.Code)
	case errors.As(err, &kick):
		return "kicked"
	}
	return err.Error()
}

func (st *stage) tell(format string, args ...any) {
	st.events = append(st.events, fmt.Sprintf(format, args...))
}

// connect lets a peer of a name in.
func (st *stage) connect(name string, addr net.IP) *fakeConn {
	c := &fakeConn{
		name: name, addr: &net.TCPAddr{IP: addr, Port: 1000 + len(st.conns)},
		budget: 1 << 20, maxReliable: 65535, maxUnreliable: 1200, classes: map[uint32]*dc.Class{}, schema: st.worldConfig.Schema,
	}
	st.conns = append(st.conns, c)
	st.server.Opened(c)
	return c
}

func (st *stage) conn(name string) *fakeConn {
	i := slices.IndexFunc(st.conns, func(c *fakeConn) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return st.conns[i]
}

// send has a client send messages, and the world take them.
func (st *stage) send(c *fakeConn, msgs ...[]byte) {
	if !c.closed {
		st.server.Received(c, msgs)
	}
	st.step()
}

// step has the world do what waits, without time passing.
func (st *stage) step() { st.world.Step(st.now) }

// tick lets time pass until the next tick is over.
func (st *stage) tick() {
	for {
		st.now = st.now.Add(time.Millisecond)
		if st.world.Step(st.now) > 0 {
			return
		}
	}
}

// outcome is what has happened since the last one.
func (st *stage) outcome() []string {
	var lines []string
	for _, e := range st.events {
		lines = append(lines, "    game: "+e)
	}
	st.events = nil
	for _, c := range st.conns {
		for _, m := range c.got {
			lines = append(lines, "    "+c.name+" gets "+c.describe(m))
		}
		c.got = nil
		if c.closed && !c.told {
			c.told = true
			lines = append(lines, fmt.Sprintf("    %s is closed: %s: %s", c.name, codeName(c.code), c.reason))
			st.server.Closed(c, &transport.CloseError{Code: c.code, Reason: c.reason})
			st.step()
		}
		if c.held > 0 {
			lines = append(lines, fmt.Sprintf("    %s is not read from for %v", c.name, c.held.Round(10*time.Millisecond)))
			c.held = 0
		}
	}
	for _, e := range st.events {
		lines = append(lines, "    game: "+e)
	}
	st.events = nil
	return lines
}

// fakeConn is a client's end in tests: it keeps what the server sends.
type fakeConn struct {
	transport.Conn // nil: the server calls nothing else
	name           string
	addr           net.Addr
	schema         *dc.Schema
	classes        map[uint32]*dc.Class // of the objects that the client was told of
	ext            bool                 // it speaks the extension
	hex            bool                 // the story tells the bytes of what it gets

	got                        []transport.Message
	budget                     int
	maxReliable, maxUnreliable int
	full                       bool
	closed, told               bool
	code                       transport.Code
	reason                     string
	held                       time.Duration
	flushes                    int
	pending                    [][]byte // what it is about to send
}

func (c *fakeConn) Send(m transport.Message) error {
	switch {
	case c.closed:
		return transport.ErrClosed
	case c.full:
		return transport.ErrFull
	case m.Mode == transport.Reliable && len(m.Data) > c.maxReliable, m.Mode != transport.Reliable && len(m.Data) > c.maxUnreliable:
		return transport.ErrTooLarge
	}
	m.Data = bytes.Clone(m.Data)
	c.got = append(c.got, m)
	return nil
}

func (c *fakeConn) Close(code transport.Code, reason string) {
	if !c.closed {
		c.closed, c.code, c.reason = true, code, reason
	}
}

func (c *fakeConn) Flush()                       { c.flushes++ }
func (c *fakeConn) Budget() int                  { return c.budget }
func (c *fakeConn) MaxReliable() int             { return c.maxReliable }
func (c *fakeConn) MaxUnreliable() int           { return c.maxUnreliable }
func (c *fakeConn) Identity() transport.Identity { return transport.Identity{Addr: c.addr} }
func (c *fakeConn) Hold(d time.Duration)         { c.held = max(c.held, d) }

// describe puts a message of the server into words.
func (c *fakeConn) describe(m transport.Message) string {
	text := c.text(m.Data)
	if m.Mode != transport.Reliable {
		text = "~" + text // maybe
	}
	if c.hex {
		text += fmt.Sprintf(" | % x", m.Data)
	}
	return text
}

func (c *fakeConn) text(b []byte) string {
	t, body, err := wire.Split(b)
	if err != nil {
		return err.Error()
	}
	switch t {
	case wire.SVHelloResp:
		m := must(wire.DecodeHelloResponse(body))
		switch {
		case !m.Accepted:
			return fmt.Sprintf("rejected: %s", m.Reason)
		case m.WantAuth:
			return "asked to authenticate" + extText(m.Extension)
		}
		return welcomeText(m.Welcome) + extText(m.Extension)
	case wire.SVAuthenticateResponse:
		m := must(wire.DecodeAuthenticateResult(body))
		if !m.Accepted {
			return fmt.Sprintf("rejected after authentication: %s", m.Reason)
		}
		return "authenticated, " + welcomeText(m.Welcome) + extText(m.Extension)
	case wire.SVAuthenticateRequest:
		return fmt.Sprintf("question %q", must(wire.DecodeAuthenticateRequest(body)).Data)
	case wire.SVInterestComplete, wire.ExtInterestComplete:
		return fmt.Sprintf("complete %d", must(wire.DecodeInterestComplete(t, body)).Handle)
	case wire.SVPingResp:
		return "pong"
	case wire.ExtPingResp:
		return fmt.Sprintf("pong %d", must(wire.DecodePing(t, body)).Number)
	case wire.ExtRates:
		m := must(wire.DecodeRates(t, body))
		return fmt.Sprintf("rates %d %d", m.Update, m.Command)
	case wire.SVTick:
		return c.snapshot(must(wire.DecodeSnapshot(body)))
	case wire.ExtSnapshot:
		return c.part(must(wire.DecodePart(body)))
	case wire.SVGenerateObject, wire.SVGenerateOwnerObject, wire.ExtGenerate, wire.ExtGenerateOwner:
		return c.generate(must(wire.DecodeGenerate(c.schema, t, body)))
	case wire.SVDisableObject, wire.SVDeleteObject:
		m := must(wire.DecodeObjectGone(t, body))
		delete(c.classes, m.DoID)
		return fmt.Sprintf("%v %d", map[wire.Type]string{wire.SVDisableObject: "disable", wire.SVDeleteObject: "delete"}[t], m.DoID)
	case wire.ExtRemove:
		m := must(wire.DecodeRemove(body))
		delete(c.classes, m.DoID)
		return fmt.Sprintf("remove %d deleted=%v %s", m.DoID, m.Deleted, stampText(m.Stamp))
	case wire.BObjectMessage:
		m := must(wire.DecodeObjectMessage(body))
		f := c.schema.FieldByNumber(int(m.Field))
		return fmt.Sprintf("message %d %s%s", m.DoID, f.Name(), must(f.AppendText(nil, must(m.Arguments(f)))))
	case wire.ExtObjectMessage:
		m := must(wire.DecodeTickedMessage(body))
		f := c.schema.FieldByNumber(int(m.Field))
		return fmt.Sprintf("message %d %s%s tick=%d state=%d", m.DoID, f.Name(), must(f.AppendText(nil, must(m.Arguments(f)))), m.Tick, m.State)
	}
	return fmt.Sprintf("%v %x", t, body)
}

func welcomeText(w wire.Welcome) string {
	s := fmt.Sprintf("welcome id=%d ticks=%d tick=%d", w.ClientID, w.TickRate, w.Tick)
	if w.UpdateRate > 0 {
		s += fmt.Sprintf(" update=%d command=%d", w.UpdateRate, w.CommandRate)
	}
	return s
}

func extText(e wire.Extension) string {
	if !e.Present {
		return ""
	}
	return fmt.Sprintf(" features=%d", e.Features)
}

func stampText(s wire.Stamp) string { return fmt.Sprintf("structure=%d tick=%d", s.Structure, s.Tick) }

func (c *fakeConn) generate(m wire.Generate) string {
	c.classes[m.DoID] = m.Class
	kind := "generate"
	if m.Type == wire.SVGenerateOwnerObject || m.Type == wire.ExtGenerateOwner {
		kind = "generate-owner"
	}
	s := fmt.Sprintf("%s %s %d zone=%d", kind, m.Class.Name(), m.DoID, m.Zone)
	if m.Type.Extended() {
		s += " " + stampText(m.Stamp)
	}
	if m.HasBaseline {
		s += " baseline" + fieldsText(m.BaselineFields())
	}
	return s + " calls" + fieldsText(m.RequiredFields())
}

func fieldsText(f wire.Fields) string {
	s := ""
	for f.Next() {
		value := string(must(f.Field().AppendText(nil, f.Value())))
		if f.Field().Kind() != dc.Parameter {
			value = f.Field().Name() + value
		}
		s += " " + strings.ReplaceAll(value, " = ", "=")
	}
	if err := f.Err(); err != nil {
		panic(err)
	}
	return s
}

func (c *fakeConn) snapshot(m wire.Snapshot) string {
	kind := "full"
	if m.Delta {
		kind = "delta"
	}
	s := fmt.Sprintf("tick %d %s", m.Tick, kind)
	objects := m.Objects(func(id uint32) *dc.Class { return c.classes[id] })
	for objects.Next() {
		s += fmt.Sprintf(" ; %d", objects.DoID())
		s += fieldsText(*objects.Fields())
	}
	if err := objects.Err(); err != nil {
		return s + ": " + err.Error() // what a panda3d-pipes client dies of
	}
	return s
}

func (c *fakeConn) part(m wire.Part) string {
	s := fmt.Sprintf("part %d %s", m.Number, stampText(m.Stamp))
	for flag, name := range map[wire.PartFlags]string{wire.FirstPart: " first"} {
		if m.Flags&flag != 0 {
			s += name
		}
	}
	if m.Flags&wire.LastPart != 0 {
		s += " last"
	}
	if m.Flags&wire.PartialSnapshot != 0 {
		s += " partial"
	}
	records := m.Records()
	for records.Next() {
		r := records.Record()
		s += fmt.Sprintf(" ; %d", r.DoID)
		if r.HasZone {
			s += fmt.Sprintf(" zone=%d", r.Zone)
		}
		if class := c.classes[r.DoID]; class != nil {
			s += fieldsText(r.Fields(class))
		} else {
			s += " (unknown)"
		}
	}
	if err := records.Err(); err != nil {
		return s + ": " + err.Error()
	}
	return s
}
