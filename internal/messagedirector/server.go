package messagedirector

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/internal/loglimit"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

// ServerConfig is what a [Server] is told. The zero value lets everybody in.
type ServerConfig struct {
	// Allow is from where links may come; nil is from everywhere. Who has a
	// link owns the game.
	Allow session.Networks

	// MaxLinks is how many links there may be; 0 is no limit. More are closed
	// at once.
	MaxLinks int

	// Stall is how long a link may take nothing of what waits for it before
	// it is closed. 0 means DefaultStall. How much may wait is the
	// transport's to limit, see DefaultSendQueue.
	Stall time.Duration

	// MaxQueued is how many bytes may wait for all links together. When it is
	// more, the link for which most waits is closed, until it is not. It is
	// looked at each time that an eighth of it has been sent. 0 means 512 MiB.
	MaxQueued int

	// MaxBacklog is how many bytes may wait to be routed before links are
	// read more slowly. 0 means DefaultBacklog.
	MaxBacklog int

	// LogMessage gets the packets of CONTROL_LOG_MESSAGE, which are for the
	// event logger. It is called from any goroutine, must not wait, and does
	// not keep the slice. nil drops them.
	LogMessage func(packet []byte)

	// Log hears of links that come and go. nil discards it.
	Log *slog.Logger
}

// Server lets other processes take part over links: AI servers, UberDOGs and
// further daemons, each of them one participant. Their transport should read
// at once and not at a pace (tcp.Config.Pace < 0), because links are few, and
// questions and answers go to and fro on them.
type Server struct {
	director *Director
	config   ServerConfig
	log      *loglimit.Logger
	outlet   *Outlet
	batches  sync.Pool // of *Batch
	links    sync.Map  // transport.Conn → *link
	open     sync.WaitGroup
	count    linkCounters

	admission *session.Admission
	unlooked  int // bytes queued since Server.look; inside the order

	mu       sync.Mutex
	listener transport.Listener // set by Serve
	draining bool
}

// link is one process below this one.
type link struct {
	wire
	participant Participant
	server      *Server

	over atomic.Bool // the participant has left, nothing more is read
	name string      // for logs, of the goroutine that reads
}

const (
	logInterval = 10 * time.Second
	logKeys     = 256
	// maxName is how many bytes of the name that a link gives itself count.
	maxName = transport.MaxReason
	// holdTime is for how long a link is not read when too much waits to be
	// routed.
	holdTime = 5 * time.Millisecond
	// stallTick is how often links are looked at.
	stallTick = time.Second
)

// NewServer makes a server of links to d; Serve runs it.
func NewServer(d *Director, c ServerConfig) *Server {
	c.Stall = cmp.Or(c.Stall, DefaultStall)
	c.MaxBacklog = cmp.Or(c.MaxBacklog, DefaultBacklog)
	c.MaxQueued = cmp.Or(c.MaxQueued, 8*DefaultSendQueue)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{director: d, config: c, log: loglimit.NewLogger(c.Log, logInterval, logKeys), admission: session.NewAdmission(c.MaxLinks, 0)}
	s.batches.New = func() any { return new(Batch) }
	s.outlet = NewOutlet(d, linkWrites, func(conns []transport.Conn) { s.listener.Flush(conns) })
	return s
}

// Serve lets in what l brings until ctx is done; then it closes all links and
// returns nil when they are gone. It returns an error when accepting failed for
// good. It may be called once.
func (s *Server) Serve(ctx context.Context, l transport.Listener) error {
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	ticks, stop := context.WithCancel(context.Background())
	var ticking sync.WaitGroup
	ticking.Go(func() { s.tick(ticks) })

	err := l.Serve(ctx, s)

	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.links.Range(func(_, v any) bool {
		v.(*link).conn.Close(transport.CodeShutdown, "the daemon is shutting down")
		return true
	})
	s.open.Wait()
	stop()
	ticking.Wait()
	s.outlet.Close()
	s.log.Flush()
	return err
}

// tick looks for links that take nothing.
func (s *Server) tick(ctx context.Context) {
	t := time.NewTicker(stallTick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			s.findStalled(now)
		}
	}
}

func (s *Server) findStalled(now time.Time) {
	s.links.Range(func(_, v any) bool {
		l := v.(*link)
		if l.stall.Look(now, l.conn.Stats()) >= s.config.Stall {
			s.director.Do(func() { l.drop(dropStalled, "it has taken nothing for too long") })
		}
		return true
	})
}

// Opened is called by the transport for each new connection.
func (s *Server) Opened(conn transport.Conn) {
	addr := conn.Identity().Addr
	if s.config.Allow != nil && !s.config.Allow.Contains(session.AddrOf(addr)) {
		s.count.refused.Add(1)
		s.log.Log(slog.LevelWarn, "refused", "link refused: its address is not in the list of those allowed", slog.Any("address", addr))
		conn.Close(transport.CodeRefused, "the address is not allowed")
		return
	}
	if err := s.admission.Enter(session.AddrOf(addr), false); err != nil {
		s.count.refused.Add(1)
		s.log.Log(slog.LevelWarn, "full", "link refused: there are as many as may be", slog.Any("address", addr))
		conn.Close(transport.CodeRefused, "there are too many links")
		return
	}
	l := &link{server: s, wire: wire{outlet: s.outlet, conn: conn}}
	l.participant.Receiver = l
	if !s.enter(l) {
		s.admission.Leave(session.AddrOf(addr), false)
		conn.Close(transport.CodeShutdown, "the daemon is shutting down")
		return
	}
	s.count.opened.Add(1)
	s.config.Log.Info("link opened", "address", addr, "identity", conn.Identity().Name)
}

