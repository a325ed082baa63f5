package stateserver_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/culm-net/culm/dc"
	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/stateserver"
)

// hall is a director with a state server and somebody who talks with it.
type hall struct {
	t        testing.TB
	director *md.Director
	server   *stateserver.StateServer
	md       md.Participant
	batch    md.Batch
	got      []md.Message
}

func open(t testing.TB, schema *dc.Schema, channels ...uint64) *hall {
	h := &hall{t: t, director: md.New(md.Limits{})}
	var err error
	if h.server, err = stateserver.New(h.director, stateserver.Config{Control: control, Schema: schema}); err != nil {
		t.Fatal(err)
	}
	h.md.Receiver = h
	h.batch.From(&h.md)
	for _, ch := range channels {
		h.batch.Subscribe(ch)
	}
	h.director.Post(&h.batch)
	return h
}

func (h *hall) Receive(m *md.Message) {
	c := *m
	c.Payload = bytes.Clone(m.Payload)
	h.got = append(h.got, c)
}

// send sends a message from channel 5 and returns what has come of it.
func (h *hall) send(t md.Type, to uint64, payload ...[]byte) []md.Message {
	h.t.Helper()
	h.batch.From(&h.md)
	h.batch.Begin(t, 5, to).Bytes(join(payload...))
	if err := h.batch.End(); err != nil {
		h.t.Fatal(err)
	}
	h.got = nil
	h.director.Post(&h.batch)
	return h.got
}

// one is send for a message with one answer, which is returned.
func (h *hall) one(want, t md.Type, to uint64, payload ...[]byte) []byte {
	h.t.Helper()
	got := h.send(t, to, payload...)
	if len(got) != 1 || got[0].Type != want {
		h.t.Fatalf("%s to %d: got %v, want a %s", t, to, got, want)
	}
	return got[0].Payload
}

func str(n int) []byte { return append(u16(uint16(n)), strings.Repeat("x", n)...) }

const bulk = `
dclass Bulk {
  setBig(string) required broadcast;
  setMore(string) ram broadcast;
  setLess(string) ram;
  send(blob) broadcast airecv ownrecv;
};`

