package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/culm-net/culm/dc"
)

type dcCommands struct {
	Check  dcCheckCommand  `cmd:"" help:"Report all faults in DC files."`
	Hash   dcHashCommand   `cmd:"" help:"Print the hash that Panda3D's DCFile.getHash() has for DC files."`
	Show   dcShowCommand   `cmd:"" help:"List the classes of DC files with their fields, inherited ones included."`
	Pack   dcPackCommand   `cmd:"" help:"Pack the value of a field and print the bytes in hex."`
	Unpack dcUnpackCommand `cmd:"" help:"Unpack the bytes of a field and print the value."`
	Fmt    dcFmtCommand    `cmd:"" help:"Bring DC files into the canonical layout; comments stay and the hash does not change."`
	Diff   dcDiffCommand   `cmd:"" help:"Say what changed between two schemas and whether old clients still fit."`
	Gen    dcGenCommands   `cmd:"" help:"Write code for the classes of DC files."`
}

// dcOptions are the flags that set dc.Options.
type dcOptions struct {
	NoMultipleInheritance bool `help:"As with Panda3D's dc-multiple-inheritance 0."`
	NoVirtualInheritance  bool `help:"As with Panda3D's dc-virtual-inheritance 0."`
	NoSortByFile          bool `help:"As with Panda3D's dc-sort-inheritance-by-file 0."`
}

func (o dcOptions) parse(files []string) (*dc.Schema, error) {
	return dc.Options(o).ParseFiles(files...)
}

// dcFiles are the files of one schema.
type dcFiles struct {
	dcOptions
	Files []string `arg:"" help:"DC files, in the order in which the game reads them."`
}

func (f dcFiles) schema() (*dc.Schema, error) { return f.parse(f.Files) }

// dcField is a field of a schema.
type dcField struct {
	dcOptions
	Field string `required:"" placeholder:"CLASS.FIELD" help:"The field; it may be inherited."`
}

// Validate is called by the parser.
func (f *dcField) Validate() error {
	class, field, ok := strings.Cut(f.Field, ".")
	if f.Field == "" {
		return nil // is reported as missing
	}
	if !ok || class == "" || field == "" {
		return fmt.Errorf("--field: want CLASS.FIELD, not %q", f.Field)
	}
	return nil
}

// find returns the field that --field names.
func (f *dcField) find(files []string) (*dc.Field, error) {
	schema, err := f.parse(files)
	if err != nil {
		return nil, err
	}
	className, fieldName, _ := strings.Cut(f.Field, ".")
	class := schema.Class(className)
	if class == nil {
		return nil, fmt.Errorf("there is no class %s: \"culm dc show\" lists what there is", className)
	}
	field := class.FieldByName(fieldName)
	if field == nil {
		return nil, fmt.Errorf("%v has no field %s: \"culm dc show\" lists what there is", class, fieldName)
	}
	return field, nil
}

// filesAndValue takes the value at the end of args off the files before it. A
// value "-" is read from standard input.
func filesAndValue(args []string, stdin io.Reader) (files []string, value string, err error) {
	n := len(args) - 1
	if n < 1 {
		return nil, "", usageErrorf("expected DC files and a value, got only %q", args)
	}
	files, value = args[:n], args[n]
	if value == "-" {
		b, err := io.ReadAll(stdin)
		if err != nil {
			return nil, "", fmt.Errorf("cannot read standard input: %w", err)
		}
		value = strings.TrimSpace(string(b))
	}
	return files, value, nil
}
