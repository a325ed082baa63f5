package ai

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// Errors of an AI.
var (
	// ErrLost says that the link was lost before an answer came.
	ErrLost = errors.New("ai: the link to the cluster was lost")
	// ErrTimeout says that no answer came in time.
	ErrTimeout = errors.New("ai: no answer came in time")
	// ErrStopped says that the AI has ended.
	ErrStopped = errors.New("ai: the AI has ended")
	// ErrNoID says that all doIds are in use.
	ErrNoID = errors.New("ai: all doIds from FirstID to LastID are in use")
	// ErrGone says that the object is not the AI's any more.
	ErrGone = errors.New("ai: the object is deleted or has gone to another AI")
)

// AI is a server that manages objects. Its methods but for [AI.Do], [AI.Run]
// and [AI.After] are for inside; see the package's documentation.
type AI struct {
	config   Config
	director *md.Director
	uplink   *md.Uplink
	self     md.Participant

	up      bool
	stopped atomic.Bool

	objects map[uint32]*Object // that it manages, and UberDOGs
	order   []*Object          // as they were created, with nil for those that are gone
	gaps    int                // nil ones in order
	nextID  uint32
	seen    map[uint32]*Object // of interests
	watched map[Location]int   // how many interests have it
	opened  []*Interest
	heard   map[uint64]int // channels, by how many want them

	untold []tie // session objects that went with the link

	queries     map[uint32]*query
	nextContext uint32
}

// tie is a session object and its client.
type tie struct {
	client uint64
	doID   uint32
}

// New makes an AI. It connects when [AI.Run] is called; what is done before
// takes effect then.
func New(c Config) (*AI, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	a := &AI{
		config:   c,
		director: md.New(md.Limits{}),
		objects:  make(map[uint32]*Object),
		nextID:   c.FirstID,
		seen:     make(map[uint32]*Object),
		watched:  make(map[Location]int),
		heard:    make(map[uint64]int),
		queries:  make(map[uint32]*query),
	}
	a.self.Receiver = (*ear)(a)
	a.uplink = md.NewUplink(a.director, md.UplinkConfig{
		Dial:       c.Dial,
		MinBackoff: c.MinBackoff,
		MaxBackoff: c.MaxBackoff,
		Changed:    a.changed,
		Log:        c.Log,
	})
	a.director.Do(func() {
		a.hear(c.Channel)
		a.addOwnPostRemove()
	})
	return a, nil
}

// Run connects, and connects again whenever the link is lost, until ctx is done.
// Then it closes the link, whereupon the cluster deletes the AI's objects, and
// returns nil. It may be called once.
func (a *AI) Run(ctx context.Context) error {
	err := a.uplink.Run(ctx)
	a.director.Do(func() {
		a.stopped.Store(true)
		a.failQueries(ErrStopped)
	})
	return err
}

// Do has f called inside, behind everything that was there before. It may be
// called from any goroutine and from inside. f may run on the goroutine that
// calls Do, which must not hold a lock that a callback takes.
func (a *AI) Do(f func()) { a.director.Do(f) }

// After has f called inside after some time, unless stop was called before. It
// may be called from any goroutine; so may stop. When the AI has ended f is not
// called.
func (a *AI) After(d time.Duration, f func()) (stop func()) {
	var stopped atomic.Bool
	t := time.AfterFunc(d, func() {
		a.Do(func() {
			if !stopped.Load() && !a.stopped.Load() {
				f()
			}
		})
	})
	return func() {
		stopped.Store(true)
		t.Stop()
	}
}

// Await calls ask inside and waits for its answer. It is for goroutines
// outside; a callback that waits would wait for ever.
//
//	place, err := ai.Await(ctx, a, func(answer func(ai.Location, error)) { a.GetLocation(doID, answer) })
func Await[T any](ctx context.Context, a *AI, ask func(answer func(T, error))) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	a.Do(func() {
		ask(func(value T, err error) {
			select {
			case results <- result{value, err}:
			default: // only the first answer counts
			}
		})
	})
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// Connected reports whether the link is up.
func (a *AI) Connected() bool { return a.up }

// Channel returns the AI's own channel.
func (a *AI) Channel() uint64 { return a.config.Channel }

// Schema returns the classes.
func (a *AI) Schema() *dc.Schema { return a.config.Schema }

// Hear makes the AI hear what is sent to a channel, and Ignore ends that. What
// was heard twice has to be ignored twice.
func (a *AI) Hear(channel uint64) { a.hear(channel) }

