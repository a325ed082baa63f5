package pipes_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/pipes/internal/independent"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
)

// kinds are the well-behaved clients: both dialects, both makes.
func kinds(rate uint16) []role {
	var all []role
	for _, session := range []bool{false, true} {
		for _, plain := range []bool{false, true} {
			all = append(all, role{session: session, plain: plain, rate: rate})
		}
	}
	return all
}

// stage makes a model in which only script acts, with clients that see zones 0 to
// 3 and are welcome already.
func stage(t *testing.T, c terms, roles []role) *model {
	m := newModel(t, 1, c)
	m.calm, m.script = true, func() {}
	for _, r := range roles {
		m.dial(r)
	}
	for range 20 {
		m.step(modelFrame)
	}
	for _, p := range m.players {
		p.interest(independent.SetInterest, 0, 1, 2, 3)
	}
	return m
}

func (m *model) spawnIn(class string, zone uint32) *thing {
	for {
		m.spawn()
		if t := m.live[len(m.live)-1]; t.class.Name() == class {
			m.move(t, zone)
			return t
		}
		m.remove(m.live[len(m.live)-1])
	}
}

// TestTinyBudget has fifty objects that change in every tick, for clients that
// get a fraction of it: nothing may starve, weight counts, and what one owns
// comes first.
func TestTinyBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := memory.Link{Latency: 20 * time.Millisecond, Loss: 0.02}
		m := stage(t, terms{net: memory.Config{Seed: 1, Up: link, Down: link}, sendRate: 4000, most: 200}, kinds(20))
		var all []*thing
		for i := range 50 {
			all = append(all, m.spawnIn("Avatar", uint32(i%modelZones)))
		}
		heavy := all[0]
		m.must(heavy.object.SetWeight(10))
		for i, p := range m.players {
			m.own(all[1+i], p.seat)
		}
		m.script = func() {
			for _, a := range all {
				m.serial++
				m.setByName(a, "serial", m.serial)
				m.setByName(a, "place", []any{m.rand.Float64(), 0.0})
			}
		}
		for range 500 { // the generates are over
			m.step(modelFrame)
		}
		worst := make([]int, len(m.players))
		sum, heavySum, ownSum, n := 0, 0, 0, 0
		for range 700 {
			m.step(modelFrame)
			for i, p := range m.players {
				for j, a := range all {
					age := int(m.world.Tick())
					if s := p.shown[a.id]; s != nil {
						age -= int(s.tick)
					}
					worst[i] = max(worst[i], age)
					switch j {
					case 0:
						heavySum += age
					case 1 + i:
						ownSum += age
					case 40:
						sum += age
						n++
					}
				}
			}
		}
		t.Logf("oldest in ticks %v; on the average an object %d, one ten times as heavy %d, one's own %d", worst, sum/n, heavySum/n, ownSum/n)
		// A snapshot has 200 bytes, a record 27 or in the plain dialect 36. One
		// is one's own object, three or four are others: fifty take a second,
		// and longer when some are lost or the heavy one is among them.
		for i, p := range m.players {
			if worst[i] > 4*66 {
				m.fail(p, "%v: an object is %d ticks old", p, worst[i])
			}
		}
		if heavySum*2 > sum || ownSum*2 > sum {
			t.Errorf("an object is %d ticks old, the heavy one %d, one's own %d", sum/n, heavySum/n, ownSum/n)
		}
		m.script = func() {}
		m.settle()
		m.end()
	})
}

// TestLargeObject: what exceeds the budget is made up for with half of what the
// client has. Meanwhile snapshots come at its rate, for its clock, and the others
// go on with the other half.
func TestLargeObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := stage(t, terms{net: memory.Config{Seed: 1}, sendRate: 10_000, most: 20}, kinds(20))
		large, small := m.spawnIn("Avatar", 0), m.spawnIn("Avatar", 0)
		m.script = func() {
			m.serial++
			m.setByName(small, "serial", m.serial)
		}
		for range 100 {
			m.step(modelFrame)
		}
		m.setByName(large, "note", strings.Repeat("x", 30_000)) // six seconds' worth of one half
		before := map[*spectator]int{}
		for _, p := range m.players {
			before[p] = p.client.Snapshots()
		}
		for range 600 { // 9 s
			m.step(modelFrame)
			for _, p := range m.players {
				if s := p.shown[small.id]; s == nil || m.world.Tick()-s.tick > 8 {
					m.fail(p, "%v: the small object is of tick %d at tick %d", p, s.tick, m.world.Tick())
				}
			}
		}
		for _, p := range m.players {
			if n := p.client.Snapshots() - before[p]; n < 175 {
				m.fail(p, "%v: %d snapshots in 9 s at 20 per second", p, n)
			}
		}
		m.script = func() {}
		m.settle()
		m.end()
	})
}

