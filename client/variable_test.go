package client_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/pipes"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport/memory"
	"github.com/culm-net/culm/world"
)

// slider is a view that shows where a ball is.
type slider struct {
	x     *client.Variable[float64]
	drawn int
}

func (s *slider) Interpolated(*client.Object) { s.drawn++ }

func slide(o *client.Object, opts ...client.Option) *slider {
	return &slider{x: client.Interpolate(o, func(o *client.Object) float64 { return float(o, 0) }, opts...)}
}

// motion is a ball that goes at a speed when told.
type motion struct {
	ball  *world.Object
	x     float64
	speed float64
}

func (m *motion) tick(t *testing.T, w *world.World) {
	if m.speed != 0 {
		m.x += m.speed * w.Rate().Interval()
		check(t, m.ball.Set("x", m.x))
	}
}

// TestInterpolation looks at a ball that moves, rests and moves again. On a good
// network it is shown where it was a delay before the clock's present; on a bad one
// it never jumps, and comes to the right place.
func TestInterpolation(t *testing.T) {
	lossy := memory.Config{
		Seed: 3,
		Up:   memory.Link{Latency: 30 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.1, Duplicate: 0.02, Reorder: 0.1},
		Down: memory.Link{Latency: 30 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.1, Duplicate: 0.02, Reorder: 0.1},
	}
	for name, network := range map[string]memory.Config{"good": {}, "bad": lossy} {
		t.Run(name, func(t *testing.T) {
			bubble(t, network, func(t *testing.T, st *stage, plain bool) {
				m := &motion{}
				var sv *server
				sv = st.serve(pipes.Config{}, world.Events{Tick: func(uint32) { m.tick(t, sv.world) }})
				m.ball = sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1, Fields: map[string]any{"x": 0.0}})
				c := st.client(client.Config{Plain: plain, UpdateRate: 10})
				var view *slider
				check(t, c.Register("Ball", func(o *client.Object) any {
					view = slide(o, client.Linear())
					return view
				}))
				c.AddInterest(nil, 1)
				st.until("the ball is seen", func() bool { return view != nil })

				const speed = 10.0
				last, lastTime, worst, drawn := 0.0, c.Clock().Time(), 0.0, 0
				var began time.Duration // to move
				delay := 0.2 + 1/66.0   // of interpolation
				st.each = func() {
					now := c.Clock().Time()
					if now == lastTime {
						return
					}
					x, dt := view.x.Value(), now-lastTime
					// Lost packets make it wait, and then run: three snapshot
					// intervals in the time of one are thrice as fast.
					most := speed * dt * 1.1
					if name == "bad" {
						most = speed * dt * 4
					}
					if x < last-1e-9 || x-last > most+1e-9 {
						t.Errorf("at %.3f it goes from %.3f to %.3f in %.0f ms", now, last, x, 1000*dt)
					}
					if m.speed != 0 && st.net.Now()-began > 500*time.Millisecond && name == "good" {
						// The world moves it in the tick that has m.x.
						there := m.x + speed*(now-delay-sv.world.Time())
						worst = max(worst, math.Abs(there-x))
					}
					last, lastTime = x, now
				}
				for range 4 {
					m.speed, began = speed, st.net.Now()
					st.play(time.Second)
					if v := view.x.Velocity(); m.x > 1 && v < speed/4 || v > speed*4 {
						t.Errorf("it goes at %v", v)
					}
					m.speed = 0
					st.play(1100 * time.Millisecond)
					if x := view.x.Value(); x != m.x || view.x.Newest() != m.x || view.x.Velocity() != 0 || view.x.SmoothVelocity() != 0 {
						t.Errorf("it rests at %v (%v), the server has it at %v", x, view.x.Newest(), m.x)
					}
					drawn = view.drawn
					st.play(time.Second)
					if view.drawn != drawn || c.Stats().Moving != 0 {
						t.Errorf("drawn %d times while it rested", view.drawn-drawn)
					}
				}
				// The clock may be off by the settings' least offset, 10 ms,
				// and a snapshot by a tick's rest.
				if limit := speed * 0.015; worst > limit {
					t.Errorf("it is shown %.3f from where it was, more than %.3f", worst, limit)
				}
				if drawn == 0 {
					t.Error("it was never drawn")
				}
			})
		})
	}
}

