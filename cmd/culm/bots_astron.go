package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/astronbots"
	"github.com/culm-net/culm/transport/tcp"
)

// astronBotsCommand is "culm bots astron".
type astronBotsCommand struct {
	Addr  string   `arg:"" name:"host:port" help:"The client agent, for example 127.0.0.1:7198."`
	Files []string `arg:"" name:"file" help:"The game's .dc files."`

	MD            string     `name:"md" default:"127.0.0.1:7199" placeholder:"HOST:PORT" help:"The message director, for the bots' own AIs (${default})."`
	StateServer   uint64     `default:"4002" placeholder:"CHANNEL" help:"Control channel of the state server that holds the avatars (${default})."`
	FirstID       uint32     `default:"900000000" placeholder:"ID" help:"First of 100000000 doIds and channels that nobody else uses (${default})."`
	Login         loginField `placeholder:"ID=CLASS.FIELD" help:"Log in at this anonymous UberDOG of the server's configuration, in its place. Without it all clients that there are get established: only for servers without other clients."`
	Guests        bool       `help:"With --login, log in at the game's own UberDOG, which gives each an avatar, and leave its avatars alone; no AIs come along."`
	ClientVersion string     `default:"dev" placeholder:"TEXT" help:"Version that clients say (${default})."`
	Hash          string     `placeholder:"NUMBER" help:"DC hash that clients say, where it is not that of the files."`

	Clients    int           `default:"50" placeholder:"N" help:"How many clients (${default})."`
	Walkers    int           `default:"-1" placeholder:"N" help:"How many of them walk; the others watch. -1 means all (${default})."`
	Rate       float64       `default:"10" placeholder:"HZ" help:"How often per second each of them moves (${default})."`
	Objects    int           `default:"20" placeholder:"N" help:"How many avatars an AI has (${default})."`
	ObjectRate float64       `default:"10" placeholder:"HZ" help:"How often per second each of them moves (${default})."`
	Zones      int           `default:"1" placeholder:"N" help:"Over how many zones they spread: 1 to N (${default})."`
	Moves      float64       `default:"0" placeholder:"HZ" help:"How often per second an avatar moves into another zone, and its client's interest with it (${default})."`
	Relocate   bool          `help:"Let clients move their avatars into other zones, and not their AI; the client agent's client.relocate must allow it."`
	Churn      float64       `default:"0" placeholder:"HZ" help:"How often per second a client leaves and logs in again (${default})."`
	AIChurn    time.Duration `name:"ai-churn" default:"0s" placeholder:"DURATION" help:"How often the AI with avatars loses its link and comes back with others; 0 means never (${default})."`
	For        time.Duration `default:"30s" placeholder:"DURATION" help:"How long (${default})."`
	Idle       bool          `help:"Only say hello, to see what an idle client costs the server."`
	Class      string        `placeholder:"CLASS" help:"Class of the avatars; by default one with a suitable field."`
	Field      string        `placeholder:"FIELD" help:"Broadcast field of numbers that moves them; by default a suitable one."`

	tlsFlags

	ServerPID int  `name:"server-pid" placeholder:"PID" help:"The server's process on this machine, to measure its CPU and memory (Linux)."`
	JSON      bool `name:"json" help:"Write the summary as JSON."`
}

// loginField is an UberDOG and a field of it, as in 4665=Login.login.
type loginField astronbots.Login

// UnmarshalText is called by the parser.
func (l *loginField) UnmarshalText(text []byte) error {
	id, field, ok := strings.Cut(string(text), "=")
	class, name, dot := strings.Cut(field, ".")
	n, err := strconv.ParseUint(id, 10, 32)
	if !ok || !dot || err != nil || n == 0 || class == "" || name == "" {
		return fmt.Errorf("%q is not ID=CLASS.FIELD, as in 4665=Login.login", text)
	}
	*l = loginField{ID: uint32(n), Class: class, Field: name}
	return nil
}

// Help says what happens, and when the command fails.
func (c *astronBotsCommand) Help() string {
	return "Two AIs come with the clients: one lets them in and gives each an avatar, the other has avatars of its own. " +
		"Each avatar counts its steps in the values that are sent, so that clients notice when an update is lost, doubled or overtaken, " +
		"also where an avatar enters their interest or leaves it. " +
		"In the end all must see what is in the zone of their interest and nothing else. If anything is wrong, the status is 1."
}

// Validate is called by the parser.
func (c *astronBotsCommand) Validate() error {
	switch {
	case c.Guests && c.Login.ID == 0:
		return errors.New("--guests needs --login, so that they can log in")
	case c.Clients < 1:
		return errors.New("--clients must be at least 1")
	case c.Walkers < -1 || c.Walkers > c.Clients:
		return errors.New("--walkers must be between -1 and --clients")
	case c.Objects < 0:
		return errors.New("--objects must not be negative")
	case c.Zones < 1 || c.Zones > math.MaxInt32:
		return errors.New("--zones must be at least 1")
	case c.Moves > 0 && c.Zones < 2:
		return errors.New("--moves needs --zones of at least 2")
	case c.FirstID < 1000 || c.FirstID > math.MaxUint32-100_000_000:
		return errors.New("--first-id must be 1000 to 4194967295")
	case c.For <= 0:
		return errors.New("--for must be above 0")
	case c.AIChurn < 0:
		return errors.New("--ai-churn must not be negative")
	case c.ServerPID < 0:
		return errors.New("--server-pid must not be negative")
	}
	for _, rate := range []struct {
		flag string
		v    float64
	}{{"rate", c.Rate}, {"object-rate", c.ObjectRate}, {"moves", c.Moves}, {"churn", c.Churn}} {
		if !(rate.v >= 0 && rate.v <= 1e6) {
			return fmt.Errorf("--%s must be between 0 and 1000000", rate.flag)
		}
	}
	return nil
}

// Run plays the bots. Interrupted, it ends early and reports what it has.
func (c *astronBotsCommand) Run(ctx context.Context, e *env, global *cli) error {
	schema, err := dc.ParseFiles(c.Files...)
	if err != nil {
		return err
	}
	hash := uint64(schema.Hash())
	if c.Hash != "" {
		if hash, err = strconv.ParseUint(c.Hash, 0, 32); err != nil {
			return usageErrorf("--hash: %q is no number of 32 bits, as in 0xDEADBEEF", c.Hash)
		}
	}
	config, err := c.tlsFlags.config()
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	summary, err := astronbots.Run(ctx, astronbots.Config{
		Schema: schema, Class: c.Class, Field: c.Field,
		Version: c.ClientVersion, Hash: uint32(hash),
		Dial: dialer(c.Addr, tcp.Config{TLS: config}), DialAI: dialer(c.MD, tcp.Config{}),
		StateServer: c.StateServer, FirstID: c.FirstID, Login: astronbots.Login(c.Login), Guests: c.Guests,
		Clients: c.Clients, Walkers: c.Walkers, Rate: c.Rate, Objects: c.Objects, ObjectRate: c.ObjectRate,
		Zones: c.Zones, Moves: c.Moves, Relocate: c.Relocate, Churn: c.Churn, AIChurn: c.AIChurn,
		Idle: c.Idle, For: c.For,
		ServerPID: c.ServerPID, Progress: e.stderr, Log: newLog(e.stderr, global.LogFormat, "warn"),
	})
	if err != nil {
		return err
	}
	return report(e, summary, c.JSON, summary.Faults.Total())
}
