package dcgen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/culm-net/culm/dc"
)

// keyText is a packed key for a person.
func keyText(t *typ, key []byte) string {
	switch k := t.dc.Kind(); {
	case k == dc.Char:
		return strconv.QuoteRune(rune(key[0]))
	case k <= dc.Uint64:
		var n uint64
		for _, b := range slices.Backward(key) {
			n = n<<8 | uint64(b)
		}
		if k <= dc.Int64 {
			shift := 64 - 8*len(key)
			return strconv.FormatFloat(float64(int64(n<<shift)>>shift)/float64(t.dc.Divisor()), 'f', -1, 64)
		}
		return strconv.FormatFloat(float64(n)/float64(t.dc.Divisor()), 'f', -1, 64)
	case t.dc.LengthBytes() <= len(key):
		return strconv.Quote(string(key[t.dc.LengthBytes():]))
	}
	return fmt.Sprintf("<%x>", key)
}

// describe says in the words of the DC file what the Go type does not: divisor,
// modulus and ranges.
func describe(t *typ) string {
	if t.dc == nil {
		return ""
	}
	d := t.dc
	suffix := ""
	for d.Kind() == dc.Array && d.OldArray() == "" {
		suffix = "[" + rangesText(d) + "]" + suffix
		d = d.Elem()
	}
	if d.OldArray() != "" || d.Kind() == dc.Struct || d.Kind() == dc.SwitchKind {
		if suffix == "" || suffix == "[]" {
			return ""
		}
		return "count: " + suffix
	}
	s := d.Kind().String()
	if m := d.Modulus(); m != 0 {
		s += " % " + strconv.FormatFloat(m, 'f', -1, 64)
	}
	if d.Divisor() != 1 {
		s += " / " + strconv.Itoa(int(d.Divisor()))
	}
	if len(d.Ranges()) > 0 {
		s += "(" + rangesText(d) + ")"
	}
	if s == d.Kind().String() && (suffix == "" || suffix == "[]") {
		return ""
	}
	return s + suffix
}

func rangesText(t *dc.Type) string {
	var list []string
	for _, r := range t.Ranges() {
		text := func(v float64) string {
			if t.Kind() == dc.Char {
				return strconv.QuoteRune(rune(v))
			}
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		if r.Min == r.Max {
			list = append(list, text(r.Min))
		} else {
			list = append(list, text(r.Min)+" - "+text(r.Max))
		}
	}
	return strings.Join(list, ", ")
}
