package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/session"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// lanCommand is "culm lan": the drop-in replacement of ServerRepository.
type lanCommand struct {
	Files []string `arg:"" name:"file" help:"The game's .dc files, in the order in which the game reads them."`

	Listen        string        `default:":4400" placeholder:"HOST:PORT" help:"Where clients connect (${default})."`
	HeaderSize    int           `default:"2" enum:"2,4" placeholder:"BYTES" help:"Length prefix of each datagram, as the game's tcp-header-size: 2 or 4 (${default})."`
	DoidRange     uint32        `default:"1000000" placeholder:"N" help:"How many doIds each client gets, as the game's server-doid-range (${default})."`
	FlushInterval time.Duration `default:"5ms" placeholder:"DURATION" help:"How long messages wait at most for others to leave with them; 0 sends each at once (${default})."`

	TLSCert string `name:"tls-cert" placeholder:"FILE" help:"Speak TLS with this PEM certificate; SIGHUP reads it again."`
	TLSKey  string `name:"tls-key" placeholder:"FILE" help:"The certificate's private key."`

	Trust          []string `default:"127.0.0.0/8,::1" placeholder:"CIDR,..." help:"Addresses whose clients, such as AI servers, have no limits of their own (${default}); \"none\" trusts nobody."`
	TrustedClasses []string `placeholder:"CLASS,..." help:"Classes whose objects only trusted clients may create."`

	MaxClients           int           `default:"4000" placeholder:"N" help:"Clients at most; 0 means as many as there are doId ranges (${default}, or fewer where there are fewer ranges)."`
	MaxClientsPerAddress int           `default:"100" placeholder:"N" help:"Clients from one IPv4 address or IPv6 /64 (${default})."`
	MaxDatagram          int           `default:"65535" placeholder:"BYTES" help:"Longest datagram, in both directions; more than 65535 needs --header-size 4 (${default})."`
	MaxObjects           int           `default:"1000" placeholder:"N" help:"Objects that a client may have at a time (${default})."`
	MaxZones             int           `default:"1000" placeholder:"N" help:"Zones that a client may be interested in at a time (${default})."`
	MessageRate          float64       `default:"500" placeholder:"N" help:"Datagrams per second that a client may send before it is slowed down (${default})."`
	ByteRate             float64       `default:"262144" placeholder:"N" help:"Bytes per second that a client may send before it is slowed down (${default})."`
	ZoneRate             float64       `default:"100" placeholder:"N" help:"Zones per second that may enter a client's interest before it is slowed down (${default})."`
	SendQueue            int           `default:"1048576" placeholder:"BYTES" help:"Memory for what one client has not yet taken; when it is full the client is disconnected (${default}). The server may need --max-clients times this."`
	IdleTimeout          time.Duration `default:"0s" placeholder:"DURATION" help:"Disconnect clients that send nothing but heartbeats for so long (${default})."`
	FullIdleTimeout      time.Duration `default:"1m" placeholder:"DURATION" help:"The same while four fifths of --max-clients are connected (${default})."`
	HeartbeatTimeout     time.Duration `default:"0s" placeholder:"DURATION" help:"Disconnect clients that send nothing at all for so long (${default})."`

	serveFlags
}

// Help explains what the flags leave open.
func (c *lanCommand) Help() string {
	return "Where a flag takes a number or a duration as a limit, 0 means no limit, but for --max-datagram and --send-queue, which cannot do without. docs/lan.md tells what happens at each of them."
}

// Validate is called by the parser.
func (c *lanCommand) Validate() error {
	if err := c.serveFlags.Validate(); err != nil {
		return err
	}
	for _, f := range []struct {
		flag    string
		v, from float64
	}{
		{"doid-range", float64(c.DoidRange), 2},
		{"flush-interval", c.FlushInterval.Seconds(), 0},
		{"max-clients", float64(c.MaxClients), 0},
		{"max-clients-per-address", float64(c.MaxClientsPerAddress), 0},
		{"max-datagram", float64(c.MaxDatagram), 18},
		{"max-objects", float64(c.MaxObjects), 0},
		{"max-zones", float64(c.MaxZones), 0},
		{"message-rate", c.MessageRate, 0},
		{"byte-rate", c.ByteRate, 0},
		{"zone-rate", c.ZoneRate, 0},
		{"send-queue", float64(c.SendQueue), 1},
		{"idle-timeout", c.IdleTimeout.Seconds(), 0},
		{"full-idle-timeout", c.FullIdleTimeout.Seconds(), 0},
		{"heartbeat-timeout", c.HeartbeatTimeout.Seconds(), 0},
	} {
		if !(f.v >= f.from) { // not a number, too
			return fmt.Errorf("--%s must be at least %v", f.flag, f.from)
		}
	}
	return nil
}

