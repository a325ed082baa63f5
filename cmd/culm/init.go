package main

import (
	"errors"
	"fmt"

	"github.com/culm-net/culm/internal/newgame"
)

// initCommand is "culm init": the folder of a new game.
type initCommand struct {
	Dir string `arg:"" help:"The folder; it must not be there yet, or be empty."`
}

// Help explains what is in it.
func (c *initCommand) Help() string {
	return "The folder has a DC file, a configuration for \"culm serve\", and an AI and a bot in Go. Its README.md says how to run them."
}

// Run writes the folder.
func (c *initCommand) Run(e *env) error {
	names, err := newgame.Write(c.Dir)
	if errors.Is(err, newgame.ErrNotEmpty) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		fmt.Fprintln(e.stdout, name)
	}
	fmt.Fprintf(e.stderr, "Read README.md in %s to see how it is run.\n", c.Dir)
	return nil
}
