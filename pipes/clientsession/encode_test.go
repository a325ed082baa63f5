package clientsession

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
)

// value reads "Class.field VALUE".
func (st *stage) value(text string) (*dc.Field, []byte, error) {
	name, value, _ := strings.Cut(strings.TrimSpace(text), " ")
	className, fieldName, _ := strings.Cut(name, ".")
	if class := st.schema.Class(className); class != nil {
		if f := class.FieldByName(fieldName); f != nil {
			b, err := f.ParseText(nil, value)
			return f, b, err
		}
	}
	return nil, nil, fmt.Errorf("no field %q", name)
}

// values reads a list of "CLASS.field VALUE" of a class's objects.
func (st *stage) values(class *dc.Class, texts []string) (wire.FieldList, error) {
	var l wire.FieldList
	for _, text := range texts {
		f, b, err := st.value(text)
		if err != nil {
			return l, err
		}
		l.Add(index(class, f), b)
	}
	return l, nil
}

func index(class *dc.Class, f *dc.Field) int {
	for i := range class.Fields() {
		if class.Fields()[i] == f {
			return i
		}
	}
	return math.MaxUint16
}

// encode makes the server's message that a line describes.
func (st *stage) encode(line string) ([]byte, error) {
	items := strings.Split(line, ";")
	words := strings.Fields(items[0])
	word, words, items := words[0], words[1:], items[1:]
	var n []uint32 // the numbers
	for _, w := range words {
		if v, err := strconv.ParseUint(w, 10, 32); err == nil {
			n = append(n, uint32(v))
		}
	}
	at := func(i int) uint32 {
		if i < len(n) {
			return n[i]
		}
		return 0
	}
	has := func(word string) bool {
		for _, w := range words {
			if w == word {
				return true
			}
		}
		return false
	}
	x := st.session.Extended()
	pick := func(plain, extended wire.Type) wire.Type {
		if x {
			return extended
		}
		return plain
	}
	var stamp wire.Stamp
	if x && (word == "generate" || word == "generate-owner" || word == "remove" || word == "zone" || word == "part") {
		stamp = wire.Stamp{Structure: at(0), Tick: at(1)}
		n = n[min(2, len(n)):]
	}
	// accept CLIENT RATE TICK [extended UPDATE COMMAND] [features N]
	var welcome wire.Welcome
	var extension wire.Extension
	if strings.HasPrefix(word, "accept") {
		welcome = wire.Welcome{ClientID: at(0), TickRate: uint16(at(1)), Tick: at(2), UpdateRate: uint16(at(3)), CommandRate: uint16(at(4))}
	}
	if has("extended") {
		extension = wire.Extension{Present: true, Features: wire.FeatureSnapshots}
	}
	if has("strange") {
		extension = wire.Extension{Present: true, Features: 6}
	}
	switch word {
	case "hex":
		return hex.DecodeString(strings.Join(words, ""))
	case "accept":
		return wire.HelloResponse{Accepted: true, Welcome: welcome, Extension: extension}.Append(nil)
	case "accept-proven":
		return wire.AuthenticateResult{Accepted: true, Welcome: welcome, Extension: extension}.Append(nil)
	case "reject":
		return wire.HelloResponse{Reason: strings.Join(words, " ")}.Append(nil)
	case "reject-proven":
		return wire.AuthenticateResult{Reason: strings.Join(words, " ")}.Append(nil)
	case "wants-proof":
		return wire.HelloResponse{Accepted: true, WantAuth: true, Extension: extension}.Append(nil)
	case "asks":
		return wire.AuthenticateRequest{Data: []byte(words[0])}.Append(nil)
	case "generate", "generate-owner":
		return st.encodeGenerate(pick, word, words, n, stamp, items)
	case "disable":
		return wire.ObjectGone{Type: wire.SVDisableObject, DoID: at(0)}.Append(nil), nil
	case "delete":
		return wire.ObjectGone{Type: wire.SVDeleteObject, DoID: at(0)}.Append(nil), nil
	case "remove":
		return wire.Remove{Stamp: stamp, DoID: at(0), Deleted: has("deleted")}.Append(nil), nil
	case "zone":
		return wire.ZoneChange{Stamp: stamp, DoID: at(0), Zone: at(1)}.Append(nil), nil
	case "complete":
		return wire.InterestComplete{Type: pick(wire.SVInterestComplete, wire.ExtInterestComplete), Handle: uint16(at(0))}.Append(nil)
	case "rates":
		return wire.Rates{Type: wire.ExtRates, Update: uint16(at(0)), Command: uint16(at(1))}.Append(nil)
	case "pong":
		if x {
			return wire.Ping{Type: wire.ExtPingResp, Number: uint16(at(0))}.Append(nil), nil
		}
		return wire.SVPingResp.Append(nil), nil
	case "type":
		return wire.Type(at(0)).Append(nil), nil
	case "call": // [tick TICK STATE] DOID ; VALUE
		f, args, err := st.value(items[0])
		if err != nil {
			return nil, err
		}
		if has("tick") {
			return wire.TickedMessage{Tick: at(0), State: at(1), ObjectMessage: wire.ObjectMessage{DoID: at(2), Field: uint16(f.Number()), Args: args}}.Append(nil)
		}
		return wire.ObjectMessage{DoID: at(0), Field: uint16(f.Number()), Args: args}.Append(nil), nil
	case "tick": // TICK [delta] ; DOID CLASS VALUES, or nothing
		m := wire.Snapshot{Tick: at(0), Delta: has("delta"), Count: uint16(len(items))}
		return st.encodeObjects(m.Append(nil), items, func(b []byte, doID uint32, l wire.FieldList, contents []byte) ([]byte, error) {
			return wire.AppendSnapshotObject(b, doID, l)
		})
	case "part": // STRUCTURE TICK NUMBER [first] [last] [partial] ; DOID CLASS [zone ZONE] VALUES
		m := wire.Part{Stamp: stamp, Number: at(0), Count: uint16(len(items))}
		for i, flag := range []string{"first", "last", "partial"} {
			if has(flag) {
				m.Flags |= 1 << i
			}
		}
		return st.encodeObjects(m.Append(nil), items, func(b []byte, doID uint32, l wire.FieldList, contents []byte) ([]byte, error) {
			return wire.AppendRecord(b, doID, contents), nil
		})
	}
	return nil, fmt.Errorf("unknown message %q", word)
}

