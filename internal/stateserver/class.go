package stateserver

import (
	"cmp"
	"slices"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/object"
)

// class is what the objects of a dclass have in common.
type class struct {
	number  uint16
	layout  *object.Layout // of the required and ram fields
	fields  []field        // in inherited order
	numbers []numbered     // ascending
	stored  []*field       // by position in the layout
	extra   int            // by how many bytes a snapshot is longer than the values, at most
}

type numbered struct {
	number uint16
	index  int
}

// field is what an object needs to know of one of its class's fields.
type field struct {
	dc      *dc.Field
	number  uint16
	index   int      // inherited
	at      int      // position in the layout, -1 when it is not stored
	atomics []*field // of a molecular field

	molecular bool
	required  bool // stored, and always set
	ram       bool
	optional  bool // stored, and perhaps not set
	broadcast bool
	ownRecv   bool
	aiRecv    bool
	seenBy    audience
}

// audience is for whom a snapshot is (astron.md section 1.1): an AI gets all
// that is stored, the others what they may see.
type audience uint8

const (
	forAI audience = 1 << iota
	forClients
	forOwner
)

func newClass(c *dc.Class) (*class, error) {
	layout, err := object.NewLayout(c, func(f *dc.Field) bool { return f.HasAny(dc.Required | dc.RAM) })
	if err != nil {
		return nil, err
	}
	t := &class{number: uint16(c.Number()), layout: layout, fields: make([]field, len(c.Fields()))}
	for i, f := range c.Fields() {
		t.fields[i] = newField(f, i, layout.Position(i))
		t.numbers = append(t.numbers, numbered{uint16(f.Number()), i})
	}
	slices.SortFunc(t.numbers, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
	for i := range t.fields {
		f := &t.fields[i]
		for _, a := range f.dc.Atomics() {
			atomic := t.field(uint16(a.Number()))
			if atomic == nil {
				// A subclass has declared it again. Who sets the molecular
				// field means a value of the old one, which nobody keeps.
				alone := newField(a, -1, -1)
				atomic = &alone
			}
			f.atomics = append(f.atomics, atomic)
		}
	}
	for k := range layout.Len() {
		f := &t.fields[layout.Index(k)]
		t.stored = append(t.stored, f)
		if f.optional {
			t.extra += 2 // its number in front
		}
	}
	return t, nil
}

func newField(f *dc.Field, index, at int) field {
	n := field{
		dc:        f,
		number:    uint16(f.Number()),
		index:     index,
		at:        at,
		molecular: f.Kind() == dc.Molecular,
		required:  f.Has(dc.Required),
		ram:       f.Has(dc.RAM),
		optional:  f.Has(dc.RAM) && !f.Has(dc.Required),
		broadcast: f.Has(dc.Broadcast),
		ownRecv:   f.Has(dc.OwnRecv),
		aiRecv:    f.Has(dc.AIRecv),
		seenBy:    forAI,
	}
	if f.HasAny(dc.Broadcast | dc.ClRecv) {
		n.seenBy |= forClients | forOwner
	}
	if n.ownRecv {
		n.seenBy |= forOwner
	}
	return n
}

// field returns the field of that number, or nil.
func (c *class) field(number uint16) *field {
	i, ok := slices.BinarySearchFunc(c.numbers, number, func(n numbered, number uint16) int {
		return cmp.Compare(n.number, number)
	})
	if !ok {
		return nil
	}
	return &c.fields[c.numbers[i].index]
}

// read returns the packed value of f at the start of b, a part of b.
func (f *field) read(b []byte) ([]byte, error) {
	n, err := f.dc.CheckPrefix(b)
	if err != nil {
		return nil, err
	}
	if err := f.dc.CheckASCII(b[:n]); err != nil {
		return nil, err
	}
	return b[:n:n], nil
}

// parts calls do for each field that is stored when f has the value v, which
// read has returned: f itself, or the atomics of a molecular field.
func (f *field) parts(v []byte, do func(f *field, v []byte)) {
	if !f.molecular {
		if f.at >= 0 {
			do(f, v)
		}
		return
	}
	for _, a := range f.atomics {
		n, err := a.dc.Skip(v)
		if err != nil {
			return // read has checked it
		}
		a.parts(v[:n:n], do)
		v = v[n:]
	}
}

// appendRequired appends the required values that an audience sees.
func (o *Object) appendRequired(w *datagram.Writer, to audience) {
	for k, f := range o.class.stored {
		if f.required && f.seenBy&to != 0 {
			w.Bytes(o.values.At(k))
		}
	}
}

// appendOther appends the optional values that are set and that an audience
// sees, with their count.
func (o *Object) appendOther(w *datagram.Writer, to audience) {
	n := 0
	for k, f := range o.class.stored {
		if f.optional && f.seenBy&to != 0 && o.values.StampAt(k) != unset {
			n++
		}
	}
	w.Uint16(uint16(n))
	if n == 0 {
		return
	}
	for k, f := range o.class.stored {
		if f.optional && f.seenBy&to != 0 && o.values.StampAt(k) != unset {
			w.Uint16(f.number)
			w.Bytes(o.values.At(k))
		}
	}
}

// The stamps of an object's values say whether they are set.
const (
	unset uint32 = iota
	set
)
