package dcgen

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/culm-net/culm/dc"
)

// code is the text of a Go file in the making.
type code struct {
	strings.Builder
	temps int
}

func (w *code) p(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// temp returns a name for a variable.
func (w *code) temp(kind string) string {
	w.temps++
	return kind + strconv.Itoa(w.temps)
}

// append writes statements that append the packed value of the variable e to
// dst, or return dst and false if dc.Field.Pack has to say what it is.
func (w *code) append(e string, t *typ) {
	switch {
	case t.empty:
	case t.comp != nil:
		w.p("if dst, ok = %s.append(dst); !ok { return dst, false }", e)
	case t.dc.Kind() == dc.Array:
		w.appendArray(e, t)
	case t.isNumber():
		w.appendNumber(e, t)
	default:
		w.appendBytes(e, t)
	}
}

// slow says that what append writes for one of the types never gets to its end.
func slow(types ...*typ) bool {
	for _, t := range types {
		if t.isNumber() && !quick(t.dc) || t.elem != nil && slow(t.elem) {
			return true
		}
	}
	return false
}

// appendAll writes the body of a function that appends variables to dst.
func (w *code) appendAll(e []string, types []*typ) {
	if slow(types...) {
		w.p("return dst, false // left to dc.Field.Pack")
	} else {
		for i, t := range types {
			w.append(e[i], t)
		}
		w.p("return dst, true")
	}
	w.p("}\n")
}

const giveUp = "{ return dst, false }"

// appendBytes does it for a string or blob.
func (w *code) appendBytes(e string, t *typ) {
	n := "len(" + e + ")"
	ranges := packedRanges(t.dc)
	w.refuse(n, ranges, 0, math.Inf(1))
	w.length(n, t, len(ranges) == 0)
	w.p("dst = append(dst, %s...)", e)
}

// length writes the length n in front of a value.
func (w *code) length(n string, t *typ, check bool) {
	switch t.dc.LengthBytes() {
	case 2:
		if check {
			w.p("if %s > math.MaxUint16 %s", n, giveUp)
		}
		w.p("dst = binary.LittleEndian.AppendUint16(dst, uint16(%s))", n)
	case 4:
		if check {
			w.p("if uint64(%s) > math.MaxUint32 %s", n, giveUp)
		}
		w.p("dst = binary.LittleEndian.AppendUint32(dst, uint32(%s))", n)
	}
}

// refuse gives up unless v is in one of the ranges. lo and hi are what v can be
// at all.
func (w *code) refuse(v string, ranges []interval, lo, hi float64) {
	if c := within(v, ranges, lo, hi); c != "" {
		w.p("if !(%s) %s", c, giveUp)
	}
}

// within returns the condition that v is in one of the ranges, "" if it is
// always.
func within(v string, ranges []interval, lo, hi float64) string {
	var list []string
	for _, r := range ranges {
		var and []string
		switch {
		case r.lo == r.hi:
			and = append(and, v+" == "+number(r.lo))
		default:
			if r.lo > lo {
				and = append(and, v+" >= "+number(r.lo))
			}
			if r.hi < hi {
				and = append(and, v+" <= "+number(r.hi))
			}
		}
		if and == nil {
			return ""
		}
		list = append(list, strings.Join(and, " && "))
	}
	return strings.Join(list, " || ")
}

// number spells a constant.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) <= exact {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func (w *code) appendArray(e string, t *typ) {
	n := "len(" + e + ")"
	ranges := packedRanges(t.dc)
	if t.n == 0 {
		w.refuse(n, ranges, 0, math.Inf(1))
	}
	elem := t.dc.Elem()
	size, fixed := elem.FixedSize()
	switch {
	case t.elem == nil: // chars
		w.length(n, t, true)
		if r := packedRanges(elem); len(r) > 0 {
			i := w.temp("idx")
			w.p("for %s := range len(%s) {", i, e)
			w.refuse(e+"["+i+"]", r, 0, 255)
			w.p("}")
		}
		w.p("dst = append(dst, %s...)", e)
		return
	case fixed && size == 0:
		// They are not seen on the wire.
		w.p("if len(%s) > 0 %s", e, giveUp)
		w.length("0", t, false)
		return
	case t.elem.plain == "uint8" && bare(elem):
		w.length(n, t, true)
		if t.n > 0 {
			e += "[:]"
		}
		w.p("dst = append(dst, %s...)", e)
		return
	}
	start := ""
	if t.dc.LengthBytes() > 0 {
		if fixed {
			bytes := n
			if size > 1 {
				bytes = fmt.Sprintf("%s*%d", n, size)
			}
			w.length(bytes, t, true)
		} else {
			start = w.temp("start")
			w.p("dst = append(dst, 0, 0)")
			w.p("%s := len(dst)", start)
		}
	}
	i := w.temp("idx")
	w.p("for %s := range %s {", i, e)
	w.append(e+"["+i+"]", t.elem)
	w.p("}")
	if start != "" {
		w.p("if len(dst)-%s > math.MaxUint16 %s", start, giveUp)
		w.p("binary.LittleEndian.PutUint16(dst[%s-2:], uint16(len(dst)-%s))", start, start)
	}
}

