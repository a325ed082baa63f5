package world

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
)

// After the last tick there is none, and clients and operators are told.
func TestTicksRunOut(t *testing.T) {
	s, err := dc.ParseFiles("testdata/story.dc")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	w, err := New(Config{Schema: s, TickRate: 10, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	w.Step(now)
	w.tick = lastTick - 1
	if n := w.Step(now.Add(201 * time.Millisecond)); n != 1 || w.tick != lastTick || !w.stopped {
		t.Errorf("%d ticks; it is tick %d; stopped: %v", n, w.tick, w.stopped)
	}
	if !strings.Contains(log.String(), "run out of ticks") {
		t.Errorf("the log says %q", log.String())
	}
}

// What is allowed by the DC language but no value is found before an object has
// it.
func TestBadDefaults(t *testing.T) {
	s, err := dc.Parse(dc.Source{Name: "a.dc", Text: []byte("dclass A { float64 x = <000000000000f87f>; };")})
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(Config{Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Spawn(Spawn{Class: "A"}); err == nil {
		t.Error("an object is born with NaN")
	} else {
		t.Log(err)
	}
}

// nobody is a viewer that is only joined.
type nobody struct{ Viewer }

func (nobody) Joined(*Client) {}

// Nothing is left of a client in the objects that were its own.
func TestLeftOwner(t *testing.T) {
	s, err := dc.ParseFiles("testdata/story.dc")
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(Config{Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.Join(nobody{}, JoinConfig{})
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.Spawn(Spawn{Class: "Avatar", Owner: c})
	if err != nil {
		t.Fatal(err)
	}
	if o.entry.Owner() != c.view {
		t.Fatal("it is not the client's")
	}
	c.Leave(nil)
	if o.owner != nil || o.entry.Owner() != nil {
		t.Errorf("it still belongs to %v, %v", o.owner, o.entry.Owner())
	}
}
