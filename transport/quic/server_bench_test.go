//go:build linux

package quic

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/culm-net/culm/transport"
)

// peersOf is the environment variable that makes the test binary a process of
// clients, so that a benchmark measures the server alone: "ADDR N".
const peersOf = "CULM_QUIC_BENCH_PEERS"

func init() {
	if job := os.Getenv(peersOf); job != "" {
		if err := runPeers(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// runPeers is clients of bare quic-go that read datagrams until standard input
// ends. It prints a line when they are connected, and how much they got.
func runPeers(job string) error {
	var addr string
	var n int
	if _, err := fmt.Sscanf(job, "%s %d", &addr, &n); err != nil {
		return err
	}
	cfg := &quic.Config{EnableDatagrams: true, MaxIncomingUniStreams: 10}
	var got [][]int
	for i := range n {
		var c *quic.Conn
		var err error
		for range 50 {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			c, err = quic.DialAddr(ctx, addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPN}}, cfg)
			cancel()
			if err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err != nil {
			return err
		}
		got = append(got, make([]int, 8))
		mine := got[i]
		go func() {
			for {
				if _, err := c.ReceiveDatagram(context.Background()); err != nil {
					return
				}
				mine[0]++
			}
		}()
	}
	fmt.Println("connected")
	_, _ = io.Copy(io.Discard, os.Stdin)
	total := 0
	for _, g := range got {
		total += g[0]
	}
	fmt.Println(total)
	return nil
}

// startPeers runs n clients of addr in another process, and returns what stops
// them and tells how many datagrams they got.
func startPeers(b *testing.B, addr string, n int) func() int {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", peersOf, addr, n), "GOMAXPROCS=1", "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); err != nil {
		b.Fatalf("the clients say %q, %v", line, err)
	}
	return func() int {
		_ = stdin.Close()
		line, _ := lines.ReadString('\n')
		_ = cmd.Wait()
		total, _ := strconv.Atoi(strings.TrimSpace(line))
		return total
	}
}

// sender is a server under measurement: how it sends one batch to some of its
// clients.
type sender interface {
	count() int
	send(clients []int, data []byte, parts int)
	close()
}

// bareServer is quic-go with a goroutine per client that sends, as is needed
// because SendDatagram may wait.
type bareServer struct {
	mu    sync.Mutex
	work  []chan int
	conns []*quic.Conn
	l     *quic.Listener
}

func newBareServer(b *testing.B, data *[]byte) (*bareServer, string) {
	cert, err := SelfSigned("127.0.0.1")
	if err != nil {
		b.Fatal(err)
	}
	l, err := quic.ListenAddr("127.0.0.1:0", &tls.Config{GetCertificate: cert.Get, NextProtos: []string{ALPN}}, &quic.Config{EnableDatagrams: true})
	if err != nil {
		b.Fatal(err)
	}
	s := &bareServer{l: l}
	go func() {
		for {
			c, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			work := make(chan int, 4)
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.work = append(s.work, work)
			s.mu.Unlock()
			go func() {
				for parts := range work {
					for range parts {
						_ = c.SendDatagram(*data)
					}
				}
			}()
			go func() {
				for {
					if _, err := c.ReceiveDatagram(context.Background()); err != nil {
						return
					}
				}
			}()
		}
	}()
	return s, l.Addr().String()
}

func (s *bareServer) count() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.conns) }

func (s *bareServer) send(clients []int, _ []byte, parts int) {
	for _, i := range clients {
		s.work[i] <- parts
	}
}

func (s *bareServer) close() {
	for i, c := range s.conns {
		_ = c.CloseWithError(0, "")
		close(s.work[i])
	}
	_ = s.l.Close()
}

// culmServer is this package.
type culmServer struct {
	mu    sync.Mutex
	conns []transport.Conn
	batch []transport.Conn
	l     *Listener
	gone  sync.WaitGroup
}

func (s *culmServer) Opened(c transport.Conn) {
	s.gone.Add(1)
	s.mu.Lock()
	s.conns = append(s.conns, c)
	s.mu.Unlock()
}
func (s *culmServer) Received(transport.Conn, [][]byte) {}
func (s *culmServer) Closed(transport.Conn, error)      { s.gone.Done() }

