package snapshot_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
	"github.com/culm-net/culm/internal/snapshot"
	"github.com/culm-net/culm/pipes/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rulesDC = `dclass Thing { uint8 a; uint8 b; string s; };`

// stage is a world for one rule, with an object per name.
type stage struct {
	*testing.T
	index   *snapshot.Index
	layout  *object.Layout
	objects map[string]*snapshot.Object
	tick    uint32
	got     map[*snapshot.View]*snapshot.Snapshot // of the last tick
}

func newStage(t *testing.T, workers int) *stage {
	t.Helper()
	s, err := dc.Parse(dc.Source{Name: "rules.dc", Text: []byte(rulesDC)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := object.NewLayout(s.Class("Thing"), parameters)
	if err != nil {
		t.Fatal(err)
	}
	return &stage{
		T: t, layout: l, objects: map[string]*snapshot.Object{},
		index: snapshot.New(snapshot.Config{TickRate: 60, Workers: workers}),
	}
}

// add makes objects whose ids are the letters of their names.
func (s *stage) add(zone uint32, names string) {
	for _, n := range names {
		s.objects[string(n)] = s.index.Add(uint32(n), object.New(s.layout, s.index.Stamp()), zone)
	}
}

func (s *stage) view(cfg snapshot.ViewConfig, zones ...uint32) *snapshot.View {
	if cfg.Rate == 0 {
		cfg.Rate = 60
	}
	v := s.index.NewView(cfg)
	for _, z := range zones {
		v.Subscribe(z)
	}
	return v
}

func (s *stage) set(names string, field int, value ...byte) {
	s.Helper()
	for _, n := range names {
		if _, err := s.index.Set(s.objects[string(n)], field, value); err != nil {
			s.Fatal(err)
		}
	}
}

// produce makes a tick; got has copies.
func (s *stage) produce() {
	s.Helper()
	s.tick++
	out := make(chan func(), 1000) // emit runs on many goroutines
	if err := s.index.Produce(s.tick, func(v *snapshot.View, snap *snapshot.Snapshot) {
		c := *snap
		c.Events, c.Parts = slices.Clone(c.Events), slices.Clone(c.Parts)
		for i := range c.Parts {
			c.Parts[i].Data = slices.Clone(c.Parts[i].Data)
		}
		out <- func() { s.got[v] = &c }
	}); err != nil {
		s.Fatal(err)
	}
	close(out)
	s.got = map[*snapshot.View]*snapshot.Snapshot{}
	for f := range out {
		f()
	}
}

func (s *stage) ackAll() {
	for v, snap := range s.got {
		v.AckRun(snap.Seq, len(snap.Parts))
	}
}

// story is a snapshot of the extension dialect in one line: events, then parts
// in brackets with their objects and fields.
func (s *stage) story(snap *snapshot.Snapshot) string {
	s.Helper()
	if snap == nil {
		return "nothing"
	}
	var out []string
	for _, e := range snap.Events {
		switch {
		case e.Object == nil:
			out = append(out, "-"+string(rune(e.ID)))
		case e.Owned:
			out = append(out, "+own "+string(rune(e.ID)))
		default:
			out = append(out, "+"+string(rune(e.ID)))
		}
	}
	for i := range snap.Parts {
		var words []string
		if snap.Parts[i].Reliable {
			words = append(words, "reliable")
		}
		part := s.decode(snap, i)
		r := part.Records()
		for r.Next() {
			words = append(words, s.record(r.Record()))
		}
		if r.Err() != nil {
			s.Error(r.Err())
		}
		out = append(out, "["+strings.Join(words, " ")+"]")
	}
	return strings.Join(out, " ")
}

func (s *stage) decode(snap *snapshot.Snapshot, i int) wire.Part {
	s.Helper()
	_, body, _ := wire.Split(snap.AppendPart(nil, i))
	part, err := wire.DecodePart(body)
	if err != nil {
		s.Fatal(err)
	}
	return part
}

func (s *stage) record(r wire.Record) string {
	s.Helper()
	text := string(rune(r.DoID)) + ":"
	if r.HasZone {
		text += fmt.Sprintf("z%d", r.Zone)
	}
	f := r.Fields(s.layout.Class())
	for f.Next() {
		if text += f.Field().Name(); f.Index() < 2 {
			text += fmt.Sprint(f.Value()[0])
		}
	}
	if f.Err() != nil {
		s.Error(f.Err())
	}
	return text
}

func (s *stage) want(v *snapshot.View, what string) {
	s.Helper()
	if got := s.story(s.got[v]); got != what {
		s.Errorf("tick %d: %s, want %s", s.tick, got, what)
	}
}

func TestLostPartIsSentAgain(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "pqrs")
	v := s.view(snapshot.ViewConfig{PartSize: 8}, 1)
	s.produce()
	s.want(v, "+s +r +q +p []")
	s.ackAll()
	s.set("pqrs", 0, 7)
	s.set("q", 1, 8)
	s.produce()
	s.want(v, "[p:a7] [q:a7b8] [r:a7 s:a7]")
	v.Ack(s.got[v].Seq)
	v.Ack(s.got[v].Seq + 2)
	s.set("r", 1, 9)
	s.produce()
	s.want(v, "[q:a7b8] [r:b9]")
	v.Ack(s.got[v].Seq + 1)
	s.produce()
	s.want(v, "[q:a7b8]")
	s.ackAll()
	s.produce()
	s.want(v, "[]")
}

// TestChangeAfterSnapshot is the fault of panda3d-pipes that loses state for ever:
// a field changes again in the tick of a snapshot that had it.
func TestChangeAfterSnapshot(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "p")
	v := s.view(snapshot.ViewConfig{}, 1)
	s.produce()
	s.ackAll()
	s.set("p", 0, 1)
	s.produce()
	s.want(v, "[p:a1]")
	s.set("p", 0, 2) // after the snapshot of this tick, before the next
	s.ackAll()
	s.produce()
	s.want(v, "[p:a2]")
	if got := s.objects["p"].Changed(); got != s.tick {
		t.Errorf("changed at %d, want %d", got, s.tick)
	}
	if err := s.index.Produce(s.tick, nil); err == nil {
		t.Error("a sealed tick was produced again")
	}
}

