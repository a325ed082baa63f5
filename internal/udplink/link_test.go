package udplink

import (
	"fmt"
	"math"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers each packet with itself and tells where it came from.
func echo(t *testing.T) (addr string, from chan string) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	from = make(chan string, 1000)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 2000)
		for {
			n, a, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			from <- a.String()
			_, _ = c.WriteTo(buf[:n], a)
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-ended })
	return c.LocalAddr().String(), from
}

func open(t *testing.T, target string, cfg Config) *Link {
	l, err := New("127.0.0.1:0", target, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func dial(t *testing.T, l *Link) net.Conn {
	c, err := net.Dial("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func say(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, c net.Conn) string {
	t.Helper()
	buf := make([]byte, 2000)
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// Packets travel there and back, each client's to itself, in order, and no
// sooner than twice the latency.
func TestForwards(t *testing.T) {
	addr, from := echo(t)
	const latency = 5 * time.Millisecond
	l := open(t, addr, Config{Latency: latency})
	a, b := dial(t, l), dial(t, l)
	began := time.Now()
	for i := range 20 {
		say(t, a, fmt.Sprint("a", i))
		say(t, b, fmt.Sprint("b", i))
	}
	for i := range 20 {
		if got, want := hear(t, a)+hear(t, b), fmt.Sprintf("a%db%d", i, i); got != want {
			t.Fatalf("heard %s, want %s", got, want)
		}
	}
	if d := time.Since(began); d < 2*latency {
		t.Errorf("the way there and back took %v", d)
	}
	if s := l.Stats(); s.Clients != 2 || s.Forwarded != 80 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
	if one, two := <-from, <-from; one == two {
		t.Errorf("both clients come from %s", one)
	}
}

// After Rebind a client comes from another address, and hears answers there.
func TestRebind(t *testing.T) {
	addr, from := echo(t)
	l := open(t, addr, Config{})
	c := dial(t, l)
	say(t, c, "one")
	hear(t, c)
	if err := l.Rebind(); err != nil {
		t.Fatal(err)
	}
	say(t, c, "two")
	if got := hear(t, c); got != "two" {
		t.Errorf("heard %q", got)
	}
	if one, two := <-from, <-from; one == two {
		t.Errorf("the client still comes from %s", one)
	}
}

// What is set later counts for what is sent later.
func TestSet(t *testing.T) {
	addr, _ := echo(t)
	l := open(t, addr, Config{Loss: 1})
	c := dial(t, l)
	say(t, c, "lost")
	for l.Stats().Lost == 0 {
		runtime.Gosched()
	}
	if err := l.Set(Config{Duplicate: 1}); err != nil {
		t.Fatal(err)
	}
	say(t, c, "twice")
	for range 4 { // the echo is doubled too
		if got := hear(t, c); got != "twice" {
			t.Errorf("heard %q", got)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []Config{{Loss: 1.1}, {Reorder: -1}, {Duplicate: math.NaN()}, {Latency: -1}, {Jitter: -1}} {
		if l, err := New("127.0.0.1:0", "127.0.0.1:1", cfg); err == nil {
			_ = l.Close()
			t.Errorf("%+v is taken", cfg)
		}
	}
}

// The dice give what is asked for, and the same for the same seed.
func TestFate(t *testing.T) {
	const n = 20_000
	cfg := Config{Loss: 0.05, Duplicate: 0.02, Reorder: 0.1, Latency: 40 * time.Millisecond, Jitter: 10 * time.Millisecond}
	roll := func(seed uint64) (arrivals []time.Duration, lost, doubled, overtaken int) {
		w := newWay(seed, 0)
		var last time.Duration
		for i := range n {
			now := time.Duration(i) * time.Millisecond
			got := w.fate(nil, now, &cfg)
			arrivals = append(arrivals, got...)
			switch len(got) {
			case 0:
				lost++
				continue
			case 2:
				doubled++
			}
			if got[0] < now+cfg.Latency {
				t.Fatalf("a packet sent at %v arrives at %v", now, got[0])
			}
			if got[0] < last {
				overtaken++
			}
			last = got[0]
		}
		return
	}
	first, lost, doubled, overtaken := roll(1)
	for _, c := range []struct {
		what string
		got  int
		want float64
	}{{"lost", lost, cfg.Loss}, {"doubled", doubled, cfg.Duplicate}, {"overtaken", overtaken, cfg.Reorder}} {
		if share := float64(c.got) / n; math.Abs(share-c.want) > 0.02 {
			t.Errorf("%.3f are %s, want %.3f", share, c.what, c.want)
		}
	}
	if again, _, _, _ := roll(1); !slices.Equal(first, again) {
		t.Error("the same seed gives other dice")
	}
	if other, _, _, _ := roll(2); slices.Equal(first, other) {
		t.Error("another seed gives the same dice")
	}
}
