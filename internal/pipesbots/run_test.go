package pipesbots

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"strings"
	"sync"
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

// play runs bots for a short time.
func play(t *testing.T, c Config) (*Summary, error) {
	t.Helper()
	schema, err := LoadSchema()
	if err != nil {
		t.Fatal(err)
	}
	c.Schema, c.Progress = schema, io.Discard
	if c.For == 0 {
		c.For = 500 * time.Millisecond
	}
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
		"one zone": {WorldConfig{Objects: 20}, Config{Clients: 8, Zones: []uint32{1}, UpdateRate: 66}, false},
		"long":     {WorldConfig{Objects: 20, ValueBytes: 1000}, Config{Clients: 3, Zones: []uint32{1}, UpdateRate: 66}, false},
		"zones":    {WorldConfig{Objects: 20, Zones: 3}, Config{Clients: 7, Zones: []uint32{1, 2, 3}, Spread: true}, false},
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
		"password": {WorldConfig{Objects: 3, Password: "x"}, Config{Clients: 2, Zones: []uint32{1}, Password: "x"}, false},
		"idle":     {WorldConfig{Objects: 20}, Config{Clients: 3}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.bots.Dial = serve(t, c.world)
			s, err := play(t, c.bots)
			if err != nil {
				t.Fatal(err)
			}
			sees, says, churns := len(c.bots.Zones) > 0, c.bots.Say != "", c.bots.Churn > 0
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

// spoiler changes what a client receives.
type spoiler struct {
	transport.Handler
	spoil func(conn transport.Conn, b []byte) [][]byte
}

func (s *spoiler) Received(conn transport.Conn, msgs [][]byte) {
	var all [][]byte
	for _, b := range msgs {
		all = append(all, s.spoil(conn, b)...)
	}
	if len(all) > 0 {
		s.Handler.Received(conn, all)
	}
}

// of calls f for messages of one type, from the given one on, and leaves others
// as they are. Every n-th one is meant, where n is not 0.
func of(typ wire.Type, from, n int, f func(transport.Conn, []byte) [][]byte) func(transport.Conn, []byte) [][]byte {
	seen := 0
	return func(conn transport.Conn, b []byte) [][]byte {
		if wire.Type(binary.LittleEndian.Uint16(b)) == typ {
			if seen++; seen == from || seen > from && n > 0 && (seen-from)%n == 0 {
				return f(conn, b)
			}
		}
		return [][]byte{b}
	}
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
	for name, c := range map[string]struct {
		plain bool
		spoil func(transport.Conn, []byte) [][]byte
		only  func(f *Faults) *int64 // the kind of fault, and no others
	}{
		"other values":         {false, of(wire.ExtSnapshot, 3, 1, flipLast), func(f *Faults) *int64 { return &f.Different }},
		"other values, plain":  {true, of(wire.SVTick, 3, 1, flipLast), func(f *Faults) *int64 { return &f.Different }},
		"an earlier tick":      {false, of(wire.ExtSnapshot, 5, 0, add(afterStructure, ^uint32(2))), func(f *Faults) *int64 { return &f.Backward }},
		"again, plain":         {true, of(wire.SVTick, 5, 0, add(2, ^uint32(2))), func(f *Faults) *int64 { return &f.Backward }},
		"a lost message":       {false, of(wire.ExtObjectMessage, 25, 0, drop), func(f *Faults) *int64 { return &f.Disordered }},
		"a doubled message":    {false, of(wire.ExtObjectMessage, 3, 0, double), func(f *Faults) *int64 { return &f.Disordered }},
		"a message too many":   {true, of(wire.BObjectMessage, 3, 0, double), func(f *Faults) *int64 { return &f.Disordered }},
		"no state any more":    {false, of(wire.ExtSnapshot, 5, 1, drop), func(f *Faults) *int64 { return &f.Behind }},
		"an object is missing": {true, of(wire.SVGenerateObject, 4, 0, drop), func(f *Faults) *int64 { return &f.Disagreeing }},
		"cut off": {false, of(wire.ExtSnapshot, 3, 0, func(conn transport.Conn, _ []byte) [][]byte {
			conn.Close(transport.CodeNormal, "")
			return nil
		}), func(f *Faults) *int64 { return &f.Disconnected }},
		"garbage": {false, of(wire.ExtSnapshot, 3, 0, func(_ transport.Conn, b []byte) [][]byte {
			return [][]byte{b[:len(b)-1]}
		}), func(f *Faults) *int64 { return &f.Disconnected }},
	} {
		t.Run(name, func(t *testing.T) {
			dial := serve(t, WorldConfig{Objects: 10, ValueBytes: 8, Messages: 20})
			var first sync.Once
			s, err := play(t, Config{
				Clients: 3, Zones: []uint32{1}, UpdateRate: 66, Counter: LoadCounter, Plain: c.plain, settleWithin: 300 * time.Millisecond,
				Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
					first.Do(func() { h = &spoiler{h, c.spoil} })
					return dial(ctx, h)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if *c.only(&s.Faults) == 0 {
				t.Errorf("it was not seen:\n%s", text(s))
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
	dial := serve(t, WorldConfig{Objects: 10, Messages: 20})
	var first sync.Once
	s, err := play(t, Config{
		Clients: 2, Zones: []uint32{1}, settleWithin: 300 * time.Millisecond,
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			first.Do(func() {
				h = &spoiler{h, of(wire.ExtObjectMessage, 3, 0, func(_ transport.Conn, b []byte) [][]byte {
					// Its doId stands behind tick and state.
					binary.LittleEndian.PutUint32(b[2+8:], 1_000_000)
					return [][]byte{b}
				})}
			})
			return dial(ctx, h)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Faults.Unknown != 1 {
		t.Errorf("one message was of an unknown object:\n%s", text(s))
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
	dial := serve(t, WorldConfig{Objects: 3})
	s, err := Run(ctx, Config{
		Schema: schema, Clients: 2, For: time.Hour, Zones: []uint32{1}, Progress: io.Discard, Churn: 1,
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			return dial(ctx, &spoiler{h, of(wire.ExtSnapshot, 10, 0, func(_ transport.Conn, b []byte) [][]byte {
				cancel()
				return [][]byte{b}
			})})
		},
	})
	if err != nil || !s.OK() || s.SnapshotRate == 0 {
		t.Errorf("%v, %+v", err, s)
	}
}
