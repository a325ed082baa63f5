package messagedirector

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// fakeConn is a connection that keeps what it is sent.
type fakeConn struct {
	transport.Conn // for the methods that nobody calls
	sent           [][]byte
	closed         bool
	err            error // what Send answers
	stats          transport.Stats
	held           time.Duration
	shared         *[]byte // where the last shared message is put; nil is nowhere
}

func (c *fakeConn) Send(m transport.Message) error {
	if c.err != nil {
		return c.err
	}
	if c.closed {
		return transport.ErrClosed
	}
	if m.Shared && c.shared != nil {
		*c.shared = m.Data
	}
	c.sent = append(c.sent, bytes.Clone(m.Data))
	return nil
}

func (c *fakeConn) Flush()                       {}
func (c *fakeConn) Hold(d time.Duration)         { c.held += d }
func (c *fakeConn) Close(transport.Code, string) { c.closed = true }
func (c *fakeConn) Stats() transport.Stats       { return c.stats }
func (c *fakeConn) Identity() transport.Identity {
	return transport.Identity{Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}}
}

// fakeListener flushes nothing.
type fakeListener struct{ transport.Listener }

func (fakeListener) Flush([]transport.Conn) {}

// coreStage is a server whose connections are fake: what is sent has taken
// effect when send returns.
type coreStage struct {
	director *Director
	server   *Server
}

func newCoreStage(t testing.TB, c *stageConfig) stage {
	d := New(c.limits)
	s := NewServer(d, c.server)
	s.listener = fakeListener{}
	t.Cleanup(s.outlet.Close)
	return &coreStage{d, s}
}

type corePeer struct {
	stage *coreStage
	conn  *fakeConn
}

func (s *coreStage) join() (peer, bool) {
	p := &corePeer{s, new(fakeConn)}
	s.server.Opened(p.conn)
	return p, p.conn.closed
}

func (s *coreStage) settle()                   {}
func (s *coreStage) stats() (Stats, LinkStats) { return s.director.Stats(), s.server.Stats() }

func (p *corePeer) send(messages ...[]byte) {
	p.stage.server.Received(p.conn, messages)
}

func (p *corePeer) received() [][]byte {
	defer func() { p.conn.sent = nil }()
	return p.conn.sent
}

func (p *corePeer) leave()        { p.stage.server.Closed(p.conn, io.EOF) }
func (p *corePeer) dropped() bool { return p.conn.closed }

// coreUp is what is upstream of a coreStage.
type coreUp struct {
	corePeer
	up *Uplink
}

func (s *coreStage) upstream() peer {
	u := NewUplink(s.director, UplinkConfig{})
	p := &coreUp{corePeer{s, new(fakeConn)}, u}
	s.director.Do(func() {
		up := newUpwire(u, p.conn)
		s.director.SetUpstream(up)
		up.restored()
	})
	return p
}

func (p *coreUp) send(messages ...[]byte) { p.up.Received(p.conn, messages) }

func (p *coreUp) leave() {
	p.stage.director.Do(func() { p.stage.director.SetUpstream(nil) })
	p.up.outlet.Close()
}

// tcpStage is a server on a TCP listener, and real sockets.
type tcpStage struct {
	t        testing.TB
	addr     string
	director *Director
	server   *Server
	spy      *spy
	witness  *witness
	peers    []*tcpPeer
	up       *tcpPeer
	upSpy    *spy
	stopUp   func()
}

// spy stands before a handler to learn when it was called.
type spy struct {
	transport.Handler
	opened chan transport.Conn
	closed chan transport.Conn
}

func newSpy(h transport.Handler) *spy {
	return &spy{h, make(chan transport.Conn, 100), make(chan transport.Conn, 100)}
}

func (s *spy) Opened(c transport.Conn) { s.Handler.Opened(c); s.opened <- c }
func (s *spy) Closed(c transport.Conn, err error) {
	s.Handler.Closed(c, err)
	s.closed <- c
}

// spiedListener puts a spy before its handler.
type spiedListener struct {
	transport.Listener
	spy *spy
}

func (l *spiedListener) Serve(ctx context.Context, h transport.Handler) error {
	l.spy.Handler = h
	return l.Listener.Serve(ctx, l.spy)
}

// witness is a participant by which tests know how far the order has come.
type witness struct {
	Participant
	heard chan struct{}
}

func (w *witness) Receive(*Message) { w.heard <- struct{}{} }

// witnessChannel is one that no story uses.
const witnessChannel = 0x7777777777777777

