package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/alecthomas/kong"
	"github.com/charmbracelet/x/term"

	"github.com/culm-net/culm/internal/landemo"
	"github.com/culm-net/culm/internal/pipesdemo"
	"github.com/culm-net/culm/internal/walkers"
)

// demoCommand is "culm demo".
type demoCommand struct {
	Pipes pipesDemoCommand `cmd:"" name:"pipes" default:"withargs" help:"A world with clients that walk about and talk, over UDP."`
	LAN   lanDemoCommand   `cmd:"" name:"lan" help:"A LAN server with clients that walk about and talk."`
}

// Help says which demo is shown.
func (c *demoCommand) Help() string {
	return "\"culm demo\" alone is \"culm demo pipes\", whose flags it takes: \"culm demo --loss 5 --lag 80ms\" shows it over a " +
		"bad network, and \"culm demo pipes --help\" tells all."
}

// showFlags say how a demo is shown.
type showFlags struct {
	For   time.Duration `default:"0s" placeholder:"DURATION" help:"End after this time; 0 means when you quit (${default})."`
	Plain bool          `help:"Write lines instead of drawing a picture, as without a terminal."`
}

func (f *showFlags) validate() error {
	if f.For < 0 {
		return errors.New("--for must not be negative")
	}
	return nil
}

// show shows a demo until somebody quits, ctx is done, or its time is over.
func (f *showFlags) show(ctx context.Context, e *env, p walkers.Party) error {
	in, out := terminal(e.stdin, e.stdout)
	if f.Plain || out == nil {
		return walkers.Print(ctx, p, f.For, e.stdout)
	}
	return walkers.Show(ctx, p, f.For, in, out)
}

// pipesDemoCommand is "culm demo pipes".
type pipesDemoCommand struct {
	showFlags
	Loss float64       `default:"0" placeholder:"PERCENT" help:"Lose so many of 100 packets, in each direction (${default})."`
	Lag  time.Duration `default:"0s" placeholder:"DURATION" help:"Let packets travel so long, there and an answer back (${default})."`

	settingsFlags
}

// Help says what there is to see.
func (c *pipesDemoCommand) Help() string {
	return "Starts a world on a UDP port of this machine (a free one, unless pipes-port says which), connects a dozen clients to it over " +
		"QUIC, and shows what another client sees of them: the map is interpolated from its snapshots. In the list is how many others each " +
		"client sees, what it receives, its round-trip time, and its loss. q or Ctrl-C quits.\n\n" + settingsHelp
}

// The worst networks that can be shown.
const (
	maxDemoLoss = 50
	maxDemoLag  = 2 * time.Second
)

// demoDefaults are the settings that are not what they usually are.
var demoDefaults = []string{"pipes-port", "0"}

// BeforeReset is called by the parser, before the help is written.
func (c *pipesDemoCommand) BeforeReset(parsed *kong.Context) error {
	c.showDefaults(parsed, demoDefaults...)
	return nil
}

// Validate is called by the parser.
func (c *pipesDemoCommand) Validate() error {
	switch {
	case !(c.Loss >= 0 && c.Loss <= maxDemoLoss):
		return fmt.Errorf("--loss must be from 0 to %d", maxDemoLoss)
	case c.Lag < 0 || c.Lag > maxDemoLag:
		return fmt.Errorf("--lag must be from 0s to %v", maxDemoLag)
	}
	return c.validate()
}

// Run shows the demo.
func (c *pipesDemoCommand) Run(ctx context.Context, e *env, parsed *kong.Context) error {
	s, err := c.read(parsed, demoDefaults...)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	party, err := pipesdemo.NewParty(pipesdemo.Config{Settings: s, Loss: c.Loss / 100, Lag: c.Lag, Seed: rand.Uint64()})
	if err != nil {
		return err
	}
	defer party.Close()
	return c.show(ctx, e, party)
}

// lanDemoCommand is "culm demo lan".
type lanDemoCommand struct {
	showFlags
}

// Help says what there is to see.
func (c *lanDemoCommand) Help() string {
	return "Starts a LAN server on a free port of this machine, connects a dozen clients to it over TCP, and shows what another " +
		"client sees of them. Each client hears of its own zone only. q or Ctrl-C quits."
}

// Validate is called by the parser.
func (c *lanDemoCommand) Validate() error { return c.validate() }

// Run shows the demo.
func (c *lanDemoCommand) Run(ctx context.Context, e *env) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	party, err := landemo.NewParty(ctx, rand.Uint64())
	if err != nil {
		return err
	}
	defer party.Close()
	return c.show(ctx, e, party)
}

// terminal returns the files of a terminal that can be drawn on, or nil.
func terminal(stdin io.Reader, stdout io.Writer) (in, out *os.File) {
	if w, ok := stdout.(*errorWriter); ok {
		stdout = w.w
	}
	in, inOK := stdin.(*os.File)
	out, outOK := stdout.(*os.File)
	if !inOK || !outOK || !term.IsTerminal(in.Fd()) || !term.IsTerminal(out.Fd()) || os.Getenv("TERM") == "dumb" {
		return nil, nil
	}
	return in, out
}
