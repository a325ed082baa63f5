package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/clientagent"
	"github.com/culm-net/culm/internal/eventlogger"
	"github.com/culm-net/culm/internal/messagedirector"
	"github.com/culm-net/culm/internal/stateserver"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// Part is one of the roles that run, as it is shown to people.
type Part struct {
	// Name is the role's type, with a number behind it from the second one of
	// a type on, like "clientagent_2".
	Name string
	// Addrs is where it listens.
	Addrs []net.Addr
	// Stats returns a stats struct as package console describes it, from any
	// goroutine.
	Stats func() any
}

// Server is the roles of a configuration, which share one message director in
// this process.
type Server struct {
	log      *slog.Logger
	director *messagedirector.Director
	emitter  *eventlogger.Emitter
	links    *messagedirector.Server // nil without bind
	listener *tcp.Listener           // of links
	order    tcp.Order               // in which links are heard, and clients where that costs nothing
	uplink   *messagedirector.Uplink // nil without connect
	agents   []agent
	loggers  []*eventlogger.Server
	parts    []Part
	keys     certificates
	closers  []func() error // what New has opened
}

// agent is a client agent and where its clients come in.
type agent struct {
	*clientagent.Agent
	listeners []transport.Listener
}

// New makes the roles of a configuration and opens all their addresses, so that
// whatever is wrong with one is known before anybody is let in. linger is how
// long a connection may take at the end what is still to be sent to it; 0 cuts
// at once. The configuration must have passed [Config.Validate] and
// [Config.CheckSchema]; roles that this version does not run are an error.
func New(c *Config, schema *dc.Schema, linger time.Duration, log *slog.Logger) (_ *Server, err error) {
	if err := c.CheckRunnable(); err != nil {
		return nil, err
	}
	s := &Server{log: log}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if linger == 0 {
		linger = -1 // tcp.Config's way to say it
	}
	if err := s.events(c); err != nil {
		return nil, err
	}
	if err := s.direct(c); err != nil {
		return nil, err
	}
	for i, r := range c.Roles {
		var err error
		switch {
		case r.StateServer != nil:
			err = s.stateServer(r.StateServer, schema)
		case r.ClientAgent != nil:
			err = s.clientAgent(c, r.ClientAgent, schema, linger)
		case r.EventLogger != nil:
			err = s.eventLogger(r.EventLogger)
		}
		if err != nil {
			return nil, c.at(fmt.Sprintf("roles[%d]", i), err)
		}
	}
	return s, nil
}

// at says which role an error is about.
func (c *Config) at(path string, err error) error {
	return Errors{{File: c.File, Line: c.line(path), Key: path, Message: err.Error()}}
}

// events opens the way to the event logger.
func (s *Server) events(c *Config) error {
	if c.General.EventLogger == "" {
		return nil
	}
	emitter, err := eventlogger.Dial(c.General.EventLogger)
	if err != nil {
		return c.at("general.eventlogger", err)
	}
	s.emitter = emitter
	s.opened(emitter.Close)
	s.part("events", nil, func() any { return emitter.Stats() })
	return nil
}

// direct makes the message director and its links.
func (s *Server) direct(c *Config) error {
	m := &c.MessageDirector
	s.director = messagedirector.New(messagedirector.Limits{
		Channels: m.MaxChannels, Ranges: m.MaxRanges, AllRanges: m.MaxRangesAll, PostRemoves: m.PostRemoveBytes,
	})
	if m.Bind != "" {
		if err := s.bindDirector(m); err != nil {
			return c.at("messagedirector.bind", err)
		}
	}
	if m.Connect != "" {
		if err := s.connectDirector(m); err != nil {
			return c.at("messagedirector.connect", err)
		}
	}
	var addrs []net.Addr
	if s.listener != nil {
		addrs = append(addrs, s.listener.Addr())
	}
	s.part("messagedirector", addrs, func() any {
		stats := directorStats{Stats: s.director.Stats()}
		if s.links != nil {
			stats.LinkStats, stats.ListenerStats = s.links.Stats(), s.listener.Stats()
		}
		if s.uplink != nil {
			stats.UplinkStats = s.uplink.Stats()
		}
		return stats
	})
	return nil
}

// directorStats are the counters of a director and of its links.
type directorStats struct {
	messagedirector.Stats
	messagedirector.LinkStats
	tcp.ListenerStats
	messagedirector.UplinkStats
}

func (s *Server) bindDirector(m *MessageDirector) error {
	config := s.linkTransport(m)
	var err error
	if config.TLS, err = s.keys.server(m.TLS); err != nil {
		return err
	}
	l, err := tcp.Listen(m.Bind, config)
	if err != nil {
		return err
	}
	s.listener = l
	s.opened(l.Close)
	s.links = messagedirector.NewServer(s.director, messagedirector.ServerConfig{
		Allow:      m.Allow,
		MaxLinks:   m.MaxLinks,
		Stall:      m.StallTimeout,
		MaxQueued:  m.StallBytesAll,
		MaxBacklog: m.BacklogBytes,
		LogMessage: s.emitter.Forward,
		Log:        s.log,
	})
	return nil
}

func (s *Server) connectDirector(m *MessageDirector) error {
	config := s.linkTransport(m)
	var err error
	if config.TLS, err = s.keys.client(m.ConnectTLS); err != nil {
		return err
	}
	s.uplink = messagedirector.NewUplink(s.director, messagedirector.UplinkConfig{
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			conn, err := tcp.Dial(ctx, m.Connect, config, h)
			if err != nil {
				return nil, fmt.Errorf("messagedirector.connect: %w", err)
			}
			return conn, nil
		},
		Once:       !m.Reconnect,
		MinBackoff: m.ReconnectDelayMin,
		MaxBackoff: m.ReconnectDelayMax,
		Stall:      m.StallTimeout,
		MaxBacklog: m.BacklogBytes,
		Log:        s.log,
	})
	return nil
}

