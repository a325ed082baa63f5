package pipes_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/world"
)

// thing is an object of the world with the model's own idea of it.
type thing struct {
	*life
	object *world.Object
}

// seat is a client as the world knows it.
type seat struct {
	client *world.Client
	name   string
	gone   bool
}

func (m *model) join(c *world.Client) {
	s := &seat{client: c, name: c.String()}
	m.seats[c] = s
	var number int
	_, err := fmt.Sscanf(c.Info().Address, "dialer-%d", &number)
	m.must(err)
	for _, p := range m.players {
		if p.number == number {
			p.seat = s
			m.tell("%v is let in as %v", p, c)
		}
	}
}

func (m *model) leave(c *world.Client, err error) {
	m.tell("%v left: %v", c, err)
	s := m.seats[c]
	s.gone = true
	delete(m.seats, c)
	for _, t := range m.live {
		if t.owner == s {
			t.owner, t.restless, t.ownedSince, t.changed = nil, m.world.Tick(), m.world.Tick(), true
		}
	}
}

// heard is the game's side of commands: the server has to have judged them.
func (m *model) heard(c *world.Client, o *world.Object, f *dc.Field, args []byte) {
	m.counts["commands"]++
	i := slices.IndexFunc(m.live, func(t *thing) bool { return t.object == o })
	switch {
	case i < 0:
		m.fail(nil, "%v sent %v to %v, which is not there", c, f, o)
	case !c.Sees(m.live[i].zone):
		m.fail(nil, "%v sent %v to %v, of which it does not see the zone", c, f, o)
	case f.Name() == "steer" && m.live[i].owner != m.seats[c], f.Name() != "steer" && f.Name() != "poke":
		m.fail(nil, "%v sent %v to %v of %v", c, f, o, m.live[i].owner)
	}
	v, err := f.Unpack(args)
	m.must(err)
	n := uint32(v[0].(uint64))
	if p := m.asked[n]; p != nil && p.seat != m.seats[c] {
		m.fail(nil, "%v sent what %v has sent", c, p)
	}
	delete(m.asked, n)
}

// tick is the world's callback.
func (m *model) tick(uint32) {
	if m.script != nil {
		m.script()
	} else if !m.calm {
		m.act()
	}
}

const modelZones = 4

// act does random things to the world in each tick.
func (m *model) act() {
	r, c := m.rand, m.terms
	for len(m.live) < c.most/2 || r.IntN(8) == 0 && len(m.live) < c.most {
		m.spawn()
	}
	for range r.IntN(6) {
		if len(m.live) == 0 {
			return
		}
		t := m.live[r.IntN(len(m.live))]
		switch r.IntN(24) {
		case 0, 1, 2:
			m.move(t, uint32(r.IntN(modelZones)))
		case 3:
			m.remove(t)
		case 4, 5:
			m.own(t, m.anybody())
		case 6, 7, 8, 9:
			m.say(t)
		case 10:
			m.die(t)
		case 11, 12:
			m.call(t, "setTeam", r.Uint32())
		case 13, 14:
			m.call(t, "setPos", r.IntN(100), r.IntN(100))
		case 15, 16:
			m.call(t, "puff", r.Uint32())
		case 17:
			m.call(t, "whisper", r.Uint32())
		case 18:
			m.must(t.object.SetWeight(float64(1 + r.IntN(9))))
		default:
			m.change(t)
		}
	}
	if r.IntN(40) == 0 { // everything at once
		for _, t := range m.live {
			m.change(t)
		}
	}
}

func (m *model) anybody() *seat {
	if m.nobody || len(m.seats) == 0 || m.rand.IntN(4) == 0 {
		return nil
	}
	all := make([]*seat, 0, len(m.seats))
	for _, s := range m.seats {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *seat) int { return int(a.client.ID()) - int(b.client.ID()) })
	return all[m.rand.IntN(len(all))]
}

// spawn makes an object, some of whose fields are set before it is generated.
func (m *model) spawn() {
	class := m.schema.Class([]string{"Avatar", "Avatar", "Avatar", "Base", "Rock", "Bell"}[m.rand.IntN(6)])
	l := &life{class: class, changed: true, spawned: m.steps, zone: uint32(m.rand.IntN(modelZones)), owner: m.anybody(), state: map[int]string{}, methods: map[int]string{}}
	for i, f := range class.Fields() {
		if f.Kind() == dc.Parameter {
			l.state[i] = string(f.AppendDefault(nil))
		} else if f.Has(dc.Required) {
			l.called(i, f.AppendDefault(nil), m.world.Tick())
		}
	}
	o, err := m.world.NewObject(class.Name(), nil)
	m.must(err)
	t := &thing{life: l, object: o}
	if m.rand.IntN(2) == 0 {
		m.change(t)
	}
	var owner *world.Client
	if l.owner != nil {
		owner = l.owner.client
	}
	m.must(o.Generate(l.zone, owner))
	l.id = o.ID()
	if old := m.history.lives[l.id]; len(old) > 0 {
		m.counts["doIds reused"]++
		if !old[len(old)-1].dead {
			m.fail(nil, "doId %d is given away twice", l.id)
		}
	}
	m.history.lives[l.id] = append(m.history.lives[l.id], l)
	m.live = append(m.live, t)
	m.tell("%v spawned in zone %d for %v", t, l.zone, l.owner)
}

