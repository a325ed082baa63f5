package typedtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/dcgen/typed"
)

// TestCodec holds each generated codec to package dc: what is packed, the errors,
// and what is read again.
func TestCodec(t *testing.T) {
	for _, c := range codecs {
		f := typed.Field(c.number)
		t.Run(f.String(), func(t *testing.T) {
			accepted := 0
			rapid.Check(t, func(t *rapid.T) {
				if checkCodec(t, f, c.pack, c.read) {
					accepted++
				}
			})
			if accepted == 0 {
				t.Error("no value was ever accepted, so little was tested")
			}
		})
	}
}

func checkCodec(t *rapid.T, f *dc.Field, packFunc, readFunc any) (accepted bool) {
	pack := reflect.ValueOf(packFunc)
	args := []reflect.Value{reflect.ValueOf([]byte("before"))}
	values := []any{}
	from := &source{t, rapid.Bool().Draw(t, "tame")}
	for i, p := range f.Params() {
		v := reflect.New(pack.Type().In(1 + i)).Elem()
		generate(from, v, p.Type())
		args = append(args, v)
		values = append(values, convert(v, p.Type()))
	}
	want, wantErr := f.Pack([]byte("before"), values...)
	out := pack.Call(args)
	got, _ := out[0].Interface().([]byte)
	gotErr, _ := out[1].Interface().(error)
	if !bytes.Equal(got, want) || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		t.Fatalf("%v\ngot  %x, %v\nwant %x, %v", values, got, gotErr, want, wantErr)
	}
	if gotErr != nil {
		return false
	}
	data := got[len("before"):]
	if err := f.Check(data); err != nil {
		t.Fatalf("%v: %v", values, err)
	}
	if readFunc == nil {
		return true
	}
	read := reflect.ValueOf(readFunc)
	unpacked, err := f.Unpack(data)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range read.Call([]reflect.Value{reflect.ValueOf(data)}) {
		if got := convert(addressable(v), f.Params()[i].Type()); !same(got, unpacked[i]) {
			t.Fatalf("%x is read as %#v, want %#v", data, got, unpacked[i])
		}
	}
	// What is cut off or garbled is read somehow.
	read.Call([]reflect.Value{reflect.ValueOf(data[:rapid.IntRange(0, len(data)).Draw(t, "cut")])})
	read.Call([]reflect.Value{reflect.ValueOf(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "garbage"))})
	return true
}

func addressable(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}

// source is where values come from: tame ones are nearly always allowed, even if
// there are many in one.
type source struct {
	*rapid.T
	tame bool
}

// generate makes a value, which is often allowed.
func generate(t *source, v reflect.Value, typ *dc.Type) {
	size, fixed := typ.FixedSize()
	switch k := typ.Kind(); {
	case k >= dc.Array && fixed && size == 0:
	case k == dc.Struct:
		for i, f := range typ.Class().Elements() {
			generateField(t, v.Field(i), f)
		}
	case k == dc.SwitchKind:
		generateSwitch(t, v, typ.Switch())
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			generate(t, v.Index(i), typ.Elem())
		}
	case k == dc.String || k == dc.Blob || k == dc.Blob32 || v.Kind() == reflect.String:
		n := length(t, typ)
		text := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t.T, "text")
		if k == dc.Array && len(typ.Elem().Ranges()) > 0 && rapid.IntRange(0, 3).Draw(t.T, "good") > 0 {
			for i := range text {
				text[i] = 'a' + text[i]%6
			}
		}
		v.Set(reflect.ValueOf(text).Convert(v.Type()))
	case k == dc.Array:
		n := length(t, typ)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			generate(t, v.Index(i), typ.Elem())
		}
	default:
		generateNumber(t, v, typ)
	}
}

func generateField(t *source, v reflect.Value, f *dc.Field) {
	if f.Kind() == dc.Parameter {
		generate(t, v, f.Params()[0].Type())
		return
	}
	for i, p := range f.Params() {
		generate(t, v.Field(i), p.Type())
	}
}

// length is often that of an allowed string, blob or array.
func length(t *source, typ *dc.Type) int {
	if r := typ.Ranges(); len(r) > 0 && (t.tame || rapid.IntRange(0, 7).Draw(t.T, "good") > 0) {
		one := r[rapid.IntRange(0, len(r)-1).Draw(t.T, "range")]
		return rapid.IntRange(int(one.Min), int(min(one.Max, 300))).Draw(t.T, "length")
	}
	return rapid.IntRange(0, 6).Draw(t.T, "length")
}

func generateNumber(t *source, v reflect.Value, typ *dc.Type) {
	hi := 33000 / float64(typ.Divisor()) // sometimes too much for 16 bits
	if t.tame {
		hi = 32000 / float64(typ.Divisor())
	}
	lo := -hi
	if r := typ.Ranges(); len(r) > 0 && (t.tame || rapid.IntRange(0, 7).Draw(t.T, "good") > 0) {
		one := r[rapid.IntRange(0, len(r)-1).Draw(t.T, "range")]
		lo, hi = one.Min, one.Max
	}
	n := rapid.Float64Range(lo, hi).Draw(t.T, "number")
	wild := !t.tame && rapid.IntRange(0, 7).Draw(t.T, "wild") == 0
	switch {
	case v.CanFloat():
		switch rapid.IntRange(0, 3).Draw(t.T, "how") {
		case 0: // the halves in between, where rounding decides
			div := float64(typ.Divisor())
			n = math.Floor(n*div)/div + 0.5/div
		case 1:
			n = math.Round(n)
		}
		if wild {
			n = rapid.Float64().Draw(t.T, "wild number")
		}
		if v.Kind() == reflect.Float32 {
			n = float64(float32(n))
		}
		v.SetFloat(n)
	case v.CanInt():
		bits := v.Type().Bits()
		i := int64(math.Round(n))
		if wild || v.OverflowInt(i) {
			i = rapid.Int64().Draw(t.T, "integer") >> (64 - bits)
		}
		v.SetInt(i)
	default:
		bits := v.Type().Bits()
		i := uint64(math.Round(math.Abs(n)))
		if wild || v.OverflowUint(i) {
			i = rapid.Uint64().Draw(t.T, "integer") >> (64 - bits)
		}
		v.SetUint(i)
	}
}

