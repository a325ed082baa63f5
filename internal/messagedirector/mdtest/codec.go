package mdtest

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/culm-net/culm/datagram"
	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// Codec turns payloads into text and back. The text is the type, by its name
// without STATESERVER_OBJECT_ or STATESERVER_ or by its number, and then words:
//
//   - numbers in decimal; channels as in package mdtest; dclasses and fields by
//     their names, or by # and their number
//   - a field with its value as name(value), as Field.ParseText has it; counts
//     are not written
//   - the values of OTHER behind a "+", which is there even if there are none
//   - x:0102ff for bytes that are taken as they are, at the end only
//
// A text with fewer words than the type has makes a message that ends early.
type Codec struct {
	Schema *dc.Schema
	// Types are those of another protocol; nil means those between daemons.
	Types map[md.Type]Layout
}

// Layout is the name of a type and what its payload is made of, in the words of
// layouts.
type Layout struct{ Name, Payload string }

// layouts says what the payload of a type is made of, in words: u32, u64, bool
// (false ends the message), class, field, entry (a field with its value), those
// with an "s" for a uint16 count and as many, zones likewise, and REQ and OTHER
// with those for whom they are. Besides these there are u16, str (a string
// without blanks), blob (hex, or - for none), and reason, a string that must not be empty and
// is not shown.
var layouts = map[md.Type]string{
	md.ClientAgentSetState:              "u16",
	md.ClientAgentSetClientID:           "u64",
	md.ClientAgentSendDatagram:          "blob",
	md.ClientAgentEject:                 "u16 str",
	md.ClientAgentDrop:                  "",
	md.ClientAgentGetNetworkAddress:     "u32",
	md.ClientAgentGetNetworkAddressResp: "u32 str u16 str u16",
	md.ClientAgentDeclareObject:         "u32 class",
	md.ClientAgentUndeclareObject:       "u32",
	md.ClientAgentAddSessionObject:      "u32",
	md.ClientAgentRemoveSessionObject:   "u32",
	md.ClientAgentSetFieldsSendable:     "u32 fields",
	md.ClientAgentGetTLVs:               "u32",
	md.ClientAgentGetTLVsResp:           "u32 blob",
	md.ClientAgentOpenChannel:           "u64",
	md.ClientAgentCloseChannel:          "u64",
	md.ClientAgentAddPostRemove:         "blob",
	md.ClientAgentClearPostRemoves:      "",
	md.ClientAgentAddInterest:           "u16 u32 u32",
	md.ClientAgentAddInterestMultiple:   "u16 u32 zones",
	md.ClientAgentRemoveInterest:        "u16",
	md.ClientAgentDoneInterestResp:      "u64 u16",

	md.StateServerCreateObjectWithRequired:             "u32 u32 u32 class REQ",
	md.StateServerCreateObjectWithRequiredOther:        "u32 u32 u32 class REQ OTHER",
	md.StateServerDeleteAIObjects:                      "u64",
	md.StateServerObjectGetField:                       "u32 u32 field",
	md.StateServerObjectGetFieldResp:                   "u32 bool entry",
	md.StateServerObjectGetFields:                      "u32 u32 fields",
	md.StateServerObjectGetFieldsResp:                  "u32 bool entries",
	md.StateServerObjectGetAll:                         "u32 u32",
	md.StateServerObjectGetAllResp:                     "u32 u32 u32 u32 class REQ OTHER",
	md.StateServerObjectGetClass:                       "u32",
	md.StateServerObjectGetClassResp:                   "u32 u32 class",
	md.StateServerObjectSetField:                       "u32 entry",
	md.StateServerObjectSetFields:                      "u32 entries",
	md.StateServerObjectDeleteFieldRAM:                 "u32 field",
	md.StateServerObjectDeleteFieldsRAM:                "u32 fields",
	md.StateServerObjectDeleteRAM:                      "u32",
	md.StateServerObjectSetLocation:                    "u32 u32",
	md.StateServerObjectChangingLocation:               "u32 u32 u32 u32 u32",
	md.StateServerObjectEnterLocationWithRequired:      "u32 u32 u32 class REQ_C",
	md.StateServerObjectEnterLocationWithRequiredOther: "u32 u32 u32 class REQ_C OTHER",
	md.StateServerObjectGetLocation:                    "u32",
	md.StateServerObjectGetLocationResp:                "u32 u32 u32 u32",
	md.StateServerObjectLocationAck:                    "u32 u32",
	md.StateServerObjectSetAI:                          "u64",
	md.StateServerObjectChangingAI:                     "u32 u64 u64",
	md.StateServerObjectEnterAIWithRequired:            "u32 u32 u32 class REQ",
	md.StateServerObjectEnterAIWithRequiredOther:       "u32 u32 u32 class REQ OTHER",
	md.StateServerObjectGetAI:                          "u32",
	md.StateServerObjectGetAIResp:                      "u32 u32 u64",
	md.StateServerObjectSetOwner:                       "u64",
	md.StateServerObjectChangingOwner:                  "u32 u64 u64",
	md.StateServerObjectEnterOwnerWithRequired:         "u32 u32 u32 class REQ_O",
	md.StateServerObjectEnterOwnerWithRequiredOther:    "u32 u32 u32 class REQ_O OTHER",
	md.StateServerObjectGetOwner:                       "u32",
	md.StateServerObjectGetOwnerResp:                   "u32 u32 u64",
	md.StateServerObjectEnterInterestWithRequired:      "u32 u32 u32 u32 class REQ_C",
	md.StateServerObjectEnterInterestWithRequiredOther: "u32 u32 u32 u32 class REQ_C OTHER",
	md.StateServerObjectGetZoneObjects:                 "u32 u32 u32",
	md.StateServerObjectGetZonesObjects:                "u32 u32 zones",
	md.StateServerObjectGetChildren:                    "u32 u32",
	md.StateServerObjectGetZoneCount:                   "u32 u32 u32",
	md.StateServerObjectGetZoneCountResp:               "u32 u32",
	md.StateServerObjectGetZonesCount:                  "u32 u32 zones",
	md.StateServerObjectGetZonesCountResp:              "u32 u32",
	md.StateServerObjectGetChildCount:                  "u32 u32",
	md.StateServerObjectGetChildCountResp:              "u32 u32",
	md.StateServerObjectDeleteZone:                     "u32 u32",
	md.StateServerObjectDeleteZones:                    "u32 zones",
	md.StateServerObjectDeleteChildren:                 "u32",
	md.StateServerObjectGetActiveZones:                 "u32",
	md.StateServerObjectGetActiveZonesResp:             "u32 zones",
}

