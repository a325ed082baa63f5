package astronbots

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// bot is a client that comes, walks its avatar, looks at the others', and may go
// and come again, with another avatar then.
type bot struct {
	run   *run
	index int

	coming    sync.Mutex    // held while it goes and comes again
	delivered atomic.Uint64 // updates of avatars in sight

	mu       sync.Mutex
	session  *session      // nil while it is away
	ready    chan struct{} // closed when it is logged in and its first interest is open
	avatar   *avatar       // its own; nil before it has one
	parent   uint32        // what its avatar is in
	zone     uint32        // of its interest
	context  uint32        // of its last interest request
	open     bool          // that request is answered
	asked    time.Time     // when it was made
	now      int64         // when the present batch arrived, in ns since the run began
	sights   map[uint32]*sight
	greeting bool // it waits to be let in
}

// ownContexts is where the contexts of a client's interest requests begin; those
// that the server makes for itself begin at 1.
const ownContexts = 1 << 31

// sight is what a bot knows of an avatar in sight.
type sight struct {
	avatar  *avatar // nil if it had gone when it was announced
	counted bool    // step is valid
	step    uint64  // the last one seen, modulo the gait's period
}

var _ listener = (*bot)(nil)

// join connects and logs in, and returns when the first interest is open.
func (b *bot) join(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, joinWithin, fmt.Errorf("it is not logged in within %v", joinWithin))
	defer cancel()
	began := time.Now()
	ready := make(chan struct{})
	b.mu.Lock()
	b.ready, b.avatar, b.zone, b.open = ready, nil, 0, false
	b.sights, b.context = make(map[uint32]*sight), ownContexts
	b.mu.Unlock()
	s, err := b.greet(ctx)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.session = s
	b.greeting = true
	b.mu.Unlock()
	if b.run.Idle {
		return nil
	}
	if b.run.gate.public {
		b.knock()
	} else {
		b.run.gate.waiting.Add(1)
		defer b.run.gate.waiting.Add(-1)
	}
	select {
	case <-ready:
		b.run.logins.Add(time.Since(began))
		return nil
	case <-s.done:
		return s.err
	case <-ctx.Done():
		s.leave()
		return context.Cause(ctx)
	}
}

// greet connects, at a time when the gate does not open.
func (b *bot) greet(ctx context.Context) (*session, error) {
	if g := b.run.gate; g != nil && !g.public {
		g.greeting.RLock()
		defer g.greeting.RUnlock()
	}
	return connect(ctx, &b.run.Config, b)
}

// knock asks the gate to be let in.
func (b *bot) knock() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.knockLocked()
}

func (b *bot) knockLocked() {
	if b.session != nil && b.greeting {
		b.greeting = false
		b.sent(b.session.setField(b.run.gate.id, b.run.gate.field, b.run.gate.words(b.index)))
	}
}

// leave goes away. The bot's avatar is as good as gone.
func (b *bot) leave() {
	b.mu.Lock()
	s, a := b.session, b.avatar
	b.session, b.avatar = nil, nil
	if s != nil {
		s.leaving.Store(true)
	}
	b.mu.Unlock()
	if s == nil {
		return
	}
	if a != nil {
		b.run.forget(a)
	}
	s.leave()
}

// walk makes the avatar's next step.
func (b *bot) walk() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session == nil || b.avatar == nil {
		return
	}
	b.sent(b.run.step(b.avatar, func(value []byte) error {
		return b.session.setField(b.avatar.id, b.run.gait.Field, value)
	}))
}

// relocate moves the avatar into another zone, and the interest with it.
func (b *bot) relocate(zone uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.avatar
	if b.session == nil || a == nil || !b.open {
		return
	}
	a.zone.Store(zone)
	if b.run.Relocate {
		b.sent(b.session.move(a.id, b.parent, zone))
	} else {
		b.run.gate.move(a.id, zone)
	}
	b.look(zone)
}

// look opens the interest in a zone, or moves it there.
func (b *bot) look(zone uint32) {
	b.zone, b.open, b.asked = zone, false, time.Now()
	b.context++
	b.sent(b.session.setInterest(b.context, b.parent, zone))
}

func (b *bot) heartbeat() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session != nil {
		b.sent(b.session.heartbeat())
	}
}

// sent counts what could not be sent. That a connection is gone is counted when
// it closes.
func (b *bot) sent(err error) {
	if err != nil && !errors.Is(err, transport.ErrClosed) {
		b.run.fault(unsent, 1, "client %d: %v", b.index, err)
	}
}

// batch notes when messages have arrived.
func (b *bot) batch(_ *session, received func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.run.clock()
	received()
}

// current tells whether a session is the bot's present one, and not idle. Before
// join has it, it is.
func (b *bot) current(s *session) bool {
	return !b.run.Idle && !s.leaving.Load() && (b.session == nil || b.session == s)
}