// Run serves until it is interrupted.
func (c *lanCommand) Run(ctx context.Context, e *env) error {
	schema, err := dc.ParseFiles(c.Files...)
	if err != nil {
		return err
	}
	config, err := c.config(schema)
	if err != nil {
		return err
	}
	config.Log = e.log
	server, err := lan.NewServer(config)
	if err != nil {
		return usageError{err}
	}
	transport, certificate, err := c.transport()
	if err != nil {
		return err
	}
	transport.Log = e.log
	listener, err := tcp.Listen(c.Listen, transport)
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%w; choose another HOST:PORT with --listen", err)
	}
	if err != nil {
		return usageError{err}
	}
	defer listener.Close()
	e.log.Info("serving", "protocol", "lan", "addr", listener.Addr().String(), "tls", certificate != nil,
		"classes", len(schema.Classes()), "hash", fmt.Sprintf("0x%08x", schema.Hash()))

	r := role{
		name:  "lan",
		serve: func(ctx context.Context) error { return server.Serve(ctx, listener) },
		stats: func() any { return lanStats{server.Stats(), listener.Stats()} },
	}
	if certificate != nil {
		r.reload = certificate.Reload
	}
	return c.serveFlags.run(ctx, e.log, r)
}

// lanStats are the counters of "culm lan".
type lanStats struct {
	lan.Stats
	tcp.ListenerStats
}

// config turns the flags into the server's configuration.
func (c *lanCommand) config(schema *dc.Schema) (lan.Config, error) {
	if len(c.Trust) == 1 && c.Trust[0] == "none" {
		c.Trust = nil
	}
	trust, err := session.ParseNetworks(c.Trust...)
	if err != nil {
		return lan.Config{}, usageErrorf("--trust: %w", err)
	}
	maxClients := unlimited(c.MaxClients)
	if maxClients == lan.DefaultMaxClients {
		maxClients = 0 // nobody asked for so many
	}
	return lan.Config{
		Schema:           schema,
		DoIDRange:        c.DoidRange,
		MaxMessage:       c.MaxDatagram,
		FlushInterval:    unlimited(c.FlushInterval),
		MaxClients:       maxClients,
		MaxPerAddress:    unlimited(c.MaxClientsPerAddress),
		MaxObjects:       unlimited(c.MaxObjects),
		MaxZones:         unlimited(c.MaxZones),
		MessageRate:      unlimited(c.MessageRate),
		ByteRate:         unlimited(c.ByteRate),
		ZoneRate:         unlimited(c.ZoneRate),
		IdleTimeout:      unlimited(c.IdleTimeout),
		FullIdleTimeout:  unlimited(c.FullIdleTimeout),
		HeartbeatTimeout: unlimited(c.HeartbeatTimeout),
		Trust:            trust,
		TrustedClasses:   c.TrustedClasses,
	}, nil
}

// unlimited turns the 0 of a flag into the negative number that means "no
// limit" in a lan.Config, where 0 means the default.
func unlimited[T int | float64 | time.Duration](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

// transport turns the flags into the transport's configuration, and the
// certificate in it, if any.
func (c *lanCommand) transport() (tcp.Config, *transport.Certificate, error) {
	framing, err := tcp.FramingOf(c.HeaderSize)
	if err != nil {
		return tcp.Config{}, nil, usageError{err}
	}
	config := tcp.Config{Framing: framing, MaxMessage: c.MaxDatagram, SendQueue: c.SendQueue, Linger: c.DrainTimeout}
	if c.DrainTimeout == 0 {
		config.Linger = -1 // cut at once
	}
	if c.TLSCert == "" && c.TLSKey == "" {
		return config, nil, nil
	}
	if c.TLSCert == "" || c.TLSKey == "" {
		return tcp.Config{}, nil, usageError{errors.New("--tls-cert and --tls-key go together")}
	}
	certificate, err := transport.LoadCertificate(c.TLSCert, c.TLSKey)
	if err != nil {
		return tcp.Config{}, nil, err
	}
	config.TLS = &tls.Config{GetCertificate: certificate.Get}
	return config, certificate, nil
}