// enter reports whether a link may still come.
func (s *Server) enter(l *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.open.Add(1)
	s.links.Store(l.conn, l)
	return true
}

// Received is called by the transport with messages of a link.
func (s *Server) Received(conn transport.Conn, messages [][]byte) {
	v, ok := s.links.Load(conn)
	if !ok {
		return
	}
	l := v.(*link)
	if l.over.Load() {
		return
	}
	b := s.batches.Get().(*Batch)
	b.From(&l.participant)
	for _, m := range messages {
		if err := l.accept(b, m); err != nil {
			s.count.malformed.Add(1)
			b.Do(func() { l.drop(dropMalformed, err.Error()) })
			break
		}
	}
	s.director.Post(b)
	s.batches.Put(b)
	if s.director.Backlog() > s.config.MaxBacklog {
		s.count.held.Add(1)
		conn.Hold(holdTime)
	}
}

// accept appends a message to b, if it is for the order. The error says why
// the link must be closed.
func (l *link) accept(b *Batch, m []byte) error {
	if len(m) == 0 {
		return errEmpty
	}
	if m[0] == 1 && len(m) < 9 {
		return errors.New("a message ends within its only recipient")
	}
	if !isControl(m) {
		if _, err := ParseMessage(m); err != nil {
			l.server.count.malformed.Add(1)
			l.warn("malformed", "message dropped", slog.Any("reason", err))
			return nil
		}
		return b.Append(m)
	}
	c, err := parseControl(m)
	if err != nil {
		return err
	}
	switch c.typ {
	case ControlAddChannel, ControlRemoveChannel, ControlAddRange, ControlRemoveRange, ControlAddPostRemove, ControlClearPostRemoves:
		return b.Append(m)
	case ControlSetConName:
		l.name = transport.CutReason(string(c.contents[:min(len(c.contents), maxName)]))
		l.server.config.Log.Debug("link has a name", "link", l.name, "address", l.conn.Identity().Addr)
	case ControlSetConURL:
		// Nothing is done with it.
	case ControlLogMessage:
		if f := l.server.config.LogMessage; f != nil {
			f(c.contents)
		}
	default:
		l.warn("unknown control", "unknown control message", slog.Any("type", c.typ))
	}
	return nil
}

func (l *link) warn(key, msg string, attrs ...slog.Attr) {
	addr := l.conn.Identity().Addr
	l.server.log.Log(slog.LevelWarn, key+" "+addr.String(), msg, append(attrs, slog.Any("address", addr), slog.String("link", l.name))...)
}

// Receive passes a message on to the other process.
func (l *link) Receive(m *Message) {
	if !l.pass(m) {
		l.drop(dropOverrun, "too much waits for it to read")
	}
	s := l.server
	if s.unlooked += len(m.Raw); s.unlooked > s.config.MaxQueued/8 {
		s.unlooked = 0
		s.look()
	}
}

// look closes links until no more than MaxQueued waits. It is called inside
// the order.
func (s *Server) look() {
	type queue struct {
		link   *link
		queued int
	}
	var all []queue
	total := 0
	s.links.Range(func(_, v any) bool {
		l := v.(*link)
		if n := l.conn.Stats().Queued; n > 0 && !l.over.Load() {
			all = append(all, queue{l, n})
			total += n
		}
		return true
	})
	slices.SortFunc(all, func(a, b queue) int { return cmp.Compare(b.queued, a.queued) })
	for _, q := range all {
		if total <= s.config.MaxQueued {
			return
		}
		total -= q.queued
		q.link.drop(dropOverrun, "too much waits for all links together, and most of it for this one")
	}
}

// overrun is called by the director when the link has reached a limit.
func (l *link) overrun(err error) { l.drop(dropLimit, err.Error()) }

// drop closes the link inside the order: its participant leaves at once, and
// does not wait until the connection is gone.
func (l *link) drop(why dropReason, reason string) {
	if l.over.Swap(true) {
		return
	}
	l.server.count.dropped[why].Add(1)
	l.gone = true
	l.server.director.Expel(&l.participant)
	l.server.log.Log(slog.LevelWarn, "dropped "+dropNames[why], "link closed by this side", slog.Any("address", l.conn.Identity().Addr), slog.String("reason", reason))
	reset(l.conn, reason)
}

// Closed is called by the transport when a connection is gone.
func (s *Server) Closed(conn transport.Conn, err error) {
	v, ok := s.links.LoadAndDelete(conn)
	if !ok {
		return
	}
	l := v.(*link)
	s.count.closed.Add(1)
	s.admission.Leave(session.AddrOf(conn.Identity().Addr), false)
	s.director.Do(func() {
		l.over.Store(true)
		l.gone = true
		s.director.Leave(&l.participant) // unless it was dropped, and has left
	})
	s.config.Log.Info("link lost", "address", conn.Identity().Addr, "link", l.name, "reason", err)
	s.open.Done()
}