func TestZoneIsState(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "p")
	both, first, second := s.view(snapshot.ViewConfig{}, 1, 2), s.view(snapshot.ViewConfig{}, 1), s.view(snapshot.ViewConfig{}, 2)
	plain := s.view(snapshot.ViewConfig{Plain: true}, 1, 2)
	s.produce()
	s.ackAll()
	plain.AckTick(s.tick)
	s.index.Move(s.objects["p"], 2)
	s.produce()
	s.want(both, "[p:z2]")
	s.want(first, "-p []")
	s.want(second, "+p []")
	if got := s.got[plain]; len(got.Events) != 0 || len(got.Parts[0].Data) != 9 {
		t.Errorf("%v for a plain client that sees both zones", got)
	}
}

// TestPartHeaders is what the header of each part says of its place.
func TestPartHeaders(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "pqr")
	v := s.view(snapshot.ViewConfig{PartSize: 4}, 1)
	headers := func() (out []string) {
		for i := range s.got[v].Parts {
			p := s.decode(s.got[v], i)
			out = append(out, fmt.Sprintf("%d: structure %d, tick %d, flags %d, %d records", p.Number, p.Structure, p.Tick, p.Flags, p.Count))
		}
		return out
	}
	whole, first, last, partial := wire.FirstPart|wire.LastPart, wire.FirstPart, wire.LastPart, wire.LastPart|wire.PartialSnapshot
	line := func(number, structure int, flags wire.PartFlags, records int) string {
		return fmt.Sprintf("%d: structure %d, tick %d, flags %d, %d records", number, structure, s.tick, flags, records)
	}
	want := func(lines ...string) {
		t.Helper()
		if got := headers(); !slices.Equal(got, lines) {
			t.Errorf("tick %d:\n got %q\nwant %q", s.tick, got, lines)
		}
	}
	s.produce()
	want(line(1, 3, whole, 0))
	s.set("pqr", 0, 1)
	s.produce()
	want(line(2, 3, first, 1), line(3, 3, 0, 1), line(4, 3, last, 1))
	v.SetBudget(8)
	s.produce()
	want(line(5, 3, first, 1), line(6, 3, partial, 1))
	s.ackAll()
	s.add(1, "stuv") // of which one fits; those that wait are no state that is put off
	s.produce()
	want(line(7, 4, whole, 1))
}

