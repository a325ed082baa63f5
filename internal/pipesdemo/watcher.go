package pipesdemo

import (
	"time"

	"github.com/culm-net/culm/client"
	"github.com/culm-net/culm/internal/walkers"
	"github.com/culm-net/culm/interp"
)

// watcher is a client without a walker that looks at both zones. All that is
// shown on the map is what it was sent, interpolated. It belongs to the goroutine
// that plays.
type watcher struct {
	client *client.Client
	clock  func() time.Duration
	chat   walkers.Chat
}

// sight is a walker as the watcher sees it.
type sight struct {
	watcher *watcher
	name    string
	at      *client.Variable[interp.Vec2]
}

func newWatcher(c *client.Client, clock func() time.Duration) (*watcher, error) {
	w := &watcher{client: c, clock: clock}
	c.AddInterest(nil, walkers.Meadow, walkers.Forest)
	return w, c.Register("Walker", func(o *client.Object) any {
		return &sight{w, nameOf(o), client.Interpolate(o, func(o *client.Object) interp.Vec2 {
			at := place(o)
			return interp.Vec2{at.X, at.Y}
		})}
	})
}

// Message hears what a walker says.
func (s *sight) Message(_ *client.Object, m client.Message) {
	if args, err := m.Field.Unpack(m.Args); err == nil && m.Field.Name() == "say" {
		s.watcher.chat.Add(walkers.Line{At: s.watcher.clock(), Name: s.name, Text: args[0].(string)})
	}
}

// seen returns the walkers by name.
func (w *watcher) seen() map[string]walkers.Walker {
	all := make(map[string]walkers.Walker, len(walkers.Names))
	for o := range w.client.Objects() {
		s := o.View().(*sight)
		at := s.at.Value()
		all[s.name] = walkers.Walker{Name: s.name, Zone: o.Zone(), Point: walkers.Point{X: at[0], Y: at[1]}}
	}
	return all
}
