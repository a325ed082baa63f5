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

