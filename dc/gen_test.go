package dc

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// gen makes random schemas, and random values of their fields. All decisions
// are made by pick, which returns a number below n.
type gen struct {
	pick  func(n int) int
	types []string // names of the structs and typedefs so far
	names int
}

func (g *gen) chance(percent int) bool { return g.pick(100) < percent }

func (g *gen) name() string {
	g.names++
	return "n" + strconv.Itoa(g.names)
}

// schema returns a file with a dclass D.
func (g *gen) schema() string {
	var b strings.Builder
	for range g.pick(6) {
		name := g.name()
		if g.chance(30) {
			fmt.Fprintf(&b, "typedef %s %s%s;\n", g.typ(1), name, g.dflt(""))
		} else {
			fmt.Fprintf(&b, "struct %s {\n%s};\n", name, g.fields(g.pick(4), true))
		}
		g.types = append(g.types, name)
	}
	fmt.Fprintf(&b, "dclass D {\n%s", g.fields(1+g.pick(6), false))
	var methods []string
	for range g.pick(4) {
		name := g.name()
		methods = append(methods, name)
		fmt.Fprintf(&b, "  %s(", name)
		for i := range g.pick(4) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(g.param())
		}
		b.WriteString(");\n")
	}
	if len(methods) > 1 {
		fmt.Fprintf(&b, "  %s : %s;\n", g.name(), strings.Join(methods, ", "))
	}
	b.WriteString("};\n")
	return b.String()
}

func (g *gen) fields(n int, inStruct bool) string {
	var b strings.Builder
	for range n {
		switch {
		case inStruct && g.chance(15):
			fmt.Fprintf(&b, "  %s;\n", g.switchType(1))
		case inStruct && g.chance(5):
			fmt.Fprintf(&b, "  %s(%s);\n", g.name(), g.param())
		default:
			t := g.typ(2)
			fmt.Fprintf(&b, "  %s %s%s;\n", t, g.name(), g.dflt(t))
		}
	}
	return b.String()
}

func (g *gen) param() string {
	t := g.typ(2)
	s := t
	if g.chance(70) {
		s += " " + g.name()
	}
	return s + g.dflt(t)
}

// dflt gives some of the plain types a default.
func (g *gen) dflt(t string) string {
	if !g.chance(30) {
		return ""
	}
	switch t {
	case "int8", "uint16", "int64", "float64":
		return fmt.Sprintf(" = %d", g.pick(100))
	case "string", "blob", "char[]":
		return ` = "ab\x00"`
	case "uint8[]", "uint32array":
		return " = [1, 2 * 3]"
	}
	return ""
}

func (g *gen) typ(depth int) string {
	n := g.pick(100)
	switch {
	case n < 40 || depth == 0:
		return g.number()
	case n < 55:
		s := []string{"string", "blob", "blob32", "string", "blob"}[g.pick(5)]
		if g.chance(50) {
			s += "(" + g.counts(12) + ")"
		}
		return s
	case n < 60:
		return []string{"int8array", "int16array", "int32array", "uint8array", "uint16array", "uint32array", "uint32uint8array"}[g.pick(7)]
	case n < 75:
		s := g.typ(depth - 1)
		return s + "[" + g.counts(4) + "]"
	case n < 90 && len(g.types) > 0:
		return g.types[g.pick(len(g.types))]
	case n < 95:
		return g.switchType(depth - 1)
	}
	return "struct {" + g.fields(g.pick(3), true) + "}"
}

// counts returns ranges of lengths, sometimes none.
func (g *gen) counts(most int) string {
	switch g.pick(4) {
	case 0:
		return ""
	case 1:
		return strconv.Itoa(g.pick(most))
	case 2:
		lo := g.pick(most)
		return fmt.Sprintf("%d - %d", lo, lo+g.pick(most))
	}
	lo := 1 + g.pick(most)
	return fmt.Sprintf("%d, %d - %d", g.pick(lo), lo+1, lo+1+g.pick(most))
}

