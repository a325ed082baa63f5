package lanbots

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport"
)

// bot is one client with one avatar.
type bot struct {
	*lan.Client
	run   *run
	index int
	zone  uint32

	// Of the walking goroutine, and of who looks at them when it has ended:
	avatar uint32 // doId
	value  []byte // of the last step

	steps     atomic.Uint64 // made
	delivered atomic.Uint64 // updates of other bots' avatars
	dialed    atomic.Bool
	left      atomic.Bool // on purpose

	mu    sync.Mutex // held while the bot receives
	now   int64      // when the present batch arrived, in ns since the run began
	peers int        // how many other bots' avatars are in sight
	sight []sight    // of the bots in the same zone: see bot.of; nil when idle
}

// sight is what a bot knows of another bot's avatar.
type sight struct {
	present bool
	counted bool   // step is valid
	step    uint32 // the last one seen, modulo the gait's period
}

var (
	_ lan.Events        = (*bot)(nil)
	_ transport.Handler = (*bot)(nil)
)

// Received notes the time, and lets the client do the rest.
func (b *bot) Received(conn transport.Conn, datagrams [][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.run.clock()
	b.Client.Received(conn, datagrams)
}

// of returns what the bot knows of the avatar of another one, or nil when that
// is not in its zone.
func (b *bot) of(peer int) *sight {
	if peer%b.run.Zones != b.index%b.run.Zones {
		return nil
	}
	return &b.sight[peer/b.run.Zones]
}

// walk makes the avatar's next step.
func (b *bot) walk() error {
	step := b.steps.Load()
	b.value = b.run.gait.AppendWalk(b.value[:0], b.index, step)
	b.run.sentAt(b.index, step).Store(b.run.clock())
	if err := b.UpdatePacked(b.avatar, b.run.gait.Field, b.value); err != nil {
		return err
	}
	b.steps.Add(1)
	b.Flush()
	return nil
}

// Generated is told of avatars that come into sight, and of their state.
func (b *bot) Generated(_ *lan.Client, g *lan.Generate) {
	peer := b.run.peer(g.Owner)
	if peer < 0 || g.Class != b.run.gait.Class {
		return // a stranger's
	}
	s := b.of(peer)
	if s == nil {
		b.run.faults.strayed.Add(1)
		return
	}
	if !s.present {
		s.present = true
		b.peers++
	}
	for f, value := range g.Values() {
		if f != b.run.gait.Field {
			continue
		}
		step, ok := b.run.gait.Step(value)
		switch {
		case !ok:
			b.run.faults.misread.Add(1)
		case g.Known && s.counted && uint32(step) != s.step:
			b.run.faults.stale.Add(1)
		default:
			s.step, s.counted = uint32(step), true
		}
	}
}

// Updated is told of the others' steps.
func (b *bot) Updated(_ *lan.Client, u *lan.Update) {
	peer := b.run.peer(u.Owner)
	if peer < 0 || u.Field != b.run.gait.Field {
		return
	}
	b.delivered.Add(1)
	step, ok := b.run.gait.Step(u.Value)
	if !ok || u.Sender != u.Owner {
		b.run.faults.misread.Add(1)
		return
	}
	s := b.of(peer)
	if s == nil {
		b.run.faults.strayed.Add(1)
		return
	}
	if s.counted {
		switch ahead, ok := b.run.gait.Ahead(step, uint64(s.step)); {
		case !ok:
			b.run.faults.reordered.Add(1)
			return
		case ahead == 0:
			b.run.faults.duplicated.Add(1)
			return
		default:
			b.run.faults.lost.Add(int64(ahead - 1))
		}
	}
	s.step, s.counted = uint32(step), true
	if sent := b.run.sentAt(peer, step).Load(); sent > 0 {
		b.run.latency.Add(time.Duration(b.now - sent))
	}
}

// Unknown is told of updates of avatars that are not in sight. That is fair
// as long as the bots gather.
func (b *bot) Unknown(_ *lan.Client, sender, doID uint32) {
	if b.run.gathered.Load() && b.run.peer(sender) >= 0 {
		b.run.faults.unknown.Add(1)
	}
}

// Disabled is told of avatars that go out of sight.
func (b *bot) Disabled(_ *lan.Client, o lan.Object) { b.lose(o) }

// Deleted is told of avatars that are no more.
func (b *bot) Deleted(_ *lan.Client, o lan.Object) { b.lose(o) }

func (b *bot) lose(o lan.Object) {
	peer := b.run.peer(o.Owner)
	if peer < 0 || o.Class != b.run.gait.Class {
		return
	}
	s := b.of(peer)
	if s == nil || !s.present {
		return
	}
	*s = sight{}
	b.peers--
	if !b.run.bots[peer].left.Load() {
		b.run.faults.vanished.Add(1)
	}
}

// Disconnected is told that the connection is gone.
func (b *bot) Disconnected(_ *lan.Client, err error) {
	if !b.left.Load() {
		b.run.disconnected(b, err)
	}
}