func newCulmServer(b *testing.B) (*culmServer, string) {
	l, err := Listen("127.0.0.1:0", Config{Linger: -1})
	if err != nil {
		b.Fatal(err)
	}
	s := &culmServer{l: l}
	go func() { _ = l.Serve(context.Background(), s) }()
	return s, l.Addr().String()
}

func (s *culmServer) count() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.conns) }

func (s *culmServer) send(clients []int, data []byte, parts int) {
	s.batch = s.batch[:0]
	for _, i := range clients {
		c := s.conns[i]
		for range parts {
			_ = c.Send(transport.Message{Data: data, Mode: transport.Unreliable})
		}
		s.batch = append(s.batch, c)
	}
	s.l.Flush(s.batch)
}

func (s *culmServer) close() {
	for _, c := range s.conns {
		c.Close(transport.CodeNormal, "")
	}
	s.gone.Wait()
	_ = s.l.Close()
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the process' memory in bytes.
func resident() int {
	data, _ := os.ReadFile("/proc/self/statm")
	var size, pages int
	_, _ = fmt.Sscan(string(data), &size, &pages)
	return pages * os.Getpagesize()
}

// BenchmarkServer is a server's ticks in real time: each client is sent the
// parts of a snapshot per tick, and the sends are spread over the tick. %core
// is the server's processor time per client; the clients are another process.
func BenchmarkServer(b *testing.B) {
	for _, bench := range []struct {
		clients, parts, size, rate int
	}{
		{24, 2, 1200, 66},
		{200, 2, 1200, 66},
		{1000, 1, 1000, 20},
		{24, 0, 0, 2}, // idle
		{1000, 0, 0, 2},
	} {
		for _, kind := range []string{"bare", "culm"} {
			b.Run(fmt.Sprintf("%s/clients=%d/parts=%d/size=%d/rate=%d", kind, bench.clients, bench.parts, bench.size, bench.rate), func(b *testing.B) {
				runtime.GC()
				before := resident()
				var mem runtime.MemStats
				runtime.ReadMemStats(&mem)
				data := make([]byte, bench.size)
				var s sender
				var addr string
				if kind == "bare" {
					s, addr = newBareServer(b, &data)
				} else {
					s, addr = newCulmServer(b)
				}
				stop := startPeers(b, addr, bench.clients)
				for s.count() < bench.clients {
					time.Sleep(time.Millisecond)
				}
				slices := 1
				if bench.parts > 0 {
					slices = 1000 / bench.rate // one in each millisecond
				}
				groups := make([][]int, slices)
				for i := range bench.clients {
					groups[i%slices] = append(groups[i%slices], i)
				}
				step := time.Second / time.Duration(bench.rate*slices)
				next := time.Now()
				began, cpu := next, cpuTime()
				b.ReportAllocs()
				ticks := 0
				for b.Loop() {
					for _, g := range groups {
						next = next.Add(step)
						time.Sleep(time.Until(next))
						if bench.parts > 0 {
							s.send(g, data, bench.parts)
						}
					}
					ticks++
				}
				share := float64(cpuTime()-cpu) / float64(time.Since(began)) / float64(bench.clients)
				b.ReportMetric(100*share, "%core/client")
				runtime.GC()
				var after runtime.MemStats
				runtime.ReadMemStats(&after)
				perClient := func(bytes int) float64 { return float64(bytes) / 1024 / float64(bench.clients) }
				b.ReportMetric(perClient(resident()-before), "residentKB/client")
				b.ReportMetric(perClient(int(after.HeapAlloc-mem.HeapAlloc)), "heapKB/client")
				b.ReportMetric(perClient(int(after.StackInuse-mem.StackInuse)), "stackKB/client")
				got := stop()
				if want := ticks * bench.clients * bench.parts; want > 0 {
					b.ReportMetric(100*(1-float64(got)/float64(want)), "%lost")
				}
				s.close()
			})
		}
	}
}