func (g *gen) number() string {
	kinds := []string{"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float64", "char"}
	word := kinds[g.pick(len(kinds))]
	bits := 8
	for i, w := range []string{"8", "16", "32", "64"} {
		if strings.HasSuffix(word, w) {
			bits = 8 << i
		}
	}
	if word == "char" {
		if g.chance(50) {
			return word
		}
		return "char('a' - 'c', 'x')"
	}
	// Packed limits; for 64 bits what a float64 holds exactly.
	lo, hi := 0.0, math.Ldexp(1, min(bits, 50))-1
	switch {
	case word[0] == 'i':
		hi = math.Ldexp(1, min(bits-1, 50)) - 1
		lo = -hi - 1
	case word[0] == 'f':
		lo, hi = -1e6, 1e6
	}
	s, div := word, 1.0
	if g.chance(30) {
		div = []float64{2, 10, 100, 1000}[g.pick(4)]
		if g.chance(40) {
			most := int(min(hi, 1<<20)/div) + 1
			if m := 1 + g.pick(most); float64(m)*div <= hi+1 {
				s += fmt.Sprintf(" %% %d", m)
			}
		}
		s += fmt.Sprintf(" / %v", div)
	} else if g.chance(10) {
		s += fmt.Sprintf(" %% %d", 1+g.pick(100))
	}
	if g.chance(35) {
		var ends []float64
		for range 2 * (1 + g.pick(2)) {
			v := lo + math.Floor((hi-lo)*float64(g.pick(1001))/1000)
			if g.chance(60) {
				v = max(lo, min(hi, float64(g.pick(200)-50)))
			}
			ends = append(ends, v)
		}
		slices.Sort(ends)
		if ends = slices.Compact(ends); len(ends)%2 == 1 {
			ends = append(ends[:len(ends)-1], ends[len(ends)-1], ends[len(ends)-1])
			ends = ends[len(ends)-2:]
		}
		var parts []string
		for i := 0; i < len(ends); i += 2 {
			parts = append(parts, decimal(ends[i]/div)+" - "+decimal(ends[i+1]/div))
		}
		s += "(" + strings.Join(parts, ", ") + ")"
	}
	return s
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func (g *gen) switchType(depth int) string {
	var b strings.Builder
	kind := g.pick(4)
	fmt.Fprintf(&b, "switch %s(%s %s) {", []string{"", g.name() + " "}[g.pick(2)],
		[]string{"uint8", "int16 / 10", "char", "string"}[kind], g.name())
	for i := range 1 + g.pick(3) {
		key := []string{"%d", "-%d.5", "'%c'", `"k%d"`}[kind]
		if kind == 2 {
			i += 'a'
		}
		fmt.Fprintf(&b, " case "+key+":", i)
		for range g.pick(3) {
			t := g.typ(depth)
			fmt.Fprintf(&b, " %s %s%s;", t, g.name(), g.dflt(t))
		}
		if g.chance(80) {
			b.WriteString(" break;")
		}
	}
	if g.chance(40) {
		fmt.Fprintf(&b, " default: %s %s; break;", g.typ(depth), g.name())
	}
	b.WriteString(" }")
	return b.String()
}

// values makes what Unpack would return of a random value of the field, or
// nothing if it has none.
func (g *gen) values(f *Field) (args []any, ok bool) {
	if f.kind == Parameter {
		v, ok := g.value(f.plan)
		return []any{v}, ok
	}
	return g.parts([]any{}, f.plan.parts)
}

func (g *gen) parts(values []any, parts []part) ([]any, bool) {
	for _, q := range parts {
		v, ok := g.value(q.plan)
		if !ok {
			return nil, false
		}
		values = append(values, v)
	}
	return values, true
}

func (g *gen) value(p *plan) (any, bool) {
	switch p.kind {
	case String:
		s, ok := g.bytes(p.counts)
		return string(s), ok
	case Blob, Blob32:
		return g.bytes(p.counts)
	case Array:
		n := g.count(p.counts)
		if p.elem.size == 0 {
			return []any{}, p.prefix == 0 || within(p.counts, 0)
		}
		values, text := []any{}, ""
		for range n {
			v, ok := g.value(p.elem)
			if !ok {
				return nil, false
			}
			values = append(values, v)
			if p.isText() {
				text += v.(string)
			}
		}
		if p.isText() {
			return text, true
		}
		return values, true
	case Struct, kindFields:
		if p.size == 0 {
			return []any{}, true
		}
		return g.parts([]any{}, p.parts)
	case SwitchKind:
		return g.switchValue(p)
	}
	return g.numberValue(p)
}

func (g *gen) count(counts []bounds[uint64]) int {
	if len(counts) == 0 {
		return g.pick(5)
	}
	c := counts[g.pick(len(counts))]
	return int(c.lo) + g.pick(int(c.hi-c.lo)+1)
}

func (g *gen) bytes(counts []bounds[uint64]) ([]byte, bool) {
	s := make([]byte, g.count(counts))
	for i := range s {
		s[i] = byte(g.pick(256))
	}
	return s, true
}

func (g *gen) switchValue(p *plan) (any, bool) {
	var keys []string
	for k := range p.cases {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	i := g.pick(len(keys) + 1)
	if i == len(keys) {
		key, ok := g.value(p.key.plan)
		packed, bad := p.key.plan.pack(nil, key)
		c := p.choose(packed)
		if !ok || bad != nil || c == nil {
			return nil, false
		}
		return g.parts([]any{key}, c.parts)
	}
	key, _ := p.key.plan.unpack([]byte(keys[i]), 0)
	return g.parts([]any{key}, p.cases[keys[i]].parts)
}

// numberValue finds none if the ranges are out of reach of the modulus.
func (g *gen) numberValue(p *plan) (v any, ok bool) {
	var packed float64
	switch {
	case p.isFloat():
		packed = pickIn(g, p.floats, -5000, 5000) + float64(g.pick(64))/64
		if len(p.floats) > 0 {
			packed = p.floats[0].hi
		}
		if m := p.modulus; m > 0 && (packed < 0 || packed >= m) {
			if packed = 0; len(p.floats) > 0 {
				return nil, false
			}
		}
		return packed / float64(p.divisor), true
	case p.isSigned():
		top := math.Ldexp(1, min(8*p.width-1, 50)) - 1
		packed = pickIn(g, p.ints, -top-1, top)
	default:
		packed = pickIn(g, p.uints, 0, math.Ldexp(1, min(8*p.width, 50))-1)
	}
	if m := p.modulus; m > 0 && (packed < 0 || packed >= m) {
		if packed = 0; len(p.ints)+len(p.uints) > 0 {
			return nil, false
		}
	}
	switch {
	case p.kind == Char:
		return string([]byte{byte(packed)}), true
	case p.divisor != 1:
		return packed / float64(p.divisor), true
	case p.isSigned():
		return int64(packed), true
	}
	return uint64(packed), true
}

// pickIn picks a whole number in one of the ranges, or between lo and hi if
// there are none; often an end.
func pickIn[T int64 | uint64 | float64](g *gen, ranges []bounds[T], lo, hi float64) float64 {
	if len(ranges) > 0 {
		r := ranges[g.pick(len(ranges))]
		lo, hi = float64(r.lo), float64(r.hi)
	}
	switch g.pick(4) {
	case 0:
		return lo
	case 1:
		return hi
	}
	return lo + math.Floor((hi-lo)*float64(g.pick(1<<20))/(1<<20))
}