func TestOwnerChange(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "p")
	a, b, c := s.view(snapshot.ViewConfig{}, 1), s.view(snapshot.ViewConfig{}, 1), s.view(snapshot.ViewConfig{}, 1)
	s.index.SetOwner(s.objects["p"], a)
	s.produce()
	s.want(a, "+own p []")
	s.want(b, "+p []")
	s.ackAll()
	s.index.SetOwner(s.objects["p"], b)
	s.set("p", 0, 3)
	s.produce()
	s.want(a, "-p +p []")
	s.want(b, "-p +own p []")
	s.want(c, "[p:a3]")
}

// TestOversizeRecord: an object that does not fit a part goes alone and
// reliably.
func TestOversizeRecord(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "pqr")
	v := s.view(snapshot.ViewConfig{PartSize: 100}, 1)
	s.produce()
	s.ackAll()
	s.set("pqr", 0, 1)
	s.set("q", 2, append(binary.LittleEndian.AppendUint16(nil, 200), make([]byte, 200)...)...)
	s.produce()
	s.want(v, "[p:a1] [reliable q:a1s] [r:a1]")
}

func TestSilentClientFallsToMinimumRate(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "p")
	v, other := s.view(snapshot.ViewConfig{Rate: 20}, 1), s.view(snapshot.ViewConfig{Rate: 20}, 1)
	second := func(ack bool) (n, others int) {
		for range 60 {
			s.set("p", 0, byte(s.tick))
			s.produce()
			if snap := s.got[v]; snap != nil {
				n++
				if ack {
					v.Ack(snap.Seq)
				}
			}
			if snap := s.got[other]; snap != nil {
				others++
				other.Ack(snap.Seq)
			}
		}
		return n, others
	}
	for i, step := range []struct {
		ack  bool
		want int
	}{{true, 20}, {false, 20}, {false, 1}, {false, 1}} {
		if n, others := second(step.ack); n != step.want || others != 20 {
			t.Errorf("second %d: %d snapshots, others got %d; want %d and 20", i, n, others, step.want)
		}
	}
	for seq := range uint32(100) { // its acknowledgements arrive after all
		v.Ack(seq)
	}
	if n, _ := second(true); n != 20 {
		t.Errorf("%d snapshots in the second after the client came back, want 20", n)
	}
}

// After a pause of the world, clients keep their own ticks: not all of them get
// their snapshots in the same ones, and none gets two right after each other.
func TestPauseKeepsClientsApart(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "p")
	tick := func() (snapshots int) {
		s.set("p", 0, byte(s.tick))
		s.produce()
		s.ackAll()
		return len(s.got)
	}
	for range 3 {
		for range 20 {
			s.view(snapshot.ViewConfig{Rate: 20}, 1)
		}
		tick()
	}
	for range 9 {
		if n := tick(); n != 20 {
			t.Errorf("%d snapshots in tick %d, want 20", n, s.tick)
		}
	}
	for _, pause := range []uint32{5, 10, 100} {
		s.tick += pause
		tick()
		for i, want := range []int{0, 20, 20, 20, 20, 20, 20} {
			if n := tick(); n != want {
				t.Errorf("%d snapshots %d ticks after a pause of %d, want %d", n, i+1, pause, want)
			}
		}
	}
}

