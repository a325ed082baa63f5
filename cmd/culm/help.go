package main

import "github.com/alecthomas/kong"

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command to explain, for example: dc check."`
}

// Run prints the same as "culm COMMAND --help".
func (c *helpCommand) Run(parser *kong.Kong) error {
	traced, err := kong.Trace(parser, c.Command)
	if err == nil {
		err = traced.Error
	}
	if err != nil {
		return usageErrorf("%w", err)
	}
	if node := traced.Selected(); node != nil {
		// Where the help differs from what is declared, as in showDefaults.
		if hook, ok := node.Target.Addr().Interface().(interface{ BeforeReset(*kong.Context) error }); ok {
			if err := hook.BeforeReset(traced); err != nil {
				return err
			}
		}
	}
	return traced.PrintUsage(false)
}