// bare says that nothing is to be done for a number but to write it.
func bare(t *dc.Type) bool {
	return t.Divisor() == 1 && t.Modulus() == 0 && len(t.Ranges()) == 0
}

// appendNumber does it for a number that is quick.
func (w *code) appendNumber(e string, t *typ) {
	switch k := t.dc.Kind(); {
	case k == dc.Float32 || k == dc.Float64:
		w.appendReal(e, t.dc)
	case t.dc.Divisor() != 1:
		w.appendScaled(e, t.dc)
	default:
		w.appendWhole(e, t)
	}
}

// appendWhole does it for an integer without a divisor, or a char.
func (w *code) appendWhole(e string, t *typ) {
	k, v := t.dc.Kind(), e
	lo, hi := limits(k)
	// Panda3D rounds the modulus for integers, and ignores one that rounds to zero.
	if m := math.Floor(t.dc.Modulus() + 0.5); m > 0 {
		v = w.temp("num")
		if k <= dc.Int64 {
			w.p("%s := int64(%s) %% %s", v, e, number(m))
			w.p("if %s < 0 { %s += %s }", v, v, number(m))
		} else {
			w.p("%s := uint64(%s) %% %s", v, e, number(m))
		}
		lo, hi = 0, m-1
	}
	w.refuse(v, packedRanges(t.dc), lo, hi)
	if v != e || k <= dc.Int64 {
		v = fmt.Sprintf("uint%d(%s)", 8*width(k), v)
	}
	w.store(v, k)
}

// appendScaled does it for an integer with a divisor, which Go has as a float64.
func (w *code) appendScaled(e string, t *dc.Type) {
	k := t.Kind()
	v := w.temp("num")
	w.p("%s := math.Floor(%s + 0.5)", v, scaled(e, t))
	lo, hi := limits(k)
	switch ranges := packedRanges(t); {
	case len(ranges) > 0:
		w.refuse(v, ranges, math.Inf(-1), math.Inf(1))
	case k == dc.Int64:
		w.p("if !(%s >= -1<<63 && %s < 1<<63) %s", v, v, giveUp)
	case k == dc.Uint64:
		w.p("if !(%s >= 0 && %s < 1<<64) %s", v, v, giveUp)
	default:
		w.refuse(v, []interval{{lo, hi}}, math.Inf(-1), math.Inf(1))
	}
	if k <= dc.Int64 {
		v = "int64(" + v + ")" // a negative number has no unsigned conversion
	}
	w.store(fmt.Sprintf("uint%d(%s)", 8*width(k), v), k)
}

// appendReal does it for a float.
func (w *code) appendReal(e string, t *dc.Type) {
	v := e
	if t.Kind() == dc.Float64 {
		if v = scaled(e, t); v != e && len(t.Ranges()) > 0 {
			num := w.temp("num")
			w.p("%s := %s", num, v)
			v = num
		}
		w.refuse(v, packedRanges(t), math.Inf(-1), math.Inf(1))
		w.store("math.Float64bits("+v+")", dc.Uint64)
		return
	}
	if t.Divisor() == 1 && t.Modulus() > 0 {
		v = "float64(" + e + ")"
	}
	if v = scaled(v, t); v != e {
		num := w.temp("num")
		w.p("%s := %s", num, v)
		w.p("if math.IsInf(float64(float32(%s)), 0) && !math.IsInf(%s, 0) %s", num, num, giveUp)
		v = "float32(" + num + ")"
	}
	w.store("math.Float32bits("+v+")", dc.Uint32)
}

// scaled is the float64 e times the divisor, reduced by the modulus. The
// conversion keeps the compiler from rounding only once for this and what follows.
func scaled(e string, t *dc.Type) string {
	div := float64(t.Divisor())
	if div != 1 {
		e = fmt.Sprintf("float64(%s * %s)", e, number(div))
	}
	if m := t.Modulus() * div; m > 0 {
		e = fmt.Sprintf("wrap(%s, %s)", e, number(m))
	}
	return e
}

// store appends v, which is unsigned and as wide as the kind.
func (w *code) store(v string, k dc.Kind) {
	if width(k) == 1 {
		w.p("dst = append(dst, %s)", v)
	} else {
		w.p("dst = binary.LittleEndian.AppendUint%d(dst, %s)", 8*width(k), v)
	}
}

