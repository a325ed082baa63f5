package lan_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The schema of hostile peers and honest players, testdata/story.dc, in
// numbers.
const (
	doorClass    = 1
	fieldSetOpen = 12
	honestZone   = 7
)

// attack is one way to be hostile. It goes on until ctx is done or it has
// nothing more to do, at the rate at which pace lets it.
type attack struct {
	name string
	run  func(ctx context.Context, addr string, pace func())
	tls  bool // against a server that speaks TLS
}

// attacks are those of the issue that this server was written for, and what
// else the protocol invites to.
var attacks = []attack{
	{name: "truncated", run: datagrams(func(*rand.Rand) []byte { return hexBytes(0x01, 0x00, 0x09) })},
	{name: "empty", run: datagrams(func(*rand.Rand) []byte { return nil })},
	{name: "one byte", run: datagrams(func(*rand.Rand) []byte { return []byte{120} })},
	{name: "random", run: datagrams(func(r *rand.Rand) []byte { return randomBytes(r, r.IntN(200)) })},
	{name: "random of a known type", run: datagrams(func(r *rand.Rand) []byte {
		types := []uint16{120, 9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008, 9009, 9010, 9011}
		return append(message(types[r.IntN(len(types))]), randomBytes(r, r.IntN(40))...)
	})},
	{name: "longest", run: datagrams(func(*rand.Rand) []byte { return longest })},
	{name: "unknown type", run: datagrams(func(r *rand.Rand) []byte { return message(uint16(1000 + r.IntN(5000))) })},
	{name: "unknown class", run: datagrams(func(*rand.Rand) []byte { return message(9002, 7, uint16(99), 1, byte(0), uint16(0)) })},
	{name: "unknown field", run: datagrams(func(*rand.Rand) []byte { return message(120, 1, uint16(999), byte(0)) })},
	{name: "unknown doId", run: datagrams(func(r *rand.Rand) []byte { return message(120, r.Uint32(), uint16(fieldSetOpen), byte(0)) })},
	{name: "unknown target", run: datagrams(func(r *rand.Rand) []byte {
		return message(9011, r.Uint32(), 1, uint16(fieldSetOpen), byte(0))
	})},
	{name: "foreign doId", run: datagrams(func(r *rand.Rand) []byte {
		return message(9002, honestZone, uint16(doorClass), r.Uint32(), byte(0), uint16(0))
	})},
	{name: "generate without values", run: datagrams(func(*rand.Rand) []byte { return message(9002, honestZone, uint16(doorClass), 1) })},
	{name: "generate with surplus", run: datagrams(func(*rand.Rand) []byte {
		return message(9002, honestZone, uint16(doorClass), 1, byte(0), uint16(0), byte(0))
	})},
	{name: "generate out of range", run: datagrams(func(*rand.Rand) []byte {
		return message(9002, honestZone, uint16(doorClass), 1, byte(200), uint16(0))
	})},
	{name: "zones from one to the next", run: datagrams(func(r *rand.Rand) []byte { return message(9009, r.Uint32(), honestZone) })},
	{name: "16,000 zones", run: datagrams(func(*rand.Rand) []byte {
		b := message(9009)
		for z := range uint32(16000) {
			b = binary.LittleEndian.AppendUint32(b, z)
		}
		return b
	})},
	{name: "interest in and out", run: datagrams(func(r *rand.Rand) []byte {
		if r.IntN(2) == 0 {
			return message(9009)
		}
		return message(9009, honestZone)
	})},
	{name: "byte by byte", run: slowBytes},
	{name: "silent", run: silent},
	{name: "never reads", run: neverReads},
	{name: "resets in the middle", run: resets},
	{name: "connects", run: connects},
	{name: "TLS garbage", run: connectAndSend, tls: true},
	{name: "TLS silence", run: silent, tls: true},
}

// longest is made once: an attacker has no random numbers to spare.
var longest = randomBytes(rand.New(rand.NewPCG(3, 4)), 65535)