// TestLeavingMuch: whoever leaves a view of more objects than there is room for in
// its queue, or sees them all deleted, is told in the course of time. What comes
// back meanwhile, and what is new, it is shown as it is.
func TestLeavingMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 1000
		link := memory.Link{Latency: 20 * time.Millisecond}
		m := stage(t, terms{
			net: memory.Config{Seed: 1, Up: link, Down: link, SendQueue: 16 << 10, MaxReliable: 4000, Window: 8 << 10}, sendRate: 20_000, most: 2 * many,
		}, kinds(20))
		for len(m.live) < many {
			m.spawn()
			last := m.live[len(m.live)-1]
			m.own(last, nil)
			m.move(last, uint32(len(m.live)%3))
		}
		m.settle()
		m.calm = true
		for _, p := range m.players {
			p.interest(independent.SetInterest, 3)
		}
		for range 10 {
			m.step(modelFrame)
		}
		for i, a := range m.live[:300] {
			switch i % 3 {
			case 0:
				m.change(a)
				m.move(a, 3)
			case 1:
				m.remove(a)
			}
		}
		m.spawnIn("Rock", 3)
		for _, p := range m.players {
			p.interest(independent.AddInterest, 2)
		}
		m.settle()
		for _, p := range m.players {
			p.interest(independent.AddInterest, 0, 1)
		}
		m.settle()
		for len(m.live) > 0 {
			m.remove(m.live[0])
		}
		for i := range 200 {
			m.spawnIn("Avatar", uint32(i%modelZones)) // with doIds that clients have to forget first
		}
		m.settle()
		m.end()
	})
}

// transcript is all that a client got, and when.
type transcript struct {
	transport.Handler
	m *model
	b *bytes.Buffer
}

func (r transcript) Received(c transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		fmt.Fprintf(r.b, "%v %x\n", r.m.net.Now(), m)
	}
	r.Handler.Received(c, msgs)
}

// TestBystanders: others get the same bytes at the same time, whether or not
// clients are there that never acknowledge, do not read, vanish, flood, or
// say nonsense.
func TestBystanders(t *testing.T) {
	play := func(bad bool) (all []string) {
		synctest.Test(t, func(t *testing.T) {
			var buffers []*bytes.Buffer
			roles := kinds(66)
			link := memory.Link{Latency: 20 * time.Millisecond}
			c := terms{net: memory.Config{Seed: 1, Up: link, Down: link, SendQueue: 100 << 10, Window: 20 << 10}, most: 100}
			var m *model
			for i := range roles {
				b := &bytes.Buffer{}
				buffers = append(buffers, b)
				roles[i].around = func(h transport.Handler) transport.Handler { return transcript{h, m, b} }
			}
			m = newModel(t, 1, c)
			m.calm = true
			for _, r := range roles {
				m.dial(r)
			}
			own := rand.New(rand.NewPCG(7, 7)) // other than that of who dials
			m.script = func() {
				m.rand = own
				if len(m.live) < 60 {
					m.spawn()
				}
				for _, a := range m.live {
					if own.IntN(3) == 0 {
						m.change(a)
					}
				}
				some := m.live[own.IntN(len(m.live))]
				m.say(some)
				if own.IntN(4) == 0 {
					m.move(some, uint32(own.IntN(modelZones)))
				}
				if own.IntN(10) == 0 {
					m.remove(some)
				}
			}
			// The objects of whoever is there differ, so there are none.
			m.nobody = true
			for range 20 {
				m.step(modelFrame)
			}
			good := m.players
			for _, p := range good {
				p.interest(independent.SetInterest, 0, 1, 2)
			}
			var gone, flood, nonsense *spectator
			if bad {
				for range 4 {
					m.dial(role{acks: independent.AckNever, rate: 66})
					m.dial(role{acks: independent.AckLie, rate: 300, plain: m.joined%4 == 0})
				}
				for range 20 {
					m.step(modelFrame)
				}
				for _, p := range m.players[len(good):] {
					p.interest(independent.SetInterest, 0, 1, 2, 3)
				}
				deaf := m.players[len(good)]
				gone = m.players[len(good)+1]
				flood, nonsense = m.players[len(good)+2], m.players[len(good)+3]
				for _, p := range []*spectator{deaf, gone, flood, nonsense} {
					p.broken, p.mad, p.liar = true, true, true
				}
				deaf.conn.Hold(time.Hour)
				gone.vanish()
			} else {
				for range 20 {
					m.step(modelFrame)
				}
			}
			for i := range 600 {
				if flood != nil {
					for range 50 {
						_ = flood.conn.Send(transport.Message{Data: []byte{11, 0, 1, 0, 0, 0, 7, 0, 1, 0, 0, 0}})
						_ = flood.conn.Send(transport.Message{Data: binary.LittleEndian.AppendUint16(nil, 0x430d), Mode: transport.Unreliable})
					}
					flood.conn.Flush()
					if i == 300 {
						_ = nonsense.conn.Send(transport.Message{Data: []byte{0x07, 0x43, 1}})
						nonsense.conn.Flush()
					}
				}
				m.step(modelFrame)
			}
			for _, p := range good {
				p.faults()
			}
			if bad {
				// Who does not read is there until its queue is full.
				for _, p := range []*spectator{gone, nonsense} {
					if !p.seat.gone {
						m.fail(p, "%v is still there", p)
					}
				}
			}
			m.end()
			for _, b := range buffers {
				all = append(all, b.String())
			}
		})
		return all
	}
	alone, crowded := play(false), play(true)
	for i := range alone {
		if len(alone[i]) < 10_000 {
			t.Errorf("client %d got only %d characters", i, len(alone[i]))
		}
		a, b := strings.Split(alone[i], "\n"), strings.Split(crowded[i], "\n")
		for j := range a {
			if j >= len(b) || a[j] != b[j] {
				t.Errorf("client %d, message %d:\n%s\n alone, and in the crowd\n%s", i, j, a[j], b[min(j, len(b)-1)])
				break
			}
		}
	}
}
