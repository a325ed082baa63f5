package dc

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

// fuzzFields is one field for each kind of value.
func fuzzFields(t testing.TB) []*Field {
	var fields []*Field
	s, err := ParseFiles("testdata/types.dc", "testdata/structs.dc")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Classes() {
		fields = append(fields, c.OwnFields()...)
	}
	for _, o := range oddities {
		s, err := Parse(Source{"oddity.dc", []byte(oddityTypes + "dclass D { " + o.decl + "; };")})
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, s.Class("D").FieldByName("f"))
	}
	return fields
}

// addValues seeds a fuzz test with all that the oddities know, and with every
// field's default.
func addValues(f *testing.F, fields []*Field, add func(field uint16, text string, packed []byte)) {
	for i, field := range fields {
		b := field.AppendDefault(nil)
		text, _ := field.AppendText(nil, b)
		add(uint16(i), string(text), b)
	}
	first := len(fields) - len(oddities)
	for i, o := range oddities {
		for _, c := range o.cases {
			b, err := hex.DecodeString(c.packed)
			if err != nil {
				f.Fatal(err)
			}
			add(uint16(first+i), c.text, b)
		}
		for _, s := range o.badText {
			add(uint16(first+i), s, nil)
		}
		for _, s := range o.badBytes {
			b, err := hex.DecodeString(s)
			if err != nil {
				f.Fatal(err)
			}
			add(uint16(first+i), "", b)
		}
	}
}

// FuzzCheck holds checking, skipping and writing texts of any bytes against
// each other.
func FuzzCheck(f *testing.F) {
	fields := fuzzFields(f)
	addValues(f, fields, func(field uint16, _ string, b []byte) { f.Add(field, b) })
	f.Fuzz(func(t *testing.T, i uint16, b []byte) {
		field := fields[int(i)%len(fields)]
		n, err := field.CheckPrefix(b)
		skipped, skipErr := field.Skip(b)
		if skipErr == nil && skipped > len(b) {
			t.Fatalf("%v: skipped %d bytes of %d", field, skipped, len(b))
		}
		exact := field.Check(b)
		finite := field.CheckFinite(b)
		var bad *ValueError
		for _, e := range []error{err, skipErr, exact, finite} {
			if e != nil && (!errors.As(e, &bad) || bad.Offset < 0 || bad.Offset > len(b)) {
				t.Fatalf("%v: %x: error %v", field, b, e)
			}
		}
		if (exact == nil) != (err == nil && n == len(b)) {
			t.Fatalf("%v: %x: %d bytes (%v), but all of it: %v", field, b, n, err, exact)
		}
		text, textErr := field.AppendText(nil, b)
		if (textErr == nil) != (exact == nil) {
			t.Fatalf("%v: %x: text %s (%v), check %v", field, b, text, textErr, exact)
		}
		if err != nil {
			return
		}
		if skipErr != nil || skipped != n || n > len(b) {
			t.Fatalf("%v: %x: %d bytes, but %d (%v) skipped", field, b, n, skipped, skipErr)
		}
		if err := field.Check(b[:n]); err != nil {
			t.Fatalf("%v: %x is fine, but not as a whole: %v", field, b[:n], err)
		}
		if args, err := field.Unpack(b[:n]); err == nil && (finite == nil) != allFinite(args) {
			t.Fatalf("%v: %x: finite: %v, but unpacked %v", field, b[:n], finite, args)
		}
	})
}

// FuzzUnpack makes sure that what is accepted can be unpacked and packed again.
func FuzzUnpack(f *testing.F) {
	fields := fuzzFields(f)
	addValues(f, fields, func(field uint16, _ string, b []byte) { f.Add(field, b) })
	f.Fuzz(func(t *testing.T, i uint16, b []byte) {
		field := fields[int(i)%len(fields)]
		values, err := field.Unpack(b)
		if check := field.Check(b); (err == nil) != (check == nil) {
			t.Fatalf("%v: %x: unpack %v, check %v", field, b, err, check)
		}
		if err != nil {
			return
		}
		// A modulus or the division of large integers may change the value, and
		// then it may be refused.
		again, err := field.Pack(nil, values...)
		if err == nil {
			err = field.Check(again)
		} else if exactValues(field.whole()) {
			t.Fatalf("%v: %x: packing %#v again: %v", field, b, values, err)
		}
		if err != nil {
			return
		}
		if exactValues(field.whole()) && !bytes.Equal(again, b) {
			t.Fatalf("%v: %x: %#v is packed as %x", field, b, values, again)
		}
	})
}

// exactValues says that unpacking loses nothing.
func exactValues(p *plan) bool {
	return !anywhere(p, func(p *plan) bool {
		return p.isNumber() && (p.modulus > 0 || p.divisor != 1 && (p.isFloat() || p.width == 8))
	})
}

// FuzzParseText makes sure that texts are refused or give accepted bytes, whose
// text means the same.
func FuzzParseText(f *testing.F) {
	fields := fuzzFields(f)
	addValues(f, fields, func(field uint16, text string, _ []byte) { f.Add(field, text) })
	f.Fuzz(func(t *testing.T, i uint16, text string) {
		field := fields[int(i)%len(fields)]
		b, err := field.ParseText([]byte("x"), text)
		if err != nil {
			var value *ValueError
			var syntax ErrorList
			if !errors.As(err, &value) && !errors.As(err, &syntax) {
				t.Fatalf("%v: %q: error %#v", field, text, err)
			}
			if string(b) != "x" {
				t.Fatalf("%v: %q: error and %x", field, text, b)
			}
			return
		}
		b = b[1:]
		if err := field.Check(b); err != nil {
			if bytes.ContainsRune([]byte(text), '<') {
				return // perhaps a hex literal
			}
			t.Fatalf("%v: %q is packed as %x: %v", field, text, b, err)
		}
		formatted, err := field.AppendText(nil, b)
		if err != nil {
			t.Fatalf("%v: %q is packed as %x: %v", field, text, b, err)
		}
		if !exactText(field.whole()) || !exactValues(field.whole()) {
			return
		}
		if again, err := field.ParseText(nil, string(formatted)); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%v: %q is packed as %x, written as %s, packed as %x (%v)", field, text, b, formatted, again, err)
		}
	})
}
