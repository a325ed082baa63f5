package astronbots

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/dc"
)

// game is a game's own UberDOG, which gives clients avatars.
type game struct {
	ai     *ai.AI
	forget bool // it makes avatars without a place
}

const place = 5_000_001

func (g *game) Update(_ *ai.Object, client uint64, _ *dc.Field, _ []byte) {
	session := g.ai.Session(client)
	session.SetState(ai.StateEstablished)
	session.Declare(place, g.ai.Object(place).Class())
	o, err := g.ai.Create(ai.Create{Class: "Walker", Parent: place, Zone: 3, Owner: client, Fields: map[string]any{"setPos": []any{1, 2, 77}}})
	if err == nil {
		session.AddSessionObject(o.ID())
	}
	if err == nil && g.forget {
		err = o.Move(place, 4)
	}
	if err != nil {
		panic(err)
	}
}

// playGame runs a game until the test ends, and returns how its guests play.
func playGame(t *testing.T, g *game) Config {
	t.Helper()
	c := serve(t)
	c.Guests, c.Login = true, Login{ID: 4665, Class: "Login", Field: "login"}
	var err error
	connected := make(chan struct{})
	g.ai, err = ai.New(ai.Config{
		Schema: c.Schema, Dial: c.DialAI, Channel: 5_000_000, FirstID: place, LastID: place + 1000,
		Log: slog.New(slog.DiscardHandler), Events: ai.Events{Connected: func() { close(connected) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.ai.Do(func() {
		if _, err = g.ai.Create(ai.Create{Class: "Walker"}); err == nil {
			_, err = g.ai.UberDOG(4665, "Login", g)
		}
		if err == nil { // a stranger
			_, err = g.ai.Create(ai.Create{Class: "Walker", Parent: place, Zone: 3})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := g.ai.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	<-connected
	// Who knocks before the game's subscriptions are made is not heard. They
	// are when a question asked after them is answered.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, err := ai.Await(ctx, g.ai, func(answer func(ai.Location, error)) { g.ai.GetLocation(place, answer) })
		if err == nil {
			return c
		}
		if ctx.Err() != nil {
			t.Fatal("the cluster does not answer the game")
		}
	}
}

func TestGuests(t *testing.T) {
	c := playGame(t, new(game))
	c.Churn = 20
	s, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !s.OK() || s.Deliveries == 0 || s.Rejoins == 0 || s.LatencyP50 <= 0 || s.Objects != 0 {
		t.Error(text(s))
	}
}

// Guests whose avatars are taken elsewhere do not see what they should.
func TestGuestsSeeFaults(t *testing.T) {
	c := playGame(t, &game{forget: true})
	c.settleWithin = 300 * time.Millisecond
	c.enough = func(*run) bool { return true }
	s, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if s.Faults["missing"] == 0 {
		t.Error(text(s))
	}
}
