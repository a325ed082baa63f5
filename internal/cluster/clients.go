package cluster

import (
	"cmp"
	"math"
	"runtime"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/clientagent"
	"github.com/culm-net/culm/internal/eventlogger"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
	"github.com/culm-net/culm/transport/websocket"
)

// agentConfig is a client agent's configuration in its own words.
func (s *Server) agentConfig(c *Config, a *ClientAgent, schema *dc.Schema) clientagent.Config {
	config := clientagent.Config{
		Schema:     schema,
		Hash:       a.ManualDCHash,
		Version:    a.Version,
		MinChannel: a.Channels.Min,
		MaxChannel: a.Channels.Max,
		Interest: map[string]clientagent.InterestPolicy{
			"visible":  clientagent.InterestVisible,
			"enabled":  clientagent.InterestEnabled,
			"disabled": clientagent.InterestDisabled,
		}[a.Client.AddInterest],
		Zones:            zonePolicy(a.Client.InterestZones),
		Relocate:         a.Client.Relocate,
		HideVersion:      !a.Client.SendVersion,
		HideHash:         !a.Client.SendHash,
		StrictCLRecv:     a.Client.StrictCLRecv,
		InterestTimeout:  a.Tuning.InterestTimeout,
		HeartbeatTimeout: a.Client.HeartbeatTimeout,
		HelloTimeout:     a.Client.HelloTimeout,
		AuthTimeout:      a.Client.AuthTimeout,
		WriteTimeout:     a.Client.WriteTimeout,
		HistoricalTTL:    a.Client.HistoricalObjectsTTL,
		MaxBacklog:       c.MessageDirector.BacklogBytes,
		DrainGrace:       c.Daemon.DrainGrace,
		DrainReason:      c.Daemon.DrainReason,
		Limits: clientagent.Limits{
			Clients:     a.Limits.MaxClients,
			PerAddress:  a.Limits.MaxClientsPerAddress,
			Messages:    a.Limits.MessageRate,
			Bytes:       a.Limits.ByteRate,
			Interests:   a.Limits.MaxInterests,
			Zones:       a.Limits.MaxZones,
			Pending:     a.Limits.MaxPendingBytes,
			Declared:    a.Limits.MaxDeclaredObjects,
			Session:     a.Limits.MaxSessionObjects,
			Channels:    a.Limits.MaxChannels,
			PostRemoves: a.Limits.MaxPostRemoves,
			Historical:  a.Limits.MaxHistoricalObjects,
		},
		Log: s.log,
	}
	for _, u := range c.UberDOGs {
		config.UberDOGs = append(config.UberDOGs, clientagent.UberDOG(u))
	}
	if s.emitter != nil {
		config.Event = func(e clientagent.Event) { s.emitter.Emit(sessionEvent(e)) }
	}
	return config
}

func zonePolicy(p *ZonePolicy) *clientagent.ZonePolicy {
	if p == nil {
		return nil
	}
	policy := &clientagent.ZonePolicy{Blacklist: p.Mode == "blacklist"}
	for _, r := range p.Zones {
		policy.Zones = append(policy.Zones, clientagent.ZoneRange(r))
	}
	return policy
}

// sessionEvent is what the event logger is told about a session.
func sessionEvent(e clientagent.Event) eventlogger.Event {
	switch e.Kind {
	case clientagent.ClientConnected:
		return eventlogger.ClientConnected(e.Channel, e.Remote, e.Local)
	case clientagent.ClientDisconnected:
		return eventlogger.ClientDisconnected(e.Channel, e.Remote, e.Local)
	case clientagent.ClientEjected:
		return eventlogger.ClientEjected(e.Channel, uint16(e.Code), e.Reason, e.Security)
	default:
		return eventlogger.ClientLost(e.Channel, e.Remote, e.Local, e.Reason)
	}
}

// manyProcessors is from how many on clients are read in parallel to links and
// to each other. With less, one goroutine that reads is enough, and keeps
// clients and servers in order, too.
const manyProcessors = 4

// listenClients opens the address of a client agent for TCP.
func (s *Server) listenClients(a *ClientAgent, linger time.Duration) (*tcp.Listener, error) {
	config := tcp.Config{
		SendQueue:        cmp.Or(a.Client.WriteBufferSize, math.MaxInt),
		Linger:           linger,
		HandshakeTimeout: a.Client.HelloTimeout,
		Proxy:            a.HAProxy,
		ProxyAllow:       a.HAProxyAllow,
		// Read at once. A login is five or six questions and answers with the
		// roles and with AIs, and each would wait for the next round of reading:
		// at 2 ms it takes six times as long and almost four times the CPU. What
		// it costs is up to a quarter more for each message when hundreds of
		// clients move.
		Pace: -1,
		Log:  s.log,
	}
	if runtime.GOMAXPROCS(0) < manyProcessors {
		config.Order = &s.order
	}
	var err error
	if config.TLS, err = s.keys.server(a.TLS); err != nil {
		return nil, err
	}
	l, err := tcp.Listen(a.Bind, config)
	if err != nil {
		return nil, err
	}
	s.opened(l.Close)
	return l, nil
}

// listenBrowsers opens the address for WebSocket.
func (s *Server) listenBrowsers(a *ClientAgent, linger time.Duration) (transport.Listener, error) {
	config := websocket.Config{
		Path:             a.WebSocket.Path,
		Origins:          a.WebSocket.Origins,
		Proxy:            a.WebSocket.HAProxy,
		ProxyAllow:       a.WebSocket.HAProxyAllow,
		SendQueue:        cmp.Or(a.Client.WriteBufferSize, math.MaxInt),
		Linger:           linger,
		HandshakeTimeout: a.Client.HelloTimeout,
		Log:              s.log,
	}
	var err error
	if config.TLS, err = s.keys.server(a.WebSocket.TLS); err != nil {
		return nil, err
	}
	l, err := websocket.Listen(a.WebSocket.Bind, config)
	if err != nil {
		return nil, err
	}
	s.opened(l.Close)
	return l, nil
}
