package memory

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
)

// notes is a handler that keeps what happens, with the time.
type notes struct {
	n     *Network
	lines []string
	conn  transport.Conn
	msgs  []string
	err   error
}

func (h *notes) Opened(c transport.Conn) {
	h.conn = c
	h.lines = append(h.lines, fmt.Sprintf("%v opened", h.n.Now()))
}

func (h *notes) Received(_ transport.Conn, msgs [][]byte) {
	for _, m := range msgs {
		h.msgs = append(h.msgs, string(m))
		h.lines = append(h.lines, fmt.Sprintf("%v %s", h.n.Now(), m))
	}
}

func (h *notes) Closed(_ transport.Conn, err error) {
	h.err = err
	h.lines = append(h.lines, fmt.Sprintf("%v %v", h.n.Now(), err))
}

// connect makes a connection and lets it open.
func connect(t *testing.T, cfg Config) (n *Network, client *Conn, at, to *notes) {
	t.Helper()
	n = New(cfg)
	l, err := n.Listen("server")
	if err != nil {
		t.Fatal(err)
	}
	at, to = &notes{n: n}, &notes{n: n}
	if err := l.Start(to); err != nil {
		t.Fatal(err)
	}
	client, err = n.Dial("server", at)
	if err != nil {
		t.Fatal(err)
	}
	n.Step(cfg.Up.Latency + cfg.Down.Latency + 2*time.Microsecond)
	if at.conn == nil || to.conn == nil {
		t.Fatal("the connection has not opened")
	}
	return n, client, at, to
}

func send(t *testing.T, c transport.Conn, m transport.Message) {
	t.Helper()
	if err := c.Send(m); err != nil {
		t.Fatal(err)
	}
	c.Flush()
}

func TestLatency(t *testing.T) {
	const up, down = 30 * time.Millisecond, 50 * time.Millisecond
	n, client, _, to := connect(t, Config{Up: Link{Latency: up}, Down: Link{Latency: down}})
	send(t, client, transport.Message{Data: []byte("ping")})
	n.Step(up - 1)
	if len(to.msgs) > 0 {
		t.Fatal("the message came early")
	}
	n.Step(1)
	if len(to.msgs) != 1 {
		t.Fatal("the message did not come in time")
	}
	n.Step(down - 1)
	if got, _ := client.Delivered(); got != 0 {
		t.Fatal("the message was acknowledged early")
	}
	n.Step(1)
	if got, _ := client.Delivered(); got != 1 || client.Stats().RTT != up+down {
		t.Fatalf("%d delivered, round trip %v", got, client.Stats().RTT)
	}
}

func TestBandwidth(t *testing.T) {
	n, client, _, to := connect(t, Config{Up: Link{Bandwidth: 1000}, SendQueue: 5000, MaxReliable: 1000})
	if b := client.Budget(); b != 10 {
		t.Errorf("Budget is %d, want what leaves in 10 ms", b)
	}
	for range 4 {
		send(t, client, transport.Message{Data: make([]byte, 500)})
	}
	if b := client.Budget(); b != 0 {
		t.Errorf("Budget is %d behind 2 s of messages", b)
	}
	for i := range 5 {
		n.Step(500 * time.Millisecond)
		// The last microsecond of the latency is missing each time.
		if len(to.msgs) != i {
			t.Errorf("%d messages after %d of their times", len(to.msgs), i+1)
		}
	}
	n.Step(time.Second)
	if len(to.msgs) != 4 || client.Budget() != 10 {
		t.Errorf("%d messages, Budget %d in the end", len(to.msgs), client.Budget())
	}
}

