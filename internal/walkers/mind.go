package walkers

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Mind decides where a walker goes and what it says. It is not safe for
// concurrent use.
type Mind struct {
	name    string
	random  *rand.Rand
	goal    Point
	rest    time.Duration // until when it stays where it is
	talk    time.Duration // when it will say something of its own
	replies []reply
}

// reply is something to be said soon.
type reply struct {
	at   time.Duration
	text string
}

// NewMind returns the mind of a walker that stands somewhere.
func NewMind(name string, random *rand.Rand, at Point) *Mind {
	return &Mind{name: name, random: random, goal: at, talk: within(random, talkWithin)}
}

// talkWithin is the longest time between two remarks that nobody asked for.
const talkWithin = 40 * time.Second

func within(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

// Live is called several times a second. It returns where a walker wants to go
// that stands there and has the others near it, and what it says, if anything.
func (m *Mind) Live(now time.Duration, at Point, near []string) (goal Point, line string) {
	goal = at
	if now >= m.rest {
		goal = m.goal
		if at.Distance(goal) < 1 {
			goal = at
			if line = m.choose(now, ZoneOf(at)); line != "" {
				return goal, line
			}
		}
	}
	switch {
	case len(m.replies) > 0 && now >= m.replies[0].at:
		line = m.replies[0].text
		m.replies = m.replies[1:]
	case now >= m.talk:
		m.talk = now + within(m.random, talkWithin)
		line = m.remark(near)
	}
	return goal, line
}

// choose finds a place to go to after a rest, seldom beyond the border.
func (m *Mind) choose(now time.Duration, zone uint32) (line string) {
	m.rest = now + within(m.random, 3*time.Second)
	m.goal = Point{2 + m.random.Float64()*(Border-4), 2 + m.random.Float64()*(Height-4)}
	away := m.random.IntN(5) == 0
	if (zone == Forest) != away {
		m.goal.X += Border
	}
	if away {
		return fmt.Sprintf("I am off to the %s.", ZoneName(ZoneOf(m.goal)))
	}
	return ""
}

var remarks = []string{"Nice weather today.", "What was I looking for?", "Did you hear that?", "My feet hurt.", "I could stay here for ever."}

// remark is for somebody near, or for nobody.
func (m *Mind) remark(near []string) string {
	if i := m.random.IntN(len(near) + 1); i < len(near) {
		return fmt.Sprintf("Hello %s!", near[i])
	}
	return remarks[m.random.IntN(len(remarks))]
}

// Hear lets the walker answer when it is greeted.
func (m *Mind) Hear(now time.Duration, from, line string) {
	if strings.HasPrefix(line, "Hello "+m.name) && len(m.replies) < 3 {
		m.replies = append(m.replies, reply{now + time.Second, fmt.Sprintf("Hi %s, how are you?", from)})
	}
}