// layout returns what the payload of a type is made of, if that is known.
func (c *Codec) layout(t md.Type) (string, bool) {
	if c.Types == nil {
		l, ok := layouts[t]
		return l, ok
	}
	l, ok := c.Types[t]
	return l.Payload, ok
}

func (c *Codec) typeName(t md.Type) string {
	if c.Types != nil {
		return c.Types[t].Name
	}
	name := strings.TrimPrefix(t.String(), "STATESERVER_")
	return strings.TrimPrefix(name, "OBJECT_")
}

func (c *Codec) typeByName(name string) (md.Type, error) {
	for t := range layouts {
		if c.Types == nil && c.typeName(t) == name {
			return t, nil
		}
	}
	for t, l := range c.Types {
		if l.Name == name {
			return t, nil
		}
	}
	n, err := strconv.ParseUint(name, 10, 16)
	return md.Type(n), err
}

// Compose makes a type and a payload of their text.
func (c *Codec) Compose(text string) ([]byte, error) {
	words := split(text)
	if len(words) == 0 {
		return nil, fmt.Errorf("no type")
	}
	t, err := c.typeByName(words[0])
	if err != nil {
		return nil, err
	}
	var w datagram.Writer
	w.Uint16(uint16(t))
	k := &composer{schema: c.Schema, words: words[1:]}
	layout, _ := c.layout(t)
	for item := range strings.FieldsSeq(layout) {
		if !k.more() {
			break
		}
		if err := k.item(&w, item); err != nil {
			return nil, err
		}
	}
	for _, word := range k.words {
		raw, isRaw := strings.CutPrefix(word, "x:")
		b, err := hex.DecodeString(raw)
		if !isRaw || err != nil {
			return nil, fmt.Errorf("%q is too much, or no hex (%v)", word, err)
		}
		w.Bytes(b)
	}
	return w.Buf, w.Err()
}