func TestForeignAcknowledgements(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "p")
	v, plain := s.view(snapshot.ViewConfig{}, 1), s.view(snapshot.ViewConfig{Plain: true}, 1)
	if v.Ack(0) || v.Ack(1) || plain.AckTick(0) {
		t.Error("something was acknowledged before anything was sent")
	}
	s.produce()
	seq := s.got[v].Seq
	for _, bad := range []uint32{seq - 1, seq + 1, seq + 1<<31} {
		if v.Ack(bad) {
			t.Errorf("part %d was never sent", bad)
		}
	}
	for _, bad := range []uint32{0, s.tick - 1, s.tick + 1, 1 << 31} {
		if plain.AckTick(bad) {
			t.Errorf("tick %d was never sent", bad)
		}
	}
	s.set("p", 0, 1)
	s.produce()
	s.want(v, "[p:a1]")
	if !v.Ack(seq) || v.Ack(seq) || !plain.AckTick(s.tick) || plain.AckTick(s.tick-1) {
		t.Error("each is good once, and ticks do not go back")
	}
}

func TestWindow(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "p")
	v := s.view(snapshot.ViewConfig{Plain: true, Window: 2}, 1)
	for i, want := range []bool{true, true, false, false} {
		s.produce()
		if got := s.got[v] != nil; got != want {
			t.Errorf("tick %d: snapshot %v, want %v", i, got, want)
		}
	}
	v.AckTick(1)
	s.produce()
	if s.got[v] == nil {
		t.Error("no snapshot after an acknowledgement")
	}
}

// TestPlainFullStateIsBudgeted: what is all that a Plain client sees goes in
// several messages, none of them a delta, until it acknowledges one.
func TestPlainFullStateIsBudgeted(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "abcdefgh")
	v := s.view(snapshot.ViewConfig{Plain: true}, 1)
	s.produce()
	v.SetBudget(3 * 16)
	all := map[uint32]int{}
	read := func() (delta bool, objects int) {
		_, body, _ := wire.Split(s.got[v].AppendPart(nil, 0))
		m, err := wire.DecodeSnapshot(body)
		if err != nil {
			t.Fatal(err)
		}
		o := m.Objects(func(uint32) *dc.Class { return s.layout.Class() })
		for o.Next() {
			all[o.DoID()]++
			objects++
		}
		if o.Err() != nil {
			t.Fatal(o.Err())
		}
		return m.Delta, objects
	}
	for range 4 {
		s.produce()
		if delta, objects := read(); delta || objects > 3 || !s.got[v].Partial || len(s.got[v].Parts) != 1 {
			t.Errorf("tick %d: delta %v, %d objects, partial %v", s.tick, delta, objects, s.got[v].Partial)
		}
	}
	if len(all) != 8 {
		t.Errorf("only objects %v of 8 were sent in 4 messages", all)
	}
	v.AckTick(s.tick)
	s.set("c", 0, 1)
	s.produce()
	if delta, objects := read(); !delta || objects != 1 || s.got[v].Partial {
		t.Errorf("%d objects, delta %v, after an acknowledgement and one change", objects, delta)
	}
}

// TestBudget: what does not fit comes later, by weight, and the client's own
// objects come first, but not alone.
func TestBudget(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "abcdefgh")
	v := s.view(snapshot.ViewConfig{}, 1)
	s.index.SetOwner(s.objects["h"], v)
	s.index.SetWeight(s.objects["g"], 3)
	s.produce()
	s.ackAll()
	v.SetBudget(12) // three records of 4 bytes
	times := map[rune]int{}
	for range 300 {
		s.set("abcdefgh", 0, byte(s.tick))
		s.produce()
		text := s.story(s.got[v])
		for name := range s.objects {
			if strings.Contains(text, name+":") {
				times[rune(name[0])]++
			}
		}
		s.ackAll()
	}
	if times['h'] != 300 {
		t.Errorf("the client's own object was sent %d times of 300", times['h'])
	}
	low := times['a']
	for _, n := range "abcdef" {
		if times[n] < 50 {
			t.Errorf("%c was sent %d times of 300, nearly starved: %v", n, times[n], times)
		}
		low = min(low, times[n])
	}
	if times['g'] < 2*low {
		t.Errorf("the weightier object was sent %d times, others %d", times['g'], low)
	}
}

