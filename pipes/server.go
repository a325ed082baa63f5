package pipes

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/loglimit"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/world"
)

// Server lets the clients that a transport's listener brings into a world. Its
// methods are safe for concurrent use. A world may have several, one for each
// listener; each has the limits of its own Config.
type Server struct {
	settings  *settings
	world     *world.World
	schema    *dc.Schema
	checks    argumentChecks
	admission *session.Admission
	log       *loglimit.Logger // for what clients can cause as often as they like
	counters  counters
	peers     sync.Map       // transport.Conn → *peer
	open      sync.WaitGroup // the entries of peers
	made      time.Time
	now       func() time.Time // time.Now, but in tests
	looked    time.Time        // of tickLoop: when it last looked for timeouts
	every     time.Duration    // how often it does: tickInterval, but in tests

	mu       sync.Mutex // between Opened and the end of Serve
	draining bool

	// Of the world's goroutine:
	unhook     func()  // from the world's ticks
	admitted   int     // clients that were let in
	spare      batch   // for the next inbox
	delaying   []*peer // with delayed commands
	wishing    []*peer // with changes of interest that wait
	completing []*peer // with interest that is not complete
	holding    []*peer // with messages of objects that they do not know yet
	sealed     int64   // when it was, on the server's clock
	conns      []transport.Conn
	buffers    sync.Pool // of *[]byte, for messages in the making

	// What is queued for clients, and to be flushed after the tick.
	dirtyMu  sync.Mutex
	listener transport.Listener // nil before Serve
	dirty    []*peer
}

// NewServer makes a server for a world; Serve runs it. It must be called before
// the world runs. The error says which setting is wrong.
func NewServer(c Config) (*Server, error) {
	settings, err := c.complete()
	if err != nil {
		return nil, err
	}
	schema := settings.World.Schema()
	s := &Server{
		settings:  settings,
		world:     settings.World,
		schema:    schema,
		checks:    newArgumentChecks(schema),
		admission: session.NewAdmission(settings.maxConnections(), settings.MaxPerAddress),
		log:       loglimit.NewLogger(settings.Log, logInterval, logKeys),
		made:      time.Now(),
		now:       time.Now,
		every:     tickInterval,
	}
	s.buffers.New = func() any { return new([]byte) }
	s.unhook = s.world.OnSeal(s.beforeSeal, s.afterSeal)
	return s, nil
}

// What a client can cause to be logged, it causes once per logInterval for
// each of logKeys reasons and addresses.
const (
	logInterval = 10 * time.Second
	logKeys     = 256
)

// Serve speaks with the clients that l brings until ctx is done. Then it lets
// nobody in any more, disconnects the clients, waits until what was queued for
// them has left or the transport gave up on it, and returns nil. It returns an
// error when accepting failed for good. It may be called once. Clients only get
// on while the world steps.
func (s *Server) Serve(ctx context.Context, l transport.Listener) error {
	s.dirtyMu.Lock()
	s.listener = l
	s.dirtyMu.Unlock()
	ticks, stopTicks := context.WithCancel(context.Background())
	var ticking sync.WaitGroup
	ticking.Go(func() { s.tickLoop(ticks) })

	err := l.Serve(ctx, s)

	s.drain()
	s.open.Wait()
	s.world.Do(s.unhook)
	stopTicks()
	ticking.Wait()
	s.log.Flush()
	return err
}

// drain lets nobody in any more and disconnects all clients.
func (s *Server) drain() {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.peers.Range(func(_, v any) bool {
		p := v.(*peer)
		if p.state.Load() == stateVerified {
			p.close(transport.CodeShutdown, session.Eject(transport.CodeShutdown, shutdownText), shutdownText)
		} else {
			p.reject(rejectedShutdown, shutdownText)
		}
		return true
	})
}

// clock is a time in nanoseconds that does not jump when the machine's clock
// is set.
func (s *Server) clock(now time.Time) int64 { return int64(now.Sub(s.made)) }