func generateSwitch(t *source, v reflect.Value, s *dc.Switch) {
	// All members, also those that are not packed.
	for i := 1; i < v.NumField(); i++ {
		for _, c := range cases(s) {
			for _, f := range c.Fields() {
				if member(v, f) == v.Field(i) {
					generateField(t, v.Field(i), f)
				}
			}
		}
	}
	key := v.Field(0)
	known := s.Cases()
	if len(known) == 0 || rapid.IntRange(0, 5).Draw(t.T, "other key") == 0 {
		generate(t, key, s.Key().Type())
		return
	}
	packed := known[rapid.IntRange(0, len(known)-1).Draw(t.T, "case")].Key()
	typ := s.Key().Type()
	switch k := typ.Kind(); {
	case k == dc.String:
		key.SetString(string(packed[2:]))
	case k == dc.Int16:
		key.SetFloat(float64(int16(binary.LittleEndian.Uint16(packed))) / float64(typ.Divisor()))
	default: // uint8 and char
		key.SetUint(uint64(packed[0]))
	}
}

func cases(s *dc.Switch) []*dc.SwitchCase {
	list := s.Cases()
	if d := s.Default(); d != nil {
		list = append(list[:len(list):len(list)], d)
	}
	return list
}

// member finds the field of a Go struct for a field of a switch: by the name, and
// the type if there are two.
func member(v reflect.Value, f *dc.Field) reflect.Value {
	name := strings.ToUpper(f.Name()[:1]) + f.Name()[1:]
	first, second := v.FieldByName(name), v.FieldByName(name+"_")
	if second.IsValid() && f.Params()[0].Type().Kind().String() == second.Kind().String() {
		return second
	}
	return first
}

// convert makes what dc.Field.Unpack gives of a Go value.
func convert(v reflect.Value, typ *dc.Type) any {
	size, fixed := typ.FixedSize()
	switch k := typ.Kind(); {
	case k == dc.Array && typ.Elem().Kind() == dc.Char:
		return v.String()
	case k >= dc.Array && fixed && size == 0:
		return []any{}
	case k == dc.Struct:
		list := []any{}
		for i, f := range typ.Class().Elements() {
			list = append(list, convertField(v.Field(i), f))
		}
		return list
	case k == dc.SwitchKind:
		return convertSwitch(v, typ.Switch())
	case k == dc.Array:
		list := []any{}
		for i := range v.Len() {
			list = append(list, convert(v.Index(i), typ.Elem()))
		}
		return list
	}
	return v.Interface()
}

func convertField(v reflect.Value, f *dc.Field) any {
	if f.Kind() == dc.Parameter {
		return convert(v, f.Params()[0].Type())
	}
	list := []any{}
	for i, p := range f.Params() {
		list = append(list, convert(v.Field(i), p.Type()))
	}
	return list
}

func convertSwitch(v reflect.Value, s *dc.Switch) any {
	list := []any{v.Field(0).Interface()}
	var packed []byte
	switch key := v.Field(0); {
	case key.Kind() == reflect.String:
		packed = append(binary.LittleEndian.AppendUint16(nil, uint16(key.Len())), key.String()...)
	case key.CanFloat():
		whole := math.Floor(key.Float()*float64(s.Key().Type().Divisor()) + 0.5)
		if math.Abs(whole) > math.MaxInt16 {
			return list // not allowed
		}
		packed = binary.LittleEndian.AppendUint16(nil, uint16(int16(whole)))
	default:
		packed = []byte{byte(key.Uint())}
	}
	c := s.Default()
	for _, k := range s.Cases() {
		if bytes.Equal(k.Key(), packed) {
			c = k
		}
	}
	if c != nil {
		for _, f := range c.Fields() {
			list = append(list, convertField(member(v, f), f))
		}
	}
	return list
}

// same compares a converted value with an unpacked one, whose numbers are of 64
// bits and whose chars are strings.
func same(got, want any) bool {
	switch want := want.(type) {
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return false
		}
		for i := range got {
			if !same(got[i], want[i]) {
				return false
			}
		}
		return true
	case string:
		if c, ok := got.(byte); ok {
			return want == string([]byte{c})
		}
		return got == want
	case []byte:
		got, ok := got.([]byte)
		return ok && bytes.Equal(got, want)
	case float64:
		f := reflect.ValueOf(got).Float()
		return math.Float64bits(f) == math.Float64bits(want)
	case int64:
		return reflect.ValueOf(got).Int() == want
	case uint64:
		return reflect.ValueOf(got).Uint() == want
	}
	return false
}