// A key that changes faster than the link carries it costs one message, and
// what arrives is never older than that takes.
func TestLatestOverNarrowLink(t *testing.T) {
	n, client, _, to := connect(t, Config{Up: Link{Bandwidth: 1000}})
	const updates = 1000
	for i := range updates {
		for key := range uint64(2) {
			data := fmt.Appendf(nil, "%d %-48d", key, i)
			send(t, client, transport.Message{Data: data, Mode: transport.Latest, Key: key})
		}
		n.Step(10 * time.Millisecond)
		for _, m := range to.msgs {
			var key, was int
			if _, err := fmt.Sscan(m, &key, &was); err != nil {
				t.Fatal(err)
			}
			// 50 ms each for itself, the other key and what had begun.
			if i-was > 15 {
				t.Fatalf("update %d of key %d arrives after update %d was sent", was, key, i)
			}
		}
		to.msgs = nil
	}
	s := client.Stats()
	if s.Dropped < 2*updates*3/4 || s.MessagesSent+s.Dropped != 2*updates {
		t.Errorf("%d sent, %d dropped of %d", s.MessagesSent, s.Dropped, 2*updates)
	}
}

func bad() Link {
	return Link{
		Latency: 40 * time.Millisecond, Jitter: 30 * time.Millisecond,
		Loss: 0.2, Duplicate: 0.1, Reorder: 0.1,
	}
}

// story sends a while over a bad network and returns all that happened.
func story(t *testing.T, seed uint64) (lines, reliable, unreliable []string) {
	n, client, at, to := connect(t, Config{Seed: seed, Up: bad(), Down: bad()})
	for i := range 500 {
		send(t, client, transport.Message{Data: fmt.Appendf(nil, "r%03d", i)})
		send(t, client, transport.Message{Data: fmt.Appendf(nil, "u%03d", i), Mode: transport.Unreliable})
		send(t, to.conn, transport.Message{Data: fmt.Appendf(nil, "back %d", i)})
		n.Step(10 * time.Millisecond)
	}
	client.Close(1000, "told")
	n.Step(20 * time.Second)
	for _, m := range to.msgs {
		if strings.HasPrefix(m, "r") {
			reliable = append(reliable, m)
		} else {
			unreliable = append(unreliable, m)
		}
	}
	return slices.Concat(at.lines, to.lines), reliable, unreliable
}

func TestSeedDecides(t *testing.T) {
	one, _, _ := story(t, 1)
	again, _, _ := story(t, 1)
	other, _, _ := story(t, 2)
	if !slices.Equal(one, again) {
		t.Error("the same seed makes another story")
	}
	if slices.Equal(one, other) {
		t.Error("another seed makes the same story")
	}
}

func TestBadNetwork(t *testing.T) {
	lines, reliable, unreliable := story(t, 1)
	if len(reliable) != 500 || !slices.IsSorted(reliable) {
		t.Errorf("%d reliable messages of 500 arrive, in order: %v", len(reliable), slices.IsSorted(reliable))
	}
	if slices.IsSorted(unreliable) {
		t.Error("no unreliable message was overtaken")
	}
	different := slices.Compact(slices.Sorted(slices.Values(unreliable)))
	if n := len(different); n < 350 || n > 450 {
		t.Errorf("%d unreliable messages of 500 arrive at a loss of 0.2", n)
	}
	if n := len(unreliable) - len(different); n < 20 || n > 80 {
		t.Errorf("%d unreliable messages of 500 are doubled at a rate of 0.1", n)
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, "closed by the peer (code 1000): told") }) {
		t.Error("the peer was not told why the connection closed")
	}
}

func TestBrokenLink(t *testing.T) {
	n, client, at, to := connect(t, Config{})
	client.SetLink(Link{Latency: 10 * time.Millisecond, Loss: 1})
	send(t, client, transport.Message{Data: []byte("lost")})
	n.Step(time.Minute)
	for _, h := range []*notes{at, to} {
		var ce *transport.CloseError
		if !errors.As(h.err, &ce) || ce.Code != transport.CodeTimeout || ce.Remote {
			t.Errorf("Closed with %v", h.err)
		}
	}
	if len(to.msgs) > 0 {
		t.Error("a lost message arrived")
	}
}

