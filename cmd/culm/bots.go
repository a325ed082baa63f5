package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/lanbots"
	"github.com/culm-net/culm/transport"
	"github.com/culm-net/culm/transport/tcp"
)

// botsCommand is "culm bots".
type botsCommand struct {
	LAN    lanBotsCommand    `cmd:"" name:"lan" help:"Play many clients against a LAN server, and check what they see."`
	Pipes  pipesBotsCommand  `cmd:"" name:"pipes" help:"Play many clients against a server of worlds, and check what they see."`
	World  worldBotsCommand  `cmd:"" name:"world" help:"Serve a world of moving objects, for \"culm bots pipes\" to measure."`
	Astron astronBotsCommand `cmd:"" name:"astron" help:"Play many clients against a cluster of Astron's protocol, and check what they see."`
}

// lanBotsCommand is "culm bots lan".
type lanBotsCommand struct {
	Addr  string   `arg:"" name:"host:port" help:"The server, for example 127.0.0.1:4400."`
	Files []string `arg:"" name:"file" help:"The server's .dc files."`

	Clients int           `default:"100" placeholder:"N" help:"How many clients (${default})."`
	Walkers int           `default:"-1" placeholder:"N" help:"How many of them walk; the others watch. -1 means all (${default})."`
	Rate    float64       `default:"20" placeholder:"HZ" help:"How often per second each of them moves (${default})."`
	For     time.Duration `default:"30s" placeholder:"DURATION" help:"How long (${default})."`
	Zones   int           `default:"1" placeholder:"N" help:"Over how many zones they spread: 1 to N (${default})."`
	Class   string        `placeholder:"CLASS" help:"Class of the avatars; by default one with a suitable field."`
	Field   string        `placeholder:"FIELD" help:"Broadcast field of numbers that moves them; by default a suitable one."`
	Idle    bool          `help:"Connect and do nothing, to see what an idle client costs the server."`

	HeaderSize int `default:"2" enum:"2,4" placeholder:"BYTES" help:"Length prefix of each datagram, as the server's: 2 or 4 (${default})."`

	tlsFlags

	ServerPID int  `name:"server-pid" placeholder:"PID" help:"The server's process on this machine, to measure its CPU and memory (Linux)."`
	JSON      bool `name:"json" help:"Write the summary as JSON."`
}

// Help says what the numbers are and when the command fails.
func (c *lanBotsCommand) Help() string {
	return "Each client walks an avatar and counts its steps in the values that it sends, so that the others notice when " +
		"an update is lost, doubled or overtaken. At the end all must agree on who is there. If anything is wrong, the status is 1."
}

// Validate is called by the parser.
func (c *lanBotsCommand) Validate() error {
	switch {
	case c.Clients < 1:
		return errors.New("--clients must be at least 1")
	case c.Walkers != -1 && (c.Walkers < 1 || c.Walkers > c.Clients):
		return errors.New("--walkers must be between 1 and --clients, or -1 for all")
	case c.Zones < 1:
		return errors.New("--zones must be at least 1")
	case !(c.Rate > 0 && c.Rate <= 1e6):
		return errors.New("--rate must be above 0 and at most 1000000")
	case c.For <= 0:
		return errors.New("--for must be above 0")
	case c.ServerPID < 0:
		return errors.New("--server-pid must not be negative")
	}
	return nil
}

// Run plays the bots. Interrupted, it ends early and reports what it has.
func (c *lanBotsCommand) Run(ctx context.Context, e *env) error {
	schema, err := dc.ParseFiles(c.Files...)
	if err != nil {
		return err
	}
	dial, err := c.dialer()
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	summary, err := lanbots.Run(ctx, lanbots.Config{
		Schema:    schema,
		Class:     c.Class,
		Field:     c.Field,
		Clients:   c.Clients,
		Walkers:   max(c.Walkers, 0), // there it is 0 that means all
		Rate:      c.Rate,
		For:       c.For,
		Zones:     c.Zones,
		Idle:      c.Idle,
		Dial:      dial,
		ServerPID: c.ServerPID,
		Progress:  e.stderr,
	})
	if err != nil {
		return err
	}
	return report(e, summary, c.JSON, summary.Faults.Total())
}

// report writes what clients have seen, and fails when there were faults.
func report(e *env, summary interface{ WriteText(io.Writer) }, asJSON bool, faults int64) error {
	if asJSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(summary); err != nil {
			return err
		}
	} else {
		summary.WriteText(e.stdout)
	}
	if faults > 0 {
		return fmt.Errorf("the clients saw %d faults", faults)
	}
	return nil
}

// dialer returns how a client connects.
func (c *lanBotsCommand) dialer() (func(context.Context, transport.Handler) (transport.Conn, error), error) {
	framing, err := tcp.FramingOf(c.HeaderSize)
	if err != nil {
		return nil, usageError{err}
	}
	config, err := c.tlsFlags.config()
	if err != nil {
		return nil, err
	}
	return dialer(c.Addr, tcp.Config{Framing: framing, TLS: config}), nil
}

// tlsFlags say whether clients speak TLS.
type tlsFlags struct {
	TLS   bool   `name:"tls" help:"Speak TLS."`
	TLSCA string `name:"tls-ca" placeholder:"FILE" help:"Speak TLS, and trust the certificates in this PEM file instead of the system's."`
}

// config is nil without TLS.
func (f *tlsFlags) config() (*tls.Config, error) {
	if !f.TLS && f.TLSCA == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.TLSCA != "" {
		text, err := os.ReadFile(f.TLSCA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no PEM certificate", f.TLSCA)
		}
	}
	return config, nil
}

// dialer returns how something connects to an address over TCP.
func dialer(addr string, config tcp.Config) func(context.Context, transport.Handler) (transport.Conn, error) {
	return func(ctx context.Context, h transport.Handler) (transport.Conn, error) {
		conn, err := tcp.Dial(ctx, addr, config, h)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
}
