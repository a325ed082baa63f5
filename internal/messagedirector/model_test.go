package messagedirector

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The model is a director as simple as can be: one list of what waits, and
// sets of channels that are searched from end to end. It is given what
// happened to a real one and says whether that could have happened to it.

// universe are the channels of the model test: few, so that things meet, and
// the ends.
var universe = func() (all []uint64) {
	for ch := range uint64(24) {
		all = append(all, 100+ch)
	}
	return append(all, 0, math.MaxUint64-1, math.MaxUint64)
}()

func drawChannel(t *rapid.T) uint64 { return rapid.SampledFrom(universe).Draw(t, "channel") }

func drawRange(t *rapid.T) (low, high uint64) {
	return drawChannel(t), drawChannel(t)
}

// act is something that a participant does.
type act struct {
	kind      actKind
	low, high uint64
	message   []byte
}

type actKind int

const (
	actSend actKind = iota
	actAdd
	actRemove
	actAddRange
	actRemoveRange
	actAddPost
	actClearPosts
	actLeave
	actKinds
)

func (a act) String() string {
	switch a.kind {
	case actSend:
		return "send " + describe(a.message)
	case actAddPost:
		return fmt.Sprintf("post-remove %d %s", a.low, describe(a.message))
	}
	return fmt.Sprintf("%s %d-%d", [...]string{"", "add", "remove", "add range", "remove range", "", "clear", "leave"}[a.kind], a.low, a.high)
}

func drawAct(t *rapid.T, depth int) act {
	a := act{kind: rapid.SampledFrom([]actKind{
		actSend, actSend, actSend, actAdd, actAdd, actAdd, actRemove, actAddRange, actAddRange, actRemoveRange,
		actAddPost, actClearPosts, actLeave,
	}).Draw(t, "act")}
	switch a.kind {
	case actSend:
		a.message = drawMessage(t, depth)
	case actAddRange, actRemoveRange:
		a.low, a.high = drawRange(t)
	case actAddPost:
		a.low = rapid.Uint64Range(1, 3).Draw(t, "sender")
		a.message = drawMessage(t, depth)
	case actClearPosts:
		a.low = rapid.Uint64Range(1, 3).Draw(t, "sender")
	default:
		a.low = drawChannel(t)
	}
	return a
}

var messageCount uint64

// drawMessage draws a message whose sender is a number that no other has, and
// whose type says how much it may cause.
func drawMessage(t *rapid.T, depth int) []byte {
	messageCount++
	b := []byte{0}
	for range rapid.IntRange(0, 4).Draw(t, "recipients") {
		b[0]++
		b = appendUint64(b, drawChannel(t))
	}
	b = appendUint64(b, messageCount)
	return append(b, byte(depth), 0)
}

func appendUint64(b []byte, v uint64) []byte {
	for range 8 {
		b = append(b, byte(v))
		v >>= 8
	}
	return b
}

// actor is a participant of the model test. It does what its script says when
// it gets a message that may cause something.
type actor struct {
	Participant
	name   string
	run    *run
	script []act // what it does next time
}

func (a *actor) Receive(m *Message) {
	r := a.run
	e := event{actor: a, message: bytes.Clone(m.Raw)}
	if m.Type > 0 && len(a.script) > 0 {
		n := min(2, len(a.script))
		e.acts, a.script = a.script[:n], a.script[n:]
		for i := range e.acts {
			act := &e.acts[i]
			if act.message != nil {
				act.message[len(act.message)-2] = byte(m.Type - 1)
			}
			r.perform(a, *act)
		}
	}
	r.log = append(r.log, e)
}

// event is one delivery, and what it caused.
type event struct {
	actor   *actor
	message []byte
	acts    []act
}

// run is a real director with actors.
type run struct {
	d      *Director
	actors []*actor
	log    []event
	up     *modelUp
}

func (r *run) drawActor(t *rapid.T) *actor {
	return r.actors[rapid.IntRange(0, len(r.actors)-1).Draw(t, "actor")]
}

// perform does a from inside the order.
func (r *run) perform(p *actor, a act) {
	switch a.kind {
	case actSend:
		if r.d.Emit(&p.Participant).Append(a.message) != nil {
			panic("a short message is too long")
		}
	case actAdd:
		_ = r.d.Subscribe(&p.Participant, a.low)
	case actRemove:
		r.d.Unsubscribe(&p.Participant, a.low)
	case actAddRange:
		_ = r.d.SubscribeRange(&p.Participant, a.low, a.high)
	case actRemoveRange:
		_ = r.d.UnsubscribeRange(&p.Participant, a.low, a.high)
	case actAddPost:
		_ = r.d.AddPostRemove(&p.Participant, a.low, a.message)
	case actClearPosts:
		r.d.ClearPostRemoves(&p.Participant, a.low)
	case actLeave:
		r.d.Leave(&p.Participant)
	}
}

