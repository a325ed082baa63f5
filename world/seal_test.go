package world_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/culm-net/culm/world"
)

func TestOnSeal(t *testing.T) {
	w, after := newWorld(t, world.Config{})
	var log []string
	note := func(what string) func(uint32) {
		return func(tick uint32) { log = append(log, fmt.Sprint(what, tick)) }
	}
	var removeSelf func()
	removeA := w.OnSeal(note("before a "), note("after a "))
	removeSelf = w.OnSeal(func(uint32) { removeSelf() }, note("after b "))
	w.OnSeal(nil, nil)
	after(101 * time.Millisecond)
	removeA()
	removeA()
	after(100 * time.Millisecond)
	if want := []string{"before a 1", "after a 1", "after b 1"}; !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
}
