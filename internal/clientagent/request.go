package clientagent

import (
	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
)

// request is a message of a client, taken apart and checked as far as that is
// possible without knowing the session.
type request struct {
	typ Type
	// cut says what is missing when the message ends before what is needed to
	// judge it; nothing else is set then.
	cut *ejection
	// fault is what else is wrong with its form. What the client may not do
	// at all is said first.
	fault *ejection

	hash    uint32 // Hello
	version string

	doID   uint32 // SetField, Location
	number uint16 // of the field
	field  *dc.Field
	value  []byte
	parent uint32 // Location and interest
	zone   uint32 // Location

	context  uint32 // interest
	interest uint16
	zones    []uint32
}

// decode takes a message apart. What it returns refers to b.
func decode(schema *dc.Schema, b []byte) request {
	r := datagram.NewReader(b)
	q := request{typ: Type(r.Uint16())}
	if r.Err() != nil {
		q.cut = because(CodeTruncated, "A message of %d bytes has no type.", len(b))
		return q
	}
	switch q.typ {
	case Hello:
		q.hash = r.Uint32()
		q.version = r.String()
	case ObjectSetField:
		q.doID = r.Uint32()
		if r.Err() != nil {
			break
		}
		q.decodeUpdate(schema, &r)
		return q
	case ObjectLocation:
		q.doID, q.parent, q.zone = r.Uint32(), r.Uint32(), r.Uint32()
	case AddInterest:
		q.context, q.interest, q.parent = r.Uint32(), r.Uint16(), r.Uint32()
		q.zones = []uint32{r.Uint32()}
	case AddInterestMultiple:
		q.context, q.interest, q.parent = r.Uint32(), r.Uint16(), r.Uint32()
		q.zones = tidy(readZones(&r))
	case RemoveInterest:
		q.context, q.interest = r.Uint32(), r.Uint16()
	case Disconnect, Heartbeat:
	default:
		return q // not from clients: its payload does not matter
	}
	if err := r.Err(); err != nil {
		q.cut = because(CodeTruncated, "Message %d ends too early: %v.", q.typ, err)
	} else if n := r.Remaining(); n > 0 {
		q.fault = because(CodeOversized, "Message %d is followed by %d bytes too many.", q.typ, n)
	}
	return q
}

// decodeUpdate reads field and value, and checks the value.
func (q *request) decodeUpdate(schema *dc.Schema, r *datagram.Reader) {
	q.number = r.Uint16()
	if err := r.Err(); err != nil {
		q.fault = because(CodeTruncated, "An update ends too early: %v.", err)
		return
	}
	q.field = schema.FieldByNumber(int(q.number))
	q.value = r.Rest()
	if q.field == nil {
		return
	}
	n, err := q.field.CheckPrefix(q.value)
	switch {
	case err != nil:
		if _, short := q.field.Skip(q.value); short != nil {
			q.fault = because(CodeTruncated, "A value ends too early: %v.", err)
		} else {
			q.fault = because(CodeBadValue, "A value is not allowed: %v.", err)
		}
	case !onlyASCII(q.field, q.value[:n]):
		q.fault = because(CodeBadValue, "A string in a value of %v has characters beyond ASCII.", q.field)
	case n < len(q.value):
		q.fault = because(CodeOversized, "A value of %v is followed by %d bytes too many.", q.field, len(q.value)-n)
	}
}

// onlyASCII reports whether all strings in a value, which was checked, are
// ASCII, as Astron wants them.
func onlyASCII(f *dc.Field, value []byte) bool {
	high := false
	for _, b := range value {
		high = high || b >= 0x80
	}
	if !high {
		return true
	}
	strings := false
	for _, p := range f.Params() {
		strings = strings || hasString(p.Type())
	}
	if !strings {
		return true
	}
	values, err := f.Unpack(value)
	if err != nil {
		return false // it was checked
	}
	for i, p := range f.Params() {
		if i < len(values) && !asciiIn(p.Type(), values[i]) {
			return false
		}
	}
	return true
}

// hasString reports whether values of a type may contain strings.
func hasString(t *dc.Type) bool {
	switch t.Kind() {
	case dc.String, dc.SwitchKind:
		return true
	case dc.Array:
		return hasString(t.Elem())
	case dc.Struct:
		for _, f := range t.Class().Elements() {
			for _, p := range f.Params() {
				if hasString(p.Type()) {
					return true
				}
			}
		}
	}
	return false
}

// asciiIn looks at the strings in a value as Field.Unpack returns it.
func asciiIn(t *dc.Type, v any) bool {
	switch t.Kind() {
	case dc.String:
		s, _ := v.(string)
		for i := range len(s) {
			if s[i] >= 0x80 {
				return false
			}
		}
	case dc.Array:
		elements, _ := v.([]any) // none for an array of char
		for _, e := range elements {
			if !asciiIn(t.Elem(), e) {
				return false
			}
		}
	case dc.Struct:
		values, _ := v.([]any)
		for i, f := range t.Class().Elements() {
			if i < len(values) && !asciiField(f, values[i]) {
				return false
			}
		}
	}
	return true
}

// asciiField looks at one field of a struct.
func asciiField(f *dc.Field, v any) bool {
	if f.Kind() == dc.Parameter {
		return asciiIn(f.Params()[0].Type(), v)
	}
	values, _ := v.([]any)
	for i, p := range f.Params() {
		if i < len(values) && !asciiIn(p.Type(), values[i]) {
			return false
		}
	}
	return true
}
