package mdtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"testing"

	md "github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// core has participants where others have links. What is sent has taken effect
// when send returns.
type core struct{ director *md.Director }

func newCore(_ testing.TB, d *md.Director) stage { return core{d} }

type corePeer struct {
	md       md.Participant
	director *md.Director
	in       [][]byte
}

func (c core) join() peer {
	p := &corePeer{director: c.director}
	p.md.Receiver = p
	return p
}

func (c core) settle() {}

func (p *corePeer) Receive(m *md.Message) { p.in = append(p.in, bytes.Clone(m.Raw)) }

func (p *corePeer) send(messages [][]byte) {
	var b md.Batch
	b.From(&p.md)
	for _, m := range messages {
		_ = b.Append(m)
	}
	p.director.Post(&b)
}

func (p *corePeer) received() [][]byte {
	in := p.in
	p.in = nil
	return in
}

func (p *corePeer) leave() { p.director.Do(func() { p.director.Leave(&p.md) }) }

// overTCP is a server of links on a TCP listener, and real sockets.
type overTCP struct {
	t        testing.TB
	addr     string
	director *md.Director
	spy      *spy
	witness  *witness
	peers    []*tcpPeer
}

// spy stands before the server to learn which links come and go.
type spy struct {
	transport.Listener
	transport.Handler
	opened, closed chan transport.Conn
}

func (s *spy) Serve(ctx context.Context, h transport.Handler) error {
	s.Handler = h
	return s.Listener.Serve(ctx, s)
}

func (s *spy) Opened(c transport.Conn) { s.Handler.Opened(c); s.opened <- c }
func (s *spy) Closed(c transport.Conn, err error) {
	s.Handler.Closed(c, err)
	s.closed <- c
}

// witness is a participant by which one knows how far the order has come. It
// has a channel that no story uses, and those behind it are the peers'.
type witness struct {
	md    md.Participant
	heard chan struct{}
}

const witnessChannel = 0x7777777700000000

func (w *witness) Receive(*md.Message) { w.heard <- struct{}{} }

func newTCP(t testing.TB, d *md.Director) stage {
	server := md.NewServer(d, md.ServerConfig{})
	l, err := tcp.Listen("127.0.0.1:0", tcp.Config{Linger: -1, SendQueue: md.DefaultSendQueue, Pace: -1})
	if err != nil {
		t.Fatal(err)
	}
	s := &overTCP{
		t: t, addr: l.Addr().String(), director: d, witness: &witness{heard: make(chan struct{}, 1)},
		spy: &spy{Listener: l, opened: make(chan transport.Conn, 100), closed: make(chan transport.Conn, 100)},
	}
	s.witness.md.Receiver = s.witness
	d.Do(func() { _ = d.Subscribe(&s.witness.md, witnessChannel) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, s.spy) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

type tcpPeer struct {
	stage   *overTCP
	wire    net.Conn
	conn    transport.Conn // the director's end
	channel uint64         // of its own
	in      [][]byte
}

func (s *overTCP) join() peer {
	wire, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = wire.Close() })
	p := &tcpPeer{stage: s, wire: wire, conn: <-s.spy.opened, channel: witnessChannel + 1 + uint64(len(s.peers))}
	s.peers = append(s.peers, p)
	w := control(md.ControlAddChannel)
	w.Uint64(p.channel)
	p.send([][]byte{w.Buf})
	return p
}

// empty is a message that is only there to arrive.
func empty(to uint64) []byte {
	m := binary.LittleEndian.AppendUint64([]byte{1}, to)
	return append(m, make([]byte, 8+2)...)
}

// settle sends a message to the witness by each link, behind what was sent there
// before, waits until nothing is under way any more, and reads what each link
// was sent before a message of its own.
func (s *overTCP) settle() {
	for _, p := range s.peers {
		p.send([][]byte{empty(witnessChannel)})
		<-s.witness.heard
	}
	for last, now := uint64(0), s.round(); now != last; {
		last, now = now, s.round()
	}
	var b md.Batch
	b.From(&s.witness.md)
	for _, p := range s.peers {
		_ = b.Append(empty(p.channel))
	}
	s.director.Post(&b)
	for _, p := range s.peers {
		p.read()
	}
}

// round waits until the queue was worked off once, and returns how many
// messages had been routed before. Twice the same: there was none.
func (s *overTCP) round() (n uint64) {
	done := make(chan struct{})
	s.director.Do(func() {
		n = s.director.Stats().Routed
		close(done)
	})
	<-done
	return n
}

func (p *tcpPeer) send(messages [][]byte) {
	var all []byte
	for _, m := range messages {
		all = append(binary.LittleEndian.AppendUint16(all, uint16(len(m))), m...)
	}
	if _, err := p.wire.Write(all); err != nil {
		p.stage.t.Fatal(err)
	}
}

// read reads up to the message of its own.
func (p *tcpPeer) read() {
	for {
		var head [2]byte
		_, err := io.ReadFull(p.wire, head[:])
		m := make([]byte, binary.LittleEndian.Uint16(head[:]))
		if err == nil {
			_, err = io.ReadFull(p.wire, m)
		}
		if err != nil {
			p.stage.t.Fatal(err)
		}
		if bytes.Equal(m, empty(p.channel)) {
			return
		}
		p.in = append(p.in, m)
	}
}

func (p *tcpPeer) received() [][]byte {
	in := p.in
	p.in = nil
	return in
}

func (p *tcpPeer) leave() {
	_ = p.wire.Close()
	if c := <-p.stage.spy.closed; c != p.conn {
		p.stage.t.Fatal("another link was lost")
	}
	p.stage.peers = slices.DeleteFunc(p.stage.peers, func(q *tcpPeer) bool { return q == p })
}
