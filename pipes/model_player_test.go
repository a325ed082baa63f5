package pipes_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/internal/independent"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/memory"
)

// spectator is a client of the model and what must hold of it.
type spectator struct {
	m      *model
	name   string
	number int // of those that dialed
	rand   *rand.Rand
	conn   *memory.Conn
	client subject
	seat   *seat // nil before it was let in
	role
	// liar acknowledges what it never got, so that what it shows is its own
	// fault; broken does not hear or send on, and is closed in the end.
	liar, broken bool
	mad          bool            // sent what it does not know about
	zones        map[uint32]bool // asked for
	shown        map[uint32]*shown
	from         map[uint32]uint32 // by doId, the tick of what was shown last
	met          map[*life]bool    // was ever shown
	calm         int               // the model's step since when no interest changes; -1 while one does
	states       int               // that came, since model.still began
	welcomed     bool
	left         bool
}

// shown is what a client shows of an object.
type shown struct {
	life   *life
	tick   uint32 // at which it was as it is shown, or earlier than which it was not
	born   uint32 // tick when it came
	state  bool
	step   int    // when it came
	serial uint32 // of the last call heard
}

func (p *spectator) String() string { return p.name }

// role is what a client is like.
type role struct {
	session bool // one of package clientsession, which acks honestly
	plain   bool
	acks    independent.Acks
	rate    uint16 // snapshots a second
	hold    int    // parts that an independent one holds, bytes that a session does
	// around, when there is one, comes between the network and the client.
	around func(transport.Handler) transport.Handler
}

// randomRole is a client of any kind.
func (m *model) randomRole() role {
	r := role{plain: m.rand.IntN(5) < 2, rate: []uint16{5, 20, 66, 300}[m.rand.IntN(4)]}
	if r.session = m.rand.IntN(2) == 0; r.session {
		r.hold = []int{0, -1, 200}[m.rand.IntN(3)]
		return r
	}
	r.hold = []int{0, 1, 8}[m.rand.IntN(3)]
	switch n := m.rand.IntN(20); {
	case n < 11:
		r.acks = independent.AckHonest
	case n < 14:
		r.acks = independent.AckLate
	case n < 17:
		r.acks = independent.AckWild
	case n < 19:
		r.acks = independent.AckNever
	default:
		r.acks = independent.AckLie
	}
	return r
}

// dial makes a client.
func (m *model) dial(r role) *spectator {
	m.joined++
	m.counts["clients"]++
	p := &spectator{m: m, number: m.joined, rand: rand.New(rand.NewPCG(m.seed, 100+uint64(m.joined))), role: r, liar: r.acks == independent.AckLie,
		zones: map[uint32]bool{}, shown: map[uint32]*shown{}, from: map[uint32]uint32{}, met: map[*life]bool{}, calm: -1}
	watch := independent.Watch{Welcome: p.welcome, Generated: p.generated, State: p.state, Moved: p.moved, Removed: p.removed, Message: p.message, Complete: p.complete}
	kind := "independent"
	if r.session {
		kind = "session"
		m.counts["clients with a session"]++
		p.client = newSessionClient(m, r.plain, r.rate, r.hold, watch)
	} else {
		p.client = independent.New(independent.Config{
			Schema: m.schema, Extension: !r.plain, Now: m.net.Now, Rand: p.rand, Acks: r.acks,
			UpdateRate: r.rate, CommandRate: 200, HoldParts: r.hold, Watch: watch,
		})
	}
	p.name = fmt.Sprintf("player %d (%s, plain %v, %v)", m.joined, kind, r.plain, r.acks)
	if r.plain {
		m.counts["plain clients"]++
	} else {
		m.counts["extended clients"]++
	}
	m.players = append(m.players, p)
	m.tell("%v dials", p)
	var h transport.Handler = p.client
	if r.around != nil {
		h = r.around(h)
	}
	var err error
	p.conn, err = m.net.Dial("server", h)
	m.must(err)
	return p
}

// vanish lets nothing through any more, in either direction.
func (p *spectator) vanish() {
	p.conn.SetLink(memory.Link{Loss: 1})
	if far := p.m.accepted[p.number]; far != nil {
		far.SetLink(memory.Link{Loss: 1})
	}
}