// TestBudget shows motion that begins after a long rest smoothly, though the
// server's budget never lets a snapshot be whole. (The plain dialect does not tell.)
func TestBudget(t *testing.T) {
	bubbleIn(t, memory.Config{}, func(t *testing.T, st *stage) {
		m := &motion{}
		var sv *server
		var noise []*world.Object
		sv = st.serve(pipes.Config{SendRate: 8 << 10}, world.Events{Tick: func(tick uint32) {
			m.tick(t, sv.world)
			for i, o := range noise {
				check(t, o.Set("x", float64(tick)+float64(i)))
			}
		}})
		m.ball = sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1, Weight: 1000})
		for range 300 {
			noise = append(noise, sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1}))
		}
		whole := 0
		c := st.client(client.Config{UpdateRate: 10, Events: client.Events{Snapshot: func(s client.Snapshot) {
			if s.Whole {
				whole++
			}
		}}})
		var view *slider
		check(t, c.Register("Ball", func(o *client.Object) any {
			if o.ID() != m.ball.ID() {
				return nil
			}
			view = slide(o)
			return view
		}))
		c.AddInterest(nil, 1)
		st.play(5 * time.Second)
		if view == nil {
			t.Fatal("the ball is not seen")
		}
		wholeBefore := whole
		last, most := 0.0, 0.0
		st.each = func() {
			most = max(most, view.x.Value()-last)
			last = view.x.Value()
		}
		m.speed = 10
		st.play(time.Second)
		if whole != wholeBefore {
			t.Fatalf("%d snapshots were whole; the test needs a smaller budget", whole-wholeBefore)
		}
		if most > 4*10*frame.Seconds() || last < 5 {
			t.Errorf("it goes %.2f in one frame, to %.2f", most, last)
		}
	})
}

// TestLeavingMuch shows motion that begins as it is, while the client is still told
// of thousands of objects that it sees no more and of as many that it is to see: all
// state of what it shows comes meanwhile. (The plain dialect does not tell.)
func TestLeavingMuch(t *testing.T) {
	bubbleIn(t, memory.Config{}, func(t *testing.T, st *stage) {
		m := &motion{}
		var sv *server
		sv = st.serve(pipes.Config{SendRate: 16 << 10}, world.Events{Tick: func(uint32) { m.tick(t, sv.world) }})
		m.ball = sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1})
		for i := range 6000 {
			sv.spawn(t, world.Spawn{Class: "Ball", Zone: 2 + uint32(i%2)})
		}
		whole := 0
		c := st.client(client.Config{UpdateRate: 10, Events: client.Events{Snapshot: func(s client.Snapshot) {
			if s.Whole {
				whole++
			}
		}}})
		var view *slider
		check(t, c.Register("Ball", func(o *client.Object) any {
			if o.ID() != m.ball.ID() {
				return nil
			}
			view = slide(o, client.Linear())
			return view
		}))
		seen := false
		c.AddInterest(func() { seen = true }, 1, 2)
		st.until("all are seen", func() bool { return seen })
		m.speed = 1
		st.play(time.Second)
		m.speed = 0
		c.RemoveInterest(nil, 2)
		complete := false
		c.AddInterest(func() { complete = true }, 3)
		st.play(2 * time.Second)

		const speed, delay = 10.0, 0.2 + 1/66.0
		whole = 0
		from := m.x
		st.each = func() {
			there := max(from, m.x+speed*(c.Clock().Time()-delay-sv.world.Time()))
			if off := math.Abs(view.x.Value() - there); off > speed*0.03 {
				t.Errorf("it is shown at %.3f, %.3f from where it was", view.x.Value(), off)
			}
		}
		m.speed = speed
		st.play(time.Second)
		if complete {
			t.Fatal("nothing was still to be told; the test needs a smaller budget")
		}
		if whole < 8 {
			t.Errorf("%d of 10 snapshots were whole", whole)
		}
	})
}