func (b *bot) entered(s *session, doID, parent, zone uint32, class *dc.Class, own bool, value func(*dc.Field) []byte) {
	if !b.current(s) || !b.run.ours(doID) || class != b.run.gait.Class {
		return
	}
	if own && b.run.Guests && b.run.avatar(doID) == nil {
		b.run.newAvatar(doID, zone)
	}
	a := b.run.avatar(doID)
	if own {
		if b.avatar != nil || a == nil {
			b.run.fault(misread, 1, "client %d is given the avatar %d, which is not its", b.index, doID)
			return
		}
		b.avatar, b.parent = a, parent
		b.look(zone)
		return
	}
	if b.sights[doID] != nil {
		b.run.fault(entered, 1, "client %d is shown %d twice", b.index, doID)
		return
	}
	if b.open && zone != b.zone && !b.run.Guests {
		b.run.fault(strayed, 1, "client %d is shown %d of zone %d, and has asked for %d", b.index, doID, zone, b.zone)
	}
	w := &sight{avatar: a}
	if packed := value(b.run.gait.Field); packed != nil && !b.run.Guests { // guests begin where the game says
		if w.step, w.counted = b.run.gait.Step(packed); !w.counted {
			b.run.fault(misread, 1, "client %d is shown %d with a value that nobody sent", b.index, doID)
		}
	}
	b.sights[doID] = w
}

func (b *bot) updated(s *session, doID uint32, field uint16, value []byte) {
	if !b.current(s) {
		return
	}
	if doID == b.run.gate.id {
		b.run.gate.hear()
		b.knockLocked()
		return
	}
	if !b.run.ours(doID) || int(field) != b.run.gait.Field.Number() {
		return
	}
	w := b.sights[doID]
	if w == nil && b.run.stranger(doID) {
		return
	}
	b.delivered.Add(1)
	if w == nil {
		b.run.fault(unknown, 1, "client %d hears of %d, which it does not see", b.index, doID)
		return
	}
	if w.avatar == nil { // it had gone then, or its client did not yet know of it
		w.avatar = b.run.avatar(doID)
	}
	if w.avatar == nil && b.run.Guests {
		return // its steps are the game's
	}
	step, ok := b.run.gait.Step(value)
	if !ok || w.avatar == b.avatar && b.avatar != nil {
		b.run.fault(misread, 1, "client %d hears a step of %d that nobody sent to it", b.index, doID)
		return
	}
	if w.counted {
		switch ahead, ok := b.run.gait.Ahead(step, w.step); {
		case !ok:
			b.run.fault(reordered, 1, "client %d hears step %d of %d after step %d", b.index, step, doID, w.step)
			return
		case ahead == 0:
			b.run.fault(duplicated, 1, "client %d hears step %d of %d twice", b.index, step, doID)
			return
		case ahead > 1:
			b.run.fault(lost, int64(ahead-1), "client %d hears step %d of %d after step %d", b.index, step, doID, w.step)
		}
	}
	w.step, w.counted = step, true
	if w.avatar == nil {
		return
	}
	if sent := b.run.sentAt(w.avatar, step).Load(); sent > 0 {
		b.run.latency.Add(time.Duration(b.now - sent))
	}
}

func (b *bot) left(s *session, doID uint32, own bool) {
	if !b.current(s) || !b.run.ours(doID) {
		return
	}
	if own {
		b.run.fault(vanished, 1, "client %d loses its own avatar %d", b.index, doID)
		return
	}
	w := b.sights[doID]
	if w == nil && b.run.stranger(doID) {
		return
	}
	if w == nil {
		b.run.fault(unknown, 1, "client %d loses sight of %d, which it does not see", b.index, doID)
		return
	}
	delete(b.sights, doID)
	// Where nothing moves, only those go that are no more.
	if b.run.Moves == 0 && !b.run.Guests && w.avatar != nil && b.run.avatar(doID) == w.avatar {
		b.run.fault(vanished, 1, "client %d loses sight of %d, which is still there", b.index, doID)
	}
}

func (b *bot) interestDone(s *session, context uint32) {
	if !b.current(s) || context != b.context {
		return
	}
	if b.open {
		b.run.fault(misread, 1, "client %d is told twice that an interest is open", b.index)
		return
	}
	b.open = true
	b.run.interests.Add(time.Since(b.asked))
	select {
	case <-b.ready:
	default:
		close(b.ready)
	}
}

func (b *bot) misread(_ *session, err error) {
	b.run.fault(misread, 1, "client %d: %v", b.index, err)
}

func (b *bot) closed(s *session, err error) {
	if s.leaving.Load() {
		return
	}
	b.run.fault(disconnected, 1, "client %d: %v", b.index, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session == s {
		if b.avatar != nil {
			b.run.forget(b.avatar)
		}
		b.session, b.avatar = nil, nil
	}
}
