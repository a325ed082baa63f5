package independent

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// line is a connection that keeps what is sent on it.
type line struct {
	transport.Conn
	sent [][]byte
}

func (l *line) Send(m transport.Message) error {
	l.sent = append(l.sent, append([]byte(nil), m.Data...))
	return nil
}
func (*line) Flush()                       {}
func (*line) Close(transport.Code, string) {}
func (*line) MaxUnreliable() int           { return 1200 }

// rig is a client to which a test plays the server.
type rig struct {
	*Client
	t      *testing.T
	line   *line
	now    time.Duration
	told   []string // what its watch was told
	schema *dc.Schema
}

func newRig(t *testing.T, extension bool, change ...func(*Config)) *rig {
	t.Helper()
	schema, err := dc.ParseFiles("../../wire/testdata/pipes.dc")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, line: &line{}, schema: schema}
	cfg := Config{Schema: schema, Extension: extension, Now: func() time.Duration { return r.now },
		Rand: rand.New(rand.NewPCG(1, 2)),
		Watch: Watch{
			Generated: func(o *Object) { r.told = append(r.told, fmt.Sprintf("generated %d", o.ID)) },
			State:     func(o *Object) { r.told = append(r.told, fmt.Sprintf("state %d hp %x", o.ID, o.State[3])) },
			Moved:     func(o *Object) { r.told = append(r.told, fmt.Sprintf("moved %d to %d", o.ID, o.Zone)) },
			Removed:   func(o *Object, _ uint32, all bool) { r.told = append(r.told, fmt.Sprintf("removed %d %v", o.ID, all)) },
			Message: func(o *Object, f *dc.Field, args []byte, forced bool) {
				r.told = append(r.told, fmt.Sprintf("%s %x forced %v", f.Name(), args, forced))
			},
			Complete: func(q Request) { r.told = append(r.told, fmt.Sprintf("complete %d", q.Handle)) },
		}}
	for _, f := range change {
		f(&cfg)
	}
	r.Client = New(cfg)
	r.Opened(r.line)
	return r
}

// welcomedRig is past the hello.
func welcomedRig(t *testing.T, extension bool, change ...func(*Config)) *rig {
	r := newRig(t, extension, change...)
	r.play("0100 01 00 0700 42 64000000" + map[bool]string{true: " 43554c4d 0e00 01000000 07000000 4200 1400 6400"}[extension])
	if !r.Welcomed() || r.Extended() != extension || r.ID() != 7 || r.TickRate() != 66 || r.Tick() != 100 {
		t.Fatalf("welcome: %v", r.Faults())
	}
	return r
}

// play hands the client messages in hex.
func (r *rig) play(messages ...string) {
	r.t.Helper()
	for _, m := range messages {
		b, err := hex.DecodeString(strings.ReplaceAll(m, " ", ""))
		if err != nil {
			r.t.Fatal(err)
		}
		r.Received(r.line, [][]byte{b})
	}
}

// want compares what the watch was told since the last time.
func (r *rig) want(told ...string) {
	r.t.Helper()
	if fmt.Sprint(r.told) != fmt.Sprint(told) {
		r.t.Errorf("told  %q\n\twant  %q\n\tfaults %v", r.told, told, r.Faults())
	}
	r.told = nil
}

// last is the newest message that the client sent, in hex.
func (r *rig) last() string {
	if len(r.line.sent) == 0 {
		return ""
	}
	return hex.EncodeToString(r.line.sent[len(r.line.sent)-1])
}

// field is the global number of a field, in hex.
func (r *rig) field(class, name string) string {
	var w datagram.Writer
	w.Uint16(uint16(r.schema.Class(class).FieldByName(name).Number()))
	return hex.EncodeToString(w.Buf)
}

// An avatar (class 3; 4 parameter fields, then move, emote and setTeam) and a
// ball, as generates.
const (
	avatarBody = "0300 05000000 02000000 01 0400 0000 0100 61 0100 000000000000000000000000000000000000000000000000 0200 0000 0300 64 0100 0600 09"
	avatar     = "0d00" + avatarBody
	ballBare   = "0e00 0400 06000000 02000000 00 0000"
)