// TestTeleport puts a ball elsewhere at once.
func TestTeleport(t *testing.T) {
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		sv := st.serve(pipes.Config{}, world.Events{})
		ball := sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1})
		c := st.client(client.Config{Plain: plain})
		var view *teleporter
		check(t, c.Register("Ball", func(o *client.Object) any {
			view = &teleporter{slider: slide(o, client.Extrapolate(time.Second))}
			return view
		}))
		c.AddInterest(nil, 1)
		st.until("the ball is seen", func() bool { return view != nil })
		var shown []float64
		st.each = func() { shown = append(shown, view.x.Value()) }
		check(t, ball.Set("x", 100))
		st.play(time.Second)
		if shown = slices.Compact(shown); !slices.Equal(shown, []float64{0, 100}) {
			t.Errorf("it goes %v", shown)
		}
		// Another one that is gone does nothing any more.
		check(t, ball.Delete())
		st.play(time.Second)
		view.x.Reset()
		if view.x.Value() != 100 || view.x.Velocity() != 0 {
			t.Errorf("%v", view.x.Value())
		}
	})
}

type teleporter struct{ *slider }

func (p *teleporter) PostDataUpdate(*client.Object, []int) { p.x.Reset() }

// TestExtrapolation lets the server fall silent: a ball goes on for as long as it
// may, and is taken back when the server speaks.
func TestExtrapolation(t *testing.T) {
	bubble(t, memory.Config{}, func(t *testing.T, st *stage, plain bool) {
		m := &motion{}
		var sv *server
		sv = st.serve(pipes.Config{}, world.Events{Tick: func(uint32) { m.tick(t, sv.world) }})
		m.ball = sv.spawn(t, world.Spawn{Class: "Ball", Zone: 1})
		c := st.client(client.Config{Plain: plain, UpdateRate: 33})
		var view *slider
		check(t, c.Register("Ball", func(o *client.Object) any {
			view = slide(o, client.Extrapolate(500*time.Millisecond))
			return view
		}))
		c.AddInterest(nil, 1)
		st.until("the ball is seen", func() bool { return view != nil })
		m.speed = 10
		st.play(time.Second)
		newest := view.x.Newest()
		st.server = nil // it hangs
		st.play(2 * time.Second)
		if over := view.x.Value() - newest; math.Abs(over-5) > 0.6 {
			t.Errorf("it went on for %v, not 10/s for 0.5 s", over)
		}
		st.server = sv
		st.play(time.Second)
		if x := view.x.Value(); math.Abs(m.x-x) > 2 {
			t.Errorf("it is at %v, the server has it at %v", x, m.x)
		}
	})
}

// TestLostPart loses the part of a snapshot that tells of a ball's motion. That
// another part of it has come does not say that the ball has not moved.
func TestLostPart(t *testing.T) {
	schema := schemaOf(t)
	p := newPuppet(t, client.Config{Schema: schema})
	var views []*slider
	check(t, p.client.Register("Ball", func(o *client.Object) any {
		views = append(views, slide(o, client.Linear()))
		return views[len(views)-1]
	}))
	p.generate(schema.Class("Ball"))
	p.generate(schema.Class("Ball"))
	last := 0.0
	for p.tick < 60 {
		p.step()
		// The first ball goes and the second one rests; every third tick is
		// told, in two parts. Those of tick 30 about the first ball, and of
		// tick 36 about the second one, are lost.
		if p.tick%3 == 0 {
			first := p.snapshot(nil, wire.FirstPart, p.record(nil, 1, 0, float64(p.tick)), 1)
			second := p.snapshot(nil, wire.LastPart, nil, 0)
			if p.tick != 30 {
				p.receive(first)
			}
			if p.tick != 36 {
				p.receive(second)
			}
		}
		p.client.Frame(p.now)
		x := views[0].x.Value()
		if p.tick > 20 && math.Abs(x-last-1) > 0.2 {
			t.Errorf("tick %d: it goes from %.2f to %.2f", p.tick, last, x)
		}
		last = x
	}
	if views[1].x.Value() != 0 {
		t.Error("the other ball moves")
	}
	p.close()
}
