package pipes

import (
	"strings"
	"testing"
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
