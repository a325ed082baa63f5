package main

import "fmt"

type dcPackCommand struct {
	dcField
	Args []string `arg:"" name:"files> ... <text" help:"DC files, then the value in Panda3D's text form, for example '(1.5, \"hello\")'. A single - reads it from standard input. Put -- before one that begins with a dash and is no number."`
}

func (c *dcPackCommand) Run(e *env) error {
	files, text, err := filesAndValue(c.Args, e.stdin)
	if err != nil {
		return err
	}
	field, err := c.find(files)
	if err != nil {
		return err
	}
	packed, err := field.ParseText(nil, text)
	if err != nil {
		return fmt.Errorf("the value is refused: %v", err) // %v: it is in no file
	}
	fmt.Fprintf(e.stdout, "%x\n", packed)
	return nil
}