// read writes statements that read a value from cur into the variable e, which
// is zero.
func (w *code) read(e string, t *typ) {
	switch {
	case t.empty:
	case t.comp != nil:
		w.p("%s.read(cur)", e)
	case t.dc.Kind() == dc.Array && t.elem == nil:
		w.p("%s = string(%s)", e, contents("cur", t))
	case t.dc.Kind() == dc.Array:
		w.readArray(e, t)
	case t.isNumber():
		w.p("%s = %s", e, readNumber("cur", t))
	case t.dc.Kind() == dc.String:
		w.p("%s = string(%s)", e, contents("cur", t))
	default:
		w.p("%s = bytes.Clone(%s)", e, contents("cur", t))
	}
}

// contents is the bytes of a string, blob or array.
func contents(cur string, t *typ) string {
	switch t.dc.LengthBytes() {
	case 2:
		return fmt.Sprintf("%s.take(int(%s.uint16()))", cur, cur)
	case 4:
		return fmt.Sprintf("%s.take32(%s.uint32())", cur, cur)
	}
	return fmt.Sprintf("%s.take(%d)", cur, fixedCount(t.dc))
}

func readNumber(cur string, t *typ) string {
	k := t.dc.Kind()
	v := fmt.Sprintf("%s.uint%d()", cur, 8*width(k))
	switch {
	case k == dc.Float64:
		v = "math.Float64frombits(" + v + ")"
	case k == dc.Float32:
		v = "math.Float32frombits(" + v + ")"
	case k <= dc.Int64:
		v = fmt.Sprintf("int%d(%s)", 8*width(k), v)
	}
	if t.dc.Divisor() != 1 {
		if k != dc.Float64 {
			v = "float64(" + v + ")"
		}
		v = fmt.Sprintf("%s / %d", v, t.dc.Divisor())
	}
	return v
}

func (w *code) readArray(e string, t *typ) {
	elem := t.dc.Elem()
	size, fixed := elem.FixedSize()
	switch i := ""; {
	case fixed && size == 0:
		if t.dc.LengthBytes() > 0 {
			w.p("%s", contents("cur", t))
		}
	case t.n > 0 && t.elem.plain == "uint8":
		w.p("copy(%s[:], cur.take(%d))", e, t.n)
	case t.n > 0:
		i = w.temp("idx")
		w.p("for %s := range %s {", i, e)
		w.read(e+"["+i+"]", t.elem)
		w.p("}")
	case t.dc.LengthBytes() == 0:
		// As many as there are, so that a value that is cut off costs no memory.
		i = w.temp("idx")
		w.p("for %s := 0; %s < %d && len(cur.data) > 0; %s++ {", i, i, fixedCount(t.dc), i)
		w.p("%s = append(%s, %s)", e, e, zero(t.elem))
		w.read(e+"["+i+"]", t.elem)
		w.p("}")
	case t.elem.plain == "uint8":
		w.p("%s = bytes.Clone(%s)", e, contents("cur", t))
	default:
		sub := w.temp("sub")
		i = w.temp("idx")
		w.p("{")
		w.p("%s := cursor{%s}", sub, contents("cur", t))
		w.p("cur := &%s", sub)
		if fixed {
			w.p("%s = make(%s, len(cur.data)/%d)", e, t.spelled(""), size)
			w.p("for %s := range %s {", i, e)
			w.read(e+"["+i+"]", t.elem)
		} else {
			w.p("for %s := 0; len(cur.data) > 0; %s++ {", i, i)
			w.p("%s = append(%s, %s)", e, e, zero(t.elem))
			w.read(e+"["+i+"]", t.elem)
		}
		w.p("}")
		w.p("}")
	}
}

// zero is an expression for the zero value of a type.
func zero(t *typ) string {
	switch {
	case t.comp != nil || t.elem != nil && t.n > 0 || t.empty:
		return t.expr("") + "{}"
	case t.elem != nil || t.plain == "[]byte":
		return "nil"
	case t.plain == "string":
		return `""`
	}
	return "0"
}

// value is an expression for what dc.Field.Pack takes for the variable e.
func value(e string, t *typ) string {
	switch {
	case t.empty:
		return "[]any{}"
	case t.comp != nil:
		return e + ".values()"
	case t.elem == nil || !hasComposite(t):
		return e
	}
	s := e
	if t.n > 0 {
		s += "[:]"
	}
	return fmt.Sprintf("each(%s, %s)", s, valueFunc(t.elem))
}

func valueFunc(t *typ) string {
	if t.comp != nil && !t.empty {
		return fmt.Sprintf("(*%s).values", t.comp.name)
	}
	return fmt.Sprintf("func(e *%s) []any { return %s }", t.expr(""), value("(*e)", t))
}

func hasComposite(t *typ) bool {
	return t.comp != nil || t.empty || t.elem != nil && hasComposite(t.elem)
}