// datagrams sends one kind of datagram over and over, on a new connection
// whenever the server has closed the last one.
func datagrams(next func(*rand.Rand) []byte) func(context.Context, string, func()) {
	return func(ctx context.Context, addr string, pace func()) {
		r := rand.New(rand.NewPCG(1, 2))
		for ctx.Err() == nil {
			c, err := dial(addr)
			if err != nil {
				pace()
				continue
			}
			for ctx.Err() == nil {
				pace()
				if _, err := c.Write(frame(next(r))); err != nil {
					break
				}
				// What the server sends is thrown away, without waiting.
				_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
				if _, err := io.Copy(io.Discard, c); err == nil {
					break // closed
				}
			}
			c.Close()
		}
	}
}

func slowBytes(ctx context.Context, addr string, pace func()) {
	c, err := dial(addr)
	if err != nil {
		return
	}
	defer c.Close()
	b := frame(append(message(9009), make([]byte, 40000)...))
	for i := 0; ctx.Err() == nil; i++ {
		pace()
		if _, err := c.Write(b[i%len(b) : i%len(b)+1]); err != nil {
			return
		}
	}
}

func silent(ctx context.Context, addr string, pace func()) {
	var conns []net.Conn
	for len(conns) < 200 && ctx.Err() == nil {
		pace()
		if c, err := dial(addr); err == nil {
			conns = append(conns, c)
		}
	}
	<-ctx.Done()
	for _, c := range conns {
		c.Close()
	}
}

// neverReads has its own updates reflected to it and takes none of them.
func neverReads(ctx context.Context, addr string, pace func()) {
	for ctx.Err() == nil {
		c, err := dial(addr)
		if err != nil {
			pace()
			continue
		}
		_ = c.(*net.TCPConn).SetReadBuffer(1 << 10)
		_, err = c.Write(frame(message(9009, honestZone)))
		for err == nil && ctx.Err() == nil {
			pace()
			_, err = c.Write(frame(message(9009, honestZone)))
		}
		c.Close()
	}
}

func resets(ctx context.Context, addr string, pace func()) {
	for ctx.Err() == nil {
		pace()
		if c, err := dial(addr); err == nil {
			b := frame(message(9009, honestZone))
			_, _ = c.Write(b[:5])
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	}
}

func connects(ctx context.Context, addr string, pace func()) {
	for ctx.Err() == nil {
		pace()
		if c, err := dial(addr); err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	}
}

func connectAndSend(ctx context.Context, addr string, pace func()) {
	r := rand.New(rand.NewPCG(1, 2))
	for ctx.Err() == nil {
		pace()
		if c, err := dial(addr); err == nil {
			b := randomBytes(r, 100)
			if r.IntN(2) == 0 {
				b[0], b[1], b[2], b[3], b[4] = 22, 3, 1, 0, 95 // like a handshake
			}
			_, _ = c.Write(b)
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	}
}

func dial(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, time.Second) }

func frame(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// message makes a datagram: ints are uint32s.
func message(typ uint16, parts ...any) []byte {
	b := binary.LittleEndian.AppendUint16(nil, typ)
	for _, p := range parts {
		if v, ok := p.(int); ok {
			p = uint32(v)
		}
		b, _ = binary.Append(b, binary.LittleEndian, p)
	}
	return b
}

func hexBytes(b ...byte) []byte { return b }

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// arena is a server with hostile limits: nobody is trusted.
type arena struct {
	addr    string
	server  *lan.Server
	records atomic.Int64
	stop    func()
}

func newArena(tb testing.TB, secure bool, change func(*lan.Config)) *arena {
	tb.Helper()
	schema, err := dc.ParseFiles("testdata/story.dc")
	if err != nil {
		tb.Fatal(err)
	}
	a := &arena{}
	config := lan.Config{Schema: schema, MaxPerAddress: -1, Log: slog.New(countRecords{&a.records})}
	if change != nil {
		change(&config)
	}
	if a.server, err = lan.NewServer(config); err != nil {
		tb.Fatal(err)
	}
	tc := tcp.Config{SendQueue: 128 << 10, Linger: 200 * time.Millisecond}
	if secure {
		pair, _ := transporttest.Certificate(tb, tb.Name())
		tc.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	l, err := tcp.Listen("127.0.0.1:0", tc)
	if err != nil {
		tb.Fatal(err)
	}
	a.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.server.Serve(ctx, l) }()
	a.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
		l.Close()
	})
	tb.Cleanup(a.stop)
	return a
}

