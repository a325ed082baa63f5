package main

import (
	"fmt"
	"strings"

	"github.com/culm-net/culm/dc"
)

type dcDiffCommand struct {
	dcOptions
	Old string `arg:"" help:"DC file of the old schema, or several with commas between them."`
	New string `arg:"" help:"DC file of the new schema, or several with commas between them."`
}

func (c *dcDiffCommand) Run(e *env) error {
	before, err := c.parse(strings.Split(c.Old, ","))
	if err != nil {
		return err
	}
	after, err := c.parse(strings.Split(c.New, ","))
	if err != nil {
		return err
	}
	fmt.Fprint(e.stdout, dc.Diff(before, after))
	return nil
}
