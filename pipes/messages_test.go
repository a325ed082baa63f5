package pipes

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// clientMessages are one of each that clients send, in words and by dialect.
var (
	plainMessages = []string{
		"hello password=x", "set-update 20", "set-command 20", "goodbye", "interest 1 7 8", "add 2 7", "remove 3 7", "ack 1",
		"call 1 Avatar.emote (1)", "call 1 Avatar.move (1, 2, 3)", "call 2 Chat.sendChat (\"hi\")", "ping", "inform 30ms", "auth name",
	}
	extMessages = []string{
		"hello password=x ext", "rates 20 20", "goodbye", "interest 1 7 8", "add 2 7", "remove 3 7", "ack 1 2 3",
		"call 1 Avatar.emote (1)", "ping 7", "inform 30ms", "auth name",
	}
)

// sessionStage is a stage with a client in one of the states.
func sessionStage(t *testing.T, state string) (*stage, *fakeConn) {
	t.Helper()
	st := newStage()
	if state == "authenticating" {
		st.config.Authenticator = storyAuthenticator{st}
	}
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	c := st.connect("ann", net.IPv4(192, 0, 2, 1))
	switch state {
	case "authenticating":
		st.send(c, must(c.encode("hello")))
		st.logins["ann"].Ask(nil)
		st.step()
	case "plain":
		st.send(c, must(c.encode("hello")))
	case "extension":
		st.send(c, must(c.encode("hello ext")))
	case "closing":
		st.send(c, must(c.encode("hello")), must(c.encode("hello")))
	}
	c.got = nil
	return st, c
}

var sessionStates = []string{"before the hello", "authenticating", "plain", "extension", "closing"}

// Each message in each state: the client stays, is disconnected for a reason, or the
// message is passed over.
func TestEachMessageInEachState(t *testing.T) {
	rows := []struct {
		name string
		b    []byte
		want [5]string
	}{}
	add := func(name string, b []byte, want ...string) {
		rows = append(rows, struct {
			name string
			b    []byte
			want [5]string
		}{name, b, [5]string(want)})
	}
	plain := &fakeConn{schema: storySchema()}
	ext := &fakeConn{schema: storySchema(), ext: true}
	for _, text := range plainMessages {
		want := []string{"wrong_state", "wrong_state", "stays", "wrong_state", "deaf"}
		switch name, _, _ := strings.Cut(text, " "); name {
		case "hello":
			want = []string{"stays", "wrong_state", "wrong_state", "wrong_state", "deaf"}
		case "goodbye":
			want = []string{"normal", "normal", "normal", "normal", "deaf"}
		case "call", "inform":
			want[3] = "stays"
		case "auth":
			want = []string{"wrong_state", "stays", "wrong_state", "wrong_state", "deaf"}
		}
		add(text, must(plain.encode(text)), want...)
	}
	for _, text := range []string{"rates 20 20", "interest 1 7 8", "add 2 7", "remove 3 7", "ack 1 2 3", "ping 7"} {
		add("extension: "+text, must(ext.encode(text)), "wrong_state", "wrong_state", "passed over", "stays", "deaf")
	}
	for _, typ := range []wire.Type{
		wire.SVHelloResp, wire.SVInterestComplete, wire.SVTick, wire.SVSetObjectOwner, wire.SVGenerateObject, wire.SVGenerateOwnerObject,
		wire.SVDisableObject, wire.SVDeleteObject, wire.SVPingResp, wire.SVAuthenticateRequest, wire.SVAuthenticateResponse,
	} {
		add(typ.String(), typ.Append(nil), "wrong_state", "wrong_state", "wrong_state", "wrong_state", "deaf")
	}
	for _, typ := range []wire.Type{
		wire.ExtSnapshot, wire.ExtGenerate, wire.ExtGenerateOwner, wire.ExtRemove, wire.ExtZone, wire.ExtObjectMessage, wire.ExtInterestComplete,
		wire.ExtRates, wire.ExtPingResp,
	} {
		add(typ.String(), typ.Append(nil), "wrong_state", "wrong_state", "passed over", "wrong_state", "deaf")
	}
	for _, typ := range []wire.Type{23, 999, 0x42ff, 0x430f, 0x43ff, 0xffff} {
		add(typ.String(), typ.Append(nil), "wrong_state", "wrong_state", "passed over", "passed over", "deaf")
	}
	for _, row := range rows {
		for i, state := range sessionStates {
			st, c := sessionStage(t, state)
			before := st.server.Stats()
			st.server.Received(c, [][]byte{row.b})
			st.step()
			st.step()
			after := st.server.Stats()
			got := "stays"
			switch {
			case state == "closing":
				if len(c.got) > 0 || after.Refused["unknown_type"] > before.Refused["unknown_type"] {
					got = "heard"
				} else {
					got = "deaf"
				}
			case c.closed:
				got = codeName(c.code)
				if c.reason == "" {
					t.Errorf("%s, %s: closed without a reason", row.name, state)
				}
			case after.Refused["unknown_type"] > before.Refused["unknown_type"]:
				got = "passed over"
			}
			if got != row.want[i] {
				t.Errorf("%s, %s: %s (%s), wanted: %s", row.name, state, got, c.reason, row.want[i])
			}
		}
	}
}

