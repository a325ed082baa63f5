package netclock

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func newTestClient(t testing.TB, change func(*Settings)) *Client {
	t.Helper()
	s := DefaultSettings()
	if change != nil {
		change(&s)
	}
	c, err := NewClient(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A network and a server, whose clock runs at speed times the client's.
type network struct {
	speed    float64
	delay    float64 // seconds
	jitter   float64 // seconds at most, evenly spread, so that packets overtake
	loss     float64
	frame    float64 // seconds, by half as much more or less
	start    uint32
	snapshot float64 // seconds between snapshots, of the server's
}

// run plays seconds of it and calls each after each frame with how far the
// client is ahead of the ticks that arrive with the mean delay.
func (n network) run(c *Client, random *rand.Rand, seconds float64, each func(now, ahead float64)) {
	type packet struct {
		arrives float64
		tick    uint32
	}
	var packets []packet
	for at := 0.0; at < seconds; at += n.snapshot / n.speed {
		if random.Float64() >= n.loss {
			tick := uint32(at * n.speed * float64(c.Rate()))
			packets = append(packets, packet{at + n.delay + n.jitter*random.Float64(), n.start + tick})
		}
	}
	slices.SortFunc(packets, func(a, b packet) int {
		if a.arrives < b.arrives {
			return -1
		}
		return 1
	})
	for now := 0.0; now < seconds; {
		dt := n.frame * (0.5 + random.Float64())
		now += dt
		c.Advance(dt)
		for len(packets) > 0 && packets[0].arrives <= now {
			c.ServerTick(packets[0].tick)
			packets = packets[1:]
		}
		if c.Synced() {
			server := (now - n.delay - n.jitter/2) * n.speed
			each(now, c.Time()-c.TimeOf(n.start)-server)
		}
	}
}

// The client gets to the server's speed and stays near its ticks, whatever the
// jitter within reason, without ever jumping.
func TestFollowsTheServer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := network{
			speed:    1 + rapid.Float64Range(-0.04, 0.04).Draw(t, "drift"),
			delay:    rapid.Float64Range(0, 0.3).Draw(t, "delay"),
			jitter:   rapid.Float64Range(0, 0.06).Draw(t, "jitter"),
			loss:     rapid.Float64Range(0, 0.3).Draw(t, "loss"),
			frame:    rapid.Float64Range(1./144, 1./25).Draw(t, "frame"),
			snapshot: 1 / rapid.Float64Range(15, 66).Draw(t, "rate"),
			start:    rapid.Uint32().Draw(t, "start"),
		}
		seed := rapid.Uint64().Draw(t, "seed")
		settings := DefaultSettings()
		settings.TickRate = Rate(rapid.IntRange(5, 128).Draw(t, "tickrate"))
		if settings.TickRate < 10 {
			// Of so long ticks the usual DriftMax is one, and who has lost the
			// first packets of a tick is two off in the next.
			settings.DriftMax = time.Duration(2.5 * settings.TickRate.Interval() * float64(time.Second))
		}
		c, err := NewClient(settings)
		if err != nil {
			t.Fatal(err)
		}

		// What the ramp needs to make good the drift, what is never corrected,
		// the jitter, and what lies between packets, ticks and frames.
		drift := math.Abs(n.speed - 1)
		bound := 0.010 + drift*0.080/0.2 + n.jitter + 1.5*n.frame + c.Rate().Interval() + 3*drift*n.snapshot*16
		const seconds, settled = 40, 15
		last := math.Inf(-1)
		var from, to struct{ now, time float64 }
		var worst float64
		n.run(c, rand.New(rand.NewPCG(seed, 1)), seconds, func(now, ahead float64) {
			if c.Time() < last && c.Snaps() == 1 {
				t.Fatalf("time went back at %v", now)
			}
			last = c.Time()
			if now < settled {
				from.now, from.time = now, c.Time()
				return
			}
			to.now, to.time = now, c.Time()
			worst = max(worst, math.Abs(ahead))
		})
		if c.Snaps() != 1 {
			t.Fatalf("%d snaps", c.Snaps())
		}
		if worst > bound {
			t.Fatalf("off by %v s, expected at most %v", worst, bound)
		}
		speed := (to.time - from.time) / (to.now - from.now)
		if math.Abs(speed-n.speed) > 2*bound/(to.now-from.now) {
			t.Fatalf("runs at %v of the server's %v", speed, n.speed)
		}
	})
}

// Correcting is worth it: without it a drift ends in a snap every few seconds.
func TestWithoutCorrectionItSnaps(t *testing.T) {
	n := network{speed: 1.02, delay: 0.05, jitter: 0.01, frame: 1. / 60, snapshot: 0.05}
	for correction, want := range map[bool]uint64{true: 1, false: 4} {
		c := newTestClient(t, func(s *Settings) { s.Correction = correction })
		n.run(c, rand.New(rand.NewPCG(1, 2)), 30, func(now, ahead float64) {})
		if got := c.Snaps(); got != want {
			t.Errorf("correction %v: %d snaps, want %d", correction, got, want)
		}
	}
}

