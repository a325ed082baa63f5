package dc

// Unpack turns one packed value, which must be exactly b, into Go values: for
// a method or a molecular field its parameters in order, for a parameter field
// its single value. It refuses what Check refuses, with a *ValueError.
//
//	DC type                            Go value
//	int8 … int64                       int64
//	uint8 … uint64                     uint64
//	the same with a divisor            float64, divided (exact below 2^53)
//	float32, float64                   float64, divided
//	char, char[], string               string, any bytes
//	blob, blob32                       []byte
//	other arrays                       []any
//	struct                             []any, its fields in order
//	switch                             []any, the key and then the fields of its case
//
// Arrays, structs and switches that have no bytes at all become an empty []any
// whatever is declared inside them. Nothing of the result shares memory with
// b.
//
// Bytes that are refused cost no more memory than the error. Of others an array
// of structs of a single byte costs the most: 72 bytes of memory for each, and
// as the schema wants it 40 more for each further struct around the byte and 16
// more for each value without bytes beside it.
func (f *Field) Unpack(b []byte) ([]any, error) {
	if err := f.Check(b); err != nil {
		return nil, err
	}
	if f.kind == Parameter {
		v, _ := f.plan.unpack(b, 0)
		return []any{v}, nil
	}
	values, _ := unpackParts(make([]any, 0, len(f.plan.parts)), f.plan.parts, b, 0)
	return values, nil
}

// empty is the value of what has no bytes.
var empty any = []any{}

// unpack makes the Go value of the checked value at b[off:] and returns where
// it ends.
func (p *plan) unpack(b []byte, off int) (any, int) {
	switch p.kind {
	case String, Blob, Blob32:
		start, end, _ := p.content(b, off)
		if p.kind == String {
			return string(b[start:end]), end
		}
		return append(make([]byte, 0, end-start), b[start:end]...), end
	case Char:
		return string(b[off : off+1]), off + 1
	case Array, Struct, SwitchKind, kindFields:
		if p.isText() {
			start, end, _ := p.content(b, off)
			return string(b[start:end]), end
		}
		if p.size == 0 {
			return empty, off
		}
		return p.unpackList(b, off)
	}
	switch {
	case p.isFloat() || p.divisor != 1:
		return p.loadReal(b[off:]), off + p.width
	case p.isSigned():
		return p.loadInt(b[off:]), off + p.width
	}
	return p.loadUint(b[off:]), off + p.width
}

func (p *plan) unpackList(b []byte, off int) ([]any, int) {
	switch p.kind {
	case SwitchKind:
		key, end := p.key.plan.unpack(b, off)
		rest := p.choose(b[off:end]).parts
		return unpackParts(append(make([]any, 0, 1+len(rest)), key), rest, b, end)
	case Array:
		off, end, _ := p.content(b, off)
		values := make([]any, 0, p.elem.count(b[off:end]))
		for off < end {
			var v any
			v, off = p.elem.unpack(b, off)
			values = append(values, v)
		}
		return values, end
	}
	return unpackParts(make([]any, 0, len(p.parts)), p.parts, b, off)
}

func unpackParts(values []any, parts []part, b []byte, off int) ([]any, int) {
	for i := range parts {
		var v any
		v, off = parts[i].plan.unpack(b, off)
		values = append(values, v)
	}
	return values, off
}

// count returns how many checked values b is made of, 0 if they have no bytes.
func (p *plan) count(b []byte) int {
	if p.size > 0 {
		return len(b) / p.size
	}
	n := 0
	for off := 0; off < len(b); n++ {
		off, _ = p.skip(b, off)
	}
	return n
}