// Close gives up what the link does not carry in time, and still says why.
func TestLinger(t *testing.T) {
	n, client, at, to := connect(t, Config{Up: Link{Bandwidth: 1000}, Linger: time.Second})
	for range 10 {
		send(t, client, transport.Message{Data: make([]byte, 300)})
	}
	client.Close(transport.CodeShutdown, "bye")
	n.Step(time.Second - 1)
	if at.err != nil {
		t.Fatalf("Closed too early with %v", at.err)
	}
	n.Step(2 * time.Second)
	if at.err == nil || to.err == nil || to.err.Error() != "closed by the peer (shutdown): bye" {
		t.Errorf("Closed with %v and %v", at.err, to.err)
	}
	if s := client.Stats(); len(to.msgs) != 4 || s.Dropped != 6 || s.MessagesSent != 4 {
		t.Errorf("%d messages arrive, %d sent, %d dropped", len(to.msgs), s.MessagesSent, s.Dropped)
	}
}

// Who may linger as long as can be said is not cut at once.
func TestLingerForEver(t *testing.T) {
	n, client, _, to := connect(t, Config{Up: Link{Bandwidth: 1000}, Linger: math.MaxInt64})
	for range 10 {
		send(t, client, transport.Message{Data: make([]byte, 300)})
	}
	client.Close(transport.CodeNormal, "")
	n.Step(4 * time.Second)
	if len(to.msgs) != 10 {
		t.Errorf("%d messages of 10 arrive", len(to.msgs))
	}
}

func TestKeptSlicesAreOverwritten(t *testing.T) {
	n, client, _, _ := connect(t, Config{})
	l, err := n.Listen("keeper")
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{notes: notes{n: n}}
	if err := l.Start(k); err != nil {
		t.Fatal(err)
	}
	c, err := n.Dial("keeper", &notes{n: n})
	if err != nil {
		t.Fatal(err)
	}
	shared := []byte("data")
	send(t, c, transport.Message{Data: shared, Shared: true})
	send(t, client, transport.Message{Data: shared, Shared: true})
	n.Step(time.Second)
	if got := string(k.kept); got != "\xdb\xdb\xdb\xdb" {
		t.Errorf("a kept slice holds %q", got)
	}
	if string(shared) != "data" {
		t.Errorf("a shared message became %q", shared)
	}
}

type keeper struct {
	notes
	kept []byte
}

func (k *keeper) Received(_ transport.Conn, msgs [][]byte) { k.kept = msgs[0] }

func TestListeners(t *testing.T) {
	n := New(Config{})
	if _, err := n.Dial("nobody", &notes{n: n}); err == nil {
		t.Error("Dial found a listener that is not there")
	}
	l, err := n.Listen("server")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Listen("server"); err == nil {
		t.Error("two listeners have one name")
	}
	at := &notes{n: n}
	if _, err := n.Dial("server", at); err != nil {
		t.Fatal(err)
	}
	n.Step(time.Second)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	n.Step(time.Second)
	var ce *transport.CloseError
	if !errors.As(at.err, &ce) || ce.Code != transport.CodeRefused || !ce.Remote {
		t.Errorf("who was never accepted is told %v", at.err)
	}
	if _, err := n.Listen("server"); err != nil {
		t.Errorf("the name of a closed listener stays taken: %v", err)
	}
}

func TestRun(t *testing.T) {
	n := New(Config{Up: Link{Latency: time.Millisecond}})
	l, err := n.Listen("server")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	if err := l.Start(&first{got: got}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { n.Run(ctx); close(done) }()
	c, err := n.Dial("server", &notes{n: n})
	if err != nil {
		t.Fatal(err)
	}
	send(t, c, transport.Message{Data: []byte("hello")})
	if m := <-got; m != "hello" {
		t.Errorf("received %q", m)
	}
	cancel()
	<-done
}

type first struct{ got chan string }

func (h *first) Opened(transport.Conn)                    {}
func (h *first) Received(_ transport.Conn, msgs [][]byte) { h.got <- string(msgs[0]) }
func (h *first) Closed(c transport.Conn, err error)       {}