// Opened is called by the transport for each new connection.
func (s *Server) Opened(conn transport.Conn) {
	p := &peer{server: s, conn: conn, addr: session.AddrOf(conn.Identity().Addr)}
	p.drain = p.drainInbox
	now := s.clock(s.now())
	p.since.Store(now)
	p.heard.Store(now)
	if err := s.admit(p); err != nil {
		why, code := rejectedFull, transport.CodeRefused
		switch {
		case errors.Is(err, session.ErrAddressFull):
			why = rejectedAddress
		case errors.Is(err, errDraining):
			why, code = rejectedShutdown, transport.CodeShutdown
		}
		s.counters.reject(why)
		p.log(slog.LevelWarn, "reject "+string(why), "connection rejected", err.Error())
		conn.Close(code, err.Error())
	}
}

var errDraining = errors.New(shutdownText)

// admit lets a connection be, or says why not.
func (s *Server) admit(p *peer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return errDraining
	}
	if err := s.admission.Enter(p.addr, false); err != nil {
		return err
	}
	s.open.Add(1)
	s.peers.Store(p.conn, p)
	return nil
}

// Received is called by the transport with the messages of a client.
func (s *Server) Received(conn transport.Conn, msgs [][]byte) {
	if v, ok := s.peers.Load(conn); ok {
		v.(*peer).received(msgs)
	}
}

// Closed is called by the transport when a connection is gone.
func (s *Server) Closed(conn transport.Conn, err error) {
	v, ok := s.peers.LoadAndDelete(conn)
	if !ok {
		return // it was never let in
	}
	defer s.open.Done()
	p := v.(*peer)
	s.admission.Leave(p.addr, false)
	if l := p.login.Load(); l != nil {
		l.cancel() // at once, even if the world stands still
	}
	// Behind what the client sent before it left, which is to take effect.
	if !s.world.Do(func() { p.gone(err); p.leave() }) {
		p.gone(err)
	}
}

// gone ends the session of a client whose connection is gone.
func (p *peer) gone(err error) {
	s := p.server
	if _, ok := p.end(err); !ok {
		return
	}
	var breach *transport.CloseError // the transport ejected the client for the bytes it sent
	if errors.As(err, &breach) && !breach.Remote && breach.Code == transport.CodeProtocol {
		s.counters.eject(breach.Code)
		p.log(slog.LevelWarn, codeName(breach.Code), "client ejected", breach.Reason)
		return
	}
	s.counters.disconnect()
	s.settings.Log.Debug("client disconnected", "address", p.conn.Identity().Addr, "reason", err)
}

// beforeSeal is called by the world before it makes a tick's snapshots.
func (s *Server) beforeSeal(uint32) {
	s.sealed = s.clock(s.now())
	s.releaseDelayed()
	s.releaseWishes()
}

// afterSeal is called by the world when a tick's snapshots were made.
func (s *Server) afterSeal(tick uint32) {
	s.sendHolding(tick)
	s.complete()
	s.flush()
}

// markDirty sees to it that what is queued for p leaves after the tick. Any
// goroutine may call it.
func (s *Server) markDirty(p *peer) {
	if p.dirty.Load() || p.dirty.Swap(true) {
		return
	}
	s.dirtyMu.Lock()
	s.dirty = append(s.dirty, p)
	s.dirtyMu.Unlock()
}

// flush gives all that is queued for clients to the network.
func (s *Server) flush() {
	var sum sent
	s.dirtyMu.Lock()
	for _, p := range s.dirty {
		p.dirty.Store(false)
		sum.add(&p.sent)
		p.sent = sent{}
		s.conns = append(s.conns, p.conn)
	}
	clear(s.dirty)
	s.dirty = s.dirty[:0]
	listener := s.listener
	s.dirtyMu.Unlock()
	if len(s.conns) == 0 {
		return
	}
	s.counters.flushed(&sum)
	if listener != nil {
		listener.Flush(s.conns)
	} else {
		for _, c := range s.conns {
			c.Flush()
		}
	}
	clear(s.conns)
	s.conns = s.conns[:0]
}
