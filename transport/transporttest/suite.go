// Package transporttest holds implementations of package transport to its
// contract: each test here is a sentence there. A transport calls [Run] from a
// test of its own. [Certificate] is for all tests that encrypt.
package transporttest

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
)

// Network is a new network of the transport under test.
type Network struct {
	// Listener accepts what Dial dials. Nobody serves it yet.
	Listener transport.Listener
	// Dial connects to Listener.
	Dial func(h transport.Handler) (transport.Conn, error)

	// Step lets a little time pass where time is virtual, and Now is that
	// time. Both are nil where time passes by itself.
	Step func()
	Now  func() time.Duration

	// SendQueue is how many bytes at most wait in a connection's queue.
	SendQueue int
	// Codes tells that the peer learns code and reason of Close, and MaxReason
	// of how many bytes of reason at most; 0 is transport.MaxReason.
	Codes     bool
	MaxReason int
	// Delivered tells that Conn.Delivered is known.
	Delivered bool
	// Stream tells that unreliable messages are as good as reliable ones.
	Stream bool
	// Lossy tells that unreliable messages may get lost though the receiver
	// is not slow.
	Lossy bool
}

// Run tests the transport whose networks open makes. It is called once for
// each test; what it opened it may close with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Network) {
	tests := []struct {
		name string
		test func(*env)
	}{
		{"Identity", testIdentity},
		{"EverySize", testEverySize},
		{"EveryUnreliableSize", testEveryUnreliableSize},
		{"SendCopies", testSendCopies},
		{"HandlerMayWrite", testHandlerMayWrite},
		{"OrderOfManySenders", testOrderOfManySenders},
		{"TooLarge", testTooLarge},
		{"FullQueue", testFullQueue},
		{"LatestReplaces", testLatestReplaces},
		{"LatestUnderPressure", testLatestUnderPressure},
		{"FlushMany", testFlushMany},
		{"Hold", testHold},
		{"HoldUnreliable", testHoldUnreliable},
		{"HoldInReceived", testHoldInReceived},
		{"Stats", testStats},
		{"Delivered", testDelivered},
		{"CloseSendsTheRest", testCloseSendsTheRest},
		{"FirstCloseCounts", testFirstCloseCounts},
		{"LongReason", testLongReason},
		{"CloseInOpened", testCloseInOpened},
		{"CloseInReceived", testCloseInReceived},
		{"CloseBothSides", testCloseBothSides},
		{"CloseWhileHeld", testCloseWhileHeld},
		{"AfterClose", testAfterClose},
		{"EverythingAtOnce", testEverythingAtOnce},
		{"ServeUntilDone", testServeUntilDone},
		{"ServeUntilClose", testServeUntilClose},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(newEnv(t, open(t))) })
	}
}

// env is a network with a served listener.
type env struct {
	*testing.T
	Network
	server  *side
	client  *side
	changed chan struct{} // something was told to a side
	stop    context.CancelFunc
	served  chan error
}

func newEnv(t *testing.T, n Network) *env {
	e := &env{T: t, Network: n, changed: make(chan struct{}, 1), served: make(chan error, 1)}
	e.server, e.client = newSide(e, "listener"), newSide(e, "dialer")
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	go func() { e.served <- n.Listener.Serve(ctx, e.server) }()
	t.Cleanup(e.close)
	return e
}

// close ends all connections, and checks that each is told so once.
func (e *env) close() {
	for _, s := range []*side{e.client, e.server} {
		for _, p := range s.all() {
			p.conn.Close(transport.CodeNormal, "the test is over")
		}
	}
	e.until("Closed on every connection", func() bool {
		return !slices.ContainsFunc(append(e.client.all(), e.server.all()...), func(p *peer) bool { return p.closed() == nil })
	})
	e.stop()
	if err := <-e.served; err != nil {
		e.Errorf("Serve returned %v", err)
	}
	_ = e.Listener.Close()
}

// patience is how long something may take that must happen.
const patience = 30 * time.Second

// until waits for a condition.
func (e *env) until(what string, done func() bool) {
	e.Helper()
	for began := time.Now(); !done(); {
		if time.Since(began) > patience {
			e.Fatalf("waited %v in vain for %s", patience, what)
		}
		if e.Step != nil {
			e.Step()
			runtime.Gosched()
			continue
		}
		select {
		case <-e.changed:
		case <-time.After(time.Millisecond): // not all is told to handlers
		}
	}
}

// now is the time that holds and delays are measured in.
func (e *env) now() time.Duration {
	if e.Now != nil {
		return e.Now()
	}
	return time.Since(epoch)
}

var epoch = time.Now()

