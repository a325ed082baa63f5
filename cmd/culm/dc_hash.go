package main

import "fmt"

type dcHashCommand struct{ dcFiles }

func (c *dcHashCommand) Run(e *env) error {
	schema, err := c.schema()
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "0x%08x %d\n", schema.Hash(), schema.Hash())
	return nil
}
