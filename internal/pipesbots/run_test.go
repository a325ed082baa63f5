package pipesbots

import (
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/pipes/wire"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type dialer = func(context.Context, transport.Handler) (transport.Conn, error)

// serve runs a world until the test ends, and returns how to connect.
func serve(t *testing.T, c WorldConfig) dialer {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	w, err := NewWorld(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := quic.Listen("127.0.0.1:0", quic.Config{Log: c.Log})
	if err != nil {
		t.Fatal(err)
	}
	pin, err := l.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := w.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		if s := w.Stats(); s.World.Clients != 0 || s.Server.Connections != 0 {
			t.Errorf("in the end the world has %d clients, and the server %d connections", s.World.Clients, s.Server.Connections)
		}
	})
	return func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		conn, err := quic.Dial(ctx, l.Addr().String(), quic.Config{Pins: []quic.Fingerprint{pin}, Log: c.Log}, h)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
}

// play runs bots until they have seen enough.
func play(t *testing.T, c Config) (*Summary, error) {
	t.Helper()
	schema, err := LoadSchema()
	if err != nil {
		t.Fatal(err)
	}
	c.Schema, c.Progress, c.For = schema, io.Discard, time.Minute
	// In a world that changes it takes a moment in which all see the same.
	c.settleWithin = cmp.Or(c.settleWithin, time.Minute)
	return Run(t.Context(), c)
}

func text(s *Summary) string {
	var b strings.Builder
	s.WriteText(&b)
	return b.String()
}

func TestRunSeesNoFaults(t *testing.T) {
	for name, c := range map[string]struct {
		world WorldConfig
		bots  Config
		calls bool // they get messages
	}{
		// Clients that see objects take every tick: of two that take fewer, each may
		// see other ticks, so that none can be compared.
		"one zone": {WorldConfig{Objects: 20}, Config{Clients: 8, Zones: []uint32{1}, UpdateRate: 66}, false},
		// A snapshot has three of them, so that clients have one in common.
		"long":  {WorldConfig{Objects: 5, ValueBytes: 1000}, Config{Clients: 3, Zones: []uint32{1}, UpdateRate: 66}, false},
		"zones": {WorldConfig{Objects: 20, Zones: 3}, Config{Clients: 7, Zones: []uint32{1, 2, 3}, Spread: true, UpdateRate: 66}, false},
		"changes": {
			WorldConfig{Objects: 20, Zones: 3, Changes: 100, Messages: 20},
			Config{Clients: 7, Zones: []uint32{1, 2}, UpdateRate: 66, Counter: LoadCounter}, true,
		},
		"churn": {
			WorldConfig{Objects: 20, Messages: 20, Changes: 20},
			Config{Clients: 5, Zones: []uint32{1}, UpdateRate: 66, Counter: LoadCounter, Churn: 20, Say: "Mover.poke=(7)", SayRate: 10}, true,
		},
		"plain": {
			WorldConfig{Objects: 20, Messages: 20, Zones: 2, Changes: 20},
			Config{Clients: 5, Zones: []uint32{1, 2}, Spread: true, UpdateRate: 66, Plain: true, Counter: LoadCounter, Say: "Mover.poke=(7)", SayRate: 10}, true,
		},
		"password": {WorldConfig{Objects: 3, Password: "x"}, Config{Clients: 2, Zones: []uint32{1}, UpdateRate: 66, Password: "x"}, false},
		"idle":     {WorldConfig{Objects: 20}, Config{Clients: 3}, false},
	} {
		t.Run(name, func(t *testing.T) {
			sees, says, churns := len(c.bots.Zones) > 0, c.bots.Say != "", c.bots.Churn > 0
			c.bots.Dial = serve(t, c.world)
			var first counts // of what happened before they played, most of all
			c.bots.enough = func(n counts) bool {
				if first.snapshots == 0 {
					first = n
				}
				more := func(n, first, than uint64) bool { return n > first+than }
				return more(n.snapshots, first.snapshots, 100) &&
					(!sees || more(n.updates, first.updates, 100) && more(n.compared, first.compared, 0)) &&
					(!c.calls || more(n.calls, first.calls, 20)) && (!says || more(n.said, first.said, 5)) &&
					(!churns || more(n.joins, first.joins, 5))
			}
			s, err := play(t, c.bots)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case !s.OK(), s.SnapshotRate <= 0, s.ByteRate <= 0:
			case sees != (s.UpdateRate > 0), c.calls != (s.CallRate > 0), says != (s.SayRate > 0), churns != (s.Joins > 0):
			case sees && s.Compared <= 0, s.LagP50 > s.LagP99, s.LagP99 > s.LagMax:
			default:
				return
			}
			t.Error(text(s))
		})
	}
}

// spoiler changes what a client receives: the messages of one type that are not
// empty, from the given one on, or with once only that. It begins when the client
// is there, unless early.
type spoiler struct {
	*client
	spoil

	seen int
	done atomic.Int64 // messages since it has done so
}

