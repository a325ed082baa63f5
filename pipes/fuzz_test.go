package pipes

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/culm-net/culm/pipes/wire"
)

// many is how a story says that a message is sent several times.
var many = regexp.MustCompile(`^[0-9]+x `)

// storyMessages are the messages that clients send in the scenarios.
func storyMessages(f *testing.F) [][]byte {
	files := must(filepath.Glob("testdata/scenarios/*.txt"))
	c := &fakeConn{schema: storySchema()}
	var all [][]byte
	for _, file := range files {
		ext := map[string]bool{} // who speaks the extension
		for line := range strings.Lines(string(must(os.ReadFile(file)))) {
			name, text, ok := strings.Cut(line, " sends ")
			if !ok || strings.HasPrefix(name, "game") || strings.HasPrefix(name, "#") || isOutcome(line) || strings.Contains(line, "|") || many.MatchString(text) {
				continue
			}
			c.ext = ext[name]
			b, err := c.encode(strings.TrimSpace(text))
			if err != nil {
				f.Fatal(err)
			}
			ext[name] = c.ext
			all = append(all, b)
		}
	}
	if len(all) < 50 {
		f.Fatalf("%d messages found", len(all))
	}
	return all
}

// FuzzSession plays any messages of two clients to a server whose world does
// things meanwhile. A byte says what comes: a tick, or a message that begins with
// its length.
func FuzzSession(f *testing.F) {
	c := &fakeConn{schema: storySchema()}
	hello := must(c.encode("hello"))
	c.ext = true
	helloExt := must(c.encode("hello ext"))
	script := func(msgs ...[]byte) (b []byte) {
		for _, m := range msgs {
			if len(m) > 200 {
				continue
			}
			b = append(append(b, byte(len(m))), m...)
			b = append(b, fuzzTick)
		}
		return b
	}
	all := storyMessages(f)
	for _, m := range all {
		f.Add(script(hello, m))
		f.Add(script(helloExt, m))
	}
	for i := 0; i+6 <= len(all); i += 6 {
		f.Add(script(append([][]byte{hello}, all[i:i+6]...)...))
		f.Add(append(script(append([][]byte{helloExt}, all[i:i+6]...)...), fuzzGame, 1, fuzzGame, 2, fuzzGame, 3, fuzzTick, fuzzTick))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		st := newStage()
		st.config.MaxZones = 20
		if err := st.open(); err != nil {
			t.Fatal(err)
		}
		ann, bob := st.connect("ann", net.IPv4(192, 0, 2, 1)), st.connect("bob", net.IPv4(192, 0, 2, 2))
		st.send(bob, hello, must(bob.encode("interest 1 7")))
		for range 3 {
			if err := must(st.world.NewObject("Avatar", nil)).Generate(7, nil); err != nil {
				t.Fatal(err)
			}
		}
		for len(b) > 0 {
			op := b[0]
			b = b[1:]
			switch {
			case op == fuzzTick:
				st.tick()
			case op == fuzzGame && len(b) > 0:
				st.fuzzGame(t, b[0])
				b = b[1:]
			default:
				n := min(int(op), len(b))
				sent := bytes.Clone(b[:n])
				st.send(ann, sent)
				if !bytes.Equal(sent, b[:n]) {
					t.Error("the message was changed")
				}
				b = b[n:]
			}
			st.check(t, ann, bob)
		}
		st.tick()
		st.check(t, ann, bob)
		if bob.closed {
			t.Errorf("the other client is disconnected: %s", bob.reason)
		}
		st.send(bob, must(bob.encode("ping")))
		if texts := bob.texts(); len(texts) == 0 || texts[len(texts)-1] != "pong" {
			t.Errorf("the other client gets %v for a ping", texts)
		}
	})
}

const (
	fuzzTick = 255
	fuzzGame = 254
)

// fuzzGame lets the game do something.
func (st *stage) fuzzGame(t *testing.T, what byte) {
	for o := range st.world.Objects() {
		if o.ID() != uint32(what/8)%4 {
			continue
		}
		var err error
		switch what % 8 {
		case 0:
			err = o.Set("hp", int(what)%100)
		case 1:
			err = o.Send("emote", int(what))
		case 2:
			err = o.Move(uint32(what/32) + 6)
		case 3:
			err = o.SetOwner(st.client("ann"))
		case 4:
			err = o.Delete()
		case 5:
			err = o.Send("setSpot", 1, 2)
		case 6:
			err = o.Send("spark", 1)
		case 7:
			err = must(st.world.NewObject("Avatar", nil)).Generate(uint32(what/32)+6, st.client("ann"))
		}
		if err != nil {
			t.Error(err)
		}
		return
	}
}

// check reports what contradicts itself, or a promise.
func (st *stage) check(t *testing.T, conns ...*fakeConn) {
	t.Helper()
	s := st.server
	in := 0
	s.peers.Range(func(_, v any) bool {
		p := v.(*peer)
		switch {
		case p.state.Load() == stateVerified:
			in++
			if p.client.Left() {
				t.Error("a session goes on whose client has left")
			}
		case p.state.Load() == stateClosing && !p.conn.(*fakeConn).closed:
			t.Error("a session has ended and its connection is open")
		}
		if p.inbox.cost != 0 || len(p.inbox.batch.messages) != 0 {
			t.Error("the inbox was not emptied")
		}
		if len(p.completions) > maxCompletions || len(p.holding.messages) > maxHolding || p.delayedCost > inboxCost {
			t.Error("more waits than may")
		}
		if len(p.holding.messages) == 0 && p.holding.bytes != 0 || len(p.delayed) == 0 && p.delayedCost != 0 {
			t.Error("what waits is counted wrongly")
		}
		return true
	})
	clients := 0
	for range st.world.Clients() {
		clients++
	}
	if clients != in {
		st.step() // who was closed leaves with the next step
		clients = 0
		for range st.world.Clients() {
			clients++
		}
		if clients != in {
			t.Errorf("%d clients in the world, %d sessions", clients, in)
		}
	}
	for _, c := range conns {
		if c.closed && c.reason == "" {
			t.Error("closed without a reason")
		}
		for _, m := range c.got {
			c.understand(t, m.Data)
		}
		if c.name == "ann" {
			c.got = nil
		}
	}
}

// understand reads a message as a client does, and reports what one would die of.
func (c *fakeConn) understand(t *testing.T, b []byte) {
	t.Helper()
	typ, _, err := wire.Split(b)
	if err != nil {
		t.Error(err)
		return
	}
	text := c.text(b)
	if typ == wire.SVTick && strings.Contains(text, wire.ErrUnknownObject.Error()) || strings.Contains(text, "(unknown)") {
		t.Errorf("state of an object that the client does not know: %s", text)
	}
	if strings.HasPrefix(text, fmt.Sprint(typ)) && typ != wire.SVTick {
		t.Errorf("nobody expects %s", text)
	}
}
