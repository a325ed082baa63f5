package dc

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"reflect"
)

// maxLength16 is the longest string, blob or array that a length of two bytes
// can tell.
const maxLength16 = math.MaxUint16

// Pack appends the packed value of the given arguments to dst: a method's or
// molecular field's parameters in order, or a parameter field's single value.
// What Unpack returns, Pack takes; besides that it takes
//
//   - every Go integer and float type for a number; numbers are multiplied by
//     the divisor, reduced by the modulus and rounded half up as Panda3D does,
//     and must then fit the type and its ranges
//   - a string of one byte for a char, int8 or uint8
//   - a string, []byte or array of bytes for a string, blob or array of char,
//     and a string for an array of int8 or uint8
//   - any slice or array for an array, struct or switch
//
// and named types of all these. What it appends always passes Check. On error,
// which is a *ValueError, it returns dst as it was.
func (f *Field) Pack(dst []byte, args ...any) ([]byte, error) {
	var out []byte
	var bad *ValueError
	switch {
	case f.kind != Parameter:
		out, bad = packParts(dst, f.plan.parts, args)
	case len(args) != 1:
		bad = problem(-1, "%s for a single one", count(len(args), "value"))
	default:
		out, bad = f.plan.pack(dst, args[0])
	}
	if bad != nil {
		return dst, bad.of(f)
	}
	return out, nil
}

// asList also takes slices and arrays of concrete types.
func asList(v any) ([]any, bool) {
	if l, ok := v.([]any); ok {
		return l, true
	}
	r := reflect.ValueOf(v)
	if !isList(r) {
		return nil, false
	}
	l := make([]any, r.Len())
	for i := range l {
		l[i] = r.Index(i).Interface()
	}
	return l, true
}

func isList(r reflect.Value) bool { return r.Kind() == reflect.Slice || r.Kind() == reflect.Array }

// asBytes also takes named types; text tells strings from bytes.
func asBytes(v any) (s []byte, text, ok bool) {
	switch v := v.(type) {
	case string:
		return []byte(v), true, true
	case []byte:
		return v, false, true
	}
	switch r := reflect.ValueOf(v); {
	case r.Kind() == reflect.String:
		return []byte(r.String()), true, true
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		return r.Bytes(), false, true
	case r.Kind() == reflect.Array && r.Type().Elem() == reflect.TypeFor[byte]():
		s := make([]byte, r.Len())
		reflect.Copy(reflect.ValueOf(s), r)
		return s, false, true
	}
	return nil, false, false
}

// pack appends the packed value of v.
func (p *plan) pack(dst []byte, v any) ([]byte, *ValueError) {
	switch p.kind {
	case String, Blob, Blob32:
		if s, ok := v.(string); ok {
			return packBytes(p, dst, s)
		}
		if s, _, ok := asBytes(v); ok {
			return packBytes(p, dst, s)
		}
		return dst, problem(-1, "got %s, want a string or []byte", typeName(v))
	case Array:
		return p.packArray(dst, v)
	case Struct, SwitchKind, kindFields:
	default:
		return p.packNumber(dst, v)
	}
	l, ok := asList(v)
	switch {
	case !ok:
		return dst, problem(-1, "got %s, want a slice", typeName(v))
	case p.size == 0 && len(l) == 0:
		return p.packNothing(dst)
	case p.kind == SwitchKind:
		return p.packSwitch(dst, l)
	}
	return packParts(dst, p.parts, l)
}

func (p *plan) packArray(dst []byte, v any) ([]byte, *ValueError) {
	if s, text, ok := asBytes(v); ok && (text || p.isText()) {
		if p.elem.isByte() {
			return p.packByteArray(dst, s)
		}
		return dst, problem(-1, "got a string, want a slice")
	}
	r := reflect.ValueOf(v)
	switch {
	case !isList(r):
		return dst, problem(-1, "got %s, want a slice", typeName(v))
	case p.size == 0 && r.Len() == 0:
		return p.packNothing(dst)
	}
	return p.packElems(dst, r.Len(), func(dst []byte, i int) ([]byte, *ValueError) {
		return p.elem.packReflected(dst, r.Index(i))
	})
}

// packReflected packs an element of a slice. It makes no any of the numbers and
// strings in slices of concrete types: that would allocate.
func (p *plan) packReflected(dst []byte, r reflect.Value) ([]byte, *ValueError) {
	switch {
	case p.isNumber() && isNumber(r):
		return p.packReflectedNumber(dst, r)
	case p.isBytes() && r.Kind() == reflect.String:
		return packBytes(p, dst, r.String())
	}
	return p.pack(dst, r.Interface())
}

func typeName(v any) string {
	if v == nil {
		return "nil"
	}
	return reflect.TypeOf(v).String()
}

func packParts(dst []byte, parts []part, l []any) ([]byte, *ValueError) {
	if len(l) != len(parts) {
		return dst, problem(-1, "%s, want %d", count(len(l), "value"), len(parts))
	}
	for i := range parts {
		var bad *ValueError
		if dst, bad = parts[i].plan.pack(dst, l[i]); bad != nil {
			return dst, bad.inPart(parts, i)
		}
	}
	return dst, nil
}