func TestHello(t *testing.T) {
	plain, extended := newRig(t, false), newRig(t, true)
	if got := plain.last(); len(got) != 2*(2+2+4+1+1+4) || !strings.HasPrefix(got, "00000000") || !strings.HasSuffix(got, "1464cdcccc3d") {
		t.Errorf("plain hello %s", got)
	}
	if got := extended.last(); !strings.HasPrefix(got, plain.last()) || !strings.HasSuffix(got, "43554c4d08000100000014006400") {
		t.Errorf("extended hello %s", got)
	}
}

func TestPlainStory(t *testing.T) {
	r := welcomedRig(t, false)
	if h := r.Interest(AddInterest, 2, 3); h != 1 || r.last() != "060001020200000003000000" {
		t.Errorf("interest %d: %s", h, r.last())
	}
	r.play(avatar, ballBare, "0800 01")
	r.want("generated 5", "generated 6", "complete 1")
	if b := r.Object(6); !b.Owned || b.HasState || b.TickKnown || b.Class.Name() != "DistributedBall" {
		t.Errorf("ball %+v", b)
	}
	if a := r.Object(5); !a.HasState || a.Methods[6] != "\x09" || a.State[3] != "\x64" || a.Zone != 2 {
		t.Errorf("avatar %+v", a)
	}
	r.play("0900 66000000 01 0200 05000000 0100 0300 32 06000000 0400 0000 00000000 0100 00000000 0200 00000000 0300 00000000")
	r.want("state 5 hp 32", "state 6 hp 00000000")
	if b := r.Object(6); !b.HasState || b.Tick != 102 {
		t.Errorf("ball %+v", b)
	}
	r.Frame(20 * time.Millisecond)
	if r.last() != "0a00660000000ad7a33c" {
		t.Errorf("acknowledged %s", r.last())
	}
	r.now = 30 * time.Millisecond
	r.play("1200")
	if r.last() != "13001e000000" {
		t.Errorf("informed %s", r.last())
	}
	r.play("0b00 05000000"+r.field("DistributedAvatar", "setTeam")+"01", "1000 05000000", "0f00 06000000", "1000 06000000")
	r.want("setTeam 01 forced false", "removed 5 false", "removed 6 false")
	if err := r.Send(&Object{ID: 6, Class: r.schema.Class("DistributedBall")}, "kick", 1, -1); err != nil || r.last() != "0b0006000000"+r.field("DistributedBall", "kick")+"64009cff" {
		t.Errorf("sent %s, %v", r.last(), err)
	}
	if len(r.Faults()) != 0 {
		t.Errorf("faults %v", r.Faults())
	}
}