// append adds a to a batch, to be done from outside.
func (a act) append(b *Batch) {
	switch a.kind {
	case actSend:
		_ = b.Append(a.message)
	case actAdd:
		b.Subscribe(a.low)
	case actRemove:
		b.Unsubscribe(a.low)
	case actAddRange:
		b.SubscribeRange(a.low, a.high)
	case actRemoveRange:
		b.UnsubscribeRange(a.low, a.high)
	case actAddPost:
		_ = b.AddPostRemove(a.low, a.message)
	case actClearPosts:
		b.ClearPostRemoves(a.low)
	case actLeave:
		b.Leave()
	}
}

// modelUp is what a director above knows of this one: as Astron keeps it, in
// sets of channels. Its post-removes are one list for each sender.
type modelUp struct {
	singles, ranged map[uint64]bool
	posts           map[uint64][]string
	forwarded       [][]byte
}

func newModelUp() *modelUp {
	return &modelUp{make(map[uint64]bool), make(map[uint64]bool), make(map[uint64][]string), nil}
}

func (u *modelUp) AddChannel(ch uint64) {
	if !u.ranged[ch] { // else it leaves no trace
		u.singles[ch] = true
	}
}
func (u *modelUp) RemoveChannel(ch uint64) { delete(u.singles, ch) }
func (u *modelUp) AddRange(low, high uint64) {
	u.each(low, high, func(ch uint64) { u.ranged[ch] = true })
}
func (u *modelUp) RemoveRange(low, high uint64) {
	if low > high {
		panic("a range that is none")
	}
	u.each(low, high, func(ch uint64) { delete(u.ranged, ch); delete(u.singles, ch) })
}
func (u *modelUp) each(low, high uint64, f func(uint64)) {
	for _, ch := range universe {
		if low <= ch && ch <= high {
			f(ch)
		}
	}
}
func (u *modelUp) AddPostRemove(s uint64, m []byte) { u.posts[s] = append(u.posts[s], string(m)) }
func (u *modelUp) ClearPostRemoves(s uint64)        { delete(u.posts, s) }
func (u *modelUp) Forward(m *Message)               { u.forwarded = append(u.forwarded, bytes.Clone(m.Raw)) }

// model is the simple director.
type model struct {
	members   map[*actor]*modelMember
	queue     []modelItem
	forwarded [][]byte
}

type modelMember struct {
	singles, ranged map[uint64]bool
	posts           []modelPost
}

type modelPost struct {
	sender  uint64
	message []byte
}

type modelItem struct {
	from *actor
	act  act
}

func (m *model) member(a *actor) *modelMember {
	if m.members[a] == nil {
		m.members[a] = &modelMember{singles: make(map[uint64]bool), ranged: make(map[uint64]bool)}
	}
	return m.members[a]
}

// perform does what takes effect at once, and queues messages.
func (m *model) perform(a *actor, do act) {
	p := m.member(a)
	each := func(f func(uint64)) {
		for _, ch := range universe {
			if do.low <= ch && ch <= do.high {
				f(ch)
			}
		}
	}
	switch do.kind {
	case actSend:
		m.queue = append(m.queue, modelItem{a, do})
	case actAdd:
		if !p.ranged[do.low] {
			p.singles[do.low] = true
		}
	case actRemove:
		delete(p.singles, do.low)
	case actAddRange:
		each(func(ch uint64) { p.ranged[ch] = true })
	case actRemoveRange:
		each(func(ch uint64) { delete(p.ranged, ch); delete(p.singles, ch) })
	case actAddPost:
		p.posts = append(p.posts, modelPost{do.low, do.message})
	case actClearPosts:
		p.posts = slices.DeleteFunc(p.posts, func(q modelPost) bool { return q.sender == do.low })
	case actLeave:
		slices.SortStableFunc(p.posts, func(a, b modelPost) int { return int(a.sender) - int(b.sender) })
		delete(m.members, a)
		for _, q := range p.posts {
			m.queue = append(m.queue, modelItem{a, act{kind: actSend, message: q.message}})
		}
	}
}

func (m *model) covers(a *actor, ch uint64) bool {
	p := m.members[a]
	return p != nil && (p.singles[ch] || p.ranged[ch])
}

