package main

import (
	"context"
	"errors"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/pipesbots"
	"github.com/culm-net/culm/netclock"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/quic"
)

// pipesBotsCommand is "culm bots pipes".
type pipesBotsCommand struct {
	Addr  string   `arg:"" name:"host:port" help:"The server, for example 127.0.0.1:27016."`
	Files []string `arg:"" name:"file" optional:"" help:"The server's .dc files; without any, those of \"culm bots world\"."`

	Pin      string `placeholder:"FINGERPRINT" help:"Trust the server whose certificate has this fingerprint and no other."`
	Insecure bool   `help:"Trust any server."`
	Password string `placeholder:"TEXT" env:"CULM_PIPES_PASSWORD" help:"The server's password."`
	Plain    bool   `help:"Speak the dialect of panda3d-pipes, without Culm's extension."`

	Clients     int           `default:"24" placeholder:"N" help:"How many clients (${default})."`
	For         time.Duration `default:"30s" placeholder:"DURATION" help:"How long (${default})."`
	Zones       []uint32      `default:"1" placeholder:"ZONE" help:"Zones that each of them asks for, with commas between (${default})."`
	Spread      bool          `help:"Each of them asks for one of the zones, in turn."`
	Idle        bool          `help:"Ask for nothing, to see what an idle client costs the server."`
	UpdateRate  uint16        `default:"20" placeholder:"HZ" help:"Snapshots per second that each of them asks for (${default})."`
	CommandRate uint16        `default:"100" placeholder:"HZ" help:"Messages per second that each of them asks to be allowed (${default})."`
	FrameRate   float64       `default:"60" placeholder:"HZ" help:"Frames per second of each of them; in each it acknowledges what has come (${default})."`

	Churn   float64 `default:"0" placeholder:"HZ" help:"How often per second one of them leaves and joins again (${default})."`
	Say     string  `placeholder:"CLASS.FIELD=VALUE" help:"Message that each of them sends to an object that it sees, the value as in \"culm dc pack\"."`
	SayRate float64 `default:"1" placeholder:"HZ" help:"How often per second (${default})."`
	Count   string  `placeholder:"CLASS.FIELD" help:"Message of one uint32, which each object that sends it counts up by one: a lost or doubled one is a fault."`

	ServerPID int  `name:"server-pid" placeholder:"PID" help:"The server's process on this machine, to measure its CPU and memory (Linux)."`
	JSON      bool `name:"json" help:"Write the summary as JSON."`
}

// Help says what is checked and when the command fails.
func (c *pipesBotsCommand) Help() string {
	return "Each client checks what it sees: nothing of objects that it was not told of, ticks that do not go back, messages in " +
		"order, and that whoever sees an object at the same tick sees the same bytes. In the end all must have come as far as any of " +
		"them, see the same objects, and still get snapshots. If anything is wrong, the status is 1. Lost parts of snapshots are counted and no fault."
}

// Validate is called by the parser.
func (c *pipesBotsCommand) Validate() error {
	switch {
	case c.Clients < 1:
		return errors.New("--clients must be at least 1")
	case c.For <= 0:
		return errors.New("--for must be above 0")
	case c.UpdateRate < 1 || c.CommandRate < 1:
		return errors.New("--update-rate and --command-rate must be at least 1")
	case !(c.FrameRate > 0 && c.FrameRate <= 1000):
		return errors.New("--frame-rate must be above 0 and at most 1000")
	case !(c.Churn >= 0 && c.Churn <= 1000):
		return errors.New("--churn must be 0 to 1000")
	case !(c.SayRate > 0 && c.SayRate <= 1000):
		return errors.New("--say-rate must be above 0 and at most 1000")
	case len(c.Zones) == 0:
		return errors.New("--zones names none; for clients without any there is --idle")
	case c.Pin != "" && c.Insecure:
		return errors.New("--pin and --insecure do not go together")
	case c.ServerPID < 0:
		return errors.New("--server-pid must not be negative")
	}
	return nil
}

