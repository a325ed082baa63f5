package client_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

// TestEvents has no views: all is told by Events.
func TestEvents(t *testing.T) {
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		sv := st.serve(pipes.Config{}, world.Events{})
		hero := sv.spawn(t, world.Spawn{Class: "Avatar", Zone: 1, Fields: map[string]any{"name": "Hero", "setTeam": []any{7}}})
		var log []string
		var cl *client.Client
		note := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
		cl = st.client(client.Config{Plain: plain, Events: client.Events{
			Connected: func() { note("%v", cl.State()) },
			Lost:      func(error, time.Duration) { note("%v", cl.State()) },
			Ended:     func(error) { note("%v", cl.State()) },
			Generated: func(o *client.Object) { note("%v is %v, view %v", o, o.Lifecycle(), o.View()) },
			Updated: func(o *client.Object, fields []int) {
				hp, err := o.Get("hp")
				note("%v: %v %v %v", o, o.Class().Fields()[fields[0]].Name(), hp, err)
			},
			Message: func(o *client.Object, m client.Message) { note("%v: %s %v", o, m.Field.Name(), m.Args) },
			Removed: func(o *client.Object) { note("%v is %v", o, o.Lifecycle()) },
		}})
		if cl.Schema() != st.schema || cl.State().String() != "waiting" {
			t.Errorf("%v %v", cl.Schema(), cl.State())
		}
		for range cl.Objects() {
			t.Error("an object without a connection")
		}
		cl.AddInterest(nil, 1)
		st.until("the hero is seen", func() bool { return cl.Object(hero.ID()) != nil })
		for range cl.Objects() {
			break
		}
		check(t, hero.Set("hp", 5))
		st.play(200 * time.Millisecond)
		check(t, hero.Send("setTeam", 8))
		check(t, hero.Delete())
		st.play(200 * time.Millisecond)
		sv.close()
		st.play(100 * time.Millisecond)
		cl.Close()
		want := []string{
			"connected", "Avatar 1: setTeam [7]", "Avatar 1 is alive, view <nil>", "Avatar 1: hp [5] <nil>",
			"Avatar 1: setTeam [8]", "Avatar 1 is deleted", "waiting", "ended",
		}
		if !slices.Equal(log, want) {
			t.Errorf("%q", log)
		}
	})
}