// Ignore ends Hear.
func (a *AI) Ignore(channel uint64) { a.ignore(channel) }

func (a *AI) hear(channel uint64) {
	if a.heard[channel]++; a.heard[channel] > 1 {
		return
	}
	if err := a.director.Subscribe(&a.self, channel); err != nil {
		a.config.Log.Error("the AI cannot hear a channel", "channel", channel, "err", err)
	}
}

func (a *AI) ignore(channel uint64) {
	if a.heard[channel] == 0 {
		return
	}
	if a.heard[channel]--; a.heard[channel] == 0 {
		delete(a.heard, channel)
		a.director.Unsubscribe(&a.self, channel)
	}
}

// send sends a message from the AI's channel.
func (a *AI) send(from *md.Participant, t md.Type, to uint64, payload func(w *datagram.Writer)) error {
	b := a.director.Emit(from)
	w := b.Begin(t, a.config.Channel, to)
	if payload != nil {
		payload(w)
	}
	return b.End()
}

// message composes what send would send, for later.
func (a *AI) message(t md.Type, sender, to uint64, payload func(w *datagram.Writer)) ([]byte, error) {
	var w datagram.Writer
	w.Uint8(1)
	w.Uint64(to)
	w.Uint64(sender)
	w.Uint16(uint16(t))
	payload(&w)
	if w.Err() == nil && w.Len() > md.MaxMessage {
		return nil, md.ErrTooLong
	}
	return w.Buf, w.Err()
}

// Send sends a message of a type and payload that this package has no method
// for. The error says that it is too long.
func (a *AI) Send(channel uint64, typ uint16, payload []byte) error {
	return a.send(&a.self, md.Type(typ), channel, func(w *datagram.Writer) { w.Bytes(payload) })
}

// AddPostRemove has the cluster send a message from the AI's channel when the AI
// is gone, and ClearPostRemoves takes back all of these. That its objects are
// deleted then is not one of them.
func (a *AI) AddPostRemove(channel uint64, typ uint16, payload []byte) error {
	m, err := a.message(md.Type(typ), a.config.Channel, channel, func(w *datagram.Writer) { w.Bytes(payload) })
	if err != nil {
		return err
	}
	return a.director.AddPostRemove(&a.self, a.config.Channel, m)
}

// ClearPostRemoves takes back what AddPostRemove did.
func (a *AI) ClearPostRemoves() {
	a.director.ClearPostRemoves(&a.self, a.config.Channel)
	a.addOwnPostRemove()
}

// graveSender is the sender of the AI's own post-remove, by which it knows what
// has deleted its objects. It is no channel that anybody has.
func (a *AI) graveSender() uint64 { return ^a.config.Channel }

// addOwnPostRemove has the AI's objects deleted when it is gone.
func (a *AI) addOwnPostRemove() {
	m, _ := a.message(md.StateServerDeleteAIObjects, a.graveSender(), a.config.StateServer, func(w *datagram.Writer) { w.Uint64(a.config.Channel) })
	if err := a.director.AddPostRemove(&a.self, a.config.Channel, m); err != nil {
		a.config.Log.Error("the AI's objects will stay when it is gone", "err", err)
	}
}

// changed is called when the link has come up or is lost.
func (a *AI) changed(up bool) {
	a.up = up
	if !up {
		a.failQueries(ErrLost)
		for _, o := range a.seen {
			a.remove(o)
		}
		for o := range a.Objects() {
			if o.kind != managed {
				continue
			}
			if o.tied != 0 {
				a.untold = append(a.untold, tie{o.tied, o.id})
			}
			if !o.born || o.tied != 0 {
				a.remove(o)
			}
		}
		if f := a.config.Events.Lost; f != nil {
			f()
		}
		return
	}
	for _, o := range a.order {
		if o != nil && o.kind == managed {
			_ = a.announce(o) // an update that makes it too long is refused
		}
	}
	// Who has deleted these may have been unable to tell, such as a state server
	// that was killed. Only sessions to which they are tied act on it.
	for _, t := range a.untold {
		_ = a.send(&a.self, md.StateServerObjectDeleteRAM, t.client, func(w *datagram.Writer) { w.Uint32(t.doID) })
	}
	a.untold = nil
	for _, i := range slices.Clone(a.opened) { // ready may close some
		i.ask()
	}
	if f := a.config.Events.Connected; f != nil {
		f()
	}
}