func TestFirstTickSnaps(t *testing.T) {
	for _, tick := range []uint32{0, 1, math.MaxUint32, 1 << 31} {
		c := newTestClient(t, nil)
		c.Advance(0.1)
		if c.Synced() {
			t.Error("synced with nothing")
		}
		if _, ok := c.Newest(); ok {
			t.Error("has a newest tick")
		}
		if !c.ServerTick(tick) || !c.Synced() || c.Tick() != tick || c.Remainder() != 0 || c.Time() < 0 {
			t.Errorf("tick %d: clock at %d and %v, %v s", tick, c.Tick(), c.Remainder(), c.Time())
		}
		if newest, ok := c.Newest(); !ok || newest != tick {
			t.Errorf("newest %v, %v", newest, ok)
		}
	}
}

// A snap leaves nothing to correct, however it came about.
func TestSnapForgetsOffsets(t *testing.T) {
	c := newTestClient(t, nil)
	c.Reset(1000)
	for range 20 {
		c.Advance(1. / 66)
		c.ServerTick(c.Tick() + 9)
	}
	if c.Offset() > -0.05 {
		t.Fatalf("offset %v, want one to forget", c.Offset())
	}
	if !c.ServerTick(5000) || c.Offset() != 0 {
		t.Errorf("offset %v after a snap", c.Offset())
	}
	before := c.Time()
	if c.Advance(0.1); !near(c.Time()-before, 0.1) {
		t.Errorf("a frame of 0.1 s became %v after a snap", c.Time()-before)
	}
}

// A tick that is longer than the allowed drift is still not drift.
func TestSlowTicks(t *testing.T) {
	c := newTestClient(t, func(s *Settings) { s.TickRate = 1 })
	c.Reset(10)
	if c.ServerTick(11) {
		t.Error("snapped to the next tick")
	}
	if !c.ServerTick(13) {
		t.Error("did not snap to the third")
	}
}

// A pause is not made good tick by tick: the server's next tick ends it.
func TestLongPause(t *testing.T) {
	c := newTestClient(t, nil)
	c.Reset(1000)
	if n := c.Advance(3600); n != 16 || !near(c.Dropped(), 3599.75) {
		t.Errorf("%d ticks, %v s dropped", n, c.Dropped())
	}
	if !c.ServerTick(1000+3600*66) || c.Tick() != 1000+3600*66 {
		t.Errorf("clock at %d after the server's tick", c.Tick())
	}
}

// What comes late says nothing until nothing else comes.
func TestLateTicks(t *testing.T) {
	const frame = 1. / 66
	c := newTestClient(t, nil)
	c.Reset(1000)
	server := uint32(1000)
	step := func(late uint32) (snapped bool) {
		c.Advance(frame)
		server++
		return c.ServerTick(server - late)
	}
	for i := range 100 {
		late := uint32(0)
		if i%3 == 0 {
			late = 20
		}
		if step(late) {
			t.Fatalf("frame %d: snapped to one late tick among others", i)
		}
	}
	if c.Offset() > 0.001 {
		t.Errorf("late ticks make an offset of %v", c.Offset())
	}
	// A burst after a stall, all at one moment.
	for i := range uint32(60) {
		if c.ServerTick(server - 60 + i) {
			t.Fatalf("snapped to tick %d of a burst", i)
		}
	}
	// From now on the way takes 20 ticks longer. A quarter of a second is
	// 16.5 frames.
	frames := 0
	for !step(20) {
		if frames++; frames > 100 {
			t.Fatal("never snapped")
		}
	}
	if frames != 17 || c.Tick() != server-20 || c.Offset() != 0 {
		t.Errorf("snapped after %d frames to %d, server at %d, offset %v", frames, c.Tick(), server, c.Offset())
	}
}

// A server whose clock steps is followed both ways, across the wrap too.
func TestClockSteps(t *testing.T) {
	for _, start := range []uint32{1000, math.MaxUint32 - 30, 20} {
		for _, by := range []int32{12, -12, 1000, -1000, math.MaxInt32, math.MinInt32} {
			c := newTestClient(t, nil)
			c.Reset(start)
			tick := start
			frame := func() {
				c.Advance(1. / 66)
				tick++
				c.ServerTick(tick)
			}
			for range 50 {
				frame()
			}
			if c.Snaps() != 0 {
				t.Fatalf("start %d: snapped in step", start)
			}
			tick += uint32(by)
			for range 50 {
				frame()
			}
			if c.Snaps() != 1 || int32(c.Tick()-tick) < -1 || int32(c.Tick()-tick) > 1 {
				t.Errorf("start %d, step by %d: %d snaps, clock at %d, server at %d", start, by, c.Snaps(), c.Tick(), tick)
			}
		}
	}
}

// Tick numbers that are no news are no samples.
func TestOldTicksAreNoSamples(t *testing.T) {
	c := newTestClient(t, nil)
	c.Reset(1000)
	for range 6 {
		c.Advance(1. / 66)
	}
	c.ServerTick(1006)
	for _, tick := range []uint32{1006, 1005, 1000, 1006} {
		c.ServerTick(tick)
	}
	if newest, _ := c.Newest(); newest != 1006 || c.Offset() != 0 {
		t.Errorf("newest %d, offset %v", newest, c.Offset())
	}
}