// split splits a text at blanks outside of parentheses and string literals.
func split(text string) (words []string) {
	depth, quoted, start := 0, byte(0), -1
	for i := 0; i <= len(text); i++ {
		if i == len(text) || text[i] == ' ' && depth == 0 && quoted == 0 {
			if start >= 0 {
				words = append(words, text[start:i])
			}
			start = -1
			continue
		}
		if start < 0 {
			start = i
		}
		switch ch := text[i]; {
		case quoted != 0:
			if ch == '\\' {
				i++
			} else if ch == quoted {
				quoted = 0
			}
		case ch == '"' || ch == '\'':
			quoted = ch
		case ch == '(':
			depth++
		case ch == ')':
			depth--
		}
	}
	return words
}

type composer struct {
	schema *dc.Schema
	class  *dc.Class
	words  []string
}

// more reports whether there are words that are not taken as they are.
func (k *composer) more() bool { return len(k.words) > 0 && !strings.HasPrefix(k.words[0], "x:") }

func (k *composer) next() string {
	word := k.words[0]
	k.words = k.words[1:]
	return word
}

func (k *composer) item(w *datagram.Writer, item string) error {
	switch item {
	case "u32", "u64":
		ch, err := parseChannel(k.next())
		if item == "u64" {
			w.Uint64(ch)
		} else {
			w.Uint32(uint32(ch))
		}
		return err
	case "u16":
		n, err := strconv.ParseUint(k.next(), 0, 16)
		w.Uint16(uint16(n))
		return err
	case "str", "reason":
		w.String(k.next())
	case "blob":
		b, err := hex.DecodeString(strings.TrimPrefix(k.next(), "-"))
		w.Blob(b)
		return err
	case "bool":
		w.Bool(k.next() == "true")
	case "class":
		name := k.next()
		if number, ok := strings.CutPrefix(name, "#"); ok {
			n, err := strconv.ParseUint(number, 10, 16)
			w.Uint16(uint16(n))
			return err
		}
		if k.class = k.schema.Class(name); k.class == nil {
			return fmt.Errorf("no dclass %s", name)
		}
		w.Uint16(uint16(k.class.Number()))
	case "field", "entry":
		return k.entry(w, k.next(), item == "entry")
	case "fields", "entries", "zones", "OTHER":
		return k.list(w, item)
	case "REQ", "REQ_C", "REQ_O":
		for k.more() && k.words[0] != "+" {
			var v datagram.Writer
			if err := k.entry(&v, k.next(), true); err != nil {
				return err
			}
			w.Bytes(v.Buf[2:])
		}
	default:
		return fmt.Errorf("%s is not to be sent", item)
	}
	return nil
}

// list writes a count and as many items.
func (k *composer) list(w *datagram.Writer, item string) error {
	if item == "OTHER" {
		if word := k.next(); word != "+" {
			return fmt.Errorf("%q instead of +", word)
		}
	}
	var list datagram.Writer
	n := 0
	for ; k.more(); n++ {
		var err error
		if item == "zones" {
			err = k.item(&list, "u32")
		} else {
			err = k.entry(&list, k.next(), item != "fields")
		}
		if err != nil {
			return err
		}
	}
	w.Uint16(uint16(n))
	w.Bytes(list.Buf)
	return nil
}