// countRecords is a log that counts.
type countRecords struct{ n *atomic.Int64 }

func (countRecords) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (c countRecords) Handle(context.Context, slog.Record) error  { c.n.Add(1); return nil }
func (c countRecords) WithAttrs([]slog.Attr) slog.Handler         { return c }
func (c countRecords) WithGroup(string) slog.Handler              { return c }

// player is an honest client with a door that it opens and closes.
type player struct {
	c    net.Conn
	r    *bufio.Reader
	base uint32
}

func join(tb testing.TB, a *arena, secure bool) *player {
	tb.Helper()
	c, err := dial(a.addr)
	if err == nil && secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // a certificate of the test's own
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	p := &player{c: c, r: bufio.NewReader(c)}
	b, err := p.read()
	if err != nil || binary.LittleEndian.Uint16(b) != 9001 {
		tb.Fatalf("joining: got %x, %v", b, err)
	}
	p.base = binary.LittleEndian.Uint32(b[2:])
	p.write(tb, message(9009, honestZone))
	if b, err := p.read(); err != nil || binary.LittleEndian.Uint16(b) != 9005 {
		tb.Fatalf("joining: interest answered with %x, %v", b, err)
	}
	p.write(tb, message(9002, honestZone, uint16(doorClass), p.base, byte(0), uint16(0)))
	return p
}

func (p *player) write(tb testing.TB, b []byte) {
	if _, err := p.c.Write(frame(b)); err != nil {
		tb.Errorf("an honest player cannot send: %v", err)
	}
}

func (p *player) read() ([]byte, error) {
	var h [2]byte
	if _, err := io.ReadFull(p.r, h[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.LittleEndian.Uint16(h[:]))
	_, err := io.ReadFull(p.r, b)
	return b, err
}

// open tells the others that the door stands open or not.
func (p *player) open(tb testing.TB, v byte) {
	p.write(tb, message(120, p.base, uint16(fieldSetOpen), v))
}

// await reads until the door of the player with that base is said to be v.
func (p *player) await(tb testing.TB, base uint32, v byte) {
	tb.Helper()
	want := message(9004, base, base, uint16(fieldSetOpen), v)
	_ = p.c.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		b, err := p.read()
		if err != nil {
			tb.Fatalf("an honest player waits for another in vain: %v", err)
		}
		if slices.Equal(b, want) {
			return
		}
	}
}