func bulkSchema(t testing.TB) *dc.Schema {
	t.Helper()
	s, err := dc.Parse(dc.Source{Name: "bulk.dc", Text: []byte(bulk)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestF3 checks that no object gets so big that it cannot be told in one message,
// and that what would not fit is answered as a failure.
func TestF3(t *testing.T) {
	h := open(t, bulkSchema(t), 5)
	const id = 2000
	// What is besides the strings in a GET_ALL_RESP: head, ids and class, the
	// strings' lengths, a count and the optional fields' numbers.
	const room = md.MaxMessage - 19 - 18 - 3*2 - 2 - 2*2
	sizes := func() [3]int {
		p := h.one(md.StateServerObjectGetAllResp, md.StateServerObjectGetAll, id, u32(1, id))[18:]
		var n [3]int
		n[0] = int(binary.LittleEndian.Uint16(p))
		p = p[2+n[0]:]
		for range binary.LittleEndian.Uint16(p) {
			f, l := binary.LittleEndian.Uint16(p[2:]), int(binary.LittleEndian.Uint16(p[4:]))
			n[f] = l
			p = p[4+l:]
		}
		return n
	}
	check := func(want [3]int, tooLong uint64) {
		t.Helper()
		if got := sizes(); got != want {
			t.Fatalf("sizes %v, want %v", got, want)
		}
		if got := h.server.Stats().Ignored["too_long"]; got != tooLong {
			t.Fatalf("%d messages were too long, want %d", got, tooLong)
		}
	}
	create := func(n int) {
		h.send(md.StateServerCreateObjectWithRequired, control, u32(id, 0, 0), u16(0), str(n))
	}
	create(room + 1)
	if n := h.server.Stats().Objects; n != 0 {
		t.Fatalf("%d objects", n)
	}
	create(room)
	check([3]int{room, 0, 0}, 1)
	set := func(fields ...int) {
		list := u16(uint16(len(fields) / 2))
		for i := 0; i < len(fields); i += 2 {
			list = append(append(list, u16(uint16(fields[i]))...), str(fields[i+1])...)
		}
		if len(fields) == 2 {
			h.send(md.StateServerObjectSetField, id, u32(id), list[2:])
			return
		}
		h.send(md.StateServerObjectSetFields, id, u32(id), list)
	}
	set(1, 1)
	check([3]int{room, 0, 0}, 2)
	set(1, 0)
	set(0, 40000)
	check([3]int{40000, 0, 0}, 2)
	set(1, 20000, 2, room-60000+1) // one byte too many, and nothing of it
	check([3]int{40000, 0, 0}, 3)
	set(1, 20000, 2, room-60000)
	check([3]int{40000, 20000, room - 60000}, 3)
	// Shrinking one does not pay for another in the same message.
	set(1, 0, 2, 20000)
	check([3]int{40000, 20000, room - 60000}, 4)
	set(1, 0)
	set(2, 20000)
	check([3]int{40000, 0, 20000}, 4)

	// An answer that is too long is a failure. Two fields that are one.
	s, err := dc.Parse(dc.Source{Name: "twice.dc", Text: []byte(`dclass Twice { a(string) required; b(string) required; ab : a, b; };`)})
	if err != nil {
		t.Fatal(err)
	}
	h = open(t, s, 5)
	h.send(md.StateServerCreateObjectWithRequired, control, u32(id, 0, 0), u16(0), str(20000), str(20000))
	if p := h.one(md.StateServerObjectGetFieldResp, md.StateServerObjectGetField, id, u32(1, id), u16(2)); p[4] != 1 {
		t.Error("a field that fits was not told")
	}
	if p := h.one(md.StateServerObjectGetFieldsResp, md.StateServerObjectGetFields, id, u32(7, id), u16(3, 0, 1, 2)); !bytes.Equal(p, join(u32(7), []byte{0})) {
		t.Errorf("fields that do not fit: %x", p)
	}
}

// TestF3Default checks that a field does not get its default back where that
// makes the object too big.
func TestF3Default(t *testing.T) {
	s, err := dc.Parse(dc.Source{Name: "default.dc", Text: []byte(`dclass D { a(string = "0123456789") required; b(string) required; };`)})
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, s, 5)
	const id = 2000
	const room = md.MaxMessage - 19 - 18 - 2*2 - 2
	for _, want := range []int{9, 10} {
		h.send(md.StateServerCreateObjectWithRequired, control, u32(id, 0, 0), u16(0), str(0), str(room-want))
		h.send(md.StateServerObjectDeleteFieldRAM, id, u32(id), u16(0))
		p := h.one(md.StateServerObjectGetFieldResp, md.StateServerObjectGetField, id, u32(1, id), u16(0))
		if got := len(p) - 4 - 1 - 2 - 2; got != want/10*10 {
			t.Errorf("with room for %d bytes: %d", want, got)
		}
		h.send(md.StateServerObjectDeleteRAM, id, u32(id))
	}
	if n := h.server.Stats().Ignored["too_long"]; n != 1 {
		t.Errorf("%d were too long", n)
	}
}

// TestF3Zones checks that more active zones than a message can tell are not told.
func TestF3Zones(t *testing.T) {
	h := open(t, game(t), 5)
	h.send(md.StateServerCreateObjectWithRequired, control, u32(2000, 0, 0), u16(1), str(1))
	const most = (md.MaxMessage - 19 - 6) / 4
	for i := range uint32(most) {
		h.send(md.StateServerObjectChangingLocation, 2000, u32(10000+i, 2000, 1+i, 0, 0))
	}
	p := h.one(md.StateServerObjectGetActiveZonesResp, md.StateServerObjectGetActiveZones, 2000, u32(1))
	if n := binary.LittleEndian.Uint16(p[4:]); n != most || len(p) != 6+4*most {
		t.Errorf("%d zones in %d bytes, want %d", n, len(p), most)
	}
	h.send(md.StateServerObjectChangingLocation, 2000, u32(9999, 2000, 0, 0, 0))
	if got := h.send(md.StateServerObjectGetActiveZones, 2000, u32(1)); len(got) != 0 || h.server.Stats().Ignored["too_long"] != 1 {
		t.Errorf("got %v", got)
	}
}

// TestLongUpdate checks that a value which has come in a message to one goes to
// three, though one message to them would be too long.
func TestLongUpdate(t *testing.T) {
	const id, owner, ai = 2000, 800, 900
	h := open(t, bulkSchema(t), owner, ai, md.LocationChannel(1000, 7))
	h.send(md.StateServerCreateObjectWithRequired, control, u32(id, 1000, 7), u16(0), str(0))
	h.send(md.StateServerObjectSetOwner, id, u64(owner))
	h.send(md.StateServerObjectSetAI, id, u64(ai))
	value := str(md.MaxMessage - 19 - 6 - 2)
	if got := h.send(md.StateServerObjectSetField, id, u32(id), u16(3), value); len(got) != 3 {
		t.Fatalf("%d messages", len(got))
	}
	value = str(md.MaxMessage - 19 - 6 - 2 - 16)
	if got := h.send(md.StateServerObjectSetField, id, u32(id), u16(3), value); len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
}

// TestF2 deletes more objects of an AI than a message has recipients.
func TestF2(t *testing.T) {
	h := open(t, game(t))
	for id := range uint32(300) {
		h.send(md.StateServerCreateObjectWithRequired, control, u32(2000+id, 0, 0), u16(1), str(1))
		h.send(md.StateServerObjectSetAI, uint64(2000+id), u64(900+uint64(id%2)))
	}
	h.send(md.StateServerDeleteAIObjects, control, u64(900))
	if n := h.server.Stats().Objects; n != 150 {
		t.Errorf("%d objects are left", n)
	}
	h.send(md.StateServerDeleteAIObjects, control, u64(901))
	if n := h.server.Stats().Objects; n != 0 {
		t.Errorf("%d objects are left", n)
	}
}

// TestF36 sends as many entries as a message can have, and says there are more.
func TestF36(t *testing.T) {
	h := open(t, game(t), 5)
	const id = 2000
	h.send(md.StateServerCreateObjectWithRequired, control, u32(id, 0, 0), u16(2), str(0), u32(0, 0, 0))
	most := (md.MaxMessage - 19 - 6) / 2
	list := bytes.Repeat(u16(15), most) // nod, which has no bytes
	h.send(md.StateServerObjectSetFields, id, u32(id), u16(uint16(most)), list)
	if n := h.server.Stats().Ignored["malformed"]; n != 0 {
		t.Errorf("%d malformed", n)
	}
	h.send(md.StateServerObjectSetFields, id, u32(id), u16(uint16(most+1)), list)
	h.send(md.StateServerObjectSetFields, id, u32(id), u16(65535), list)
	if n := h.server.Stats().Ignored["malformed"]; n != 2 {
		t.Errorf("%d malformed", n)
	}
}

// TestF20Depth checks that a tower of objects ends somewhere.
func TestF20Depth(t *testing.T) {
	h := open(t, game(t), 5)
	for i := range uint32(300) {
		h.send(md.StateServerCreateObjectWithRequired, control, u32(2000+i, min(i, 1)*(1999+i), i), u16(1), str(0))
	}
	if n := h.server.Stats().Ignored["cycle"]; n != 1 {
		t.Errorf("%d were not put below others", n)
	}
	for id, want := range map[uint64]uint32{2256: 0, 2255: 2254, 2299: 2298} {
		p := h.one(md.StateServerObjectGetLocationResp, md.StateServerObjectGetLocation, id, u32(1))
		if got := word(p[8:]); got != want {
			t.Errorf("the parent of %d is %d, want %d", id, got, want)
		}
	}
}

func TestNew(t *testing.T) {
	d := md.New(md.Limits{})
	for _, c := range []stateserver.Config{{Schema: game(t)}, {Schema: game(t), Control: 999}, {Control: control}} {
		if _, err := stateserver.New(d, c); err == nil {
			t.Errorf("control channel %d, schema %v: no error", c.Control, c.Schema != nil)
		}
	}
}

// TestLog checks that what is ignored is logged, once for each reason.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	d := md.New(md.Limits{})
	_, err := stateserver.New(d, stateserver.Config{Control: control, Schema: game(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	var b md.Batch
	b.From(&md.Participant{})
	for range 5 {
		_ = b.Append(message{typ: md.StateServerCreateObjectWithRequired, sender: 5, to: []uint64{control}, payload: join(u32(2000, 0, 0), u16(77))}.bytes())
		_ = b.Append(message{typ: md.StateServerCreateObjectWithRequired, sender: 5, to: []uint64{control}, payload: join(u32(2000, 0, 0), u16(1), []byte("\x01\x00\xff"))}.bytes())
	}
	d.Post(&b)
	text := log.String()
	if n := strings.Count(text, "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, text)
	}
	for _, part := range []string{"no dclass has the number 77", "District.setTitle", "doId=2000", "sender=5"} {
		if !strings.Contains(text, part) {
			t.Errorf("nothing of %q in\n%s", part, text)
		}
	}
}

// TestStats checks that everything is counted.
func TestStats(t *testing.T) {
	h := open(t, game(t), 5)
	h.send(md.StateServerCreateObjectWithRequired, control, u32(2000, 0, 0), u16(1), str(1))
	h.send(md.StateServerObjectGetAI, 2000, u32(1))
	h.send(md.StateServerObjectGetAI, 2000, u32(1))
	h.send(md.Type(4000), 2000)
	h.send(md.StateServerObjectDeleteRAM, 2000, u32(2000))
	s := h.server.Stats()
	got := fmt.Sprint(s.Objects, s.Created, s.Deleted, s.Messages, s.Ignored["stray_type"])
	want := "0 1 1 map[STATESERVER_CREATE_OBJECT_WITH_REQUIRED:1 STATESERVER_OBJECT_DELETE_RAM:1 STATESERVER_OBJECT_GET_AI:2 other:1] 1"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
