package dc

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func drawSchema(t *rapid.T) (*gen, *Schema) {
	g := &gen{pick: func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }}
	text := g.schema()
	s, err := Parse(Source{"random.dc", []byte(text)})
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	t.Logf("%s", text)
	return g, s
}

// checkPacked calls check for random values of the fields of random schemas,
// and their packed bytes.
func checkPacked(t *testing.T, check func(t *rapid.T, f *Field, args []any, packed []byte)) {
	rapid.Check(t, func(t *rapid.T) {
		g, s := drawSchema(t)
		for _, f := range s.Class("D").Fields() {
			args, ok := g.values(f)
			if !ok {
				continue
			}
			b, err := f.Pack(nil, args...)
			if err != nil {
				t.Fatalf("%v: packing %#v: %v", f, args, err)
			}
			check(t, f, args, b)
		}
	})
}

// Whatever is packed is accepted, has the length that skipping finds, and is
// the same after unpacking.
func TestPackUnpack(t *testing.T) {
	checkPacked(t, func(t *rapid.T, f *Field, args []any, b []byte) {
		got, err := f.Unpack(b)
		if err != nil || !reflect.DeepEqual(got, args) {
			t.Fatalf("%v: unpacked %#v (%v), want %#v", f, got, err, args)
		}
		longer := append(bytes.Clone(b), 0xff)
		if n, err := f.CheckPrefix(longer); err != nil || n != len(b) {
			t.Fatalf("%v: %d bytes in %x (%v), want %d", f, n, longer, err, len(b))
		}
		if n, err := f.Skip(longer); err != nil || n != len(b) {
			t.Fatalf("%v: skipped %d bytes of %x (%v), want %d", f, n, longer, err, len(b))
		}
		if size := f.plan.size; size >= 0 && size != len(b) {
			t.Fatalf("%v: %d bytes, want always %d", f, len(b), size)
		}
		if f.Check(longer) == nil || len(b) > 0 && f.Check(b[:len(b)-1]) == nil {
			t.Fatalf("%v: accepts %x with another length", f, b)
		}
	})
}

// The text of a value says what six digits can say: packing it and writing it
// again changes nothing more.
func TestTextRoundTrip(t *testing.T) {
	checkPacked(t, func(t *rapid.T, f *Field, args []any, b []byte) {
		text, err := f.AppendText(nil, b)
		if err != nil {
			t.Fatalf("%v: %x: %v", f, b, err)
		}
		again, err := f.ParseText(nil, string(text))
		if !exactText(f.whole()) {
			return // rounding may have left the range, and "1e+07" is no number of the language
		}
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%v: %s is packed as %x (%v), want %x", f, text, again, err, b)
		}
	})
}

// exactText says that no value of the plan is rounded in texts.
func exactText(p *plan) bool {
	return !anywhere(p, func(p *plan) bool {
		return p.isFloat() || p.isNumber() && p.divisor != 1 && p.width > 2
	})
}

// unreadable says that the plan contains an array of at least one element
// without bytes, with a length in front: the length is 0, and read as none.
func unreadable(p *plan) bool {
	return anywhere(p, func(p *plan) bool {
		return p.kind == Array && p.prefix > 0 && p.elem.size == 0 && !within(p.counts, 0)
	})
}

// anywhere says whether it holds for the plan or anything in it.
func anywhere(p *plan, holds func(*plan) bool) bool {
	if holds(p) {
		return true
	}
	parts := p.parts
	if p.elem != nil {
		parts = append(parts, part{plan: p.elem})
	}
	if p.kind == SwitchKind {
		parts = append(parts, p.key)
		for _, c := range p.cases {
			parts = append(parts, c.parts...)
		}
		if p.other != nil {
			parts = append(parts, p.other.parts...)
		}
	}
	for _, q := range parts {
		if anywhere(q.plan, holds) {
			return true
		}
	}
	return false
}

// Defaults without hex literals are values.
func TestDefaultsAreValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, s := drawSchema(t)
		for _, f := range s.Class("D").Fields() {
			b := f.AppendDefault(nil)
			if err := f.Check(b); err != nil && !unreadable(f.whole()) {
				t.Fatalf("%v: the default %x: %v", f, b, err)
			}
		}
	})
}

// What the parser says about sizes is what plans do.
func TestSizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, s := drawSchema(t)
		for _, f := range s.Class("D").Fields() {
			for _, p := range f.Params() {
				size, fixed := p.Type().FixedSize()
				plan := p.Type().plan
				if fixed != (plan.size >= 0) || fixed && size != plan.size {
					t.Fatalf("%v %s: fixed size %d %v, plan has %d", f, p.Name(), size, fixed, plan.size)
				}
				if n := p.Type().LengthBytes(); n != plan.prefix {
					t.Fatalf("%v %s: %d length bytes, plan has %d", f, p.Name(), n, plan.prefix)
				}
				if p.HasDefault() != p.compile().hasDefault {
					t.Fatalf("%v %s: default %v", f, p.Name(), p.HasDefault())
				}
			}
		}
	})
}