// Every message of a client, cut short at every byte, ends its session as
// malformed and nobody else's.
func TestEachMessageCutAtEachByte(t *testing.T) {
	for _, dialect := range []string{"plain", "extension"} {
		texts := plainMessages
		if dialect == "extension" {
			texts = extMessages
		}
		for _, text := range texts {
			state := dialect
			switch name, _, _ := strings.Cut(text, " "); name {
			case "hello":
				state = "before the hello"
			case "auth":
				state = "authenticating"
			}
			maker := &fakeConn{schema: storySchema(), ext: dialect == "extension"}
			whole := must(maker.encode(text))
			plainHello := 0
			if strings.HasPrefix(text, "hello") {
				plainHello = len(must(maker.encode(plainMessages[0])))
			}
			for n := range len(whole) {
				st, c := sessionStage(t, state)
				other := st.connect("bob", net.IPv4(192, 0, 2, 2))
				st.server.Received(c, [][]byte{whole[:n]})
				st.step()
				want := "malformed"
				if dialect == "extension" && plainHello > 0 && n >= plainHello && n < plainHello+4 {
					want = "" // without the whole mark it is a plain hello
				}
				got := ""
				if c.closed {
					got = codeName(c.code)
				}
				if got != want {
					t.Errorf("%s, %s, the first %d bytes of %d: %q %s", dialect, text, n, len(whole), got, c.reason)
				}
				st.send(other, must(other.encode("hello")))
				if other.closed {
					t.Errorf("%s, %s, the first %d bytes: another client is disconnected: %s", dialect, text, n, other.reason)
				}
			}
		}
	}
}

