package clientsession

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
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

// sight writes down what the session's owner is told.
type sight struct{ st *stage }

func (v sight) see(format string, args ...any) {
	v.st.seen = append(v.st.seen, fmt.Sprintf(format, args...))
}

func (v sight) Welcomed() {
	s := v.st.session
	v.see("welcome %d rate %d tick %d extended %v", s.ClientID(), s.Clock().Rate(), s.Clock().Tick(), s.Extended())
}

func (v sight) Generated(o *Object) {
	owned := ""
	if o.Owned() {
		owned = " owned"
	}
	v.see("generated %d %s zone %d tick %d%s", o.ID(), o.Class().Name(), o.Zone(), o.Tick(), owned)
}

func (v sight) Announced(o *Object) { v.see("announced %d", o.ID()) }

func (v sight) Updated(o *Object, fields []int) {
	line := fmt.Sprintf("updated %d tick %d", o.ID(), o.Tick())
	for _, i := range fields {
		f := o.Class().Fields()[i]
		line += fmt.Sprintf(" %s %s", f.Name(), text(f, o.Value(i)))
	}
	v.see("%s", line)
}

func (v sight) ZoneChanged(o *Object, from uint32) {
	v.see("moved %d from %d to %d", o.ID(), from, o.Zone())
}

func (v sight) Message(o *Object, m Message) {
	v.see("message %d %v %s tick %d", o.ID(), m.Field.Name(), text(m.Field, m.Args), m.Tick)
}

func (v sight) Removed(o *Object) { v.see("removed %d %v", o.ID(), o.Lifecycle()) }

func (v sight) InterestComplete(id uint32) { v.see("complete %d", id) }

func (v sight) Snapshot(s Snapshot) {
	whole := ""
	if s.Whole {
		whole = " whole"
	}
	v.see("snapshot %d%s", s.Tick, whole)
}

func (v sight) RatesGranted(update, command uint16) { v.see("rates %d %d", update, command) }

func (v sight) Ended(err error) { v.see("ended %v", err) }

// text is a value as Panda3D writes it, without the field's own name.
func text(f *dc.Field, packed []byte) string {
	b, err := f.AppendText(nil, packed)
	if err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(string(b), f.Name()+" = ")
}

// ear writes down what the server gets.
type ear struct{ st *stage }

func (e ear) Send(m transport.Message) error {
	if e.st.full {
		return transport.ErrFull
	}
	line, err := e.describe(m.Data)
	if err != nil {
		line = err.Error()
	}
	switch m.Mode {
	case transport.Unreliable:
		line += " unreliably"
	case transport.Latest:
		line += " latest"
	}
	e.st.sent = append(e.st.sent, line)
	return nil
}

// describe tells a client's message in words.
func (e ear) describe(msg []byte) (string, error) {
	t, body, err := wire.Split(msg)
	if err != nil {
		return "", err
	}
	switch t {
	case wire.CLHello:
		m, err := wire.DecodeHello(body)
		if m.DCHash != e.st.schema.Hash() {
			return "", errors.New("another hash")
		}
		line := fmt.Sprintf("hello %q rates %d %d", m.Password, m.UpdateRate, m.CommandRate)
		if m.Extension.Present {
			line += fmt.Sprintf(" offers %d", m.Extension.Features)
		}
		return line, err
	case wire.CLAuthenticateResponse:
		m, err := wire.DecodeAuthenticateAnswer(body)
		return fmt.Sprintf("answer %s", m.Data), err
	case wire.CLSetInterest, wire.CLAddInterest, wire.CLRemoveInterest, wire.ExtSetInterest, wire.ExtAddInterest, wire.ExtRemoveInterest:
		m, err := wire.DecodeInterest(t, body)
		line := fmt.Sprintf("%v %d zones", t, m.Handle)
		if len(m.Zones) > 10 {
			return fmt.Sprintf("%s %d to %d", line, m.Zones[0], m.Zones[len(m.Zones)-1]), err
		}
		for _, z := range m.Zones {
			line += fmt.Sprintf(" %d", z)
		}
		return line, err
	case wire.CLTick:
		m, err := wire.DecodeTickAck(body)
		return fmt.Sprintf("ack %d frame %v", m.Tick, time.Duration(float64(m.Frame)*1e9).Round(time.Millisecond)), err
	case wire.ExtAck:
		m, err := wire.DecodeAck(body)
		line := fmt.Sprintf("ack delay %v parts", m.Delay)
		for n := range m.Parts() {
			line += fmt.Sprintf(" %d", n)
		}
		return line, err
	case wire.BObjectMessage:
		m, err := wire.DecodeObjectMessage(body)
		if err != nil {
			return "", err
		}
		f := e.st.schema.FieldByNumber(int(m.Field))
		return fmt.Sprintf("call %d %v %s", m.DoID, f, text(f, m.Args)), nil
	case wire.CLInformPing:
		m, err := wire.DecodeInformPing(body)
		return fmt.Sprintf("informed %v", m.RTT), err
	case wire.ExtPing:
		m, err := wire.DecodePing(t, body)
		return fmt.Sprintf("ping %d", m.Number), err
	case wire.CLPing:
		return "ping", nil
	case wire.CLDisconnect:
		return "goodbye", nil
	case wire.CLSetUpdateRate, wire.CLSetCMDRate:
		m, err := wire.DecodeSetRate(t, body)
		return fmt.Sprintf("%v %d", t, m.Rate), err
	case wire.ExtSetRates:
		m, err := wire.DecodeRates(t, body)
		return fmt.Sprintf("rates %d %d", m.Update, m.Command), err
	}
	return "", fmt.Errorf("unexpected %v", t)
}