// encodeGenerate: [STRUCTURE TICK] CLASS DOID ZONE [bare] ; VALUE ; … ; calls ; VALUE …
func (st *stage) encodeGenerate(pick func(a, b wire.Type) wire.Type, word string, words []string, n []uint32, stamp wire.Stamp, items []string) ([]byte, error) {
	m := wire.Generate{Type: pick(wire.SVGenerateObject, wire.ExtGenerate), Stamp: stamp, HasBaseline: true, DoID: n[0], Zone: n[1]}
	if word == "generate-owner" {
		m.Type = pick(wire.SVGenerateOwnerObject, wire.ExtGenerateOwner)
	}
	for _, w := range words {
		if c := st.schema.Class(w); c != nil {
			m.Class = c
		}
		if w == "bare" {
			m.HasBaseline = false
		}
	}
	if m.Class == nil {
		return nil, errors.New("no such class")
	}
	state, calls := items, []string(nil)
	for i, item := range items {
		if strings.TrimSpace(item) == "calls" {
			state, calls = items[:i], items[i+1:]
			break
		}
	}
	var err error
	if m.Baseline, err = st.values(m.Class, state); err != nil {
		return nil, err
	}
	if m.Required, err = st.values(m.Class, calls); err != nil {
		return nil, err
	}
	return m.Append(nil)
}

// encodeObjects reads "DOID CLASS [zone ZONE] name VALUE | name VALUE …".
func (st *stage) encodeObjects(b []byte, items []string, add func(b []byte, doID uint32, l wire.FieldList, contents []byte) ([]byte, error)) ([]byte, error) {
	for _, item := range items {
		parts := strings.Split(item, "|")
		words := strings.Fields(parts[0])
		doID, err := strconv.ParseUint(words[0], 10, 32)
		if err != nil {
			return nil, err
		}
		class := st.schema.Class(words[1])
		if class == nil {
			return nil, fmt.Errorf("no class %q", words[1])
		}
		var contents []byte
		if len(words) > 3 && words[2] == "zone" {
			z, err := strconv.ParseUint(words[3], 10, 32)
			if err != nil {
				return nil, err
			}
			contents = wire.AppendRecordZone(contents, uint32(z))
		}
		var l wire.FieldList
		for _, text := range parts[1:] {
			f, v, err := st.value(words[1] + "." + strings.TrimSpace(text))
			if err != nil {
				return nil, err
			}
			l.Add(index(class, f), v)
			contents = wire.AppendRecordField(contents, index(class, f), v)
		}
		if b, err = add(b, uint32(doID), l, contents); err != nil {
			return nil, err
		}
	}
	return b, nil
}