// What panda3d-pipes' server ends on, and ours must not, each by its name. The
// scenarios say more about most.
func TestFaultsOfPanda3DPipes(t *testing.T) {
	for _, test := range []struct {
		fault, state string
		hex          string
		closed       string
	}{
		{"command rate 0", "plain", "0300 00", ""},
		{"update rate 0", "plain", "0200 00", ""},
		{"a ping report without a body", "plain", "1300", "malformed"},
		{"a password longer than the message", "before the hello", "0000 0500 61", "malformed"},
		{"a password that is not UTF-8", "before the hello", "0000 0100 ff 00000000 14 64 00000000", "malformed"},
		{"an object message cut short", "plain", "0b00 01000000 0900 0000", "malformed"},
		{"an object message out of range", "plain", "0b00 01000000 0400 0000", "malformed"},
	} {
		t.Run(test.fault, func(t *testing.T) {
			st, c := sessionStage(t, test.state)
			st.send(c, must(c.encode("hex "+test.hex)))
			got := ""
			if c.closed {
				got = codeName(c.code)
			}
			if got != test.closed {
				t.Errorf("closed: %q %s", got, c.reason)
			}
			// The server goes on.
			bob := st.connect("bob", net.IPv4(192, 0, 2, 2))
			st.send(bob, must(bob.encode("hello")), must(bob.encode("ping")))
			if len(bob.got) < 2 {
				t.Error("the next client is not served")
			}
		})
	}

	t.Run("state is lost for ever when it changes within a tick after a snapshot", func(t *testing.T) {
		for _, hello := range []string{"hello update=10", "hello ext update=10"} {
			st, c := sessionStage(t, "before the hello")
			o := must(st.world.NewObject("Avatar", nil))
			if err := o.Generate(7, nil); err != nil {
				t.Fatal(err)
			}
			st.send(c, must(c.encode(hello)), must(c.encode("interest 1 7")))
			hp := -1
			for tick := range 40 {
				// Changes at every moment: before, in and after the tick of a snapshot.
				if tick < 20 {
					if err := o.Set("hp", tick); err != nil {
						t.Fatal(err)
					}
				}
				st.tick()
				if tick < 20 && tick%3 == 0 {
					if err := o.Set("hp", 50+tick); err != nil {
						t.Fatal(err)
					}
				}
				hp = c.follow(t, st, hp)
			}
			want := must(o.Get("hp"))[0].(uint64)
			if uint64(hp) != want {
				t.Errorf("%s: the client shows %d, the object has %d", hello, hp, want)
			}
		}
	})

	t.Run("snapshots, acknowledgements and pings all go reliably", func(t *testing.T) {
		st, c := sessionStage(t, "extension")
		st.tick()
		st.send(c, must(c.encode("ping 1")))
		for _, m := range c.got {
			if text := c.describe(m); !strings.HasPrefix(text, "~part") && !strings.HasPrefix(text, "~pong") {
				t.Errorf("reliable: %s", text)
			}
		}
		if len(c.got) != 2 {
			t.Errorf("%d messages", len(c.got))
		}
	})

	t.Run("clients that left stay in its zone tables", func(t *testing.T) {
		st, c := sessionStage(t, "plain")
		st.send(c, must(c.encode("interest 1 7")))
		st.tick()
		st.send(c, must(c.encode("goodbye")))
		st.step()
		c.got = nil
		if n := st.world.Stats().Zones; n != 0 {
			t.Errorf("%d zones are left", n)
		}
		before := st.server.Stats()
		if err := must(st.world.NewObject("Avatar", nil)).Generate(7, nil); err != nil {
			t.Fatal(err)
		}
		st.tick()
		if after := st.server.Stats(); after.SentBytes != before.SentBytes {
			t.Errorf("%d bytes for nobody", after.SentBytes-before.SentBytes)
		}
	})

	t.Run("the result of a send is never looked at", func(t *testing.T) {
		st, c := sessionStage(t, "plain")
		c.full = true
		st.tick()
		if !c.closed || c.code != CodeTooSlow {
			t.Errorf("closed: %v, %s", c.closed, c.reason)
		}
	})

	t.Run("deleting an owned object does not recompute interest", func(t *testing.T) {
		st, c := sessionStage(t, "plain")
		avatar, ball := must(st.world.NewObject("Avatar", nil)), must(st.world.NewObject("Ball", nil))
		if err := avatar.Generate(7, st.client("ann")); err != nil {
			t.Fatal(err)
		}
		if err := ball.Generate(7, nil); err != nil {
			t.Fatal(err)
		}
		st.tick()
		if err := avatar.Delete(); err != nil {
			t.Fatal(err)
		}
		c.got = nil
		st.tick()
		if got := fmt.Sprint(c.texts()); !strings.Contains(got, fmt.Sprintf("delete %d", ball.ID())) {
			t.Errorf("the client keeps what it no longer sees: %s", got)
		}
	})

	t.Run("the command rate does nothing", func(t *testing.T) {
		st, c := sessionStage(t, "plain")
		call := must(c.encode("call 1 Avatar.move (1, 2, 3)"))
		for range 3000 {
			st.server.Received(c, [][]byte{call})
		}
		if !c.closed || c.code != CodeTooFast {
			t.Errorf("closed: %v, %s", c.closed, c.reason)
		}
	})

	t.Run("the authentication hooks do nothing", func(t *testing.T) {
		st, c := sessionStage(t, "authenticating")
		st.logins["ann"].Accept("user-1")
		st.step()
		if client := st.client("ann"); client == nil || client.Account() != "user-1" || c.closed {
			t.Errorf("the client is %v", client)
		}
	})

	t.Run("object ids end at 65,535", func(t *testing.T) {
		for _, hello := range []string{"hello", "hello ext"} {
			st := newStage()
			st.worldConfig.FirstID = 4_000_000_000
			if err := st.open(); err != nil {
				t.Fatal(err)
			}
			c := st.connect("ann", net.IPv4(192, 0, 2, 1))
			st.send(c, must(c.encode(hello)), must(c.encode("interest 1 4000000000")))
			if err := must(st.world.NewObject("Avatar", nil)).Generate(4_000_000_000, nil); err != nil {
				t.Fatal(err)
			}
			st.tick()
			if got := strings.Join(c.texts(), "\n"); !strings.Contains(got, "generate Avatar 4000000000 zone=4000000000") {
				t.Errorf("%s: %s", hello, got)
			}
		}
	})

	t.Run("255 zones per interest message and 255 Hz are hard limits", func(t *testing.T) {
		st := newStage()
		st.worldConfig.TickRate = 300
		if err := st.open(); err != nil {
			t.Fatal(err)
		}
		c := st.connect("ann", net.IPv4(192, 0, 2, 1))
		st.send(c, must(c.encode("hello ext update=300")), must(c.encode("interest 1 1-1000")))
		i := st.client("ann")
		if i == nil || len(i.Zones()) != 1000 || i.Info().UpdateRate != 300 {
			t.Errorf("the client is %v", i)
		}
		// A plain client cannot even be told.
		d := st.connect("bob", net.IPv4(192, 0, 2, 1))
		st.send(d, must(d.encode("hello")))
		if !d.closed || d.code.String() != "refused" {
			t.Errorf("closed: %v, %s", d.closed, d.reason)
		}
	})

	t.Run("a part is one packet, whatever the transport takes", func(t *testing.T) {
		for _, longest := range []int{600, 1200, 64 << 10} {
			st, _ := sessionStage(t, "extension")
			c := st.connect("bob", net.IPv4(192, 0, 2, 9))
			c.maxUnreliable = longest
			for range 200 {
				if err := must(st.world.NewObject("Avatar", nil)).Generate(7, nil); err != nil {
					t.Fatal(err)
				}
			}
			st.send(c, must(c.encode("hello ext")), must(c.encode("interest 1 7")))
			for range 50 {
				st.tick()
			}
			c.got = nil
			for o := range st.world.Objects() {
				if err := o.Set("pos", []any{1, 2, 3}); err != nil {
					t.Fatal(err)
				}
			}
			for len(c.got) == 0 {
				st.tick()
			}
			for _, m := range c.got {
				if len(m.Data) > min(longest, maxPart) || m.Mode == transport.Reliable {
					t.Errorf("%d bytes at a time at most: %d bytes, reliable: %v", longest, len(m.Data), m.Mode == transport.Reliable)
				}
			}
			if len(c.got) < 5 {
				t.Errorf("%d bytes at a time at most: %d parts", longest, len(c.got))
			}
		}
	})
}

// texts puts all into words that a client got.
func (c *fakeConn) texts() (all []string) {
	for _, m := range c.got {
		all = append(all, c.describe(m))
	}
	c.got = nil
	return all
}

// follow acknowledges what a client got and returns the hp that it then shows.
func (c *fakeConn) follow(t *testing.T, st *stage, hp int) int {
	t.Helper()
	for _, m := range c.got {
		text := c.describe(m)
		if i := strings.LastIndex(text, "hp="); i >= 0 {
			if _, err := fmt.Sscanf(text[i:], "hp=%d", &hp); err != nil {
				t.Fatal(err)
			}
		}
		var n int
		if _, err := fmt.Sscanf(text, "~part %d", &n); err != nil {
			if _, err := fmt.Sscanf(text, "tick %d", &n); err != nil {
				continue
			}
		}
		c.pending = append(c.pending, must(c.encode(fmt.Sprintf("ack %d", n))))
	}
	c.got = nil
	if len(c.pending) > 1 { // acknowledgements take a while
		st.send(c, c.pending[0])
		c.pending = c.pending[1:]
	}
	return hp
}