// check works the model's queue off and holds the log of the real director to
// it. Which of the recipients of one message gets it first is left open.
func (m *model) check(t *rapid.T, r *run) {
	log := r.log
	for len(m.queue) > 0 {
		item := m.queue[0]
		m.queue = m.queue[1:]
		if item.act.kind != actSend {
			m.perform(item.from, item.act)
			continue
		}
		msg, err := ParseMessage(item.act.message)
		if err != nil {
			t.Fatal(err)
		}
		var to []*actor
		for _, a := range r.actors {
			for i := range msg.Recipients() {
				if a != item.from && m.covers(a, msg.Recipient(i)) {
					to = append(to, a)
					break
				}
			}
		}
		for len(to) > 0 {
			if len(log) == 0 {
				t.Fatalf("%s does not get %s", to[0].name, describe(msg.Raw))
			}
			e := log[0]
			i := slices.Index(to, e.actor)
			if i < 0 || !bytes.Equal(e.message, msg.Raw) {
				t.Fatalf("%s gets %s instead of some getting %s", e.actor.name, describe(e.message), describe(msg.Raw))
			}
			log = log[1:]
			to = slices.Delete(to, i, i+1)
			for _, a := range e.acts {
				m.perform(e.actor, a)
			}
		}
		if item.from.name != "up" {
			m.forwarded = append(m.forwarded, msg.Raw)
		}
	}
	if len(log) > 0 {
		t.Fatalf("%s gets %s, which nobody sent", log[0].actor.name, describe(log[0].message))
	}
	r.log = nil
	m.checkUp(t, r)
}

// checkUp holds what the director above knows to what there is.
func (m *model) checkUp(t *rapid.T, r *run) {
	for _, ch := range universe {
		want := slices.ContainsFunc(r.actors, func(a *actor) bool { return m.covers(a, ch) })
		if got := r.up.singles[ch] || r.up.ranged[ch]; got != want {
			t.Fatalf("upstream believes of channel %d: %v, it is %v", ch, got, want)
		}
	}
	posts := make(map[uint64][]string)
	for _, p := range m.members {
		for _, q := range p.posts {
			posts[q.sender] = append(posts[q.sender], string(q.message))
		}
	}
	for s := range uint64(5) {
		slices.Sort(posts[s])
		got := slices.Sorted(slices.Values(r.up.posts[s]))
		if !slices.Equal(got, posts[s]) {
			t.Fatalf("upstream has the post-removes %q of sender %d, there are %q", got, s, posts[s])
		}
	}
	if !slices.EqualFunc(r.up.forwarded, m.forwarded, bytes.Equal) {
		t.Fatalf("%d messages went upstream, not %d, or others", len(r.up.forwarded), len(m.forwarded))
	}
	r.up.forwarded, m.forwarded = nil, nil
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &run{d: New(Limits{}), up: newModelUp()}
		r.d.Do(func() { r.d.SetUpstream(r.up) })
		m := &model{members: make(map[*actor]*modelMember)}
		for i := range rapid.IntRange(2, 5).Draw(t, "actors") {
			a := &actor{name: fmt.Sprint("actor ", i), run: r}
			a.Receiver = a
			r.actors = append(r.actors, a)
		}
		above := &actor{name: "up"}
		t.Repeat(map[string]func(*rapid.T){
			"batch": func(t *rapid.T) {
				var b Batch
				for range rapid.IntRange(1, 5).Draw(t, "stretches") {
					a := r.drawActor(t)
					b.From(&a.Participant)
					for range rapid.IntRange(1, 3).Draw(t, "acts") {
						do := drawAct(t, rapid.IntRange(0, 3).Draw(t, "depth"))
						do.append(&b)
						m.queue = append(m.queue, modelItem{a, do})
					}
				}
				r.d.Post(&b)
				m.check(t, r)
			},
			"script": func(t *rapid.T) {
				a := r.drawActor(t)
				for range 4 {
					a.script = append(a.script, drawAct(t, 0))
				}
			},
			"from above": func(t *rapid.T) {
				var b Batch
				b.From(r.d.Above())
				do := act{kind: actSend, message: drawMessage(t, 2)}
				do.append(&b)
				m.queue = append(m.queue, modelItem{above, do})
				r.d.Post(&b)
				m.check(t, r)
			},
			"restore": func(t *rapid.T) {
				r.up = newModelUp()
				r.d.Do(func() { r.d.SetUpstream(r.up) })
				m.checkUp(t, r)
			},
		})
	})
}
