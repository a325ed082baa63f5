package client_test

import (
	"errors"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

// TestPause does not call Frame for a while: the inbox stays bounded, and what was
// dropped of it comes again.
func TestPause(t *testing.T) {
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		var balls []*world.Object
		x := 0.0
		moving := true
		sv := st.serve(pipes.Config{}, world.Events{Tick: func(uint32) {
			if !moving {
				return
			}
			x++
			for _, b := range balls {
				check(t, b.Set("x", x))
			}
		}})
		for range 50 {
			balls = append(balls, sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1}))
		}
		c := st.client(client.Config{Plain: plain, UpdateRate: 66, MaxInbox: 8 << 10})
		c.AddInterest(nil, 1)
		st.connected(c)
		st.play(time.Second)
		before := c.Stats()
		if before.InboxDropped > 0 || before.InboxHolds > 0 {
			t.Fatalf("dropped %d, held %d", before.InboxDropped, before.InboxHolds)
		}
		playing := st.clients
		st.clients = nil
		st.play(5 * time.Second)
		st.clients = playing
		moving = false
		st.play(2 * time.Second)
		s := c.Stats()
		// 700 bytes of snapshots 66 times a second are more than the inbox, at
		// first; in the plain dialect nothing can be dropped, and the server does
		// not go on without acknowledgements.
		if s.InboxDropped == 0 != plain || plain && s.InboxHolds == 0 || s.Connects != 1 || c.State() != client.Connected {
			t.Errorf("dropped %d, held %d, %d connects", s.InboxDropped, s.InboxHolds, s.Connects)
		}
		for _, b := range balls {
			if o := c.Object(b.ID()); o == nil || float(o, 0) != x {
				t.Errorf("%v: %v", b, o)
			}
		}
	})
}

// TestPauseInSmallPieces does so while the server can only send a few objects at a
// time, each of them once. What a plain client acknowledges is taken for all up
// to that, so that nothing before it may have been dropped.
func TestPauseInSmallPieces(t *testing.T) {
	bubble(t, memory.Config{Window: 1 << 20}, func(t *testing.T, st *stage, plain bool) {
		sv := st.serve(pipes.Config{SendRate: 20 << 10}, world.Events{})
		var balls []*world.Object
		for range 300 {
			balls = append(balls, sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1}))
		}
		c := st.client(client.Config{Plain: plain, UpdateRate: 66, MaxInbox: 3 << 10})
		c.AddInterest(nil, 1)
		st.play(10 * time.Second)
		playing := st.clients
		for _, b := range balls {
			check(t, b.Set("x", float64(b.ID())))
		}
		for range 10 {
			st.clients = nil
			st.play(200 * time.Millisecond)
			st.clients = playing
			st.play(20 * time.Millisecond)
		}
		st.play(3 * time.Second)
		stale := 0
		for _, b := range balls {
			if o := c.Object(b.ID()); o == nil || float(o, 0) != float64(b.ID()) {
				stale++
			}
		}
		s := c.Stats()
		if stale > 0 || s.Connects != 1 {
			t.Errorf("%d of %d objects are stale; %d messages dropped, %d connects", stale, len(balls), s.InboxDropped, s.Connects)
		}
	})
}

// TestPauseReliable does not call Frame while the server sends what cannot be
// dropped.
func TestPauseReliable(t *testing.T) {
	// Messages in flight are not held back.
	bubble(t, memory.Config{Window: 1 << 20}, func(t *testing.T, st *stage, plain bool) {
		talk := 0
		var hero *world.Object
		sv := st.serve(pipes.Config{}, world.Events{
			Joined: func(c *world.Client) { check(t, c.AddZones(1)) },
			Tick: func(uint32) {
				for range talk {
					check(t, hero.Send("setTeam", 1))
				}
			},
		})
		hero = sv.spawn(t, world.Spawn{Class: "Avatar", Zone: 1})
		var lost error
		c := st.client(client.Config{Plain: plain, MaxInbox: 4 << 10, Events: client.Events{Lost: func(err error, _ time.Duration) { lost = err }}})
		st.until("the hero is seen", func() bool { return c.Object(hero.ID()) != nil })
		playing := st.clients

		// So much makes the server wait.
		st.clients, talk = nil, 20
		st.play(100 * time.Millisecond)
		st.clients, talk = playing, 0
		st.play(time.Second)
		if s := c.Stats(); s.InboxHolds == 0 || lost != nil {
			t.Errorf("%d holds, %v", s.InboxHolds, lost)
		}
		// A transport that delivers all the same is closed.
		st.clients, talk = nil, 50
		st.play(time.Second)
		st.clients, talk = playing, 0
		st.play(time.Second)
		if !errors.Is(lost, client.ErrInbox) || c.State() == client.Ended {
			t.Errorf("%v", lost)
		}
		st.connected(c)
		st.until("the hero is seen again", func() bool { return c.Object(hero.ID()) != nil })
	})
}

// TestStats measures a network that is known.
func TestStats(t *testing.T) {
	network := memory.Config{Seed: 5, Up: memory.Link{Latency: 40 * time.Millisecond}, Down: memory.Link{Latency: 40 * time.Millisecond, Loss: 0.2}}
	bubble(t, network, func(t *testing.T, st *stage, plain bool) {
		st.serve(pipes.Config{}, world.Events{})
		c := st.client(client.Config{Plain: plain, UpdateRate: 33})
		if s := c.Stats(); s != (client.Stats{}) {
			t.Errorf("%+v", s)
		}
		st.connected(c)
		loss, rate, n := 0.0, 0.0, 0
		for range 30 {
			st.play(time.Second)
			s := c.Stats()
			loss += s.Loss
			rate += s.SnapshotRate
			n++
			if s.RTT < 80*time.Millisecond || s.ReceiveRate <= 0 || s.SendRate <= 0 || s.AverageRTT < 80*time.Millisecond {
				t.Errorf("%+v", s)
			}
		}
		loss, rate = loss/float64(n), rate/float64(n)
		// The plain dialect has no loss of its own; there it is the link's to
		// the server, as the simulated network tells its sender.
		if !plain && (loss < 0.15 || loss > 0.25 || rate < 33*0.7 || rate > 33*0.9) || plain && (loss != 0 || rate < 30) {
			t.Errorf("loss %.2f, %.1f snapshots per second", loss, rate)
		}
	})
}

// TestRates asks for other rates, now and after a reconnect.
func TestRates(t *testing.T) {
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		sv := st.serve(pipes.Config{MaxUpdateRate: 50}, world.Events{})
		granted := uint16(0)
		c := st.client(client.Config{Plain: plain, Events: client.Events{RatesGranted: func(update, _ uint16) { granted = update }}})
		if u, k := c.Rates(); u != 0 || k != 0 {
			t.Errorf("%d and %d", u, k)
		}
		st.connected(c)
		if u, k := c.Rates(); u != 20 || k != 100 {
			t.Errorf("%d and %d", u, k)
		}
		want, said := uint16(50), uint16(50)
		if plain { // nobody tells
			want, said = 60, 0
		}
		check(t, c.SetRates(60, 30))
		st.play(time.Second)
		if u, k := c.Rates(); u != want || k != 30 || granted != said {
			t.Errorf("%d and %d, %d", u, k, granted)
		}
		sv.close()
		st.play(100 * time.Millisecond)
		check(t, c.SetRates(40, 20))
		st.serve(pipes.Config{}, world.Events{})
		st.play(2 * time.Second)
		if u, k := c.Rates(); u != 40 || k != 20 {
			t.Errorf("%d and %d after a reconnect", u, k)
		}
	})
}
