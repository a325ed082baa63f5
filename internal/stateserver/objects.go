package stateserver

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/loglimit"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// Limits bound what other participants may make a role hold.
type Limits struct {
	// Objects is how many objects there may be. 0 means 4,194,304. Further
	// ones are not created.
	Objects int
	// Children is how many children a parent knows. 0 means 1,048,576. Those
	// beyond are not counted and not acknowledged, so that they answer queries
	// for a zone without the context.
	Children int
}

func (l Limits) withDefaults() Limits {
	if l.Objects == 0 {
		l.Objects = 1 << 22
	}
	if l.Children == 0 {
		l.Children = 1 << 20
	}
	return l
}

// maxDepth is how many parents an object may have above it, so that looking for
// a cycle costs little.
const maxDepth = 256

// maxValues is how many bytes of values an object may have, the numbers of its
// optional fields included: as many as fit into the longest snapshot, an
// ENTER_INTEREST or GET_ALL_RESP with its head, ids, class and count.
const maxValues = md.MaxMessage - (1 + 8 + 8 + 2) - (4 + 4 + 4 + 4 + 2) - 2

// objects are those that one role holds, and what they share. Everything but
// count is touched inside the order only.
type objects struct {
	director *md.Director
	limits   Limits
	classes  []*class // by number; nil for structs

	n        int                           // of objects, which the director finds by their doIds
	byAI     map[uint64]map[uint32]*Object // those with an AI of their own
	families map[uint32]*family            // by parent
	here     zoneIndex                     // where they are
	known    zoneIndex                     // where those that are parents know their children to be
	knownAt  map[uint64]uint32             // places in known that no Object.known says, by knownKey
	query    query                         // of the last message

	// Scratch space.
	values  [][]byte
	numbers []uint16
	ids     []uint32
	hearers []uint32 // of families, which pass on to who uses the others

	log   *loglimit.Logger
	count counters
}

