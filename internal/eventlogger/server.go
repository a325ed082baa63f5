package eventlogger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/culm-net/culm/internal/loglimit"
)

// lastCall is how long the server still listens at its end, for what is on its
// way already: the last events of a process are those that tell why.
const lastCall = 100 * time.Millisecond

// DefaultQueue is the default of Config.Queue.
const DefaultQueue = 4 << 20

// Config is what an event logger is made from.
type Config struct {
	// Bind is the UDP address "host:port" on which events come in.
	Bind string
	// Output is the pattern of the files' names, for C's strftime. Folders
	// are not made.
	Output string
	// RotateInterval is how long a file is written, see [ParseInterval]; 0 is
	// for ever. It ends at midnight, or at multiples of the interval counted
	// from midnight, in local time.
	RotateInterval time.Duration
	// RotateSize is how many bytes a file may have, unless it has only
	// one line; 0 means any number.
	RotateSize int64
	// Queue is how many bytes of lines wait while files cannot be written, at
	// most; then events are lost and counted. 0 means [DefaultQueue].
	Queue int
	// Log gets what happens; nil means slog.Default().
	Log *slog.Logger
}

// Server receives events and writes them to files.
//
// Lines are written as soon as the system takes them: one system call for all
// that came during the last one. Nothing else is kept back, and nothing is
// synced to disk. Receiving never waits for the disk.
type Server struct {
	conn    *net.UDPConn
	files   files // of the goroutine that writes
	max     int   // bytes of lines that wait
	log     *slog.Logger
	limited *loglimit.Logger

	// Each holds at most one token.
	wake   chan struct{} // there are lines
	reopen chan struct{}

	mu    sync.Mutex
	queue []byte // whole lines
	held  int    // bytes of lines that the goroutine that writes has taken
	stats Stats
}

// Listen binds the address. Events are lost until [Server.Serve] runs.
func Listen(c Config) (*Server, error) {
	if err := CheckPattern(c.Output); err != nil {
		return nil, fmt.Errorf("event logger: %w", err)
	}
	if c.RotateInterval < 0 || c.RotateSize < 0 || c.Queue < 0 {
		return nil, errors.New("event logger: RotateInterval, RotateSize and Queue must not be negative")
	}
	if c.Queue == 0 {
		c.Queue = DefaultQueue
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	addr, err := net.ResolveUDPAddr("udp", c.Bind)
	if err != nil {
		return nil, fmt.Errorf("event logger: %w", err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("event logger: %w; choose another bind address", err)
	}
	// Bursts should not be lost. Where the system allows less it is less.
	_ = conn.SetReadBuffer(1 << 20)
	return &Server{
		conn:    conn,
		files:   files{pattern: c.Output, interval: c.RotateInterval, maxSize: c.RotateSize, open: openFile},
		max:     c.Queue,
		log:     c.Log,
		limited: loglimit.NewLogger(c.Log, 10*time.Second, 16),
		wake:    make(chan struct{}, 1),
		reopen:  make(chan struct{}, 1),
		stats:   Stats{Malformed: make(map[string]uint64)},
	}, nil
}

// Addr is the address on which events come in.
func (s *Server) Addr() netip.AddrPort { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Reopen closes the file and opens the one that is due, as a program that has
// moved files away wants it. It does not wait.
func (s *Server) Reopen() { signal(s.reopen) }

// Stats returns the counters. It may be called from any goroutine.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Malformed = maps.Clone(stats.Malformed)
	stats.QueuedBytes = len(s.queue) + s.held
	return stats
}

// Close ends Serve, or frees the address if Serve was never called.
func (s *Server) Close() error { return s.conn.Close() }

// Serve receives and writes until a tenth of a second after ctx is done, so
// that events on their way are not lost, or until Close is called. What came
// until then is written. It is called once. Files that cannot be written are
// logged and tried again; they do not end it.
func (s *Server) Serve(ctx context.Context) error {
	defer s.conn.Close()
	defer context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Now().Add(lastCall)) })()
	received := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() { s.write(received) })
	s.receive(ctx)
	close(received)
	writing.Wait()
	s.limited.Flush()
	return nil
}

// receive turns packets into lines until the socket is closed, or its time is
// over.
func (s *Server) receive(ctx context.Context) {
	packet := make([]byte, MaxPacket+1)
	var line []byte
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(packet)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			s.count(func(stats *Stats) { stats.SocketErrors++ })
			s.limited.Log(slog.LevelWarn, "receive", "events could not be received", slog.Any("err", err))
			select { // a lasting failure must not take all the time there is
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		line, err = AppendLine(line[:0], packet[:n], time.Now())
		s.mu.Lock()
		s.stats.Packets++
		s.stats.PacketBytes += uint64(n)
		full := false
		switch {
		case err != nil:
			s.stats.Malformed[reasonOf(err)]++
		case len(s.queue)+s.held+len(line) > s.max:
			s.stats.Dropped++
			full = true
		default:
			s.queue = append(s.queue, line...)
		}
		s.mu.Unlock()
		switch {
		case err != nil:
			s.limited.Log(slog.LevelError, reasonOf(err), "a packet is no event", slog.String("from", from.String()), slog.Any("err", err))
		case full:
			s.limited.Log(slog.LevelError, "full", "events are lost, because too many wait for being written", slog.Int("queue_bytes", s.max))
		}
		signal(s.wake)
	}
}

// write writes lines until receiving has ended and they are all written, or
// cannot be.
func (s *Server) write(received <-chan struct{}) {
	defer s.files.close()
	if err := s.files.ready(time.Now(), 0); err != nil {
		s.failed(err)
	}
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	var lines, spare []byte // taken from the queue, and a buffer for the next ones
	for ended := false; !ended; {
		select {
		case <-s.wake:
		case <-retry.C:
			s.limited.Flush()
		case <-s.reopen:
			s.files.close()
			s.files.retryAt = time.Time{}
		case <-received:
			ended = true
			s.files.retryAt = time.Time{}
		}
		s.mu.Lock()
		if len(lines) == 0 {
			lines, s.queue = s.queue, spare[:0]
			spare = lines[:0]
		} else { // some could not be written
			lines = append(lines, s.queue...)
			s.queue = s.queue[:0]
		}
		s.held = len(lines)
		s.mu.Unlock()

		n, err := s.files.write(time.Now(), lines)
		if err != nil {
			s.failed(err)
		}
		lines = lines[n:]
		s.count(func(stats *Stats) {
			s.held = len(lines)
			stats.Written += uint64(n)
			stats.FilesOpened = s.files.opened
		})
	}
	if len(lines) > 0 {
		s.log.Error("events are lost, because they could not be written until the end", "bytes", len(lines))
	}
}

func (s *Server) failed(err error) {
	s.count(func(stats *Stats) { stats.WriteErrors++ })
	s.limited.Log(slog.LevelError, "write", "events cannot be written", slog.Any("err", err))
}

func (s *Server) count(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}

// signal leaves a token in a channel that has room for one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
