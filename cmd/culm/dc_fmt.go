package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/culm-net/culm/dc"
)

type dcFmtCommand struct {
	Write bool     `short:"w" help:"Write the files that change instead of printing the result, and print their names."`
	Files []string `arg:"" help:"DC files. Each is formatted by itself."`
}

// Run goes on to the next file after an error, so that one broken file does
// not keep the others from being formatted.
func (c *dcFmtCommand) Run(e *env) error {
	var errs []error
	for _, path := range c.Files {
		if err := c.format(e, path); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c *dcFmtCommand) format(e *env, path string) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	formatted, err := dc.Format(path, src)
	if err != nil {
		return err
	}
	if !c.Write {
		_, err := e.stdout.Write(formatted)
		return err
	}
	if bytes.Equal(src, formatted) {
		return nil
	}
	if err := replaceFile(path, formatted); err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.stdout, path)
	return err
}

// replaceFile writes a file anew beside the old one and then puts it in its
// place, so that a full disk does not cost anybody their work.
func replaceFile(path string, text []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
