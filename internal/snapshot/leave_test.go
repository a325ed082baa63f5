package snapshot_test

import (
	"slices"
	"testing"

	"github.com/culm-net/culm/internal/snapshot"
)

// A Leave says whether the object is gone for everybody.
func TestLeaveTellsDeletedFromOutOfView(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "abcde")
	v := s.view(snapshot.ViewConfig{Data: "ann"}, 1, 2)
	if v.Data() != "ann" {
		t.Errorf("the view's data is %v", v.Data())
	}
	s.produce()

	s.index.Remove(s.objects["a"])
	s.index.Move(s.objects["b"], 3)
	s.index.Move(s.objects["c"], 2)
	s.index.SetOwner(s.objects["d"], v)
	s.produce()
	want := []snapshot.Event{
		{ID: 'a', Deleted: true},
		{ID: 'b'},
		{ID: 'd'},
		{ID: 'd', Object: s.objects["d"], Owned: true},
	}
	if got := s.got[v].Events; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}

	// What the client lost sight of before it was removed only went out of view.
	v.Unsubscribe(1)
	s.index.Remove(s.objects["e"])
	s.produce()
	for _, e := range s.got[v].Events {
		if e.Deleted {
			t.Errorf("%c is said to be deleted", e.ID)
		}
	}
}

// What goes and comes back before a tick is sealed stays, unless it is not as the
// client knows it.
func TestThereAndBack(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "abcdef")
	v, w := s.view(snapshot.ViewConfig{}, 1), s.view(snapshot.ViewConfig{}, 1)
	s.index.SetOwner(s.objects["b"], v)
	s.produce()
	s.ackAll()
	away := func(name string) { s.index.Move(s.objects[name], 2) }
	back := func(name string) { s.index.Move(s.objects[name], 1) }

	away("a")
	if v.Knows(s.objects["a"]) {
		t.Error("a is known out of view")
	}
	back("a")
	s.index.SetOwner(s.objects["b"], w)
	s.index.SetOwner(s.objects["b"], v)
	away("c")
	s.set("c", 0, 1)
	back("c")
	for _, name := range "abc" {
		if o := s.objects[string(name)]; !v.Knows(o) || !w.Knows(o) {
			t.Errorf("%c is not known any more", name)
		}
	}
	away("d")
	s.index.Called(s.objects["d"])
	back("d")
	away("e")
	s.index.SetOwner(s.objects["e"], v)
	back("e")
	away("f")
	s.produce()
	s.want(v, "-d -e -f +own e +d [a:z1 c:z1a1]")
	s.want(w, "-d -f +d [a:z1 c:z1a1 e:z1]")
	s.ackAll()
	back("f")
	v.Unsubscribe(1)
	v.Subscribe(1)
	s.produce()
	s.want(v, "+f []")
	s.ackAll()

	// Not it, but another one of its id comes.
	away("a")
	s.index.Remove(s.objects["a"])
	s.add(1, "a")
	s.produce()
	s.want(v, "-a +a []")
}

// Leaves have their part of the budget like all else, so that a client that leaves
// a large zone gets them in the course of time. Meanwhile it is told of what is new
// and of what changes.
func TestLeavesAreBudgeted(t *testing.T) {
	const many, budget = 3000, 400
	for _, plain := range []bool{false, true} {
		s := newStage(t, 1)
		var names []rune
		for i := range rune(many) {
			names = append(names, 0x1000+i)
		}
		s.add(1, string(names))
		s.add(2, "p")
		v := s.view(snapshot.ViewConfig{Plain: plain}, 1, 2)
		for s.produce(); len(s.got[v].Events) > 0; s.produce() {
			s.ackAll()
			v.AckTick(s.tick)
		}
		v.SetBudget(budget)
		v.Unsubscribe(1)
		gone, came, told := map[uint32]int{}, map[uint32]int{}, 0
		from, returns := s.tick, names[many-2]
		size := 15
		if plain {
			size = 6
		}
		for n := 0; n < many; {
			if s.tick == from+2 { // while most leaves wait, that of returns too
				s.add(2, "q")
				s.index.Move(s.objects[string(returns)], 2)
			}
			s.set("p", 0, byte(s.tick))
			s.produce()
			bytes := 0
			for _, e := range s.got[v].Events {
				if e.Object != nil {
					came[e.ID] = n
					bytes += 12
					continue
				}
				if gone[e.ID]++; gone[e.ID] > 1 {
					t.Fatalf("%d leaves twice", e.ID)
				}
				if _, ok := came[e.ID]; ok {
					t.Fatalf("%d leaves after it came back", e.ID)
				}
				n++
				bytes += size
			}
			if bytes == 0 || bytes > budget/2+size+12 {
				t.Fatalf("events of %d bytes in tick %d, with a budget of %d", bytes, s.tick, budget)
			}
			if s.got[v].Parts[0].Objects > 0 {
				told++
			}
			// It is about state, and p changes in each tick.
			if put := s.got[v].Parts[0].Objects == 0; s.got[v].Partial != put {
				t.Fatalf("the state of p is put off: %v, and the snapshot says %v", put, s.got[v].Partial)
			}
			s.ackAll()
			v.AckTick(s.tick)
			if s.tick > 1000 {
				t.Fatal("they never end")
			}
		}
		for _, id := range []rune{'q', returns} {
			if at, ok := came[uint32(id)]; !ok || at > 5*budget/size {
				t.Errorf("%c came after %d leaves, %v", id, at, ok)
			}
		}
		if told*10 < many*size/budget*9 {
			t.Errorf("only %d snapshots had the state of p", told)
		}
	}
}

