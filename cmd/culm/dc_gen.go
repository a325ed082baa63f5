package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/dcgen"
)

type dcGenCommands struct {
	Go dcGenGoCommand `cmd:"" help:"Write Go packages with types for the classes of DC files: one that all sides share, and one for each of them."`
}

type dcGenGoCommand struct {
	dcFiles
	Out    string   `short:"o" required:"" placeholder:"DIR" help:"Directory of the shared package, which is called as the directory; those of the sides stand below it."`
	For    []string `placeholder:"SIDES" enum:"world,client,cluster" help:"Sides that are generated, of world, client and cluster (AIs and UberDOGs), with commas. By default all."`
	Import string   `placeholder:"PATH" help:"Import path of the shared package. By default that which the go.mod around it says."`
}

func (c *dcGenGoCommand) Run(e *env) error {
	out, err := filepath.Abs(c.Out)
	if err != nil {
		return err
	}
	config := dcgen.Config{Options: dc.Options(c.dcOptions), Package: filepath.Base(out), Import: c.Import}
	for _, side := range c.For {
		config.For = append(config.For, dcgen.Side(side))
	}
	for _, path := range c.Files {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		config.Sources = append(config.Sources, dc.Source{Name: path, Text: text})
	}
	if config.Import == "" {
		if config.Import, err = dcgen.ImportPath(out); err != nil {
			return err
		}
	}
	files, err := dcgen.Generate(config)
	if err != nil {
		return err
	}
	written, removed, err := dcgen.Write(c.Out, files)
	for _, path := range written {
		fmt.Fprintln(e.stdout, "wrote", filepath.ToSlash(path))
	}
	for _, path := range removed {
		fmt.Fprintln(e.stdout, "removed", filepath.ToSlash(path))
	}
	return err
}