func TestInterestIsBudgeted(t *testing.T) {
	s := newStage(t, 1)
	for i := range 100 {
		s.add(1, string(rune('A'+i)))
	}
	v := s.view(snapshot.ViewConfig{})
	s.produce()
	v.Subscribe(1)
	mark := v.Mark()
	v.SetBudget(200)
	for n, ticks := 0, 0; n < 100; ticks++ {
		if ticks == 100 {
			t.Fatalf("only %d objects are known after 100 ticks", n)
		}
		if v.Passed(mark) {
			t.Fatalf("interest is complete with %d objects", n)
		}
		s.produce()
		events := len(s.got[v].Events)
		if n += events; events == 0 || events > 10 { // a baseline has 12 bytes
			t.Fatalf("%d events in a tick", events)
		}
	}
	if !v.Passed(mark) {
		t.Error("interest is not complete with all objects known")
	}
}

// TestWorkersMakeNoDifference: each client gets the same bytes however many
// goroutines there are. There are enough objects for several workers to encode.
func TestWorkersMakeNoDifference(t *testing.T) {
	run := func(workers int) string {
		s := newStage(t, workers)
		names := ""
		for i := range 3600 {
			names += string(rune(0x100 + i))
		}
		half := strings.IndexRune(names, 0x700)
		s.add(1, names[:half])
		s.add(2, names[half:])
		var views []*snapshot.View
		for i := range 12 {
			v := s.view(snapshot.ViewConfig{Rate: float64(20 + 20*(i%2)), Plain: i%4 == 3}, uint32(1+i%2), uint32(1+i%3))
			if i%5 == 0 {
				v.SetBudget(300)
			}
			views = append(views, v)
		}
		var out strings.Builder
		for i := range 30 {
			for k, n := range names {
				if (k+i)%3 == 0 {
					s.set(string(n), i%2, byte(i))
				}
			}
			s.produce()
			for k, v := range views {
				if snap := s.got[v]; snap != nil {
					fmt.Fprint(&out, snap.Tick, snap.Structure, snap.Seq, len(snap.Events), snap.Partial)
					for _, p := range snap.Parts {
						fmt.Fprintf(&out, " %x", p.Data)
					}
				}
				if i%7 != k%7 {
					if snap := s.got[v]; snap != nil {
						v.AckTick(snap.Tick)
						v.Ack(snap.Seq)
					}
				}
			}
		}
		return out.String()
	}
	if run(1) != run(4) {
		t.Error("4 workers made other snapshots than 1")
	}
}

// TestAlikeViewsShare: who sees and holds the same gets the same memory.
func TestAlikeViewsShare(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "p")
	a, b := s.view(snapshot.ViewConfig{}, 1), s.view(snapshot.ViewConfig{}, 1)
	s.produce()
	s.ackAll()
	s.set("p", 0, 1)
	data := map[*snapshot.View]*byte{}
	if err := s.index.Produce(2, func(v *snapshot.View, s *snapshot.Snapshot) { data[v] = &s.Parts[0].Data[0] }); err != nil {
		t.Fatal(err)
	}
	if data[a] == nil || data[a] != data[b] {
		t.Error("two clients that are alike were encoded for one by one")
	}
}

func TestSteadyTicksDoNotAllocate(t *testing.T) {
	for _, plain := range []bool{false, true} {
		l := newLoad(t, 200, 20, 7, 1, plain)
		if n := testing.AllocsPerRun(50, func() { l.move(); l.produce(t) }); n != 0 {
			t.Errorf("plain %v: %v allocations per moving tick", plain, n)
		}
		if n := testing.AllocsPerRun(50, func() { l.produce(t) }); n != 0 {
			t.Errorf("plain %v: %v allocations per idle tick", plain, n)
		}
	}
}
