package pipes

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
)

// heard counts what the game was told that has some text in it.
func (st *stage) heard(text string) (n int) {
	for _, e := range st.events {
		if strings.Contains(e, text) {
			n++
		}
	}
	return n
}

// Commands that arrive together with the hello, before the world has let the
// client in, count against the command rate like any.
func TestCommandRateHoldsFromTheHello(t *testing.T) {
	st, c := sessionStage(t, "before the hello")
	if err := must(st.world.NewObject("Avatar", nil)).Generate(7, nil); err != nil {
		t.Fatal(err)
	}
	msgs := [][]byte{must(c.encode("hello command=20")), must(c.encode("interest 1 7"))}
	for range 500 {
		msgs = append(msgs, must(c.encode("call 1 Avatar.emote (1)")))
	}
	st.send(c, msgs...)
	if n := st.heard("emote"); n > 10 {
		t.Errorf("%d commands at once, at a rate of 20 per second", n)
	}
	if !c.closed || c.code != CodeTooFast {
		t.Errorf("closed: %v %s", c.closed, c.reason)
	}
}

// A client that asks for a lower command rate is not held to have broken it by
// what it sent before.
func TestLowerCommandRateForgivesThePast(t *testing.T) {
	st, c := sessionStage(t, "before the hello")
	st.send(c, must(c.encode("hello command=200")))
	if err := must(st.world.NewObject("Avatar", nil)).Generate(7, st.client("ann")); err != nil {
		t.Fatal(err)
	}
	emote := must(c.encode("call 1 Avatar.emote (1)"))
	for range 100 { // what it may send at once
		st.send(c, emote)
	}
	st.send(c, must(c.encode("set-command 1")))
	st.send(c, emote)
	if c.closed {
		t.Fatalf("closed: %s", c.reason)
	}
	// Nor is anything gained by going up and down.
	before := st.heard("emote")
	for range 10 {
		st.send(c, must(c.encode("set-command 1")))
		st.send(c, emote)
		st.send(c, must(c.encode("set-command 200")))
		st.send(c, emote)
	}
	st.tick()
	if n := st.heard("emote") - before; n > 2 {
		t.Errorf("%d commands took effect at once", n)
	}
}

// Who does not answer the authenticator takes nobody's place. When the last place
// is taken meanwhile, the later one is told so.
func TestAuthenticatingTakesNoPlace(t *testing.T) {
	st := newStage()
	st.config.Authenticator = storyAuthenticator{st}
	st.config.MaxClients = 2
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	enter := func(name string, i byte) *fakeConn {
		c := st.connect(name, net.IPv4(192, 0, 2, i))
		st.send(c, must(c.encode("hello")))
		return c
	}
	for i := range byte(5) {
		enter("idler", i)
	}
	for i, name := range []string{"ann", "bob", "cem"} {
		c := enter(name, 10+byte(i))
		if c.closed {
			t.Fatalf("%s is not let in: %s", name, c.reason)
		}
	}
	for _, name := range []string{"ann", "bob", "cem"} {
		st.logins[name].Accept(name)
		st.step()
	}
	if st.client("ann") == nil || st.client("bob") == nil || st.conn("ann").closed || st.conn("bob").closed {
		t.Error("two places, and two with an account are not in")
	}
	cem := st.conn("cem")
	if texts := cem.texts(); !cem.closed || texts[len(texts)-1] != "rejected after authentication: the server is full" {
		t.Errorf("closed %v, %q", cem.closed, texts)
	}
	if st.heard("account cem") > 0 {
		t.Error("the game hears of a client that is not let in")
	}
	late := enter("dan", 20)
	if !late.closed || late.texts()[0] != "rejected: the server is full" {
		t.Errorf("closed %v, %q", late.closed, late.texts())
	}
	// The place that one leaves is free again.
	st.send(st.conn("ann"), must(cem.encode("goodbye")))
	enter("eva", 21)
	st.logins["eva"].Accept("eva")
	st.step()
	if st.client("eva") == nil {
		t.Error("no place is free")
	}
}