func (p *spectator) story() string { return p.client.Story() }

func (p *spectator) ended() bool {
	ended, _ := p.client.Ended()
	return ended
}

func (p *spectator) close() { p.conn.Close(transport.CodeNormal, "goodbye") }

func (p *spectator) welcome() {
	p.welcomed = true
	if p.seat == nil || p.seat.client.ID() != p.client.ID() {
		p.m.fail(p, "%v was told that it is client %d, but is %v", p, p.client.ID(), p.seat)
	}
}

// faults fails if the server broke a rule that the client judges by itself.
func (p *spectator) faults() {
	if f := p.client.Faults(); len(f) > 0 && !p.mad {
		p.m.fail(p, "%v: %v", p, f)
	}
}

// frame is a frame of the player's: it acts at random.
func (p *spectator) frame(d time.Duration) {
	p.faults()
	if p.ended() {
		if !p.left && !p.broken {
			if _, err := p.client.Ended(); !p.timedOut(err) {
				p.m.fail(p, "%v: the connection closed: %v", p, err)
			}
		}
		if !p.left {
			p.m.counts["closed"]++
		}
		p.left = true
		return
	}
	p.client.Frame(d)
	if !p.welcomed || p.left || p.m.calm {
		return
	}
	r := p.rand
	switch r.IntN(60) {
	case 0, 1:
		var zones []uint32
		for range 1 + r.IntN(3) {
			zones = append(zones, uint32(r.IntN(modelZones)))
		}
		p.interest(independent.SetInterest+independent.InterestKind(r.IntN(3)), zones...)
	case 2:
		p.client.SetRates(uint16(1+r.IntN(100)), uint16(100+r.IntN(100)))
	case 3, 4:
		p.command()
	}
	if len(p.zones) == 0 && len(p.client.Pending()) == 0 && r.IntN(5) == 0 {
		p.interest(independent.AddInterest, uint32(r.IntN(modelZones)))
	}
}

// timedOut tells whether the network has given up a connection, as one that loses
// much may.
func (p *spectator) timedOut(err error) bool {
	e, ok := err.(*transport.CloseError)
	return ok && e.Code == transport.CodeTimeout && p.m.terms.net.Up.Loss+p.m.terms.net.Down.Loss > 0
}

func (p *spectator) interest(kind independent.InterestKind, zones ...uint32) {
	if kind == independent.SetInterest {
		clear(p.zones)
	}
	for _, z := range zones {
		if kind == independent.RemoveInterest {
			delete(p.zones, z)
		} else {
			p.zones[z] = true
		}
	}
	p.calm = -1
	p.client.Interest(kind, zones...)
}

// command calls something on an object that is shown, or was.
func (p *spectator) command() {
	all := p.client.Objects()
	if len(all) == 0 {
		return
	}
	o := all[p.rand.IntN(len(all))]
	name := []string{"poke", "steer", "say", "serial"}[p.rand.IntN(4)]
	if f := o.Class.FieldByName(name); f != nil && f.Kind() == dc.Atomic {
		p.m.serial++
		p.m.must(p.client.Send(o, name, p.m.serial))
	}
}

