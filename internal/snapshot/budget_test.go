package snapshot_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/pipes/wire"
)

// A client that is not due is not asked what it can take.
func TestBudgetIsAskedWhenDue(t *testing.T) {
	s := newStage(t, 1)
	asked, budget := 0, 1000
	v := s.view(snapshot.ViewConfig{Rate: 20, Budget: func() int { asked++; return budget }}, 1)
	s.add(1, "a")
	for range 6 { // of 60 ticks per second
		s.produce()
	}
	if asked != 2 {
		t.Errorf("asked %d times in 6 ticks for 2 snapshots", asked)
	}
	budget = 0
	for range 3 {
		s.produce()
		if got := s.got[v]; got != nil && len(got.Parts) > 0 {
			t.Error("a snapshot that there is no room for")
		}
	}
}

// debtor is a client whose budget a large object exceeds, beside small ones.
type debtor struct {
	*stage
	view  *snapshot.View
	plain bool
	spent int // bytes of objects in all
}

// step makes a tick and tells whether there was a snapshot, and which objects were
// in it.
func (d *debtor) step() (names string, ok bool) {
	d.Helper()
	d.produce()
	snap := d.got[d.view]
	if snap == nil || len(snap.Parts) == 0 {
		return "", false
	}
	size := 0
	for _, p := range snap.Parts {
		size += len(p.Data)
	}
	if d.plain {
		size -= 9 // type, tick, delta, count
		_, body, _ := wire.Split(snap.Parts[0].Data)
		m, err := wire.DecodeSnapshot(body)
		if err != nil {
			d.Fatal(err)
		}
		o := m.Objects(func(uint32) *dc.Class { return d.layout.Class() })
		for o.Next() {
			names += string(rune(o.DoID()))
		}
		if d.view.AckTick(snap.Tick); o.Err() != nil {
			d.Fatal(o.Err())
		}
	} else {
		for i := range snap.Parts {
			part := d.decode(snap, i)
			for r := part.Records(); r.Next(); {
				names += string(rune(r.Record().DoID))
			}
		}
		d.ackAll()
	}
	d.spent += size
	return names, true
}

// TestSnapshotsGoOnWhileDebtIsPaid: an object that exceeds the budget is sent at
// once, and half of what follows makes up for it. The client gets a snapshot at
// each due time all the same, and what fits of the others; the large object comes
// again as often as the budget allows.
func TestSnapshotsGoOnWhileDebtIsPaid(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			const budget, large, ticks = 60, 600, 400
			s := newStage(t, 1)
			s.add(1, "abcL")
			d := &debtor{stage: s, plain: plain, view: s.view(snapshot.ViewConfig{Plain: plain}, 1)}
			d.step()
			d.view.SetBudget(budget)
			d.spent = 0
			last, times := map[rune]int{}, map[rune]int{}
			for i := range ticks {
				s.set("abc", 0, byte(i))
				s.set("L", 2, append(binary.LittleEndian.AppendUint16(nil, large), bytes.Repeat([]byte{byte(i)}, large)...)...)
				names, ok := d.step()
				if !ok {
					t.Fatalf("no snapshot in tick %d, after %d bytes", s.tick, d.spent)
				}
				for _, n := range names {
					last[n] = i
					times[n]++
				}
				for _, n := range "abc" {
					if i-last[n] > 6 {
						t.Fatalf("%c was not sent for %d ticks", n, i-last[n])
					}
				}
			}
			// Half of each budget pays for the large one.
			if often := ticks * budget / 2 / large; times['L'] < often*3/4 || times['L'] > often*5/4 {
				t.Errorf("the large object was sent %d times in %d ticks, %d would be half of the budget", times['L'], ticks, often)
			}
			if most := ticks*budget + large + 20; d.spent > most {
				t.Errorf("%d bytes were sent, %d allowed", d.spent, most)
			}
		})
	}
}

// TestBudgetIsKept: whatever objects change and however small the budget, on the
// average it is kept, each due time has its snapshot, and everything gets its
// turn.
func TestBudgetIsKept(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := newStage(t, 1)
		names := "abcdefgh"
		s.add(1, names)
		d := &debtor{stage: s, plain: rapid.Bool().Draw(r, "plain")}
		d.view = s.view(snapshot.ViewConfig{Plain: d.plain, PartSize: rapid.IntRange(10, 200).Draw(r, "part size")}, 1)
		if rapid.Bool().Draw(r, "owns") {
			s.index.SetOwner(s.objects["c"], d.view)
		}
		d.step()
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 0, 20, 200, 2000}), len(names), len(names)).Draw(r, "sizes")
		sum := 0
		for _, n := range sizes {
			sum += n + 14
		}
		budget := rapid.IntRange(1+sum/20, 300+sum/20).Draw(r, "budget")
		d.view.SetBudget(budget)
		d.spent = 0
		// Half of the budget for the client's own object, half of the rest for
		// debt, and what is left over since the next one does not fit.
		turn := 12 * (len(names) + sum/budget)
		last := map[rune]int{}
		for i := range 2 * turn {
			for k, n := range names {
				s.set(string(n), 2, append(binary.LittleEndian.AppendUint16(nil, uint16(sizes[k])), bytes.Repeat([]byte{byte(i)}, sizes[k])...)...)
				s.set(string(n), 0, byte(i))
			}
			got, ok := d.step()
			if !ok {
				r.Fatalf("no snapshot in tick %d", s.tick)
			}
			for _, n := range got {
				last[n] = i
			}
			for _, n := range names {
				if i-last[n] > turn {
					r.Fatalf("%c was not sent for %d ticks", n, i-last[n])
				}
			}
			if most := (i+1)*budget + 2*(2000+20); d.spent > most {
				r.Fatalf("%d bytes were sent in %d ticks with %d each", d.spent, i+1, budget)
			}
		}
	})
}