// entry writes a field's number and, if it has one, its value.
func (k *composer) entry(w *datagram.Writer, word string, value bool) error {
	if number, ok := strings.CutPrefix(word, "#"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		w.Uint16(uint16(n))
		return err
	}
	name, text, _ := strings.Cut(word, "(")
	f := k.field(name)
	if f == nil {
		return fmt.Errorf("no field %s", name)
	}
	w.Uint16(uint16(f.Number()))
	if !value {
		return nil
	}
	text = "(" + text
	if f.Kind() == dc.Parameter {
		text = name + " = " + text[1:len(text)-1]
	}
	b, err := f.ParseText(nil, text)
	w.Bytes(b)
	return err
}

// field finds a field of the message's class, or of the only class that has one
// of that name.
func (k *composer) field(name string) *dc.Field {
	if k.class != nil {
		return k.class.FieldByName(name)
	}
	for _, f := range k.schema.Fields() {
		if f.Name() == name {
			return f
		}
	}
	return nil
}

// Describe returns the text of a payload, with its bytes if it is not what it
// should be.
func (c *Codec) Describe(t md.Type, payload []byte) string {
	raw := fmt.Sprintf("%d x:%x", uint16(t), payload)
	layout, known := c.layout(t)
	if !known {
		return raw
	}
	r := datagram.NewReader(payload)
	d := &describer{schema: c.Schema, r: &r, words: []string{c.typeName(t)}}
	for item := range strings.FieldsSeq(layout) {
		if d.item(item); d.ended {
			break
		}
	}
	if r.Done() != nil || d.bad {
		return raw
	}
	return strings.Join(d.words, " ")
}

type describer struct {
	schema     *dc.Schema
	class      *dc.Class
	r          *datagram.Reader
	words      []string
	ended, bad bool
}

func (d *describer) say(v any) { d.words = append(d.words, fmt.Sprint(v)) }

func (d *describer) item(item string) {
	switch item {
	case "u32":
		d.say(d.r.Uint32())
	case "u64":
		d.say(formatChannel(d.r.Uint64()))
	case "u16":
		d.say(d.r.Uint16())
	case "str":
		d.say(d.r.String())
	case "blob":
		d.say(cmp.Or(hex.EncodeToString(d.r.Blob()), "-"))
	case "reason":
		d.bad = d.r.String() == ""
	case "bool":
		ok := d.r.Bool()
		d.say(ok)
		d.ended = !ok
	case "class":
		if d.class = d.schema.ClassByNumber(int(d.r.Uint16())); d.class == nil {
			d.bad = true
			return
		}
		d.say(d.class.Name())
	case "field", "entry":
		d.entry(item == "entry")
	case "fields", "entries", "OTHER":
		if item == "OTHER" {
			d.say("+")
		}
		for range d.r.Uint16() {
			d.entry(item != "fields")
		}
	case "zones":
		for range d.r.Uint16() {
			d.say(d.r.Uint32())
		}
	default: // REQ
		if d.class == nil {
			d.bad = true
			return
		}
		for _, f := range d.class.RequiredFields() {
			if item == "REQ" || f.HasAny(dc.Broadcast|dc.ClRecv) || item == "REQ_O" && f.Has(dc.OwnRecv) {
				d.value(f)
			}
		}
	}
}

func (d *describer) entry(value bool) {
	f := d.schema.FieldByNumber(int(d.r.Uint16()))
	switch {
	case f == nil:
		d.bad = true
	case value:
		d.value(f)
	default:
		d.say(f.Name())
	}
}

func (d *describer) value(f *dc.Field) {
	rest := *d.r
	b := rest.Rest()
	n, err := f.CheckPrefix(b)
	if err != nil {
		d.bad = true
		return
	}
	text, err := f.AppendText(nil, b[:n])
	d.bad = d.bad || err != nil
	d.r.Skip(n)
	if f.Kind() == dc.Parameter {
		_, v, _ := strings.Cut(string(text), " = ")
		text = []byte("(" + v + ")")
	}
	d.say(f.Name() + string(text))
}