// generated judges an object that came into view.
func (p *spectator) generated(o *independent.Object) {
	m := p.m
	m.counts["generates"]++
	if p.liar {
		return
	}
	want := stateKey(o.State)
	match := func(n moment) bool {
		return (!o.HasState || n.state == want) && n.zone == o.Zone && (n.owner == p.seat) == o.Owned
	}
	var s *shown
	for _, l := range m.history.lives[o.ID] {
		if l.class != o.Class || !l.hadAll(o.Methods) {
			continue
		}
		if p.plain {
			// Everything is in order, and no tick is said. Lives that look
			// alike may be mistaken for each other; see rightLife.
			if tick, ok := l.first(max(p.from[o.ID], p.client.Tick()), match); ok {
				s = &shown{life: l, tick: tick}
				break
			}
		} else if n, ok := l.at(o.Tick); ok && p.session && l.wasIn(o.Zone, o.Tick) && (n.state == want) && (n.owner == p.seat) == o.Owned || ok && match(n) {
			s = &shown{life: l, tick: o.Tick}
			break
		}
	}
	if s == nil {
		m.fail(p, "%v: generate of %v %d, tick %d, zone %d, owned %v, state %v %s, methods %x: it never was like this, or only before tick %d\n%s",
			p, o.Class, o.ID, o.Tick, o.Zone, o.Owned, o.HasState, want, o.Methods, p.from[o.ID], m.tellLives(o.ID))
	}
	p.sealed(o)
	if s.tick < p.from[o.ID] {
		m.fail(p, "%v: %v goes back from tick %d to %d", p, s.life, p.from[o.ID], s.tick)
	}
	s.step, s.state, s.born = m.steps, o.HasState, s.tick
	p.shown[o.ID], p.from[o.ID] = s, s.tick
	// What was said before an object is known waits for its generate, as long
	// as it is not too much. That can be told of those that came into a zone
	// which was seen all the time.
	if l := s.life; !p.met[l] && p.neverGone(l) && s.tick < l.moments[0].tick+60 {
		s.step = -1
		for _, c := range l.said {
			if slices.Contains(c.to, p.seat) {
				m.counts["calls before generates"]++
			}
		}
	}
	p.met[s.life] = true
}

// neverGone tells whether an object was in a zone that the player wants to see
// ever since it was spawned, with one owner.
func (p *spectator) neverGone(l *life) bool {
	return l.restless == 0 && p.zones[l.zone] && p.calm >= 0 && p.calm < l.spawned
}

// sealed checks that a tick that the server names was one that it sealed.
func (p *spectator) sealed(o *independent.Object) {
	if o.TickKnown && !p.m.history.ticks[o.Tick] {
		p.m.fail(p, "%v: %d is of tick %d, which was never sealed", p, o.ID, o.Tick)
	}
}

func (p *spectator) state(o *independent.Object) {
	m := p.m
	m.counts["states"]++
	p.states++
	if p.liar {
		return
	}
	p.sealed(o)
	s := p.shown[o.ID]
	if p.plain {
		p.rightLife(o, func(l *life) bool { _, ok := l.at(o.Tick); return ok })
	}
	n, ok := s.life.at(o.Tick)
	if !ok {
		m.fail(p, "%v: state of tick %d for %d, which was not there then:\n%s", p, o.Tick, o.ID, s.life.tell())
	}
	if got := stateKey(o.State); got != n.state {
		m.fail(p, "%v: state of tick %d for %d:\n got %s\nwant %s\n%s", p, o.Tick, o.ID, got, n.state, s.life.tell())
	}
	if o.Tick < s.tick || o.Tick == s.tick && s.state && !p.plain {
		m.fail(p, "%v: %d goes from tick %d to %d", p, o.ID, s.tick, o.Tick)
	}
	s.tick, s.state = o.Tick, true
	p.from[o.ID] = o.Tick
}

// rightLife corrects which object of a doId a plain client is thought to show,
// when one that looked alike at its generate is the right one.
func (p *spectator) rightLife(o *independent.Object, right func(*life) bool) {
	s := p.shown[o.ID]
	if right(s.life) {
		return
	}
	for _, l := range p.m.history.lives[o.ID] {
		if l.class == o.Class && right(l) {
			s.life = l
		}
	}
}

func (p *spectator) moved(o *independent.Object) {
	p.m.counts["moves"]++
	if p.liar {
		return
	}
	l := p.shown[o.ID].life
	if p.session { // it does not say when
		if !l.wasIn(o.Zone, p.shown[o.ID].tick) {
			p.m.fail(p, "%v: %d is in zone %d, but never was after tick %d:\n%s", p, o.ID, o.Zone, p.shown[o.ID].tick, l.tell())
		}
		return
	}
	if n, ok := l.at(o.ZoneTick); !ok || n.zone != o.Zone {
		p.m.fail(p, "%v: %d is in zone %d at tick %d:\n%s", p, o.ID, o.Zone, o.ZoneTick, p.shown[o.ID].life.tell())
	}
}