// A correction goes towards the server, at most at its settings' speed, and
// never past it.
func TestCorrectionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := DefaultSettings()
		s.TickRate = Rate(rapid.IntRange(1, 200).Draw(t, "tickrate"))
		s.DriftMax = time.Duration(rapid.IntRange(20, 5000).Draw(t, "drift")) * time.Millisecond
		s.MinOffset = time.Duration(rapid.IntRange(0, 19).Draw(t, "min")) * time.Millisecond
		s.MaxOffset = s.MinOffset + time.Duration(rapid.IntRange(0, 100).Draw(t, "ramp"))*time.Millisecond
		s.MaxAmount = time.Duration(rapid.IntRange(1, 999).Draw(t, "amount")) * time.Millisecond
		c, err := NewClient(s)
		if err != nil {
			t.Fatal(err)
		}
		c.Reset(1 << 20)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			snaps, before := c.Snaps(), c.Time()
			if rapid.Bool().Draw(t, "packet") {
				c.ServerTick(c.Tick() + uint32(rapid.IntRange(-20, 20).Draw(t, "offset")))
				if c.Snaps() == snaps && c.Time() != before {
					t.Fatal("moved without a snap")
				}
				continue
			}
			offset := c.Offset()
			dt := rapid.Float64Range(0, 0.25).Draw(t, "dt")
			c.Advance(dt)
			by := c.Time() - before - dt
			const rounding = 1e-9
			switch {
			case math.Abs(by) > dt*s.MaxAmount.Seconds()+rounding:
				t.Fatalf("corrected by %v in %v", by, dt)
			case math.Abs(by) > math.Abs(offset)+rounding || by*offset > rounding:
				t.Fatalf("corrected by %v at an offset of %v", by, offset)
			case math.Abs(c.Offset()-(offset+by)) > rounding:
				t.Fatalf("offset %v after %v corrected by %v", c.Offset(), offset, by)
			case math.Abs(offset) <= s.MinOffset.Seconds() && math.Abs(by) > rounding:
				t.Fatalf("corrected by %v at an offset of only %v", by, offset)
			}
		}
	})
}

// Nothing that comes in breaks the clock.
func TestClientProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := DefaultSettings()
		c, err := NewClient(s)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			time, tick, snaps := c.Time(), c.Tick(), c.Snaps()
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				n := c.Advance(rapid.Float64().Draw(t, "dt"))
				if c.Time() < time || c.Tick() != tick+uint32(n) || n > 2*17 {
					t.Fatalf("from %v to %v in %d ticks", time, c.Time(), n)
				}
			case 1:
				if c.Advance(rapid.Float64Range(0, 0.1).Draw(t, "dt")); c.Time() < time {
					t.Fatalf("back from %v to %v", time, c.Time())
				}
			case 2:
				if c.ServerTick(rapid.Uint32().Draw(t, "tick")) != (c.Snaps() == snaps+1) {
					t.Fatal("a snap not reported")
				}
			case 3:
				c.ServerTick(c.Tick() + uint32(rapid.IntRange(-15, 15).Draw(t, "near")))
			}
			if c.Snaps() == snaps && c.Time() < time {
				t.Fatalf("back from %v to %v without a snap", time, c.Time())
			}
			if c.Remainder() < 0 || c.Remainder() >= c.Rate().Interval() || !(c.Jitter() >= 0) || math.IsInf(c.Jitter(), 0) || math.IsNaN(c.Offset()) {
				t.Fatalf("remainder %v, jitter %v, offset %v", c.Remainder(), c.Jitter(), c.Offset())
			}
		}
	})
}

func TestJitter(t *testing.T) {
	for _, jitter := range []float64{0, 0.03} {
		c := newTestClient(t, nil)
		n := network{speed: 1, delay: 0.1, jitter: jitter, frame: 1. / 500, snapshot: 0.05}
		n.run(c, rand.New(rand.NewPCG(3, 4)), 20, func(now, ahead float64) {})
		// Two even spreads differ by a third of their width in the mean; ticks
		// and frames add a little.
		if got := c.Jitter(); math.Abs(got-jitter/3) > 0.008 {
			t.Errorf("jitter %v of packets spread over %v", got, jitter)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	c := newTestClient(t, nil)
	var rtt RTT
	if n := testing.AllocsPerRun(100, func() {
		c.Advance(1. / 60)
		c.ServerTick(c.Tick() + 3)
		c.TimeOf(c.Tick())
		rtt.Add(time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClient(b *testing.B) {
	b.Run("advance", func(b *testing.B) {
		b.ReportAllocs()
		c := newTestClient(b, nil)
		c.Reset(0)
		for b.Loop() {
			c.Advance(1. / 60)
		}
	})
	b.Run("tick", func(b *testing.B) {
		b.ReportAllocs()
		c := newTestClient(b, nil)
		c.Reset(0)
		for b.Loop() {
			c.Advance(1. / 66)
			c.ServerTick(c.Tick())
		}
	})
}