// A client that can take nothing is sent no leaves either, and not told of what
// went unknown to it.
func TestLeavesWaitForBudget(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "ab")
	v := s.view(snapshot.ViewConfig{}, 1)
	s.produce()
	v.SetBudget(0)
	s.produce() // the last budget is gone
	s.index.Remove(s.objects["a"])
	s.add(1, "c")
	s.produce()
	s.want(v, "nothing")
	s.index.Remove(s.objects["c"])
	s.add(1, "a")
	s.produce()
	s.want(v, "nothing")
	v.SetBudget(100)
	s.produce()
	s.want(v, "-a +a []")
}

// A client learns of its own objects first, also of those that become its own while
// they wait; interest is complete with the others.
func TestOwnObjectsEnterFirst(t *testing.T) {
	s := newStage(t, 1)
	s.add(1, "abcdefgh")
	v := s.view(snapshot.ViewConfig{})
	v.SetBudget(24) // one baseline of 12 bytes, or the next one too
	s.produce()
	v.Subscribe(1)
	mark := v.Mark()
	s.index.SetOwner(s.objects["d"], v)
	s.index.SetOwner(s.objects["e"], v)
	s.index.SetOwner(s.objects["e"], nil) // keeps its place
	s.produce()
	s.want(v, "+own d []")
	s.ackAll()
	s.add(1, "z")
	s.index.SetOwner(s.objects["z"], v)
	s.produce()
	s.want(v, "+e []")
	s.ackAll()
	s.produce()
	s.want(v, "+own z []")
	for _, story := range []string{"+h []", "+g []", "+f []", "+c []", "+b []", "+a []"} {
		if v.Passed(mark) {
			t.Error("interest is complete with objects of it unknown")
		}
		s.ackAll()
		s.produce()
		s.want(v, story)
	}
	if !v.Passed(mark) {
		t.Error("interest is not complete with all objects known")
	}
}

// Leaves and enters that wait for each other have a part of the budget each: who goes
// from one large zone to another sees the new one while it is told of the old one.
func TestLeavesAndEntersShare(t *testing.T) {
	const many, budget = 300, 1000
	s := newStage(t, 1)
	var left, entered []rune
	for i := range rune(many) {
		left, entered = append(left, 0x1000+i), append(entered, 0x2000+i)
	}
	s.add(1, string(left))
	s.add(2, string(entered))
	v := s.view(snapshot.ViewConfig{}, 1)
	for s.produce(); len(s.got[v].Events) > 0; s.produce() {
		s.ackAll()
	}
	v.SetBudget(budget)
	s.produce()
	v.Unsubscribe(1)
	v.Subscribe(2)
	for range 5 {
		s.produce()
		leaves, enters := 0, 0
		for _, e := range s.got[v].Events {
			if e.Object != nil {
				enters++
			} else {
				leaves++
			}
		}
		// A leave is a message of 15 bytes; of an enter its values count.
		if leaves < budget/4/15 || leaves > budget/4/15+1 || enters < budget/4/15 {
			t.Errorf("tick %d: %d leaves and %d enters", s.tick, leaves, enters)
		}
		s.ackAll()
	}
}