func (p *spectator) removed(o *independent.Object, tick uint32, deleted bool) {
	m := p.m
	m.counts["removals"]++
	if p.liar {
		return
	}
	s := p.shown[o.ID]
	if l := s.life; !p.plain && o.Owned && !l.dead && l.owner == p.seat && l.ownedSince <= s.born {
		m.fail(p, "%v: lost its own %d, which still is:\n%s", p, o.ID, l.tell())
	}
	if l := s.life; !p.plain && !deleted && l.dead && p.neverGone(l) {
		m.fail(p, "%v: %d went only out of view, as the server says, but it was deleted:\n%s", p, o.ID, l.tell())
	}
	if p.session { // it does not say when
		tick = math.MaxUint32
	}
	if _, there := s.life.at(tick); deleted && there {
		m.fail(p, "%v: %d is deleted at tick %d, as the server says:\n%s", p, o.ID, tick, s.life.tell())
	}
	delete(p.shown, o.ID)
}

// message judges a call: in order, each once, none missing, only for who was
// there, and not before the state that it is about.
func (p *spectator) message(o *independent.Object, f *dc.Field, args []byte, forced bool) {
	m := p.m
	m.counts["messages"]++
	if forced {
		m.counts["messages forced"]++
	}
	s := p.shown[o.ID]
	if p.liar {
		return
	}
	if !p.plain && !m.history.called(s, slices.Index(o.Class.Fields(), f), args) {
		m.fail(p, "%v: heard %v(%x) of %d, which it was never called with in this life", p, f, args, o.ID)
	}
	switch f.Name() {
	case "say", "died", "ring":
	case "poke", "steer":
		m.fail(p, "%v: heard %v, which is for the server", p, f)
	default:
		return
	}
	n := binary.LittleEndian.Uint32(args)
	if p.plain {
		p.rightLife(o, func(l *life) bool {
			return slices.ContainsFunc(l.said, func(c call) bool { return c.serial == n })
		})
	}
	due, found := call{}, false
	for _, c := range s.life.said {
		if c.serial == n {
			found = true
		}
		if due.serial == 0 && c.serial > s.serial && c.step > s.step && slices.Contains(c.to, p.seat) {
			due = c
		}
	}
	switch {
	case !found:
		m.fail(p, "%v: heard %v(%d) of %d, which was never said", p, f, n, o.ID)
	case n <= s.serial:
		m.fail(p, "%v: heard %v(%d) of %d after %d", p, f, n, o.ID, s.serial)
	case due.serial != 0 && n > due.serial:
		m.fail(p, "%v: heard %v(%d) of %d, but never %d, which was said at tick %d", p, f, n, o.ID, due.serial, due.tick)
	}
	s.serial = n
	if p.plain || forced {
		return
	}
	switch f.Name() {
	case "say":
		if at := binary.LittleEndian.Uint32([]byte(o.State[0])); at < n {
			m.fail(p, "%v: heard say(%d) of %d while its serial is %d still", p, n, o.ID, at)
		}
	case "died":
		m.counts["deaths"]++
		if hp := o.State[slices.Index(o.Class.Fields(), o.Class.FieldByName("hp"))]; hp != "\x00" {
			m.fail(p, "%v: heard died() of %d while its hp is %x still", p, o.ID, hp)
		}
	}
}

// complete judges that everything came that an interest brought: all that has
// been in its zones since the client asked.
func (p *spectator) complete(q independent.Request) {
	p.m.counts["interests"]++
	if len(p.client.Pending()) == 0 {
		p.calm = p.m.steps
	}
	if p.liar || q.Kind == independent.RemoveInterest || len(p.client.Pending()) > 0 || p.seat == nil || p.seat.gone {
		return
	}
	now, since := p.m.world.Tick(), (p.m.net.Now() - q.At + 100*time.Millisecond).Seconds()
	asked := now - min(now, uint32(since*float64(p.m.world.Rate()))+1) // was sealed before the client asked
	for _, t := range p.m.live {
		// What moves or changes its owner may go and come again.
		if _, ok := t.at(asked); ok && t.restless < asked && slices.Contains(q.Zones, t.zone) && p.shown[t.id] == nil {
			p.m.fail(p, "%v: interest %v is complete, but %v was not shown:\n%s", p, q, t, t.tell())
		}
	}
}

