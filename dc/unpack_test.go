package dc

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// declared parses "dclass D { <decl>; };" and returns the field f.
func declared(t testing.TB, decl string) *Field {
	t.Helper()
	s, err := Parse(Source{"test.dc", []byte("struct E {}; dclass D { " + decl + "; };")})
	if err != nil {
		t.Fatal(err)
	}
	return s.Class("D").FieldByName("f")
}

// allocated returns how many bytes run allocates at least, of several tries.
func allocated(run func()) uint64 {
	least := ^uint64(0)
	var before, after runtime.MemStats
	for range 5 {
		runtime.ReadMemStats(&before)
		run()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func TestUnpackAllocations(t *testing.T) {
	// list is as many elements as a length of 16 bits can tell, as a packed
	// array.
	list := func(elem string) []byte {
		n := 0xffff / len(elem) * len(elem)
		return append([]byte{byte(n), byte(n >> 8)}, bytes.Repeat([]byte(elem), n/len(elem))...)
	}
	tests := []struct {
		decl   string
		packed []byte
		more   int // memory than 72 bytes for each, as the schema wants it
	}{
		{"f(uint8 a[])", list("\xff"), 0},
		{"f(int8 a[])", list("\xff"), 0},
		{"f(uint8 / 10 a[])", list("\xff"), 0},
		{"f(string a[])", list("\x00\x00"), 0},
		{"f(string a[])", list("\x01\x00\xff"), 0},
		{"f(blob a[])", list("\x01\x00\xff"), 0},
		{"f(char a[][])", list("\x01\x00\xff"), 0},
		{"f(uint8 a[][])", list("\x00\x00"), 0},
		{"f(uint8 a[][])", list("\x01\x00\xff"), 0},
		{"f(int8 a[][1])", list("\xff"), 0},
		{"f(int8array a[])", list("\x01\x00\xff"), 0},
		{"f(E a[1000000])", nil, 0},
		{"f(struct { int8 x; E e[1000000]; } a[])", list("\xff"), 16},
		{"f(struct { int8 x; } a[])", list("\xff"), 0},
		{"f(switch (int8 k) { case -1: break; } a[])", list("\xff"), 0},
		{"f(struct { struct { struct { int8 x; } a; } b; } c[])", list("\xff"), 2 * 40},
		{"f(blob32 b)", append([]byte{0, 0, 16, 0}, make([]byte, 1<<20)...), 0},
		{"f(string s)", list("a"), 0},
	}
	for _, c := range tests {
		f := declared(t, c.decl)
		if err := f.Check(c.packed); err != nil {
			t.Fatal(err)
		}
		got := allocated(func() { _, _ = f.Unpack(c.packed) })
		if most := uint64(len(c.packed)*(72+c.more) + 1024); got > most {
			t.Errorf("%s: %d bytes allocated for %d packed ones, at most %d were promised", c.decl, got, len(c.packed), most)
		}
	}
}

// Lengths that lie cost nothing.
func TestRefusedAllocations(t *testing.T) {
	for _, c := range []struct {
		decl   string
		packed string
	}{
		{"f(blob32 b)", "\xff\xff\xff\xff"},
		{"f(blob32 b)", "\xff\xff\xff\x7fabc"},
		{"f(string s)", "\xff\xff"},
		{"f(string(65535) s)", "abc"},
		{"f(uint8 a[1000000])", ""},
		{"f(blob32(1000000) b)", ""},
		{"f(string a[])", "\xff\xff\xff\xff"},
		{"f(uint8 a[][])", "\x02\x00\xff\xff"},
		{"f(uint8 a[], uint8 b)", "\x00\x10" + string(make([]byte, 0x1000))},
		{"f(E a[])", "\xff\xff" + string(make([]byte, 0xffff))},
		{"f(struct { uint8(0 - 1) x; } a[])", "\xff\xff" + string(make([]byte, 0xfffe)) + "\x02"},
	} {
		f := declared(t, c.decl)
		b := []byte(c.packed)
		checkRefused(t, f, b)
		for name, run := range map[string]func(){
			"Unpack":     func() { _, _ = f.Unpack(b) },
			"Check":      func() { _ = f.Check(b) },
			"AppendText": func() { _, _ = f.AppendText(nil, b) },
			"Skip":       func() { _, _ = f.Skip(b) },
		} {
			if got := allocated(run); got > 2048 {
				t.Errorf("%s: %s of bytes it refuses allocates %d bytes", c.decl, name, got)
			}
		}
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	for _, c := range typical {
		f := declared(t, c.decl)
		b, err := f.Pack(nil, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		longer := append(bytes.Clone(b), 1, 2, 3)
		for name, run := range map[string]func() error{
			"Check":       func() error { return f.Check(b) },
			"CheckPrefix": func() error { _, err := f.CheckPrefix(longer); return err },
			"Skip":        func() error { _, err := f.Skip(longer); return err },
		} {
			if err := run(); err != nil {
				t.Error(err)
			}
			if n := testing.AllocsPerRun(100, func() { _ = run() }); n != 0 {
				t.Errorf("%s: %s allocates %v times", c.decl, name, n)
			}
		}
	}
}

func TestUnpackTypes(t *testing.T) {
	f := declared(t, `f(int8, uint64, int16 / 10, float64, char, char c[2], string, blob, uint8 a[],
		struct { uint8 x; E e; } s, switch (char k) { case 'k': string t; break; } w, E e[2])`)
	want := `[]interface {}{-1, 0x2, 1.5, 0.5, "c", "cc", "s", []uint8{0x62}, []interface {}{0x1, 0x2}, ` +
		`[]interface {}{0x7, []interface {}{}}, []interface {}{"k", "t"}, []interface {}{}}`
	b, err := f.ParseText(nil, `(-1, 2, 1.5, 0.5, 'c', "cc", "s", "b", [1, 2], {7, {}}, ('k', "t"), [{}, {}])`)
	if err != nil {
		t.Fatal(err)
	}
	values, err := f.Unpack(b)
	if got := fmt.Sprintf("%#v", values); err != nil || got != want {
		t.Errorf("got %s (%v)\nwant %s", got, err, want)
	}
	if again, err := f.Pack(nil, values...); err != nil || !bytes.Equal(again, b) {
		t.Errorf("packed again: %x (%v), want %x", again, err, b)
	}
	f = declared(t, "uint8 f[]")
	if values, err := f.Unpack([]byte("\x02\x00\x01\x02")); err != nil || fmt.Sprint(values) != "[[1 2]]" {
		t.Errorf("a parameter field gives %v (%v)", values, err)
	}
}

// A few lines of structs that contain each other twice make many values without
// bytes, which must cost nothing.
func TestHollow(t *testing.T) {
	var b strings.Builder
	b.WriteString("struct S0 {};\n")
	for i := range 16 {
		fmt.Fprintf(&b, "struct S%d { S%d a; S%d b; };\n", i+1, i, i)
	}
	b.WriteString("dclass D { f(struct { S16 s; uint8 x; } a[]); };")
	f := mustParse(t, b.String()).Class("D").FieldByName("f")
	packed := []byte("\x02\x00\x01\x02")
	const text = "(a = [{s = {}, x = 1}, {s = {}, x = 2}])"
	if got, err := f.AppendText(nil, packed); err != nil || string(got) != text {
		t.Errorf("%s (%v), want %s", got, err, text)
	}
	if got, err := f.ParseText(nil, text); err != nil || !bytes.Equal(got, packed) {
		t.Errorf("%x (%v), want %x", got, err, packed)
	}
	values, err := f.Unpack(packed)
	if want := "[[[[] 1] [[] 2]]]"; err != nil || fmt.Sprint(values) != want {
		t.Errorf("%v (%v), want %s", values, err, want)
	}
	if got, err := f.Pack(nil, values...); err != nil || !bytes.Equal(got, packed) {
		t.Errorf("%x (%v), want %x", got, err, packed)
	}
	for name, run := range map[string]func(){
		"AppendText":    func() { _, _ = f.AppendText(nil, packed) },
		"Unpack":        func() { _, _ = f.Unpack(packed) },
		"AppendDefault": func() { f.AppendDefault(nil) },
	} {
		if got := allocated(run); got > 2048 {
			t.Errorf("%s allocates %d bytes", name, got)
		}
	}
}