// value reads "Class.field VALUE".
func (st *stage) value(text string) (*dc.Field, []byte, error) {
	name, value, _ := strings.Cut(strings.TrimSpace(text), " ")
	className, fieldName, _ := strings.Cut(name, ".")
	if class := st.schema.Class(className); class != nil {
		if f := class.FieldByName(fieldName); f != nil {
			b, err := f.ParseText(nil, value)
			return f, b, err
		}
	}
	return nil, nil, fmt.Errorf("no field %q", name)
}

// values reads a list of "CLASS.field VALUE" of a class's objects.
func (st *stage) values(class *dc.Class, texts []string) (wire.FieldList, error) {
	var l wire.FieldList
	for _, text := range texts {
		f, b, err := st.value(text)
		if err != nil {
			return l, err
		}
		l.Add(index(class, f), b)
	}
	return l, nil
}

func index(class *dc.Class, f *dc.Field) int {
	for i := range class.Fields() {
		if class.Fields()[i] == f {
			return i
		}
	}
	return math.MaxUint16
}

// encode makes the server's message that a line describes.
func (st *stage) encode(line string) ([]byte, error) {
	items := strings.Split(line, ";")
	words := strings.Fields(items[0])
	word, words, items := words[0], words[1:], items[1:]
	var n []uint32 // the numbers
	for _, w := range words {
		if v, err := strconv.ParseUint(w, 10, 32); err == nil {
			n = append(n, uint32(v))
		}
	}
	at := func(i int) uint32 {
		if i < len(n) {
			return n[i]
		}
		return 0
	}
	has := func(word string) bool {
		for _, w := range words {
			if w == word {
				return true
			}
		}
		return false
	}
	x := st.session.Extended()
	pick := func(plain, extended wire.Type) wire.Type {
		if x {
			return extended
		}
		return plain
	}
	var stamp wire.Stamp
	if x && (word == "generate" || word == "generate-owner" || word == "remove" || word == "zone" || word == "part") {
		stamp = wire.Stamp{Structure: at(0), Tick: at(1)}
		n = n[min(2, len(n)):]
	}
	// accept CLIENT RATE TICK [extended UPDATE COMMAND] [features N]
	var welcome wire.Welcome
	var extension wire.Extension
	if strings.HasPrefix(word, "accept") {
		welcome = wire.Welcome{ClientID: at(0), TickRate: uint16(at(1)), Tick: at(2), UpdateRate: uint16(at(3)), CommandRate: uint16(at(4))}
	}
	if has("extended") {
		extension = wire.Extension{Present: true, Features: wire.FeatureSnapshots}
	}
	if has("strange") {
		extension = wire.Extension{Present: true, Features: 6}
	}
	switch word {
	case "hex":
		return hex.DecodeString(strings.Join(words, ""))
	case "accept":
		return wire.HelloResponse{Accepted: true, Welcome: welcome, Extension: extension}.Append(nil)
	case "accept-proven":
		return wire.AuthenticateResult{Accepted: true, Welcome: welcome, Extension: extension}.Append(nil)
	case "reject":
		return wire.HelloResponse{Reason: strings.Join(words, " ")}.Append(nil)
	case "reject-proven":
		return wire.AuthenticateResult{Reason: strings.Join(words, " ")}.Append(nil)
	case "wants-proof":
		return wire.HelloResponse{Accepted: true, WantAuth: true, Extension: extension}.Append(nil)
	case "asks":
		return wire.AuthenticateRequest{Data: []byte(words[0])}.Append(nil)
	case "generate", "generate-owner":
		return st.encodeGenerate(pick, word, words, n, stamp, items)
	case "disable":
		return wire.ObjectGone{Type: wire.SVDisableObject, DoID: at(0)}.Append(nil), nil
	case "delete":
		return wire.ObjectGone{Type: wire.SVDeleteObject, DoID: at(0)}.Append(nil), nil
	case "remove":
		return wire.Remove{Stamp: stamp, DoID: at(0), Deleted: has("deleted")}.Append(nil), nil
	case "zone":
		return wire.ZoneChange{Stamp: stamp, DoID: at(0), Zone: at(1)}.Append(nil), nil
	case "complete":
		return wire.InterestComplete{Type: pick(wire.SVInterestComplete, wire.ExtInterestComplete), Handle: uint16(at(0))}.Append(nil)
	case "rates":
		return wire.Rates{Type: wire.ExtRates, Update: uint16(at(0)), Command: uint16(at(1))}.Append(nil)
	case "pong":
		if x {
			return wire.Ping{Type: wire.ExtPingResp, Number: uint16(at(0))}.Append(nil), nil
		}
		return wire.SVPingResp.Append(nil), nil
	case "type":
		return wire.Type(at(0)).Append(nil), nil
	case "call": // [tick TICK STATE] DOID ; VALUE
		f, args, err := st.value(items[0])
		if err != nil {
			return nil, err
		}
		if has("tick") {
			return wire.TickedMessage{Tick: at(0), State: at(1), ObjectMessage: wire.ObjectMessage{DoID: at(2), Field: uint16(f.Number()), Args: args}}.Append(nil)
		}
		return wire.ObjectMessage{DoID: at(0), Field: uint16(f.Number()), Args: args}.Append(nil), nil
	case "tick": // TICK [delta] ; DOID CLASS VALUES, or nothing
		m := wire.Snapshot{Tick: at(0), Delta: has("delta"), Count: uint16(len(items))}
		return st.encodeObjects(m.Append(nil), items, func(b []byte, doID uint32, l wire.FieldList, contents []byte) ([]byte, error) {
			return wire.AppendSnapshotObject(b, doID, l)
		})
	case "part": // STRUCTURE TICK NUMBER [first] [last] [partial] ; DOID CLASS [zone ZONE] VALUES
		m := wire.Part{Stamp: stamp, Number: at(0), Count: uint16(len(items))}
		for i, flag := range []string{"first", "last", "partial"} {
			if has(flag) {
				m.Flags |= 1 << i
			}
		}
		return st.encodeObjects(m.Append(nil), items, func(b []byte, doID uint32, l wire.FieldList, contents []byte) ([]byte, error) {
			return wire.AppendRecord(b, doID, contents), nil
		})
	}
	return nil, fmt.Errorf("unknown message %q", word)
}

