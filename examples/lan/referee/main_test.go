package main

import (
	"context"
	"log/slog"
	"testing"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport/tcp"
)

// player walks onto each coin that it sees.
type player struct {
	lan.NoEvents
	t       *testing.T
	walker  uint32
	awarded chan uint16
}

func (p *player) Generated(c *lan.Client, g *lan.Generate) {
	for f, value := range g.Values() {
		if f.Name() != "setSpot" {
			continue
		}
		spot, err := f.Unpack(value)
		if err == nil {
			err = c.Update(p.walker, "setPos", spot...)
		}
		if err != nil {
			p.t.Error(err)
		}
	}
}

func (p *player) Updated(_ *lan.Client, u *lan.Update) {
	if args, err := u.Args(); err == nil && u.Field.Name() == "award" && args[0] == uint64(3) {
		close(p.awarded)
	}
}

func TestRefereeGivesCoins(t *testing.T) {
	schema, err := dc.ParseFiles("../coins.dc")
	if err != nil {
		t.Fatal(err)
	}
	s, err := lan.NewServer(lan.Config{Schema: schema, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := tcp.Listen("127.0.0.1:0", tcp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- s.Serve(ctx, l) }()
	refereeing, end := context.WithCancel(ctx)
	go func() { done <- run(refereeing, l.Addr().String(), "../coins.dc") }()

	p := &player{t: t, awarded: make(chan uint16)}
	c, err := lan.NewClient(lan.ClientConfig{Schema: schema, Events: p})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tcp.Dial(ctx, l.Addr().String(), tcp.Config{}, c); err != nil {
		t.Fatal(err)
	}
	if err := c.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if p.walker, err = c.Create("Walker", zone, lan.Set("setName", "Anna")); err != nil {
		t.Fatal(err)
	}
	if err := c.SetInterest(zone); err != nil {
		t.Fatal(err)
	}
	c.Flush()
	select {
	case <-p.awarded:
	case err := <-done:
		t.Fatalf("ended early: %v", err)
	}
	end()
	if err := <-done; err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
