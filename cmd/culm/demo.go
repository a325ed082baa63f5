package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/charmbracelet/x/term"

	"github.com/culm-net/culm/internal/landemo"
	"github.com/culm-net/culm/internal/walkers"
)

// demoCommand is "culm demo".
type demoCommand struct {
	LAN lanDemoCommand `cmd:"" name:"lan" default:"withargs" help:"A LAN server with clients that walk about and talk."`
}

// Help says which demo is shown.
func (c *demoCommand) Help() string {
	return "\"culm demo\" alone is \"culm demo lan\", whose flags it takes: \"culm demo --for 10s\" ends after ten seconds."
}

// lanDemoCommand is "culm demo lan".
type lanDemoCommand struct {
	For   time.Duration `default:"0s" placeholder:"DURATION" help:"End after this time; 0 means when you quit (${default})."`
	Plain bool          `help:"Write lines instead of drawing a picture, as without a terminal."`
}

// Help says what there is to see.
func (c *lanDemoCommand) Help() string {
	return "Starts a LAN server on a free port of this machine, connects a dozen clients to it over TCP, and shows what another " +
		"client sees of them. Each client hears of its own zone only. q or Ctrl-C quits."
}

// Validate is called by the parser.
func (c *lanDemoCommand) Validate() error {
	if c.For < 0 {
		return errors.New("--for must not be negative")
	}
	return nil
}

// Run shows the demo until somebody quits, it is interrupted, or its time is
// over.
func (c *lanDemoCommand) Run(ctx context.Context, e *env) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	party, err := landemo.NewParty(ctx, rand.Uint64())
	if err != nil {
		return err
	}
	defer party.Close()
	in, out := terminal(e.stdin, e.stdout)
	if c.Plain || out == nil {
		return walkers.Print(ctx, party, c.For, e.stdout)
	}
	return walkers.Show(ctx, party, c.For, in, out)
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