func (p *plan) packSwitch(dst []byte, l []any) ([]byte, *ValueError) {
	if len(l) == 0 {
		return dst, problem(-1, "no values, want a switch key and what follows it")
	}
	start := len(dst)
	dst, bad := p.key.plan.pack(dst, l[0])
	if bad != nil {
		return dst, bad.inPart([]part{p.key}, 0)
	}
	c := p.choose(dst[start:])
	if c == nil {
		return dst, p.unknownKey(dst, start, len(dst)).unplaced()
	}
	return packParts(dst, c.parts, l[1:])
}

// packNothing packs a value that has no bytes.
func (p *plan) packNothing(dst []byte) ([]byte, *ValueError) {
	if _, bad := p.check(nil, 0); bad != nil {
		return dst, bad.unplaced()
	}
	return dst, nil
}

// packElems packs the n elements of an array with their length in front.
func (p *plan) packElems(dst []byte, n int, elem func(dst []byte, i int) ([]byte, *ValueError)) ([]byte, *ValueError) {
	if bad := p.checkCount(n); bad != nil {
		return dst, bad
	}
	dst, start := p.begin(dst)
	for i := range n {
		var bad *ValueError
		if dst, bad = elem(dst, i); bad != nil {
			return dst, bad.inElem(i)
		}
		if p.prefix > 0 && len(dst)-start > maxLength16 {
			break
		}
	}
	return p.end(dst, start)
}

func (p *plan) checkCount(n int) *ValueError {
	if !within(p.counts, uint64(n)) {
		return p.badCount(-1, n)
	}
	if p.prefix > 0 && p.elem.size == 0 && !within(p.counts, 0) {
		return problem(-1, "elements without bytes, which cannot be counted when they are read")
	}
	return nil
}

// begin makes room for a length; end fills it in.
func (p *plan) begin(dst []byte) (_ []byte, start int) {
	dst = append(dst, "\x00\x00\x00\x00"[:p.prefix]...)
	return dst, len(dst)
}

func (p *plan) end(dst []byte, start int) ([]byte, *ValueError) {
	n := len(dst) - start
	switch {
	case p.prefix == 2 && n > maxLength16 || uint64(n) > math.MaxUint32:
		return dst, problem(-1, "%s, at most %d can be packed", count(n, "byte"), uint64(1)<<(8*p.prefix)-1)
	case p.prefix == 2:
		binary.LittleEndian.PutUint16(dst[start-2:], uint16(n))
	case p.prefix == 4:
		binary.LittleEndian.PutUint32(dst[start-4:], uint32(n))
	}
	return dst, nil
}

// packBytes packs a string or blob.
func packBytes[S string | []byte](p *plan, dst []byte, s S) ([]byte, *ValueError) {
	if !within(p.counts, uint64(len(s))) {
		return dst, p.badLength(-1, len(s))
	}
	dst, start := p.begin(dst)
	return p.end(append(dst, s...), start)
}

// packByteArray packs an array whose elements can be written as the characters
// of a string: these are packed as they are, without divisor or modulus.
func (p *plan) packByteArray(dst []byte, s []byte) ([]byte, *ValueError) {
	if p.size == 0 && len(s) == 0 {
		return p.packNothing(dst)
	}
	return p.packElems(dst, len(s), func(dst []byte, i int) ([]byte, *ValueError) {
		return p.elem.packChar(dst, s[i:i+1])
	})
}

// isByte says that the value may be written as a string of one byte.
func (p *plan) isByte() bool { return p.kind == Char || p.kind == Uint8 || p.kind == Int8 }

// packChar packs a number of one byte from a string of one byte.
func (p *plan) packChar(dst []byte, s []byte) ([]byte, *ValueError) {
	switch {
	case !p.isByte():
		return dst, problem(-1, "got a string, want a number")
	case len(s) != 1:
		return dst, problem(-1, "got a string of %s, want a single one", count(len(s), "byte"))
	case !p.allowed(s):
		return dst, p.outOfRange(s, 0).unplaced()
	}
	return append(dst, s[0]), nil
}

func (p *plan) packNumber(dst []byte, v any) ([]byte, *ValueError) {
	switch v := v.(type) {
	case float64:
		return p.packReal(dst, v)
	case int64:
		if !p.isFloat() {
			return p.packInt(dst, v)
		}
	case uint64:
		if !p.isFloat() {
			return p.packUint(dst, v)
		}
	}
	if r := reflect.ValueOf(v); isNumber(r) {
		return p.packReflectedNumber(dst, r)
	}
	if s, _, ok := asBytes(v); ok {
		return p.packChar(dst, s)
	}
	return dst, problem(-1, "got %s, want a number", typeName(v))
}

func isNumber(r reflect.Value) bool { return r.CanInt() || r.CanUint() || r.CanFloat() }