// disturb changes who is there and what the network is like.
func (m *model) disturb() {
	r := m.rand
	switch r.IntN(120) {
	case 0:
		if len(m.players) < 10 || len(m.players) < m.terms.players {
			m.dial(m.randomRole())
		}
	case 1:
		p := m.players[r.IntN(len(m.players))]
		if p.left || p.broken {
			return
		}
		m.counts["closed"]++
		p.left = true
		switch r.IntN(6) {
		case 0, 1:
			m.tell("%v closes", p)
			p.close()
		case 2:
			m.tell("%v disconnects", p)
			p.client.Disconnect()
		case 3:
			m.tell("%v does not read any more", p)
			p.conn.Hold(time.Minute)
			p.broken = true
		case 4:
			m.tell("%v vanishes", p)
			p.vanish()
			p.broken = true
		case 5:
			m.tell("%v sends nonsense", p)
			b := make([]byte, r.IntN(12))
			for i := range b {
				b[i] = byte(r.IntN(256))
			}
			m.must(p.conn.Send(transport.Message{Data: append([]byte{byte(r.IntN(24)), 0}, b...)}))
			p.conn.Flush()
			p.broken, p.mad, p.liar = true, true, true
		}
	}
}

// quiet ends all acting.
func (m *model) quiet() {
	m.calm = true
	m.alike()
}

// alike has all clients ask for the same rates.
func (m *model) alike() {
	for _, p := range m.players {
		if p.welcomed && !p.left && !p.ended() {
			p.client.SetRates(20, 100)
		}
	}
}

// open says what a client does not show as it is, empty when all is well.
func (m *model) open() string {
	for _, p := range m.players {
		if p.left || p.broken || p.liar || p.ended() {
			continue
		}
		// Who never acknowledges gets little, and always the same.
		if p.acks == independent.AckNever && (p.plain || m.terms.sendRate > 0 || m.terms.net.Down.Bandwidth > 0) {
			continue
		}
		if s := p.open(); s != "" {
			return fmt.Sprintf("%v: %s\n%s", p, s, p.story())
		}
	}
	return ""
}

func (p *spectator) open() string {
	if !p.welcomed || p.seat == nil {
		return "not welcome yet"
	}
	if n := len(p.client.Pending()); n > 0 {
		return fmt.Sprintf("%d interests are not complete", n)
	}
	if parts, messages := p.client.Held(); parts+messages > 0 {
		return fmt.Sprintf("%d parts and %d messages are held", parts, messages)
	}
	n := 0
	for _, t := range p.m.live {
		sees := p.zones[t.zone] || p.owns(t.zone)
		if sees != p.seat.client.Sees(t.zone) {
			return fmt.Sprintf("the server thinks of zone %d otherwise", t.zone)
		}
		if !sees {
			continue
		}
		n++
		if s := p.differs(t); s != "" {
			return s
		}
	}
	if got := len(p.client.Objects()); got != n {
		return fmt.Sprintf("%d objects are shown instead of %d", got, n)
	}
	return ""
}

// owns tells whether the player has an object in a zone, which makes it see it.
func (p *spectator) owns(zone uint32) bool {
	return slices.ContainsFunc(p.m.live, func(t *thing) bool { return t.owner == p.seat && t.zone == zone })
}

// differs says how an object is not shown as it is.
func (p *spectator) differs(t *thing) string {
	o := p.client.Object(t.id)
	switch {
	case o == nil:
		return fmt.Sprintf("%v is not shown", t)
	case !p.plain && p.shown[t.id].life != t.life:
		return fmt.Sprintf("%v is another one", t)
	case o.Owned != (t.owner == p.seat):
		return fmt.Sprintf("%v is owned %v", t, o.Owned)
	case stateKey(o.State) != stateKey(t.state):
		return fmt.Sprintf("%v is %s instead of %s", t, stateKey(o.State), stateKey(t.state))
	case !p.plain && o.Zone != t.zone:
		return fmt.Sprintf("%v is in zone %d instead of %d", t, o.Zone, t.zone)
	}
	for i, v := range t.methods {
		if o.Methods[i] != v {
			return fmt.Sprintf("%v has %v %x instead of %x", t, o.Class.Fields()[i], o.Methods[i], v)
		}
	}
	return ""
}

func (m *model) tellLives(id uint32) string {
	var b strings.Builder
	for _, l := range m.history.lives[id] {
		fmt.Fprintln(&b, l.tell())
	}
	return b.String()
}