// Run plays the bots. Interrupted, it ends early and reports what it has.
func (c *pipesBotsCommand) Run(ctx context.Context, e *env) error {
	schema, counter, err := c.schema()
	if err != nil {
		return err
	}
	transportConfig := quic.Config{Insecure: c.Insecure, Log: e.log}
	if c.Pin != "" {
		pin, err := quic.ParseFingerprint(c.Pin)
		if err != nil {
			return usageErrorf("--pin: %w", err)
		}
		transportConfig.Pins = []quic.Fingerprint{pin}
	}
	zones := c.Zones
	if c.Idle {
		zones = nil
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	summary, err := pipesbots.Run(ctx, pipesbots.Config{
		Schema:      schema,
		Clients:     c.Clients,
		For:         c.For,
		Zones:       zones,
		Spread:      c.Spread,
		Plain:       c.Plain,
		Password:    c.Password,
		UpdateRate:  c.UpdateRate,
		CommandRate: c.CommandRate,
		FrameRate:   c.FrameRate,
		Churn:       c.Churn,
		Say:         c.Say,
		SayRate:     c.SayRate,
		Counter:     counter,
		Dial: func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
			conn, err := quic.Dial(ctx, c.Addr, transportConfig, h)
			if err != nil {
				return nil, err
			}
			return conn, nil
		},
		ServerPID: c.ServerPID,
		Progress:  e.stderr,
	})
	if err != nil {
		return err
	}
	return report(e, summary, c.JSON, summary.Faults.Total())
}

// schema returns the server's, and which of its methods counts.
func (c *pipesBotsCommand) schema() (schema *dc.Schema, counter string, err error) {
	if len(c.Files) == 0 {
		schema, err = pipesbots.LoadSchema()
		if c.Count == "" {
			return schema, pipesbots.LoadCounter, err
		}
	} else {
		schema, err = dc.ParseFiles(c.Files...)
	}
	return schema, c.Count, err
}

// worldBotsCommand is "culm bots world".
type worldBotsCommand struct {
	Listen     string        `default:"127.0.0.1:27016" placeholder:"HOST:PORT" help:"UDP address where clients connect (${default})."`
	Objects    int           `default:"100" placeholder:"N" help:"How many objects there are; all of them move in each tick (${default})."`
	ValueBytes int           `default:"0" placeholder:"N" help:"Bytes of each that change in each tick besides two float64 (${default})."`
	Zones      int           `default:"1" placeholder:"N" help:"Over how many zones they spread: 1 to N (${default})."`
	TickRate   netclock.Rate `default:"66" placeholder:"HZ" help:"Ticks per second (${default})."`
	Messages   float64       `default:"0" placeholder:"HZ" help:"Messages per second that each object sends to all who see it (${default})."`
	Changes    float64       `default:"0" placeholder:"HZ" help:"How often per second an object is replaced and another one changes its zone (${default})."`
	Password   string        `placeholder:"TEXT" env:"CULM_PIPES_PASSWORD" help:"What clients must say to be let in."`
	serveFlags
}

// Help says what for.
func (c *worldBotsCommand) Help() string {
	return "Serves a world of moving objects to \"culm bots pipes\", so that what a server can do is measured with two commands. " +
		"It has no limit of clients, and makes a certificate of its own whose fingerprint it logs: it is nothing for the open internet."
}

// Run serves until it is interrupted.
func (c *worldBotsCommand) Run(ctx context.Context, e *env) error {
	config := pipesbots.WorldConfig{
		Objects:    c.Objects,
		ValueBytes: c.ValueBytes,
		Zones:      c.Zones,
		TickRate:   c.TickRate,
		Messages:   c.Messages,
		Changes:    c.Changes,
		Password:   c.Password,
		Log:        e.log,
	}
	if err := config.Validate(); err != nil {
		return usageError{err}
	}
	w, err := pipesbots.NewWorld(config)
	if err != nil {
		return err
	}
	l, err := quic.Listen(c.Listen, quic.Config{Linger: c.DrainTimeout, Log: e.log})
	if err != nil {
		return err
	}
	defer l.Close()
	pin, err := l.Fingerprint()
	if err != nil {
		return err
	}
	e.log.Info("serving", "protocol", "pipes", "addr", l.Addr().String(), "pin", pin.String())
	return c.run(ctx, e.log, role{
		name:  "pipes",
		serve: func(ctx context.Context) error { return w.Serve(ctx, l) },
		stats: func() any { return worldBotsStats{w.Stats(), l.Stats()} },
	})
}

// worldBotsStats are the counters of "culm bots world".
type worldBotsStats struct {
	pipesbots.WorldStats
	Network quic.Stats `metric:"network"`
}