// TestHostilePeers lets each attack go on while honest players play, and then
// looks whether anything is left of it.
func TestHostilePeers(t *testing.T) {
	for _, attack := range attacks {
		t.Run(attack.name, func(t *testing.T) {
			a := newArena(t, attack.tls, nil)
			ann, bob := join(t, a, attack.tls), join(t, a, attack.tls)
			ann.open(t, 1)
			bob.await(t, ann.base, 1)
			before := heap()

			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var wg sync.WaitGroup
			var n atomic.Int64
			for range 4 {
				wg.Go(func() {
					attack.run(ctx, a.addr, func() { n.Add(1); time.Sleep(50 * time.Microsecond) })
				})
			}
			for i := range 20 {
				ann.open(t, byte(i%2))
				bob.await(t, ann.base, byte(i%2))
				bob.open(t, byte(i%2))
				ann.await(t, bob.base, byte(i%2))
			}
			cancel()
			wg.Wait()
			// Who comes now is let in after those of the attack that still wait for it.
			_ = join(t, a, attack.tls).c.Close()
			for a.server.Stats().Clients != 2 { // each wait ends with the last attacker's connection
				time.Sleep(time.Millisecond)
			}
			ann.open(t, 0)
			bob.await(t, ann.base, 0)
			if n := a.records.Load(); n > 20 {
				t.Errorf("the log says it %d times", n)
			}
			if after := heap(); after > before+2<<20 {
				t.Errorf("%d bytes are in use after %d acts of it, %d before", after, n.Load(), before)
			}
			if st := a.server.Stats(); st.Objects != 2 || st.Zones != 1 {
				t.Errorf("%d objects and %d zones are left, wanted 2 and 1", st.Objects, st.Zones)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A request for more zones than one datagram holds announces more than 65,535
// bytes and needs a 4-byte header; the default limit closes the connection
// before anything is read of it.
func TestHundredThousandZones(t *testing.T) {
	schema, err := dc.ParseFiles("testdata/story.dc")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		maxMessage int
		reason     string
	}{{0, "protocol"}, {1 << 20, "too_many_zones"}} {
		s, err := lan.NewServer(lan.Config{Schema: schema, MaxMessage: c.maxMessage, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		l, err := tcp.Listen("127.0.0.1:0", tcp.Config{Framing: tcp.Prefix32, MaxMessage: c.maxMessage})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, l) }()
		conn, err := dial(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		b := message(9009)
		for z := range uint32(100_000) {
			b = binary.LittleEndian.AppendUint32(b, z)
		}
		_, _ = conn.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...))
		_, _ = io.Copy(io.Discard, conn) // until the server has closed it
		conn.Close()
		for s.Stats().Clients > 0 {
			time.Sleep(time.Millisecond)
		}
		if st := s.Stats(); c.reason != "protocol" && st.Ejected[c.reason] != 1 || st.Zones != 0 {
			t.Errorf("ejected: %v, %d zones left", st.Ejected, st.Zones)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkUnderAttack measures how long an update takes from one honest
// player to another, first in calm, then under each attack at some thousand
// acts per second, and reports how the 99th percentiles compare. One iteration
// takes two seconds; -benchtime 10x gives 4,000 samples of each.
func BenchmarkUnderAttack(b *testing.B) {
	for _, attack := range attacks {
		b.Run(attack.name, func(b *testing.B) {
			a := newArena(b, attack.tls, nil)
			players := make([]*player, 20)
			for i := range players {
				players[i] = join(b, a, attack.tls)
			}
			var calm, hostile []time.Duration
			for b.Loop() {
				calm = append(calm, latencies(b, players)...)
				ctx, cancel := context.WithCancel(context.Background())
				var wg sync.WaitGroup
				wg.Go(func() { attack.run(ctx, a.addr, func() { time.Sleep(200 * time.Microsecond) }) })
				hostile = append(hostile, latencies(b, players)...)
				cancel()
				wg.Wait()
			}
			b.ReportMetric(float64(percentile(calm, 0.99).Microseconds()), "calm-p99-µs")
			b.ReportMetric(float64(percentile(hostile, 0.99).Microseconds()), "attack-p99-µs")
			b.ReportMetric(float64(percentile(hostile, 0.99))/float64(percentile(calm, 0.99)), "attack/calm")
		})
	}
}

// latencies has each player send 20 updates per second for one second, and
// returns how long each took to reach the next player.
func latencies(tb testing.TB, players []*player) []time.Duration {
	const rounds, period = 20, 50 * time.Millisecond
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	for i, p := range players {
		next := players[(i+1)%len(players)]
		times := make(chan time.Time, rounds)
		wg.Go(func() {
			time.Sleep(period * time.Duration(i) / time.Duration(len(players)))
			tick := time.NewTicker(period)
			defer tick.Stop()
			for n := range rounds {
				times <- time.Now()
				p.open(tb, byte(n%2))
				<-tick.C
			}
		})
		wg.Go(func() {
			mine := make([]time.Duration, 0, rounds)
			for n := range rounds {
				next.await(tb, p.base, byte(n%2))
				mine = append(mine, time.Since(<-times))
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	return all
}

func percentile(d []time.Duration, p float64) time.Duration {
	slices.Sort(d)
	return d[int(p*float64(len(d)-1))]
}
