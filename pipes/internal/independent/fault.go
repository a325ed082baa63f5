package independent

import (
	"fmt"
	"strings"
	"time"
)

// Severity is what a fault of the server does to a peer.
type Severity uint8

const (
	// Broke is against the description of the protocol. An unmodified
	// panda3d-pipes client goes on.
	Broke Severity = iota
	// Stopped is what makes a panda3d-pipes client stop reading a snapshot, so
	// that it misses the rest.
	Stopped
	// Died is what ends the process of a panda3d-pipes client.
	Died
)

// String says what happens to the peer.
func (s Severity) String() string {
	return [...]string{"the rules are broken", "this peer would have stopped reading", "this peer would have died"}[s]
}

// Fault is something that the server should not have sent.
type Fault struct {
	At       time.Duration
	Severity Severity
	Text     string
}

// String says what was wrong and what it does to the peer.
func (f Fault) String() string { return fmt.Sprintf("%v: %v: %s", f.At, f.Severity, f.Text) }

// Bounds on what a client remembers for a report.
const (
	maxFaults = 20
	maxStory  = 60
)

// event is a line of a client's story, formatted only when it is told.
type event struct {
	at             time.Duration
	what           string
	id, tick, more uint32
}

func (c *Client) fault(s Severity, format string, args ...any) {
	if c.extension {
		s = Broke // it is no panda3d-pipes client then
	}
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, Fault{At: c.cfg.Now(), Severity: s, Text: fmt.Sprintf(format, args...)})
	}
}

// Faults returns what the server did wrong, at most the first 20. The slice
// belongs to the client.
func (c *Client) Faults() []Fault { return c.faults }

func (c *Client) note(what string, id, tick, more uint32) {
	e := event{c.cfg.Now(), what, id, tick, more}
	if len(c.story) < maxStory {
		c.story = append(c.story, e)
	} else {
		c.story[c.told%maxStory] = e
	}
	c.told++
}

// Story tells the last messages of the connection, oldest first, for a report.
func (c *Client) Story() string {
	var b strings.Builder
	for i := range c.story {
		e := c.story[(c.told+i)%len(c.story)]
		fmt.Fprintf(&b, "%12v %-20s id %-5d tick %-6d %d\n", e.at, e.what, e.id, e.tick, e.more)
	}
	return b.String()
}