// pair dials once more and returns both ends when they are open.
func (e *env) pair() (client, server *peer) {
	e.Helper()
	n := len(e.server.all())
	conn, err := e.Dial(e.client)
	if err != nil {
		e.Fatal(err)
	}
	e.until("Opened on both sides", func() bool {
		return len(e.server.all()) > n && e.client.find(conn) != nil
	})
	return e.client.find(conn), e.server.all()[n]
}

// send sends and flushes.
func (e *env) send(p *peer, msgs ...string) {
	e.Helper()
	for _, m := range msgs {
		if err := p.conn.Send(transport.Message{Data: []byte(m)}); err != nil {
			e.Fatalf("Send: %v", err)
		}
	}
	p.conn.Flush()
}

// side is a handler that keeps what it is told and checks the order of calls.
type side struct {
	e    *env
	name string

	mu    sync.Mutex
	peers []*peer
	// What the handler does besides, when not nil.
	onOpened   func(transport.Conn)
	onReceived func(*peer, [][]byte)
}

// on sets what the handler does besides noting what it is told.
func (s *side) on(opened func(transport.Conn), received func(*peer, [][]byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onOpened, s.onReceived = opened, received
}

func newSide(e *env, name string) *side { return &side{e: e, name: name} }

// peer is a connection as one side sees it.
type peer struct {
	conn transport.Conn
	busy atomic.Bool // in a call of the handler

	mu    sync.Mutex
	msgs  []string
	times []time.Duration // when they came
	err   error
	isErr bool
}

func (s *side) all() []*peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.peers)
}

func (s *side) find(c transport.Conn) *peer {
	for _, p := range s.all() {
		if p.conn == c {
			return p
		}
	}
	return nil
}

func (p *peer) received() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.msgs)
}

// closed is what Closed was called with, or nil as long as it was not.
func (p *peer) closed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// cause is closed as the contract says it is.
func (e *env) cause(p *peer) *transport.CloseError {
	e.Helper()
	e.until("Closed", func() bool { return p.closed() != nil })
	var ce *transport.CloseError
	if !errors.As(p.closed(), &ce) {
		e.Fatalf("Closed was called with %T, want a *transport.CloseError", p.closed())
	}
	return ce
}

func (s *side) enter(p *peer, call string) {
	if !p.busy.CompareAndSwap(false, true) {
		s.e.Errorf("%s: %s was called during another call for the connection", s.name, call)
	}
}

func (s *side) leave(p *peer) {
	p.busy.Store(false)
	select {
	case s.e.changed <- struct{}{}:
	default:
	}
}

func (s *side) Opened(c transport.Conn) {
	if s.find(c) != nil {
		s.e.Errorf("%s: Opened was called twice", s.name)
	}
	p := &peer{conn: c}
	s.mu.Lock()
	s.peers = append(s.peers, p)
	more := s.onOpened
	s.mu.Unlock()
	s.enter(p, "Opened")
	defer s.leave(p)
	if more != nil {
		more(c)
	}
}

func (s *side) Received(c transport.Conn, msgs [][]byte) {
	p := s.find(c)
	if p == nil {
		s.e.Errorf("%s: Received before Opened", s.name)
		return
	}
	s.enter(p, "Received")
	defer s.leave(p)
	if len(msgs) == 0 {
		s.e.Errorf("%s: Received without a message", s.name)
	}
	p.mu.Lock()
	if p.isErr {
		s.e.Errorf("%s: Received after Closed", s.name)
	}
	for _, m := range msgs {
		p.msgs = append(p.msgs, string(m))
		p.times = append(p.times, s.e.now())
	}
	p.mu.Unlock()
	s.mu.Lock()
	more := s.onReceived
	s.mu.Unlock()
	if more != nil {
		more(p, msgs)
	}
}

func (s *side) Closed(c transport.Conn, err error) {
	p := s.find(c)
	if p == nil {
		s.e.Errorf("%s: Closed before Opened", s.name)
		return
	}
	s.enter(p, "Closed")
	defer s.leave(p)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isErr {
		s.e.Errorf("%s: Closed was called twice", s.name)
	}
	if err == nil {
		err = errors.New("nil")
	}
	p.isErr, p.err = true, err
}

// arrive waits until p has received want and nothing else.
func (e *env) arrive(p *peer, want ...string) {
	e.Helper()
	e.until("the messages", func() bool { return len(p.received()) >= len(want) })
	if got := p.received(); !slices.Equal(got, want) {
		e.Fatalf("received %s, want %s", short(got), short(want))
	}
}

// short is a list of messages for people.
func short(msgs []string) string {
	var b bytes.Buffer
	for i, m := range msgs {
		if i == 20 {
			b.WriteString(" …")
			break
		}
		if len(m) > 20 {
			m = m[:20] + "…"
		}
		b.WriteString(" " + m)
	}
	return "[" + b.String() + " ]"
}