func newTCPStage(t testing.TB, c *stageConfig) stage {
	d := New(c.limits)
	server := NewServer(d, c.server)
	l, err := tcp.Listen("127.0.0.1:0", tcp.Config{Linger: -1, SendQueue: DefaultSendQueue, Pace: -1})
	if err != nil {
		t.Fatal(err)
	}
	s := &tcpStage{t: t, addr: l.Addr().String(), director: d, server: server, spy: newSpy(nil), witness: &witness{heard: make(chan struct{}, 1)}}
	s.witness.Receiver = s.witness
	d.Do(func() { _ = d.Subscribe(&s.witness.Participant, witnessChannel) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, &spiedListener{l, s.spy}) }()
	t.Cleanup(func() {
		if s.stopUp != nil {
			s.stopUp()
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

type tcpPeer struct {
	stage  *tcpStage
	wire   *net.TCPConn
	conn   transport.Conn // the director's end
	read   uint64         // how many messages were read
	early  [][]byte       // those that nobody has asked for
	closed bool
}

func (s *tcpStage) join() (peer, bool) {
	wire, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = wire.Close() })
	p := &tcpPeer{stage: s, wire: wire.(*net.TCPConn), conn: <-s.spy.opened}
	s.peers = append(s.peers, p)
	_, known := s.server.links.Load(p.conn)
	return p, !known
}

func (s *tcpStage) upstream() peer {
	if s.stopUp != nil {
		s.stopUp()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	var up *Uplink
	s.upSpy = newSpy(nil)
	up = NewUplink(s.director, UplinkConfig{Once: true, Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		s.upSpy.Handler = h
		return tcp.Dial(ctx, l.Addr().String(), tcp.Config{}, s.upSpy)
	}})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = up.Run(ctx) })
	wire, err := l.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	_ = l.Close()
	s.up = &tcpPeer{stage: s, wire: wire.(*net.TCPConn), conn: <-s.upSpy.opened}
	s.stopUp = func() {
		_ = s.up.wire.Close()
		cancel()
		running.Wait()
		s.up, s.stopUp = nil, nil
	}
	// It is told at the latest then that the witness listens.
	for {
		m := s.up.next()
		if isWitness(m) {
			break
		}
		s.up.early = append(s.up.early, m)
	}
	return &tcpUp{s.up}
}

// settle sends a message to the witness by each link, behind what was sent
// there before.
func (s *tcpStage) settle() {
	m, err := compose("0 -> 0x7777777777777777 : 0")
	if err != nil {
		s.t.Fatal(err)
	}
	all := s.peers
	if s.up != nil {
		all = append(slices.Clone(all), s.up)
	}
	for _, p := range all {
		p.write(m)
		// What arrived together with what a link was dropped for, the witness
		// may hear all the same.
		for heard := false; !p.closed && (!heard || s.over(p)); {
			select {
			case <-s.witness.heard:
				heard = true
			case c := <-s.spy.closed:
				i := slices.IndexFunc(s.peers, func(q *tcpPeer) bool { return q.conn == c })
				s.peers[i].closed = true
			}
		}
		if p.closed {
			s.order(func() {})
			select {
			case <-s.witness.heard:
			default:
			}
		}
	}
	s.peers = slices.DeleteFunc(s.peers, func(p *tcpPeer) bool { return p.closed })
	for quiet := false; !quiet; {
		s.order(func() { quiet = s.director.next.empty() })
	}
}

// order has f called inside the order and waits for it.
func (s *tcpStage) order(f func()) {
	done := make(chan struct{})
	s.director.Do(func() {
		f()
		close(done)
	})
	<-done
}

// over tells whether the director has dropped a link.
func (s *tcpStage) over(p *tcpPeer) bool {
	if p == s.up {
		return false
	}
	l, known := s.server.links.Load(p.conn)
	return !known || l.(*link).over.Load()
}

// stats leaves the witness out.
func (s *tcpStage) stats() (Stats, LinkStats) {
	st := s.director.Stats()
	st.Participants--
	st.Channels--
	return st, s.server.Stats()
}

func (p *tcpPeer) write(m []byte) {
	_, _ = p.wire.Write(append(binary.LittleEndian.AppendUint16(nil, uint16(len(m))), m...))
}

func (p *tcpPeer) send(messages ...[]byte) {
	var all []byte
	for _, m := range messages {
		all = append(binary.LittleEndian.AppendUint16(all, uint16(len(m))), m...)
	}
	_, _ = p.wire.Write(all)
}

// received reads as many messages as the director has sent.
func (p *tcpPeer) received() (all [][]byte) {
	if p.closed {
		return nil
	}
	all, p.early = p.early, nil
	for n := p.conn.Stats().MessagesSent; p.read < n; {
		if m := p.next(); !isWitness(m) {
			all = append(all, m)
		}
	}
	return all
}

// isWitness reports whether a message is only there for the witness.
func isWitness(m []byte) bool {
	return bytes.Contains(m, binary.LittleEndian.AppendUint64(nil, witnessChannel))
}

func (p *tcpPeer) next() []byte {
	p.read++
	var head [2]byte
	_, err := io.ReadFull(p.wire, head[:])
	m := make([]byte, binary.LittleEndian.Uint16(head[:]))
	if err == nil {
		_, err = io.ReadFull(p.wire, m)
	}
	if err != nil {
		p.stage.t.Fatal(err)
	}
	return m
}

func (p *tcpPeer) leave() {
	_ = p.wire.Close()
	if c := <-p.stage.spy.closed; c != p.conn {
		p.stage.t.Fatal("another link was lost")
	}
	p.closed = true
}

func (p *tcpPeer) dropped() bool {
	if !p.closed {
		return false
	}
	_, err := io.Copy(io.Discard, p.wire) // what the witness was sent may be left
	return !errors.Is(err, net.ErrClosed)
}

type tcpUp struct{ *tcpPeer }

func (p *tcpUp) leave() { p.stage.stopUp() }
