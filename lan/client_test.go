package lan

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/transport"
)

// lanParty is a server and clients in memory: what one side sends waits until
// the test carries it to the other.
type lanParty struct {
	t      testing.TB
	schema *dc.Schema
	server *Server
	seats  []*seat
}

// seat is a client of a party, with what it was told.
type seat struct {
	NoEvents
	*Client
	party  *lanParty
	to     *clientConn // what the client sends
	from   *fakeConn   // what the server sends
	log    []string
	values map[uint32]map[string]string // of the objects in sight, by doId and field
}

func newParty(t testing.TB, file string) *lanParty {
	t.Helper()
	schema, err := dc.ParseFiles(file)
	if err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(Config{Schema: schema, DoIDRange: modelRange, MessageRate: -1, ByteRate: -1, ZoneRate: -1, MaxPerAddress: -1,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return &lanParty{t: t, schema: schema, server: server}
}

func (p *lanParty) join() *seat {
	p.t.Helper()
	s := &seat{party: p, to: &clientConn{}, from: &fakeConn{addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: len(p.seats)}},
		values: make(map[uint32]map[string]string)}
	var err error
	if s.Client, err = NewClient(ClientConfig{Schema: p.schema, Events: s}); err != nil {
		p.t.Fatal(err)
	}
	p.seats = append(p.seats, s)
	s.Opened(s.to)
	p.server.Opened(s.from)
	return s
}

// clientConn is a client's connection.
type clientConn struct {
	fakeConn
	flushed int
}

func (c *clientConn) Flush() { c.flushed++ }

// carryUp brings what a client has sent to the server, carryDown what the
// server has sent to a client. They return whether there was anything.
func (s *seat) carryUp() bool {
	sent := s.to.got
	s.to.got = nil
	if len(sent) > 0 {
		s.party.server.Received(s.from, sent)
	}
	return len(sent) > 0
}

func (s *seat) carryDown() bool {
	sent := s.from.got
	s.from.got = nil
	if len(sent) > 0 {
		s.Received(s.to, sent)
	}
	return len(sent) > 0
}

// settle carries everything until nobody has anything to say.
func (p *lanParty) settle() {
	for again := true; again; {
		again = false
		p.server.nextPeriod()
		for _, s := range p.seats {
			down, up := s.carryDown(), s.carryUp()
			again = again || down || up
		}
	}
}

func (s *seat) told(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

func (s *seat) text(f *dc.Field, value []byte) string {
	text, err := f.AppendText(nil, value)
	if err != nil {
		s.party.t.Fatalf("an event has a value that is none: %v", err)
	}
	return string(text)
}

func (s *seat) Generated(_ *Client, g *Generate) {
	again := ""
	if g.Known {
		again = " again"
	}
	line := fmt.Sprintf("generate%s %s %d of %d in %d:", again, g.Class.Name(), g.DoID, g.Owner, g.Zone)
	if s.values[g.DoID] == nil {
		s.values[g.DoID] = make(map[string]string)
	}
	for f, v := range g.Values() {
		line += fmt.Sprintf(" %s%s", f.Name(), s.text(f, v))
		s.values[g.DoID][f.Name()] = s.text(f, v)
	}
	s.log = append(s.log, line)
}

func (s *seat) Updated(_ *Client, u *Update) {
	s.told("update %d by %d: %s%s", u.DoID, u.Sender, u.Field.Name(), s.text(u.Field, u.Value))
	if v := s.values[u.DoID]; v != nil {
		v[u.Field.Name()] = s.text(u.Field, u.Value)
	}
}

func (s *seat) Disabled(_ *Client, o Object) {
	delete(s.values, o.DoID)
	s.told("disable %d", o.DoID)
}

func (s *seat) Deleted(_ *Client, o Object) {
	delete(s.values, o.DoID)
	s.told("delete %d", o.DoID)
}

func (s *seat) Unknown(_ *Client, sender, doID uint32) { s.told("unknown %d by %d", doID, sender) }
func (s *seat) Disconnected(*Client, error)            { s.told("closed") }

// wants checks what the client was told since the last time.
func (s *seat) wants(want ...string) {
	s.party.t.Helper()
	if !slices.Equal(s.log, want) {
		s.party.t.Fatalf("the client was told\n%q, want\n%q", s.log, want)
	}
	s.log = nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestClientStory(t *testing.T) {
	p := newParty(t, "testdata/story.dc")
	anna, bert := p.join(), p.join()
	if err := anna.SetInterest(1); err != nil {
		t.Fatal("interest needs no doIds:", err)
	}
	if _, err := anna.Create("Avatar", 1); !errors.Is(err, ErrNotReady) {
		t.Fatalf("created before the doIds came: %v", err)
	}
	p.settle()
	must(t, anna.Ready(t.Context()))
	if anna.Base() != 1 || bert.Base() != 1001 {
		t.Fatalf("bases %d and %d", anna.Base(), bert.Base())
	}
	id, err := anna.Create("Avatar", 1, Set("setName", "Anna"), Set("setSecret", 7), Set("setX", -3))
	must(t, err)
	must(t, bert.SetInterest(1))
	p.settle()
	// The second generate answers the request that bert's interest caused. It
	// lists what is broadcast and ram; the secret is for the server only.
	bert.wants(`generate Avatar 1 of 1 in 1: setName(name = "Anna") setPos(x = 0, y = 0) setMood(mood = 0)`)

	must(t, anna.Update(id, "setPos", 1.5, 2))
	must(t, anna.Update(id, "setMood", 9))
	must(t, anna.Update(id, "setXY", 4, 5))
	must(t, anna.Update(id, "clap", 2))
	must(t, bert.Update(id, "sendHit", 12))
	must(t, bert.Update(id, "askTrade", 34))
	must(t, bert.UpdateTo(anna.Base(), id, "whisper", "psst"))
	p.settle()
	anna.wants(`update 1 by 1: clap(times = 2)`, `update 1 by 1001: sendHit(damage = 12)`,
		`update 1 by 1001: askTrade(item = 34)`, `update 1 by 1001: whisper(text = "psst")`)
	bert.wants(`update 1 by 1: setPos(x = 1.5, y = 2)`, `update 1 by 1: setMood(mood = 9)`,
		`update 1 by 1: setXY(x = 4, y = 5)`, `update 1 by 1: clap(times = 2)`)

	must(t, bert.SetInterest(2))
	p.settle()
	bert.wants(`disable 1`)
	must(t, anna.SetZone(id, 2))
	p.settle()
	bert.wants(`generate Avatar 1 of 1 in 2: setName(name = "Anna") setPos(x = 1.5, y = 2) setMood(mood = 9)`)
	if o, ok := bert.Object(id); !ok || o.Zone != 2 || o.Owner != anna.Base() {
		t.Fatalf("bert knows %+v, %v", o, ok)
	}

	must(t, anna.Heartbeat())
	must(t, anna.Delete(id))
	if _, ok := anna.Object(id); ok {
		t.Error("the object can still be used")
	}
	p.settle()
	anna.wants(`delete 1`)
	bert.wants(`delete 1`)

	other, err := anna.Create("Door", 2, Set("setOpen", 1))
	must(t, err)
	p.settle()
	bert.wants(`generate Door 2 of 1 in 2: setOpen(open = 1)`)
	anna.Disconnect()
	if err := anna.Update(other, "setOpen", 0); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("an update after the end: %v", err)
	}
	p.settle()
	bert.wants(`delete 2`)
	anna.Closed(anna.to, io.EOF)
	anna.wants(`closed`)
	<-anna.Done()
}

// Values that others set on an own object are what the next one to come sees.
func TestClientKeepsValuesSetByOthers(t *testing.T) {
	p := newParty(t, "testdata/story.dc")
	anna := p.join()
	p.settle()
	id, err := anna.Create("Avatar", 1)
	must(t, err)
	p.settle()
	f := p.schema.Class("Avatar").FieldByName("setMood")
	b := binaryUpdate(1001, id, f, []byte{5})
	anna.Received(anna.to, [][]byte{b})
	bert := p.join()
	must(t, bert.SetInterest(1))
	p.settle()
	if got := bert.values[id]["setMood"]; got != "(mood = 5)" {
		t.Errorf("bert sees %s", got)
	}
}

func binaryUpdate(sender, doID uint32, f *dc.Field, value []byte) []byte {
	k := &core{}
	k.begin(ObjectUpdateField)
	k.uint32(sender)
	k.uint32(doID)
	k.uint16(uint16(f.Number()))
	return append(k.buf, value...)
}

// TestClientIsLikeAStockOne has the client do what a recorded stock client
// did: its bytes must be the same.
func TestClientIsLikeAStockOne(t *testing.T) {
	p := newParty(t, "testdata/thing.dc")
	c, err := NewClient(ClientConfig{Schema: p.schema})
	must(t, err)
	conn := &clientConn{}
	c.Opened(conn)
	receive := func(text string) {
		b, err := hex.DecodeString(text)
		must(t, err)
		c.Received(conn, [][]byte{b})
	}
	receive("29230100000040420f00")
	must(t, c.SetInterest(7))
	id, err := c.Create("DistributedThing", 7, Set("setName", "h\u00e9llo"))
	must(t, err)
	receive("2f2307000000")
	must(t, c.Update(id, "setCounter", 40))
	must(t, c.Update(id, "setPos", 4, -40))
	c.Disconnect()
	for i, want := range []string{
		"312307000000",
		"2a2307000000010001000000060068c3a96c6c6f0000",
		"2a2307000000010001000000060068c3a96c6c6f030000000000000007000000020000000000030000000000",
		"780001000000020028000000",
		"78000100000003002800" + "70fe",
		"3023",
	} {
		if got := hex.EncodeToString(at(conn.got, i)); got != want {
			t.Errorf("message %d is %s, the stock client sent %s", i, got, want)
		}
	}
}

func TestClientRefuses(t *testing.T) {
	p := newParty(t, "testdata/story.dc")
	anna, bert := p.join(), p.join()
	p.settle()
	id, err := anna.Create("Avatar", 1)
	must(t, err)
	must(t, bert.SetInterest(1))
	p.settle()
	mood := p.schema.Class("Avatar").FieldByName("setMood")
	_, createStruct := bert.Create("Nothing", 1)
	_, createField := bert.Create("Door", 1, Set("setName", "x"))
	_, createValue := bert.Create("Door", 1, Set("setOpen", 2))
	for name, c := range map[string]struct{ err, is error }{
		"unknown object":     {bert.Update(999, "setMood", 1), ErrUnknownObject},
		"not the owner":      {bert.Update(id, "setMood", 1), ErrNotOwner},
		"no routing keyword": {anna.Update(id, "note", "x"), nil},
		"unknown field":      {anna.Update(id, "fly"), nil},
		"out of range":       {anna.Update(id, "setMood", 10), nil},
		"packed badly":       {anna.UpdatePacked(id, mood, []byte{1, 2}), nil},
		"another class":      {anna.UpdatePacked(id, p.schema.Class("Door").FieldByName("setOpen"), []byte{1}), nil},
		"no target":          {anna.UpdateTo(0, id, "setMood", 1), nil},
		"zone of another's":  {bert.SetZone(id, 2), ErrNotOwner},
		"delete another's":   {bert.Delete(id), ErrNotOwner},
		"delete nothing":     {bert.Delete(998), ErrUnknownObject},
		"unknown class":      {createStruct, nil},
		"value of no field":  {createField, nil},
		"value out of range": {createValue, nil},
	} {
		if c.err == nil || c.is != nil && !errors.Is(c.err, c.is) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if len(anna.to.got)+len(bert.to.got) > 0 {
		t.Errorf("something was sent nevertheless: %x %x", anna.to.got, bert.to.got)
	}
}

// A client reuses the doIds of deleted objects, the oldest first, and never
// has two objects with the same one.
func TestClientDoIDs(t *testing.T) {
	p := newParty(t, "testdata/story.dc")
	c := p.join()
	p.settle()
	var ids []uint32
	for {
		id, err := c.Create("Door", 1)
		if errors.Is(err, ErrNoDoIDs) {
			break
		}
		must(t, err)
		ids = append(ids, id)
	}
	// The last id of the range belongs to the next client: core.baseOf.
	if len(ids) != modelRange-1 || ids[0] != 1 || ids[len(ids)-1] != modelRange-1 {
		t.Fatalf("%d doIds from %d to %d", len(ids), ids[0], ids[len(ids)-1])
	}
	p.settle()
	must(t, c.Delete(500))
	must(t, c.Delete(20))
	if _, err := c.Create("Door", 1); !errors.Is(err, ErrNoDoIDs) {
		t.Fatalf("a doId came back before the server has deleted its object: %v", err)
	}
	p.settle()
	for _, want := range []uint32{500, 20} {
		if id, err := c.Create("Door", 1); err != nil || id != want {
			t.Fatalf("created %d (%v), want %d", id, err, want)
		}
	}
	p.settle()
	if n := p.server.Stats().Objects; n != modelRange-1 {
		t.Errorf("the server has %d objects", n)
	}
}

// TestClientsAgree lets clients do random things while messages are on their
// way, and then everything arrive: each client must know exactly the objects
// in its zones, with the values that their owners have.
func TestClientsAgree(t *testing.T) {
	for seed := range uint64(200) {
		clientsAgree(t, seed)
	}
}

func clientsAgree(t *testing.T, seed uint64) {
	const clients, steps, zones = 4, 120, 4
	r := rand.New(rand.NewPCG(seed, 0))
	p := newParty(t, "testdata/story.dc")
	interest := make([][]uint32, clients)
	for range clients {
		p.join()
	}
	p.settle()
	for range steps {
		i := r.IntN(clients)
		s := p.seats[i]
		var id uint32
		if own := ownIDs(s.Client); len(own) > 0 {
			id = own[r.IntN(len(own))]
		}
		switch n := r.IntN(14); {
		case n < 3:
			s.carryUp()
		case n < 6:
			s.carryDown()
		case n == 6:
			p.server.nextPeriod()
		case n == 7:
			interest[i] = nil
			for range r.IntN(3) {
				interest[i] = append(interest[i], r.Uint32N(zones))
			}
			must(t, s.SetInterest(interest[i]...))
		case id == 0 || n == 8:
			_, err := s.Create("Avatar", r.Uint32N(zones), Set("setName", fmt.Sprint(r.IntN(100))), Set("setMood", r.IntN(10)))
			must(t, err)
		case n == 9:
			must(t, s.SetZone(id, r.Uint32N(zones)))
		case n == 10 && r.IntN(2) == 0:
			must(t, s.Delete(id))
		case n == 11:
			must(t, s.Update(id, "setName", fmt.Sprint(r.IntN(1000))))
		default:
			must(t, s.Update(id, "setPos", r.IntN(100), r.IntN(100)))
		}
	}
	p.settle()
	for i, s := range p.seats {
		listed := 0
		for zone, objects := range s.core.byZone {
			listed += len(objects)
			for _, o := range objects {
				if o.Zone != zone || s.core.own[o.DoID] != o {
					t.Fatalf("seed %d: client %d lists object %d in zone %d", seed, i, o.DoID, zone)
				}
			}
		}
		if listed != len(s.core.own) {
			t.Fatalf("seed %d: client %d lists %d of %d objects", seed, i, listed, len(s.core.own))
		}
		sees := slices.Clone(interest[i])
		for _, o := range s.core.own {
			sees = append(sees, o.Zone)
		}
		for _, other := range p.seats {
			if other == s {
				continue
			}
			for id, o := range other.core.own {
				got, known := s.Object(id)
				if want := slices.Contains(sees, o.Zone); known != want {
					t.Fatalf("seed %d: client %d knows object %d in zone %d: %v, want %v", seed, i, id, o.Zone, known, want)
				}
				if known && got != o.Object {
					t.Fatalf("seed %d: client %d knows %+v, it is %+v", seed, i, got, o.Object)
				}
				for j, f := range o.layout.fields {
					if !known || !f.Has(dc.Broadcast) {
						continue
					}
					if got, want := s.values[id][f.Name()], s.text(f, o.values[j]); got != want {
						t.Fatalf("seed %d: client %d has %s%s of object %d, its owner has %s", seed, i, f.Name(), got, id, want)
					}
				}
			}
		}
		for id := range s.core.known {
			if owner := p.seats[(id-1)/modelRange]; owner.core.own[id] == nil {
				t.Fatalf("seed %d: client %d knows object %d, which is no more", seed, i, id)
			}
		}
	}
}

func ownIDs(c *Client) []uint32 {
	var ids []uint32
	for _, o := range c.Objects() {
		if o.Owner == c.Base() {
			ids = append(ids, o.DoID)
		}
	}
	return ids
}

// TestClientLeavesBrokenServers tells a client what no server may say.
func TestClientLeavesBrokenServers(t *testing.T) {
	const ready = "2923" + "01000000" + "e8030000"
	for name, messages := range map[string][]string{
		"empty":                      {""},
		"half a type":                {"29"},
		"unknown type":               {"0900"},
		"a client's message":         {"780001000000020021000000"},
		"doIds twice":                {ready, ready},
		"no doIds":                   {"2923" + "01000000" + "01000000"},
		"doIds beyond 2^32":          {"2923" + "ffffffff" + "e8030000"},
		"generate of no class":       {"2b23" + "e9030000" + "01000000" + "6300" + "e9030000" + "0000"},
		"generate cut short":         {"2b23" + "e9030000" + "01000000" + "0100" + "e9030000" + "00"},
		"generate with a bad value":  {"2b23" + "e9030000" + "01000000" + "0100" + "e9030000" + "02" + "0000"},
		"generate and more":          {"2b23" + "e9030000" + "01000000" + "0100" + "e9030000" + "01" + "0000" + "00"},
		"generate of an own object":  {"2b23" + "e9030000" + "01000000" + "0100" + "01000000" + "01" + "0000"},
		"generate of another class":  {"2b23" + "e9030000" + "01000000" + "0100" + "e9030000" + "01" + "0000", "2b23" + "e9030000" + "01000000" + "0200" + "e9030000" + "01" + "0000"},
		"update of no field":         {"2c23" + "e9030000" + "01000000" + "6300" + "00"},
		"update of another class":    {"2c23" + "e9030000" + "01000000" + "0000" + "0000"},
		"update of an unknown one's": {"2c23" + "e9030000" + "09000000" + "0000" + "00"},
		"half a doId disabled":       {"2d23" + "0100"},
		"delete and more":            {"2e23" + "01000000" + "00"},
		"request of nothing":         {"2f23"},
		"too many objects": {
			"2b23" + "e9030000" + "01000000" + "0100" + "e9030000" + "01" + "0000",
			"2b23" + "e9030000" + "01000000" + "0100" + "ea030000" + "01" + "0000",
			"2b23" + "e9030000" + "01000000" + "0100" + "eb030000" + "01" + "0000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t, "testdata/story.dc")
			c, err := NewClient(ClientConfig{Schema: p.schema, MaxObjects: 2})
			must(t, err)
			conn := &clientConn{}
			c.Opened(conn)
			receive := func(text string) {
				b, err := hex.DecodeString(text)
				must(t, err)
				c.Received(conn, [][]byte{b})
			}
			if messages[0] != ready && messages[0][:min(4, len(messages[0]))] != "2923" {
				receive(ready)
				_, err := c.Create("Door", 1) // object 1
				must(t, err)
			}
			for i, m := range messages {
				if conn.closed {
					t.Fatalf("left before message %d: %s", i, conn.reason)
				}
				receive(m)
			}
			if !conn.closed || conn.code != CodeMalformed || conn.reason == "" {
				t.Errorf("the client stays (%v %q)", conn.code, conn.reason)
			}
		})
	}
}

func TestClientHasOneConnection(t *testing.T) {
	p := newParty(t, "testdata/story.dc")
	s := p.join()
	second := &clientConn{}
	s.Opened(second)
	s.Closed(second, io.EOF)
	if !second.closed {
		t.Error("the second connection stays open")
	}
	s.wants()
	p.settle()
	must(t, s.Ready(t.Context()))
}

// What could not be sent has not happened.
func TestClientWithFullQueue(t *testing.T) {
	p := newParty(t, "testdata/story.dc")
	anna, bert := p.join(), p.join()
	p.settle()
	id, err := anna.Create("Avatar", 1)
	must(t, err)
	p.settle()
	anna.to.full = true
	_, create := anna.Create("Avatar", 1)
	for what, err := range map[string]error{
		"create": create, "update": anna.Update(id, "setMood", 3), "zone": anna.SetZone(id, 2),
		"delete": anna.Delete(id), "interest": anna.SetInterest(3), "heartbeat": anna.Heartbeat(),
	} {
		if !errors.Is(err, transport.ErrFull) {
			t.Errorf("%s: %v", what, err)
		}
	}
	anna.to.full = false
	if next, err := anna.Create("Avatar", 1); err != nil || next != id+1 {
		t.Errorf("the next object is %d (%v), want %d", next, err, id+1)
	}
	must(t, bert.SetInterest(1))
	p.settle()
	if len(bert.values) != 2 || bert.values[id]["setMood"] != "(mood = 0)" {
		t.Errorf("bert sees %v", bert.values)
	}

	// A client that cannot answer the server is of no use any more.
	anna.to.full = true
	must(t, bert.SetInterest())
	must(t, bert.SetInterest(1))
	p.settle()
	if !anna.to.closed || anna.to.code != CodeTooSlow {
		t.Errorf("the client stays (%v)", anna.to.code)
	}
}

// Who has taken leave is told nothing more but the end.
func TestClientIsToldNothingAfterLeave(t *testing.T) {
	p := newParty(t, "testdata/story.dc")
	anna, bert := p.join(), p.join()
	must(t, bert.SetInterest(1))
	p.settle()
	_, err := anna.Create("Avatar", 1)
	must(t, err)
	anna.carryUp()
	bert.Disconnect()
	bert.Disconnect()
	bert.to.closed = false // so that the party carries on
	bert.carryDown()
	bert.Closed(bert.to, io.EOF)
	bert.wants("closed")
	if n := len(bert.to.got); n != 1 {
		t.Errorf("%d messages of leave", n)
	}
}

// Who takes leave while the connection is being made does not stay on it.
func TestClientLeavesBeforeItsConnectionOpens(t *testing.T) {
	p := newParty(t, "testdata/story.dc")
	s := p.join()
	late := &clientConn{}
	c, err := NewClient(ClientConfig{Schema: p.schema, Events: s})
	must(t, err)
	c.Disconnect()
	c.Opened(late)
	if !late.closed || late.code != transport.CodeNormal {
		t.Errorf("the connection stays (%v)", late.code)
	}
	c.Closed(late, io.EOF)
	<-c.Done()
}

func TestNewClientNeedsASchema(t *testing.T) {
	if _, err := NewClient(ClientConfig{}); err == nil {
		t.Error("no schema, no error")
	}
}

func TestClientEventsCanSend(t *testing.T) {
	p := newParty(t, "testdata/story.dc")
	anna := p.join()
	echo := &echo{}
	bert := p.join()
	var err error
	bert.Client, err = NewClient(ClientConfig{Schema: p.schema, Events: echo})
	must(t, err)
	bert.Opened(bert.to)
	must(t, bert.SetInterest(1))
	p.settle()
	id, err := anna.Create("Avatar", 1)
	must(t, err)
	p.settle()
	anna.wants(fmt.Sprintf("update %d by 1001: askTrade(item = 5)", id))
	if bert.to.flushed == 0 {
		t.Error("what an event sent does not leave by itself")
	}
}

// echo answers each generate with a p2p update.
type echo struct{ NoEvents }

func (echo) Generated(c *Client, g *Generate) { _ = c.Update(g.DoID, "askTrade", 5) }

func BenchmarkClientReceive(b *testing.B) {
	p := newParty(b, "testdata/story.dc")
	anna, bert := p.join(), p.join()
	p.settle()
	id, err := anna.Create("Avatar", 1)
	must(b, err)
	must(b, bert.SetInterest(1))
	p.settle()
	c, err := NewClient(ClientConfig{Schema: p.schema})
	must(b, err)
	c.core = bert.core
	bert.to.fakeConn.got = nil
	f := p.schema.Class("Avatar").FieldByName("setPos")
	batch := [][]byte{binaryUpdate(1, id, f, []byte{1, 2, 3, 4})}
	b.ReportAllocs()
	for b.Loop() {
		c.Received(bert.to, batch)
	}
}

// FuzzClient feeds a client with datagrams, each behind one byte of length.
func FuzzClient(f *testing.F) {
	schema, err := dc.ParseFiles("testdata/story.dc")
	if err != nil {
		f.Fatal(err)
	}
	add := func(messages ...string) {
		var data []byte
		for _, m := range messages {
			b, err := hex.DecodeString(m)
			if err != nil {
				f.Fatal(err)
			}
			data = append(append(data, byte(len(b))), b...)
		}
		f.Add(data)
	}
	add("2f2301000000", "2e2301000000", "2f2301000000")
	add("2b23"+"e9030000"+"01000000"+"0100"+"e9030000"+"01"+"0000", "2d23"+"e9030000"+"01000000")
	add("2b23"+"e9030000"+"01000000"+"0000"+"e9030000"+"0300"+"626f62"+"01000200"+"0100"+"0300"+"05", "2c23e9030000e9030000020005000600")
	f.Fuzz(func(t *testing.T, data []byte) {
		events := &checkedEvents{t: t}
		c, err := NewClient(ClientConfig{Schema: schema, Events: events, MaxObjects: 4})
		must(t, err)
		conn := &clientConn{}
		c.Opened(conn)
		c.Received(conn, [][]byte{{0x29, 0x23, 1, 0, 0, 0, 0xe8, 3, 0, 0}})
		_, err = c.Create("Avatar", 1)
		must(t, err)
		for len(data) > 0 && !conn.closed {
			n := min(int(data[0]), len(data)-1)
			c.Received(conn, [][]byte{bytes.Clone(data[1 : 1+n])})
			data = data[1+n:]
		}
		if n := len(c.core.known); n > 4 {
			t.Errorf("the client knows %d objects", n)
		}
		// Whatever the server said, the client's own messages are well-formed.
		var d decoder
		for _, b := range conn.got {
			if err := d.decode(schema, b); err != nil {
				t.Errorf("the client sent %x: %v", b, err)
			}
		}
	})
}

// checkedEvents fails the test when an event has a value that is none.
type checkedEvents struct {
	NoEvents
	t *testing.T
}

func (e *checkedEvents) Generated(_ *Client, g *Generate) {
	required := 0
	for f, v := range g.Values() {
		if _, err := f.Unpack(v); err != nil {
			e.t.Error(err)
		}
		if f.Has(dc.Required | dc.Broadcast) {
			required++
		}
	}
	for _, f := range g.Class.RequiredFields() {
		if f.Has(dc.Broadcast) {
			required--
		}
	}
	if required < 0 {
		e.t.Errorf("a generate of %s lacks required fields", g.Class.Name())
	}
}

func (e *checkedEvents) Updated(_ *Client, u *Update) {
	if _, err := u.Args(); err != nil {
		e.t.Error(err)
	}
}
