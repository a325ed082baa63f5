package main

import "fmt"

type dcCheckCommand struct{ dcFiles }

func (c *dcCheckCommand) Run(e *env) error {
	schema, err := c.schema()
	if err != nil {
		return err
	}
	dclasses, structs := 0, 0
	for _, class := range schema.Classes() {
		if class.IsStruct() {
			structs++
		} else {
			dclasses++
		}
	}
	fmt.Fprintf(e.stdout, "ok: hash 0x%08x, dclasses %d, structs %d, fields %d\n",
		schema.Hash(), dclasses, structs, len(schema.Fields()))
	return nil
}
