// Package gait is how avatars of generated load walk: by a field of numbers,
// one of which counts the steps, so that whoever sees them notices when an update
// is lost, doubled or overtaken. A package of its own, because internal/lanbots
// and internal/astronbots both need it and know nothing of each other.
package gait

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/culm-net/culm/dc"
)

// Gait is the field by which avatars walk, and how its values are made: one
// parameter counts the steps, the others go around in a circle.
type Gait struct {
	Class *dc.Class
	Field *dc.Field

	numbers []number
	counter int // the index in numbers of the one that counts
	size    int // packed bytes of a value
	// origin is what the counter says of step 0, above its lowest value: one
	// more than the field's default, so that the default is the step before.
	origin uint64
}

// number is a parameter of a gait. Its packed values lie from lo to hi, both
// included.
type number struct {
	off, width int
	float      bool
	lo, hi     int64
	unit       int64 // of the packed values in 1
}

// values returns how many different values a number has, at most 2^32.
func (n *number) values() uint64 {
	return min(uint64(n.hi-n.lo)+1, 1<<32)
}

// put writes a packed value.
func (n *number) put(b []byte, v int64) {
	u := uint64(v)
	if n.float && n.width == 8 {
		u = math.Float64bits(float64(v))
	} else if n.float {
		u = uint64(math.Float32bits(float32(v)))
	}
	var le [8]byte
	binary.LittleEndian.PutUint64(le[:], u)
	copy(b[n.off:n.off+n.width], le[:])
}

// get reads what put has written, when it is not below lo.
func (n *number) get(b []byte) int64 {
	var le [8]byte
	copy(le[:], b[n.off:n.off+n.width])
	u := binary.LittleEndian.Uint64(le[:])
	switch {
	case n.float && n.width == 8:
		return int64(math.Float64frombits(u))
	case n.float:
		return int64(math.Float32frombits(uint32(u)))
	}
	if shift := 64 - 8*n.width; n.lo < 0 {
		return int64(u<<shift) >> shift
	}
	return int64(u)
}

// exact is up to where all whole numbers are exact in a float64.
const exact = 1 << 53

// numberOf returns a parameter as a number, without its place, or false if it
// is none.
func numberOf(t *dc.Type) (number, bool) {
	n := number{unit: int64(t.Divisor())}
	switch t.Kind() {
	case dc.Int8, dc.Int16, dc.Int32, dc.Int64:
		n.width, _ = t.FixedSize()
		n.hi = min(int64(1)<<(8*n.width-1)-1, exact)
		n.lo = max(-n.hi-1, -exact)
	case dc.Uint8, dc.Uint16, dc.Uint32, dc.Uint64:
		n.width, _ = t.FixedSize()
		n.hi = exact
		if n.width < 8 {
			n.hi = 1<<(8*n.width) - 1
		}
	case dc.Float32:
		n.width, n.float, n.lo, n.hi = 4, true, -1<<24, 1<<24
	case dc.Float64:
		n.width, n.float, n.lo, n.hi = 8, true, -exact, exact
	default:
		return n, false
	}
	if ranges := t.Ranges(); len(ranges) > 0 {
		lo, hi := ranges[0].Min*float64(n.unit), ranges[0].Max*float64(n.unit)
		n.lo = max(n.lo, int64(math.Ceil(max(lo, -exact))))
		n.hi = min(n.hi, int64(math.Floor(min(hi, exact))))
	}
	if m := t.Modulus(); m > 0 {
		n.lo, n.hi = max(n.lo, 0), min(n.hi, int64(m)*n.unit-1)
	}
	return n, n.lo <= n.hi
}

// narrow leaves a number no more values than a step has, from one on if it can.
func (n *number) narrow(from int64) {
	const most = 1<<32 - 1
	if n.hi-n.lo > most {
		n.lo = max(n.lo, min(from, n.hi-most))
		n.hi = n.lo + most
	}
}

// newGait makes a gait of a field, or says why not.
func newGait(class *dc.Class, f *dc.Field) (*Gait, error) {
	name := class.Name() + "." + f.Name()
	switch {
	case f.Kind() == dc.Molecular:
		return nil, fmt.Errorf("%s is molecular: choose one of its atomic fields", name)
	case !f.Has(dc.Broadcast) || f.Has(dc.P2P):
		return nil, fmt.Errorf("%s does not reach everybody: it must be broadcast and not p2p", name)
	}
	g := &Gait{Class: class, Field: f}
	for _, p := range f.Params() {
		n, ok := numberOf(p.Type())
		if !ok {
			return nil, fmt.Errorf("%s has a parameter that is no number: %s", name, p.Name())
		}
		n.off = g.size
		g.size += n.width
		g.numbers = append(g.numbers, n)
		if n.values() >= g.numbers[g.counter].values() {
			g.counter = len(g.numbers) - 1
		}
	}
	if len(g.numbers) == 0 {
		return nil, fmt.Errorf("%s has no parameter to walk with", name)
	}
	counter := &g.numbers[g.counter]
	counter.narrow(counter.get(f.AppendDefault(nil)))
	if g.Period() < 2 {
		return nil, fmt.Errorf("%s has no parameter that can count", name)
	}
	for _, f := range class.RequiredFields() {
		if err := f.Check(f.AppendDefault(nil)); err != nil {
			return nil, fmt.Errorf("bots do not know how to create a %s: %w", class.Name(), err)
		}
	}
	if step, ok := g.Step(f.AppendDefault(nil)); ok {
		g.origin = (step + 1) % g.Period()
	} else {
		return nil, fmt.Errorf("bots do not know how to go on from the default of %s", name)
	}
	for step := range uint64(2) {
		if err := f.Check(g.AppendStep(nil, step, 0, 0)); err != nil {
			return nil, fmt.Errorf("bots do not know how to set %s: %w", name, err)
		}
	}
	return g, nil
}