func (p *plan) packReflectedNumber(dst []byte, r reflect.Value) ([]byte, *ValueError) {
	switch {
	case r.CanFloat():
		return p.packReal(dst, r.Float())
	case r.CanInt() && p.isFloat():
		return p.packReal(dst, float64(r.Int()))
	case r.CanInt():
		return p.packInt(dst, r.Int())
	case p.isFloat():
		return p.packReal(dst, float64(r.Uint()))
	}
	return p.packUint(dst, r.Uint())
}

func (p *plan) packInt(dst []byte, v int64) ([]byte, *ValueError) {
	if v < 0 {
		return p.packWhole(dst, true, -uint64(v))
	}
	return p.packWhole(dst, false, uint64(v))
}

func (p *plan) packUint(dst []byte, v uint64) ([]byte, *ValueError) {
	return p.packWhole(dst, false, v)
}

// packWhole packs an integer, given as sign and magnitude, without rounding on
// the way.
func (p *plan) packWhole(dst []byte, negative bool, v uint64) ([]byte, *ValueError) {
	hi, scaled := bits.Mul64(v, uint64(p.divisor))
	if hi != 0 {
		return dst, problem(-1, "%d × %d does not fit into 64 bits", v, p.divisor)
	}
	// Panda3D rounds the modulus for integers, and ignores one that rounds to
	// zero.
	if m := saturateUint(math.Floor(p.modulus + 0.5)); m > 0 {
		if scaled %= m; negative && scaled > 0 {
			scaled = m - scaled
		}
		negative = false
	}
	switch {
	case !p.isFloat():
		return p.storeWhole(dst, negative, scaled)
	case negative:
		return p.storeReal(dst, -float64(scaled))
	}
	return p.storeReal(dst, float64(scaled))
}

// packReal packs a real number: times the divisor, modulo the modulus and, for
// an integer type, rounded half up.
func (p *plan) packReal(dst []byte, v float64) ([]byte, *ValueError) {
	scaled := v
	if p.divisor != 1 {
		scaled *= float64(p.divisor) // even times 1 would change the bits of a NaN
	}
	if m := p.modulus; m > 0 && scaled < 0 {
		if scaled = m - math.Mod(-scaled, m); scaled == m {
			scaled = 0
		}
	} else if m > 0 {
		scaled = math.Mod(scaled, m)
	}
	if p.isFloat() {
		return p.storeReal(dst, scaled)
	}
	whole := math.Floor(scaled + 0.5)
	if size := math.Abs(whole); size < 1<<64 {
		return p.storeWhole(dst, whole < 0, uint64(size))
	}
	return dst, problem(-1, "%v is not in %s", v, p.typeRange())
}

func (p *plan) storeSigned(dst []byte, v int64) ([]byte, *ValueError) {
	if v < 0 {
		return p.storeWhole(dst, true, -uint64(v))
	}
	return p.storeWhole(dst, false, uint64(v))
}

// storeWhole appends a scaled integer.
func (p *plan) storeWhole(dst []byte, negative bool, v uint64) ([]byte, *ValueError) {
	limit := uint64(1)<<(8*p.width) - 1 // of all bits when the width is 8
	switch {
	case p.isSigned() && negative:
		limit = limit/2 + 1
	case p.isSigned():
		limit /= 2
	case negative:
		limit = 0
	}
	if v > limit {
		return dst, p.doesNotFit(negative, v)
	}
	if negative {
		v = -v
	}
	dst = binary.LittleEndian.AppendUint64(dst, v)
	dst = dst[:len(dst)-8+p.width]
	return p.inRange(dst)
}

func (p *plan) storeReal(dst []byte, v float64) ([]byte, *ValueError) {
	if p.kind == Float64 {
		return p.inRange(binary.LittleEndian.AppendUint64(dst, math.Float64bits(v)))
	}
	f := float32(v)
	if math.IsInf(float64(f), 0) && !math.IsInf(v, 0) {
		return dst, problem(-1, "%v does not fit into 32 bits", v)
	}
	return p.inRange(binary.LittleEndian.AppendUint32(dst, math.Float32bits(f)))
}

// inRange checks the number at the end of dst.
func (p *plan) inRange(dst []byte) ([]byte, *ValueError) {
	if b := dst[len(dst)-p.width:]; p.checked && !p.allowed(b) {
		return dst, p.outOfRange(b, 0).unplaced()
	}
	return dst, nil
}

// doesNotFit takes the number as it would be packed.
func (p *plan) doesNotFit(negative bool, scaled uint64) *ValueError {
	sign := ""
	if negative {
		sign = "-"
	}
	div := float64(p.divisor)
	return problem(-1, "%s%s is not in %s", sign, scaledText(scaled, div), p.typeRange())
}

// typeRange is what an integer type can hold at all.
func (p *plan) typeRange() string {
	div, top := float64(p.divisor), uint64(1)<<(8*p.width)-1
	if p.isSigned() {
		return fmt.Sprintf("-%s - %s", scaledText(top/2+1, div), scaledText(top/2, div))
	}
	return "0 - " + scaledText(top, div)
}
