package messagedirector

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// process is a message director in another process: this test binary, which
// TestMain makes one.
type process struct {
	cmd  *exec.Cmd
	addr string
}

func startProcess(t *testing.T, connect string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CULM_MD_BIND=127.0.0.1:0", "CULM_MD_CONNECT="+connect)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p.addr = strings.TrimSpace(line)
	return p
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// socket is a participant somewhere.
type socket struct {
	t    *testing.T
	wire net.Conn
}

func connect(t *testing.T, addr string) *socket {
	t.Helper()
	wire, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wire.Close() })
	return &socket{t, wire}
}

func (s *socket) send(all ...string) {
	s.t.Helper()
	var b []byte
	for _, text := range all {
		m, err := compose(text)
		if err != nil {
			s.t.Error(err)
		}
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(m))), m...)
	}
	if _, err := s.wire.Write(b); err != nil {
		s.t.Error(err)
	}
}

func (s *socket) next() (string, error) {
	var head [2]byte
	if _, err := io.ReadFull(s.wire, head[:]); err != nil {
		return "", err
	}
	m := make([]byte, binary.LittleEndian.Uint16(head[:]))
	_, err := io.ReadFull(s.wire, m)
	return describe(m), err
}

func (s *socket) gets(want string) {
	s.t.Helper()
	if got, err := s.next(); got != want || err != nil {
		s.t.Fatalf("got %s, %v, want %s", got, err, want)
	}
}

// meet lets p and q, who are at the same director, subscribe a channel each,
// and returns when that has taken effect.
func meet(p, q *socket, pChannel, qChannel string) {
	p.t.Helper()
	p.send("add "+pChannel, "1 -> "+qChannel+" : 7 hello")
	q.send("add "+qChannel, "1 -> "+pChannel+" : 7 hello")
	// Whoever the director has heard first is there when the other speaks.
	heard := make(chan bool, 2)
	for _, s := range []*socket{p, q} {
		go func() {
			_, err := s.next()
			heard <- s == p
			if err != nil {
				p.t.Error(err)
			}
		}()
	}
	if first := <-heard; first {
		p.send("1 -> " + qChannel + " : 7 hello")
	} else {
		q.send("1 -> " + pChannel + " : 7 hello")
	}
	<-heard
}

// A tree of two processes: what is sent at one end is heard at the other, and
// when the lower one is killed, the post-removes of who was behind it are sent.
func TestProcessBelow(t *testing.T) {
	top := startProcess(t, "")
	below := startProcess(t, top.addr)
	a, a2 := connect(t, top.addr), connect(t, top.addr)
	meet(a, a2, "500", "501")
	b, c := connect(t, below.addr), connect(t, below.addr)
	meet(b, c, "600", "700")

	// What is sent below is lost above until the link is there, so b says it
	// again whenever c, who is below too, has heard it.
	b.send("add 1000-1999", "post-remove 9 9 -> 500 : 2032 b is gone")
	heard := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			b.send("9 -> 500 700 : 7 hello")
			if _, err := c.next(); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-heard:
				return
			default:
			}
		}
	})
	a.gets("9 -> 500 700 : 7 hello")
	close(heard)
	asking.Wait()
	b.send("9 -> 500 : 7 done")
	for got := ""; got != "9 -> 500 : 7 done"; {
		got, _ = a.next()
	}

	a.send("8 -> 600 : 7 down", "8 -> 1500 500 : 7 by the range", "8 -> 601 : 7 to nobody", "8 -> 1999 : 7 last")
	b.gets("8 -> 600 : 7 down")
	b.gets("8 -> 1500 500 : 7 by the range")
	b.gets("8 -> 1999 : 7 last")
	b.send("9 -> 500 600 : 7 up")
	a.gets("9 -> 500 600 : 7 up")

	below.kill()
	a.gets("9 -> 500 : 2032 b is gone")
	if _, err := b.next(); err == nil {
		t.Error("b hears of a director that was killed")
	}
}

// F35: the director above is killed and comes back. Everybody below stays, and
// hears again what they had subscribed.
func TestUpstreamIsKilledAndRestored(t *testing.T) {
	st := newTCPStage(t, &stageConfig{}).(*tcpStage)
	first := startProcess(t, "")

	addrs := make(chan string, 1) // where to dial next
	connected, lost := make(chan struct{}, 10), make(chan struct{}, 10)
	addrs <- first.addr
	up := NewUplink(st.director, UplinkConfig{
		MinBackoff: time.Microsecond,
		MaxBackoff: time.Microsecond,
		Changed: func(up bool) {
			if up {
				connected <- struct{}{}
			} else {
				lost <- struct{}{}
			}
		},
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			select {
			case addr := <-addrs:
				return tcp.Dial(ctx, addr, tcp.Config{}, h)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := up.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()

	b := connect(t, st.addr)
	b.send("add 1000", "add 2000-2999", "post-remove 9 9 -> 500 : 7 b is gone")
	<-connected
	// speak has b and somebody at the director above hear each other.
	speak := func(addr string) {
		t.Helper()
		a, c := connect(t, addr), connect(t, addr)
		meet(a, c, "501", "502")
		b.send("9 -> 501 502 : 7 up")
		a.gets("9 -> 501 502 : 7 up")
		c.gets("9 -> 501 502 : 7 up")
		a.send("1 -> 1000 : 7 down", "1 -> 2999 : 7 down too")
		b.gets("1 -> 1000 : 7 down")
		b.gets("1 -> 2999 : 7 down too")
	}
	speak(first.addr)
	first.kill()
	<-lost
	b.send("add 3000")

	addrs <- "127.0.0.1:1" // nobody is there
	second := startProcess(t, "")
	addrs <- second.addr
	<-connected
	speak(second.addr)
	if n := up.Stats(); n.Opened != 2 || n.Lost != 1 {
		t.Errorf("counted %+v", n)
	}
}

// As Astron does: without an upstream there is no daemon.
func TestUpstreamOnce(t *testing.T) {
	d := New(Limits{})
	refused := errors.New("refused")
	up := NewUplink(d, UplinkConfig{Once: true, Dial: func(context.Context, transport.Handler) (transport.Conn, error) {
		return nil, refused
	}})
	if err := up.Run(t.Context()); !errors.Is(err, refused) {
		t.Errorf("Run: %v", err)
	}

	up = NewUplink(d, UplinkConfig{Once: true, Dial: func(_ context.Context, h transport.Handler) (transport.Conn, error) {
		c := new(fakeConn)
		h.Opened(c)
		h.Closed(c, io.EOF)
		return c, nil
	}})
	if err := up.Run(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("Run: %v", err)
	}
}
