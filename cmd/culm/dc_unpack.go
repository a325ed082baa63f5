package main

import (
	"encoding/hex"
	"fmt"
	"strings"
)

type dcUnpackCommand struct {
	dcField
	Args []string `arg:"" name:"files> ... <hex" help:"DC files, then the packed bytes as hexadecimal digits; blanks between them are allowed, and a single - reads them from standard input."`
}

func (c *dcUnpackCommand) Run(e *env) error {
	files, digits, err := filesAndValue(c.Args, e.stdin)
	if err != nil {
		return err
	}
	packed, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		return usageErrorf("the bytes must be hexadecimal digits, two for each: %w", err)
	}
	field, err := c.find(files)
	if err != nil {
		return err
	}
	text, err := field.AppendText(nil, packed)
	if err != nil {
		return fmt.Errorf("the bytes are refused: %w", err)
	}
	fmt.Fprintf(e.stdout, "%s\n", text)
	return nil
}
