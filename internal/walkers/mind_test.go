package walkers

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A walker stays in the world, crosses the border, rests, talks, and answers
// when it is greeted.
func TestMind(t *testing.T) {
	at := Point{1, 1}
	m := NewMind("Anna", rand.New(rand.NewPCG(1, 2)), at)
	crossed, rested, greeted, remarked := 0, 0, 0, 0
	const step = time.Second / 20
	for now := time.Duration(0); now < time.Hour; now += step {
		goal, line := m.Live(now, at, []string{"Bert"})
		if goal.X < 0 || goal.X > Width || goal.Y < 0 || goal.Y > Height {
			t.Fatalf("wants to go to %v", goal)
		}
		if goal == at {
			rested++
		}
		next := at.Toward(goal, step)
		if far := at.Distance(next); far > Speed*step.Seconds()*1.001 {
			t.Fatalf("went %v in a step", far)
		}
		if ZoneOf(at) != ZoneOf(next) {
			crossed++
		}
		at = next
		switch {
		case line == "":
		case line == "Hello Bert!":
			greeted++
		case !strings.HasPrefix(line, "I am off"):
			remarked++
		}
	}
	if crossed < 10 || rested < 100 || greeted < 10 || remarked < 10 {
		t.Errorf("in an hour: crossed %d times, rested %d steps, greeted %d times, remarked %d times", crossed, rested, greeted, remarked)
	}
}

func TestMindAnswers(t *testing.T) {
	at := Point{1, 1}
	m := NewMind("Anna", rand.New(rand.NewPCG(1, 2)), at)
	m.talk = time.Hour
	m.Hear(0, "Bert", "Hello Cleo!")
	for range 5 {
		m.Hear(0, "Bert", "Hello Anna!")
	}
	answers := 0
	for now := time.Duration(0); now < time.Minute; now += time.Second / 20 {
		m.goal, m.rest = at, time.Hour
		if _, line := m.Live(now, at, nil); line != "" {
			if line != "Hi Bert, how are you?" || now < time.Second {
				t.Errorf("after %v: %q", now, line)
			}
			answers++
		}
	}
	if answers != 3 {
		t.Errorf("answers %d greetings, want the first 3", answers)
	}
}
