package clientsession

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

var parseOnce = sync.OnceValues(func() (*dc.Schema, error) { return dc.ParseFiles("../wire/testdata/pipes.dc") })

func schema(tb testing.TB) *dc.Schema {
	tb.Helper()
	s, err := parseOnce()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

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

func playScenario(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var st *stage
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "" {
			continue
		}
		if word == "client" || st == nil {
			if st != nil {
				err = st.quiet()
			}
			st = &stage{schema: schema(t), now: time.Unix(1000, 0)}
		}
		if err == nil {
			err = st.play(word, strings.TrimSpace(rest))
		}
		if err != nil {
			t.Fatalf("%s:%d: %s\n%v", file, i+1, line, err)
		}
	}
	if err := st.quiet(); err != nil {
		t.Fatalf("%s: at the end: %v", file, err)
	}
}

// stage is where a scenario is played: a session, what it sends, and what its
// owner sees.
type stage struct {
	schema  *dc.Schema
	session *Session
	now     time.Time
	full    bool     // the transport takes nothing
	sent    []string // by the client
	seen    []string // by the owner
	failed  error    // what was done last
}

func (st *stage) play(word, rest string) error {
	switch word {
	case "gets":
		return next(&st.sent, "the server gets", rest)
	case "sees":
		return next(&st.seen, "the game sees", rest)
	case "fails":
		err := st.failed
		if st.failed = nil; err == nil || !strings.Contains(err.Error(), rest) {
			return fmt.Errorf("the error is %v", err)
		}
		return nil
	}
	if err := st.quiet(); err != nil {
		return err
	}
	words := strings.Fields(rest)
	switch word {
	case "client":
		return st.client(words)
	case "server":
		b, err := st.encode(rest)
		if err == nil {
			st.session.Receive(st.now, [][]byte{b})
		}
		return err
	case "later", "wait":
		d, err := time.ParseDuration(words[0])
		if st.now = st.now.Add(d); word == "wait" {
			st.session.Frame(st.now)
		}
		return err
	case "full":
		st.full = rest == "yes"
		return nil
	case "does":
		st.failed = st.do(words, rest)
		return nil
	case "has":
		return st.has(words)
	case "counts":
		return st.counts(words)
	}
	return fmt.Errorf("unknown word %q", word)
}

func next(queue *[]string, who, want string) error {
	if len(*queue) == 0 {
		return fmt.Errorf("%s nothing", who)
	}
	got := (*queue)[0]
	*queue = (*queue)[1:]
	if got != want && (!strings.HasPrefix(want, "ended ") || !strings.Contains(got, strings.TrimPrefix(want, "ended "))) {
		return fmt.Errorf("%s %s", who, got)
	}
	return nil
}

// quiet reports what the story does not tell of.
func (st *stage) quiet() error {
	switch {
	case len(st.sent) > 0:
		return fmt.Errorf("the server also gets %s", st.sent[0])
	case len(st.seen) > 0:
		return fmt.Errorf("the game also sees %s", st.seen[0])
	case st.failed != nil:
		return fmt.Errorf("what was done fails: %v", st.failed)
	}
	return nil
}

// client makes the session and starts it.
func (st *stage) client(settings []string) (err error) {
	// No pings, unless the story wants them.
	c := Config{Schema: st.schema, Events: sight{st: st}, PingInterval: -1}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		n, _ := strconv.Atoi(value)
		switch name {
		case "plain":
			c.Plain = true
		case "password":
			c.Password = value
		case "authenticates":
			c.Authenticate = func(_ *Session, request []byte) { st.seen = append(st.seen, "asked "+string(request)) }
		case "pings":
			c.PingInterval, err = time.ParseDuration(value)
		case "update":
			c.UpdateRate = uint16(n)
		case "commands":
			c.CommandRate = uint16(n)
		case "max-objects":
			c.MaxObjects = n
		case "max-bytes":
			c.MaxBytes = n
		case "max-held":
			c.MaxHeld = n
		case "max-commands":
			c.MaxCommands = n
		default:
			err = fmt.Errorf("unknown setting %q", name)
		}
		if err != nil {
			return err
		}
	}
	if st.session, err = New(c, ear{st}); err != nil {
		return err
	}
	st.session.Start(st.now)
	return nil
}

// do lets the game do something.
func (st *stage) do(words []string, rest string) error {
	s := st.session
	var numbers []uint32
	for _, w := range words[1:] {
		if n, err := strconv.ParseUint(w, 10, 32); err == nil {
			numbers = append(numbers, uint32(n))
		}
	}
	id, err := uint32(0), error(nil)
	switch words[0] {
	case "set-zones":
		id, err = s.SetZones(numbers...)
	case "add-zones":
		id, err = s.AddZones(numbers...)
	case "remove-zones":
		id, err = s.RemoveZones(numbers...)
	case "add-range": // FROM TO
		var zones []uint32
		for z := numbers[0]; z <= numbers[1]; z++ {
			zones = append(zones, z)
		}
		id, err = s.AddZones(zones...)
	case "rates":
		return s.SetRates(uint16(numbers[0]), uint16(numbers[1]))
	case "answer":
		return s.Answer([]byte(words[1]))
	case "disconnect":
		s.Disconnect()
		return nil
	case "lose":
		s.ConnectionClosed(&transport.CloseError{Reason: "the cable is cut"})
		return nil
	case "call": // DOID Class.field VALUE
		f, args, err := st.value(strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(rest, "call"), " "+words[1])))
		if err != nil {
			return err
		}
		return s.SendPacked(numbers[0], f, args)
	default:
		return fmt.Errorf("unknown deed %q", words[0])
	}
	if err == nil {
		st.seen = append(st.seen, fmt.Sprintf("change %d", id))
	}
	return err
}

// has checks what the client knows of an object: DOID FIELD VALUE, or DOID
// nothing.
func (st *stage) has(words []string) error {
	n, err := strconv.ParseUint(words[0], 10, 32)
	if err != nil {
		return err
	}
	o := st.session.Object(uint32(n))
	if words[1] == "nothing" {
		if o != nil {
			return fmt.Errorf("there is a %v", o.Class())
		}
		return nil
	}
	if o == nil {
		return fmt.Errorf("there is no such object")
	}
	for i, f := range o.Class().Fields() {
		if f.Name() == words[1] {
			if got := text(f, o.Value(i)); got != strings.Join(words[2:], " ") {
				return fmt.Errorf("it is %s", got)
			}
			return nil
		}
	}
	return fmt.Errorf("%v has no such field", o.Class())
}

func (st *stage) counts(words []string) error {
	s := st.session.Stats()
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		n, ok := map[string]uint64{"snapshots": s.Snapshots, "stale": s.Stale, "passed": s.Passed, "repeated": s.Repeated, "held": s.Held,
			"dropped": s.Dropped, "early": s.Early, "unknown": s.Unknown, "ignored": s.Ignored, "commands": s.Commands,
			"delayed": s.CommandsDelayed, "refused": s.CommandsRefused}[name]
		if want, err := strconv.ParseUint(value, 10, 64); err != nil || !ok || n != want {
			return fmt.Errorf("%s is %d", name, n)
		}
	}
	return nil
}
