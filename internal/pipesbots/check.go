package pipesbots

import "sync/atomic"

// faults count what clients saw that must not be.
type faults struct {
	unknown, backward, disordered, different, behind, disagreeing, silent, disconnected atomic.Int64
}

// Faults is what the clients saw that must not be.
type Faults struct {
	Unknown      int64 `json:"unknown"`      // state and messages of objects that the client was not told of
	Backward     int64 `json:"backward"`     // snapshots of an earlier tick than those sent before
	Disordered   int64 `json:"disordered"`   // messages that were lost, doubled or overtaken
	Different    int64 `json:"different"`    // states of an object that are not those that another client saw at that tick
	Behind       int64 `json:"behind"`       // objects whose newest state did not come, though another client got it
	Disagreeing  int64 `json:"disagreeing"`  // clients that see other objects than those with the same zones
	Silent       int64 `json:"silent"`       // clients to which no snapshot came any more
	Disconnected int64 `json:"disconnected"` // clients that lost their connection
}

func (f *faults) snapshot() Faults {
	return Faults{
		Unknown: f.unknown.Load(), Backward: f.backward.Load(), Disordered: f.disordered.Load(), Different: f.different.Load(),
		Behind: f.behind.Load(), Disagreeing: f.disagreeing.Load(), Silent: f.silent.Load(), Disconnected: f.disconnected.Load(),
	}
}

func (f *faults) total() int64 { return f.snapshot().Total() }

// Total returns how many faults there are.
func (f Faults) Total() int64 {
	return f.Unknown + f.Backward + f.Disordered + f.Different + f.Behind + f.Disagreeing + f.Silent + f.Disconnected
}

// state is what a client sees of an object.
type state struct {
	tick uint32
	hash uint64
}

// each calls f for all clients that are connected, while nothing is received.
func (r *run) each(f func(c *client)) {
	for i := range r.clients {
		c := r.clients[i].Load()
		if c == nil {
			continue
		}
		c.mu.Lock()
		if c.joined && c.session.Err() == nil {
			f(c)
		}
		c.mu.Unlock()
	}
}

// newest returns the newest state that any client sees of each object.
func (r *run) newest() map[uint32]state {
	all := make(map[uint32]state)
	r.each(func(c *client) {
		for o := range c.session.Objects() {
			if s, known := all[o.ID()]; !known || int32(o.Tick()-s.tick) > 0 {
				all[o.ID()] = state{o.Tick(), r.states.hash(o)}
			}
		}
	})
	return all
}

// behind returns how many objects of all clients have not come as far as the
// newest state that was seen by then, and do not look the same either: a client
// that was told of an object later need not know since when it is so.
func (r *run) behind(newest map[uint32]state) (n int) {
	r.each(func(c *client) {
		for o := range c.session.Objects() {
			if s, known := newest[o.ID()]; known && int32(o.Tick()-s.tick) < 0 && r.states.hash(o) != s.hash {
				n++
			}
		}
	})
	return n
}

// silent returns how many clients have not got a snapshot since mark.
func (r *run) silent() (n int) {
	r.each(func(c *client) {
		if c.tick == c.marked {
			n++
		}
	})
	return n
}

// mark has silent begin anew.
func (r *run) mark() { r.each(func(c *client) { c.marked = c.tick }) }

// disagreeing returns how many clients see other objects than the zones have
// that they see: an object that one client sees must be seen by all who see its
// zone.
func (r *run) disagreeing() (n int) {
	type place struct{ zone, doID uint32 }
	there := make(map[place]bool)
	inZone := make(map[uint32]int) // objects
	r.each(func(c *client) {
		for o := range c.session.Objects() {
			if p := (place{o.Zone(), o.ID()}); !there[p] {
				there[p] = true
				inZone[p.zone]++
			}
		}
	})
	r.each(func(c *client) {
		want, zones := 0, make(map[uint32]bool)
		see := func(zone uint32) {
			if !zones[zone] {
				zones[zone] = true
				want += inZone[zone]
			}
		}
		for _, zone := range c.zones {
			see(zone)
		}
		seen, strayed := 0, false
		for o := range c.session.Objects() {
			if o.Owned() {
				see(o.Zone())
			}
			seen++
		}
		for o := range c.session.Objects() {
			strayed = strayed || !zones[o.Zone()]
		}
		if seen != want || strayed {
			n++
		}
	})
	return n
}