func newObjects(d *md.Director, schema *dc.Schema, limits Limits, log *slog.Logger) (*objects, error) {
	s := &objects{
		director: d,
		limits:   limits.withDefaults(),
		classes:  make([]*class, len(schema.Classes())),
		byAI:     make(map[uint64]map[uint32]*Object),
		here:     newZoneIndex(),
		families: make(map[uint32]*family),
		known:    newZoneIndex(),
		knownAt:  make(map[uint64]uint32),
	}
	for i, c := range schema.Classes() {
		if c.IsStruct() {
			continue
		}
		t, err := newClass(c)
		if err != nil {
			return nil, fmt.Errorf("stateserver: %w", err)
		}
		s.classes[i] = t
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s.log = loglimit.NewLogger(log, 10*time.Second, 64)
	return s, nil
}

// object returns the object of a doId, or nil. It is found by its channel, so
// that no other table is needed.
func (s *objects) object(doID uint32) *Object {
	for p := range s.director.Subscribers(uint64(doID)) {
		if o, ok := p.Receiver.(*Object); ok && o.set == s {
			return o
		}
	}
	return nil
}

// ignore counts and logs that a message, or a part of it, has no effect.
func (s *objects) ignore(m *md.Message, doID uint32, why reason, problem string) {
	s.count.ignored[why].Add(1)
	level := slog.LevelWarn
	if why == notForMe || why == unknownType {
		level = slog.LevelDebug
	}
	s.log.Log(level, reasonNames[why], "ignored a message: "+problem,
		slog.String("type", m.Type.String()), slog.Uint64("doId", uint64(doID)), slog.Uint64("sender", m.Sender))
}

// create makes an object of a STATESERVER_CREATE_OBJECT message (astron.md
// section 4.1).
func (s *objects) create(m *md.Message, other bool) {
	r := m.Reader()
	doID, parent, zone, number := r.Uint32(), r.Uint32(), r.Uint32(), r.Uint16()
	if r.Err() != nil {
		s.ignore(m, doID, malformed, r.Err().Error())
		return
	}
	if s.object(doID) != nil {
		s.ignore(m, doID, exists, "there is an object of this doId already")
		return
	}
	if doID == 0 {
		s.ignore(m, doID, malformed, "0 is no doId")
		return
	}
	if int(number) >= len(s.classes) || s.classes[number] == nil {
		s.ignore(m, doID, unknownClass, fmt.Sprintf("no dclass has the number %d; do the DC files differ?", number))
		return
	}
	if s.n >= s.limits.Objects {
		s.ignore(m, doID, limit, fmt.Sprintf("there are %d objects, as many as there may be", s.n))
		return
	}
	o := &Object{set: s, class: s.classes[number], doID: doID}
	if !s.readValues(m, o, &r, other) {
		return
	}
	s.add(m, o, parent, zone, m.Sender)
}

// readValues gives a new object the values of REQ and, if there is one, OTHER
// (astron.md section 1.1).
func (s *objects) readValues(m *md.Message, o *Object, r *datagram.Reader, other bool) bool {
	c := o.class
	s.values = append(s.values[:0], make([][]byte, len(c.stored))...)
	b := r.Rest()
	for k, f := range c.stored {
		if !f.required {
			continue
		}
		v, err := f.read(b)
		if err != nil {
			s.ignore(m, o.doID, badValue, err.Error())
			return false
		}
		s.values[k] = v
		b = b[len(v):]
	}
	if other && !s.readOther(m, o, b) {
		return false
	}
	size := c.extra
	for k, v := range s.values {
		if v == nil {
			v = c.layout.Default(k)
		} else if c.stored[k].optional {
			o.others++
		}
		size += len(v)
	}
	if size > maxValues {
		s.ignore(m, o.doID, tooLong, fmt.Sprintf("the object's values have %d bytes, at most %d fit into a message", size, maxValues))
		return false
	}
	if err := o.values.Init(c.layout, s.values, set); err != nil {
		s.ignore(m, o.doID, badValue, err.Error())
		return false
	}
	return true
}

// readOther reads the values of OTHER in b into s.values. A later one of the
// same field wins.
func (s *objects) readOther(m *md.Message, o *Object, b []byte) bool {
	r := datagram.NewReader(b)
	for range r.Uint16() {
		number := r.Uint16()
		if r.Err() != nil {
			break
		}
		f := o.class.field(number)
		if f == nil {
			s.ignore(m, o.doID, unknownField, fmt.Sprintf("%s has no field number %d; it and what follows is not read", o.class.layout.Class(), number))
			return true
		}
		rest := r // a copy, which reads on by itself
		v, err := f.read(rest.Rest())
		if err != nil {
			s.ignore(m, o.doID, badValue, err.Error())
			return false
		}
		r.Skip(len(v))
		if !f.ram {
			s.ignore(m, o.doID, badField, fmt.Sprintf("%s is not ram and cannot be given among the other fields", f.dc.Name()))
			continue
		}
		f.parts(v, func(f *field, v []byte) { s.values[f.at] = v })
	}
	if r.Err() != nil {
		s.ignore(m, o.doID, malformed, r.Err().Error())
		return false
	}
	return true
}

// add lets a new object take part and tells of it (astron.md section 4.4,
// Create). by is the channel that has caused it, with the message m.
func (s *objects) add(m *md.Message, o *Object, parent, zone uint32, by uint64) {
	s.n++
	s.count.created.Add(1)
	o.md.Receiver = o
	_ = s.director.Subscribe(&o.md, uint64(o.doID)) // one channel is never too many
	o.setLocation(m, parent, zone, by)
	w := o.begin(md.StateServerObjectGetLocation, uint64(o.doID), md.ParentChannel(o.doID))
	w.Uint32(wakeContext)
	o.end()
}

// remove takes out an object that has told of its end.
func (s *objects) remove(o *Object) {
	o.setAI(0, false)
	s.n--
	s.count.deleted.Add(1)
	s.director.Leave(&o.md)
	s.locate(o, 0, 0)
	s.orphan(o)
	o.forget(&query{all: true})
}

// leadsTo reports whether doID is parent or above it, as far as the role's own
// objects tell, or whether there is too much above to say.
func (s *objects) leadsTo(parent, doID uint32) bool {
	for range maxDepth {
		if parent == doID {
			return true
		}
		o := s.object(parent)
		if o == nil {
			return false
		}
		parent = o.parent
	}
	return true
}