// Period is after how many steps the count begins again.
func (g *Gait) Period() uint64 { return g.numbers[g.counter].values() }

// AppendWalk appends the packed value of a step of the avatar with a number, so
// that each is somewhere else on the circle.
func (g *Gait) AppendWalk(dst []byte, avatar int, step uint64) []byte {
	angle := float64(avatar) + float64(step)/20
	return g.AppendStep(dst, step, math.Cos(angle), math.Sin(angle))
}

// Ahead returns how many steps one is ahead of the last one that was seen; false
// if it is behind that. Both are modulo the period, half of which counts as
// behind.
func (g *Gait) Ahead(step, last uint64) (uint64, bool) {
	ahead := (step%g.Period() + g.Period() - last%g.Period()) % g.Period()
	return ahead, ahead <= g.Period()/2
}

// AppendStep appends the packed value of an avatar's step. cos and sin say
// where on the circle it is.
func (g *Gait) AppendStep(dst []byte, step uint64, cos, sin float64) []byte {
	start := len(dst)
	for range g.size {
		dst = append(dst, 0)
	}
	for i := range g.numbers {
		n := &g.numbers[i]
		if i == g.counter {
			n.put(dst[start:], n.lo+int64((g.origin+step%g.Period())%g.Period()))
			continue
		}
		mid := n.lo + (n.hi-n.lo)/2
		if n.lo <= 0 && n.hi >= 0 {
			mid = 0
		}
		v := mid + int64(float64(radius*n.unit)*cos)
		n.put(dst[start:], max(n.lo, min(n.hi, v)))
		cos, sin = sin, cos
	}
	return dst
}

// radius of the circle that avatars walk, in the game's units.
const radius = 10

// Step returns the step of a value that AppendStep has made, modulo the period.
func (g *Gait) Step(value []byte) (uint64, bool) {
	n := &g.numbers[g.counter]
	if len(value) != g.size {
		return 0, false
	}
	count := uint64(n.get(value) - n.lo)
	return (count + g.Period() - g.origin) % g.Period(), count < g.Period()
}

// Choose returns the gait of the named class and field, or the most
// suitable one where a name is empty.
func Choose(s *dc.Schema, className, fieldName string) (*Gait, error) {
	classes := s.Classes()
	if className != "" {
		class := s.Class(className)
		if class == nil || class.IsStruct() {
			return nil, fmt.Errorf("the schema has no dclass %q", className)
		}
		classes = []*dc.Class{class}
	}
	if fieldName != "" {
		classes = slices.Clone(classes)
		classes = slices.DeleteFunc(classes, func(c *dc.Class) bool { return c.IsStruct() || c.FieldByName(fieldName) == nil })
		if len(classes) == 0 {
			return nil, fmt.Errorf("no class has a field %q", fieldName)
		}
		return newGait(classes[0], classes[0].FieldByName(fieldName))
	}
	var best *Gait
	var reason error
	for _, c := range classes {
		if c.IsStruct() {
			continue
		}
		for _, f := range c.Fields() {
			g, err := newGait(c, f)
			if err != nil {
				reason = err
			} else if f.Name() != "setLocation" && (best == nil || g.suits() > best.suits()) {
				best = g
			}
		}
	}
	if best == nil && reason != nil {
		return nil, fmt.Errorf("no field to walk with: it must be broadcast and have only numbers (the last one seen: %w)", reason)
	}
	if best == nil {
		return nil, fmt.Errorf("no field to walk with: the schema has no dclass with a broadcast field of numbers")
	}
	return best, nil
}

// suits says how well a gait suits: positions best, then those whose count
// does not begin again soon, then those with many parameters.
func (g *Gait) suits() int {
	score := min(len(g.numbers), 4)
	if strings.Contains(strings.ToLower(g.Field.Name()), "pos") {
		score += 100
	}
	if g.Period() >= 1<<16 {
		score += 10
	}
	return score
}