// A client that enters and leaves a zone with many objects as often as it may costs
// the world a bounded number of looks at objects, and still gets all its answers.
func TestInterestChurn(t *testing.T) {
	st := newStage()
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	const objects = 5000
	for range objects {
		if err := must(st.world.NewObject("Avatar", nil)).Generate(7, nil); err != nil {
			t.Fatal(err)
		}
	}
	c := st.connect("eve", net.IPv4(192, 0, 2, 1))
	st.send(c, must(c.encode("hello ext")))
	const seconds, perTick = 4, 16 // as ZoneRate lets through, at 50 ticks per second
	view := st.client("eve").View()
	sent, waiting, answered := 0, 0, 0
	for range seconds * 50 {
		for range perTick {
			if waiting >= maxCompletions {
				break // it wants to stay
			}
			st.send(c, must(c.encode([]string{"interest 1 7", "interest 1 8"}[sent%2])))
			sent++
			waiting++
		}
		c.got = nil
		st.tick()
		for _, m := range c.texts() {
			if m == "complete 1" {
				waiting--
				answered++
			}
		}
	}
	if c.closed {
		t.Fatalf("closed: %s", c.reason)
	}
	if len(st.server.wishing) != 1 {
		t.Error("nothing waits")
	}
	most := uint64(interestBurst + seconds*interestRate + objects)
	if work := view.Work(); work > most {
		t.Errorf("%d looks at objects in %d s, of which %d are fine", work, seconds, most)
	}
	for range 50 * 256 {
		if waiting == 0 {
			break
		}
		c.got = nil
		st.tick()
		for _, m := range c.texts() {
			if m == "complete 1" {
				waiting--
				answered++
			}
		}
	}
	if waiting > 0 || answered != sent {
		t.Errorf("%d changes of interest, %d answers", sent, answered)
	}
	if last := must(c.encode([]string{"interest 1 7", "interest 1 8"}[(sent+1)%2])); !st.client("eve").Sees(uint32(last[len(last)-4])) {
		t.Errorf("it sees %v", st.client("eve").Zones())
	}
	// Who leaves in the midst of it leaves nothing.
	for i := range 200 {
		st.send(c, must(c.encode([]string{"interest 1 7", "interest 1 8"}[i%2])))
	}
	st.send(c, must(c.encode("goodbye")))
	st.step()
	st.tick()
	if len(st.server.wishing) != 0 {
		t.Error("a client that has left still waits")
	}
	// Changes that have not taken effect are not complete either.
	hasty := st.connect("hal", net.IPv4(192, 0, 2, 2))
	st.send(hasty, must(hasty.encode("hello ext")))
	for n := range maxCompletions + 1 {
		if hasty.closed {
			t.Fatalf("closed after %d changes: %s", n, hasty.reason)
		}
		st.send(hasty, must(hasty.encode([]string{"interest 1 7", "interest 1 8"}[n%2])))
	}
	if !hasty.closed || hasty.code != CodeTooManyRequests {
		t.Errorf("closed %v after %d changes: %s", hasty.closed, maxCompletions+1, hasty.reason)
	}
}

// What a client sent before it left takes effect, though the connection has closed
// before the world came to it.
func TestLastWords(t *testing.T) {
	for _, goodbye := range []bool{true, false} {
		st, c := sessionStage(t, "extension")
		if err := must(st.world.NewObject("Avatar", nil)).Generate(7, st.client("ann")); err != nil {
			t.Fatal(err)
		}
		st.events = nil
		msgs := [][]byte{must(c.encode("call 1 Avatar.emote (1)")), must(c.encode("call 1 Avatar.emote (2)"))}
		want := "client 1 calls 1 emote(which = 1), client 1 calls 1 emote(which = 2), client 1 leaves: "
		if goodbye {
			msgs = append(msgs, must(c.encode("goodbye")))
			want += "goodbye"
		} else {
			want += "closed by the peer (normal)"
		}
		st.server.Received(c, msgs)
		c.closed = true
		st.server.Closed(c, &transport.CloseError{Remote: true, Code: transport.CodeNormal})
		st.step()
		st.step()
		if got := strings.Join(st.events, ", "); got != want {
			t.Errorf("the game is told %q, want %q", got, want)
		}
		if n := st.server.Stats().Disconnected; n != 1 {
			t.Errorf("%d disconnected", n)
		}
	}
}