// encodeGenerate: [STRUCTURE TICK] CLASS DOID ZONE [bare] ; VALUE ; … ; calls ; VALUE …
func (st *stage) encodeGenerate(pick func(a, b wire.Type) wire.Type, word string, words []string, n []uint32, stamp wire.Stamp, items []string) ([]byte, error) {
	m := wire.Generate{Type: pick(wire.SVGenerateObject, wire.ExtGenerate), Stamp: stamp, HasBaseline: true, DoID: n[0], Zone: n[1]}
	if word == "generate-owner" {
		m.Type = pick(wire.SVGenerateOwnerObject, wire.ExtGenerateOwner)
	}
	for _, w := range words {
		if c := st.schema.Class(w); c != nil {
			m.Class = c
		}
		if w == "bare" {
			m.HasBaseline = false
		}
	}
	if m.Class == nil {
		return nil, errors.New("no such class")
	}
	state, calls := items, []string(nil)
	for i, item := range items {
		if strings.TrimSpace(item) == "calls" {
			state, calls = items[:i], items[i+1:]
			break
		}
	}
	var err error
	if m.Baseline, err = st.values(m.Class, state); err != nil {
		return nil, err
	}
	if m.Required, err = st.values(m.Class, calls); err != nil {
		return nil, err
	}
	return m.Append(nil)
}

// encodeObjects reads "DOID CLASS [zone ZONE] name VALUE | name VALUE …".
func (st *stage) encodeObjects(b []byte, items []string, add func(b []byte, doID uint32, l wire.FieldList, contents []byte) ([]byte, error)) ([]byte, error) {
	for _, item := range items {
		parts := strings.Split(item, "|")
		words := strings.Fields(parts[0])
		doID, err := strconv.ParseUint(words[0], 10, 32)
		if err != nil {
			return nil, err
		}
		class := st.schema.Class(words[1])
		if class == nil {
			return nil, fmt.Errorf("no class %q", words[1])
		}
		var contents []byte
		if len(words) > 3 && words[2] == "zone" {
			z, err := strconv.ParseUint(words[3], 10, 32)
			if err != nil {
				return nil, err
			}
			contents = wire.AppendRecordZone(contents, uint32(z))
		}
		var l wire.FieldList
		for _, text := range parts[1:] {
			f, v, err := st.value(words[1] + "." + strings.TrimSpace(text))
			if err != nil {
				return nil, err
			}
			l.Add(index(class, f), v)
			contents = wire.AppendRecordField(contents, index(class, f), v)
		}
		if b, err = add(b, uint32(doID), l, contents); err != nil {
			return nil, err
		}
	}
	return b, nil
}