type spoil struct {
	typ         wire.Type
	from        int
	once, early bool
	how         func(transport.Conn, []byte) [][]byte
}

func (s *spoiler) Received(conn transport.Conn, msgs [][]byte) {
	select {
	case <-s.ready:
	default:
		if !s.early {
			s.client.Received(conn, msgs)
			return
		}
	}
	var all [][]byte
	for _, b := range msgs {
		if s.done.Load() > 0 {
			s.done.Add(1)
		}
		empty := s.typ == wire.ExtSnapshot && len(b) <= wire.PartHeaderSize || s.typ == wire.SVTick && len(b) < 20
		if wire.Type(binary.LittleEndian.Uint16(b)) == s.typ && !empty {
			if s.seen++; s.seen == s.from || s.seen > s.from && !s.once {
				s.done.CompareAndSwap(0, 1)
				all = append(all, s.how(conn, b)...)
				continue
			}
		}
		all = append(all, b)
	}
	if len(all) > 0 {
		s.client.Received(conn, all)
	}
}

func (s *spoiler) Closed(conn transport.Conn, err error) {
	s.done.Store(math.MaxInt32)
	s.client.Closed(conn, err)
}

// playSpoiled plays three bots, of which the first gets what is spoiled, for a
// while after that.
func playSpoiled(t *testing.T, how spoil, plain bool, settleWithin time.Duration) *Summary {
	t.Helper()
	dial := serve(t, WorldConfig{Objects: 10, ValueBytes: 8, Messages: 20})
	var first sync.Once
	victim := &spoiler{spoil: how}
	s, err := play(t, Config{
		Clients: 3, Zones: []uint32{1}, UpdateRate: 66, Counter: LoadCounter, Plain: plain, settleWithin: settleWithin,
		enough: func(counts) bool { return victim.done.Load() > 50 },
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			first.Do(func() {
				victim.client = h.(*client)
				h = victim
			})
			return dial(ctx, h)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRunSeesFaults has the server lie to the first client. The bots must see
// it, and for what it is.
func TestRunSeesFaults(t *testing.T) {
	drop := func(transport.Conn, []byte) [][]byte { return nil }
	double := func(_ transport.Conn, b []byte) [][]byte { return [][]byte{b, append([]byte(nil), b...)} }
	flipLast := func(_ transport.Conn, b []byte) [][]byte { b[len(b)-1] ^= 1; return [][]byte{b} } // of the blob
	add := func(at int, n uint32) func(transport.Conn, []byte) [][]byte {
		return func(_ transport.Conn, b []byte) [][]byte {
			binary.LittleEndian.PutUint32(b[at:], binary.LittleEndian.Uint32(b[at:])+n)
			return [][]byte{b}
		}
	}
	const afterStructure = 2 + 4 // where the tick of a part stands
	const before = ^uint32(999)  // 1000 ticks: a busy server leaves some out between two snapshots
	for name, c := range map[string]struct {
		plain bool
		spoil spoil
		only  func(f *Faults) *int64 // the kind of fault, and no others
	}{
		"other values":        {false, spoil{wire.ExtSnapshot, 3, false, false, flipLast}, func(f *Faults) *int64 { return &f.Different }},
		"other values, plain": {true, spoil{wire.SVTick, 3, false, false, flipLast}, func(f *Faults) *int64 { return &f.Different }},
		"an earlier tick":     {false, spoil{wire.ExtSnapshot, 5, true, false, add(afterStructure, before)}, func(f *Faults) *int64 { return &f.Backward }},
		"again, plain":        {true, spoil{wire.SVTick, 5, true, false, add(2, before)}, func(f *Faults) *int64 { return &f.Backward }},
		"a lost message":      {false, spoil{wire.ExtObjectMessage, 25, true, false, drop}, func(f *Faults) *int64 { return &f.Disordered }},
		"a doubled message":   {false, spoil{wire.ExtObjectMessage, 3, true, false, double}, func(f *Faults) *int64 { return &f.Disordered }},
		"a message too many":  {true, spoil{wire.BObjectMessage, 3, true, false, double}, func(f *Faults) *int64 { return &f.Disordered }},
		"no state any more":   {false, spoil{wire.ExtSnapshot, 5, false, false, drop}, func(f *Faults) *int64 { return &f.Behind }},
		"a missing object":    {true, spoil{wire.SVGenerateObject, 4, true, true, drop}, func(f *Faults) *int64 { return &f.Disagreeing }},
		"cut off": {false, spoil{wire.ExtSnapshot, 3, true, false, func(conn transport.Conn, _ []byte) [][]byte {
			conn.Close(transport.CodeNormal, "")
			return nil
		}}, func(f *Faults) *int64 { return &f.Disconnected }},
		"garbage": {false, spoil{wire.ExtSnapshot, 3, true, false, func(_ transport.Conn, b []byte) [][]byte {
			return [][]byte{b[:len(b)-1]}
		}}, func(f *Faults) *int64 { return &f.Disconnected }},
	} {
		t.Run(name, func(t *testing.T) {
			settleWithin := time.Minute // all but the victim's fault must be gone by then
			if name == "no state any more" || name == "a missing object" {
				settleWithin = 2 * time.Second // it stays
			}
			s := playSpoiled(t, c.spoil, c.plain, settleWithin)
			if *c.only(&s.Faults) == 0 {
				t.Errorf("it was not seen:\n%s", text(s))
			}
			if s.Faults.Behind > 0 {
				s.Faults.Silent = 0 // without the objects' states no part is left
			}
			if s.Faults.Disagreeing > 0 {
				// A snapshot of the plain dialect cannot be read from an unknown
				// object on.
				s.Faults.Unknown, s.Faults.Behind = 0, 0
			}
			if *c.only(&s.Faults) = 0; !s.OK() {
				t.Errorf("something else was seen:\n%s", text(s))
			}
			if !strings.Contains(text(s), "fault") {
				t.Errorf("the summary does not tell of it:\n%s", text(s))
			}
		})
	}
}

// A client that was not told of an object must not hear of it.
func TestRunSeesUnknownObjects(t *testing.T) {
	s := playSpoiled(t, spoil{wire.ExtObjectMessage, 3, true, false, func(_ transport.Conn, b []byte) [][]byte {
		binary.LittleEndian.PutUint32(b[2+8:], 1_000_000) // its doId stands behind tick and state
		return [][]byte{b}
	}}, false, time.Minute)
	if s.Faults.Unknown != 1 {
		t.Errorf("one message was of an unknown object:\n%s", text(s))
	}
}

// muted is a client that hears nothing any more when the server is off.
type muted struct {
	*client
	off *atomic.Bool
}

func (m muted) Received(conn transport.Conn, msgs [][]byte) {
	if !m.off.Load() {
		m.client.Received(conn, msgs)
	}
}

// A server from which nothing comes any more, for anybody, is a fault, though no
// client sees less than another.
func TestRunSeesSilence(t *testing.T) {
	for name, zones := range map[string][]uint32{"zone": {1}, "empty zone": {9}, "idle": nil} {
		t.Run(name, func(t *testing.T) {
			dial := serve(t, WorldConfig{Objects: 10})
			var off atomic.Bool
			s, err := play(t, Config{
				Clients: 3, Zones: zones, UpdateRate: 66, settleWithin: 300 * time.Millisecond,
				enough: func(n counts) bool {
					return off.Swap(off.Load() || n.snapshots > 20) // what is on its way arrives
				},
				Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
					return dial(ctx, muted{h.(*client), &off})
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if s.Faults.Silent != 3 || !strings.Contains(text(s), "fault           3 clients to which no snapshot came any more") {
				t.Error(text(s))
			}
		})
	}
}

func TestRunFails(t *testing.T) {
	other, err := dc.Parse(dc.Source{Name: "other.dc", Text: []byte("dclass Other { uint8 a; };")})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(c *Config)
		want   string
	}{
		"wrong password": {func(c *Config) { c.Password = "y" }, "wrong password"},
		"wrong schema":   {func(c *Config) { c.Schema = other }, "DC hash mismatch"},
		"no value":       {func(c *Config) { c.Say = "Mover.poke" }, "says no value"},
		"no class":       {func(c *Config) { c.Say = "Nobody.poke=(1)" }, `no dclass "Nobody"`},
		"no field":       {func(c *Config) { c.Say = "Mover.push=(1)" }, `no field "push"`},
		"not for them":   {func(c *Config) { c.Say = "Mover.count=(1)" }, "may not call"},
		"bad value":      {func(c *Config) { c.Say = "Mover.poke=(a)" }, "refused"},
		"no method":      {func(c *Config) { c.Counter = "Mover.x" }, "no method"},
		"bad password":   {func(c *Config) { c.Password = "\xff" }, "UTF-8"},
		"no process":     {func(c *Config) { c.ServerPID = 1<<31 - 1 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			schema, err := LoadSchema()
			if err != nil {
				t.Fatal(err)
			}
			config := Config{
				Schema: schema, Clients: 2, For: time.Minute, Zones: []uint32{1}, Password: "x", Progress: io.Discard,
				Dial: serve(t, WorldConfig{Password: "x"}),
			}
			c.change(&config)
			s, err := Run(t.Context(), config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q: %v", err, c.want, s)
			}
		})
	}
}

// Interrupted, the bots report what they have seen.
func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	schema, err := LoadSchema()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Run(ctx, Config{
		Schema: schema, Clients: 2, For: time.Hour, Zones: []uint32{1}, Progress: io.Discard, Churn: 1, Dial: serve(t, WorldConfig{Objects: 3}),
		enough: func(n counts) bool {
			if n.snapshots > 20 {
				cancel()
			}
			return false
		},
	})
	if err != nil || !s.OK() || s.SnapshotRate == 0 {
		t.Errorf("%v, %+v", err, s)
	}
}
