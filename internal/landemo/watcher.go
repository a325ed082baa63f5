package landemo

import (
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/walkers"
	"github.com/culm-net/culm/lan"
)

// watcher is a client without an avatar that looks at both zones. All that is
// shown is what it was sent. Party.mu guards its state.
type watcher struct {
	party  *Party
	client *lan.Client
	seen   map[uint32]*walkers.Walker // by doId
}

var _ lan.Events = (*watcher)(nil)

// Generated learns who came, and where to.
func (w *watcher) Generated(_ *lan.Client, g *lan.Generate) {
	w.party.mu.Lock()
	defer w.party.mu.Unlock()
	walker := w.seen[g.DoID]
	if walker == nil {
		walker = new(walkers.Walker)
		w.seen[g.DoID] = walker
	}
	walker.Zone = g.Zone
	for f, value := range g.Values() {
		w.set(walker, f, value)
	}
}

// Updated learns what somebody does.
func (w *watcher) Updated(_ *lan.Client, u *lan.Update) {
	w.party.mu.Lock()
	defer w.party.mu.Unlock()
	if walker := w.seen[u.DoID]; walker != nil {
		w.set(walker, u.Field, u.Value)
	}
}

func (w *watcher) set(walker *walkers.Walker, f *dc.Field, value []byte) {
	args, err := f.Unpack(value)
	if err != nil {
		return
	}
	switch f.Name() {
	case "setName":
		walker.Name = args[0].(string)
	case "setPos":
		walker.Point = walkers.Point{X: args[0].(float64), Y: args[1].(float64)}
	case "say":
		w.party.chat.Add(walkers.Line{At: w.party.clock(), Name: walker.Name, Text: args[0].(string)})
	}
}

// Disabled forgets who goes out of sight.
func (w *watcher) Disabled(_ *lan.Client, o lan.Object) { w.forget(o) }

// Deleted forgets who leaves.
func (w *watcher) Deleted(_ *lan.Client, o lan.Object) { w.forget(o) }

func (w *watcher) forget(o lan.Object) {
	w.party.mu.Lock()
	defer w.party.mu.Unlock()
	delete(w.seen, o.DoID)
}

// Unknown is for updates that come before the first generate.
func (w *watcher) Unknown(*lan.Client, uint32, uint32) {}

// Disconnected ends the party, unless it ends anyway.
func (w *watcher) Disconnected(_ *lan.Client, err error) {
	w.party.disconnected("the watcher", err)
}