// change sets some state fields.
func (m *model) change(t *thing) {
	r := m.rand
	for i, f := range t.class.Fields() {
		if f.Kind() != dc.Parameter || r.IntN(2) == 0 {
			continue
		}
		var v any
		switch f.Name() {
		case "serial":
			m.serial++
			v = m.serial
		case "note":
			n := r.IntN(20)
			if r.IntN(20) == 0 {
				n = 1500 // longer than a packet
			}
			v = fmt.Sprint(r.IntN(1000)) + strings.Repeat("-", n)
		case "place":
			v = []any{r.Float64(), float64(r.IntN(3))}
		case "hp":
			if t.over {
				continue
			}
			v = 1 + r.IntN(100)
		case "x":
			v = float64(r.IntN(100000)) / 1000
		case "spin":
			v = []any{r.IntN(3), 0, r.IntN(2), 0}
		}
		m.set(t, i, v)
	}
}

// set sets a field by its inherited index, sometimes to what it is.
func (m *model) set(t *thing, i int, v any) {
	f := t.class.Fields()[i]
	b, err := f.Pack(nil, v)
	m.must(err)
	m.must(t.object.SetPacked(f, b))
	t.state[i], t.changed = string(b), true
	m.tell("%v.%s = %x", t, f.Name(), b)
}

func (m *model) setByName(t *thing, name string, v any) bool {
	f := t.class.FieldByName(name)
	if f == nil {
		return false
	}
	m.set(t, slices.Index(t.class.Fields(), f), v)
	return true
}

func (m *model) move(t *thing, zone uint32) {
	m.tell("%v moves from %d to %d", t, t.zone, zone)
	m.must(t.object.Move(zone))
	t.zone, t.restless, t.changed = zone, m.world.Tick(), true
}

func (m *model) own(t *thing, s *seat) {
	m.tell("%v goes from %v to %v", t, t.owner, s)
	var c *world.Client
	if s != nil {
		c = s.client
	}
	m.must(t.object.SetOwner(c))
	if t.owner != s {
		t.ownedSince = m.world.Tick()
	}
	t.owner, t.restless, t.changed = s, m.world.Tick(), true
}

func (m *model) remove(t *thing) {
	m.tell("%v is deleted", t)
	m.must(t.object.Delete())
	t.dead = true
	m.live = slices.DeleteFunc(m.live, func(o *thing) bool { return o == t })
}

// call sends a method if the object has it, and keeps what late comers get.
func (m *model) call(t *thing, name string, args ...any) bool {
	f := t.class.FieldByName(name)
	if f == nil {
		return false
	}
	m.tell("%v.%s(%v)", t, name, args)
	m.must(t.object.Send(name, args...))
	b, err := f.Pack(nil, args...)
	m.must(err)
	t.called(slices.Index(t.class.Fields(), f), b, m.world.Tick())
	return true
}

// announce calls a reliable method with the next serial, and notes who is to
// hear it.
func (m *model) announce(t *thing, name string, serial uint32) {
	l := call{serial: serial, step: m.steps, tick: m.world.Tick()}
	for _, s := range m.seats {
		if s.client.Sees(t.zone) {
			l.to = append(l.to, s)
		}
	}
	t.said = append(t.said, l)
	m.call(t, name, serial)
}

// say calls a method about state that was set just before.
func (m *model) say(t *thing) {
	m.serial++
	n := m.serial
	if m.setByName(t, "serial", n); t.class.Name() == "Avatar" {
		m.announce(t, "say", n)
	} else if t.class.Name() == "Bell" {
		m.announce(t, "ring", n)
	}
}

// die is the case for which messages are held: hp = 0 before died().
func (m *model) die(t *thing) {
	if t.class.Name() != "Avatar" || t.over {
		return
	}
	m.setByName(t, "hp", 0)
	t.over = true
	m.serial++
	m.announce(t, "died", m.serial)
	if m.rand.IntN(2) == 0 {
		m.change(t)
	}
}

func (t *thing) String() string { return fmt.Sprintf("%s %d", t.class.Name(), t.id) }

func (s *seat) String() string {
	if s == nil {
		return "nobody"
	}
	return s.name
}
