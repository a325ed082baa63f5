// Package walkers is what the demonstrations have in common: walkers on a meadow
// and in a forest beside it, what they have in mind, and the picture of them.
package walkers

import (
	"fmt"
	"math"
	"time"
)

// Names are the walkers' names, in order.
var Names = []string{"Anna", "Bert", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hanna", "Ivo", "June", "Kurt", "Lou"}

// The world is a meadow and a forest beside it, each a zone of its own.
const (
	Width  = 100.0
	Height = 50.0
	Border = Width / 2
	Meadow = 1
	Forest = 2
	Speed  = 8.0 // of a walker, per second
)

// ZoneOf returns the zone of a place.
func ZoneOf(p Point) uint32 {
	if p.X < Border {
		return Meadow
	}
	return Forest
}

// ZoneName returns what a zone is called.
func ZoneName(zone uint32) string {
	if zone == Meadow {
		return "meadow"
	}
	return "forest"
}

// Point is a place in the world: from 0 to Width and from 0 to Height.
type Point struct{ X, Y float64 }

// Distance returns how far it is to q.
func (p Point) Distance(q Point) float64 { return math.Hypot(q.X-p.X, q.Y-p.Y) }

// Toward returns where somebody is who walked from p toward q for so long.
func (p Point) Toward(q Point, d time.Duration) Point {
	far := p.Distance(q)
	step := Speed * d.Seconds()
	if far <= step {
		return q
	}
	return Point{p.X + (q.X-p.X)/far*step, p.Y + (q.Y-p.Y)/far*step}
}

// Party is what can be shown. Its methods are safe for concurrent use.
type Party interface {
	View() View
	// Failed returns a channel that gets an error when the party cannot go on.
	Failed() <-chan error
}

// View is what is shown of a party.
type View struct {
	Title   string        // what and where it is, and for how many
	Elapsed time.Duration // since it began
	Walkers []Walker      // in the order of the list
	Columns string        // the list's heading, above the walkers' notes
	Chat    []Line        // the last ones
	Spoken  int           // lines so far
	Numbers []string      // how fast everything is: one or more lines
}

// Walker is somebody on the map, or only in the list if Zone is 0.
type Walker struct {
	Name string
	Zone uint32
	Point
	Note string // in the list, beside the name
}

// Line is something that was said.
type Line struct {
	At   time.Duration // since the party began
	Name string
	Text string
}

// Chat remembers what was said. It is not safe for concurrent use.
type Chat struct {
	lines  []Line
	spoken int
}

const keptLines = 50

// Add adds a line.
func (c *Chat) Add(l Line) {
	c.lines = append(c.lines, l)
	c.lines = c.lines[max(0, len(c.lines)-keptLines):]
	c.spoken++
}

// Show puts the last lines into a view.
func (c *Chat) Show(v *View) { v.Chat, v.Spoken = append([]Line(nil), c.lines...), c.spoken }

// Millis tells a time in milliseconds.
func Millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
