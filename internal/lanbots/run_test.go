package lanbots

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/gait"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a LAN server until the test ends, and returns how to connect.
func serve(t *testing.T, schema *dc.Schema, c lan.Config) func(context.Context, transport.Handler) (transport.Conn, error) {
	t.Helper()
	c.Schema, c.Log = schema, slog.New(slog.DiscardHandler)
	server, err := lan.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tcp.Listen("127.0.0.1:0", tcp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		_ = l.Close()
	})
	return func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		conn, err := tcp.Dial(ctx, l.Addr().String(), tcp.Config{}, h)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
}

func parse(t testing.TB, text string) *dc.Schema {
	t.Helper()
	s, err := dc.Parse(dc.Source{Name: "test.dc", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const walkers = `dclass Walker { setPos(int16 / 10 x, int16 / 10 y, uint32 t) required broadcast ram; };`

func TestRunSeesNoFaults(t *testing.T) {
	schema := parse(t, walkers)
	for name, c := range map[string]Config{
		"one zone":  {Clients: 12, Rate: 100, Zones: 1},
		"zones":     {Clients: 13, Rate: 100, Zones: 3},
		"alone":     {Clients: 1, Rate: 100, Zones: 1},
		"own zones": {Clients: 3, Rate: 100, Zones: 5},
		"watched":   {Clients: 12, Walkers: 2, Rate: 100, Zones: 1},
	} {
		t.Run(name, func(t *testing.T) {
			c.Schema, c.For, c.Progress = schema, 300*time.Millisecond, io.Discard
			c.Dial = serve(t, schema, lan.Config{MessageRate: -1})
			s, err := Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			var deliveries uint64
			for i := range c.Clients {
				for j := range c.Clients {
					if i != j && i%c.Zones == j%c.Zones {
						deliveries += s.Updates / uint64(c.Clients)
					}
				}
			}
			if !s.OK() || s.Updates == 0 || s.Deliveries < deliveries || s.Deliveries > s.Updates*uint64(c.Clients-1) {
				var text strings.Builder
				s.WriteText(&text)
				t.Errorf("%d deliveries expected:\n%s", deliveries, text.String())
			}
			if s.Deliveries > 0 && (s.LatencyP50 <= 0 || s.LatencyP50 > s.LatencyP99 || s.LatencyP99 > s.LatencyMax) {
				t.Errorf("latencies %g, %g, %g", s.LatencyP50, s.LatencyP99, s.LatencyMax)
			}
		})
	}
}

// spoiler changes what a client receives.
type spoiler struct {
	transport.Handler
	spoil  func(conn transport.Conn, datagrams [][]byte) [][]byte
	closed func()
}

func (s *spoiler) Closed(conn transport.Conn, err error) {
	s.Handler.Closed(conn, err)
	s.closed()
}

func (s *spoiler) Received(conn transport.Conn, datagrams [][]byte) {
	if datagrams = s.spoil(conn, datagrams); len(datagrams) > 0 {
		s.Handler.Received(conn, datagrams)
	}
}

// TestRunSeesFaults spoils what the first client receives, once, after a few
// updates have come. The bots must see it.
func TestRunSeesFaults(t *testing.T) {
	schema := parse(t, walkers)
	var kept []byte
	for name, c := range map[string]struct {
		spoil func(conn transport.Conn, d [][]byte, update int) ([][]byte, bool) // update is the index of one in d
		fault func(Faults) int64
	}{
		"lost": {
			func(_ transport.Conn, d [][]byte, i int) ([][]byte, bool) { return slices.Delete(d, i, i+1), true },
			func(f Faults) int64 { return f.Lost },
		},
		"duplicated": {
			func(_ transport.Conn, d [][]byte, i int) ([][]byte, bool) {
				return slices.Insert(slices.Clone(d), i, d[i]), true
			},
			func(f Faults) int64 { return f.Duplicated },
		},
		"overtaken": {
			func(_ transport.Conn, d [][]byte, i int) ([][]byte, bool) {
				if kept == nil {
					kept = bytes.Clone(d[i])
					return slices.Delete(d, i, i+1), false
				}
				if !bytes.Equal(kept[2:10], d[i][2:10]) {
					return d, false
				}
				return slices.Insert(slices.Clone(d), i+1, kept), true
			},
			func(f Faults) int64 { return f.Reordered },
		},
		"wrong sender": {
			func(_ transport.Conn, d [][]byte, i int) ([][]byte, bool) {
				d[i][2]++
				return d, true
			},
			func(f Faults) int64 { return f.Misread },
		},
		"unknown object": {
			func(_ transport.Conn, d [][]byte, i int) ([][]byte, bool) {
				d[i][6] += 50
				return d, true
			},
			func(f Faults) int64 { return f.Unknown },
		},
		"vanished": {
			func(_ transport.Conn, d [][]byte, i int) ([][]byte, bool) {
				b := binary.LittleEndian.AppendUint16(nil, uint16(lan.ObjectDelete))
				return append(slices.Clone(d), append(b, d[i][6:10]...)), true
			},
			func(f Faults) int64 { return f.Vanished },
		},
		"old generate": {
			func(_ transport.Conn, d [][]byte, i int) ([][]byte, bool) {
				b := binary.LittleEndian.AppendUint16(nil, uint16(lan.ObjectGenerate))
				b = append(b, d[i][2:6]...)                           // owner
				b = binary.LittleEndian.AppendUint32(b, 1)            // zone
				b = binary.LittleEndian.AppendUint16(b, 0)            // class
				b = append(b, d[i][6:10]...)                          // doId
				b = append(append(b, 0, 0, 0, 0), 200, 0, 0, 0)       // setPos, far from now
				return append(slices.Clone(d), append(b, 0, 0)), true // nothing listed
			},
			func(f Faults) int64 { return f.Stale },
		},
		"malformed": {
			func(_ transport.Conn, d [][]byte, i int) ([][]byte, bool) {
				return append(slices.Clone(d), []byte{1, 0, 9}), true
			},
			func(f Faults) int64 { return f.Disconnected },
		},
		"connection lost": {
			func(conn transport.Conn, d [][]byte, i int) ([][]byte, bool) {
				conn.Close(transport.CodeNetwork, "test")
				return d, true
			},
			func(f Faults) int64 { return f.Disconnected },
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept = nil
			dial := serve(t, schema, lan.Config{MessageRate: -1})
			var first sync.Once
			done, updates := false, 0
			ctx, enough := context.WithCancel(t.Context())
			defer enough()
			s, err := Run(ctx, Config{Schema: schema, Clients: 4, Rate: 50, Zones: 1, For: time.Minute, Progress: io.Discard, settleWithin: time.Second,
				Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
					first.Do(func() {
						h = &spoiler{h, func(conn transport.Conn, d [][]byte) [][]byte { // of the receiving goroutine
							for i, b := range d {
								if lan.Type(binary.LittleEndian.Uint16(b)) != lan.ObjectUpdateField {
									continue
								}
								if updates++; updates > 40 {
									enough() // later updates of all have come
								}
								if updates > 6 && !done {
									d, done = c.spoil(conn, d, i)
									break
								}
							}
							return d
						}, enough}
					})
					return dial(ctx, h)
				}})
			if err != nil {
				t.Fatal(err)
			}
			if !done {
				t.Fatal("nothing was spoiled")
			}
			if s.OK() || c.fault(s.Faults) == 0 {
				t.Errorf("the bots saw %+v", s.Faults)
			}
			var text strings.Builder
			s.WriteText(&text)
			if !strings.Contains(text.String(), "fault ") {
				t.Errorf("the summary does not tell:\n%s", text.String())
			}
		})
	}
}

// What a bot hears of another zone is a fault, and of strangers is none of its
// business.
func TestBotHearsOfAnotherZone(t *testing.T) {
	g, err := gait.Choose(parse(t, walkers), "", "")
	if err != nil {
		t.Fatal(err)
	}
	r := &run{Config: Config{Zones: 2, Clients: 4}, gait: g, sent: make([]atomic.Int64, 4*remembered)}
	for i := range 4 {
		r.bots = append(r.bots, &bot{run: r, index: i, sight: make([]sight, 2)})
	}
	b := r.bots[0]
	hear := func(owner uint32) int64 {
		before := r.faults.strayed.Load()
		o := lan.Object{DoID: owner, Class: g.Class, Owner: owner}
		b.Updated(nil, &lan.Update{Object: o, Sender: owner, Field: g.Field, Value: g.AppendStep(nil, 0, 0, 0)})
		return r.faults.strayed.Load() - before
	}
	if n := hear(1); n != 0 {
		t.Errorf("%d faults before the bots have names", n)
	}
	r.names.Store(&names{doIDRange: 1000, slots: []int32{2, -1, 1, 3, 0}})
	for owner, want := range map[uint32]int64{1: 0, 1001: 0, 2001: 1, 3001: 1, 9001: 0, 0: 0} {
		if n := hear(owner); n != want {
			t.Errorf("%d faults by hearing of %d, want %d", n, owner, want)
		}
	}
	b.Generated(nil, &lan.Generate{Object: lan.Object{DoID: 2001, Class: g.Class, Owner: 2001}})
	if n := r.faults.total(); n != 3 || b.peers != 0 {
		t.Errorf("%d faults, %d avatars in sight", n, b.peers)
	}
}

func TestRunIdle(t *testing.T) {
	schema := parse(t, walkers)
	c := Config{Schema: schema, Clients: 20, Zones: 1, Idle: true, For: 20 * time.Millisecond, Progress: io.Discard, Dial: serve(t, schema, lan.Config{})}
	if runtime.GOOS == "linux" {
		c.ServerPID = os.Getpid()
	}
	s, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !s.OK() || s.Deliveries != 0 || s.Clients != 20 {
		t.Errorf("%+v", s)
	}
}

func TestRunCannotConnect(t *testing.T) {
	schema := parse(t, walkers)
	refused := errors.New("nobody there")
	_, err := Run(t.Context(), Config{Schema: schema, Clients: 3, Rate: 1, Zones: 1, For: time.Hour, Progress: io.Discard,
		Dial: func(context.Context, transport.Handler) (transport.Conn, error) { return nil, refused }})
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

// A server that is full closes connections before it gives doIds.
func TestRunTurnedAway(t *testing.T) {
	schema := parse(t, walkers)
	_, err := Run(t.Context(), Config{Schema: schema, Clients: 3, Rate: 1, Zones: 1, For: time.Hour, Progress: io.Discard,
		Dial: serve(t, schema, lan.Config{MaxClients: 2})})
	if err == nil || !strings.Contains(err.Error(), "cannot connect") {
		t.Errorf("got %v", err)
	}
}

// Interrupted bots end early and report what they have seen.
func TestRunInterrupted(t *testing.T) {
	schema := parse(t, walkers)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dial := serve(t, schema, lan.Config{})
	s, err := Run(ctx, Config{Schema: schema, Clients: 4, Rate: 100, Zones: 1, For: time.Hour, Progress: io.Discard,
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			return dial(ctx, &spoiler{h, func(_ transport.Conn, d [][]byte) [][]byte {
				if slices.ContainsFunc(d, func(b []byte) bool { return lan.Type(binary.LittleEndian.Uint16(b)) == lan.ObjectUpdateField }) {
					cancel()
				}
				return d
			}, func() {}})
		}})
	if err != nil {
		t.Fatal(err)
	}
	if !s.OK() || s.Updates == 0 {
		t.Errorf("%+v", s)
	}
}
