package lan

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/culm-net/culm/internal/loglimit"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/transport"
)

// Server speaks the LAN protocol with the clients that a transport's listener
// brings. Its methods are safe for concurrent use.
type Server struct {
	settings  *settings
	admission *session.Admission
	log       *loglimit.Logger // for what clients can cause as often as they like
	decoders  sync.Pool        // of *decoder
	peers     sync.Map         // transport.Conn → *peer
	open      sync.WaitGroup   // the entries of peers
	held      atomic.Uint64
	made      time.Time
	now       func() time.Time // time.Now, but in tests

	mu           sync.Mutex // the server's order: who holds it is next
	core         *core
	flusher      *session.Flusher[*client] // nil before Serve
	draining     bool
	connected    uint64
	disconnected uint64
	rejected     map[string]uint64
	ejected      map[transport.Code]uint64
}

// NewServer makes a server; Serve runs it. The error says which setting is
// wrong.
func NewServer(c Config) (*Server, error) {
	settings, err := c.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{
		settings:  settings,
		admission: session.NewAdmission(settings.MaxClients, settings.MaxPerAddress),
		log:       loglimit.NewLogger(settings.Log, logInterval, logKeys),
		made:      time.Now(),
		now:       time.Now,
		core:      newCore(settings.DoIDRange, settings.MaxMessage),
		rejected:  make(map[string]uint64),
		ejected:   make(map[transport.Code]uint64),
	}
	s.core.maxObjects = settings.MaxObjects
	s.core.maxZones = settings.MaxZones
	s.core.trustedOnly = settings.trustedOnly
	if settings.Log.Enabled(context.Background(), slog.LevelDebug) {
		s.core.refused = s.logRefusal
	}
	s.decoders.New = func() any { return new(decoder) }
	// A counter has to be seen at 0 before it is seen at 1.
	for _, err := range []error{session.ErrFull, session.ErrAddressFull, errNoSlot, errDraining} {
		s.rejected[rejection(err)] = 0
	}
	for _, code := range []transport.Code{CodeMalformed, CodeTooManyObjects, CodeTooManyZones, CodeTooSlow, CodeIdle, CodeSilent, transport.CodeProtocol} {
		s.ejected[code] = 0
	}
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
// error when accepting failed for good. It may be called once.
func (s *Server) Serve(ctx context.Context, l transport.Listener) error {
	s.startFlushing(l)
	ticks, stopTicks := context.WithCancel(context.Background())
	var ticking sync.WaitGroup
	ticking.Go(func() { s.tickLoop(ticks) })

	err := l.Serve(ctx, s)

	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.peers.Range(func(_, p any) bool {
		p.(*peer).conn.Close(transport.CodeShutdown, "the server is shutting down")
		return true
	})
	s.open.Wait()
	s.flusher.Close()
	stopTicks()
	ticking.Wait()
	s.log.Flush()
	return err
}

// Opened is called by the transport for each new connection.
func (s *Server) Opened(conn transport.Conn) {
	addr := session.AddrOf(conn.Identity().Addr)
	p := &peer{server: s, conn: conn, addr: addr, trusted: s.settings.trust.Contains(addr)}
	now := s.clock(s.now())
	p.heard.Store(now)
	p.active.Store(now)
	if err := s.admit(p); err != nil {
		s.log.Log(slog.LevelWarn, "reject "+err.Error(), "connection rejected", slog.String("reason", err.Error()), slog.Any("address", conn.Identity().Addr))
		conn.Close(transport.CodeRefused, err.Error())
		return
	}
	s.settings.Log.Debug("client connected", "client", p.client.base, "address", conn.Identity().Addr, "trusted", p.trusted)
}

var errDraining = errors.New("the server is shutting down")

// rejection is the name in metrics of why a connection was not let in.
func rejection(err error) string {
	switch {
	case errors.Is(err, session.ErrFull):
		return "full"
	case errors.Is(err, session.ErrAddressFull):
		return "address_full"
	case errors.Is(err, errNoSlot):
		return "no_doids"
	}
	return "draining"
}

// logRefusal tells a game's developer why a message has no effect. In a game
// that is finished, refusals are races and no news.
func (s *Server) logRefusal(c *client, m *message, r refusal) {
	field := ""
	if m.field != nil {
		field = m.field.String()
	}
	s.log.Log(slog.LevelDebug, "refused "+r.String(), "message refused", slog.Any("reason", r), slog.Uint64("client", uint64(c.base)),
		slog.Any("message", m.typ), slog.Uint64("doid", uint64(m.doID)), slog.String("field", field))
}

// admit lets a peer in and tells it its doIds, or says why not.
func (s *Server) admit(p *peer) error {
	err := s.admission.Enter(p.addr, p.trusted)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		if s.draining {
			err = errDraining
		} else {
			p.client, err = s.core.connect(p.conn, p.trusted)
		}
		if err != nil {
			s.admission.Leave(p.addr, p.trusted)
		}
	}
	if err != nil {
		s.rejected[rejection(err)]++
		return err
	}
	s.connected++
	s.open.Add(1)
	s.peers.Store(p.conn, p)
	s.scheduleFlush()
	return nil
}

// Received is called by the transport with the datagrams of a client.
func (s *Server) Received(conn transport.Conn, datagrams [][]byte) {
	if v, ok := s.peers.Load(conn); ok {
		v.(*peer).received(datagrams)
	}
}

// clock is a time in nanoseconds that does not jump when the machine's clock
// is set.
func (s *Server) clock(now time.Time) int64 { return int64(now.Sub(s.made)) }

// Closed is called by the transport when a connection is gone.
func (s *Server) Closed(conn transport.Conn, err error) {
	v, ok := s.peers.LoadAndDelete(conn)
	if !ok {
		return // it was never let in
	}
	defer s.open.Done()
	p := v.(*peer)
	s.admission.Leave(p.addr, p.trusted)
	s.mu.Lock()
	var breach *transport.CloseError // the transport ejected the client for the bytes it sent
	if !p.client.gone {
		s.core.disconnect(p.client)
		if errors.As(err, &breach) && !breach.Remote && breach.Code == transport.CodeProtocol {
			s.ejected[breach.Code]++
		} else {
			breach = nil
			s.disconnected++
		}
		s.scheduleFlush()
	}
	overrun := s.takeOverrun()
	s.mu.Unlock()
	if breach != nil {
		p.logEjection(breach.Code, breach.Reason)
	}
	s.settings.Log.Debug("client disconnected", "client", p.client.base, "address", conn.Identity().Addr, "reason", err)
	s.ejectOverrun(overrun)
}