// TestPlainFaults says for each fault what it does to an unmodified peer.
func TestPlainFaults(t *testing.T) {
	// A snapshot of an avatar with a pos, cut short at every byte, kills.
	pos := "0900 66000000 01 0100 05000000 0200 0100 000000000000000000000000000000000000000000000000 0300 32"
	type row struct {
		name, bytes string
		severity    Severity
		text        string
	}
	rows := []row{
		{"index past the class", "0900 66000000 01 0100 05000000 0100 0700 32", Died, "field index 7"},
		{"index of a method", "0900 66000000 01 0100 05000000 0100 0600 32", Died, "which is atomic and not parameter"},
		{"index of a method in a baseline", "0d00 0300 07000000 02000000 01 0100 0600 09", Died, "atomic"},
		{"index past the class in a baseline", "0d00 0400 07000000 02000000 01 0100 0900 09", Died, "index 9"},
		{"a parameter among the methods", "0d00 0400 07000000 02000000 00 0100 0000 00000000", Died, "parameter and not atomic"},
		{"state for an unknown object", "0900 66000000 01 0100 08000000 0100 0300 32", Stopped, "does not have"},
		{"baseline cut short", "0d00 0300 07000000 02000000 01 0400 0000 0100", Died, "cut short"},
		{"a rejection cut short", "1600 00 0500 61", Died, "rejection"},
		{"ticks that go back", "0900 66000000 01 0000", Broke, ""},
		{"a second generate", avatar, Broke, "second generate"},
		{"a generate without methods' count", "0d00 0400 07000000 02000000 00", Broke, "without the count"},
		{"a generate without a required method", "0d00 0300 07000000 02000000 00 0000", Broke, "lacks DistributedAvatar.setTeam"},
		{"an unknown class", "0d00 6300 07000000 02000000 00 0000", Broke, "class number 99"},
		{"a struct as class", "0d00 0000 07000000 02000000 00 0000", Broke, "class number 0"},
		{"an unknown type", "6300", Broke, "0x63"},
		{"a type of the extension", "0a43 0100", Broke, "0x430a"},
		{"the reserved type", "0c00 05000000", Broke, "reserved"},
		{"delete of an unknown object", "1000 08000000", Broke, "does not have"},
		{"an answer to no ping", "1200", Broke, "no ping"},
		{"an answer to no interest", "0800 01", Broke, "interest 1"},
		{"a message for an unknown object", "0b00 08000000 0600 01", Broke, ""},
		{"a second hello", "0100 01 00 0700 42 64000000", Broke, "second"},
		{"a value out of range", "0900 66000000 01 0100 05000000 0100 0300 65", Broke, "hp"},
		{"trailing bytes", "0900 66000000 01 0000 00", Broke, "snapshot"},
		{"an object twice", "0900 66000000 01 0200 05000000 0100 0300 01 05000000 0100 0300 02", Broke, "twice"},
		{"a full snapshot that is none", "0900 66000000 00 0100 05000000 0100 0300 32", Broke, "full"},
		{"half a baseline", "0d00 0400 07000000 02000000 01 0100 0000 00000000 0000", Broke, "1 fields of 4"},
		{"fields out of order", "0900 66000000 01 0100 05000000 0200 0300 32 0200 0000", Broke, "field 2 after 3"},
	}
	whole := strings.ReplaceAll(pos, " ", "")
	for n := 4; n < len(whole); n += 2 {
		rows = append(rows, row{fmt.Sprintf("snapshot of %d bytes", n/2), whole[:n], Died, "cut short"})
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := welcomedRig(t, false)
			r.play(avatar)
			if row.name == "ticks that go back" {
				r.play("0900 67000000 01 0000")
			}
			if len(r.Faults()) != 0 {
				t.Fatal(r.Faults())
			}
			r.play(row.bytes)
			f := r.Faults()
			if len(f) == 0 || f[0].Severity != row.severity || !strings.Contains(f[0].Text, row.text) {
				t.Errorf("%v, want %v: %s", f, row.severity, row.text)
			}
		})
	}
	r := welcomedRig(t, false)
	if r.play(avatar, pos); len(r.Faults()) != 0 || r.Object(5).State[3] != "\x32" {
		t.Errorf("the whole snapshot: %v", r.Faults())
	}
}

func TestRejection(t *testing.T) {
	r := newRig(t, true)
	r.play("0100 00 0400 66756c6c")
	if r.Rejected() != "full" || r.Welcomed() || len(r.Faults()) != 0 {
		t.Errorf("rejected %q, %v", r.Rejected(), r.Faults())
	}
	r.play("0900 66000000 01 0000")
	if len(r.Faults()) == 0 {
		t.Error("a snapshot after the rejection is no fault")
	}
}

func TestAuthentication(t *testing.T) {
	r := newRig(t, true, func(c *Config) { c.Answer = func(q []byte) []byte { return append(q, '!') } })
	r.play("0100 01 01 43554c4d 0400 01000000", "1400 0200 6869")
	if r.last() != "15000300686921" || r.Welcomed() {
		t.Errorf("answered %s", r.last())
	}
	r.play("1600 01 0700 42 64000000 43554c4d 0e00 01000000 07000000 4200 1400 6400")
	if !r.Welcomed() || !r.Extended() || len(r.Faults()) != 0 {
		t.Errorf("welcomed %v, %v", r.Welcomed(), r.Faults())
	}
}

func TestFeaturesNotOffered(t *testing.T) {
	r := newRig(t, false)
	r.play("0100 01 00 0700 42 64000000 43554c4d 0e00 01000000 07000000 4200 1400 6400")
	if len(r.Faults()) == 0 {
		t.Error("a block for a plain client is no fault")
	}
	r = newRig(t, true)
	r.play("0100 01 00 0700 42 64000000 43554c4d 0e00 03000000 07000000 4200 1400 6400")
	if len(r.Faults()) == 0 {
		t.Error("a feature that was not offered is no fault")
	}
}