// Passwords that wait for the world count like all that waits.
func TestHellosAreBounded(t *testing.T) {
	st, c := sessionStage(t, "before the hello")
	hello := must(wire.Hello{Password: strings.Repeat("x", 60<<10), UpdateRate: 1, CommandRate: 1}.Append(nil))
	n := 0
	for ; n < 100 && !c.closed; n++ { // the world stands still
		st.server.Received(c, [][]byte{hello})
	}
	if c.code != CodeTooFast || n > inboxCost/len(hello)+1 {
		t.Errorf("closed after %d hellos of 60 KiB: %s", n, c.reason)
	}
}

// A client that was let in when its connection had closed already is let in all the
// same, and then has left: it has broken no rule.
func TestLetInTooLate(t *testing.T) {
	st, c := sessionStage(t, "before the hello")
	st.server.Received(c, [][]byte{must(c.encode("hello ext")), must(c.encode("interest 1 7")), must(c.encode("ping 1"))})
	c.closed = true
	st.server.Closed(c, &transport.CloseError{Remote: true, Code: transport.CodeNormal})
	st.step()
	want := "client 1 joins, account <nil>, client 1 leaves: closed by the peer (normal)"
	if got := strings.Join(st.events, ", "); got != want {
		t.Errorf("the game is told %q", got)
	}
	if s := st.server.Stats(); ejected(s) != 0 || s.Disconnected != 1 {
		t.Errorf("%+v", s)
	}
}

// Once a client is ejected for its commands the rest of them is not looked at.
func TestEjectedInTheMidst(t *testing.T) {
	st, c := sessionStage(t, "plain")
	msgs := make([][]byte, 5000)
	for i := range msgs {
		msgs[i] = must(c.encode("call 1 Avatar.emote (1)"))
	}
	st.server.Received(c, msgs)
	if n := st.server.Stats().Received["B_ObjectMessage"]; !c.closed || n >= uint64(len(msgs)) {
		t.Errorf("closed %v; %d messages were read", c.closed, n)
	}
}

// A server that was suspended does not take that for its clients' silence.
func TestSuspended(t *testing.T) {
	st, c := sessionStage(t, "plain")
	mute := st.connect("mute", net.IPv4(192, 0, 2, 2)) // has not said hello
	look := func(after time.Duration) {
		st.now = st.now.Add(after)
		st.server.look(st.now)
	}
	look(0)
	for range 5 {
		look(tickInterval)
	}
	look(time.Hour)
	if c.closed || mute.closed {
		t.Fatalf("closed after a pause: %q, %q", c.reason, mute.reason)
	}
	for range 5 {
		look(tickInterval)
	}
	if c.closed || !mute.closed || mute.code != CodeNoHello {
		t.Errorf("10 s later: closed %v %q, %v %q", c.closed, c.reason, mute.closed, mute.reason)
	}
	for range 18 {
		look(tickInterval)
	}
	if c.closed {
		t.Errorf("after 29 s: %s", c.reason)
	}
	// Who is heard of just when the server goes on is not believed to be in the
	// future.
	st.now = st.now.Add(time.Hour)
	st.send(c, must(c.encode("ping")))
	look(0)
	for range 30 {
		look(tickInterval)
	}
	if !c.closed || c.code != CodeSilent {
		t.Errorf("closed %v %q", c.closed, c.reason)
	}
}

// A client that is ejected in the moment in which its connection is lost leaves for
// one of the two reasons, and never as if it had said goodbye.
func TestEndedTwice(t *testing.T) {
	st := newStage()
	if err := st.open(); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		c := st.connect("ann", net.IPv4(192, 0, 2, 1))
		st.send(c, must(c.encode("hello")))
		v, _ := st.server.peers.Load(c)
		st.events = nil
		var both sync.WaitGroup
		both.Go(func() { v.(*peer).eject(CodeSilent, "nothing was heard of it") })
		both.Go(func() {
			for v.(*peer).state.Load() != stateClosing { // in the midst of the other
			}
			st.server.Closed(c, &transport.CloseError{Code: transport.CodeNetwork})
			st.step()
		})
		both.Wait()
		if want := "leaves: silent"; len(st.events) != 1 || !strings.HasSuffix(st.events[0], want) {
			t.Fatalf("the game hears %q, want that the client %s", st.events, want)
		}
	}
}
