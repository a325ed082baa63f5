package lanbots

import "sync/atomic"

// faults count what bots saw that must not be.
type faults struct {
	lost, duplicated, reordered, unknown, strayed, stale, misread,
	vanished, missing, disagreeing, unsent, disconnected atomic.Int64
}

// Faults is what the bots saw that must not be.
type Faults struct {
	Lost         int64 `json:"lost"`         // updates that never came, though later ones did
	Duplicated   int64 `json:"duplicated"`   // updates that came twice
	Reordered    int64 `json:"reordered"`    // updates that were overtaken
	Unknown      int64 `json:"unknown"`      // updates of avatars that are not in sight
	Strayed      int64 `json:"strayed"`      // generates and updates from another zone
	Stale        int64 `json:"stale"`        // generates with another state than the last update's
	Misread      int64 `json:"misread"`      // values that nobody has sent, or not in this name
	Vanished     int64 `json:"vanished"`     // avatars that went though their client stayed
	Missing      int64 `json:"missing"`      // avatars whose last update did not come
	Disagreeing  int64 `json:"disagreeing"`  // clients that are wrong about who is still there
	Unsent       int64 `json:"unsent"`       // updates that could not be sent
	Disconnected int64 `json:"disconnected"` // clients that lost their connection
}

func (f *faults) snapshot() Faults {
	return Faults{
		Lost: f.lost.Load(), Duplicated: f.duplicated.Load(), Reordered: f.reordered.Load(),
		Unknown: f.unknown.Load(), Strayed: f.strayed.Load(), Stale: f.stale.Load(), Misread: f.misread.Load(),
		Vanished: f.vanished.Load(), Missing: f.missing.Load(), Disagreeing: f.disagreeing.Load(),
		Unsent: f.unsent.Load(), Disconnected: f.disconnected.Load(),
	}
}

func (f *faults) total() int64 { return f.snapshot().Total() }

// Total returns how many faults there are.
func (f Faults) Total() int64 {
	return f.Lost + f.Duplicated + f.Reordered + f.Unknown + f.Strayed + f.Stale + f.Misread +
		f.Vanished + f.Missing + f.Disagreeing + f.Unsent + f.Disconnected
}

func (r *run) deliveries() uint64 {
	var n uint64
	for _, b := range r.bots {
		n += b.delivered.Load()
	}
	return n
}

// companions is how many other bots a bot should see.
func (r *run) companions(b *bot) int {
	n := 0
	for i := b.index % r.Zones; i < len(r.bots); i += r.Zones {
		if i != b.index && !r.bots[i].left.Load() {
			n++
		}
	}
	return n
}

func (r *run) inSight() int {
	n := 0
	for _, b := range r.bots {
		b.mu.Lock()
		n += b.peers
		b.mu.Unlock()
	}
	return n
}

func (r *run) expected() int {
	n := 0
	for _, b := range r.bots {
		n += r.companions(b)
	}
	return n
}

// sees tells whether a bot sees all that it should, and no others.
func (r *run) sees(b *bot) bool {
	want := r.companions(b)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peers == want
}

// allSeen tells whether all agree on who is there.
func (r *run) allSeen() bool {
	for _, b := range r.bots {
		if !b.left.Load() && !r.sees(b) {
			return false
		}
	}
	return true
}

func (r *run) countDisagreeing() {
	for _, b := range r.bots {
		if !b.left.Load() && !r.sees(b) {
			r.faults.disagreeing.Add(1)
		}
	}
}

// missing returns how many avatars in sight of b have made steps that b has
// not heard of.
func (r *run) missing(b *bot) int64 {
	var n int64
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := b.index % r.Zones; i < len(r.bots); i += r.Zones {
		steps := r.bots[i].steps.Load()
		if i == b.index || steps == 0 {
			continue
		}
		if s := b.of(i); !s.present || !s.counted || uint64(s.step) != (steps-1)%r.gait.Period() {
			n++
		}
	}
	return n
}

// allArrived tells whether everybody has heard of everybody's last step.
func (r *run) allArrived() bool {
	for _, b := range r.bots {
		if r.missing(b) > 0 {
			return false
		}
	}
	return true
}

func (r *run) countMissing() {
	for _, b := range r.bots {
		r.faults.missing.Add(r.missing(b))
	}
}
