package pipes_test

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/culm-net/culm/transport/memory"
)

// soakEnv is how many minutes TestSoak plays, of the world's time.
const soakEnv = "CULM_SOAK_MINUTES"

// TestSoak plays one world for clients of all kinds that come and go, at 5 % loss:
// everything that they show is right at all times, every minute all of them come to
// agree with the server, and neither memory nor goroutines get more.
func TestSoak(t *testing.T) {
	minutes, err := strconv.Atoi(os.Getenv(soakEnv))
	if err != nil || minutes < 1 {
		t.Skip("set " + soakEnv + "=30 to play for 30 minutes of virtual time, which takes a fraction of that, or run .ci/soak")
	}
	var all counts
	var heap []uint64
	var goroutines []int
	synctest.Test(t, func(t *testing.T) {
		link := memory.Link{Latency: 40 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.05, Duplicate: 0.01, Reorder: 0.05}
		seed := max(*modelSeed, 1)
		t.Logf("seed %d", seed)
		m := newModel(t, seed, terms{net: memory.Config{Seed: seed, Up: link, Down: link}, players: 16, most: 80})
		for range m.terms.players {
			m.dial(m.randomRole())
		}
		for minute := range minutes {
			for end := m.net.Now() + time.Minute; m.net.Now() < end; {
				m.step(modelFrame)
				m.disturb()
				if m.rand.IntN(60) == 0 && m.here() < m.terms.players {
					m.dial(m.randomRole())
				}
			}
			m.settle()
			m.still()
			m.ask()
			m.calm = false
			m.forget()
			runtime.GC()
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			heap, goroutines = append(heap, s.HeapAlloc), append(goroutines, runtime.NumGoroutine())
			if minute%5 == 4 || minute == minutes-1 {
				t.Logf("minute %d: %d ticks, %d clients of %d that came, %d objects, %d KiB, %d goroutines",
					minute+1, m.world.Tick(), m.here(), m.joined, len(m.live), s.HeapAlloc>>10, runtime.NumGoroutine())
			}
		}
		m.end()
		all = m.counts
	})
	t.Log(all)
	if n := len(heap); n >= 10 {
		early, late := slices.Max(heap[n/5:n/2]), slices.Max(heap[n/2:])
		if late > early+early/4+1<<20 {
			t.Errorf("memory grows: %d KiB at most up to the middle, %d KiB after it", early>>10, late>>10)
		}
	}
	if first, last := goroutines[0], goroutines[len(goroutines)-1]; last > first {
		t.Errorf("%d goroutines after a minute, %d in the end", first, last)
	}
}

// here is how many clients have not left.
func (m *model) here() (n int) {
	for _, p := range m.players {
		if !p.left {
			n++
		}
	}
	return n
}

// forget drops who has gone and what nobody can show any more, so that the test's
// own memory is flat.
func (m *model) forget() {
	m.players = slices.DeleteFunc(m.players, func(p *spectator) bool {
		if p.ended() {
			p.faults()
			m.count(p)
			// A chain of lives and owners leads from the present to all the past.
			p.shown, p.met = nil, nil
			if p.seat != nil {
				p.seat.client = nil
			}
		}
		return p.ended()
	})
	for _, p := range m.players {
		if p.left {
			p.close() // who does not read does not notice that the server has closed
		}
	}
	used := map[*life]bool{}
	for _, p := range m.players {
		for _, s := range p.shown {
			used[s.life] = true
		}
	}
	before := m.world.Tick() - min(m.world.Tick(), 20*66)
	m.history.forget(before, used)
	for _, p := range m.players {
		for l := range p.met {
			if l.dead && !used[l] {
				delete(p.met, l)
			}
		}
	}
}