// linkTransport is how links between processes are made: they are few, and
// read at once, in the order in which they have sent. What one process tells
// another by other means than through here holds here too then, as it
// practically does with astrond.
func (s *Server) linkTransport(m *MessageDirector) tcp.Config {
	return tcp.Config{SendQueue: m.StallBytes, Pace: -1, Order: &s.order, Log: s.log}
}

func (s *Server) stateServer(c *StateServer, schema *dc.Schema) error {
	role, err := stateserver.New(s.director, stateserver.Config{
		Control: c.Control,
		Schema:  schema,
		Limits:  stateserver.Limits{Objects: cmp.Or(c.MaxObjects, math.MaxInt)},
		Log:     s.log,
	})
	if err != nil {
		return err
	}
	s.part("stateserver", nil, func() any { return role.Stats() })
	return nil
}

func (s *Server) clientAgent(c *Config, a *ClientAgent, schema *dc.Schema, linger time.Duration) error {
	role, err := clientagent.New(s.director, s.agentConfig(c, a, schema))
	if err != nil {
		return err
	}
	sockets, err := s.listenClients(a, linger)
	if err != nil {
		return err
	}
	listeners := []transport.Listener{sockets}
	if a.WebSocket != nil {
		browsers, err := s.listenBrowsers(a, linger)
		if err != nil {
			return fmt.Errorf("websocket: %w", err)
		}
		listeners = append(listeners, browsers)
	}
	var addrs []net.Addr
	for _, l := range listeners {
		addrs = append(addrs, l.Addr())
	}
	s.agents = append(s.agents, agent{role, listeners})
	s.part("clientagent", addrs, func() any { return agentStats{role.Stats(), sockets.Stats()} })
	return nil
}

// agentStats are the counters of a client agent and of its listener for TCP.
type agentStats struct {
	clientagent.Stats
	tcp.ListenerStats
}

func (s *Server) eventLogger(c *EventLogger) error {
	role, err := eventlogger.Listen(eventlogger.Config{
		Bind:           c.Bind,
		Output:         c.Output,
		RotateInterval: c.RotateInterval,
		RotateSize:     c.RotateSize,
		Queue:          c.QueueBytes,
		Log:            s.log,
	})
	if err != nil {
		return err
	}
	s.opened(role.Close)
	s.loggers = append(s.loggers, role)
	s.part("eventlogger", []net.Addr{net.UDPAddrFromAddrPort(role.Addr())}, func() any { return role.Stats() })
	return nil
}

// part lists a role.
func (s *Server) part(name string, addrs []net.Addr, stats func() any) {
	n := 1
	for i := range s.parts {
		if s.parts[i].Name == numbered(name, n) {
			n++
		}
	}
	s.parts = append(s.parts, Part{numbered(name, n), addrs, stats})
}

func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s_%d", name, n)
}

func (s *Server) opened(close func() error) { s.closers = append(s.closers, close) }

// Parts returns the roles, in the order of their start.
func (s *Server) Parts() []Part { return s.parts }

// Close frees the addresses of a server that is not to be served.
func (s *Server) Close() error {
	var errs []error
	for _, close := range s.closers {
		errs = append(errs, close())
	}
	return errors.Join(errs...)
}

// Reload reads certificates and keys again, and begins new files of events, as
// programs want it that have moved the old ones away. When it fails, what was
// read before stays in use.
func (s *Server) Reload() error {
	for _, l := range s.loggers {
		l.Reopen()
	}
	return s.keys.reload()
}

// Serve runs all roles until ctx is done, or until one of them fails, and
// returns why. Then clients are told and leave first, as long as everything
// that acts for them still runs; links to other processes are closed after
// them, and event loggers last. It may be called once, and Close is not needed
// after it.
func (s *Server) Serve(ctx context.Context) error {
	defer s.Close()
	g := group{failed: make(chan struct{})}
	clients := g.stage(context.WithoutCancel(ctx))
	links := g.stage(context.WithoutCancel(ctx))
	loggers := g.stage(context.WithoutCancel(ctx))
	for _, l := range s.loggers {
		loggers.run(l.Serve)
	}
	if s.uplink != nil {
		links.run(s.uplink.Run)
	}
	if s.links != nil {
		links.run(func(ctx context.Context) error { return s.links.Serve(ctx, s.listener) })
	}
	for _, a := range s.agents {
		clients.run(func(ctx context.Context) error { return a.Serve(ctx, a.listeners...) })
	}
	select {
	case <-ctx.Done():
	case <-g.failed:
	}
	clients.stop()
	links.stop()
	if s.emitter != nil {
		g.fail(s.emitter.Close()) // sends what waits
	}
	loggers.stop()
	return errors.Join(g.errs...)
}

// group runs what ends in stages.
type group struct {
	mu     sync.Mutex
	errs   []error
	failed chan struct{} // closed at the first error
}

func (g *group) fail(err error) {
	if err == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.errs = append(g.errs, err); len(g.errs) == 1 {
		close(g.failed)
	}
}

// stage is what ends together.
type stage struct {
	group   *group
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func (g *group) stage(ctx context.Context) *stage {
	st := &stage{group: g}
	st.ctx, st.cancel = context.WithCancel(ctx)
	return st
}

func (st *stage) run(f func(context.Context) error) {
	st.running.Go(func() { st.group.fail(f(st.ctx)) })
}

// stop ends a stage and returns when all of it has ended.
func (st *stage) stop() {
	st.cancel()
	st.running.Wait()
}
